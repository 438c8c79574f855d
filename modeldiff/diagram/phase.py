# A run of repeated blocks may be cut into blocks at as many places as a block has boxes, and the first place where it
# repeats is rarely where a person would say that a block begins: the first convolution of a chain has other channels,
# so the repetition starts at what follows it. Names say best where a block begins, then the wiring, then the classes.
"""Where a repeated block begins: `phase`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modeldiff.diagram.cells import Cells
from modeldiff.diagram.merge import Node

BLOCKS = 3
"""Blocks that are looked at."""


def phase(cells: Cells, start: int, period: int, shifts: Sequence[int]) -> int:
    """The best of `shifts`.

    Args:
        cells: the partition.
        start: the first cell of the run.
        period: cells in a block.
        shifts: how many cells of the run may stand before its first block; three blocks follow each.
    """
    if len(shifts) == 1:
        return shifts[0]
    kinds = [cells.level.nodes[cell.nodes[0]].class_name for cell in cells.cells[: start + period]]
    before = 0  # cells before the run that a block of the same classes would have
    while before < min(period - 1, start) and kinds[start - before - 1] == kinds[start - before - 1 + period]:
        before += 1
    passing: dict[int, list[int]] = {shift: [] for shift in shifts}
    for source, target, _ in cells.crossing:
        for shift, found in passing.items():
            if source < start + shift + period <= target:
                found.append(source)

    def merit(shift: int) -> tuple[int, int, int, bool, int]:
        blocks = [start + shift + period * number for number in range(BLOCKS)]
        shared = sum(_shared(cells, block, block + period) for block in blocks)
        makers = passing[shift]
        return shared, -len(set(makers)), len(makers), (shift + before) % period == 0, -shift

    return max(shifts, key=merit)


def _shared(cells: Cells, start: int, end: int) -> int:
    """How many characters all names of a block begin with, up to a separator: 3 of `b2_conv`, `b2_bn`."""
    names = [_name(cells.level.nodes[node]) for cell in cells.cells[start:end] for node in cell.nodes]
    least, most = min(names), max(names)
    alike = next((at for at, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), len(least))
    found = re.match(r".*[_./~-]", least[:alike])
    return len(found[0]) if found else 0


def _name(node: Node) -> str:
    return node.scope or (node.row.address.rpartition("/")[2].rpartition("=")[2] if node.row is not None else "")
