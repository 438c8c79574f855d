# Lines in files that belong to the user: between two marks, so that they can be found again, replaced and taken out,
# and every byte around them stays as it is. `git config --unset` does not manage that: it eats blank lines. The first
# mark also remembers what the file was before. Whoever writes holds git's own lock, `<file>.lock`.
"""A marked block of lines in a file."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from modeldiff.errors import OutputError

_BEGIN, _END = "# modeldiff: begin", "# modeldiff: end"
_BLOCK = re.compile(rb"# modeldiff: begin(?P<notes>[^\n]*)\n(?P<lines>(?:[^\n]*\n)*?)# modeldiff: end\n?")
_NEW_FILE, _NEW_FOLDERS, _NEW_LINE = b"the file is new", rb"(\d+) folders are new", b"a line end was added"


def put(path: Path, lines: Sequence[str]) -> bool:
    """See that `path` has this block, at its end or where it was; whether something was written.

    Raises:
        OutputError: the file cannot be written.
    """
    with _translated(path):
        path = path.resolve()  # a link to a file that is kept elsewhere
        before = path.read_bytes() if path.exists() else None
        content = before or b""
        found = _BLOCK.search(content)
        body = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        if found:
            after = content[: found.start("lines")] + body + content[found.end("lines") :]
        else:
            missing = sum(not parent.exists() for parent in path.parents)
            notes = [_NEW_FILE.decode()] if before is None else []
            notes += [f"{missing} folders are new"] if missing else []
            notes += [_NEW_LINE.decode()] if content and not content.endswith(b"\n") else []
            mark = f"{_BEGIN} ({'; '.join((*notes, 'taken out by: git modeldiff uninstall'))})\n"
            after = content + b"\n" * (_NEW_LINE.decode() in notes) + mark.encode() + body + f"{_END}\n".encode()
        if after == before:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, after)
        return True


def take(path: Path, is_ours: Callable[[str], bool]) -> bool:
    """See that `path` has no such block; whether there was one. Lines in it that are not `is_ours` stay.

    Raises:
        OutputError: the file cannot be written.
    """
    with _translated(path):
        path = path.resolve()
        content = path.read_bytes() if path.exists() else b""
        found = _BLOCK.search(content)
        if not found:
            return False
        notes = found["notes"]
        foreign = _foreign(found["lines"], is_ours)
        start = found.start()
        if _NEW_LINE in notes and not foreign and start and not content[found.end() :]:
            start -= content[start - 1 : start] == b"\n"
        after = content[:start] + foreign + content[found.end() :]
        if after or _NEW_FILE not in notes:
            _replace(path, after)
            return True
        path.unlink()
        folders = re.search(_NEW_FOLDERS, notes)
        for parent in list(path.parents)[: int(folders[1]) if folders else 0]:
            with contextlib.suppress(OSError):  # someone else uses it by now
                parent.rmdir()
        return True


def _foreign(lines: bytes, is_ours: Callable[[str], bool]) -> bytes:
    """What someone else wrote between the marks, each line under the heading of its section."""
    kept, section = b"", b""
    for line in lines.splitlines(keepends=True):
        if line.lstrip().startswith(b"["):
            section = line
        elif not is_ours(line.decode("utf-8", "surrogateescape").strip()):
            kept += section + line
            section = b""
    return kept


def _replace(path: Path, content: bytes) -> None:
    """As git does it: write the lock file, then rename it."""
    lock = path.with_name(f"{path.name}.lock")
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    try:
        handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError as error:
        raise OutputError(
            "git is writing this file", where=str(path), fix=f"try again; if no git runs, delete {lock.name}"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if mode is not None:
            lock.chmod(mode)
        lock.replace(path)
    except OSError:
        lock.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write: {error.strerror}", where=str(path), fix="check the folder and its rights"
        ) from error
