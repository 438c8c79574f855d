# Alignment of two sequences with affine gaps (Gotoh), a row at a time in numpy: a block that was inserted is one gap.
# Windows too large for a full table are cut to a band around the diagonal, so that time and memory stay linear in the
# number of layers. Rejected: difflib (no scores), and a table over the whole model.
"""`align`: the best order-preserving pairing of two sequences."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

_OPEN, _EXTEND = 1.0, 0.15
_CELLS = 400_000
_ROWS = 64
"""So many rows are scored at once."""
_BAND = 120
_NEVER = -1e9

_BY_PAIR, _BY_OLD_GAP, _BY_NEW_GAP = 0, 1, 2
_OLD_GAP_GOES_ON, _NEW_GAP_GOES_ON, _GAP_AFTER_PAIR = 4, 8, 16


def align(
    rows: int,
    columns: int,
    scores: Callable[[int, int, int, int], Scores],
    guides: Callable[[], Sequence[tuple[int, int]]] = tuple,
) -> list[tuple[int, int]]:
    """Pairs (row, column), both ascending, with the largest sum of scores less gap costs.

    `scores(first, last, low, high)` gives those of some rows with some columns; both ends are exclusive. Where the
    table is too large, only a band is looked at, along the line through `guides()`: likely pairs, both ascending.
    """
    if not rows or not columns:
        return []
    if rows * columns <= _CELLS:
        lows, highs = [0] * rows, [columns] * rows
    else:
        lows, highs = _band(rows, columns, guides())
    position = np.arange(columns + 1, dtype=np.float64)
    best = -_OPEN - _EXTEND * (position - 1)
    best[0] = 0.0
    gap = np.full(columns + 1, _NEVER)
    steps: list[tuple[int, NDArray[np.uint8]]] = []
    for low, high, told in _scored(scores, lows, highs):
        area = slice(low, high + 1)
        opened = best[area] - _OPEN
        extended = gap[area] - _EXTEND
        goes_on = extended > opened
        old_gap = np.where(goes_on, extended, opened)
        paired = np.full(high + 1 - low, _NEVER)
        first = max(low, 1)
        paired[first - low :] = best[first - 1 : high] + told
        by_pair = paired >= old_gap
        start = np.where(by_pair, paired, old_gap)
        slope = start + _EXTEND * position[area]
        reach = np.maximum.accumulate(slope)
        new_gap = np.full(high + 1 - low, _NEVER)
        new_gap[1:] = reach[:-1] - _OPEN - _EXTEND * (position[low + 1 : high + 1] - 1)
        new_goes_on = np.zeros(high + 1 - low, bool)
        new_goes_on[1:] = reach[:-1] > slope[:-1]
        by_gap = new_gap > start
        code = np.where(by_gap, _BY_NEW_GAP, np.where(by_pair, _BY_PAIR, _BY_OLD_GAP)).astype(np.uint8)
        code |= np.where(goes_on, _OLD_GAP_GOES_ON, 0).astype(np.uint8)
        code |= np.where(new_goes_on, _NEW_GAP_GOES_ON, 0).astype(np.uint8)
        code |= np.where(by_pair, _GAP_AFTER_PAIR, 0).astype(np.uint8)
        steps.append((low, code))
        best = np.full(columns + 1, _NEVER)
        best[area] = np.where(by_gap, new_gap, start)
        gap = np.full(columns + 1, _NEVER)
        gap[area] = old_gap
    return _trace(steps, rows, columns)


def _scored(
    scores: Callable[[int, int, int, int], Scores], lows: list[int], highs: list[int]
) -> Iterator[tuple[int, int, Scores]]:
    """Of each row its bounds, and the scores from the column before the lower one on."""
    for first in range(0, len(lows), _ROWS):
        last = min(first + _ROWS, len(lows))
        start = max(lows[first], 1) - 1
        block = scores(first, last, start, highs[last - 1])
        for row, low, high in zip(block, lows[first:last], highs[first:last], strict=True):
            yield low, high, row[max(low, 1) - 1 - start : high - start]


def _band(rows: int, columns: int, guides: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """The first and last column to look at in every row; never going back, and overlapping from row to row."""
    points = [(-1, -1), *guides, (rows, columns)]
    lows, highs = [0] * rows, [columns] * rows
    for (row, column), (next_row, next_column) in pairwise(points):
        width = _BAND + abs((next_row - row) - (next_column - column))
        for inner in range(max(row, 0), min(next_row + 1, rows)):
            centre = column + (inner - row) * (next_column - column) // max(1, next_row - row)
            lows[inner], highs[inner] = max(0, centre - width), min(columns, centre + width)
    for row in range(1, rows):
        lows[row] = max(lows[row], lows[row - 1])
        highs[row] = max(highs[row], highs[row - 1])
        lows[row] = min(lows[row], highs[row - 1])
    highs[-1] = columns
    return lows, highs


def _trace(steps: list[tuple[int, NDArray[np.uint8]]], rows: int, columns: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    row, column = rows, columns
    while row > 0 and column > 0:
        low, codes = steps[row - 1]
        code = int(codes[column - low])
        by = code & 3
        if by == _BY_NEW_GAP:
            while code & _NEW_GAP_GOES_ON:
                column -= 1
                code = int(codes[column - low])
            column -= 1
            if column <= 0:
                break
            code = int(codes[column - low])
            by = _BY_PAIR if code & _GAP_AFTER_PAIR else _BY_OLD_GAP
        if by == _BY_PAIR:
            pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
            continue
        while code & _OLD_GAP_GOES_ON and row > 1:
            row -= 1
            low, codes = steps[row - 1]
            code = int(codes[column - low])
        row -= 1
    return pairs[::-1]


def ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs that ascends on both sides."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for position, (_, rank) in enumerate(pairs):
        slot = bisect_left(tails, rank)
        before.append(at[slot - 1] if slot else -1)
        tails[slot : slot + 1] = [rank]
        at[slot : slot + 1] = [position]
    chain = []
    position = at[-1] if at else -1
    while position >= 0:
        chain.append(pairs[position])
        position = before[position]
    return chain[::-1]
