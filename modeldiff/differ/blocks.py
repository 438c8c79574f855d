# The two streams of numbers of one pair of weights. Every reader below works on blocks that stay in the cache of
# one core, so that a tensor is fetched from memory once, however many numbers are taken from it.
"""Blocks of two weights, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.errors import UnreadableFile
from modeldiff.graph import Source, Weight, itemsize, sample_runs

ENTRIES = 1 << 18
"""Entries per block: long enough that threads do not queue for the interpreter, short enough for the shared cache."""

_BYTES = 1 << 19
"""Bytes per block where bytes are all that is compared: a block of each side fits the cache of one core."""

_SMALL = 1 << 20
"""Bytes: a weight of one block is read once, whatever is asked about it."""
_KEPT = 24 << 20
"""Bytes of a weight whose reading is costly: two threads keep two of them each."""


def source_of(weight: Weight) -> Source:
    """Where the values are.

    Raises:
        UnreadableFile: they cannot be read.
    """
    if weight.source is None:
        raise UnreadableFile("values not readable")
    return weight.source


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The values of a weight, read once."""

    values: NDArray[Any]

    @property
    def is_costly(self) -> bool:
        """See `graph.Source`."""
        return False

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        return (self.values[start : start + entries] for start in range(0, self.values.size, entries))

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`."""
        runs = [self.values[start:stop] for start, stop in sample_runs(self.values.size, count)]
        return np.concatenate([self.values[:0], *runs])


def loaded(weight: Weight) -> Weight:
    """The weight with its values in memory where it is small, or reading it is costly; else as it is.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    source = source_of(weight)
    if isinstance(source, _Loaded):
        return weight
    if not 0 < weight.nbytes <= (_KEPT if source.is_costly else _SMALL):
        return weight
    values, filled = None, 0
    for block in source.blocks(ENTRIES):
        if block.size == weight.size:  # nothing comes after it, so its buffer is ours
            return holding(weight, block)
        if values is None:
            values = np.empty(weight.size, block.dtype)
        if filled + block.size > weight.size:
            break
        values[filled : filled + block.size] = block
        filled += block.size
    if values is None or filled != weight.size:
        raise UnreadableFile("fewer values than the shape says")
    return holding(weight, values)


def holding(weight: Weight, values: NDArray[Any]) -> Weight:
    """The weight with all its values in memory."""
    return Weight(weight.name, weight.shape, weight.dtype, _Loaded(values), weight.stored_as, weight.trainable)


def values_of(weight: Weight) -> NDArray[Any]:
    """All entries, in one piece.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    return next(source_of(weight).blocks(weight.size))


def paired(old: Weight, new: Weight, entries: int = ENTRIES) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Blocks of the same positions of two weights of one shape, as stored.

    Raises:
        UnreadableFile: a file changed or is damaged.
    """
    seen = 0
    for before, after in zip(source_of(old).blocks(entries), source_of(new).blocks(entries), strict=False):
        if before.size != after.size:
            break
        seen += before.size
        yield before, after
    if seen != old.size:
        raise UnreadableFile("fewer values than the shape says")


def bits(block: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """The entries as unsigned integers of the same width, or as the widest that fit."""
    block = np.ascontiguousarray(block)
    for width in (8, 4, 2, 1):
        if block.itemsize == width or (block.itemsize > 8 and block.nbytes % width == 0):
            return block.view(f"<u{width}")
    return block.view(np.uint8)


def identical(old: Weight, new: Weight) -> bool:
    """Whether two weights of one shape and dtype are the same bytes; stops at the first block that differs.

    Raises:
        UnreadableFile: as `paired`.
    """
    entries = max(1, _BYTES // max(1, itemsize(old.dtype)))
    return all(np.array_equal(bits(before), bits(after)) for before, after in paired(old, new, entries))


def numbers(block: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The entries as numbers: bfloat16 as float32, a complex number as its two parts, bool as 0 and 1."""
    if dtype == "bfloat16":
        wide: NDArray[Any] = block.astype(np.uint32) << np.uint32(16)
        return wide.view(np.float32)
    if block.dtype.kind == "c":
        return np.ascontiguousarray(block).view(block.real.dtype)
    return block.view(np.uint8) if block.dtype.kind == "b" else block
