# Where the bytes of one container lie: a whole file, a stored zip member inside a file, or a packed member that
# must be inflated first. Everything that reads numbers goes through here, so that "the file changed meanwhile" is
# found in one place and a member inside an archive is read as fast as a plain file.
# A packed member is inflated once per process into a private temporary file: inflating again for every tensor would
# be quadratic, and keeping it in memory would break the promise of little memory. Nothing is extracted by its name.
"""Runs of bytes on disk, opened safely and only while they are read."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO, RawIOBase
from pathlib import Path

from modeldiff import isolation
from modeldiff.errors import UnreadableFile
from modeldiff.loader.remote import RemoteFile, facts, is_url

DEFLATE_LIMIT = 1032
"""The best ratio DEFLATE can reach: a size beyond it is a lie."""
INFLATED_LIMIT = 8 << 30
"""Bytes a packed member may have."""
_SMALL, _PLAUSIBLE = 512 << 20, 20
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of bytes in a file, as it was when the model was loaded."""

    path: str
    """Absolute, or what `remote` calls a URL."""
    shown: str
    """What to call it in messages: the path as the user gave it."""
    start: int
    """First byte in the file."""
    length: int
    """Bytes on disk."""
    stamp: tuple[int, int]
    """Size and modification time of the whole file when it was loaded."""
    inflated: int | None = None
    """Bytes after inflating (raw DEFLATE); None where the bytes are stored as they are."""

    @property
    def is_whole_file(self) -> bool:
        """True where the stretch is simply a file on this machine."""
        return self.inflated is None and self.start == 0 and self.length == self.stamp[0] and not is_url(self.path)

    def open(self) -> RawIOBase:
        """The file the stretch lies in, unbuffered; not yet at `start`. For a `with`.

        Raises:
            UnreadableFile: the file is gone or is not the one that was loaded.
        """
        if is_url(self.path):
            return RemoteFile(self.path, self.stamp)
        try:
            file = FileIO(self.path)
            stamp = stamp_of(os.fstat(file.fileno()))
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=self.shown) from error
        if stamp != self.stamp:
            file.close()
            raise UnreadableFile("the file changed since it was loaded", where=self.shown, fix="load it again")
        return file

    def settled(self) -> Stretch:
        """The same bytes not packed: itself, or a private copy that lives as long as the process.

        Raises:
            UnreadableFile: the packed bytes are damaged, lie about their size, or find no room.
        """
        return self if self.inflated is None else _inflated(self)


def is_bomb(claimed: int, packed: int) -> bool:
    """Whether packed numbers claim what DEFLATE cannot reach, or, where unpacking takes seconds, what no model does.

    Trained weights shrink by a tenth, pruned ones to a tenth; hundreds to one are zeros that somebody counts on.
    """
    return claimed > max(1 << 20, DEFLATE_LIMIT * packed) or claimed > max(_SMALL, _PLAUSIBLE * packed)


def stamp_of(stat: os.stat_result) -> tuple[int, int]:
    """What tells one state of a file from another."""
    return stat.st_size, stat.st_mtime_ns


def whole_file(path: str, shown: str) -> Stretch:
    """The stretch that is all of a file, or of what `remote` calls a URL.

    Raises:
        UnreadableFile: it is remote and cannot be fetched.
        OSError: from the system, for the caller to translate.
    """
    if is_url(path):
        stamp = facts(path)
        return Stretch(path, shown, 0, stamp[0], stamp)
    stat = Path(path).stat()
    return Stretch(str(Path(path).absolute()), shown, 0, stat.st_size, stamp_of(stat))


class Window(io.RawIOBase):
    """A stretch as a read-only file object, for libraries that want one."""

    def __init__(self, file: RawIOBase, stretch: Stretch) -> None:
        super().__init__()
        self._file, self._start, self._size, self._position = file, stretch.start, stretch.length, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file; never outside the stretch when reading."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """The position in the stretch."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer needs Python 3.12
        """Fill `buffer` as far as the stretch goes."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        self._file.seek(self._start + self._position)
        got = 0
        while got < count and (step := self._file.readinto(view[got:count])):
            got += step
        self._position += got
        return got


_copies: dict[Stretch, Stretch] = {}
_lock = threading.Lock()
_folders: dict[int, Path] = {}
"""By process: a forked one knows its parent's copies and makes its own in another folder."""


def _inflated(stretch: Stretch) -> Stretch:
    with _lock:
        if stretch not in _copies:
            try:
                _copies[stretch] = _inflate(stretch)
            except OSError as error:
                raise UnreadableFile(
                    f"no room to inflate the weights: {error.strerror or error}",
                    where=stretch.shown,
                    fix="set TMPDIR to a larger disk, or pack the archive without compression",
                ) from error
        return _copies[stretch]


def _inflate(stretch: Stretch) -> Stretch:
    assert stretch.inflated is not None
    if stretch.inflated > INFLATED_LIMIT or is_bomb(stretch.inflated, stretch.length):
        raise UnreadableFile(
            f"the packed weights claim {stretch.inflated} bytes in {stretch.length}", where=stretch.shown
        )
    target = private_folder() / f"{len(_copies)}.h5"
    try:
        with target.open("wb") as out:
            for piece in inflate(stretch):
                out.write(piece)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    copy = whole_file(str(target), stretch.shown)
    if copy.length != stretch.inflated:
        target.unlink(missing_ok=True)
        raise UnreadableFile("the packed weights are damaged", where=stretch.shown)
    return copy


def private_folder() -> Path:
    """This process's folder. Removed at its end, also where it is a worker of `multiprocessing`, which skips atexit."""
    process = os.getpid()
    if process not in _folders:
        from multiprocessing.util import Finalize

        _folders[process] = Path(tempfile.mkdtemp(prefix="modeldiff-"))
        isolation.remember(_folders[process])
        Finalize(None, shutil.rmtree, (_folders[process],), {"ignore_errors": True}, exitpriority=0)
    return _folders[process]


def inflate(stretch: Stretch) -> Iterator[bytes]:
    """The inflated bytes of a packed stretch in pieces, never more than it claims.

    Raises:
        UnreadableFile: damaged, or longer than it claims.
    """
    inflater, left = zlib.decompressobj(-zlib.MAX_WBITS), stretch.length
    allowed = stretch.inflated or 0
    with stretch.open() as file:
        file.seek(stretch.start)
        while left and not inflater.eof:
            packed = file.read(min(left, _STEP))
            if not packed:
                break
            left -= len(packed)
            while packed:
                try:
                    piece = inflater.decompress(packed, _STEP)
                except zlib.error as error:
                    raise UnreadableFile(f"a packed member is damaged: {error}", where=stretch.shown) from error
                packed = inflater.unconsumed_tail
                allowed -= len(piece)
                if allowed < 0:
                    raise UnreadableFile("a packed member is longer than it claims", where=stretch.shown)
                yield piece
        yield inflater.flush()[:allowed]
