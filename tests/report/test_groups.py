"""The order of the list: impact first, then what a reviewer must not miss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import model, weight

from modeldiff import compare, report
from modeldiff.report.words import plain

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


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("head", "head, far", {"far": "now an output of the model"}),
        ("head, far", "head", {"far": "no longer an output of the model"}),
        ("head, far", "far, head", {"far": "output 2 → 1 of the model", "head": "output 1 → 2 of the model"}),
    ],
)
def test_the_layers_behind_an_interface_that_changed_stand_in_the_list(before, after, told):
    old, new = (model(NET.replace("outputs: head", f"outputs: {outputs}")) for outputs in (before, after))
    found = report.build(compare(old, new))
    assert found.groups[0].title == "Interface"
    rows = {layer.address: layer for layer in found.layers}
    assert {rows[address].name: plain(rows[address].lines[0]) for address in found.groups[0].rows} == told


def test_what_became_nan_comes_before_what_moved():
    new = moved({"near": 0.3, "far": np.nan, "head": 0.1})
    (group,) = report.build(compare(model(NET), new)).groups
    assert [row.partition("=")[2] for row in group.rows] == ["far", "near", "head"]
