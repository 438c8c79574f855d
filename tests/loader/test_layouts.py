# Keras 1 stored gates apart and axes in other orders. Today's layout must hold the same numbers where today's Keras
# would put them: its own conversion, written out here with numpy.
"""Older layouts of weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h5_files import functional, write_h5
from zoo_truth import MODELS, loaded, needs_zoo

from modeldiff import compare
from modeldiff.graph import Layer, Model, sample_runs
from modeldiff.loader import load

RANDOM = np.random.default_rng(1)


def values(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype("f4")


def keras1(tmp_path: Path, class_name: str, arrays: dict[str, Any], **config: Any) -> Layer:
    """The layer `l` of a Keras 1 file with these arrays."""
    raw = {"class_name": class_name, "name": "l", "config": {"name": "l", **config}, "inbound_nodes": [[["x", 0, 0]]]}
    path = write_h5(tmp_path / "k1.h5", functional(raw), {"x": {}, "l": {f"l_{k}": v for k, v in arrays.items()}})
    return load(path).graph.layers[-1]


def read(layer: Layer) -> dict[str, Any]:
    found = {}
    for weight in layer.comparable_weights:
        assert weight.source is not None
        assert pickle.loads(pickle.dumps(weight.source)) == weight.source
        blocks = [block.copy() for block in weight.source.blocks(7)]
        assert all(block.size == 7 for block in blocks[:-1])
        found[weight.name] = np.concatenate(blocks).reshape(weight.shape)
        sample = weight.source.sample(5)
        places = [place for start, stop in sample_runs(weight.size, 5) for place in range(start, stop)]
        assert np.array_equal(sample, found[weight.name].ravel()[places])
    return found


@pytest.mark.parametrize(("class_name", "gates", "today"), [("LSTM", "icfo", "ifco"), ("GRU", "zrh", "zrh")])
def test_gates_stand_side_by_side(tmp_path: Path, class_name: str, gates: str, today: str) -> None:
    arrays = {}
    for gate in gates:
        arrays |= {f"W_{gate}": values(6, 3), f"U_{gate}": values(3, 3), f"b_{gate}": values(3)}
    layer = keras1(tmp_path, class_name, arrays, output_dim=3)
    assert [weight.name for weight in layer.weights][:3] == [
        f"{role}_{gates[0]}" for role in ("kernel", "recurrent_kernel", "bias")
    ]
    assert len(layer.weights) == 3 * len(gates)
    found = read(layer)
    assert list(found) == ["kernel", "recurrent_kernel", "bias"]
    for role, letter in (("kernel", "W"), ("recurrent_kernel", "U"), ("bias", "b")):
        assert np.array_equal(found[role], np.concatenate([arrays[f"{letter}_{g}"] for g in today], axis=-1))
    assert layer.parameters == sum(weight.size for weight in layer.comparable_weights)


def test_gates_of_convolutions_are_turned_before_they_stand_side_by_side(tmp_path: Path) -> None:
    arrays = {}
    for gate in "icfo":
        arrays |= {f"W_{gate}": values(5, 2, 3, 4), f"U_{gate}": values(5, 5, 3, 4), f"b_{gate}": values(5)}
    layer = keras1(tmp_path, "ConvLSTM2D", arrays, nb_filter=5, nb_row=3, nb_col=4, dim_ordering="th")
    found = read(layer)
    for role, letter in (("kernel", "W"), ("recurrent_kernel", "U")):
        turned = [arrays[f"{letter}_{gate}"].transpose(2, 3, 1, 0) for gate in "ifco"]
        assert np.array_equal(found[role], np.concatenate(turned, axis=-1))


@pytest.mark.parametrize(
    ("class_name", "shape", "config", "convert"),
    [
        ("Convolution2D", (5, 2, 3, 4), {"dim_ordering": "th"}, lambda k: k.transpose(2, 3, 1, 0)),
        ("Convolution2D", (3, 4, 2, 5), {"dim_ordering": "tf"}, lambda k: k),
        ("Convolution3D", (5, 2, 3, 4, 2), {"dim_ordering": "th"}, lambda k: k.transpose(2, 3, 4, 1, 0)),
        ("Convolution1D", (4, 1, 3, 5), {"filter_length": 4}, lambda k: k[:, 0]),
        ("Convolution1D", (5, 3, 4, 1), {"filter_length": 4}, lambda k: k.transpose(2, 3, 1, 0)[:, 0]),
        ("Deconvolution2D", (3, 4, 2, 5), {"dim_ordering": "tf"}, lambda k: k.transpose(0, 1, 3, 2)),
    ],
)
def test_kernels_have_todays_axes(
    tmp_path: Path, class_name: str, shape: tuple[int, ...], config: dict[str, Any], convert: Any
) -> None:
    kernel, bias = values(*shape), values(5)
    layer = keras1(tmp_path, class_name, {"W": kernel, "b": bias}, nb_filter=5, **config)
    found = read(layer)
    assert np.array_equal(found["kernel"], convert(kernel))
    assert np.array_equal(found["bias"], bias)
    assert layer.weights[0].shape == shape


def test_todays_layout_is_left_alone() -> None:
    model = loaded("3.15.1/rnn.keras") if MODELS.is_dir() else None
    assert model is None or all(layer.modern_weights is None for _, layer in model.walk())


def test_batch_normalisation_of_keras_1_kept_the_variance_under_another_name(tmp_path: Path) -> None:
    arrays = {name: values(4) for name in ("gamma", "beta", "running_mean", "running_std")}
    layer = keras1(tmp_path, "BatchNormalization", arrays, mode=0, axis=1)
    assert [weight.name for weight in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [weight.trainable for weight in layer.weights] == [True, True, False, False]


@needs_zoo
def test_an_lstm_of_keras_1_compares_with_one_of_keras_2() -> None:
    def lstm(name: str) -> tuple[Model, Layer]:
        model = load(MODELS / name)
        return model, next(layer for _, layer in model.walk() if layer.canonical_class == "LSTM")

    old_model, old = lstm("dl4j-test-resources__ca38c66__lstm_tensorflow_1.h5")
    new_model, new = lstm("dl4j-test-resources__ca38c66__lstm_tensorflow_2.h5")
    assert len(old.weights) == 12
    assert [(w.name, w.shape) for w in old.comparable_weights] == [(w.name, w.shape) for w in new.weights]
    assert old_model.parameters == new_model.parameters == 192


@pytest.mark.parametrize(
    ("class_name", "arrays", "config"),
    [
        ("Convolution2D", {"W": (5, 2, 3, 4), "b": (5,)}, {"nb_filter": 5, "dim_ordering": "th"}),
        ("Convolution1D", {"W": (4, 1, 3, 5), "b": (5,)}, {"nb_filter": 5, "filter_length": 4}),
        ("Embedding", {"W": (7, 3)}, {"output_dim": 3}),
        ("Dense", {"W": (4, 3)}, {"output_dim": 3, "bias": False}),
    ],
)
def test_a_file_of_weights_compares_with_the_whole_model(
    tmp_path: Path, class_name: str, arrays: dict[str, Any], config: dict[str, Any]
) -> None:
    """Without the class nothing tells the layout, so both are compared as they are stored."""
    made = {name: values(*shape) for name, shape in arrays.items()}
    keras1(tmp_path, class_name, made, **config)
    write_h5(tmp_path / "only.h5", None, {"x": {}, "l": {f"l_{name}": value for name, value in made.items()}})
    found = compare(load(tmp_path / "k1.h5"), load(tmp_path / "only.h5"))
    assert not [change for change in found.changes if change.kind.value.startswith("weight")]
    assert {pair.outcome.value for pair in found.weight_pairs} == {"identical"}
