# What is measured of one side of a weight, block by block, whether or not there is another side: sums and extremes in
# one pass, and in a second one the histogram, whose bins need the extremes. float32 arithmetic where it is exact
# enough (it is twice as fast, and memory is what this waits for), float64 for a block where it would not be: NaN,
# infinities, magnitudes whose squares leave float32, a spread smaller than the mean. Sums over blocks are float64 in
# any case.
# Blocks are large (1 MB) although smaller ones fit a nearer cache: threads take turns at the interpreter between
# two numpy calls, and short calls make them queue (64 Ki entries: 2.0 s for a pair of 1 GiB; 256 Ki: 1.3 s).
# Rejected: `np.histogram` (10 times slower than counting scaled integers), `np.dot` of whole blocks (starts
# OpenBLAS' own threads above 10 000 entries), a running sum of squares (loses the deviation of what is near 1).
"""Moments and histograms of streams of numbers: `Side`, `Bins`."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Histogram, Moments
from modeldiff.differ.blocks import bits
from modeldiff.graph import Weight

BINS = 64
"""Bins of a histogram."""

_SMALLEST, _LARGEST = 1e-15, 1e15
"""Magnitudes whose squares, summed over a block, stay inside float32 with all their digits."""

_EXACT_IN_SINGLE = frozenset({"float32", "float16", "bfloat16", "bool", "int8", "uint8", "int16", "uint16"})
"""Dtypes whose values float32 holds exactly."""

ROW = 1024
"""Entries that float32 sums with all its digits."""


@dataclass(slots=True)
class Side:
    """The finite entries of one side: mean and squared deviation, merged block by block (Chan, Golub, LeVeque)."""

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    zeros: int = 0
    nan: int = 0
    inf: int = 0

    def add(self, values: NDArray[Any], scratch: Scratch) -> None:
        """Take in one block."""
        low, high = extremes(values)
        if is_tame(low, high):
            self.add_tame(values, low, high, scratch)
        else:
            self.add_exactly(values.astype(np.float64))

    def add_tame(self, values: NDArray[Any], low: float, high: float, scratch: Scratch) -> float:
        """Take in one block of finite entries between `low` and `high`; returns the sum of their squares."""
        squares, total = dot(values, values), summed(values)
        mean = total / values.size
        deviation = squares - total * mean
        if deviation > total * mean:
            self.merge(values.size, mean, deviation)
        else:
            self._merge_exactly(values.astype(np.float64))
        self.zeros += scratch.zeros(values)
        self._extend(low, high)
        return squares

    def add_exactly(self, values: NDArray[np.float64]) -> None:
        """Take in one block of any entries."""
        finite = values[np.isfinite(values)]
        nan = int(np.count_nonzero(np.isnan(values)))
        self.nan += nan
        self.inf += values.size - finite.size - nan
        self.zeros += int(np.count_nonzero(finite == 0))
        self._merge_exactly(finite)
        if finite.size:
            self._extend(float(finite.min()), float(finite.max()))

    def merge(self, count: int, mean: float, deviation: float) -> None:
        """Take in `count` entries with their mean and the sum of their squared distances from it."""
        if count:
            total = self.count + count
            step = mean - self.mean
            self.deviation += max(0.0, deviation) + step * step * self.count * count / total
            self.mean += step * count / total
            self.count = total

    def _merge_exactly(self, values: NDArray[np.float64]) -> None:
        """Take in finite entries."""
        if values.size:
            mean = float(values.mean())
            centred = values - mean
            self.merge(values.size, mean, dot(centred, centred))

    def _extend(self, low: float, high: float) -> None:
        """Take in the extremes of some entries."""
        self.low, self.high = min(self.low, low), max(self.high, high)

    def moments(self) -> Moments:
        """What is told about this side."""
        if not self.count:
            return Moments(math.nan, math.nan, math.nan, math.nan, 0, self.nan, self.inf)
        std = math.sqrt(self.deviation / self.count)
        return Moments(self.mean, std, self.low, self.high, self.zeros, self.nan, self.inf)


class Scratch:
    """Buffers for one block, kept by their thread: fresh ones would be paid for page by page for every weight."""

    def __init__(self, entries: int, dtype: type[np.floating[Any]]) -> None:
        self.entries = entries
        self.dtype = dtype
        self.values = np.empty(entries, dtype)
        self.flags = np.empty(entries, bool)
        self.places = np.empty((2, entries), np.int16)
        self.both = np.empty(entries, np.intp)

    def zeros(self, values: NDArray[Any]) -> int:
        """How many entries are zero."""
        flags = self.flags[: values.size]
        np.equal(values, 0, out=flags)
        return int(np.count_nonzero(flags))

    def differing(self, before: NDArray[Any], after: NDArray[Any]) -> int:
        """How many entries of one dtype have other bits."""
        if before.dtype.kind == "f" and before.itemsize > 8:  # the bytes beside its 80 bits are anything
            return int(np.count_nonzero((before != after) & ~(np.isnan(before) & np.isnan(after))))
        x, y = bits(before), bits(after)
        if x.size != before.size:  # wider than 8 bytes: several words each
            return int(np.count_nonzero((x != y).reshape(before.size, -1).any(axis=1)))
        flags = self.flags[: x.size]
        np.not_equal(x, y, out=flags)
        return int(np.count_nonzero(flags))


_KEPT = threading.local()


def scratch_for(entries: int, *weights: Weight) -> Scratch:
    """The buffers of this thread for blocks of `entries` entries of `weights`."""
    dtypes = {weight.dtype for weight in weights}
    dtype = np.float32 if dtypes <= _EXACT_IN_SINGLE else np.float64
    size = min(entries, max(weight.size for weight in weights))
    size *= 2 if any("complex" in name for name in dtypes) else 1
    kept: Scratch | None = getattr(_KEPT, "scratch", None)
    if kept is None or kept.entries < size or kept.dtype is not dtype:
        kept = _KEPT.scratch = Scratch(size, dtype)
    return kept


class Bins:
    """Entries counted over bins of equal width, two streams at once: the pair of bins is one number below `BINS`²."""

    def __init__(self, low: float, high: float, scratch: Scratch) -> None:
        self.low, self.high = low, high
        self._scratch = scratch
        self._dtype = scratch.dtype if is_tame(low, high) and is_tame(high - low, high - low) else np.float64
        self._scale = self._dtype(bin_scale(low, high))
        self._scaled = scratch.values if scratch.dtype is self._dtype else np.empty(scratch.entries, self._dtype)
        self._table: NDArray[np.int64] | None = None
        """Of large blocks, by the pair of bins."""
        self._sides = np.zeros((2, BINS), np.int64)
        """Of small ones, by stream: the table would be larger than what it counts."""
        self._twice = np.zeros(BINS, np.int64)

    def add(self, x: NDArray[Any], y: NDArray[Any], *, hidden: bool = False) -> None:
        """Count the entries of two blocks of one size; `hidden`: some are not finite, and count in the first bin."""
        for number, values in enumerate((x, y)):
            self._place(values, number, hidden=hidden)
        first, second = self._scratch.places[:, : x.size]
        if x.size < BINS * BINS:
            self._sides[0] += np.bincount(first, minlength=BINS)
            self._sides[1] += np.bincount(second, minlength=BINS)
            return
        both = self._scratch.both[: x.size]
        np.multiply(first, BINS, out=first)
        np.add(first, second, out=both)
        counts = np.bincount(both, minlength=BINS * BINS)
        self._table = counts if self._table is None else self._table + counts

    def add_alone(self, values: NDArray[Any], *, hidden: bool = False) -> None:
        """Count one block: its halves as two, and an odd entry in the middle in both."""
        half, odd = divmod(values.size, 2)
        self.add(values[: half + odd], values[half:], hidden=hidden)
        if odd:
            self._twice[self._scratch.places[1, 0]] += 1

    def _place(self, values: NDArray[Any], number: int, *, hidden: bool) -> None:
        low, scaled = self._dtype(self.low), self._scaled[: values.size]
        values = values.astype(self._dtype, copy=False)
        if hidden:
            values = np.where(np.isfinite(values), values, low)
        np.subtract(values, low, out=scaled)
        np.multiply(scaled, self._scale, out=scaled)
        np.copyto(self._scratch.places[number, : values.size], scaled, casting="unsafe")

    def sides(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What was counted of each stream."""
        before, after = self._sides.copy()
        if self._table is not None:
            table = self._table.reshape(BINS, BINS)
            before += table.sum(axis=1)
            after += table.sum(axis=0)
        return before, after

    def alone(self) -> NDArray[np.int64]:
        """What was counted of the one stream."""
        before, after = self.sides()
        return before + after - self._twice


def bin_scale(low: float, high: float) -> float:
    """Bins for each unit between `low` and `high`, which falls into the last one."""
    return BINS * (1 - 2.0**-20) / (high - low)


def bins_over(scratch: Scratch, *sides: Side) -> Bins | None:
    """Bins for all entries of `sides`; None where they have no spread, or none that can be cut."""
    low, high = min(side.low for side in sides), max(side.high for side in sides)
    return Bins(low, high, scratch) if low < high and math.isfinite(high - low) else None


def histogram(bins: Bins, *counted: tuple[NDArray[np.int64], Side] | None) -> Histogram:
    """Both sides, () for one that is None; what is not finite is taken out of the first bin."""
    counts: list[tuple[int, ...]] = []
    for one in counted:
        if one is None:
            counts.append(())
            continue
        amounts, side = one
        amounts[0] -= side.nan + side.inf
        counts.append(tuple(amounts.tolist()))
    return Histogram(bins.low, bins.high, *counts)


def extremes(values: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest entry; NaN where there is one."""
    return float(values.min()), float(values.max())


def is_tame(low: float, high: float) -> bool:
    """Whether the squares of entries between `low` and `high` may be summed in float32."""
    magnitude = max(-low, high)
    return magnitude == 0 or _SMALLEST <= magnitude <= _LARGEST


def are_tame(lows: NDArray[Any], highs: NDArray[Any]) -> NDArray[np.bool_]:
    """`is_tame` of each pair."""
    magnitude = np.maximum(-lows, highs).astype(np.float64)
    tame: NDArray[np.bool_] = (magnitude == 0) | ((magnitude >= _SMALLEST) & (magnitude <= _LARGEST))
    return tame


def dot(a: NDArray[Any], b: NDArray[Any]) -> float:
    """<a, b>, in rows short enough for the precision of float32 and for one thread."""
    whole = a.size // ROW * ROW
    total = float(np.dot(a[whole:], b[whole:]))
    if whole:
        rows = np.matmul(a[:whole].reshape(-1, 1, ROW), b[:whole].reshape(-1, ROW, 1))
        total += float(rows.sum(dtype=np.float64))
    return total


def summed(values: NDArray[Any]) -> float:
    """The sum, as exact as `dot`."""
    whole = values.size // ROW * ROW
    total = float(values[whole:].sum(dtype=np.float64))
    if whole:
        rows = np.matmul(values[:whole].reshape(-1, 1, ROW), np.ones((ROW, 1), values.dtype))
        total += float(rows.sum(dtype=np.float64))
    return total
