# A nested model is one flat group in the legacy format. Each dialect of its names in small, with the bytes as proof.
"""Nested models in legacy HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h5_files import dense, functional, write_h5

from modeldiff.graph import LayerPath
from modeldiff.loader import load


def inner(*layers: dict[str, Any], name: str = "inner", **config: Any) -> dict[str, Any]:
    made = functional(*layers, name=name)
    return {
        **made,
        "config": {**made["config"], **config},
        "name": name,
        "inbound_nodes": [[["x", 0, 0, {}]]],
    }


def norm(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": "BatchNormalization", "name": name, "config": {"name": name, **config}, "inbound_nodes": []}


def assigned(path: Path, model: dict[str, Any], names: list[str]) -> dict[LayerPath, dict[str, int]]:
    """Layer -> role -> position in the file."""
    arrays = {name: np.full(3, number, "f4") for number, name in enumerate(names)}
    found = load(write_h5(path / "m.h5", functional(model), {"x": {}, "inner": arrays}))
    return {
        where: {w.name: int(w.source.sample(1)[0]) for w in layer.weights if w.source}
        for where, layer in found.walk()
        if layer.weights
    }


KERNELS = {"kernel": 0, "bias": 1}
TWO = [dense("dense"), dense("dense_1")]


@pytest.mark.parametrize(
    "names",
    [
        ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"],
        ["model/dense/kernel:0", "model/dense/bias:0", "model/dense_1/kernel:0", "model/dense_1/bias:0"],
        ["dense_1/kernel:0", "dense_1/bias:0", "dense_1_1/kernel:0", "dense_1_1/bias:0"],
        ["dense_2/kernel:0", "dense_2/bias:0", "dense_3/kernel:0", "dense_3/bias:0"],
        ["dense_W:0", "dense_b:0", "dense_1_W:0", "dense_1_b:0"],
        ["inner/dense/kernel", "inner/dense/bias", "inner/dense_1/kernel", "inner/dense_1/bias"],
    ],
    ids=["plain", "in a scope", "shifted", "shifted twice", "Keras 1", "Keras 3"],
)
def test_names_of_every_dialect(tmp_path: Path, names: list[str]) -> None:
    assert assigned(tmp_path, inner(*TWO), names) == {
        ("inner", "dense"): {"kernel": 0, "bias": 1},
        ("inner", "dense_1"): {"kernel": 2, "bias": 3},
    }


STATISTICS = {"gamma": 0, "beta": 1, "moving_mean": 2, "moving_variance": 3}


UNFROZEN = (
    "n/gamma n/beta d/kernel d/bias p/gamma p/beta n/moving_mean n/moving_variance p/moving_mean p/moving_variance"
)


@pytest.mark.parametrize(
    ("frozen", "order"),
    [
        ("nothing", UNFROZEN),
        ("the model", UNFROZEN),  # and not told: Keras up to 2.3.1
        (
            "n",
            "d/kernel d/bias p/gamma p/beta n/gamma n/beta n/moving_mean n/moving_variance p/moving_mean p/moving_variance",
        ),
        (
            "ndp",
            "n/gamma n/beta n/moving_mean n/moving_variance d/kernel d/bias p/gamma p/beta p/moving_mean p/moving_variance",
        ),
    ],
)
@pytest.mark.parametrize("shift", ["", "_1"], ids=["own names", "shifted names"])
def test_the_order_of_frozen_layers(tmp_path: Path, frozen: str, order: str, shift: str) -> None:
    names = order.split()
    stored = [name.replace("/", f"{shift}/") + ":0" for name in names]
    told = {} if len(frozen) > 3 else {"trainable": False}
    layers = [norm("n", **(told if "n" in frozen else {})), dense("d"), norm("p", **(told if "p" in frozen else {}))]
    if told:
        layers[1]["config"]["trainable"] = "d" not in frozen
    assert assigned(tmp_path, inner(*layers), stored) == {
        ("inner", "n"): {role: names.index(f"n/{role}") for role in STATISTICS},
        ("inner", "d"): {role: names.index(f"d/{role}") for role in KERNELS},
        ("inner", "p"): {role: names.index(f"p/{role}") for role in STATISTICS},
    }


def test_weights_without_names_go_by_position(tmp_path: Path) -> None:
    names = ["gamma", "beta", "kernel", "bias", "moving_mean", "moving_variance"]
    assert assigned(tmp_path, inner(norm("n"), dense("d")), names) == {
        ("inner", "n"): {"gamma": 0, "beta": 1, "moving_mean": 4, "moving_variance": 5},
        ("inner", "d"): {"kernel": 2, "bias": 3},
    }


def test_layers_of_one_name_at_two_depths(tmp_path: Path) -> None:
    deep = inner(dense("d"), name="deep")
    names = ["d/kernel:0", "d/bias:0", "deep/d/kernel:0", "deep/d/bias:0"]
    assert assigned(tmp_path, inner(dense("d"), deep), names) == {
        ("inner", "d"): {"kernel": 0, "bias": 1},
        ("inner", "deep", "d"): {"kernel": 2, "bias": 3},
    }


def test_what_a_nested_model_owns_itself_stays_with_it(tmp_path: Path) -> None:
    names = ["inner/scale:0", "d/kernel:0", "d/bias:0"]
    assert assigned(tmp_path, inner(dense("d")), names) == {
        ("inner",): {"scale": 0},
        ("inner", "d"): {"kernel": 1, "bias": 2},
    }


def test_custom_layers_keep_their_own_names(tmp_path: Path) -> None:
    mine = {"class_name": "pkg>Mine", "name": "mine", "config": {"name": "mine"}, "inbound_nodes": []}
    names = ["mine/w:0", "mine/inner/kernel:0", "d/kernel:0", "d/bias:0"]
    assert assigned(tmp_path, inner(mine, dense("d")), names) == {
        ("inner", "mine"): {"w": 0, "kernel": 1},
        ("inner", "d"): {"kernel": 2, "bias": 3},
    }


def test_one_name_at_two_depths_is_told_by_the_counter(tmp_path: Path) -> None:
    """Keras 2.2: two layers `d`, the outer one frozen, which the file does not say: its weights stand last."""
    names = ["e/kernel:0", "e/bias:0", "d/kernel:0", "d/bias:0", "d_1/kernel:0", "d_1/bias:0"]
    deep = {**inner(dense("d"), name="deep"), "inbound_nodes": [[["x", 0, 0, {}]]]}
    assert assigned(tmp_path, inner(deep, dense("e"), dense("d")), names) == {
        ("inner", "deep", "d"): {"kernel": 2, "bias": 3},
        ("inner", "e"): {"kernel": 0, "bias": 1},
        ("inner", "d"): {"kernel": 4, "bias": 5},
    }


def test_names_of_roles_alone_tell_the_layer_where_one_layer_has_the_role(tmp_path: Path) -> None:
    """Keras 3.1 wrote a quantised Dense between the weights of a norm, and no layer in the names."""
    quantised = dense("d")
    quantised["config"]["dtype"] = {"class_name": "QuantizedDTypePolicy", "config": {"name": "int8_from_float32"}}
    names = ["gamma", "beta", "bias", "kernel", "kernel_scale", "moving_mean", "moving_variance"]
    assert assigned(tmp_path, inner(quantised, norm("n")), names) == {
        ("inner", "d"): {"bias": 2, "kernel": 3, "kernel_scale": 4},
        ("inner", "n"): {"gamma": 0, "beta": 1, "moving_mean": 5, "moving_variance": 6},
    }


def test_names_of_roles_that_two_layers_have_stay_with_the_model(tmp_path: Path) -> None:
    names = ["gamma", "beta", "bias"]
    assert assigned(tmp_path, inner(dense("d"), norm("n"), norm("m")), names).keys() == {("inner",)}
