# HDF5 keeps texts of variable length in "global heaps", and (up to 1.14.6 at least) walks a heap without end when a
# damaged one says that its next piece has no bytes. No time-out can stop a loop inside the library, so the heaps are
# walked here first. Only the head of the file is searched: a search of all of a large file would cost more than
# loading it. Where the mark of a heap turns up by chance inside weights, its other fields do not fit.
"""A check that HDF5's global heaps come to an end."""

from __future__ import annotations

import struct
from io import RawIOBase

from modeldiff.loader.remote import is_url
from modeldiff.loader.storage import Stretch

SEARCHED = 64 << 20
"""Bytes of the file that are searched."""
_FETCHED = 4 << 20  # of a remote one, where Keras' texts are: all of them would have to be fetched
_MARK = b"GCOL\x01"  # three reserved bytes follow, which nobody checks
_HEAD = struct.Struct("<8sQ")
_PIECE = struct.Struct("<HH4xQ")
_SMALLEST, _LARGEST = 64, 64 << 20
_STEP = 1 << 20


def endless_heap(file: RawIOBase, stretch: Stretch) -> int | None:
    """Where in the stretch a heap stands that HDF5 would walk forever; None where there is none."""
    limit, position, kept = min(stretch.length, _FETCHED if is_url(stretch.path) else SEARCHED), 0, b""
    while position < limit:
        file.seek(stretch.start + position)
        read = file.read(min(_STEP, limit - position))
        if not read:
            break
        block, base = kept + read, position - len(kept)
        found = block.find(_MARK)
        while found >= 0:
            if not _ends(file, stretch, base + found):
                return base + found
            found = block.find(_MARK, found + 1)
        position += len(read)
        kept = block[-len(_MARK) + 1 :]
    return None


def _ends(file: RawIOBase, stretch: Stretch, place: int) -> bool:
    file.seek(stretch.start + place)
    head = file.read(_HEAD.size)
    size = _HEAD.unpack(head)[1] if len(head) == _HEAD.size else 0
    if not _SMALLEST <= size <= min(_LARGEST, stretch.length - place):
        return True  # no heap that HDF5 would walk
    heap = file.read(size - _HEAD.size)
    position = 0
    while position + _PIECE.size <= len(heap):
        index, _, length = _PIECE.unpack_from(heap, position)
        step = _PIECE.size + (length + 7) // 8 * 8 if index else length
        if not step or step > 1 << 62:
            return False
        position += step
    return True
