# Boxes are sized before any font is known: the reader's system decides that. Widths are those of Arial and its metric
# twins (Helvetica, Liberation Sans), in thousandths of the size, with slack for wider system fonts. Rejected: asking
# a font library, which would make the picture depend on the machine that draws it.
"""How wide a text will be, and how to shorten it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MONO = 0.602
"""Advance of every character of the common monospace fonts, per size."""
SLACK = 1.12
"""System fonts are up to this much wider than the table."""

_REGULAR = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;I[\\]ft·",
    333: "()-`r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jcksvxyz",
    556: "#$0123456789?L_abdeghnopqu",
    584: "+<=>~×−",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "→…⋯↷",
    1015: "@",
}
_WIDTHS = {char: width for width, chars in _REGULAR.items() for char in chars}
_TEXTS = 1 << 14
"""Texts whose widths are remembered: classes and shapes recur in a picture, and names in its other views."""
_BOLD = 1.12
"""Bold is about this much wider, at most."""


@lru_cache(_TEXTS)
def sans(text: str, size: float, *, bold: bool = False) -> float:
    """Width of `text` in the sans-serif font, in the unit of `size`."""
    units = sum(_WIDTHS[char] if char in _WIDTHS else _other(char) for char in text)
    return units / 1000 * size * SLACK * (_BOLD if bold else 1.0)


@lru_cache(_TEXTS)
def mono(text: str, size: float) -> float:
    """Width of `text` in the monospace font, in the unit of `size`."""
    return sum(MONO if char.isascii() else max(_other(char) / 1000, MONO) for char in text) * size


def _other(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 1000 if unicodedata.east_asian_width(char) in "FW" else 667


def mono_fitting(text: str, size: float, width: float) -> str:
    """`text`, or its head and tail around an ellipsis where it is wider than `width`: names differ at both ends."""
    if mono(text, size) <= width:
        return text
    room = max(int(width / (MONO * size)) - 1, 2)
    tail = room * 3 // 5
    return f"{text[: room - tail]}…{text[-tail:]}"


def sans_between(text: str, size: float, width: float) -> str:
    """The same for the sans-serif font."""
    if sans(text, size) <= width:
        return text
    for keep in range(len(text) - 1, 1, -1):
        tail = keep * 3 // 5
        shown = f"{text[: keep - tail]}…{text[len(text) - tail :]}"
        if sans(shown, size) <= width:
            return shown
    return "…"


def sans_fitting(text: str, size: float, width: float) -> str:
    """`text`, or its head and an ellipsis where it is wider than `width`."""
    if sans(text, size) <= width:
        return text
    room = width - sans("…", size)
    used = 0.0
    for index, char in enumerate(text):
        used += sans(char, size)
        if used > room:
            return text[:index].rstrip(" ,·") + "…"
    return text
