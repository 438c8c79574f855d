# A shared layer that becomes two, or two that become one, is a pair and a lone layer to the matching, as it must be:
# each layer has one partner. That the lone one stands where a call of the shared one stood is told beside it, and only
# where one layer alone can be meant: it has the class of the shared one and takes what that call took.
"""What lone layers have to do with shared ones: `told`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from modeldiff.changes import DiffResult, Endpoint, InputsRewired, Kind, Site
from modeldiff.graph import Layer, LayerPath, format_path
from modeldiff.report.links import Neighbours
from modeldiff.report.view import Code, Phrase

Sides = tuple[Mapping[LayerPath, Layer], Mapping[LayerPath, Layer]]
Taken = tuple[str, tuple[Endpoint, ...]]
"""A class and what a layer of it takes, as the new model calls it."""


def told(
    result: DiffResult,
    layers: Sides,
    inputs: tuple[Neighbours, Neighbours],
) -> dict[Site, Phrase]:
    """`in place of call 2 of tower, which is no longer shared`, by the site of an added or a removed layer.

    Args:
        result: the comparison.
        layers: of the old and of the new model.
        inputs: what each of them takes.
    """
    calls: dict[tuple[bool, Taken], list[InputsRewired]] = defaultdict(list)
    partners = {match.old: match.new for match in result.matching.matches}

    def taken(layer: Layer, ends: tuple[Endpoint, ...], *, is_old: bool) -> Taken:
        if is_old:
            ends = tuple(Endpoint(partners.get(end.layer, ("", *end.layer)), end.call, end.output) for end in ends)
        return layer.canonical_class, tuple(dict.fromkeys(ends))

    for change in result.of(Kind.INPUTS_REWIRED):
        if isinstance(change, InputsRewired) and bool(change.before) is not bool(change.after):
            layer, is_gone = layers[1][change.site.new or ()], bool(change.before)
            calls[is_gone, taken(layer, change.before or change.after, is_old=is_gone)].append(change)
    if not calls:
        return {}
    lone: dict[tuple[bool, Taken], list[Site]] = defaultdict(list)
    for is_new, paths in ((False, result.matching.removed), (True, result.matching.added)):
        for path in paths:
            lone[is_new, taken(layers[is_new][path], inputs[is_new].get(path, ()), is_old=not is_new)].append(
                Site(None, path) if is_new else Site(path, None)
            )
    found = {}
    for (is_gone, place), changes in calls.items():
        sites = lone.get((is_gone, place), [])
        if len(changes) == len(sites) == 1:
            found[sites[0]] = _words(changes[0], layers, is_gone=is_gone)
    return found


def _words(change: InputsRewired, layers: Sides, *, is_gone: bool) -> Phrase:
    old, new = layers[0][change.site.old or ()], layers[1][change.site.new or ()]
    call: Phrase = (f"call {change.call + 1} of ", Code(format_path(change.site.new or ())))
    if is_gone:
        return ("in place of ", *call, ", which is no longer shared" if len(new.calls) == 1 else "")
    return ("its place is taken by ", *call, ", which is shared now" if len(old.calls) == 1 else "")
