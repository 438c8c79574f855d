# `[tool.modeldiff]` of one pyproject.toml: the nearest one with that table, from the current folder up to the root of
# the repository. No file outside a repository but the one of the current folder: somebody else's /tmp/pyproject.toml
# must not decide what a comparison hides. A repository under review is not trusted: the file is bounded, and every
# mistake in it is an error of ours that names file and key.
# Rejected: `modeldiff.toml`, a file of the user and variables of the environment: one place to look at.
"""Settings of a repository: `find`, `read`."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeldiff.errors import UnreadableFile, UsageError

FILE = "pyproject.toml"
LARGEST = 256 << 10
"""Bytes of a settings file; a real one has a few thousand."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a repository wants by default. None where it says nothing."""

    origin: str = ""
    """The file as seen from the current folder, "" where there is none."""
    fail_on: tuple[str, ...] | None = None
    rtol: float | None = None
    atol: float | None = None
    no_weights: bool | None = None
    map: tuple[tuple[str, str], ...] = ()
    """Pairs of layer paths, old and new."""
    ignore_layers: tuple[str, ...] = ()
    """Globs of layer paths."""
    ignore_keys: tuple[str, ...] = ()
    """Globs of config keys."""


def find(start: Path | None = None) -> Settings:
    """The settings that hold in `start`, by default the current folder.

    Raises:
        UsageError: a key or a value is wrong.
        UnreadableFile: the file is damaged, too large, or may not be read.
    """
    try:
        folder = (start or Path.cwd()).resolve()
    except OSError:  # the current folder is gone
        return Settings()
    folders = [folder, *folder.parents]
    root = next((place for place, one in enumerate(folders) if (one / ".git").exists()), 0)
    for one in folders[: root + 1]:
        settings = read(one / FILE)
        if settings is not None:
            return settings
    return Settings()


def read(path: Path, shown: str = "") -> Settings | None:
    """The settings in one file; None where it is no file, or has no `[tool.modeldiff]`. Errors call it `shown`.

    Raises:
        UsageError: a key or a value is wrong.
        UnreadableFile: the file is damaged, too large, or may not be read.
    """
    shown = shown or os.path.relpath(path)
    table = _table(_text(path, shown), shown)
    if table is None:
        return None
    where = f"{shown}, [tool.modeldiff]"
    if not isinstance(table, dict):
        raise UsageError("this is no table", where=where)
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            import difflib

            near = difflib.get_close_matches(key, _KEYS, 1, 0.5)
            fix = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(_KEYS)}"
            raise UsageError(f"there is no key {key!r}", where=where, fix=fix)
        name, wanted, of = _KEYS[key]
        try:
            found[name] = of(value)
        except ValueError as error:
            raise UsageError(f"{key} must be {wanted}", where=where, fix=str(error)) from error
    return Settings(origin=shown, **found)


def _text(path: Path, shown: str) -> bytes:
    """The file's bytes; none where it is no regular file."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return b""
        if about.st_size > LARGEST:
            raise UnreadableFile(f"larger than {LARGEST >> 10} KiB", where=shown, fix="--no-config leaves it out")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise UnreadableFile(
            f"cannot be read: {error.strerror}", where=shown, fix="--no-config leaves it out"
        ) from error


def _table(text: bytes, shown: str) -> Any:
    if b"modeldiff" not in text:  # a mistake in somebody else's table is not ours to tell
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        decoded = text.decode("utf-8")
        if any(len(_PART.findall(piece)) > _DEEPEST for piece in _BESIDE_KEYS.split(_STRING.sub("s", decoded))):
            raise UnreadableFile("a key has too many parts", where=shown, fix="--no-config leaves it out")
        content = tomllib.loads(decoded)
    except RecursionError as error:
        raise UnreadableFile("nested too deeply", where=shown, fix="--no-config leaves it out") from error
    except ValueError as error:
        raise UnreadableFile(f"no valid TOML: {error}", where=shown, fix="--no-config leaves it out") from error
    tool = content.get("tool")
    return tool.get("modeldiff") if isinstance(tool, dict) else None


_DEEPEST = 50
"""Parts of a dotted key: the parser takes time by the square of them."""
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_BESIDE_KEYS = re.compile(r"[^\w. \t-]")
_PART = re.compile(r"\.[ \t]*[\w-]")


# --- values ---------------------------------------------------------------------------------------------------------


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= sys.float_info.max:
        raise ValueError(f"it is {_shown(value)}")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"it is {_shown(value)}")  # noqa: TRY004 - every wrong value is a ValueError here
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"it is {_shown(value)}")  # noqa: TRY004 - as above
    for one in value:
        if not isinstance(one, str) or not one:
            raise ValueError(f"it holds {_shown(one)}")
    return tuple(value)


def _policy(value: object) -> tuple[str, ...]:
    """No list at all is no policy; a text that names nothing is a mistake."""
    texts = (value,) if isinstance(value, str) else _texts(value)
    for text in texts:
        if not text.replace(",", " ").strip():
            raise ValueError(f"it holds {_shown(text)}")
    return texts


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise ValueError(f"it is {_shown(value)}")  # noqa: TRY004 - as above
    for old, new in value.items():
        if not old or not isinstance(new, str) or not new:
            raise ValueError(f"{old!r} is {_shown(new)}")
    return tuple(value.items())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


_KEYS: dict[str, tuple[str, str, Callable[[object], Any]]] = {
    "fail-on": ("fail_on", "a text or a list of texts", _policy),
    "rtol": ("rtol", "a number of at least 0", _number),
    "atol": ("atol", "a number of at least 0", _number),
    "no-weights": ("no_weights", "true or false", _flag),
    "map": ("map", "a table of old layer paths to new ones", _pairs),
    "ignore-layers": ("ignore_layers", "a list of texts", _texts),
    "ignore-keys": ("ignore_keys", "a list of texts", _texts),
}
"""Key -> field of `Settings`, what it must be, how it is read."""
