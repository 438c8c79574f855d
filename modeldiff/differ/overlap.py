# A head that got more classes, a vocabulary that grew: the smaller tensor is the corner of the larger one. Both are
# read in whole rows of their last axis, cut to the common corner, and compared as two streams of equal entries.
"""Proof that a weight was resized: `resized`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.blocks import ENTRIES, bits, source_of
from modeldiff.graph import Shape, Weight

_ENOUGH = 8
"""Entries in common that are not all the same value: fewer are equal by chance or by their initial value."""


def resized(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that the block both shapes have is equal: `overlap`, its share of the old entries.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    corner = tuple(map(min, old.shape, new.shape))
    if len(old.shape) != len(new.shape) or old.dtype != new.dtype or math.prod(corner) < _ENOUGH:
        return None
    first: Any = None
    varied = False
    before, after = _Feed(_corner(old, corner)), _Feed(_corner(new, corner))
    left = math.prod(corner)
    while left:
        count = min(left, ENTRIES)
        x, y = before.take(count), after.take(count)
        if x.size != count or not np.array_equal(x, y):
            return None
        first = x[0] if first is None else first
        varied = varied or bool((x != first).any())
        left -= count
    return {"overlap": math.prod(corner) / old.size} if varied else None


def _corner(weight: Weight, corner: Shape) -> Iterator[NDArray[Any]]:
    """The bits of the entries inside `corner`, in C order."""
    width = weight.shape[-1]
    rows = max(1, ENTRIES // width)
    position = 0
    for block in source_of(weight).blocks(rows * width):
        lines = bits(block).reshape(block.size // width, -1)
        index = np.unravel_index(np.arange(position, position + lines.shape[0]), weight.shape[:-1] or (1,))
        inside = np.ones(lines.shape[0], bool)
        for coordinate, limit in zip(index, corner[:-1], strict=False):
            inside &= coordinate < (limit or 0)
        words = lines.shape[1] // width
        yield lines[inside, : (corner[-1] or 0) * words].reshape(-1)
        position += lines.shape[0]


class _Feed:
    """A stream of arrays, taken in any portions."""

    def __init__(self, arrays: Iterator[NDArray[Any]]) -> None:
        self._arrays = arrays
        self._kept: NDArray[Any] | None = None

    def take(self, count: int) -> NDArray[Any]:
        """The next `count` entries, fewer at the end."""
        parts = [] if self._kept is None else [self._kept]
        size = sum(part.size for part in parts)
        while size < count and (array := next(self._arrays, None)) is not None:
            parts.append(array)
            size += array.size
        joined: NDArray[Any] = np.concatenate(parts)
        self._kept = joined[count:]
        return joined[:count]
