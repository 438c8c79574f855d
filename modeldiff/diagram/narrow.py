# A picture that is wider than its page is shown so small that nobody reads it. So where more boxes than asked for stand
# side by side, what stands there is folded into one line for each place in the flow: parallel branches become one fold
# that counts them. What is told stays outside for as long as that helps. Widths in points are not known here: whoever
# draws the picture tries fewer boxes abreast until it fits.
"""Fold what stands side by side: `narrowed`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from modeldiff.diagram.cells import Cell, Cells
from modeldiff.diagram.runs import runs, siblings
from modeldiff.diagram.shapes import FoldKind

ROUNDS = 6
"""Folding moves boxes to other ranks, where again too many may stand; it is enough to look a few times."""


def narrowed(cells: Cells, abreast: int, *, whatever: bool, compares: bool) -> Cells:
    """Fold until at most `abreast` boxes stand side by side, as far as that can be.

    Args:
        cells: the partition so far.
        abreast: how many boxes may stand on one rank.
        whatever: also fold inputs, outputs and layers at which something is told.
        compares: whether folds of untouched layers are called unchanged.
    """
    if cells.level.listed:
        return cells
    if whatever:  # only what is too wide all the same, so that changes elsewhere stay outside
        cells = narrowed(cells, abreast, whatever=False, compares=compares)
    for _ in range(ROUNDS):
        hidden = _hidden(cells, abreast, whatever=whatever)
        found = list(_folds(cells, hidden, compares=compares))
        if not found:
            return cells
        cells = cells.joined(found)
    return cells


def _hidden(cells: Cells, abreast: int, *, whatever: bool) -> set[int]:
    """The cells of boxes that stand on ranks with too many, and folds, which may take them in."""
    level = cells.level
    boxes = runs(cells, siblings(cells, narrow=True))
    ranks = _ranks(cells, boxes)
    hidden = set()
    for box, rank in zip(boxes, ranks, strict=True):
        is_wide = ranks.count(rank) > abreast
        for index in box:
            nodes = cells.cells[index].nodes
            is_end = any(node in level.entries or node in level.exits for node in nodes)
            is_told = any(level.nodes[node].is_touched for node in nodes)
            is_line = cells.cells[index].kind in {FoldKind.UNCHANGED, FoldKind.BUNDLE}
            if is_wide if whatever else (is_wide or is_line) and not (is_end or is_told):
                hidden.add(index)
    return hidden


def _ranks(cells: Cells, boxes: list[list[int]]) -> list[int]:
    """How many boxes stand above each one on its longest way; an input stands just above what takes it."""
    home = {index: box for box, run in enumerate(boxes) for index in run}
    makers: dict[int, set[int]] = defaultdict(set)
    takers: dict[int, set[int]] = defaultdict(set)
    for source, target, _ in cells.crossing:
        if source < target and home[source] != home[target]:
            makers[home[target]].add(home[source])
            takers[home[source]].add(home[target])
    rank = [0] * len(boxes)
    for box in sorted(range(len(boxes)), key=lambda box: boxes[box][-1]):
        rank[box] = max((rank[maker] + 1 for maker in makers[box]), default=0)
    for box in range(len(boxes)):
        if not makers[box] and takers[box]:
            rank[box] = min(rank[taker] for taker in takers[box]) - 1
    return rank


def _folds(cells: Cells, hidden: set[int], *, compares: bool) -> Iterator[Cell]:
    """One fold of all hidden cells before which as many visible cells and borders of regions stand.

    No way leaves such a fold and comes back: it would pass a visible cell, and count it.
    """
    level = cells.level
    region = [{level.nodes[node].region for node in cell.nodes} for cell in cells.cells]
    depth = [0] * len(cells.cells)
    makers: dict[int, set[int]] = defaultdict(set)
    for source, target, _ in cells.crossing:
        if source < target:
            makers[target].add(source)
    groups: dict[tuple[int, frozenset[int | None]], list[int]] = defaultdict(list)
    for index in range(len(cells.cells)):
        ways = (depth[maker] + (maker not in hidden or region[maker] != region[index]) for maker in makers[index])
        depth[index] = max(ways, default=0)
        if index in hidden:
            groups[depth[index], frozenset(region[index])].append(index)
    for members in groups.values():
        if len(members) < 2:
            continue
        nodes = tuple(sorted(node for index in members for node in cells.cells[index].nodes))
        is_told = any(level.nodes[node].is_touched for node in nodes)
        yield Cell(nodes, FoldKind.UNCHANGED if compares and not is_told else FoldKind.BUNDLE)
