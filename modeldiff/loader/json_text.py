# JSON out of a file nobody vouches for: bounded in size, and every failure one of our own errors. NaN and Infinity
# are accepted, as Keras writes them. How deep it may be nested, Python's parser decides: what walks it further keeps
# a stack of its own or a limit.
"""JSON objects from bytes: `parse`."""

from __future__ import annotations

import json
import re
from typing import Any

from modeldiff.errors import NotAModel, UnreadableFile

LIMIT = 64 << 20
"""Bytes of one JSON text."""

_LONE = re.compile(r"[\ud800-\udfff]")


def parse(text: str | bytes, *, where: str, what: str) -> dict[str, Any]:
    """The JSON object in `text`. `where` is the file and `what` the text's name in it, for messages.

    Raises:
        UnreadableFile: too large, too deep, damaged.
        NotAModel: JSON, but no object.
    """
    if len(text) > LIMIT:
        raise UnreadableFile(f"{what} is larger than {LIMIT >> 20} MiB", where=where)
    try:
        # Bytes that are no UTF-8 and half surrogate pairs become visible escapes: names must be printable later.
        clean = text.decode("utf-8-sig", "backslashreplace") if isinstance(text, bytes) else text
        value = json.loads(clean if clean.isascii() else _LONE.sub("\ufffd", clean))
        if "\\ud" in clean or "\\uD" in clean:
            value = _printable(value)
    except RecursionError as error:
        raise UnreadableFile(f"{what} is nested too deeply", where=where) from error
    except ValueError as error:
        raise UnreadableFile(f"{what} is no valid JSON: {error}", where=where) from error
    if not isinstance(value, dict):
        raise NotAModel(f"{what} is JSON but no object", where=where)
    return value


def _printable(value: Any) -> Any:
    """The same value with half surrogate pairs replaced."""
    return json.loads(_LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
