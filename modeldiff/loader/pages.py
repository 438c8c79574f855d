# Metadata of HDF5 is many small reads, scattered over the file and mostly near each other. Pages of the file are kept
# while it is open; a memory map would be faster still, but a file that shrinks meanwhile would end the process.
"""Small reads from a file: `Pages`."""

from __future__ import annotations

from collections.abc import Iterable
from io import RawIOBase

from modeldiff.loader.remote import RemoteFile
from modeldiff.loader.storage import Stretch

_KEPT = 4096  # pages


class Pages:
    """A stretch, read in pages. `size`: bytes of a page."""

    def __init__(self, file: RawIOBase, stretch: Stretch, size: int = 1 << 13) -> None:
        self._file, self._stretch, self._size = file, stretch, size
        self._pages: dict[int, bytes] = {}
        self.length = stretch.length
        self.left = 4 * stretch.length + (64 << 20)
        """Bytes that may still be asked for: what is larger was built to be read again and again."""

    def read(self, place: int, count: int) -> bytes:
        """The bytes at a place in the stretch; fewer where it ends, or where too much was asked for."""
        self.left -= count
        if self.left < 0:
            return b""
        number, start = divmod(place, self._size)
        end = start + count
        if end > self._size:
            return self._direct(place, count)
        page = self._pages.get(number)
        if page is None:
            if len(self._pages) >= _KEPT:
                self._pages.clear()
            page = self._pages[number] = self._direct(number * self._size, self._size)
        return page[start:end]

    def expect(self, places: Iterable[int | None], count: int) -> None:
        """There will be reads of so many bytes at these places, None aside: what is far away is fetched together."""
        if isinstance(self._file, RemoteFile):
            start, end = self._stretch.start, self._stretch.start + self.length
            self._file.expect((start + place, min(start + place + count, end)) for place in places if place is not None)

    def _direct(self, place: int, count: int) -> bytes:
        count = min(count, self.length - place)
        if count <= 0:
            return b""
        self._file.seek(self._stretch.start + place)
        found = self._file.read(count)
        while len(found) < count and (more := self._file.read(count - len(found))):
            found += more
        return found
