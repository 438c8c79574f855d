# A weight store of Keras 2.12 to 3.5 keeps no names, only class counters. Beside a file with a config the counters say
# which layer is which, by Keras' own rule for loading such a store. Not trusted where the two files have another
# number of layers of a class in the same model: then a counter means another layer.
"""Pairs by the place in a weight store that keeps no names."""

from __future__ import annotations

from collections import Counter

from modeldiff.changes import Evidence
from modeldiff.differ.flow import Flow, Role
from modeldiff.differ.state import State
from modeldiff.graph import LayerPath, Weight

_COUNTER = "0123456789"


def by_store(state: State) -> None:
    """The same class and counter in the same model, where one side keeps no names."""
    olds, news = places(state)
    sizes = Counter(map(_kind, olds)), Counter(map(_kind, news))
    for place, i in olds.items():
        j = news.get(place)
        if j is None or sizes[0][_kind(place)] != sizes[1][_kind(place)] or not state.is_free(i, j):
            continue
        old, new = state.old[i].layer, state.new[j].layer
        if old.has_name != new.has_name and _fits(old.weights, new.weights):
            state.pair(i, j, Evidence.NAME, 0.97)
            state.settled.add(i)


def places(state: State) -> tuple[dict[LayerPath, int], dict[LayerPath, int]]:
    """Store names from the root model down -> node, of both sides; none where both keep names."""
    if all(node.layer.has_name for flow in (state.old, state.new) for node in flow.nodes):
        return {}, {}
    return _places(state.old), _places(state.new)


def _places(flow: Flow) -> dict[LayerPath, int]:
    names: dict[LayerPath, LayerPath] = {(): ()}
    found: dict[LayerPath, int] = {}
    for index in sorted(range(len(flow.nodes)), key=lambda node: len(flow[node].path)):
        node = flow[index]
        parent = names.get(node.path[:-1])
        if node.role is not Role.UNLISTED and parent is not None and node.layer.store_name:
            names[node.path] = (*parent, node.layer.store_name)
            found[names[node.path]] = index
    return found


def _kind(place: LayerPath) -> LayerPath:
    """The class at a place, whatever its counter."""
    return (*place[:-1], place[-1].rstrip(_COUNTER).rstrip("_"))


def _fits(old: tuple[Weight, ...], new: tuple[Weight, ...]) -> bool:
    """Whether all weights of one side are among those of the other, by their shapes.

    In any order: a store without names lists cells by their classes. A file may keep none of a layer's weights, as a
    legacy one those of a vocabulary; and a store has merged the parts of LoRA, and keeps what layers share with one.
    """
    mine, theirs = (Counter(weight.shape for weight in weights) for weights in (old, new))
    return mine <= theirs or theirs <= mine
