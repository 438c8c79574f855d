# What is frozen: by its own flag, by that of anything around it, or because all that it wraps is.
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from h5_files import functional, write_h5

from modeldiff.loader import keras_config, load


def layer(class_name, *, trainable=True, **config):
    return {"class_name": class_name, "config": {"name": "x", "trainable": trainable, **config}}


FROZEN = {"trainable": False}
CELL, FROZEN_CELL = layer("LSTMCell", units=2), layer("LSTMCell", units=2, **FROZEN)


@pytest.mark.parametrize(
    ("one", "trainable"),
    [
        (layer("Dense"), True),
        (layer("Dense", **FROZEN), False),
        (layer("TimeDistributed", layer=layer("Dense", **FROZEN)), False),
        (layer("TimeDistributed", layer=layer("Dense"), **FROZEN), False),
        (layer("TimeDistributed", layer=layer("TimeDistributed", layer=layer("Dense", **FROZEN))), False),
        (layer("Bidirectional", layer=layer("LSTM", **FROZEN)), False),
        (layer("Bidirectional", layer=layer("LSTM", **FROZEN), backward_layer=layer("LSTM", **FROZEN)), False),
        (layer("Bidirectional", layer=layer("LSTM", **FROZEN), backward_layer=layer("LSTM")), True),
        (layer("RNN", cell=FROZEN_CELL), False),
        (layer("RNN", cell=layer("StackedRNNCells", cells=[FROZEN_CELL, FROZEN_CELL])), False),
        (layer("RNN", cell=layer("StackedRNNCells", cells=[FROZEN_CELL, CELL])), True),
    ],
)
@pytest.mark.parametrize("around", [True, False], ids=["trainable model", "frozen model"])
def test_effective_flags(one, trainable, around):
    inner = {"class_name": "Sequential", "config": {"name": "inner", "trainable": around, "layers": [one]}}
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [inner]}}
    found = dict(keras_config.read(config, keras_version="2.15.0").graph.walk())
    assert found["inner", "x"].trainable is (trainable and around)


def test_wrappers_in_wrappers_without_end():
    deep = layer("Dense", **FROZEN)
    for _ in range(3000):
        deep = layer("TimeDistributed", layer=deep)
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [deep]}}
    assert keras_config.read(config, keras_version="2.15.0").graph.layers


def test_what_an_adapter_adapts_is_frozen_inside_an_attention_layer_too(tmp_path: Path) -> None:
    """Keras lists it after all that is trainable, under the name it had."""
    attention = {"class_name": "MultiHeadAttention", "name": "a", "inbound_nodes": [[["x", 0, 0, {}]]]}
    attention["config"] = {"name": "a", "num_heads": 2, "key_dim": 4}
    names = ["query/bias", "query/lora_kernel_a", "query/lora_kernel_b"]
    names += [f"{part}/{role}" for part in ("key", "value", "attention_output") for role in ("kernel", "bias")]
    arrays = {f"a/{name}": np.ones((1,), "f4") for name in [*names, "query/kernel"]}
    layer = load(write_h5(tmp_path / "m.h5", functional(attention), {"a": arrays})).graph.layers[1]
    assert {weight.name: weight.trainable for weight in layer.weights} == {
        **dict.fromkeys(names, True),
        "query/kernel": False,
    }
