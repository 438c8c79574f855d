"""The order of the list: impact first, then what a reviewer must not miss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from models import model, weight

from modeldiff import compare, report

NET = """
    x: InputLayer(batch_shape=[None, 8])
    near: Dense(units=8, w=1) <- x
    far: Dense(units=8, w=2) <- near
    still: Dense(units=8, trainable=False, w=3) <- far
    head: Dense(units=8, w=4) <- still
    outputs: head
"""


def moved(by):
    """The model of `NET`, each layer's weights farther by a share of themselves."""
    net = model(NET)
    layers = tuple(
        replace(layer, weights=tuple(_far(one, by[layer.name]) for one in layer.weights)) if layer.name in by else layer
        for layer in net.graph.layers
    )
    return replace(net, graph=replace(net.graph, layers=layers))


def _far(one, by):
    values = one.source.array
    noise = np.random.default_rng(7).standard_normal(one.shape).astype("float32")
    return weight(one.name, values + by * noise * np.linalg.norm(values) / np.linalg.norm(noise))


def test_of_layers_that_moved_warnings_come_first_then_what_moved_farthest():
    new = moved({"near": 0.01, "far": 0.5, "still": 0.001, "head": 0.1})
    (group,) = report.build(compare(model(NET), new)).groups
    assert [row.partition("=")[2] for row in group.rows] == ["still", "far", "head", "near"]


def test_what_became_nan_comes_before_what_moved():
    new = moved({"near": 0.3, "far": np.nan, "head": 0.1})
    (group,) = report.build(compare(model(NET), new)).groups
    assert [row.partition("=")[2] for row in group.rows] == ["far", "near", "head"]
