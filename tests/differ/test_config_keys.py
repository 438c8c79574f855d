from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from models import model, weight

from modeldiff.changes import ABSENT, Evidence, Impact, Match
from modeldiff.differ import config
from modeldiff.graph import Layer

MATCH = Match(("a",), ("a",), Evidence.NAME, 1.0)


def changes(old, new, classes=("Dense", "Dense")):
    """(key, before, after) of two configs of a Dense with weights."""
    weights = (weight("kernel", np.ones(3)),)
    layers = [Layer("a", name, values, weights=weights) for name, values in zip(classes, (old, new), strict=True)]
    return [(change.key, change.before, change.after) for change in config.detect(MATCH, *layers)]


L2 = {"class_name": "L2", "config": {"l2": 0.01}}
L1 = {"class_name": "L1", "config": {"l1": 0.01}}


def wrapped(name, **settings):
    return {"layer": {"class_name": name, "config": settings}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"units": 4}, {"units": 4}, []),
        ({"units": 4}, {"units": 8}, [("units", 4, 8)]),
        ({"units": 4}, {"units": 4.0}, []),
        ({"rate": math.nan}, {"rate": math.nan}, []),
        ({"rate": math.nan}, {"rate": 1.0}, [("rate", math.nan, 1.0)]),
        ({}, {"seed": 1}, [("seed", None, 1)]),
        ({"seed": None}, {}, []),
        ({}, {"unheard_of": 1}, [("unheard_of", ABSENT, 1)]),
        ({"kernel_size": [3, 3]}, {"kernel_size": [3, 5]}, [("kernel_size", [3, 3], [3, 5])]),
        ({"kernel_size": [3, 3]}, {"kernel_size": (3, 3)}, []),
        ({"kernel_size": [3, 3]}, {"kernel_size": [3]}, [("kernel_size", [3, 3], [3])]),
        ({"axes": [[1, 2], [3]]}, {"axes": [[1, 2], [4]]}, [("axes", [[1, 2], [3]], [[1, 2], [4]])]),
        ({"kernel_regularizer": None}, {"kernel_regularizer": L2}, [("kernel_regularizer", None, L2)]),
        ({"kernel_regularizer": L1}, {"kernel_regularizer": L2}, [("kernel_regularizer", L1, L2)]),
        (
            {"kernel_regularizer": L2},
            {"kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.02}}},
            [("kernel_regularizer.config.l2", 0.01, 0.02)],
        ),
        (wrapped("LSTM", units=4), wrapped("LSTM", units=8), [("layer.config.units", 4, 8)]),
        (
            wrapped("LSTM", units=4, unit_forget_bias=True),
            wrapped("GRU", units=8, reset_after=True),
            [("layer.class_name", "LSTM", "GRU"), ("layer.config.units", 4, 8)],
        ),
        (
            {
                "cells": [
                    {"class_name": "LSTMCell", "config": {"units": 3}},
                    {"class_name": "GRUCell", "config": {"units": 4}},
                ]
            },
            {
                "cells": [
                    {"class_name": "LSTMCell", "config": {"units": 3}},
                    {"class_name": "GRUCell", "config": {"units": 5}},
                ]
            },
            [("cells[1].config.units", 4, 5)],
        ),
        (
            {"cells": [{"units": 3}]},
            {"cells": [{"units": 3}, {"units": 4}]},
            [("cells", [{"units": 3}], [{"units": 3}, {"units": 4}])],
        ),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, [("b", 1, 2), ("a", 1, 2)]),
    ],
)
def test_one_change_per_key(old, new, expected):
    found = changes(old, new)
    assert [(key, repr(before), repr(after)) for key, before, after in found] == [
        (key, repr(before), repr(after)) for key, before, after in expected
    ]


@pytest.mark.parametrize(
    ("key", "before", "after", "impact"),
    [
        ("filters", 1, 2, Impact.FUNCTIONAL),
        ("batch_shape", [None, 1], [None, 2], Impact.FUNCTIONAL),
        ("dtype", "float32", "mixed_float16", Impact.FUNCTIONAL),
        ("kernel_initializer", "Zeros", "Ones", Impact.COSMETIC),
        ("moving_mean_initializer", "Zeros", "Ones", Impact.COSMETIC),
        ("seed", 1, 2, Impact.COSMETIC),
        ("kernel_regularizer", None, L2, Impact.NUMERIC),
        ("bias_constraint", None, "NonNeg", Impact.NUMERIC),
        (
            "layer",
            wrapped("Dense", bias_constraint=1)["layer"],
            wrapped("Dense", bias_constraint=2)["layer"],
            Impact.NUMERIC,
        ),
    ],
)
def test_impact(key, before, after, impact):
    layers = [Layer("a", "Dense", {key: value}) for value in (before, after)]
    assert [change.impact for change in config.detect(MATCH, *layers)] == [impact]


def test_another_class_is_compared_where_both_speak_of_the_same_thing():
    old = {"units": 4, "unit_forget_bias": True, "kernel_initializer": "Zeros", "dropout": 0.1}
    new = {"units": 8, "reset_after": True, "kernel_initializer": "Ones", "dropout": 0.1}
    assert changes(old, new, ("LSTM", "GRU")) == [("units", 4, 8)]


def test_the_effective_flag_tells_about_training():
    old = model("a: Dense(units=2)\nb: Flatten(trainable=True)")
    new = model("a: Dense(units=2, trainable=False)\nb: Flatten(trainable=False)")
    found = [
        (change.key, change.before, change.after, change.impact)
        for (_, mine), (_, theirs) in zip(old.walk(), new.walk(), strict=True)
        for change in config.detect(MATCH, mine, theirs)
    ]
    assert found == [("trainable", True, False, Impact.NUMERIC)]


@pytest.mark.parametrize(
    ("class_name", "old", "new", "expected"),
    [
        ("Dense", {}, {"use_bias": False}, [("use_bias", True, False)]),
        ("Dense", {"dtype": "float16"}, {}, [("dtype", "float16", "float32")]),
        ("Conv2D", {}, {"dilation_rate": [2, 2]}, [("dilation_rate", [1, 1], [2, 2])]),
        ("ReLU", {}, {"max_value": 6}, [("max_value", None, 6)]),
        ("RandomRotation", {}, {"value_range": [0, 1]}, [("value_range", [0, 255], [0, 1])]),
        ("Dense", {"kernel_regularizer": {"l2": 0.1}}, {}, [("kernel_regularizer", {"l2": 0.1}, None)]),
        (
            "Dense",
            {"kernel_regularizer": {"l2": 0.1}},
            {"kernel_regularizer": {"l1": 1, "l2": 0.1}},
            [("kernel_regularizer.l1", 0, 1)],
        ),
        ("Bidirectional", wrapped("LSTM"), wrapped("LSTM", unroll=True), [("layer.config.unroll", False, True)]),
        ("Mine", {"kernel_regularizer": {"l2": 0.1}}, {}, [("kernel_regularizer", {"l2": 0.1}, None)]),
        ("Mine", {}, {"use_bias": False}, [("use_bias", ABSENT, False)]),
        ("TimeDistributed", wrapped("Mine"), wrapped("Mine", groups=2), [("layer.config.groups", ABSENT, 2)]),
        ("Lambda", {"arguments": {"a": 1}}, {"arguments": {"a": 1, "groups": 2}}, [("arguments.groups", ABSENT, 2)]),
        ("TimeDistributed", {"layer": {"class_name": [], "config": {}}}, {"layer": {"class_name": [], "config": {"groups": 2}}},
         [("layer.config.groups", ABSENT, 2)]),
    ],
)  # fmt: skip
def test_a_key_that_is_not_there_has_its_default_where_keras_has_one(class_name, old, new, expected):
    assert changes(old, new, (class_name, class_name)) == expected


def test_equal_configs_import_no_deepdiff():
    code = (
        "import sys; from modeldiff.differ import config; from modeldiff.graph import Layer;"
        "from modeldiff.changes import *;"
        "a = Layer('a', 'Dense', {'units': 1});"
        "assert not list(config.detect(Match((), (), Evidence.NAME, 1.0), a, a)); assert 'deepdiff' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("axis", "shapes", "class_name", "expected"),
    [
        (1, None, "BatchNormalization", []),
        (2, None, "BatchNormalization", [("axis", -1, 2)]),
        (1, ((None, 4, 6),), "BatchNormalization", [("axis", -1, 1)]),
        (1, None, "Concatenate", [("axis", -1, 1)]),
    ],
)
def test_the_last_axis_counted_from_the_front_where_a_file_tells_no_rank(axis, shapes, class_name, expected):
    old = Layer("a", class_name, {"axis": -1}, output_shapes=((None, 6),))
    new = Layer("a", class_name, {"axis": axis}, output_shapes=shapes)
    for one, other in ((old, new), (new, old)):
        found = [(change.key, change.before, change.after) for change in config.detect(MATCH, one, other)]
        assert found == ([(key, *((a, b) if one is old else (b, a))) for key, a, b in expected])
