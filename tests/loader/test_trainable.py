# What is frozen: by its own flag, by that of anything around it, or because all that it wraps is.
from __future__ import annotations

import pytest

from modeldiff.loader import keras_config


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
