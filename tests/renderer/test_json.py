"""The JSON contract, version 1."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from contract import parse
from models import model, weight

from modeldiff import Layer, compare, load, render
from modeldiff.graph import Call, Graph, Model, TensorRef

SAMPLES = Path(__file__).parents[2] / "samples"
OLD = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    b: Dense(units=4) <- a
    outputs: b
"""


def test_one_model_lists_its_layers_in_topological_order_with_calls_by_path() -> None:
    text = """
        x: InputLayer(batch_shape=[None, 8])
        enc: Functional <- x <- x
            ix: InputLayer(batch_shape=[None, 8])
            d/e: Dense(units=2) <- ix
            outputs: d/e
        outputs: enc@1
    """
    data = parse(render(model(text), "json"))
    assert [layer["path"] for layer in data["layers"]] == ["x", "enc", "enc/ix", "enc/d~1e"]
    assert data["layers"][3]["calls"] == [{"inputs": [{"layer": "enc/ix", "call": 0, "output": 0}]}]
    assert len(data["layers"][1]["calls"]) == 2
    assert data["outputs"] == [{"layer": "enc", "call": 1, "output": 0}]
    assert data["layers"][3]["parameters"] == 8 * 2 + 2
    assert "digest" not in data["layers"][3]["weights"][0]


def test_digests_are_of_the_bytes() -> None:
    data = parse(render(model(OLD), "json", digests=True))
    (kernel, _) = data["layers"][1]["weights"]
    assert kernel["digest"] == model(OLD).graph.layers[1].weights[0].digest()


def test_every_layer_of_both_sides_stands_once() -> None:
    new = OLD.replace("b: Dense(units=4) <- a", "n: Dense(units=4) <- a\n    b: Dense(units=4) <- n")
    data = parse(render(compare(model(OLD), model(new)), "json"))
    assert [layer["new"] for layer in data["layers"]] == ["x", "a", "n", "b"]
    assert data["layers"][2]["match"] is None
    assert data["counts"] == {"layer-added": 1}
    assert [change["kind"] for change in data["changes"]] == ["layer-added"]
    assert [change["kind"] for change in data["incidental"]] == ["inputs-rewired"]


def test_the_same_model_is_identical_and_has_no_impact() -> None:
    data = parse(render(compare(model(OLD), model(OLD)), "json"))
    assert data["verdict"]["identical"] is True
    assert data["verdict"]["impact"] is None
    assert data["changes"] == data["incidental"] == []


def test_numbers_json_lacks_are_strings() -> None:
    def one(values: list[float]) -> Model:
        layer = Layer("a", "Custom", {"limit": math.inf}, (Call(),), (weight("w", np.array(values, np.float32)),))
        return Model("m", "m.h5", "keras-h5", Graph((layer,), (), (TensorRef("a"),)))

    data = parse(render(compare(one([0.0, 0.0]), one([1.0, math.nan])), "json"))
    (change,) = data["changes"]
    assert change["stats"]["relative_l2"] == "inf"
    assert change["stats"]["new"]["nan"] == 1
    assert parse(render(one([1.0]), "json"))["layers"][0]["config"] == {"limit": "inf"}


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in SAMPLES.glob("*/new.h5")))
def test_every_sample_follows_the_contract(folder: str) -> None:
    old, new = (load(SAMPLES / folder / name) for name in ("old.h5", "new.h5"))
    result = compare(old, new)
    data = parse(render(result, "json"))
    assert sum(data["counts"].values()) == len(data["changes"])
    listed = [layer["new"] for layer in data["layers"] if layer["new"] is not None]
    assert len(listed) == len(set(listed)) == data["new"]["layers"]
    for one in (old, new):
        parse(render(one, "json", digests=True))


def test_the_same_inputs_give_the_same_bytes() -> None:
    folder = SAMPLES / "pull-request"
    texts = {render(compare(load(folder / "old.h5"), load(folder / "new.h5")), "json") for _ in range(2)}
    assert len(texts) == 1
    assert str(Path.cwd()) not in json.dumps(list(texts))
