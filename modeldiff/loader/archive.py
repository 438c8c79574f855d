# Zip members read where they lie. Nothing is extracted: names are only compared, sizes are checked before a byte is
# read, and what a bomb or a forgery needs (two members of one name, encryption, sizes beyond what DEFLATE can reach)
# is refused. A stored member is a stretch of the file and is read as fast as a plain file.
"""Zip archives without extraction."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from modeldiff.errors import UnreadableFile
from modeldiff.loader.storage import DEFLATE_LIMIT, Stretch, inflate, whole_file

_MEMBERS = 100_000
_STEP = 1 << 20
_LOCAL = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 1
_FOREIGN = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, KeyError, IndexError, struct.error)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive: where its bytes are."""

    name: str
    stretch: Stretch

    @property
    def size(self) -> int:
        """Bytes when read."""
        return self.stretch.length if self.stretch.inflated is None else self.stretch.inflated

    def pieces(self) -> Iterator[bytes]:
        """Its bytes.

        Raises:
            UnreadableFile: damaged.
        """
        if self.stretch.inflated is not None:
            yield from inflate(self.stretch)
            return
        left = self.stretch.length
        with self.stretch.open() as file:
            file.seek(self.stretch.start)
            while left and (piece := file.read(min(left, _STEP))):
                left -= len(piece)
                yield piece

    def read(self, limit: int) -> bytes:
        """All its bytes, if they are no more than `limit`.

        Raises:
            UnreadableFile: damaged or too large.
        """
        if self.size > limit:
            raise UnreadableFile(f"{self.name} is larger than {limit >> 20} MiB", where=self.stretch.shown)
        return b"".join(self.pieces())

    def digest(self) -> str:
        """`sha256:` and the hex digest of its bytes."""
        hasher = hashlib.sha256()
        for piece in self.pieces():
            hasher.update(piece)
        return f"sha256:{hasher.hexdigest()}"


def members(path: str) -> dict[str, Member]:
    """The files of an archive by name, `/` between folders whatever wrote it.

    Raises:
        UnreadableFile: damaged, encrypted, or built to mislead.
    """
    try:
        whole = whole_file(path, path)
        with whole.open() as file:
            with zipfile.ZipFile(file) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > _MEMBERS:
                raise UnreadableFile(f"more than {_MEMBERS} files in the archive", where=path)
            found: dict[str, Member] = {}
            for info in infos:
                name = info.filename.replace("\\", "/")
                if name in found:
                    raise UnreadableFile(f"the archive holds {name!r} twice", where=path)
                file.seek(info.header_offset)
                start = _start(file.read(_LOCAL.size), info, path)
                found[name] = Member(name, _stretch(whole, start, info))
    except _FOREIGN as error:
        raise UnreadableFile(
            f"the zip archive is damaged: {error}", where=path, fix="the file is incomplete: copy or save it again"
        ) from error
    return found


def _start(local: bytes, info: zipfile.ZipInfo, path: str) -> int:
    """Where the member's bytes begin: after its local header, whose lengths differ from the directory's."""
    magic, _, flags, *_, name, extra = _LOCAL.unpack(local)
    if magic != b"PK\3\4":
        raise zipfile.BadZipFile(f"no header for {info.filename!r}")
    if (flags | info.flag_bits) & _ENCRYPTED:
        raise UnreadableFile("the archive is encrypted", where=path, fix="pack it without a password")
    start: int = info.header_offset + _LOCAL.size + name + extra
    return start


def _stretch(whole: Stretch, start: int, info: zipfile.ZipInfo) -> Stretch:
    path = whole.shown
    packed = info.compress_type != zipfile.ZIP_STORED
    if packed and info.compress_type != zipfile.ZIP_DEFLATED:
        raise UnreadableFile(
            f"{info.filename!r} is packed with zip method {info.compress_type}",
            where=path,
            fix="pack the archive again, stored or deflated",
        )
    if start + info.compress_size > whole.length:
        raise zipfile.BadZipFile(f"{info.filename!r} is cut off")
    if info.file_size > info.compress_size * DEFLATE_LIMIT + 64 or (
        not packed and info.file_size != info.compress_size
    ):
        raise UnreadableFile(
            f"{info.filename!r} claims {info.file_size} bytes in {info.compress_size}: a zip bomb", where=path
        )
    inflated = info.file_size if packed else None
    return replace(whole, start=start, length=info.compress_size, inflated=inflated)
