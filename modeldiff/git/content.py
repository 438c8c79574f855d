# A side of a changed file lies in the working tree, in git or in the store of Git LFS. The first and the last are read
# where they are; what is in git goes into a temporary file, streamed and through the filters that a checkout would use.
# The temporary file has a name of its own: a path of the repository never names a file outside the working tree.
"""The bytes of one side."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modeldiff.git.changed import FILE, LINK, Side
from modeldiff.git.lfs import fetch_command, stored
from modeldiff.git.repository import Repository
from modeldiff.loader import pointer as pointers


@dataclass(frozen=True, slots=True)
class Content:
    """A file to read, or a pointer to content that is not here, or the reason why neither."""

    shown: str
    """What reports call it."""
    file: Path | None = None
    pointer: pointers.Pointer | None = None
    fetch: str = ""
    """The command that brings what `pointer` names."""
    reason: str = ""
    """`a symbolic link`."""


@contextlib.contextmanager
def opened(repository: Repository, side: Side) -> Iterator[Content]:
    """The content of one side; a temporary file is gone afterwards.

    Raises:
        UnreadableFile: git cannot give the content.
        UsageError: there is no working tree.
    """
    if side.mode not in FILE:
        yield Content(side.shown, reason="a symbolic link" if side.mode == LINK else "a submodule")
    elif side.revision is None and not side.stage:
        yield settled(repository, side.shown, repository.top / side.path, fetch_command(repository, side))
    else:
        with tempfile.TemporaryDirectory(prefix="modeldiff-") as folder:
            file = Path(folder) / "model"
            _write(repository, side, file)
            yield settled(repository, side.shown, file, fetch_command(repository, side))


def settled(repository: Repository, shown: str, file: Path, fetch: str) -> Content:
    """The content of a file that may be a pointer: then what the store has, if it was fetched."""
    if file.is_symlink():  # between git's look and ours
        return Content(shown, reason="a symbolic link")
    pointer = pointers.read(file)
    if pointer is None:
        return Content(shown, file)
    found = stored(repository, pointer)
    return Content(shown, found, pointer, fetch)


def _write(repository: Repository, side: Side, file: Path) -> None:
    """Write the object: a pointer as it is, anything else as a checkout would have it."""
    small = int(repository.ask("cat-file", "-s", side.blob)) < pointers.LONGEST
    with file.open("wb") as target:
        if small:
            repository.write(target, "cat-file", "blob", side.blob)
    if not small or pointers.read(file) is None:
        with file.open("wb") as target:
            repository.write(target, "cat-file", "--filters", f"--path={side.path}", side.blob)
