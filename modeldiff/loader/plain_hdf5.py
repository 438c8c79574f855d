# HDF5 as Keras writes it, read without the HDF5 library: groups with symbol tables, attributes of texts, contiguous
# numbers. The library and h5py need some 100 microseconds for a dataset (path, object, space, type), the few bytes that
# say the same are decoded in 10; h5py need not be imported, and damaged bytes end in an exception instead of a crash.
# Only what is understood to the last bit is read here. Everything else (newer groups, chunks, links, other types,
# damage) is `Unusual`, and the library then reads that one object with all its checks: a doubt costs time only.
# Rejected: pyfive (reads every variant and checks little), and a lazy model whose weights are looked up when asked
# for. It alone would make `load` of a thousand layers cost but a few times the parsing of their JSON; but comparing
# asks for all weights, what a file lacks or refuses must be told in any case, and errors would come from anywhere.
# As it is, a third of `load` is spent here, and all of it takes less than h5py needs to list the file
# (tests/benchmarks/load.py).
# https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""Ordinary HDF5 files without the HDF5 library: `root`."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache

from modeldiff.errors import UnreadableFile
from modeldiff.graph import itemsize
from modeldiff.loader.hdf5_objects import NAMES, OBJECTS, TEXT, Array, Group, Refused, decoded, encoded
from modeldiff.loader.pages import Pages
from modeldiff.loader.sources import FlatSource
from modeldiff.loader.storage import Stretch

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_SUPERBLOCK = struct.Struct("<8sB4xBBx8xQ8xQQ8xQ24x")
_PREFIX = struct.Struct("<BxHII4x")
_MESSAGE = struct.Struct("<HHB3x")
_SIZES = struct.Struct("<BBHHH")
_PLACE = struct.Struct("<BBQQ")
_PAIR = struct.Struct("<QQ")
_TREE = struct.Struct("<5sBH16x")
_LEAF = struct.Struct("<6sH")
_SYMBOL = struct.Struct("<QQI20x")
_NAMES = struct.Struct("<8sQ8xQ")
_HEAP = struct.Struct("<8sQ")
_PIECE = struct.Struct("<HH4xQ")
_REFERENCE = struct.Struct("<IQI")
_INTEGER = struct.Struct("<4BIHH")
_FLOAT = struct.Struct("<4BIHH4BI")
_NOWHERE = (1 << 64) - 1

# Kinds of messages in the header of an object; negative here where the content is kept elsewhere in the file.
_SPACE, _TYPE, _LAYOUT, _ATTRIBUTE, _CONTINUED, _TABLE = 1, 3, 8, 12, 16, 17
_EXTERNAL, _FILTERS, _ATTRIBUTES = 7, 11, 21
_BESIDE = {_EXTERNAL, -_EXTERNAL, _FILTERS, -_FILTERS}
_SHARED = 2
_HEADER, _NODE, _LEAVES = 272, 544, 328  # bytes that objects, trees and their ends mostly have: read at once
_CONTIGUOUS = 1
_PIECES, _LONGEST = 64, 1 << 18  # pieces of one header, bytes of one piece
_TERMINATED, _PADDED = 0, 1

_TYPES = {
    _INTEGER.pack(0x10, sign, 0, 0, bits // 8, 0, bits): f"{name}{bits}"
    for bits in (8, 16, 32, 64)
    for sign, name in ((0, "uint"), (8, "int"))
} | {
    _FLOAT.pack(0x11, 0x20, bits - 1, 0, bits // 8, 0, bits, low, high, 0, low, (1 << high - 1) - 1): f"float{bits}"
    for bits, low, high in ((16, 10, 5), (32, 23, 8), (64, 52, 11))
}
_TYPES[bytes((0x15, 0, 0, 0, 2, 0, 0, 0))] = "bfloat16"  # two opaque bytes
"""What a header says of each little-endian type of number -> `Weight.dtype`."""


class Unusual(Exception):
    """Something the library must look at."""


_DOUBTS = (Unusual, struct.error, LookupError, ValueError, OverflowError)


def root(pages: Pages, stretch: Stretch, library: Callable[[], Group]) -> Group | None:
    """The root group of an ordinary file, None for another. `library` opens the file with the HDF5 library."""
    try:
        block = _SUPERBLOCK.unpack(pages.read(0, _SUPERBLOCK.size))
        mark, version, offsets, lengths, base, end, driver, address = block
        known = (mark, version, offsets, lengths, base, driver) == (SIGNATURE, 0, 8, 8, 0, _NOWHERE)
        if not known or end > pages.length:
            return None
        file = _File(pages, stretch, library)
        return PlainGroup(file, address, (), *file.header(address))
    except _DOUBTS:
        return None


class _File:
    """What all groups of one file share."""

    def __init__(self, pages: Pages, stretch: Stretch, library: Callable[[], Group]) -> None:
        self.read, self.expect, self.stretch = pages.read, pages.expect, stretch
        self.objects = OBJECTS
        self.values = stretch.length
        """Bytes of values that may still be told."""
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        self._open_library = library
        self._library: Group | None = None

    def library(self, path: tuple[str, ...]) -> Group:
        """A group as the library sees it."""
        if self._library is None:
            self._library = self._open_library()
        found = self._library.get("/".join(path)) if path else self._library
        if not isinstance(found, Group):
            raise Refused(f"{'/'.join(path)!r} is damaged")
        return found

    def header(self, address: int) -> tuple[dict[int, bytes], list[bytes]]:
        """What the header of an object says: the first message of each kind, and all attributes."""
        self.objects -= 1
        if self.objects < 0:
            raise UnreadableFile(f"more than {OBJECTS} objects", where=self.stretch.shown)
        head = self.read(address, _HEADER)
        version, count, _, size = _PREFIX.unpack_from(head)
        if version != 1:
            raise Unusual
        found: dict[int, bytes] = {}
        attributes: list[bytes] = []
        pieces = [(address + _PREFIX.size, size)]
        for begin, length in pieces:
            if length > _LONGEST or len(pieces) > _PIECES:
                raise Unusual
            at = begin - address
            is_read = at > 0 and at + length <= len(head)
            piece, at = (head, at) if is_read else (self.read(begin, length), 0)
            last = at + length - _MESSAGE.size
            while at <= last and count:
                kind, size, flags = _MESSAGE.unpack_from(piece, at)
                at += _MESSAGE.size
                content = piece[at : at + size]
                at += size
                count -= 1
                if kind == _CONTINUED:
                    pieces.append(_PAIR.unpack_from(content))
                elif kind == _ATTRIBUTE and not flags & _SHARED:
                    attributes.append(content)
                else:
                    found.setdefault(-kind if flags & _SHARED else kind, content)
        return found, attributes

    def table(self, tree: int, heap: int) -> dict[bytes, int | None]:
        """The names in a group and where their objects are; None for a link that is not hard."""
        mark, size, data = _NAMES.unpack(self.read(heap, _NAMES.size))
        if mark != b"HEAP\0\0\0\0" or size > TEXT:
            raise Unusual
        names, last = self.read(data, size), b""
        found: dict[bytes, int | None] = {}
        for leaf in self._leaves(tree):
            node = self.read(leaf, _LEAVES)
            mark, count = _LEAF.unpack_from(node)
            end = _LEAF.size + count * _SYMBOL.size
            if mark != b"SNOD\x01\0":
                raise Unusual
            node = node if end <= len(node) else self.read(leaf, end)
            for offset, address, kind in _SYMBOL.iter_unpack(node[_LEAF.size : end]):
                name = names[offset : names.index(b"\0", offset)]
                if name <= last or len(found) >= NAMES:  # HDF5 finds a name by their order
                    raise Unusual
                found[name] = None if kind > 1 else address
                last = name
        return found

    def _leaves(self, tree: int) -> Iterator[int]:
        """The ends of a group's tree in the order of their names."""
        stack = [(tree, -1)]
        while stack:
            address, wanted = stack.pop()
            node = self.read(address, _NODE)
            mark, level, used = _TREE.unpack_from(node)
            if mark != b"TREE\0" or wanted not in {level, -1}:
                raise Unusual
            node = node if _TREE.size + 16 * used + 8 <= len(node) else self.read(address, _TREE.size + 16 * used + 8)
            below = [child for _, child in _PAIR.iter_unpack(node[_TREE.size : _TREE.size + 16 * used])]
            if level:
                stack += [(child, level - 1) for child in reversed(below)]
            else:
                yield from below

    def text(self, reference: bytes) -> bytes:
        """A text of variable length, as C sees it: up to its first zero."""
        length, address, index = _REFERENCE.unpack(reference)
        if not length:
            return b""
        begin, size = self._heap(address)[index]
        text = self.read(begin, length)
        if not len(text) == length <= min(size, TEXT):
            raise Unusual
        return text.partition(b"\0")[0]

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Where the pieces of a heap are."""
        if address not in self._heaps:
            mark, size = _HEAP.unpack(self.read(address, _HEAP.size))
            if mark != b"GCOL\x01\0\0\0":
                raise Unusual
            pieces: dict[int, tuple[int, int]] = {}
            place, end = address + _HEAP.size, address + size
            while place + _PIECE.size <= end:
                index, _, length = _PIECE.unpack(self.read(place, _PIECE.size))
                if not index:  # the free rest
                    break
                place += _PIECE.size
                pieces[index] = place, length
                place += (length + 7) // 8 * 8
            self._heaps[address] = pieces
        return self._heaps[address]


class PlainGroup(Group):
    """A group with a symbol table."""

    __slots__ = ("_attributes", "_file", "_has_others", "_place", "_table", "folders")

    def __init__(
        self, file: _File, place: int, path: tuple[str, ...], header: dict[int, bytes], attributes: list[bytes]
    ) -> None:
        self.path = path
        self._file, self._place = file, place
        self._table = file.table(*_PAIR.unpack(header[_TABLE]))
        file.expect(self._table.values(), _HEADER)
        self._attributes = attributes
        self._has_others = -_ATTRIBUTE in header or _ATTRIBUTES in header
        self.folders: dict[str, PlainGroup] = {}
        """Groups in between: the weights of a layer mostly share one."""

    def get(self, name: str) -> Group | Array | None:
        """See `Group`."""
        try:
            *folders, last = name.split("/")
            group = self
            for part in folders:
                folder = group.folders.get(part)
                if folder is None:
                    found = group.child(part)
                    if found is None:
                        return None
                    if not isinstance(found, PlainGroup):
                        raise Unusual
                    folder = group.folders[part] = found
                group = folder
            return group.child(last)
        except _DOUBTS:
            return self._file.library(self.path).get(name)

    def child(self, name: str) -> PlainGroup | Array | None:
        """As `get` for a plain name; `Unusual` where only the library can tell."""
        if name in {"", ".", ".."}:
            raise Unusual
        place = self._table.get(encoded(name), _NOWHERE)
        if place is None:
            raise Unusual
        if place == _NOWHERE:
            return None
        header, attributes = self._file.header(place)
        if _TABLE in header:
            return PlainGroup(self._file, place, (*self.path, name), header, attributes)
        found, nbytes = _array(header, self._file.stretch)
        if nbytes > self._file.values:  # many names for the same ones, perhaps: the library's reader keeps the account
            raise Unusual
        self._file.values -= nbytes
        return found

    def __contains__(self, name: str) -> bool:
        return encoded(name) in self._table

    def has_attribute(self, name: str) -> bool:
        """See `Group`."""
        try:
            return self._attribute(name) is not None
        except _DOUBTS:
            return self._file.library(self.path).has_attribute(name)

    def names(self) -> list[str]:
        """See `Group`."""
        return list(map(decoded, self._table))

    def address(self) -> int:
        """See `Group`."""
        return self._place

    def attribute(self, name: str) -> list[bytes] | None:
        """See `Group`."""
        try:
            found = self._attribute(name)
            return None if found is None else _texts(*found, self._file)
        except _DOUBTS:
            return self._file.library(self.path).attribute(name)

    def _attribute(self, name: str) -> tuple[bytes, bytes, bytes] | None:
        """Type, shape and values of an attribute."""
        if self._has_others:
            raise Unusual
        wanted = encoded(name) + b"\0"
        for raw in self._attributes:
            version, flags, *sizes = _SIZES.unpack_from(raw)
            if version not in {1, 2, 3} or flags:
                raise Unusual
            begin = 9 if version == 3 else 8
            if raw[begin : begin + sizes[0]] != wanted:
                continue
            parts = []
            for size in sizes:
                parts.append(raw[begin : begin + size])
                begin += size if version > 1 else (size + 7) // 8 * 8
            return parts[1], parts[2], raw[begin:]
        return None


def _array(header: dict[int, bytes], stretch: Stretch) -> tuple[Array, int]:
    """A dataset whose numbers lie in one piece, and its bytes."""
    shape, size = _shape(header[_SPACE])
    dtype, width = _dtype(header[_TYPE])
    version, how, place, nbytes = _PLACE.unpack_from(header[_LAYOUT])
    if version not in {3, 4} or how != _CONTIGUOUS or not header.keys().isdisjoint(_BESIDE):
        raise Unusual
    if not size or nbytes != size * width or place + nbytes > stretch.length:
        raise Unusual
    return Array(shape, dtype, FlatSource(stretch, stretch.start + place, size, dtype)), nbytes


@lru_cache(maxsize=1024)
def _dtype(kind: bytes) -> tuple[str, int]:
    """`Weight.dtype` and the bytes of one entry."""
    dtype = _TYPES[kind[: _FLOAT.size if kind[0] == 0x11 else _INTEGER.size]]
    return dtype, itemsize(dtype)


@lru_cache(maxsize=1024)
def _shape(space: bytes) -> tuple[tuple[int, ...], int]:
    """All dimensions, and their product."""
    version, rank, flags, kind = struct.unpack_from("<4B", space)
    if version not in {1, 2} or rank > 32 or flags > 1 or (version == 2 and kind != bool(rank)):
        raise Unusual
    shape: tuple[int, ...] = struct.unpack_from(f"<{rank}Q", space, 8 if version == 1 else 4)
    return shape, math.prod(shape)


def _texts(kind: bytes, space: bytes, values: bytes, file: _File) -> list[bytes]:
    _, count = _shape(space)
    if not count:
        return []
    variable = kind[0] & 15 == 9 and kind[1] & 15 == 1
    padding = kind[1] & 15
    width = _REFERENCE.size if variable else int.from_bytes(kind[4:8], "little")
    if not variable and (kind[0] & 15 != 3 or padding not in {_TERMINATED, _PADDED}):
        raise Unusual
    if count > NAMES or not width or count * width > min(TEXT, len(values)):
        raise Unusual
    pieces = (values[at : at + width] for at in range(0, count * width, width))
    if variable:
        texts = list(map(file.text, pieces))
    elif padding == _TERMINATED:
        texts = [piece.partition(b"\0")[0] for piece in pieces]
    else:
        texts = [piece.rstrip(b"\0") for piece in pieces]
    if sum(map(len, texts)) > TEXT:
        raise Unusual
    return texts
