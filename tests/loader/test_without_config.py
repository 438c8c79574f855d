# A subclassed model has no config that tells its layers: the same live model must still give the same roles from the
# legacy format, which has names, and from the v3 store, which has numbers and the names of objects.
"""Roles where no config tells the class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5_files import dense, functional, write_h5, write_store

from modeldiff.differ import compare
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


def test_lists_in_lists_add_nothing_to_the_roles(tmp_path: Path) -> None:
    groups = {
        "block": [],
        "block/extra/dense": [values(1, 4, 4), values(1, 4)],
        "block/extra/container/dense": [values(2, 4, 4), values(2, 4)],
    }
    names = dict(zip(groups, ("block", "first", "second"), strict=True))
    with h5py.File(tmp_path / "store.weights.h5", "w") as file:
        write_store(file, groups, names)
    block = load(tmp_path / "store.weights.h5").graph.layers[0]
    roles = {"first/kernel", "first/bias", "second/kernel", "second/bias"}
    assert {weight.name for weight in block.weights} == roles


def told(old: Path, new: Path) -> list[tuple[str, str]]:
    changes = compare(load(old), load(new)).changes
    return [(change.kind.value, "/".join(change.site.new or change.site.old or ())) for change in changes]


def store(path: Path, groups: dict[str, list[Any]], names: dict[str, str]) -> Path:
    with h5py.File(path, "w") as file:
        write_store(file, groups, names)
    return path


def test_a_model_in_a_wrapper_is_the_same_with_a_config_and_without(tmp_path: Path) -> None:
    inner = functional(dense("d", "x"), name="inner")
    wrapper = {"class_name": "TimeDistributed", "name": "td", "inbound_nodes": [[["x", 0, 0, {}]]]}
    wrapper["config"] = {"name": "td", "layer": inner}
    place = "layers/time_distributed"
    arrays = [values(1, 4, 4), values(2, 4)]
    whole = write_h5(tmp_path / "m.h5", functional(wrapper), {"td": {"d/kernel:0": arrays[0], "d/bias:0": arrays[1]}})
    groups = {place: [], f"{place}/layer": [], f"{place}/layer/layers/dense": arrays}
    alone = store(tmp_path / "m.weights.h5", groups, {place: "td", f"{place}/layer/layers/dense": "d"})
    assert told(whole, alone) == told(alone, whole) == []


def test_a_functional_of_a_persons_class_is_no_heap_beside_a_store(tmp_path: Path) -> None:
    inner = functional(dense("d", "x"), name="net") | {"class_name": "MyNet", "name": "net"}
    inner["inbound_nodes"] = [[["x", 0, 0, {}]]]
    arrays = [values(1, 4, 4), values(2, 4)]
    whole = write_h5(tmp_path / "m.h5", functional(inner), {"net": {"d/kernel:0": arrays[0], "d/bias:0": arrays[1]}})
    groups = {"layers/my_net": [], "layers/my_net/layers/dense": arrays}
    alone = store(tmp_path / "m.weights.h5", groups, {"layers/my_net": "net", "layers/my_net/layers/dense": "d"})
    assert told(whole, alone) == told(alone, whole) == []


def test_a_subclassed_sub_model_is_a_heap_where_only_the_store_tells_its_layers(tmp_path: Path) -> None:
    inner = {"class_name": "Mine", "name": "sub", "config": {"units": 4}, "inbound_nodes": [[["x", 0, 0, {}]]]}
    random = np.random.default_rng(0)
    arrays = {
        f"sub/{name}/{role}": random.random(shape, "f4")
        for name in ("a", "b")
        for role, shape in (("kernel", (4, 4)), ("bias", (4,)))
    }
    whole = write_h5(tmp_path / "m.h5", functional(inner), {"sub": arrays})
    kernels = list(arrays.values())
    groups = {"layers/mine": [], "layers/mine/layers/dense": kernels[:2], "layers/mine/b": kernels[2:]}
    names = dict(zip(groups, ("sub", "a", "b"), strict=True))
    alone = store(tmp_path / "m.weights.h5", groups, names)
    assert told(whole, alone) == told(alone, whole) == []
    nameless = store(tmp_path / "nameless.weights.h5", groups, {})
    assert told(whole, nameless) == told(nameless, whole) == []
    groups["layers/mine/b"][0] = kernels[2] + 1
    other = store(tmp_path / "other.weights.h5", groups, names)
    assert told(whole, other) == [("weight-changed", "sub")]


def test_what_a_store_keeps_once_for_two_models_is_not_removed(tmp_path: Path) -> None:
    inner = functional(dense("d", "x"), name="net") | {"name": "net", "inbound_nodes": [[["x", 0, 0, {}]]]}
    arrays = {"d/kernel:0": values(1, 4, 4), "d/bias:0": values(2, 4)}
    whole = write_h5(tmp_path / "m.h5", functional(inner, dense("d", "net")), {"net": arrays, "d": arrays})
    groups = {"layers/functional": [], "layers/functional/layers/dense": list(arrays.values())}
    names = dict(zip(groups, ("net", "d"), strict=True))
    alone = store(tmp_path / "m.weights.h5", groups, names)
    assert told(whole, alone) == told(alone, whole) == []


def test_a_variable_that_two_layers_list_is_not_removed(tmp_path: Path) -> None:
    """Legacy HDF5 writes it with both, a store with the first; the store without names is read by its counters."""
    random = np.random.default_rng(0)
    arrays = [random.random(shape, "f4") for shape in ((4, 4), (4,), (6,))]
    tied = {"class_name": "Tied", "name": "dec", "config": {}, "inbound_nodes": [[["enc", 0, 0, {}]]]}
    names = ("enc/kernel:0", "enc/bias:0", "dec/bias:0")
    both = dict(zip(names, arrays, strict=True))
    layers = {"enc": dict(list(both.items())[:2]), "dec": both}
    whole = write_h5(tmp_path / "m.h5", functional(dense("enc", "x"), tied), layers)
    groups = {"layers/dense": arrays[:2], "layers/tied": arrays[2:]}
    alone = store(tmp_path / "m.weights.h5", groups, {"layers/dense": "enc", "layers/tied": "dec"})
    assert told(whole, alone) == told(alone, whole) == []
    nameless = store(tmp_path / "nameless.weights.h5", groups, {})
    assert told(whole, nameless) == told(nameless, whole) == []
    layers["dec"] = both | {"enc/kernel:0": arrays[0] + 1}
    untied = write_h5(tmp_path / "untied.h5", functional(dense("enc", "x"), tied), layers)
    assert told(untied, alone) == [("weight-removed", "dec")] * 2


def test_a_layer_of_a_store_without_names_may_hold_fewer_weights(tmp_path: Path) -> None:
    """What LoRA adds is merged into the kernel there."""
    names = ("bias", "lora_kernel_a", "lora_kernel_b", "kernel")
    arrays = dict(zip(names, (values(1, 3), values(2, 4, 2), values(3, 2, 3), values(4, 4, 3)), strict=True))
    whole = write_h5(
        tmp_path / "m.h5",
        functional(dense("d", "x", units=3)),
        {"d": {f"d/{name}": one for name, one in arrays.items()}},
    )
    merged = {"layers/dense": [values(10, 4, 3), values(1, 3)]}
    found = told(whole, store(tmp_path / "m.weights.h5", merged, {}))
    assert sorted(found) == [(kind, "layers/dense") for kind in ("weight-changed", "weight-removed", "weight-removed")]


def test_a_layer_whose_file_tells_no_name_was_not_renamed(tmp_path: Path) -> None:
    """A custom class that leaves its name out of its config; legacy HDF5 lists it, a store without names does not."""
    mine = {"class_name": "Mine", "config": {"units": 4}}
    sequential = {"class_name": "Sequential", "config": {"name": "model", "layers": [mine]}}
    arrays = {"called/w:0": values(1, 4, 4)}
    whole = write_h5(tmp_path / "m.h5", sequential, {"called": arrays})
    assert [layer.has_name for _, layer in load(whole).walk()] == [True]
    alone = tmp_path / "m.json"
    alone.write_text(json.dumps(sequential), "utf-8")
    assert [layer.has_name for _, layer in load(alone).walk()] == [False]
    assert told(whole, alone) == told(alone, whole) == []


def test_weights_in_two_formats_tell_nothing_of_layers_without_weights(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {"d/kernel:0": random.random((4, 4), "f4"), "d/bias:0": values(2, 4)}
    legacy = write_h5(tmp_path / "legacy.h5", None, {"x": {}, "d": arrays, "drop": {}})
    groups = {"layers/dense": list(arrays.values()), "layers/input_layer": [], "layers/flatten": []}
    alone = store(tmp_path / "m.weights.h5", groups, {})
    assert told(legacy, alone) == told(alone, legacy) == []
    fewer = write_h5(tmp_path / "fewer.h5", None, {"x": {}, "d": arrays})
    assert told(legacy, fewer) == [("layer-removed", "drop")]  # one format: both list all layers
