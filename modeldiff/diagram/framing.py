# Layers that came, went or moved together stand in one frame. A frame goes around whole boxes and takes no part in the
# flow, so a block whose layers are scattered needs no box of its own that everything else would have to go around.
# Where all of a sub-model or a scope belongs to one region, the frame goes around the group and not inside it.
"""Which nodes and boxes belong to which region: `mark`, `lift`, `sizes`, `framed`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from modeldiff.changes import DiffResult, Site
from modeldiff.diagram.cells import Cell
from modeldiff.diagram.merge import Level, Node
from modeldiff.diagram.shapes import Frame
from modeldiff.regions import RegionKind

SMALLEST = 3
"""A frame around fewer layers would say nothing, unless they are built like others."""


def mark(level: Level, result: DiffResult) -> None:
    """Tell the nodes of every block that came, went or moved which region they belong to."""
    regions = {}
    for index, region in enumerate(result.regions):
        is_old = region.kind is RegionKind.BLOCK_REMOVED
        tells = region.kind is RegionKind.BLOCK_MOVED or len(region.layers) >= SMALLEST or region.like
        if region.kind is RegionKind.SHAPES_FOLLOW or not tells:
            continue  # the rows say it
        for path in region.layers:
            regions[Site(path if is_old else None, None if is_old else path).address] = index
    if regions:
        for node in _nodes(level):
            node.region = regions.get(node.row.address) if node.row is not None else None


def lift(level: Level) -> None:
    """Let a group belong to the region that all of its layers belong to, but for the inputs of a sub-model."""
    for node in level.nodes:
        if node.inner is None:
            continue
        lift(node.inner)
        ports = node.inner.entries if node.row is not None else ()
        inside = [one for index, one in enumerate(node.inner.nodes) if one.region is not None or index not in ports]
        found = {one.region for one in inside}
        if len(found) == 1 and None not in found and {one.presence for one in inside} == {node.presence}:
            node.region = found.pop()
            for one in inside:
                one.region = None


def sizes(level: Level) -> Counter[int]:
    """How many nodes belong to each region."""
    return Counter(node.region for node in _nodes(level) if node.region is not None)


def region_of(level: Level, cell: Cell) -> int | None:
    """The region that all of a cell belongs to."""
    found = {level.nodes[node].region for node in cell.nodes}
    return found.pop() if len(found) == 1 else None


def framed(level: Level, boxes: Sequence[Sequence[Cell]], known: Counter[int]) -> Iterator[Frame]:
    """The frames of one body.

    Args:
        level: what is drawn.
        boxes: the cells of each box.
        known: how many nodes of the whole picture belong to each region.
    """
    if not known:
        return
    members: dict[int, list[int]] = defaultdict(list)
    counts = Counter[int]()
    for index, cells in enumerate(boxes):
        region = region_of(level, cells[0])  # the cells of a card share it
        if region is not None:
            members[region].append(index)
            counts[region] += sum(len(cell.nodes) for cell in cells)
    for region, found in members.items():
        yield Frame(region, tuple(found), is_whole=counts[region] == known[region])


def _nodes(level: Level) -> Iterator[Node]:
    for node in level.nodes:
        yield node
        if node.inner is not None:
            yield from _nodes(node.inner)
