# The numbers of a weight that has nothing to subtract: the weights of one model, of layers that came or went, and of a
# pair whose shapes differ. Such a pair still shares its bins, so that the distributions can be laid over each other.
"""Statistics of weights without a partner of their shape: `portray`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Values
from modeldiff.differ.blocks import ENTRIES, loaded, numbers, source_of
from modeldiff.differ.sides import Bins, Scratch, Side, bins_over, histogram, scratch_for
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Weight

OPAQUE = ("float8", "void")
"""Dtypes numpy has no numbers for: their bytes can be compared and nothing else."""

_FEW = 24
"""A histogram of fewer entries shows chance, not a distribution."""


def portray(old: Weight | None, new: Weight | None, *, entries: int = ENTRIES) -> Values:
    """The statistics of each weight, and both in one histogram; `reason` says what could not be read. Never raises."""
    weights = [weight for weight in (old, new) if weight is not None]
    unread = next(filter(None, map(_obstacle, weights)), "")
    if unread:
        return Values(reason=unread)
    try:
        sides = [None if weight is None else loaded(weight) for weight in (old, new)]
        with np.errstate(all="ignore"):
            return _values(sides, scratch_for(entries, *weights), entries)
    except UnreadableFile as error:
        return Values(reason=f"values not readable: {error.what}")


def _obstacle(weight: Weight) -> str:
    if weight.dtype == "string":
        return "strings"
    if weight.source is None:
        return "values not readable"
    return f"numbers of type {weight.dtype} are not read" if weight.dtype.startswith(OPAQUE) else ""


def _values(weights: list[Weight | None], scratch: Scratch, entries: int) -> Values:
    sides = [None if weight is None else _side(weight, scratch, entries) for weight in weights]
    old, new = (None if side is None else side.moments() for side in sides)
    filled = [side for side in sides if side is not None and side.count]
    bins = bins_over(scratch, *filled) if max(side.count for side in filled or [Side()]) >= _FEW else None
    if bins is None:
        return Values(old, new)
    counted = [
        None if weight is None or side is None else (_counts(weight, side, bins, scratch, entries), side)
        for weight, side in zip(weights, sides, strict=True)
    ]
    return Values(old, new, histogram(bins, *counted))


def _side(weight: Weight, scratch: Scratch, entries: int) -> Side:
    side = Side()
    for values in _blocks(weight, scratch, entries):
        side.add(values, scratch)
    return side


def _counts(weight: Weight, side: Side, bins: Bins, scratch: Scratch, entries: int) -> NDArray[np.int64]:
    bins = Bins(bins.low, bins.high, scratch)
    for values in _blocks(weight, scratch, entries):
        bins.add_alone(values, hidden=bool(side.nan or side.inf))
    return bins.alone()


def _blocks(weight: Weight, scratch: Scratch, entries: int) -> Iterator[NDArray[Any]]:
    """The entries as floating-point numbers.

    Raises:
        UnreadableFile: the file changed, is damaged, or holds fewer values than the shape says.
    """
    seen = 0
    for block in source_of(weight).blocks(entries):
        seen += block.size
        yield numbers(block, weight.dtype).astype(scratch.dtype, copy=False)
    if seen != weight.size:
        raise UnreadableFile("fewer values than the shape says")
