# The only importer of h5py. HDF5 files come from anywhere, so nothing is opened by a name that HDF5 resolves itself:
# every path is walked component by component over hard links, because a soft or external link, a virtual dataset or
# external storage would read another file (CVE-2026-1669). The low-level API is used because it is ten times as fast
# as `file[name]` and never follows a link by accident.
# Rejected: visititems (visits everything, in alphabetical order), and the high-level API with `getlink=True` (slow).
"""Opening HDF5 safely: groups, attributes and the facts about datasets, without reading any number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5z
from numpy.typing import NDArray

from modeldiff import isolation
from modeldiff.errors import UnreadableFile
from modeldiff.graph import itemsize
from modeldiff.loader.hdf5_objects import NAMES, OBJECTS, TEXT, Array, Group, Refused, decoded, encoded
from modeldiff.loader.heap_check import endless_heap
from modeldiff.loader.sources import FlatSource, SlabSource
from modeldiff.loader.storage import Stretch, Window, is_bomb

FOREIGN = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)
"""What h5py raises when HDF5 meets bytes it does not understand."""

_FLAT = 64 << 20  # bytes of values that may be reached again and again
_PIECE = 256 << 20  # bytes of one chunk, and of the whole chunks that are read at once
_RANK = 16  # dimensions: with 32 of them, picking single entries crashes HDF5 1.14
_OPAQUE = re.compile(r"bfloat16|float8_[a-z0-9]+")
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}


@dataclass(slots=True)
class _Budget:
    """What one file may still make us do."""

    stretch: Stretch
    objects: int = OBJECTS
    declared: int = 0
    """Bytes of values that are packed."""
    flat: int = 0
    """Bytes of values that are not: many names may lead to the same ones."""


class LibraryGroup(Group):
    """A group that HDF5 has open."""

    __slots__ = ("budget", "folders", "id")

    def __init__(self, identifier: h5g.GroupID, path: tuple[str, ...], budget: _Budget) -> None:
        self.id, self.path, self.budget = identifier, path, budget
        self.folders: dict[str, Any] = {}

    def get(self, name: str) -> Group | Array | None:
        """See `Group`."""
        folder, _, last = name.rpartition("/")
        here = self._folder(folder) if folder or name.startswith("/") else self.id
        here = _step(here, last, name) if here is not None else None
        if here is None:
            return None
        self.budget.objects -= 1
        if self.budget.objects < 0:
            raise UnreadableFile(f"more than {OBJECTS} objects", where=self.budget.stretch.shown)
        path = (*self.path, *name.split("/"))
        if isinstance(here, h5g.GroupID):
            return LibraryGroup(here, path, self.budget)
        if isinstance(here, h5d.DatasetID):
            try:
                return _facts(here, path, self.budget)
            except FOREIGN as error:
                raise Refused(f"{name!r} is damaged: {_words(error)}") from error
        return None

    def _folder(self, name: str) -> Any:
        """The group in between: the weights of a layer mostly share it, so it is kept."""
        if name not in self.folders:
            here: Any = self.id
            for part in name.split("/"):
                here = _step(here, part, name) if here is not None else None
                self.budget.objects -= 1
            self.folders[name] = here
        return self.folders[name]

    def __contains__(self, name: str) -> bool:
        try:
            return bool(self.id.links.exists(encoded(name)))
        except FOREIGN:
            return False

    def has_attribute(self, name: str) -> bool:
        """See `Group`."""
        try:
            return bool(h5a.exists(self.id, name.encode()))
        except FOREIGN:
            return False

    def names(self) -> list[str]:
        """See `Group`."""
        try:
            if self.id.get_num_objs() > NAMES:
                raise UnreadableFile(f"more than {NAMES} objects in one group", where=self.budget.stretch.shown)
            names: list[bytes] = []
            self.id.links.iterate(names.append)
            return [decoded(name) for name in names]
        except FOREIGN as error:
            raise Refused(f"the group cannot be listed: {_words(error)}") from error

    def address(self) -> int:
        """See `Group`."""
        try:
            info = h5o.get_info(self.id)
        except FOREIGN as error:
            raise Refused(f"{'/'.join(self.path)!r} is damaged: {_words(error)}") from error
        return int(info.addr)  # no other file is ever opened through this one

    def attribute(self, name: str) -> list[bytes] | None:
        """See `Group`."""
        return _attribute(self.id, name)


@contextmanager
def opened(stretch: Stretch, *, checked: bool = False) -> Iterator[LibraryGroup]:
    """The root group of an HDF5 file; everything from it is closed with the block.

    `checked`: it was opened before, and its heaps need no second look.

    Raises:
        UnreadableFile: not HDF5, truncated, damaged.
    """
    settled = stretch.settled()
    with settled.open() as raw:
        if not checked and (place := endless_heap(raw, settled)) is not None:
            raise UnreadableFile(f"damaged: the heap at byte {place} has no end", where=stretch.shown)
        # A window must be closed before the interpreter ends, or HDF5 crashes: hence the `with` at every use.
        target: Any = settled.path if settled.is_whole_file else Window(raw, settled)
        options = {"locking": False} if settled.is_whole_file else {}
        try:
            file = h5py.File(target, "r", **options)
        except FOREIGN as error:
            raise UnreadableFile(
                f"HDF5 cannot read it: {_words(error)}", where=stretch.shown, fix=_fix(error)
            ) from error
        with file:
            try:
                root = h5o.open(file.id, b"/")
            except FOREIGN as error:
                raise UnreadableFile(f"HDF5 cannot read its root: {_words(error)}", where=stretch.shown) from error
            try:
                yield LibraryGroup(root, (), _Budget(settled))
            except Refused as refusal:  # something nothing can be read without
                raise UnreadableFile(str(refusal), where=stretch.shown) from refusal


def read_slab(stretch: Stretch, path: tuple[str, ...], start: tuple[int, ...], count: tuple[int, ...]) -> NDArray[Any]:
    """One block of a dataset that has no plain bytes in the file (chunked, packed, compact).

    Raises:
        UnreadableFile: damaged, or no longer what it was.
    """

    def select(space: h5s.SpaceID) -> None:
        if start:
            space.select_hyperslab(start, count)

    return _read(stretch, path, count, select)


def read_points(stretch: Stretch, path: tuple[str, ...], points: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Single entries of a dataset, given by their coordinates, one a row. Every chunk is read once.

    Raises:
        UnreadableFile: damaged, or no longer what it was.
    """
    return _read(stretch, path, points.shape[:1], lambda space: space.select_elements(points.astype(np.uint64)))


def _read(
    stretch: Stretch, path: tuple[str, ...], count: tuple[int, ...], select: Callable[[h5s.SpaceID], None]
) -> NDArray[Any]:
    where = f"{stretch.shown}, {'/'.join(path)}"
    try:
        with isolation.reading(stretch.shown), opened(stretch, checked=True) as root:
            here: Any = root.id
            for part in path:
                here = _step(here, part, part)
            if not isinstance(here, h5d.DatasetID):
                raise UnreadableFile("the values are gone", where=where)
            out = np.zeros(count, dtype=here.dtype)
            space = here.get_space()
            select(space)
            memory = h5s.create_simple(count) if count else h5s.create(h5s.SCALAR)
            here.read(memory, space, out)
            return out
    except (*FOREIGN, Refused) as error:
        raise UnreadableFile(f"the values cannot be read: {_words(error)}", where=where) from error


def _step(here: Any, part: str, name: str) -> Any:
    """One component further, over a hard link."""
    if part in {"", ".", ".."} or "\0" in part:
        raise Refused(f"the name {name!r} is not a plain path and was not followed")
    if not isinstance(here, h5g.GroupID):
        return None
    raw = encoded(part)
    try:
        kind = here.links.get_info(raw).type
        if kind == h5l.TYPE_HARD:
            return h5o.open(here, raw)
    except FOREIGN as error:
        if _is_missing(here, raw):
            return None
        raise Refused(f"{name!r} cannot be opened: {_words(error)}") from error
    what = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}.get(kind, "a user link")
    raise Refused(f"{name!r} is {what} and was not followed")


def _is_missing(here: h5g.GroupID, raw: bytes) -> bool:
    try:
        return not here.links.exists(raw)
    except FOREIGN:
        return False


def _facts(dataset: h5d.DatasetID, path: tuple[str, ...], budget: _Budget) -> Array:
    shape = dataset.shape
    if shape is None:
        return Array((), "float32", None, "it holds no values")
    dtype = _dtype(dataset)
    nbytes = math.prod(shape) * itemsize(dtype)
    if dtype == "string":
        return Array(shape, dtype, None, "strings are not compared")
    if not nbytes:
        return Array(shape, dtype, FlatSource(budget.stretch, 0, 0, dtype) if 0 in shape else None, "unknown type")
    offset = dataset.get_offset()  # also None for external storage and virtual datasets
    if offset is not None:
        stretch = budget.stretch
        if dataset.get_storage_size() != nbytes or offset + nbytes > stretch.length:
            return Array(shape, dtype, None, f"it claims {nbytes} bytes that the file does not hold")
        if budget.flat + nbytes > max(_FLAT, 4 * stretch.length):
            return Array(shape, dtype, None, "all values together claim more than the file holds")
        budget.flat += nbytes
        if dataset.dtype.byteorder != ">":
            return Array(shape, dtype, FlatSource(stretch, stretch.start + offset, math.prod(shape), dtype))
    else:
        refusal = _refusal(dataset, nbytes, budget)
        if refusal:
            return Array(shape, dtype, None, refusal)
    chunk = dataset.get_create_plist().get_chunk() if offset is None and _is_chunked(dataset) else ()
    return _in_parts(SlabSource(budget.stretch, path, shape, tuple(chunk), dtype))


def _in_parts(source: SlabSource) -> Array:
    """Values that only HDF5 can read."""
    refusal = ""
    if len(source.shape) > _RANK:
        refusal = f"it has {len(source.shape)} dimensions"
    elif source.band > _PIECE:
        refusal = f"it is stored in chunks that can only be read {source.band >> 20} MiB at once"
    return Array(source.shape, source.dtype, None if refusal else source, refusal)


def _is_chunked(dataset: h5d.DatasetID) -> bool:
    return bool(dataset.get_create_plist().get_layout() == h5d.CHUNKED)


def _refusal(dataset: h5d.DatasetID, nbytes: int, budget: _Budget) -> str:
    """Why a dataset without plain bytes may not be read, or ""."""
    plan = dataset.get_create_plist()
    if plan.get_external_count():
        return "its values are in another file (external storage)"
    if plan.get_layout() == h5d.VIRTUAL:
        return "its values are in other files (a virtual dataset)"
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    strange = [code for code in filters if code not in _FILTERS]
    if strange:
        return f"it is packed with the HDF5 filter {strange[0]}, which is not one of gzip, shuffle, fletcher32, lzf"
    if plan.get_layout() == h5d.CHUNKED and math.prod(plan.get_chunk()) * dataset.get_type().get_size() > _PIECE:
        return f"its chunks have more than {_PIECE >> 20} MiB"
    stored = dataset.get_storage_size()
    if is_bomb(nbytes, stored):
        return f"it claims {nbytes} bytes but holds {stored}"
    if is_bomb(budget.declared + nbytes, budget.stretch.length):
        return "all packed values together claim more than the file can hold"
    budget.declared += nbytes
    return ""


def _dtype(dataset: h5d.DatasetID) -> str:
    kind = dataset.dtype
    if kind.kind in "biufc":
        return _plain_name(kind)
    if kind.kind == "V" and kind.names is None:
        told = decoded((_attribute(dataset, "dtype") or [b""])[0])  # Keras 3 tells; before, only bfloat16 came so
        if _OPAQUE.fullmatch(told) and kind.itemsize == itemsize(told):
            return told
        if kind.itemsize == 2:
            return "bfloat16"
    if kind.kind in "OSU":
        return "string"
    raise Refused(f"values of type {_short(kind)} are not understood")


def _short(kind: np.dtype[Any]) -> str:
    """A type in words; one made of thousands of parts is cut."""
    text = str(kind)
    return text if len(text) <= 60 else f"{text[:60]}..."


@lru_cache(maxsize=64)
def _plain_name(kind: np.dtype[Any]) -> str:
    return str(kind.newbyteorder("=").name)


def _attribute(owner: Any, name: str) -> list[bytes] | None:
    """An attribute as a flat list of byte strings."""
    try:
        try:
            attribute = h5a.open(owner, name.encode())
        except KeyError:
            if h5a.exists(owner, name.encode()):
                raise
            return None
        shape = attribute.shape
        if shape is None:
            return []
        count, kind = math.prod(shape), attribute.get_type()
        if not count:
            return []
        if count > NAMES or count * kind.get_size() > TEXT:
            raise Refused(f"the attribute {name} is too large")
        if kind.get_class() not in {h5t.STRING, h5t.OPAQUE}:
            raise Refused(f"the attribute {name} is no text")
        values = np.zeros(shape, dtype=attribute.dtype)
        if values.dtype.kind not in "SVO":  # numpy's times come as opaque bytes
            raise Refused(f"the attribute {name} is no text")
        attribute.read(values)
    except FOREIGN as error:
        raise Refused(f"the attribute {name} cannot be read: {_words(error)}") from error
    flat = [_bytes(value) for value in values.reshape(-1).tolist()]
    if sum(map(len, flat)) > TEXT:
        raise Refused(f"the attribute {name} is too large")
    return flat


def _bytes(value: Any) -> bytes:
    return encoded(value) if isinstance(value, str) else bytes(value or b"").rstrip(b"\0")


def _words(error: BaseException) -> str:
    """The one useful part of an HDF5 message."""
    text = str(error.args[0] if error.args else error).strip() or type(error).__name__
    return text.partition("(")[2].rpartition(")")[0] or text


def _fix(error: BaseException) -> str:
    return "the file is incomplete: copy or save it again" if "truncated" in str(error) else ""
