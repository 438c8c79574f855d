# What the readers of layouts see of an HDF5 file, whichever of the two readers below opened it. Kept apart from both,
# so that an ordinary file is loaded without importing h5py.
"""Groups and datasets of HDF5 as data: `Group`, `Array`, `Refused`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from modeldiff.graph import Source

OBJECTS = 2_000_000
"""Groups and datasets of one file that are opened."""
NAMES = 1_000_000
"""Strings in one attribute, names in one group."""
TEXT = 64 << 20
"""Bytes of one attribute."""
_PARTS = 10_000  # pieces of one split attribute


class Refused(Exception):
    """One thing in the file may not or cannot be read; the rest can. The text becomes a note."""


class Array(NamedTuple):
    """What is known about one dataset without reading it."""

    shape: tuple[int, ...]
    dtype: str
    """As `Weight.dtype`."""
    source: Source | None
    refusal: str = ""
    """Why there is no source."""


class Group(ABC):
    """An open group. Names are text with undecodable bytes as surrogates, so that they find their way back."""

    __slots__ = ("path",)
    path: tuple[str, ...]

    @abstractmethod
    def get(self, name: str) -> Group | Array | None:
        """The object that `name` (with `/` for groups in between) leads to, or None.

        Raises:
            Refused: links to elsewhere, unsafe names, damaged objects.
        """

    @abstractmethod
    def __contains__(self, name: str) -> bool:
        """Whether a plain name (without `/`) stands in the group, whatever it leads to."""

    @abstractmethod
    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of this name, readable or not."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names in the group, sorted by HDF5.

        Raises:
            Refused: damaged.
        """

    @abstractmethod
    def address(self) -> int:
        """The same number for two names of the same group.

        Raises:
            Refused: damaged.
        """

    @abstractmethod
    def attribute(self, name: str) -> list[bytes] | None:
        """An attribute of texts as a flat list; None where it is missing.

        Raises:
            Refused: it holds no texts, or too many.
        """

    def group(self, name: str) -> Group | None:
        """As `get`, for groups only."""
        found = self.get(name)
        return found if isinstance(found, Group) else None

    def text(self, name: str) -> str | None:
        """A text attribute: any of the encodings that writers have used; None where it is missing.

        Raises:
            Refused: it is no single text.
        """
        values = self.attribute(name)
        if values is None:
            return None
        if len(values) != 1:
            raise Refused(f"the attribute {name} is not one text but {len(values)}")
        return decoded(values[0])

    def texts(self, name: str) -> list[str] | None:
        """A list of texts, also where it was split into `name0`, `name1`, ... (HDF5's 64 KiB rule).

        Raises:
            Refused: it is no list of texts.
        """
        values = self.attribute(name)
        if values is None:
            part = self.attribute(f"{name}0")
            if part is None:
                return None
            values = []
            for number in range(1, _PARTS):
                values += part
                part = self.attribute(f"{name}{number}")
                if part is None:
                    break
        return list(map(decoded, values))


def decoded(raw: bytes) -> str:
    """Bytes of the file as text that finds its way back."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(name: str) -> bytes:
    """The inverse."""
    return name.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """The same text with bytes that are no UTF-8 as visible escapes."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
