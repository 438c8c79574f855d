# A layer that moved stands where it is today. At the place that it left stands a trace, in the flow like a box: the old
# connections lead through it, instead of across the whole picture to where the layer is now. Layers that moved into a
# sub-model which is new itself leave none: the sub-model stands where they were.
"""Which places moved layers left: `traces`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modeldiff.changes import DiffResult, LayerMoved
from modeldiff.diagram.wires import graphs, wires
from modeldiff.graph import LayerPath
from modeldiff.regions import RegionKind


@dataclass(frozen=True, slots=True)
class Left:
    """One place that layers left. All paths are of the old model."""

    layers: tuple[LayerPath, ...]
    """Connected to one another, in the order of the file."""
    sources: frozenset[LayerPath]
    """What fed them."""
    takers: tuple[LayerPath, ...]
    """What they fed."""
    region: int | None = None
    """Index in `DiffResult.regions`; None where they moved to another parent."""
    parted: frozenset[tuple[LayerPath, LayerPath]] = frozenset()
    """Connections of others that the moved block stands in now."""


def traces(result: DiffResult) -> tuple[Left, ...]:
    """All places that layers left: of moved blocks, then of layers in another parent."""
    old = {match.new: match.old for match in result.matching.matches}
    groups: dict[LayerPath, tuple[object, int | None]] = {}
    """Old path of each moved layer: what it moved with."""
    parted: dict[int, frozenset[tuple[LayerPath, LayerPath]]] = {}
    for index, region in enumerate(result.regions):
        if region.kind is not RegionKind.BLOCK_MOVED:
            continue
        groups.update((old[path], (index, index)) for path in region.layers)
        outside = (old[path] for path in region.rewired if path not in region.layers)
        parted[index] = frozenset((old[region.after], path) for path in outside if region.after in old)
    known = {(), *old}
    stayed = {(), *old.values()}
    for change in result.changes:
        if isinstance(change, LayerMoved) and change.after in known and change.before in stayed and change.site.old:
            groups.setdefault(change.site.old, ((change.before, change.after), None))
    return tuple(_places(result, groups, parted)) if groups else ()


def _places(
    result: DiffResult,
    groups: dict[LayerPath, tuple[object, int | None]],
    parted: dict[int, frozenset[tuple[LayerPath, LayerPath]]],
) -> Iterator[Left]:
    links = [(wire.source, wire.target) for path, graph in graphs(result.old.graph) for wire in wires(graph, path)]
    near: dict[LayerPath, list[LayerPath]] = defaultdict(list)
    for source, target in links:
        if source in groups and groups[source] == groups.get(target):
            near[source].append(target)
            near[target].append(source)
    feeding: dict[LayerPath, list[LayerPath]] = defaultdict(list)
    fed: dict[LayerPath, list[LayerPath]] = defaultdict(list)
    for source, target in links:
        feeding[target].append(source)
        fed[source].append(target)
    order = {path: place for place, (path, _) in enumerate(result.old.walk())}
    for members in _components(sorted(groups, key=order.__getitem__), near):
        inside = set(members)
        sources = frozenset(source for path in members for source in feeding[path]) - inside
        takers = dict.fromkeys(taker for path in members for taker in fed[path] if taker not in inside)
        if sources or takers:
            region = groups[members[0]][1]
            yield Left(
                layers=tuple(sorted(inside, key=order.__getitem__)),
                sources=sources,
                takers=tuple(takers),
                region=region,
                parted=parted[region] if region is not None else frozenset(),
            )


def _components(paths: Iterable[LayerPath], near: dict[LayerPath, list[LayerPath]]) -> Iterator[list[LayerPath]]:
    seen: set[LayerPath] = set()
    for start in paths:
        if start in seen:
            continue
        seen.add(start)
        found, stack = [start], [start]
        while stack:
            for other in near[stack.pop()]:
                if other not in seen:
                    seen.add(other)
                    found.append(other)
                    stack.append(other)
        yield found
