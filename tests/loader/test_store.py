# The v3 store ties groups to layers by class and counter, never by name or order. Each dialect of it here in small.
"""The v3 weight store."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5_files import functional, write_store

from modeldiff.errors import UnreadableFile
from modeldiff.graph import Model
from modeldiff.loader import load
from modeldiff.loader.store_paths import class_of, snake_case


def ones(value: float, *shape: int) -> Any:
    return np.full(shape, value, "f4")


def layer(name: str, class_name: str = "Dense", **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": []}


def keras(
    path: Path,
    layers: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[Any]],
    names: Mapping[str, str] | None = None,
) -> Model:
    """The model of an archive with these layers and these stored groups."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_store(file, groups, names)
    config = functional(*layers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", '{"keras_version": "3.0.5"}')
        archive.writestr("model.weights.h5", buffer.getvalue())
    return load(path)


def stored(model: Model) -> dict[str, dict[str, float]]:
    """Layer -> role -> first value."""
    return {
        "/".join(path): {w.name: float(w.source.sample(1)[0]) for w in one.weights if w.source}
        for path, one in model.walk()
        if one.weights
    }


@pytest.mark.parametrize(
    ("class_name", "key"),
    [
        ("Dense", "dense"),
        ("Conv2D", "conv2d"),
        ("ConvLSTM2D", "conv_lstm2d"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("MaxPooling2D", "max_pooling2d"),
        ("LSTMCell", "lstm_cell"),
        ("InputLayer", "input_layer"),
        ("TFOpLambda", "tf_op_lambda"),
        ("GroupQueryAttention", "grouped_query_attention"),
        ("_Private", "private__private"),
        ("My-Layer", "my_layer"),
    ],
)
def test_groups_are_named_after_the_class(class_name: str, key: str) -> None:
    assert snake_case(class_name) == key


def test_a_key_tells_the_class_where_it_is_one_of_keras() -> None:
    assert [class_of(key) for key in ("dense", "dense_12", "conv2d", "conv2d_1", "block", "re_lu_3")] == [
        *("Dense", "Dense", "Conv2D", "Conv2D", "", "ReLU")
    ]


def test_the_counter_of_the_class_finds_the_layer_and_not_its_name(tmp_path: Path) -> None:
    layers = [layer("dense_1"), layer("mid"), layer("dense"), *(layer(f"d{n}") for n in range(9))]
    groups = {f"layers/dense{f'_{n}' if n else ''}": [ones(n, 2, 2), ones(n, 2)] for n in range(12)}
    found = stored(keras(tmp_path / "m.keras", layers, groups))
    assert found["dense_1"] == {"kernel": 0, "bias": 0}
    assert found["mid"] == {"kernel": 1, "bias": 1}
    assert found["dense"] == {"kernel": 2, "bias": 2}
    assert found["d8"] == {"kernel": 11, "bias": 11}


def test_a_counter_that_is_no_number_of_a_layer(tmp_path: Path) -> None:
    groups = {"layers/dense": [ones(1, 4, 4)], f"layers/dense_{'9' * 5000}": [ones(2, 4, 4)]}
    model = keras(tmp_path / "m.keras", [layer("a", use_bias=False)], groups)
    assert stored(model) == {"a": {"kernel": 1}}
    assert "which is no layer of the configuration" in model.notes[0].text


def test_layers_without_a_group_still_count(tmp_path: Path) -> None:
    layers = [layer("drop_a", "Dropout"), layer("a"), layer("unbuilt"), layer("b")]
    groups = {"layers/dense": [ones(1, 2, 2), ones(1, 2)], "layers/dense_2": [ones(3, 2, 2), ones(3, 2)]}
    model = keras(tmp_path / "m.keras", layers, groups)
    assert stored(model) == {"a": {"kernel": 1, "bias": 1}, "b": {"kernel": 3, "bias": 3}}
    assert [(note.about, note.text) for note in model.notes if note.about == "unbuilt" and "weights" in note.text] == [
        ("unbuilt", "its class has 2 weights, the file holds none")
    ]


def test_early_stores_count_layers_with_weights_twice(tmp_path: Path) -> None:
    where = "_layer_checkpoint_dependencies"
    layers = [layer("a"), layer("b"), layer("c"), layer("n", "BatchNormalization")]
    groups = {
        f"{where}/dense": [ones(1, 2, 2), ones(1, 2)],
        f"{where}/dense_2": [ones(2, 2, 2), ones(2, 2)],
        f"{where}/dense_10": [ones(3, 2, 2), ones(3, 2)],
        f"{where}/batch_normalization": [ones(n, 2) for n in range(4)],
    }
    found = stored(keras(tmp_path / "m.keras", layers, groups))
    assert [found[name]["kernel"] for name in "abc"] == [1, 2, 3]
    assert found["n"] == {"gamma": 0, "beta": 1, "moving_mean": 2, "moving_variance": 3}


def test_the_own_name_goes_before_the_counter(tmp_path: Path) -> None:
    groups = {"layers/dense": [ones(1, 2, 2), ones(1, 2)], "layers/dense_1": [ones(2, 2, 2), ones(2, 2)]}
    names = {"layers/dense": "second", "layers/dense_1": "first"}
    found = stored(keras(tmp_path / "m.keras", [layer("first"), layer("second")], groups, names))
    assert (found["first"]["kernel"], found["second"]["kernel"]) == (2, 1)


def test_a_layer_that_leaves_its_name_out_of_the_config_has_that_of_the_store(tmp_path: Path) -> None:
    nameless = {"class_name": "Mine", "config": {"units": 2}}
    groups = {"layers/mine": [ones(1, 2, 2)], "layers/mine_1": [ones(2, 2, 2)]}
    found = keras(
        tmp_path / "m.keras",
        [nameless, nameless, layer("o", "Flatten")],
        groups,
        {"layers/mine": "head", "layers/mine_1": "tail"},
    )
    assert stored(found) == {"head": {"0": 1}, "tail": {"0": 2}}


def test_a_subclass_is_stored_under_its_own_class(tmp_path: Path) -> None:
    groups = {"layers/my_dense": [ones(1, 2, 2), ones(1, 2)], "layers/my_dense_1": [ones(2, 2, 2), ones(2, 2)]}
    found = stored(keras(tmp_path / "m.keras", [layer("a"), layer("b")], groups))
    assert (found["a"]["kernel"], found["b"]["kernel"]) == (1, 2)


def test_wrappers_keep_their_layers_under_attributes(tmp_path: Path) -> None:
    lstm = {"class_name": "LSTM", "config": {"name": "l", "units": 2}}
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    cells = [
        {"class_name": "GRUCell", "config": {"name": "one"}},
        {"class_name": "LSTMCell", "config": {"name": "two"}},
        {"class_name": "GRUCell", "config": {"name": "three"}},
    ]
    layers = [
        layer("bi", "Bidirectional", layer=lstm, backward_layer=lstm),
        layer("td", "TimeDistributed", layer=dense),
        layer("stack", "RNN", cell={"class_name": "StackedRNNCells", "config": {"cells": cells}}),
        layer("mha", "MultiHeadAttention", use_bias=False),
        layer("drop", "Dropout"),
        layer("sn", "SpectralNormalization", layer=dense),
    ]
    three = [ones(1, 2, 8), ones(2, 2, 8), ones(3, 8)]
    groups: dict[str, list[Any]] = {
        "layers/bidirectional/forward_layer/cell": three,
        "layers/bidirectional/backward_layer/cell": [one + 10 for one in three],
        "layers/bidirectional/layer/cell": [],
        "layers/time_distributed/layer": three[:2],
        "layers/rnn/cell/cells/gru_cell": three,
        "layers/rnn/cell/cells/lstm_cell": [one + 10 for one in three],
        "layers/rnn/cell/cells/gru_cell_1": [one + 20 for one in three],
        "layers/dropout/seed_generator": [np.array([1, 2], "u4")],
        "layers/spectral_normalization": [ones(7, 2, 2), ones(8, 1, 2)],
        "layers/spectral_normalization/layer": [ones(7, 2, 2), ones(9, 2)],
    }
    for number, part in enumerate(("query", "key", "value", "output")):
        groups[f"layers/multi_head_attention/_{part}_dense"] = [ones(number, 2, 2)]
    found = stored(keras(tmp_path / "m.keras", layers, groups))
    recurrent = {"kernel": 1, "recurrent_kernel": 2, "bias": 3}
    assert found["bi"] == {
        **{f"forward/{role}": value for role, value in recurrent.items()},
        **{f"backward/{role}": value + 10 for role, value in recurrent.items()},
    }
    assert found["td"] == {"kernel": 1, "bias": 2}
    assert found["stack"] == {f"cells/{n}/{role}": v + 10 * n for n in range(3) for role, v in recurrent.items()} | {
        f"cells/{n}/{role}": v + (10 if n == 1 else 10 * n) for n in range(3) for role, v in recurrent.items()
    }
    assert found["mha"] == {"query/kernel": 0, "key/kernel": 1, "value/kernel": 2, "attention_output/kernel": 3}
    assert found["sn"] == {"kernel": 7, "bias": 9, "vector_u": 8}
    assert "drop" not in found


def test_weights_of_no_layer_are_told(tmp_path: Path) -> None:
    groups = {
        "layers/dense": [ones(1, 2, 2), ones(1, 2)],
        "layers/conv2d": [ones(1, 2, 2)],
        "adapter": [ones(1, 2)],
        "optimizer": [np.int64(3), np.float32(0.1)],
        "metrics/mean": [np.float32(3)],
    }
    model = keras(tmp_path / "m.keras", [layer("a")], groups)
    assert [note.text for note in model.notes if "the file has" in note.text] == [
        "the file has 1 weight of 'adapter', which is no layer of the configuration",
        "the file has 1 weight of 'conv2d', which is no layer of the configuration",
    ]
    assert [weight.name for weight in model.optimizer_weights] == ["0", "1"]


def test_a_layer_that_two_models_share_is_stored_once(tmp_path: Path) -> None:
    shared = layer("enc")
    inner = {**functional(shared, name="inner"), "name": "inner", "inbound_nodes": []}
    groups = {
        "layers/functional/layers/dense": [ones(5, 2, 2), ones(5, 2)],
        "layers/dense_1": [ones(6, 2, 2), ones(6, 2)],
    }
    found = stored(keras(tmp_path / "m.keras", [inner, shared, layer("own")], groups))
    assert found == {key: {"kernel": v, "bias": v} for key, v in {"inner/enc": 5, "enc": 5, "own": 6}.items()}


@pytest.mark.parametrize("key", ["dense", "dense_1"], ids=["2.15 does not count it again", "3.x does"])
def test_a_shared_layer_may_be_counted_or_not(tmp_path: Path, key: str) -> None:
    shared = layer("enc")
    inner = {**functional(shared, name="inner"), "name": "inner", "inbound_nodes": []}
    groups = {
        "layers/functional/layers/dense": [ones(5, 2, 2), ones(5, 2)],
        f"layers/{key}": [ones(6, 2, 2), ones(6, 2)],
    }
    found = stored(keras(tmp_path / "m.keras", [inner, shared, layer("own", units=9)], groups))
    assert found["own"] == {"kernel": 6, "bias": 6}
    assert found["enc"] == found["inner/enc"] == {"kernel": 5, "bias": 5}


def test_a_model_inside_a_wrapper_has_its_weights_at_its_layers(tmp_path: Path) -> None:
    inner = functional(layer("first"), layer("n", "BatchNormalization"), name="inner")
    groups = {
        "layers/time_distributed/layer/layers/dense": [ones(1, 2, 2), ones(2, 2)],
        "layers/time_distributed/layer/layers/batch_normalization": [ones(n, 2) for n in range(4)],
    }
    found = stored(keras(tmp_path / "m.keras", [layer("td", "TimeDistributed", layer=inner)], groups))
    assert found == {
        "td/first": {"kernel": 1, "bias": 2},
        "td/n": {"gamma": 0, "beta": 1, "moving_mean": 2, "moving_variance": 3},
    }


@pytest.mark.parametrize(
    ("arrays", "roles"),
    [
        ([0, 2, 2], {"kernel": 1, "bias": 2, "kernel_scale": 3}),
        ([2, 0, 2], {"bias": 1, "kernel": 2, "kernel_scale": 3}),
    ],
    ids=["Keras 3.3 and later", "Keras 3.1 and 3.2"],
)
def test_the_kernel_of_a_quantised_layer_is_the_one_of_integers(
    tmp_path: Path, arrays: list[int], roles: dict[str, int]
) -> None:
    """Also where no config says so: the dense layers inside an attention layer."""
    values = [
        np.full((4, 2, 2) if kind == 0 else (2, kind), number + 1, "i1" if kind == 0 else "f4")
        for number, kind in enumerate(arrays)
    ]
    attention = layer("att", "MultiHeadAttention", num_heads=2, key_dim=2)
    model = keras(tmp_path / "m.keras", [attention], {"layers/multi_head_attention/query_dense": values})
    told = {role: float(value) for role, value in roles.items()}
    assert stored(model)["att"] == {f"query/{role}": value for role, value in told.items()}
    trainable = {weight.name for weight in model.graph.layers[1].weights if weight.trainable}
    assert trainable == {"query/bias"}


@pytest.mark.parametrize("left_out", ["", "bias"])
def test_zero_points_tell_whether_a_quantised_layer_has_a_bias(tmp_path: Path, left_out: str) -> None:
    """4 bits without a config: kernel, bias, scale, zero points, groups."""
    arrays = {
        "kernel": np.ones((6, 2), "i1"),
        "bias": ones(2, 4),
        "kernel_scale": ones(3, 1, 4),
        "kernel_zero": np.full((1, 4), 4, "i1"),
        "g_idx": ones(5, 6),
    }
    arrays.pop(left_out, None)
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        write_store(file, {"layers/dense": list(arrays.values())}, {"layers/dense": "d"})
    assert stored(load(path))["d"] == {role: float(values.flat[0]) for role, values in arrays.items()}


def test_variables_are_sorted_by_number(tmp_path: Path) -> None:
    model = keras(tmp_path / "m.keras", [layer("mine", "Mine")], {"layers/mine": [ones(n, 2) for n in range(12)]})
    assert stored(model)["mine"] == {str(n): n for n in range(12)}
    assert list(stored(model)["mine"])[9:] == ["9", "10", "11"]


# Shards --------------------------------------------------------------------------------------------------------------


def shards(folder: Path, index: Mapping[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "big_00000.weights.h5", "w") as file:
        write_store(file, {"layers/dense": [ones(1, 2, 2)]}, {"layers/dense": "a"})
        file.create_group("layers/dense_1/vars").attrs["name"] = "b"
    with h5py.File(folder / "big_00001.weights.h5", "w") as file:
        file["layers/dense/vars/1"] = ones(2, 2)
        file["layers/dense_1/vars/0"] = ones(3, 2, 2)
    with h5py.File(folder / "big_00002.weights.h5", "w") as file:
        file["layers/dense_1/vars/1"] = ones(4, 2)
    path = folder / "big.weights.json"
    path.write_text(json.dumps(index))
    return path


FULL = {
    "metadata": {"total_size": 48},
    "weight_map": {
        "/layers/dense/vars": ["big_00000.weights.h5", "big_00001.weights.h5"],
        "/layers/dense_1/vars": ["big_00001.weights.h5", "big_00002.weights.h5"],
    },
}
SHORT = {
    "metadata": {"total_size": 48},
    "weight_map": {"/layers/dense/vars": "big_00000.weights.h5", "/layers/dense_1/vars": "big_00001.weights.h5"},
}


@pytest.mark.parametrize("index", [FULL, SHORT], ids=["every shard is named", "the last shard is forgotten"])
def test_shards_are_united(tmp_path: Path, index: Mapping[str, Any]) -> None:
    model = load(shards(tmp_path, index))
    assert model.format == "keras-v3-sharded"
    assert model.metadata["bytes"] == sum(file.stat().st_size for file in tmp_path.glob("*.h5"))
    assert stored(model) == {"a": {"kernel": 1, "bias": 2}, "b": {"kernel": 3, "bias": 4}}


def test_shards_of_an_older_save_are_left_alone(tmp_path: Path) -> None:
    path = shards(tmp_path, FULL)
    with h5py.File(tmp_path / "big_00003.weights.h5", "w") as file:
        file["layers/dense_2/vars/0"] = ones(9, 2, 2)
    assert "layers/dense_2" not in stored(load(path))


@pytest.mark.parametrize("name", ["../secret.h5", "/etc/passwd", "sub/x.h5", "..\\x.h5", "", ".", "C:x", 3, None])
def test_an_index_that_points_elsewhere_is_refused(tmp_path: Path, name: object) -> None:
    path = shards(tmp_path, {"weight_map": {"/layers/dense/vars": [name]}})
    with pytest.raises(UnreadableFile, match="no file beside it"):
        load(path)


def test_a_linked_shard_is_not_followed(tmp_path: Path) -> None:
    path = shards(tmp_path / "model", FULL)
    shard = path.parent / "big_00001.weights.h5"
    shard.rename(tmp_path / "elsewhere.h5")
    shard.symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(UnreadableFile, match="missing"):
        load(path)


def test_a_missing_shard_is_told(tmp_path: Path) -> None:
    path = shards(tmp_path, FULL)
    (tmp_path / "big_00001.weights.h5").unlink()
    with pytest.raises(UnreadableFile, match="big_00001"):
        load(path)


def test_shards_inside_an_archive(tmp_path: Path) -> None:
    shards(tmp_path, FULL)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(functional(layer("a"), layer("b"))))
        archive.writestr("metadata.json", '{"keras_version": "3.12.0"}')
        archive.writestr("model.weights.json", json.dumps(FULL))
        for number in range(3):
            name = f"big_0000{number}.weights.h5"
            archive.write(tmp_path / name, name)
    assert stored(load(tmp_path / "model.keras")) == {"a": {"kernel": 1, "bias": 2}, "b": {"kernel": 3, "bias": 4}}
