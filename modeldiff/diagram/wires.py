# The connections of a model as its file lists them, graph by graph: what merging and looking for moved layers share.
"""Connections between layers of one graph: `Wire`, `wires`, `graphs`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modeldiff.graph import Graph, LayerPath


def graphs(graph: Graph, path: LayerPath = ()) -> Iterator[tuple[LayerPath, Graph]]:
    """The graph and those of its sub-models, each with its path."""
    yield path, graph
    for layer in graph.layers:
        if layer.body is not None:
            yield from graphs(layer.body, (*path, layer.name))


class Wire(NamedTuple):
    """One tensor that one layer takes from another of the same graph."""

    source: LayerPath
    output: int
    target: LayerPath
    call: int
    """Which call of the target takes it, from 0."""
    calls: tuple[int, int]
    """Calls of source and target from 1, or 0 where the layer is not shared."""


def wires(graph: Graph, path: LayerPath) -> Iterator[Wire]:
    """The connections of one graph that stands at `path`."""
    known = {layer.name: ((*path, layer.name), len(layer.calls) > 1) for layer in graph.layers}
    for layer in graph.layers:
        target, is_shared = known[layer.name]
        for index, call in enumerate(layer.calls):
            for ref in call.inputs:
                if ref.layer in known:
                    source, is_made_often = known[ref.layer]
                    calls = ref.call + 1 if is_made_often else 0, index + 1 if is_shared else 0
                    yield Wire(source, ref.output, target, index, calls)
