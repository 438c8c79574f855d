# Models that no one built, compared and shown: what is right in the file may still be made to break what reads it.
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from modeldiff import Kind, Model, compare, load, render
from modeldiff.changes import ConfigChanged
from modeldiff.renderer import FORMATS

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
            for number in range(120)
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


@pytest.mark.parametrize("key", ["keras_version", "backend"])
@pytest.mark.parametrize(
    "text", ["9" * 1_000_000, "2." + "é" * 500_000, "<b>" * 300_000], ids=["digits", "é", "markup"]
)
def test_a_version_of_a_million_characters_is_told_in_short(tmp_path: Path, key: str, text: str) -> None:
    models = []
    for name, told in (("old", "2.15.0"), ("new", text)):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file.attrs["model_config"] = json.dumps(functional(dense("d", "i")))
            file.attrs[key] = told
            file.create_group("model_weights").attrs["layer_names"] = [b"d"]
        models.append(load(path))
    result = compare(*models)
    assert [change.kind for change in result.changes] == [Kind.METADATA_CHANGED]
    for kind in FORMATS.keys() - {"notebook"}:
        assert len(render(result, kind)) < (4_000_000 if kind == "json" else 1_000_000)  # JSON tells all
        assert len(render(models[1], kind)) < (4_000_000 if kind == "json" else 1_000_000)


def unlike(layers: int, keys: int, value: int) -> dict[str, Any]:
    chained = (
        dense(f"d{n}", f"d{n - 1}" if n else "i", **{f"k{k}": value for k in range(keys)}) for n in range(layers)
    )
    return functional(*chained)


def test_more_settings_than_anybody_reads_are_told_by_the_gravest(tmp_path: Path) -> None:
    old, new = (model(tmp_path, unlike(60, 1000, value)) for value in (1, 2))
    result = compare(old, new)
    told = [change for change in result.changes if isinstance(change, ConfigChanged)]
    assert len(told) == 25 * 1000 + 35
    assert {change.site.new for change in told} == {match.new for match in result.matching.matches} - {("i",)}
    (note,) = (note.text for note in result.notes if "settings" in note.text)
    assert "of 35 layers only the gravest" in note
    assert not any("settings" in note.text for note in compare(old, old).notes)


def test_the_gravest_setting_is_what_a_caller_must_know(tmp_path: Path) -> None:
    old, new = (
        model(
            tmp_path, functional(dense("d", "i", table={str(n): value for n in range(9000)}, seed=value, units=value))
        )
        for value in (1, 2)
    )
    (change,) = compare(old, new).changes
    assert isinstance(change, ConfigChanged)
    assert (change.key, change.before, change.after) == ("units", 1, 2)
