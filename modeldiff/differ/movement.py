# The numbers of a weight that changed. Two passes over blocks that stay in cache: sums and extremes, then the
# histogram, whose bins need the extremes. float32 arithmetic where it is exact enough (it is twice as fast, and
# memory is what this waits for), float64 for a block where it would not be: NaN, infinities, magnitudes whose
# squares leave float32, a spread smaller than the mean. Sums over blocks are float64 in any case.
# Blocks are large (1 MB) although smaller ones fit a nearer cache: threads take turns at the interpreter between
# two numpy calls, and short calls make them queue (64 Ki entries: 2.0 s for a pair of 1 GiB; 256 Ki: 1.3 s).
# Rejected: `np.histogram` (10 times slower than counting scaled integers), `np.dot` of whole blocks (starts
# OpenBLAS' own threads above 10 000 entries), a running sum of squares (loses the deviation of what is near 1).
"""Statistics of two weights of one shape: `measure`."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Histogram, Moments, Movement
from modeldiff.differ.blocks import ENTRIES, bits, numbers, paired
from modeldiff.graph import Weight

BINS = 64
"""Bins of a histogram."""

_SMALLEST, _LARGEST = 1e-15, 1e15
"""Magnitudes whose squares, summed over a block, stay inside float32 with all their digits."""

_EXACT_IN_SINGLE = frozenset({"float32", "float16", "bfloat16", "bool", "int8", "uint8", "int16", "uint16"})
"""Dtypes whose values float32 holds exactly."""

_ROW = 1024


@dataclass(slots=True)
class _Side:
    """The finite entries of one side: mean and squared deviation, merged block by block (Chan, Golub, LeVeque)."""

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    zeros: int = 0
    nan: int = 0
    inf: int = 0

    def merge(self, count: int, mean: float, deviation: float) -> None:
        """Take in `count` entries with their mean and the sum of their squared distances from it."""
        if count:
            total = self.count + count
            step = mean - self.mean
            self.deviation += max(0.0, deviation) + step * step * self.count * count / total
            self.mean += step * count / total
            self.count = total

    def merge_exactly(self, values: NDArray[np.float64]) -> None:
        """Take in finite entries."""
        if values.size:
            mean = float(values.mean())
            centred = values - mean
            self.merge(values.size, mean, _dot(centred, centred))

    def extend(self, low: float, high: float) -> None:
        """Take in the extremes of some entries."""
        self.low, self.high = min(self.low, low), max(self.high, high)

    def moments(self) -> Moments:
        """What is told about this side."""
        if not self.count:
            return Moments(math.nan, math.nan, math.nan, math.nan, 0, self.nan, self.inf)
        std = math.sqrt(self.deviation / self.count)
        return Moments(self.mean, std, self.low, self.high, self.zeros, self.nan, self.inf)


@dataclass(slots=True)
class _Scan:
    """Sums over the entries that are finite on both sides."""

    rtol: float
    atol: float
    count: int = 0
    entries: int = 0
    changed: int = 0
    exceeds: bool = False
    """Whether an entry differs by more than the tolerance."""
    largest: float = 0.0
    moved: float = 0.0
    old_squares: float = 0.0
    new_squares: float = 0.0
    moved_squares: float = 0.0
    along: float = 0.0
    """<old, new - old>: with it the angle between the sides stays exact however small it is."""
    old: _Side = field(default_factory=_Side)
    new: _Side = field(default_factory=_Side)

    def movement(self, histogram: Histogram | None) -> Movement:
        """What is told about both sides."""
        old, new, moved = map(math.sqrt, (self.old_squares, self.new_squares, self.moved_squares))
        cosine = math.nan
        if old and new and moved < old:
            longer = (2 * self.along + self.moved_squares) / (old + new)
            cosine = 1 - (self.moved_squares - longer * longer) / (2 * old * new)
        elif old and new:
            cosine = (self.old_squares + self.along) / (old * new)
        return Movement(
            max_abs=self.largest,
            mean_abs=self.moved / self.count if self.count else 0.0,
            relative_l2=moved / old if old else (math.inf if moved else 0.0),
            cosine=min(1.0, max(-1.0, cosine)) if old and new else cosine,
            changed_fraction=self.changed / self.entries if self.entries else 0.0,
            old=self.old.moments(),
            new=self.new.moments(),
            histogram=histogram,
        )


class _Scratch:
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
        x, y = bits(before), bits(after)
        if x.size != before.size:  # wider than 8 bytes: several words each
            return int(np.count_nonzero((x != y).reshape(before.size, -1).any(axis=1)))
        flags = self.flags[: x.size]
        np.not_equal(x, y, out=flags)
        return int(np.count_nonzero(flags))


_KEPT = threading.local()


def _scratch(entries: int, dtype: type[np.floating[Any]]) -> _Scratch:
    kept: _Scratch | None = getattr(_KEPT, "scratch", None)
    if kept is None or kept.entries < entries or kept.dtype is not dtype:
        kept = _KEPT.scratch = _Scratch(entries, dtype)
    return kept


def measure(
    old: Weight, new: Weight, *, rtol: float = 0.0, atol: float = 0.0, entries: int = ENTRIES
) -> tuple[Movement, bool]:
    """How two weights of one shape differ, and whether an entry differs by more than `atol + rtol * |old|`.

    Complex numbers are measured as pairs of real ones. The bin of an entry is computed in the precision of its
    dtype: one that lies on an edge may be counted next to it.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    dtype = np.float32 if {old.dtype, new.dtype} <= _EXACT_IN_SINGLE else np.float64
    scratch = _scratch(min(entries, old.size) * (2 if "complex" in old.dtype else 1), dtype)
    scan = _Scan(rtol, atol)
    with np.errstate(all="ignore"):
        for before, after in paired(old, new, entries):
            scan.entries += before.size
            x = numbers(before, old.dtype).astype(scratch.dtype, copy=False)
            y = numbers(after, new.dtype).astype(scratch.dtype, copy=False)
            if old.dtype == new.dtype:
                scan.changed += scratch.differing(before, after)
            else:
                scan.changed += int(np.count_nonzero((x != y) & ~(np.isnan(x) & np.isnan(y))))
            _add(scan, scratch, x, y)
        return scan.movement(_histogram(old, new, scan, scratch, entries)), scan.exceeds


def _add(scan: _Scan, scratch: _Scratch, x: NDArray[Any], y: NDArray[Any]) -> None:
    ranges = [(float(side.min()), float(side.max())) for side in (x, y)]
    if not all(_is_tame(max(-low, high)) for low, high in ranges):
        _add_exactly(scan, x.astype(np.float64), y.astype(np.float64))
        return
    d = np.subtract(y, x, out=scratch.values[: x.size])
    along, moved_squares = _dot(x, d), _dot(d, d)
    np.abs(d, out=d)
    largest = float(d.max())
    if not _is_tame(largest):
        _add_exactly(scan, x.astype(np.float64), y.astype(np.float64))
        return
    scan.count += x.size
    scan.along += along
    scan.moved_squares += moved_squares
    scan.largest = max(scan.largest, largest)
    scan.moved += _sum(d)
    if not scan.exceeds and largest > scan.atol:
        limit = scan.atol + scan.rtol * max(-ranges[0][0], ranges[0][1])
        scan.exceeds = largest > limit or _exceed(scan, x.astype(np.float64), y.astype(np.float64))
    squares = []
    for side, values, (low, high) in zip((scan.old, scan.new), (x, y), ranges, strict=True):
        squares.append(_dot(values, values))
        total = _sum(values)
        mean = total / values.size
        deviation = squares[-1] - total * mean
        if deviation > total * mean:
            side.merge(values.size, mean, deviation)
        else:
            side.merge_exactly(values.astype(np.float64))
        side.zeros += scratch.zeros(values)
        side.extend(low, high)
    scan.old_squares += squares[0]
    scan.new_squares += squares[1]


def _add_exactly(scan: _Scan, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    for side, values in ((scan.old, x), (scan.new, y)):
        finite = values[np.isfinite(values)]
        nan = int(np.count_nonzero(np.isnan(values)))
        side.nan += nan
        side.inf += values.size - finite.size - nan
        side.zeros += int(np.count_nonzero(finite == 0))
        side.merge_exactly(finite)
        if finite.size:
            side.extend(float(finite.min()), float(finite.max()))
    scan.exceeds = scan.exceeds or _exceed(scan, x, y)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    d = y - x
    if d.size:
        scan.count += d.size
        scan.old_squares += _dot(x, x)
        scan.new_squares += _dot(y, y)
        scan.moved_squares += _dot(d, d)
        scan.along += _dot(x, d)
        np.abs(d, out=d)
        scan.moved += float(d.sum())
        scan.largest = max(scan.largest, float(d.max()))


def _exceed(scan: _Scan, x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether an entry differs by more than the tolerance. NaN and infinities agree with themselves only."""
    agree = (x == y) | (np.isnan(x) & np.isnan(y)) | (np.abs(y - x) <= scan.atol + scan.rtol * np.abs(x))
    return not (agree & (np.isfinite(y) | (x == y) | np.isnan(x) & np.isnan(y))).all()


def _is_tame(magnitude: float) -> bool:
    return magnitude == 0 or _SMALLEST <= magnitude <= _LARGEST


def _dot(a: NDArray[Any], b: NDArray[Any]) -> float:
    """<a, b>, in rows short enough for the precision of float32 and for one thread."""
    whole = a.size // _ROW * _ROW
    total = float(np.dot(a[whole:], b[whole:]))
    if whole:
        rows = np.matmul(a[:whole].reshape(-1, 1, _ROW), b[:whole].reshape(-1, _ROW, 1))
        total += float(rows.sum(dtype=np.float64))
    return total


def _sum(values: NDArray[Any]) -> float:
    whole = values.size // _ROW * _ROW
    total = float(values[whole:].sum(dtype=np.float64))
    if whole:
        rows = np.matmul(values[:whole].reshape(-1, 1, _ROW), np.ones((_ROW, 1), values.dtype))
        total += float(rows.sum(dtype=np.float64))
    return total


def _histogram(old: Weight, new: Weight, scan: _Scan, scratch: _Scratch, entries: int) -> Histogram | None:
    """Both sides counted at once: the pair of bins of an entry is one number below `BINS` squared."""
    low, high = min(scan.old.low, scan.new.low), max(scan.old.high, scan.new.high)
    if not low < high or not math.isfinite(high - low):
        return None
    dtype = scratch.dtype if _is_tame(high - low) and _is_tame(max(-low, high)) else np.float64
    scale = dtype(BINS * (1 - 2.0**-20) / (high - low))
    scaled = scratch.values if scratch.dtype is dtype else np.empty(scratch.entries, dtype)
    places, both = scratch.places, scratch.both
    counts = np.zeros(BINS * BINS, np.int64)
    for pair in paired(old, new, entries):
        size = 0
        for block, weight, side, place in zip(pair, (old, new), (scan.old, scan.new), places, strict=True):
            values = numbers(block, weight.dtype).astype(dtype, copy=False)
            if side.nan or side.inf:
                values = np.where(np.isfinite(values), values, dtype(low))  # in the first bin, taken out below
            size = values.size
            np.subtract(values, dtype(low), out=scaled[:size])
            np.multiply(scaled[:size], scale, out=scaled[:size])
            np.copyto(place[:size], scaled[:size], casting="unsafe")
        np.multiply(places[0, :size], BINS, out=places[0, :size])
        np.add(places[0, :size], places[1, :size], out=both[:size])
        counts += np.bincount(both[:size], minlength=BINS * BINS)
    table = counts.reshape(BINS, BINS)
    before, after = table.sum(axis=1), table.sum(axis=0)
    before[0] -= scan.old.nan + scan.old.inf
    after[0] -= scan.new.nan + scan.new.inf
    return Histogram(low, high, tuple(before.tolist()), tuple(after.tolist()))
