# Two files with the same bytes are the same model: no need to read the second, or any number of either. The command
# finds out in a process that has nothing else to do (`modeldiff.isolation`) while the other imports and reads the old
# model, so nothing heavier than ctypes is imported here. Buffers are pages of their own, because the kernel copies to
# an address that is no multiple of 64 at a third of the speed, and they are small enough to stay in the cache.
# The child does not wait for the answer: it takes for granted what holds so far, and asks at the end.
# Rejected: memory maps of the files (a file that shrinks meanwhile would be a signal) and digests (five times as dear).
"""Whether two files hold the same bytes: `compare_bytes`, and the `Answer` where it is waited for."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO

SAME = b"="
"""The last word where the files are the same."""
STEP = 64 << 20
"""Bytes for which one word is said."""
_STEP = 1 << 20
_PULSE = 0.5


def compare_bytes(old: str, new: str) -> Iterator[bytes]:
    """A word for every `STEP` bytes that are equal, and at the end `SAME`; it stops where the files differ.

    Raises:
        OSError: a file cannot be read.
        ImportError: this Python cannot call the C library.
    """
    from ctypes import CDLL, addressof, c_char, c_size_t, c_void_p

    equal = CDLL(None).memcmp
    equal.argtypes = [c_void_p, c_void_p, c_size_t]
    with FileIO(old) as first, FileIO(new) as second:
        about = [os.fstat(file.fileno()) for file in (first, second)]
        size = about[0].st_size
        if not size or size != about[1].st_size or not all(stat.S_ISREG(one.st_mode) for one in about):
            return
        pages = [mmap.mmap(-1, _STEP) for _ in about]
        places = [addressof(c_char.from_buffer(page)) for page in pages]
        for position in range(0, 0 if os.path.samestat(*about) else size, _STEP):
            got = [_fill(file, page) for file, page in zip((first, second), pages, strict=True)]
            if got != [min(_STEP, size - position)] * 2 or equal(*places, got[0]):
                return
            if (position + _STEP) % STEP == 0:
                yield b"."
        yield SAME


class Answer:
    """The words of `compare_bytes` as they arrive. `listen` waits for more of them, as `isolation.listen` does."""

    def __init__(self, listen: Callable[[float | None], bytes | None]) -> None:
        self._listen, self._heard, self._is_over = listen, b"", False
        self.is_believed = False
        """Whether somebody was told that the files may well be the same."""

    def is_likely(self) -> bool:
        """Whether the files are the same as far as they were compared; this does not wait."""
        self._hear(0.0)
        self.is_believed = not self._is_over or self._heard.endswith(SAME)
        return self.is_believed

    def is_sure(self, size: int, progress: Callable[[int, int], None] | None = None) -> bool:
        """Whether the files of `size` bytes are the same; `progress` takes bytes compared and bytes in all."""
        while not self._is_over:
            self._hear(_PULSE)
            if progress is not None:
                progress(min(size, STEP * len(self._heard)), size)
        return self._heard.endswith(SAME)

    def _hear(self, patience: float) -> None:
        while not self._is_over and (word := self._listen(patience)) is not None:
            self._heard += word
            self._is_over = not word or word.endswith(SAME)


def _fill(file: FileIO, page: mmap.mmap) -> int:
    """Read until the page is full or the file ends; the bytes read."""
    view, got = memoryview(page), 0
    while got < len(view) and (step := file.readinto(view[got:])):
        got += step
    return got
