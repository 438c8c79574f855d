# A net of thousands of layers has thousands of tensors of a few hundred entries and few shapes; measured one by one,
# they are 40 calls of numpy each, and the calls are all the time there is. Tensors of one shape are the rows of one
# matrix here, and every call serves all rows. The numbers are those of `movement.measure` to the last bit, which is
# why only float32 tensors shorter than a row of `sides.dot` are taken, and only where that would stay in float32.
# Rejected: the same for all dtypes and sizes (two versions of every exception, for tensors where calls cost little).
"""Statistics of many small pairs of weights at once: `movements`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Histogram, Movement
from modeldiff.differ.movement import Scan
from modeldiff.differ.sides import BINS, ROW, Side, are_tame, bin_scale
from modeldiff.graph import Weight

Rows = NDArray[np.float32]
"""A tensor in each row."""


def is_small(old: Weight, new: Weight) -> bool:
    """Whether a pair may be measured with others."""
    return old.dtype == new.dtype == "float32" and old.shape == new.shape and 0 < old.size < ROW


def movements(pairs: Mapping[int, tuple[NDArray[Any], NDArray[Any]]]) -> dict[int, Movement | None]:
    """By place in `pairs`, the values of small ones: how far they moved; None where their bytes are the same.

    What is left out must be measured alone.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for place, (old, _) in pairs.items():
        places[old.size].append(place)
    found: dict[int, Movement | None] = {}
    for alike in places.values():
        if len(alike) > 1:
            old, new = (np.concatenate([pairs[place][side] for place in alike]) for side in (0, 1))
            old, new = old.reshape(len(alike), -1), new.reshape(len(alike), -1)
            found.update((alike[row], movement) for row, movement in _moved(old, new).items())
    return found


@np.errstate(all="ignore")
def _moved(old: Rows, new: Rows) -> dict[int, Movement | None]:
    """By row."""
    changed = np.count_nonzero(old.view(np.uint32) != new.view(np.uint32), axis=1)
    moved = np.abs(new - old)
    largest = moved.max(axis=1)
    lows, highs = ([extreme(side, axis=1).astype(np.float64) for side in (old, new)] for extreme in (np.min, np.max))
    span = np.maximum(*highs) - np.minimum(*lows)
    tame = are_tame(lows[0], highs[0]) & are_tame(lows[1], highs[1]) & are_tame(largest, largest) & are_tame(span, span)
    rows = np.flatnonzero((changed > 0) & tame)
    x, y, moved = old[rows], new[rows], moved[rows]
    sums = {
        "changed": changed[rows],
        "largest": largest[rows],
        "moved": _sums(moved),
        "old_squares": _dots(x, x),
        "new_squares": _dots(y, y),
        "moved_squares": _dots(moved, moved),
        "along": _dots(x, y - x),
    }
    size, sides = x.shape[1], (_sides(x), _sides(y))
    found: dict[int, Movement | None] = dict.fromkeys(np.flatnonzero(changed == 0).tolist())
    columns = (column.tolist() for column in (rows, *sums.values()))
    for row, *told, old_side, new_side, histogram in zip(*columns, *sides, _histograms(x, y, *sides), strict=True):
        scan = Scan(0.0, 0.0, size, size, old=old_side, new=new_side, **dict(zip(sums, told, strict=True)))
        found[row] = scan.movement(histogram)
    return found


def _sides(rows: Rows) -> list[Side]:
    size = rows.shape[1]
    wide = rows.astype(np.float64)
    total = _sums(rows)
    mean = total / size
    deviation = _dots(rows, rows) - total * mean
    exact = wide.mean(axis=1)
    wide -= exact[:, None]
    is_exact = deviation <= total * mean
    means, deviations = np.where(is_exact, exact, mean), np.where(is_exact, _dots(wide, wide), deviation)
    zeros = np.count_nonzero(rows == 0, axis=1)
    columns = (means, deviations, rows.min(axis=1), rows.max(axis=1), zeros)
    found = []
    for one, other, low, high, none in zip(*(column.tolist() for column in columns), strict=True):
        side = Side(low=low, high=high, zeros=none)
        side.merge(size, one, other)
        found.append(side)
    return found


def _histograms(old: Rows, new: Rows, olds: list[Side], news: list[Side]) -> list[Histogram | None]:
    ends = [(min(a.low, b.low), max(a.high, b.high)) for a, b in zip(olds, news, strict=True)]
    lows = np.array([low for low, _ in ends], np.float32)[:, None]
    scales = np.array([bin_scale(low, high) if low < high else 0.0 for low, high in ends], np.float32)[:, None]
    counts = []
    for rows in (old, new):
        places = ((rows - lows) * scales).astype(np.int64) + np.arange(0, BINS * len(rows), BINS)[:, None]
        counts.append(np.bincount(places.reshape(-1), minlength=BINS * len(rows)).reshape(-1, BINS).tolist())
    return [
        Histogram(low, high, tuple(before), tuple(after)) if low < high else None
        for (low, high), before, after in zip(ends, *counts, strict=True)
    ]


def _dots(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """<a, b> of each row, as `sides.dot` of one."""
    products: NDArray[np.float64] = np.matmul(a[:, None, :], b[:, :, None])[:, 0, 0].astype(np.float64)
    return products


def _sums(rows: Rows) -> NDArray[np.float64]:
    """The sum of each row, as `sides.summed` of one."""
    total: NDArray[np.float64] = rows.astype(np.float64).sum(axis=1)
    return total
