# How the numbers of one tensor are read. Keras writes contiguous little-endian data, so the usual road is a memory
# map: windows of it, because pages once touched count as memory of the process, however large the tensor.
# Everything else goes through HDF5 in bands of whole chunks, and the file is opened anew for each band: a generator
# that is dropped half-way then never leaves HDF5 with an open file (it crashes at the end of the interpreter).
"""The two kinds of `graph.Source`."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.errors import UnreadableFile
from modeldiff.graph import itemsize
from modeldiff.loader.storage import Stretch

_WINDOW = 8 << 20
"""Bytes mapped at a time."""
_BAND = 16 << 20
"""Bytes read through HDF5 at a time, as far as the chunks allow."""


@dataclass(frozen=True, slots=True)
class FlatSource:
    """Plain little-endian bytes in a file."""

    stretch: Stretch
    offset: int
    """First byte, counted from the start of the file."""
    size: int
    """Entries."""
    dtype: str

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        for window in self._windows(entries):
            for start in range(0, window.size, entries):
                yield window[start : start + entries]

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`."""
        stride, position = stride_of(self.size, count), 0
        picked = [np.empty(0, numpy_dtype(self.dtype))]
        for window in self._windows(1):
            picked.append(window[-position % stride :: stride].copy())
            position += window.size
        return np.concatenate(picked)

    def _windows(self, entries: int) -> Iterator[NDArray[Any]]:
        """The whole tensor in pieces of whole blocks."""
        step = max(1, _WINDOW // (entries * itemsize(self.dtype))) * entries
        with self.stretch.open() as file:
            for first in range(0, self.size, step):
                yield self._map(file.fileno(), first, min(step, self.size - first))

    def _map(self, descriptor: int, first: int, count: int) -> NDArray[Any]:
        width = itemsize(self.dtype)
        begin = self.offset + first * width
        page = begin - begin % mmap.ALLOCATIONGRANULARITY
        try:
            mapped = mmap.mmap(descriptor, begin - page + count * width, access=mmap.ACCESS_READ, offset=page)
        except (OSError, ValueError) as error:
            raise UnreadableFile(f"cannot be read: {error}", where=self.stretch.shown) from error
        return np.frombuffer(mapped, numpy_dtype(self.dtype), count, begin - page)


@dataclass(frozen=True, slots=True)
class SlabSource:
    """A dataset that only HDF5 can read: chunked, packed, compact, big-endian."""

    stretch: Stretch
    path: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    """Empty where it is not chunked."""
    dtype: str

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        kept: NDArray[Any] = np.empty(0, numpy_dtype(self.dtype))
        for band in self._bands():
            kept = np.concatenate([kept, band]) if kept.size else band
            whole = kept.size - kept.size % entries
            for start in range(0, whole, entries):
                yield kept[start : start + entries]
            kept = kept[whole:]
        if kept.size:
            yield kept

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`. Reads the whole tensor, in bands."""
        stride, position = stride_of(math.prod(self.shape), count), 0
        picked = [np.empty(0, numpy_dtype(self.dtype))]
        for band in self._bands():
            picked.append(band[-position % stride :: stride].copy())
            position += band.size
        return np.concatenate(picked)

    @property
    def band(self) -> int:
        """Bytes of the largest piece that is read at once: whole chunks, whatever their form."""
        axis, rows = self._cut() if self.shape else (0, 1)
        return rows * math.prod(self.shape[axis + 1 :]) * itemsize(self.dtype)

    def _cut(self) -> tuple[int, int]:
        """The axis that is cut, and into how many rows."""
        limit = max(1, _BAND // itemsize(self.dtype))
        axis = next(axis for axis in range(len(self.shape)) if math.prod(self.shape[axis + 1 :]) <= limit)
        rows = max(1, limit // max(1, math.prod(self.shape[axis + 1 :])))
        if self.chunk:
            rows = max(self.chunk[axis], rows - rows % self.chunk[axis])
        return axis, min(rows, self.shape[axis])

    def _bands(self) -> Iterator[NDArray[Any]]:
        """The values in C order, in pieces that are whole chunks along the axis that is cut."""
        from modeldiff.loader.hdf5 import read_slab  # h5py is needed only here

        dtype = numpy_dtype(self.dtype)
        if not self.shape:
            yield read_slab(self.stretch, self.path, (), ()).reshape(-1).astype(dtype).view(dtype)
            return
        axis, rows = self._cut()
        rest = self.shape[axis + 1 :]
        for lead in product(*map(range, self.shape[:axis])):
            for row in range(0, self.shape[axis], rows):
                start = (*lead, row, *(0 for _ in rest))
                count = (*(1 for _ in lead), min(rows, self.shape[axis] - row), *rest)
                slab = read_slab(self.stretch, self.path, start, count).reshape(-1)
                yield slab.view(dtype) if slab.dtype.kind == "V" else slab.astype(dtype, copy=False)


def stride_of(size: int, count: int) -> int:
    """Every how manyth entry makes at most `count` of `size`."""
    return max(1, -(-size // max(1, count)))


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The little-endian numpy type of the blocks of a `Weight.dtype`."""
    if dtype == "bool":
        return np.dtype(np.bool_)
    if dtype == "bfloat16" or dtype.startswith("float8"):
        return np.dtype("<u2" if dtype == "bfloat16" else "u1")
    plain: np.dtype[Any] = np.dtype(dtype).newbyteorder("<")
    return plain
