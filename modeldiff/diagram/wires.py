# The connections of a model as its file lists them, graph by graph: what merging and looking for moved layers share.
"""Connections between layers of one graph: `Wire`, `wires`, `graphs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modeldiff.graph import Graph, LayerPath


def graphs(graph: Graph, path: LayerPath = ()) -> Iterator[tuple[LayerPath, Graph]]:
    """The graph and those of its sub-models, each with its path."""
    yield path, graph
    for layer in graph.layers:
        if layer.body is not None:
            yield from graphs(layer.body, (*path, layer.name))


@dataclass(frozen=True, slots=True)
class Wire:
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
    layers = {layer.name: layer for layer in graph.layers}
    for layer in graph.layers:
        for index, call in enumerate(layer.calls):
            for ref in call.inputs:
                source = layers.get(ref.layer)
                if source is not None:
                    made = ref.call + 1 if len(source.calls) > 1 else 0
                    taken = index + 1 if len(layer.calls) > 1 else 0
                    yield Wire((*path, source.name), ref.output, (*path, layer.name), index, (made, taken))
