# JSON out of a file nobody vouches for: bounded in size, and every failure one of our own errors. NaN and Infinity
# are accepted, as Keras writes them. How deep it may be nested, Python's parser decides: what walks it further keeps
# a stack of its own or a limit.
"""JSON objects from bytes: `parse`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from modeldiff.errors import NotAModel, UnreadableFile

LIMIT = 64 << 20
"""Bytes of one JSON text."""
VALUES = 3_000_000
"""Values in it: six times what a model of 5,000 layers has. In memory one takes up to a hundred times its bytes."""

_LONE = re.compile(r"[\ud800-\udfff]")


def parse(text: str | bytes, *, where: str, what: str, report: Callable[[str], None] | None = None) -> dict[str, Any]:
    """The JSON object in `text`. `where` is the file and `what` the text's name in it, for messages.

    Of a key that stands twice in one object the last value counts, as for Keras; `report` is told so in one sentence.

    Raises:
        UnreadableFile: too large, too many values, too deep, damaged.
        NotAModel: JSON, but no object.
    """
    if len(text) > LIMIT:
        raise UnreadableFile(f"{what} is larger than {LIMIT >> 20} MiB", where=where)
    twice: set[str] = set()
    if _values(text) > VALUES:
        raise UnreadableFile(f"{what} holds more than {VALUES:,} values", where=where)
    try:
        # Bytes that are no UTF-8 and half surrogate pairs become visible escapes: names must be printable later.
        clean = text.decode("utf-8-sig", "backslashreplace") if isinstance(text, bytes) else text
        hook = partial(_object, twice) if report is not None else None
        value = json.loads(clean if clean.isascii() else _LONE.sub("\ufffd", clean), object_pairs_hook=hook)
        if "\\ud" in clean or "\\uD" in clean:
            value = _printable(value)
    except RecursionError as error:
        raise UnreadableFile(f"{what} is nested too deeply", where=where) from error
    except ValueError as error:
        raise UnreadableFile(f"{what} is no valid JSON: {error}", where=where) from error
    if not isinstance(value, dict):
        raise NotAModel(f"{what} is JSON but no object", where=where)
    if report is not None and twice:
        shown = ", ".join(repr(key[:80]) for key in sorted(twice)[:3])
        report(f"{what} has {shown} twice in one object: the last one counts")
    return value


def _object(twice: set[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; keys that occur in it more than once are put into `twice`."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice.update(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return found


def _values(text: str | bytes) -> int:
    """No fewer than there are values in `text`; each but the first of a list follows a comma."""
    if isinstance(text, bytes):
        return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _printable(value: Any) -> Any:
    """The same value with half surrogate pairs replaced."""
    return json.loads(_LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
