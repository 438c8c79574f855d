# Everything that gathers nodes works on a partition of one level: each cell is a node of its own or a set of nodes
# that becomes one box. Cells are merged only where that leaves no circle, so a fold can always stand at one place
# in the flow. Back connections (a shared layer in a loop) are left out of the order.
"""A partition of one level, and its order: `Cells`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from modeldiff.diagram.merge import Edge, Level
from modeldiff.diagram.shapes import FoldKind


class Cell(NamedTuple):
    """Nodes that stand together."""

    nodes: tuple[int, ...]
    """Indexes in `Level.nodes`, ascending."""
    kind: FoldKind | None = None
    """None for a node of its own."""
    times: int = 1


@dataclass(frozen=True)
class Cells:
    """All nodes of a level, each in one cell; in the order of the flow."""

    level: Level
    cells: tuple[Cell, ...]

    @cached_property
    def home(self) -> dict[int, int]:
        """The cell of each node."""
        return {node: index for index, cell in enumerate(self.cells) for node in cell.nodes}

    @cached_property
    def crossing(self) -> list[tuple[int, int, Edge]]:
        """Connections between two cells: source cell, target cell, edge."""
        home = self.home
        found = ((home[edge.source], home[edge.target], edge) for edge in self.level.edges)
        return [(source, target, edge) for source, target, edge in found if source != target]

    def joined(self, runs: Iterable[Cell]) -> Cells:
        """The same nodes where each of `runs` is one cell; it takes whole cells only."""
        runs = list(runs)
        if not runs:
            return self
        taken = {node for cell in runs for node in cell.nodes}
        rest = [cell for cell in self.cells if cell.nodes[0] not in taken]
        return ordered(self.level, [*rest, *runs])


def single(level: Level) -> Cells:
    """Every node of its own: graph order is an order of the flow."""
    return Cells(level, tuple(Cell((index,)) for index in range(len(level.nodes))))


def ordered(level: Level, cells: Sequence[Cell]) -> Cells:
    """The cells in the order of the flow, ties in graph order."""
    cells = sorted(cells, key=lambda cell: cell.nodes[0])
    home = {node: index for index, cell in enumerate(cells) for node in cell.nodes}
    successors: list[set[int]] = [set() for _ in cells]
    waits = [0] * len(cells)
    for edge in level.edges:
        source, target = home[edge.source], home[edge.target]
        if edge.source < edge.target and source != target and target not in successors[source]:
            successors[source].add(target)
            waits[target] += 1
    ready = [index for index, count in enumerate(waits) if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for target in successors[index]:
            waits[target] -= 1
            if not waits[target]:
                heapq.heappush(ready, target)
    assert len(order) == len(cells), "a fold made a circle"
    return Cells(level, tuple(cells[index] for index in order))


def reach(cells: Cells) -> int:
    """How many cells all connections together pass: what drawing them costs."""
    return sum(abs(target - source) for source, target, _ in cells.crossing)
