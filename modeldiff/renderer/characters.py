# Names come from files, and a terminal obeys escape sequences while a browser and an editor obey bidirectional marks.
# So whatever could act instead of being read is shown as its code point. Each medium adds its own escaping on top.
"""Making hostile text visible."""

from __future__ import annotations

import re
import unicodedata

_ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def acts(char: str) -> bool:
    """Whether a terminal, an editor or a browser would obey this character instead of showing it."""
    return unicodedata.category(char) in _ACTING


def visible(text: str) -> str:
    """`text` with control, format, surrogate and unassigned characters and line ends as their code points."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if acts(char) else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str) -> str:
    """`text` in which no line is a command to the runner of a CI job.

    GitHub obeys `::name ...::` at the start of a line, blanks before it or not, and GitHub, Azure and TeamCity
    `##[name]`, `##vso[name]`, `##teamcity[name]` anywhere. What makes it one becomes a code point.
    """
    return _COMMAND.sub(lambda found: "#\\x23" if found[0][0] == "#" else f"{found[0][:-1]}\\x3a", text)


_COMMAND = re.compile(r"^[^\S\n]*:(?=:)|##(?=\w*\[)", re.MULTILINE)
