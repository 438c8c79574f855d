# The numbers of a weight that changed. Two passes over blocks that stay in cache: what is measured of each side
# (`sides`) and of their difference, then the histogram.
"""Statistics of two weights of one shape: `measure`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Histogram, Movement
from modeldiff.differ.blocks import ENTRIES, numbers, paired
from modeldiff.differ.sides import Scratch, Side, bins_over, dot, extremes, histogram, is_tame, scratch_for, summed
from modeldiff.graph import Weight


@dataclass(slots=True)
class Scan:
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
    old: Side = field(default_factory=Side)
    new: Side = field(default_factory=Side)

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


def measure(
    old: Weight, new: Weight, *, rtol: float = 0.0, atol: float = 0.0, entries: int = ENTRIES
) -> tuple[Movement, bool]:
    """How two weights of one shape differ, and whether an entry differs by more than `atol + rtol * |old|`.

    Complex numbers are measured as pairs of real ones. The bin of an entry is computed in the precision of its
    dtype: one that lies on an edge may be counted next to it.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    scratch = scratch_for(entries, old, new)
    scan = Scan(rtol, atol)
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


def _add(scan: Scan, scratch: Scratch, x: NDArray[Any], y: NDArray[Any]) -> None:
    ranges = [extremes(side) for side in (x, y)]
    if not all(is_tame(low, high) for low, high in ranges):
        _add_exactly(scan, x.astype(np.float64), y.astype(np.float64))
        return
    d = np.subtract(y, x, out=scratch.values[: x.size])
    along, moved_squares = dot(x, d), dot(d, d)
    np.abs(d, out=d)
    largest = float(d.max())
    if not is_tame(largest, largest):
        _add_exactly(scan, x.astype(np.float64), y.astype(np.float64))
        return
    scan.count += x.size
    scan.along += along
    scan.moved_squares += moved_squares
    scan.largest = max(scan.largest, largest)
    scan.moved += summed(d)
    if not scan.exceeds and largest > scan.atol:
        limit = scan.atol + scan.rtol * max(-ranges[0][0], ranges[0][1])
        scan.exceeds = largest > limit or _exceed(scan, x.astype(np.float64), y.astype(np.float64))
    scan.old_squares += scan.old.add_tame(x, *ranges[0], scratch)
    scan.new_squares += scan.new.add_tame(y, *ranges[1], scratch)


def _add_exactly(scan: Scan, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    scan.old.add_exactly(x)
    scan.new.add_exactly(y)
    scan.exceeds = scan.exceeds or _exceed(scan, x, y)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    d = y - x
    if d.size:
        scan.count += d.size
        scan.old_squares += dot(x, x)
        scan.new_squares += dot(y, y)
        scan.moved_squares += dot(d, d)
        scan.along += dot(x, d)
        np.abs(d, out=d)
        scan.moved += float(d.sum())
        scan.largest = max(scan.largest, float(d.max()))


def _exceed(scan: Scan, x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether an entry differs by more than the tolerance. NaN and infinities agree with themselves only."""
    agree = (x == y) | (np.isnan(x) & np.isnan(y)) | (np.abs(y - x) <= scan.atol + scan.rtol * np.abs(x))
    return not (agree & (np.isfinite(y) | (x == y) | np.isnan(x) & np.isnan(y))).all()


def _histogram(old: Weight, new: Weight, scan: Scan, scratch: Scratch, entries: int) -> Histogram | None:
    bins = bins_over(scratch, scan.old, scan.new)
    if bins is None:
        return None
    hidden = any(side.nan or side.inf for side in (scan.old, scan.new))
    for before, after in paired(old, new, entries):
        bins.add(numbers(before, old.dtype), numbers(after, new.dtype), hidden=hidden)
    first, second = bins.sides()
    return histogram(bins, (first, scan.old), (second, scan.new))
