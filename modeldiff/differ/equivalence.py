# Units of a hidden layer have no order of their own: reorder them, and what comes after them alike, and the model is
# the same function. Proven by carrying the order of every tensor's last axis through the new model, from inputs that
# are as they were to outputs that must be: at each layer either all weights are the old ones in the orders that belong
# to them, or the order ends there unproven. Runs only where a weight is proven to be permuted.
# Rejected: pairing a layer with whatever has the same order somewhere, which proves neither the path nor the bias.
"""Layers whose units were reordered, and whether the function is the same: `detect`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from modeldiff.changes import Change, Impact, InputsRewired, Matching, Nature, Reordering, Site, WeightChanged
from modeldiff.differ.orders import Order, Pair, Unproven, follow
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Call, Graph, Layer, LayerPath, Model, Shape

_Orders = tuple[Order | None, ...]


def detect(old: Model, new: Model, matching: Matching, changes: Sequence[Change]) -> Iterator[Reordering]:
    """The layers whose units are in another order on the new side, in its order."""
    permuted = any(isinstance(change, WeightChanged) and change.nature is Nature.PERMUTED for change in changes)
    if not permuted or not new.graph.has_edges or not new.graph.outputs:
        return
    reading = _Reading(old, matching, changes)
    ends = reading.through(new.graph, (), ())
    reading.fail(ends)
    places = {path: place for place, (path, _) in enumerate(new.walk())}
    for path in sorted(reading.sources, key=places.__getitem__):
        followers = tuple(sorted(reading.followers[path], key=places.__getitem__))
        yield Reordering(Site(reading.partners[path], path), followers, same_function=path not in reading.failed)


class _Reading:
    """One walk through the new model."""

    def __init__(self, old: Model, matching: Matching, changes: Iterable[Change]) -> None:
        self.olds = dict(old.walk())
        self.partners = {match.new: match.old for match in matching.matches}
        self.opaque: set[LayerPath | None] = set()
        self.permuted: set[LayerPath | None] = set()
        for change in changes:
            if isinstance(change, WeightChanged):
                if change.nature is Nature.PERMUTED:
                    self.permuted.add(change.site.new)
            elif isinstance(change, InputsRewired) or change.impact >= Impact.FUNCTIONAL:
                self.opaque.add(change.site.new)
        self.sources: set[LayerPath] = set()
        self.failed: set[LayerPath] = set()
        self.followers: dict[LayerPath, set[LayerPath]] = defaultdict(set)
        self.seen: dict[LayerPath, tuple[_Orders, _Orders]] = {}
        """Layers with weights -> what came in and what went out at their first call."""

    def fail(self, orders: Iterable[Order | None]) -> None:
        """These orders reach something that did not take them along."""
        self.failed.update(*(order.sources for order in orders if order is not None))

    def through(self, graph: Graph, parent: LayerPath, given: _Orders) -> _Orders:
        """The orders of a graph's outputs, from those of its inputs."""
        found: dict[tuple[str, int], _Orders] = {}
        inputs = {(ref.layer, ref.call): place for place, ref in enumerate(graph.inputs)}
        known = {layer.name: layer for layer in graph.layers}
        for (name, number), place in inputs.items():
            if given or name not in known or not known[name].calls:
                found[name, number] = (given[place] if place < len(given) else None,)
        waiting = [(layer, number) for layer in graph.layers for number in range(len(layer.calls))]
        while waiting:
            later = []
            for layer, number in waiting:
                if (layer.name, number) in found:
                    continue
                call = layer.calls[number]
                if any((ref.layer, ref.call) not in found and ref.layer in known for ref in call.inputs):
                    later.append((layer, number))
                    continue
                orders = tuple(_at(found.get((ref.layer, ref.call), ()), ref.output) for ref in call.inputs)
                found[layer.name, number] = self._call(layer, (*parent, layer.name), call, orders, known)
            if len(later) == len(waiting):
                break  # a loop in a damaged file: nothing is told of what depends on it
            waiting = later
        for layer, number in waiting:
            refs = layer.calls[number].inputs
            self.fail(_at(found.get((ref.layer, ref.call), ()), ref.output) for ref in refs)
        return tuple(_at(found.get((ref.layer, ref.call), ()), ref.output) for ref in graph.outputs)

    def _call(self, layer: Layer, path: LayerPath, call: Call, orders: _Orders, known: Mapping[str, Layer]) -> _Orders:
        if path in self.opaque or path not in self.partners:
            self.fail(orders)
            return ()
        if layer.body is not None and not layer.body.outputs:  # where its tensors go, the file does not tell
            self.fail(orders)
            return ()
        if layer.body is not None:
            return self.through(layer.body, path, orders or (None,) * len(layer.body.inputs))
        if path in self.seen and self.seen[path][0]:
            first, outputs = self.seen[path]
            if all(one is two or (one is not None and one.same(two)) for one, two in zip(first, orders, strict=False)):
                return outputs
            self.fail((*first, *orders, *outputs))  # one set of weights cannot follow two orders
            return ()
        outputs = self._followed(layer, path, call, orders, known)
        if layer.comparable_weights:
            self.seen[path] = orders, outputs
        return outputs

    def _followed(
        self, layer: Layer, path: LayerPath, call: Call, orders: _Orders, known: Mapping[str, Layer]
    ) -> _Orders:
        if path not in self.permuted and not any(orders):
            return ()
        shapes = tuple(_shape(known.get(ref.layer), ref.call, ref.output) for ref in call.inputs)
        try:
            order = follow(Pair(path, self.olds[self.partners[path]], layer, orders, shapes))
        except (Unproven, UnreadableFile):
            self.fail(orders)
            return ()
        if layer.comparable_weights:
            for source in frozenset[LayerPath]().union(*(one.sources for one in orders if one is not None)):
                self.followers[source].add(path)
        if order is not None and path in order.sources:
            self.sources.add(path)
        return (order,)


def _at(orders: _Orders, output: int) -> Order | None:
    """That of one output; a layer without a graph of its own gives all its outputs the same one."""
    return orders[min(output, len(orders) - 1)] if orders else None


def _shape(layer: Layer | None, call: int, output: int) -> Shape | None:
    """Shapes are known for the first call."""
    if layer is None or call or layer.output_shapes is None or output >= len(layer.output_shapes):
        return None
    return layer.output_shapes[output]
