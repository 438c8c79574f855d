# The numbers of a weight that changed: one pass for sums and extremes, one for the histogram, whose bins need the
# extremes. Sums are kept in float64, block by block.
"""Statistics of two weights of one shape: `measure`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Histogram, Moments, Movement
from modeldiff.differ.blocks import ENTRIES, bits, numbers, paired
from modeldiff.graph import Weight

BINS = 64
"""Bins of a histogram."""


@dataclass(slots=True)
class _Side:
    """Sums over the finite entries of one side."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    """Of the distances from `pivot`: a spread far smaller than the mean stays exact."""
    pivot: float | None = None
    low: float = math.inf
    high: float = -math.inf
    zeros: int = 0
    nan: int = 0
    inf: int = 0

    def add(self, values: NDArray[np.float64]) -> None:
        finite = values[np.isfinite(values)]
        nan = int(np.count_nonzero(np.isnan(values)))
        self.nan += nan
        self.inf += values.size - finite.size - nan
        if not finite.size:
            return
        if self.pivot is None:
            self.pivot = float(finite[0])
        centred = finite - self.pivot
        self.count += finite.size
        self.total += float(centred.sum())
        self.squares += float(np.dot(centred, centred))
        self.low = min(self.low, float(finite.min()))
        self.high = max(self.high, float(finite.max()))
        self.zeros += int(np.count_nonzero(finite == 0))

    def moments(self) -> Moments:
        if not self.count or self.pivot is None:
            return Moments(math.nan, math.nan, math.nan, math.nan, 0, self.nan, self.inf)
        mean = self.total / self.count
        std = math.sqrt(max(0.0, self.squares / self.count - mean * mean))
        return Moments(self.pivot + mean, std, self.low, self.high, self.zeros, self.nan, self.inf)


@dataclass(slots=True)
class _Sums:
    """Sums over the entries that are finite on both sides."""

    count: int = 0
    entries: int = 0
    changed: int = 0
    exceeding: int = 0
    largest: float = 0.0
    moved: float = 0.0
    old_squares: float = 0.0
    new_squares: float = 0.0
    moved_squares: float = 0.0
    product: float = 0.0
    old: _Side = field(default_factory=_Side)
    new: _Side = field(default_factory=_Side)


def measure(
    old: Weight, new: Weight, *, rtol: float = 0.0, atol: float = 0.0, entries: int = ENTRIES
) -> tuple[Movement, bool]:
    """How two weights of one shape differ, and whether an entry differs by more than `atol + rtol * |old|`.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    sums = _Sums()
    same_dtype = old.dtype == new.dtype
    for before, after in paired(old, new, entries):
        x = numbers(before, old.dtype).astype(np.float64)
        y = numbers(after, new.dtype).astype(np.float64)
        if same_dtype:
            differs = bits(before) != bits(after)
            sums.changed += int(np.count_nonzero(differs.reshape(x.size, -1).any(axis=1)))
        else:
            sums.changed += int(np.count_nonzero((x != y) & ~(np.isnan(x) & np.isnan(y))))
        _add(sums, x, y, rtol, atol)
    movement = _movement(sums, _histogram(old, new, sums, entries))
    return movement, sums.exceeding > 0


def _add(sums: _Sums, x: NDArray[np.float64], y: NDArray[np.float64], rtol: float, atol: float) -> None:
    sums.entries += x.size
    sums.old.add(x)
    sums.new.add(y)
    finite = np.isfinite(x) & np.isfinite(y)
    special = (x != y) & ~finite & ~(np.isnan(x) & np.isnan(y))
    sums.exceeding += int(np.count_nonzero(special))
    x, y = x[finite], y[finite]
    with np.errstate(over="ignore"):
        d = np.abs(y - x)
    sums.exceeding += int(np.count_nonzero(d > atol + rtol * np.abs(x)))
    if d.size:
        sums.count += d.size
        sums.largest = max(sums.largest, float(d.max()))
        sums.moved += float(d.sum())
        sums.old_squares += float(np.dot(x, x))
        sums.new_squares += float(np.dot(y, y))
        sums.moved_squares += float(np.dot(d, d))
        sums.product += float(np.dot(x, y))


def _movement(sums: _Sums, histogram: Histogram | None) -> Movement:
    old, new, moved = map(math.sqrt, (sums.old_squares, sums.new_squares, sums.moved_squares))
    return Movement(
        max_abs=sums.largest,
        mean_abs=sums.moved / sums.count if sums.count else 0.0,
        relative_l2=moved / old if old else (math.inf if moved else 0.0),
        cosine=min(1.0, max(-1.0, sums.product / (old * new))) if old and new else math.nan,
        changed_fraction=sums.changed / sums.entries if sums.entries else 0.0,
        old=sums.old.moments(),
        new=sums.new.moments(),
        histogram=histogram,
    )


def _histogram(old: Weight, new: Weight, sums: _Sums, entries: int) -> Histogram | None:
    low, high = min(sums.old.low, sums.new.low), max(sums.old.high, sums.new.high)
    if not low < high or not math.isfinite(high - low):
        return None
    counts = np.zeros((2, BINS), dtype=np.int64)
    for pair in paired(old, new, entries):
        for side, (block, dtype) in enumerate(zip(pair, (old.dtype, new.dtype), strict=True)):
            values = numbers(block, dtype).astype(np.float64)
            counts[side] += np.histogram(values[np.isfinite(values)], bins=BINS, range=(low, high))[0]
    return Histogram(low, high, tuple(counts[0].tolist()), tuple(counts[1].tolist()))
