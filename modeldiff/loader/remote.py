# Models behind a URL, read by ranges: what was fetched is kept in a sparse private file, so that nothing is transferred
# twice, whoever asks (headers, weights, the HDF5 library), and everything else works on a file as ever. Blocks are
# small, because the headers of HDF5 lie between the values; where reading goes on in order, more is fetched at a time.
# Only what the user wrote as `scheme://` comes here; a file can name others only through the index of its shards.
# A URL may hold passwords and signatures. It stays in this module: everywhere else a file is called by what is left of
# its URL without them, and the errors of other libraries, which quote URLs, end here.
# Rejected: fsspec's own caches (one for each opened file, not shared), fetching all of it first (a look at a model of
# 10 GB must not cost 10 GB), and servers that cannot send parts (an honest error says to download the file).
"""Files behind URLs: `is_url`, `shown`, `named`, `facts`, `sibling`, `RemoteFile`."""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modeldiff.errors import UnreadableFile
from modeldiff.loader.remote_errors import DOWNLOAD, bounded, changed

BLOCK = 1 << 14
"""Bytes that are fetched at least."""
_VALUES = 1 << 20  # where values are read: their neighbours will be read too
_AHEAD = 4 << 20  # where reading goes on in order, at most
_GAP = 4 * BLOCK  # that may be left out in it
_TRUST = 5.0  # seconds after which a file may have changed
_TOGETHER = 64  # ranges that are asked for at once

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_CHANGES = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created", "sha256")

_urls: dict[str, str] = {}
"""What a URL is called -> the URL."""
_mirrors: dict[tuple[int, str], _Mirror] = {}
"""By process, as a forked one must not write into the files of its parent."""
_lock = threading.RLock()


def is_url(path: str) -> bool:
    """Whether the user means something that is no local file. A colon alone does not make it one."""
    return _URL.match(path) is not None


def shown(path: str) -> str:
    """A path as it is, a URL without user, password, query and fragment."""
    return "::".join(_bare(part) for part in path.split("::")) if is_url(path) else path


def named(url: str) -> str:
    """What to call a URL from now on: as `shown`, and unlike any other URL's name.

    Its state is asked for, as it may have changed since the last time.

    Raises:
        UnreadableFile, UsageError: as `facts`.
    """
    plain = shown(url)
    with _lock:
        name, number = plain, 1
        while _urls.setdefault(name, url) != url:
            number += 1
            name = f"{plain}#{number}"
    _look(name)
    return name


def _bare(part: str) -> str:
    if not is_url(part):
        return part
    pieces = urlsplit(part)
    return f"{pieces.scheme}://{pieces.netloc.rpartition('@')[2]}{pieces.path}"


def sibling(name: str, file: str) -> str | None:
    """The name of a file beside a URL, by its plain name; None where that cannot be written."""
    url = _urls.get(name, name)
    folder, slash, _ = url.rpartition("/")
    if {"?", "#"} & set(url) or "::" in url or not slash or folder.endswith("/") or not _PLAIN.fullmatch(file):
        return None
    return named(f"{folder}/{file}")


def facts(name: str) -> tuple[int, int]:
    """Size, and a number that changes with the content, as they were at the last look.

    Raises:
        UnreadableFile: it is not there, may not be read, cannot be read in parts.
        UsageError: nothing installed can read such URLs.
    """
    return _mirror(name).stamp


def _mirror(name: str) -> _Mirror:
    with _lock:
        known = _mirrors.get((os.getpid(), name))
    return known or _look(name)


def _look(name: str) -> _Mirror:
    """Ask for the state of a file; what was fetched of it is kept where that is the same."""
    mirror = _Mirror(name, _urls.get(name, name))
    with _lock:
        known = _mirrors.setdefault((os.getpid(), name), mirror)
        if known.stamp != mirror.stamp:
            known = _mirrors[os.getpid(), name] = mirror
    return known


class _Mirror:
    """The blocks of one remote file that were fetched."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._files, self._path = bounded(name, lambda: _opened(url))
        self.stamp = self._state()
        self.size = self.stamp[0]
        self.place: Path | None = None
        self._held = bytearray(-(-self.size // BLOCK))

    def _state(self) -> tuple[int, int]:
        """As `facts`, asked for."""

        def ask() -> dict[str, Any]:
            self._files.invalidate_cache()
            return dict(self._files.info(self._path))

        info = bounded(self.name, ask)
        self._looked = time.monotonic()
        if info.get("type") == "directory":
            raise UnreadableFile("is a folder", where=self.name, fix="name the model file in it")
        size = info.get("size")
        if not isinstance(size, int):
            raise UnreadableFile("the server does not tell its size", where=self.name, fix=DOWNLOAD)
        told = repr([(key, str(info[key])) for key in _CHANGES if key in info])
        return size, int.from_bytes(hashlib.sha256(told.encode()).digest()[:6], "big")

    def open(self) -> io.FileIO:
        """The sparse file."""
        from modeldiff.loader.storage import private_folder

        with self._lock:
            if self.place is None:
                place = private_folder() / f"{id(self)}.part"
                with place.open("wb") as file:
                    file.truncate(self.size)
                self._probe(place)
                self.place = place
        return io.FileIO(str(self.place))

    def _probe(self, place: Path) -> None:
        """Fetch the end in a way that cannot become the whole file where the server knows no ranges."""
        last = max(0, len(self._held) - 1)

        (content,) = bounded(self.name, lambda: self._read_in_turn([last * BLOCK], [self.size]))
        self._keep(place, last, content)

    def _read_in_turn(self, starts: list[int], stops: list[int]) -> list[Any]:
        """These parts and nothing ahead of them."""
        with self._files.open(self._path, "rb", block_size=BLOCK, cache_type="none") as file:
            parts = []
            for start, stop in zip(starts, stops, strict=True):
                if start:
                    file.seek(start)
                parts.append(bytes(file.read(stop - start)))
            return parts

    def fetch(self, ranges: Iterable[tuple[int, int]], ahead: int = 0) -> bool:
        """Make sure of these bytes, each range from a first one to before a last one; whether any were not there.

        Where a range lacks any, `ahead` bytes from its first one are fetched at least.
        """
        with self._lock:
            wanted: set[int] = set()
            for start, stop in ranges:
                if self._lacking(start, stop):
                    wanted.update(self._lacking(start, max(stop, start + ahead)))
            runs: list[list[int]] = []
            for block in sorted(wanted):
                if runs and runs[-1][1] == block:
                    runs[-1][1] = block + 1
                else:
                    runs.append([block, block + 1])
            for at in range(0, len(runs), _TOGETHER):
                self._fetch(runs[at : at + _TOGETHER])
        return bool(runs)

    def _lacking(self, start: int, stop: int) -> list[int]:
        """The blocks of a range that were not fetched yet."""
        blocks = range(max(0, start) // BLOCK, -(-min(stop, self.size) // BLOCK))
        return [block for block in blocks if not self._held[block]]

    def _fetch(self, runs: list[list[int]]) -> None:
        if time.monotonic() - self._looked > _TRUST and self._state() != self.stamp:
            raise changed(self.name)
        starts = [first * BLOCK for first, _ in runs]
        stops = [min(last * BLOCK, self.size) for _, last in runs]

        def read() -> list[Any]:
            if not self._files.async_impl:  # its `cat_file` would be a file of 5 MB ahead of every part
                return self._read_in_turn(starts, stops)
            if len(runs) == 1:
                return [self._files.cat_file(self._path, start=starts[0], end=stops[0])]
            return list(self._files.cat_ranges([self._path] * len(runs), starts, stops, on_error="raise"))

        for (first, _), start, stop, content in zip(runs, starts, stops, bounded(self.name, read), strict=True):
            if len(content) != stop - start:
                raise UnreadableFile(f"{len(content)} bytes came for {stop - start}", where=self.name, fix=DOWNLOAD)
            self._keep(self.place, first, content)

    def _keep(self, place: Path | None, first: int, content: bytes) -> None:
        assert place is not None
        with place.open("r+b") as file:
            file.seek(first * BLOCK)
            file.write(content)
        for block in range(first, first + -(-len(content) // BLOCK)):
            self._held[block] = 1


class RemoteFile(io.RawIOBase):
    """One remote file as a file.

    Raises:
        UnreadableFile: from every method that reads, and when made: it changed, or cannot be fetched.
    """

    def __init__(self, name: str, stamp: tuple[int, int]) -> None:
        super().__init__()
        mirror = _mirror(name)
        if mirror.stamp != stamp:
            raise changed(name)
        self._mirror, self._file = mirror, mirror.open()
        self._least = BLOCK
        self._next, self._ahead = -_GAP, 0  # where the last fetch ended, and its bytes

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer needs Python 3.12
        """Fill `buffer` as far as the file goes."""
        start, count = self._file.tell(), len(memoryview(buffer).cast("B"))
        goes_on = 0 <= start - self._next <= _GAP
        ahead = min(2 * self._ahead, _AHEAD) if goes_on else self._least
        if self._mirror.fetch([(start, start + count)], ahead):
            self._ahead = max(ahead, count)
            self._next = start + self._ahead
        return self._file.readinto(buffer) or 0

    def read_on(self) -> None:
        """Values are read: fetch more at a time."""
        self._least = _VALUES

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """These bytes will be read soon: fetch them together."""
        self._mirror.fetch(ranges)

    def close(self) -> None:
        """Let go of the sparse file; what it holds is kept."""
        if not self.closed:
            self._file.close()
        super().close()


def _opened(url: str) -> tuple[Any, str]:
    """The file system for a URL, and the path in it."""
    from fsspec.core import url_to_fs

    files, path = url_to_fs(url)
    return files, path
