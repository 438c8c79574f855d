"""Why two layers are a pair, and what came closest to a layer without a partner."""

from __future__ import annotations

from typing import Any

import pytest
from models import model

from modeldiff import Options, compare, report

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    first: Dense(units=16) <- x
    norm: BatchNormalization <- first
    head: Dense(units=4) <- norm
    outputs: head
"""


def reasons(old: str, new: str, **options: Any) -> dict[str, str]:
    """The sentence about every layer, by its new path, or `-path` where it was removed."""
    built = report.build(compare(model(old), model(new), options=Options(**options)))
    return {view.new or f"-{view.old}": "".join(view.match) for view in built.layers}


def test_a_pair_says_its_evidence_first_and_then_what_else_the_layers_share() -> None:
    found = reasons(OLD, OLD)
    assert found["first"] == (
        "paired: all weights identical, same name, same class and config, same neighbours (score 1.00)"
    )
    assert found["x"].startswith("paired: ")


def test_what_is_not_shared_is_not_said() -> None:
    new = OLD.replace("first: Dense(units=16)", "stem: Dense(units=16, activation='relu')").replace(
        "<- first", "<- stem"
    )
    assert reasons(OLD, new, weights=False)["stem"] == "stem is old first: same neighbours, same class (score 0.80)"


def test_one_identical_weight_is_named() -> None:
    old = OLD.replace("head: Dense(units=4)", "head: Dense(units=4, use_bias=False)")
    assert "kernel identical" in reasons(old, old)["head"]


def test_without_values_nothing_is_said_about_them() -> None:
    assert "identical" not in reasons(OLD, OLD, weights=False)["first"]


def test_a_pair_of_the_user_says_so() -> None:
    new = OLD.replace("head", "top")
    assert reasons(OLD, new, pins=(("head", "top"),))["top"].startswith("top is old head: paired by --map")


def test_an_added_copy_came_closest_to_a_layer_that_has_its_partner() -> None:
    new = OLD.replace(
        "norm: BatchNormalization <- first", "more: Dense(units=16) <- first\n    norm: BatchNormalization <- more"
    )
    assert reasons(OLD, new)["more"].startswith("closest is old first, which is paired with first")


def test_two_lone_layers_say_what_is_between_them() -> None:
    old = OLD.replace("norm: BatchNormalization <- first", "norm: LSTM(units=3) <- first")
    new = OLD.replace("norm: BatchNormalization <- first", "norm: Flatten <- first")
    assert reasons(old, new)["-norm"] == "no layer of the new model near its place could stand for it"
    assert reasons(old, new)["norm"] == "no layer of the old model near its place could stand for it"


@pytest.mark.parametrize("copies", [1, 3])
def test_every_layer_without_a_partner_of_a_known_class_has_a_closest_one(copies: int) -> None:
    lines = "".join(f"    extra{i}: Dense(units={20 + i}) <- first\n" for i in range(copies))
    new = OLD.replace("    norm", lines + "    norm", 1)
    found = compare(model(OLD), model(new)).matching
    assert len(found.added) == copies
    for path in found.added:
        site = next(site for site in found.closest if site.new == path)
        assert found.closest[site][0] in {"first", "head"}


def test_the_closest_layer_is_looked_for_around_the_place_and_by_name() -> None:
    """In a long chain of equal layers the neighbours explain more than the first of them would."""
    chain = "\n".join(f"    d{i}: Dense(units=8, w={i}) <- {'x' if i == 0 else f'd{i - 1}'}" for i in range(300))
    old = f"    x: InputLayer(batch_shape=[None, 8])\n{chain}\n    outputs: d299\n"
    new = old.replace(
        "    d200: Dense(units=8, w=200) <- d199",
        "    n: Dense(units=8, w=999) <- d199\n    d200: Dense(units=8, w=200) <- n",
    )
    found = compare(model(old), model(new)).matching
    assert found.added == (("n",),)
    ((site, path),) = found.closest.items()
    assert site.new == ("n",)
    assert path[0] in {f"d{i}" for i in range(195, 206)}
