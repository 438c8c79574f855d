# What follows from a layer's object is found once for all layers that are alike: they must say the same to the last bit.
from __future__ import annotations

import math

import pytest

from modeldiff.loader import code, keras_config

POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def dense(name, **config):
    said = {"name": name, "trainable": True, "dtype": POLICY, "units": 1, "activation": "relu", **config}
    return {"module": "keras.layers", "class_name": "Dense", "config": said, "name": name}


def model(*layers):
    for before, layer in zip(["x", *(one["name"] for one in layers)], layers, strict=False):
        tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 1], "keras_history": [before, 0, 0]}}
        layer.setdefault("inbound_nodes", [{"args": [tensor], "kwargs": {"mask": None}}])
    start = {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [None, 1]}}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    config = {"name": "net", "layers": [{**start, "inbound_nodes": []}, *layers], **ends}
    return {"class_name": "Functional", "config": config}


def read(*layers):
    return keras_config.read(model(*layers), keras_version="3.15.1")


def test_a_name_and_calls_make_no_difference():
    found = read(dense("a"), dense("b"))
    assert found.alike["a",] is found.alike["b",] is found.raw["a",]
    assert found.alike["x",] is found.raw["x",]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"units": 1}, {"units": True}),
        ({"units": 1}, {"units": 1.0}),
        ({"units": 0.0}, {"units": -0.0}),
        ({"units": None}, {"units": "None"}),
        ({"units": [1, [2]]}, {"units": [[1], 2]}),
        ({"units": {"name": "a"}}, {"units": {"name": "b"}}),
        ({}, {"activation": "relu\0"}),
        ({"units": math.nan}, {"units": math.inf}),
    ],
)
def test_what_is_said_in_another_way_is_not_alike(one, other):
    found = read(dense("a", **one), dense("b", **other))
    assert found.alike["b",] is found.raw["b",]


def test_code_in_a_call_is_found_beside_layers_without_any():
    with_code = dense("b", units=1)
    lambda_ = {"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None, "closure": None}}
    with_code["inbound_nodes"] = [{"args": [], "kwargs": {"fn": lambda_}}]
    found = read(dense("a"), with_code, dense("c"))
    refs = code.collect(found.raw, None, found.alike)
    assert refs == code.collect(found.raw)
    assert [(ref.path, ref.key) for ref in refs] == [(("b",), "inbound_nodes[0].kwargs.fn")]


def test_code_is_told_of_every_layer_that_has_it():
    found = read(*(dense(name, activation="mine") for name in "abc"))
    refs = code.collect(found.raw, None, found.alike)
    assert [ref.path for ref in refs] == [("a",), ("b",), ("c",)]
    assert refs == code.collect(found.raw)


def test_a_config_too_deep_for_marshal_is_read():
    deep = []
    for _ in range(3000):
        deep = [deep]
    found = read(dense("a", units=deep), dense("b", units=deep))
    assert {path for path, _ in found.graph.walk()} == {("x",), ("a",), ("b",)}
