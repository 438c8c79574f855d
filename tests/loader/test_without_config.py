# A subclassed model has no config that tells its layers: the same live model must still give the same roles from the
# legacy format, which has names, and from the v3 store, which has numbers and the names of objects.
"""Roles where no config tells the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5_files import write_h5, write_store

from modeldiff.loader import load


def values(number: int, *shape: int) -> Any:
    return np.full(shape, number, "f4")


def test_a_custom_block_has_the_same_roles_in_both_formats(tmp_path: Path) -> None:
    arrays = {
        "net/block/w": values(0, 4, 4),
        "net/block/inner/kernel": values(1, 4, 4),
        "net/block/inner/bias": values(2, 4),
        "net/block/dense_14/kernel": values(3, 4, 3),
        "net/block/dense_14/bias": values(4, 3),
        "net/block/dense_15/kernel": values(5, 3, 4),
        "net/block/dense_15/bias": values(6, 4),
    }
    legacy = load(write_h5(tmp_path / "legacy.h5", None, {"block": arrays})).graph.layers[0]
    groups = {
        "blocks/block": [arrays["net/block/w"]],
        "blocks/block/d": [values(1, 4, 4), values(2, 4)],
        "blocks/block/seq/dense": [values(3, 4, 3), values(4, 3)],
        "blocks/block/seq/dense_1": [values(5, 3, 4), values(6, 4)],
    }
    names = dict(zip(groups, ("block", "inner", "dense_14", "dense_15"), strict=True))
    with h5py.File(tmp_path / "store.weights.h5", "w") as file:
        write_store(file, groups, names)
    store = load(tmp_path / "store.weights.h5").graph.layers[0]
    assert legacy.name == store.name == "block"
    assert [weight.name for weight in legacy.weights] == [
        *("w", "inner/kernel", "inner/bias", "dense_14/kernel", "dense_14/bias", "dense_15/kernel", "dense_15/bias")
    ]
    # What nothing tells keeps its number; the rest is the same: a matrix and a vector in a layer are kernel and bias.
    assert [weight.name for weight in store.weights] == [
        *("0", "inner/kernel", "inner/bias", "dense_14/kernel", "dense_14/bias", "dense_15/kernel", "dense_15/bias")
    ]


def test_a_name_of_keras_tells_the_class_only_where_the_weights_fit(tmp_path: Path) -> None:
    groups = {
        "one": [values(0, 4, 4), values(0, 4)],
        "two": [values(0, 4), values(0, 4)],
        "three": [values(0, 4, 4), values(0, 4), values(0, 4)],
        "four": [values(0, 4, 4)],
    }
    names = {"one": "dense_1", "two": "dense_2", "three": "dense_3", "four": "mine"}
    with h5py.File(tmp_path / "store.weights.h5", "w") as file:
        write_store(file, groups, names)
    model = load(tmp_path / "store.weights.h5")
    assert {layer.name: [weight.name for weight in layer.weights] for layer in model.graph.layers} == {
        "dense_1": ["kernel", "bias"],
        "dense_2": ["0", "1"],
        "dense_3": ["0", "1", "2"],
        "mine": ["0"],
    }
    assert {layer.class_name for layer in model.graph.layers} == {""}


def test_a_bidirectional_is_known_by_the_names_of_its_sides(tmp_path: Path) -> None:
    roles = ("kernel", "recurrent_kernel", "bias")
    arrays = {
        f"bi/{side}_lstm/lstm_cell/{role}:0": values(0, 2, 8) for side in ("forward", "backward") for role in roles
    }
    legacy = load(write_h5(tmp_path / "legacy.h5", None, {"bi": arrays})).graph.layers[0]
    groups = {f"bi/{side}_layer/cell": [values(0, 2, 8)] * 3 for side in ("backward", "forward")}
    with h5py.File(tmp_path / "store.weights.h5", "w") as file:
        write_store(file, {"bi": [], **groups})
    store = load(tmp_path / "store.weights.h5").graph.layers[0]
    assert [weight.name for weight in legacy.weights] == [
        f"{side}/{role}" for side in ("forward", "backward") for role in roles
    ]
    assert [weight.name for weight in legacy.weights] == [weight.name for weight in store.weights]


def test_a_separable_convolution_is_told_from_a_depthwise_one(tmp_path: Path) -> None:
    """Both have a depthwise kernel; that of a DepthwiseConv2D is its only one, and called `kernel` today."""
    weights = {
        "one": {"one/depthwise_kernel:0": values(0, 3, 3, 2, 1), "one/bias:0": values(1, 2)},
        "two": {"two/depthwise_kernel:0": values(2, 3, 3, 2, 1), "two/pointwise_kernel:0": values(3, 1, 1, 2, 5)},
    }
    one, two = load(write_h5(tmp_path / "w.h5", None, weights)).graph.layers
    assert [weight.name for weight in one.weights] == ["kernel", "bias"]
    assert [weight.name for weight in two.weights] == ["depthwise_kernel", "pointwise_kernel"]
