# How the numbers of one tensor are read. Keras writes contiguous little-endian data, so the usual road is plain reads
# into one buffer that stays in the cache: as fast as a memory map (0.15 s for a warm pair of 1 GiB, compared), without
# pages that count as memory of the process, and a file that shrinks meanwhile is an error and not a signal.
# Everything else goes through HDF5 in bands of whole chunks, and the file is opened anew for each band: a generator
# that is dropped half-way then never leaves HDF5 with an open file (it crashes at the end of the interpreter).
"""The two kinds of `graph.Source`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import RawIOBase
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modeldiff.errors import UnreadableFile
from modeldiff.graph import itemsize, sample_runs
from modeldiff.loader.remote import RemoteFile
from modeldiff.loader.storage import Stretch

_LINE = 64
"""Bytes of a line of the cache."""
_PAGE = 4096
_WINDOW = 1 << 16
"""Bytes: tensors within so many are read at once where only samples are wanted. Each alone takes longer."""
_BAND = 16 << 20
"""Bytes read through HDF5 at a time, as far as the chunks allow."""


class FlatSource(NamedTuple):
    """Plain little-endian bytes in a file."""

    stretch: Stretch
    offset: int
    """First byte, counted from the start of the file."""
    size: int
    """Entries."""
    dtype: str

    @property
    def is_costly(self) -> bool:
        """See `graph.Source`."""
        return False

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        width = itemsize(self.dtype)
        buffer = _aligned(min(entries, self.size) * width)
        with self.stretch.open() as file:
            if isinstance(file, RemoteFile):
                file.read_on()
            file.seek(self.offset)
            for first in range(0, self.size, entries):
                block = buffer[: min(entries, self.size - first) * width]
                self.fill(file, block)
                yield block.view(numpy_dtype(self.dtype))

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`."""
        with self.stretch.open() as file:
            return self.sampled(file, count)

    @staticmethod
    def samples(sources: Sequence[FlatSource], count: int) -> list[NDArray[Any] | None]:
        """See `graph.samples`. Each file is opened once, and read at once what lies near each other."""
        files: dict[int, list[int]] = defaultdict(list)
        for place, source in enumerate(sources):
            files[id(source.stretch)].append(place)
        found: list[NDArray[Any] | None] = [None] * len(sources)
        for places in files.values():
            with suppress(UnreadableFile), sources[places[0]].stretch.open() as file:
                for near in _windows(sources, places):
                    for place, sample in _together(file, sources, near, count):
                        found[place] = sample
        return found

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.offset + self.size * itemsize(self.dtype)

    def sampled(self, file: RawIOBase, count: int) -> NDArray[Any]:
        """`sample` from an open file."""
        width, filled = itemsize(self.dtype), 0
        found = np.empty(min(count, self.size) * width, np.uint8)
        runs = sample_runs(self.size, count)
        if isinstance(file, RemoteFile):
            file.expect((self.offset + start * width, self.offset + stop * width) for start, stop in runs)
        for start, stop in runs:
            file.seek(self.offset + start * width)
            self.fill(file, found[filled : filled + (stop - start) * width])
            filled += (stop - start) * width
        return found[:filled].view(numpy_dtype(self.dtype))

    def fill(self, file: RawIOBase, block: NDArray[np.uint8]) -> None:
        """Read until `block` is full."""
        got, wanted = 0, block.size
        try:
            while got < wanted and (step := file.readinto(block[got:].data)):
                got += step
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=self.stretch.shown) from error
        if got < wanted:
            raise UnreadableFile("the file ends before its values do", where=self.stretch.shown)


_Extent = tuple[int, int, int]
"""First byte, one past the last, and the place of the source."""


def _windows(sources: Sequence[FlatSource], places: Sequence[int]) -> Iterator[list[_Extent]]:
    """In the order of the file, what may be read at once."""
    near: list[_Extent] = []
    last = 0  # of the window; in a damaged file, tensors may lie over each other
    for start, end, place in sorted((sources[place].offset, sources[place].end, place) for place in places):
        last = max(last, end)
        if near and last - near[0][0] > _WINDOW:
            yield near
            near, last = [], end
        near.append((start, end, place))
    yield near


def _together(
    file: RawIOBase, sources: Sequence[FlatSource], near: Sequence[_Extent], count: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """By place, the samples of what is in one window and can be read."""
    if len(near) > 1 and not isinstance(file, RemoteFile):
        first = near[0][0]
        window = np.empty(max(end for _, end, _ in near) - first, np.uint8)
        with suppress(UnreadableFile):
            file.seek(first)
            sources[near[0][2]].fill(file, window)
            for start, end, place in near:
                size, dtype = sources[place].size, numpy_dtype(sources[place].dtype)
                values = window[start - first : end - first].view(dtype)
                yield place, values.copy() if size <= count else values[_positions(size, count)]
            return
    for _, _, place in near:
        with suppress(UnreadableFile):
            yield place, sources[place].sampled(file, count)


@lru_cache
def _positions(size: int, count: int) -> NDArray[np.int64]:
    """The entries of a sample."""
    return np.concatenate([np.arange(start, stop) for start, stop in sample_runs(size, count)])


@dataclass(frozen=True, slots=True)
class SlabSource:
    """A dataset that only HDF5 can read: chunked, packed, compact, big-endian."""

    stretch: Stretch
    path: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    """Empty where it is not chunked."""
    dtype: str

    @property
    def is_costly(self) -> bool:
        """See `graph.Source`."""
        return True

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
        """See `graph.Source`. Reads the chunks that hold the sample, each once."""
        runs = sample_runs(math.prod(self.shape), count)
        if not self.shape or not runs:
            return picked(self.blocks(1), len(runs), count)
        from modeldiff.loader.hdf5 import read_points  # h5py is needed only here

        flat = _positions(math.prod(self.shape), count)
        points = np.stack(np.unravel_index(flat, self.shape), axis=1)
        return _as_told(read_points(self.stretch, self.path, points), self.dtype)

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

        if not self.shape:
            yield _as_told(read_slab(self.stretch, self.path, (), ()), self.dtype)
            return
        axis, rows = self._cut()
        rest = self.shape[axis + 1 :]
        for lead in product(*map(range, self.shape[:axis])):
            for row in range(0, self.shape[axis], rows):
                start = (*lead, row, *(0 for _ in rest))
                count = (*(1 for _ in lead), min(rows, self.shape[axis] - row), *rest)
                yield _as_told(read_slab(self.stretch, self.path, start, count), self.dtype)


def picked(blocks: Iterator[NDArray[Any]], size: int, count: int) -> NDArray[Any]:
    """The sample of `size` entries that come as a stream.

    Raises:
        UnreadableFile: from the stream.
    """
    runs, parts, position = sample_runs(size, count), [], 0
    for block in blocks:
        cuts = [(max(0, start - position), stop - position) for start, stop in runs]
        parts += [block[start:stop].copy() for start, stop in cuts if start < stop]
        position += block.size
    return np.concatenate(parts)


def _as_told(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Flat and little-endian, whatever HDF5 made of them."""
    flat, wanted = values.reshape(-1), numpy_dtype(dtype)
    return flat.view(wanted) if flat.dtype.kind == "V" else flat.astype(wanted, copy=False)


def _aligned(nbytes: int) -> NDArray[np.uint8]:
    """A buffer that begins with a line of the cache: the kernel copies to any other place at a third of the speed."""
    if nbytes < _PAGE:  # finding the line costs more
        return np.empty(nbytes, np.uint8)
    room = np.empty(nbytes + _LINE, np.uint8)
    return room[-room.ctypes.data % _LINE :][:nbytes]


@lru_cache
def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The little-endian numpy type of the blocks of a `Weight.dtype`."""
    if dtype == "bool":
        return np.dtype(np.bool_)
    if dtype == "bfloat16" or dtype.startswith("float8"):
        return np.dtype("<u2" if dtype == "bfloat16" else "u1")
    plain: np.dtype[Any] = np.dtype(dtype).newbyteorder("<")
    return plain
