# Models that no one built, compared and shown: what is right in the file may still be made to break what reads it.
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modeldiff import Model, compare, load, render

INPUT = {"class_name": "InputLayer", "name": "i", "config": {"name": "i"}, "inbound_nodes": []}


def dense(name: str, source: str, **config: Any) -> dict[str, Any]:
    return {
        "class_name": "Dense",
        "name": name,
        "config": {"name": name, "units": 4, **config},
        "inbound_nodes": [[[source, 0, 0, {}]]],
    }


def functional(*layers: dict[str, Any], name: str = "m", **around: Any) -> dict[str, Any]:
    config = {"name": name, "layers": [INPUT, *layers], "input_layers": [["i", 0, 0]]}
    last = layers[-1]["name"] if layers else "i"
    return {"class_name": "Functional", "name": name, "config": {**config, "output_layers": [[last, 0, 0]]}, **around}


def model(folder: Path, config: object) -> Model:
    path = folder / "model.json"
    path.write_text(json.dumps(config))
    return load(path)


def sequential(*names: str) -> dict[str, Any]:
    layers = [{"class_name": "Dense", "config": {"name": name, "units": 4}} for name in names]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}


CASES = {
    "one after another": functional(
        *(
            functional(name=f"s{number}", inbound_nodes=[[[f"s{number - 1}" if number else "i", 0, 0, {}]]])
            for number in range(1500)
        )
    ),
    "in circles": functional(*(dense(f"d{number}", f"d{(number + 1) % 300}") for number in range(300))),
    "from itself": functional(*(dense(f"d{number}", f"d{number}") for number in range(300))),
    "all with all": functional(
        *(
            {
                "class_name": "Add",
                "name": f"d{number}",
                "config": {"name": f"d{number}"},
                "inbound_nodes": [[["i", 0, 0, {}], *([f"d{before}", 0, 0, {}] for before in range(number))]],
            }
            for number in range(150)
        )
    ),
    "thousands of calls": functional(
        {**dense("d", "i"), "inbound_nodes": [[["d" if n else "i", n - 1 if n else 0, 0, {}]] for n in range(3000)]}
    ),
    "numbers of thousands of digits": {
        **functional(dense("d", "i", units=int("9" * 4000))),
        "keras_version": "9" * 5000,
    },
    "one name": functional(*(dense("d", "d") for _ in range(300))),
}


@pytest.mark.parametrize("name", CASES)
def test_what_nobody_built_is_compared_and_shown(tmp_path: Path, name: str) -> None:
    new = model(tmp_path, CASES[name])
    old = model(tmp_path, functional(dense("a", "i"), dense("b", "a")))
    assert not compare(new, new).changes
    for result in (compare(old, new), compare(new, old)):
        for kind in ("txt", "json", "html"):
            assert render(result, kind)


@pytest.mark.parametrize("other", [sequential(), sequential("a"), functional(), functional(dense("a", "i"))])
def test_layers_without_a_partner_are_explained_at_the_ends_of_the_other_model(tmp_path: Path, other: object) -> None:
    small = model(tmp_path, other)
    large = model(tmp_path, functional(*(dense(f"x{number}", "i", activation="tanh") for number in range(400))))
    for result in (compare(small, large), compare(large, small)):
        assert render(result, "txt")
