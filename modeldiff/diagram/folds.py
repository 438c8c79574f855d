# What is folded, strict to loose. A fold never decides what is shown of it: it keeps all its layers, and whoever draws
# it counts the changes inside. Rejected: folding along the file's order alone, which tears parallel branches apart.
"""Three ways to fold: unchanged regions, repeated blocks, and bundles where a picture would be too large."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from modeldiff.diagram.cells import Cell, Cells
from modeldiff.diagram.merge import Level
from modeldiff.diagram.phase import phase
from modeldiff.diagram.shapes import FoldKind, Presence

SMALLEST = 3
"""A fold of fewer boxes would save nothing."""
LONGEST_BLOCK = 64
"""The longest repeated block that is looked for, in boxes."""


def unchanged(cells: Cells, context: int) -> Cells:
    """Fold unchanged nodes more than `context` connections away from anything told.

    Two nodes may share a fold if as many visible nodes and borders of regions stand before them on their longest way
    from the inputs, and they are connected through such nodes of their region: then no way leaves the fold and comes
    back.
    """
    level = cells.level
    makers, takers = _links(level)
    hidden = set(range(len(level.nodes))) - _near(level, makers, takers, context) - {*level.entries, *level.exits}
    if not hidden:
        return cells
    depth = _depths(level, makers, hidden)
    runs = []
    for start in sorted(hidden):
        if start not in hidden:
            continue
        hidden.discard(start)
        found, stack = [start], [start]
        before, region = depth[start], level.nodes[start].region
        while stack:
            index = stack.pop()
            for near in (*makers[index], *takers[index]):
                if near in hidden and depth[near] == before and level.nodes[near].region == region:
                    hidden.discard(near)
                    found.append(near)
                    stack.append(near)
        if len(found) >= SMALLEST:
            runs.append(Cell(tuple(sorted(found)), FoldKind.UNCHANGED))
    return cells.joined(runs)


Links = Sequence[AbstractSet[int]]
"""Of each node, those at the other end of its connections."""


def _links(level: Level) -> tuple[Links, Links]:
    """The makers and the takers of each node."""
    makers: list[set[int]] = [set() for _ in level.nodes]
    takers: list[set[int]] = [set() for _ in level.nodes]
    listed = pairwise(range(len(level.nodes))) if level.listed else ()
    for first, last in (*listed, *((edge.source, edge.target) for edge in level.edges)):
        makers[last].add(first)
        takers[first].add(last)
    return makers, takers


def _near(level: Level, makers: Links, takers: Links, context: int) -> set[int]:
    """Nodes at most `context` connections away from anything told. The far end of a skip connection is not near."""

    def beside(index: int) -> Iterator[int]:
        yield from (last for last in takers[index] if len(takers[index]) == 1 or len(makers[last]) == 1)
        yield from (first for first in makers[index] if len(makers[index]) == 1 or len(takers[first]) == 1)

    border = {index for index, node in enumerate(level.nodes) if node.is_touched}
    for edge in level.edges:
        if edge.presence is not Presence.KEPT:
            border |= {edge.source, edge.target}
    found = set(border)
    while border and context:
        border = {near for index in border for near in beside(index)} - found
        found |= border
        context -= 1
    return found


def _depths(level: Level, makers: Links, hidden: AbstractSet[int]) -> list[int]:
    """How many visible nodes and borders of regions stand before each node on its longest way."""
    regions = [node.region for node in level.nodes]
    depth = [0] * len(level.nodes)
    for index, before in enumerate(makers):
        for first in before:
            if first < index:
                passed = depth[first] + (first not in hidden or regions[first] != regions[index])
                depth[index] = max(depth[index], passed)
    return depth


def repeats(cells: Cells, *, touched: bool, lone: bool = False) -> Cells:
    """Fold all but the first of blocks built alike and connected alike, three or more in a row.

    Args:
        cells: the partition so far.
        touched: also fold blocks in which something is told.
        lone: fold only blocks that one side has; each fold is of one side.
    """
    marks = _lone_marks(cells) if lone else _marks(cells, touched=touched)
    before = [0]
    """Rows before each cell; a group of lone layers is open, any other is one box."""
    for cell in cells.cells:
        before.append(before[-1] + (sum(cells.level.nodes[node].size for node in cell.nodes) if lone else 1))
    again = _again(marks)
    runs, start = [], 0
    while start < len(marks):
        best = (0, 1, start)
        longest = min(LONGEST_BLOCK, (len(marks) - start) // 3)
        alike = again[start]
        while alike is not None and alike - start <= longest:
            period, end = alike - start, alike
            alike = again[alike]
            while end < len(marks) and marks[end] is not None and marks[end] == marks[end - period]:
                end += 1
            saved = _saved(before, start, end, period)
            if saved > best[0]:
                best = (saved, period, end)
        saved, period, end = best
        if saved < 2 * SMALLEST:
            start += 1
            continue
        shifts = [shift for shift in range(period) if _saved(before, start + shift, end, period) >= 2 * SMALLEST]
        start += phase(cells, start, period, shifts)
        times = (end - start) // period
        nodes = (node for cell in cells.cells[start + period : start + period * times] for node in cell.nodes)
        runs.append(Cell(tuple(sorted(nodes)), FoldKind.REPEAT, times - 1))
        start += period * times
    return cells.joined(runs)


def _saved(before: Sequence[int], start: int, end: int, period: int) -> int:
    """How many rows go into a fold of all but the first of three or more blocks."""
    times = (end - start) // period
    return before[start + period * times] - before[start + period] if times >= 3 else 0


def _again(marks: Sequence[int | None]) -> list[int | None]:
    """The next cell with the same mark."""
    again: list[int | None] = [None] * len(marks)
    seen: dict[int | None, int] = {}
    for index in reversed(range(len(marks))):
        if marks[index] is not None:
            again[index] = seen.get(marks[index])
            seen[marks[index]] = index
    return again


def _marks(cells: Cells, *, touched: bool) -> list[int | None]:
    """A number for what each cell is like and how far away its makers are; None where it must stay visible."""
    level = cells.level
    makers: list[list[tuple[int, Presence]]] = [[] for _ in cells.cells]
    for source, target, edge in cells.crossing:
        makers[target].append((target - source, edge.presence))
    marks: list[int | None] = []
    known: dict[Hashable, int] = {}
    ends = {*level.entries, *level.exits}
    for index, cell in enumerate(cells.cells):
        nodes = [level.nodes[node] for node in cell.nodes]
        told = [node.is_touched for node in nodes]
        if not ends.isdisjoint(cell.nodes) or (any(told) and not touched):
            marks.append(None)
            continue
        mark = tuple([(node.signature, node.region) for node in nodes]), tuple(told), tuple(makers[index])
        marks.append(known.setdefault(mark, len(known)))
    return marks


def _lone_marks(cells: Cells) -> list[int | None]:
    """The same where only layers that one side has may fold."""
    nodes = cells.level.nodes
    lone = [all(nodes[node].presence is not Presence.KEPT for node in cell.nodes) for cell in cells.cells]
    if not any(lone):
        return [None] * len(lone)
    return [mark if alone else None for mark, alone in zip(_marks(cells, touched=True), lone, strict=True)]


def bundles(cells: Cells, amount: int) -> Cells:
    """Cut the flow into about `amount` stretches, where the fewest connections pass, and fold each."""
    count = len(cells.cells)
    size = -(-count // amount)
    passing = [0] * (count + 1)
    for source, target, _ in cells.crossing:
        first, last = sorted((source, target))
        passing[first + 1] += 1
        passing[last + 1] -= 1
    for index in range(count):
        passing[index + 1] += passing[index]
    runs, start = [], 0
    while start < count:
        window = range(min(start + max(size - size // 3, 1), count), min(start + size + size // 3, count) + 1)
        end = min(window, key=lambda cut: (passing[cut] if cut < count else 0, abs(cut - start - size)))
        inside = cells.cells[start:end]
        if len(inside) > 1:
            runs.append(Cell(tuple(sorted(node for cell in inside for node in cell.nodes)), FoldKind.BUNDLE))
        start = end
    return cells.joined(runs)
