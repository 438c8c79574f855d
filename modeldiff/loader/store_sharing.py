# A layer that two models share (an encoder used inside a sub-model and again outside it) is stored once, where the
# walk over the models first meets it. Keras up to 2.15 then did not even count it the second time.
"""Layers that several models of one config hold."""

from __future__ import annotations

from modeldiff.graph import Graph, Layer, LayerPath, Weight
from modeldiff.loader.keras_config import Architecture


def repeated(architecture: Architecture) -> set[LayerPath]:
    """Layers that stand elsewhere before: same name, class and config in another model."""
    layers = dict(architecture.graph.walk())
    first: dict[str, list[LayerPath]] = {}
    again: set[LayerPath] = set()
    stack: list[LayerPath] = [(name,) for name in reversed(architecture.file_order[()])]
    while stack:
        path = stack.pop()
        if path in architecture.file_order:
            stack.extend((*path, name) for name in reversed(architecture.file_order[path]))
        twins = [twin for twin in first.get(path[-1], ()) if _same(layers[twin], layers[path])]
        if twins:
            again.add(path)
        else:
            first.setdefault(path[-1], []).append(path)
    return again


def share(graph: Graph, weights: dict[LayerPath, tuple[Weight, ...]], absent: list[LayerPath]) -> None:
    """Give the layers of `absent` the weights of their one twin that has some."""
    if not absent:
        return
    layers = dict(graph.walk())
    stored: dict[str, list[LayerPath]] = {}
    for path, made in weights.items():
        if made:
            stored.setdefault(path[-1], []).append(path)
    for path in absent:
        body = layers[path].body
        inner = [where for where, layer in body.walk(path) if layer.body is None] if body else [path]
        for leaf in inner:
            twins = [twin for twin in stored.get(leaf[-1], ()) if _same(layers[twin], layers[leaf])]
            if len(twins) == 1:
                weights[leaf] = weights[twins[0]]


def _same(one: Layer, other: Layer) -> bool:
    return one.canonical_class == other.canonical_class and one.config == other.config
