# Git LFS keeps large files elsewhere; where they were not fetched, a checkout holds about 130 bytes that name them.
# Such a pointer is no model, but it knows the digest and the size of one: enough to say "the same content" without a
# download, and how to get what is missing. Only the named file is read here; the store of a repository is the
# business of `modeldiff.git`. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""Git LFS pointers."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from modeldiff.errors import NotAModel
from modeldiff.graph import Graph, Model, Note

LONGEST = 1024
"""Bytes of a pointer, at most (git-lfs takes anything longer for content)."""
_POINTER = re.compile(
    rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v1\r?\n"
    rb"(?:[a-z0-9.-]+ [^\r\n]*\r?\n)*?oid sha256:(?P<oid>[0-9a-f]{64})\r?\nsize (?P<size>[0-9]{1,18})\s*"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What stands for a file that is not here."""

    oid: str
    """The SHA-256 digest of the content, in hex."""
    size: int
    """Bytes of the content."""

    def names(self, file: Path) -> bool:
        """Whether `file` is the content; it is read only where its size fits."""
        try:
            if file.stat().st_size != self.size:
                return False
            hasher = hashlib.sha256()
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    hasher.update(block)
        except OSError:
            return False
        return hasher.hexdigest() == self.oid


def parse(head: bytes) -> Pointer | None:
    """The pointer that these first bytes of a file are."""
    found = _POINTER.fullmatch(head) if len(head) < LONGEST else None
    return Pointer(found["oid"].decode(), int(found["size"])) if found else None


def read(path: str | os.PathLike[str]) -> Pointer | None:
    """The pointer in a file, None for any other file and for one that cannot be read."""
    try:
        file = Path(path)
        if not file.is_file() or file.stat().st_size >= LONGEST:
            return None
        return parse(file.read_bytes())
    except (OSError, ValueError):  # whoever loads the file tells what is wrong with it
        return None


def size_text(count: int) -> str:
    """`12.3 MB`."""
    if count < 1000:
        return f"{count} bytes"
    amount, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if amount >= 999.95:
            amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"


def command(path: str, what: str = "pull") -> str:
    """The command that brings the content of one file, `path` counted from the top of the repository."""
    if re.search(r"""[][*?\\,!#"$`\x00-\x1f\x7f]|^\s|\s$""", path) or not path.isprintable():
        return f"git lfs {what}"  # --include takes patterns, separated by commas
    return f'git lfs {what} --include="{path}"'


def explain(pointer: Pointer, path: str) -> NotAModel:
    """The error for a pointer where a model is needed."""
    return NotAModel(
        f"this is a Git LFS pointer, not the model itself ({size_text(pointer.size)})",
        where=path,
        fix=f"run: {command(_below_top(path))}",
    )


def load_pair(old: str, new: str, load: Callable[[str], Model]) -> tuple[Model, Model] | None:
    """Both models where at least one file is a pointer and nothing must be fetched; None where no file is a pointer.

    Raises:
        NotAModel: the contents differ, so that what a pointer names is needed.
    """
    pointers = read(old), read(new)
    if pointers[0] is not None and pointers[1] is not None:
        if pointers[0].oid == pointers[1].oid:
            return _absent(pointers[0], old), _absent(pointers[1], new)
        error = explain(pointers[0], old)
        sizes = f"{size_text(pointers[0].size)} → {size_text(pointers[1].size)}"
        raise NotAModel(f"both files are Git LFS pointers, to different content: {sizes}", where=old, fix=error.fix)
    for pointer, place, other in ((pointers[0], old, new), (pointers[1], new, old)):
        if pointer is None:
            continue
        if not pointer.names(Path(other)):
            raise explain(pointer, place)
        model = load(other)
        return replace(model, path=old), replace(model, path=new)
    return None


def _absent(pointer: Pointer, path: str) -> Model:
    """A model of which only the digest is known: equal to itself, whatever it holds."""
    note = Note("", f"a Git LFS pointer to {size_text(pointer.size)}, sha256:{pointer.oid}: known by its digest alone")
    metadata = {"bytes": pointer.size}
    return Model("", path, "git-lfs-pointer", Graph(), metadata, notes=(note,))


def _below_top(path: str) -> str:
    """`path` as counted from the top of the repository it lies in; its last component where there is none."""
    place = Path(path).resolve()
    for folder in place.parents:
        if (folder / ".git").exists():
            return place.relative_to(folder).as_posix()
    return place.name
