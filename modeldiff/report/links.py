# Connections as a reader follows them, from a layer to the layers beside it. They are found once for a whole graph,
# since asking each layer for its takers would look at every layer again.
"""The neighbours of a layer as links: `Links` of a comparison, `neighbours` of one model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from modeldiff.changes import DiffResult, Endpoint, Kind, Site
from modeldiff.graph import Graph, LayerPath
from modeldiff.report.view import Link, Status
from modeldiff.report.words import endpoint

Neighbours = Mapping[LayerPath, tuple[Endpoint, ...]]


class Links:
    """The connections of both models of a comparison."""

    def __init__(self, result: DiffResult) -> None:
        self.partners = {match.old: match.new for match in result.matching.matches}
        self.matched = set(self.partners.values())
        self.rewired = {change.site.new for change in result.of(Kind.INPUTS_REWIRED)} | set(result.matching.added)
        self.sides = tuple(zip(neighbours(result.old.graph), neighbours(result.new.graph), strict=True))
        """What layers take, then what takes what they make: each of the old and of the new model."""

    def of(self, site: Site, direction: int) -> Iterator[Link]:
        """Neighbours on both sides, inputs for `direction` 0 and takers for 1; those both have first, in the new order.

        What only one side lists is a connection added or removed only where the layer it leads to was rewired:
        a layer that moved into a sub-model has other neighbours in its graph, and the same tensors.
        """
        old_links, new_links = self.sides[direction]
        before = {
            (self.partners.get(end.layer, end.layer), end.layer in self.partners, end.call, end.output): end
            for end in (old_links.get(site.old, ()) if site.old is not None else ())
        }
        for end in new_links.get(site.new, ()) if site.new is not None else ():
            kept = before.pop((end.layer, end.layer in self.matched, end.call, end.output), None)
            target = site.new if direction == 0 else end.layer
            added = kept is None and site.old is not None and target in self.rewired
            yield link(end, new=True, status=Status.ADDED if added else Status.UNCHANGED)
        for end in before.values():
            partner = self.partners.get(end.layer)
            target = site.new if direction == 0 else partner
            if site.new is None or target is None or target in self.rewired:
                status = Status.REMOVED if site.new is not None else Status.UNCHANGED
                shown = end if partner is None else end._replace(layer=partner)
                yield link(shown, new=partner is not None, status=status)


def link(end: Endpoint, *, new: bool, status: Status = Status.UNCHANGED) -> Link:
    """One end of a connection, in the new model or in the old one."""
    site = Site(None, end.layer) if new else Site(end.layer, None)
    return Link(site.address, endpoint(end), status)


def neighbours(graph: Graph, prefix: LayerPath = ()) -> tuple[Neighbours, Neighbours]:
    """What each layer takes, and which layers take what it makes; within its own graph, in order, each once."""
    inputs: dict[LayerPath, dict[Endpoint, None]] = defaultdict(dict)
    outputs: dict[LayerPath, dict[Endpoint, None]] = defaultdict(dict)
    stack = [(graph, prefix)]
    while stack:
        inside, parent = stack.pop()
        paths = {layer.name: (*parent, layer.name) for layer in inside.layers}
        for layer in inside.layers:
            path = paths[layer.name]
            for index, call in enumerate(layer.calls):
                for ref in call.inputs:
                    if ref.layer in paths:
                        producer = paths[ref.layer]
                        inputs[path][Endpoint(producer, ref.call, ref.output)] = None
                        outputs[producer][Endpoint(path, index)] = None
            if layer.body is not None:
                stack.append((layer.body, path))
    return _frozen(inputs), _frozen(outputs)


def _frozen(found: Mapping[LayerPath, Mapping[Endpoint, None]]) -> Neighbours:
    return {path: tuple(ends) for path, ends in found.items()}
