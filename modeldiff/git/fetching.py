# A job of continuous integration has a clone without history and without Git LFS contents. What a comparison needs is
# brought here and nothing else: two commits (and their ancestors without any file, to find where a branch left), and
# the contents of the models that differ. Only these functions reach the network, and only where `review` calls them.
"""Bring what a comparison needs: `commits`, `contents`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from modeldiff.errors import UsageError
from modeldiff.git.changed import FILE, ChangedModel, Side
from modeldiff.git.lfs import stored
from modeldiff.git.repository import Repository
from modeldiff.loader import pointer as pointers


def commits(repository: Repository, base: str, head: str) -> None:
    """Have two commits here, and the one where they parted.

    Raises:
        UsageError: the remote does not give them.
    """
    for commit in (base, head):
        if repository.get("cat-file", "-e", f"{commit}^{{commit}}") is None:  # a whole clone stays one
            sparing = ("--filter=blob:none", "--depth=1") if _is_shallow(repository) else ()
            repository.ask("fetch", "--quiet", "--no-tags", *sparing, _remote(repository), commit)
    if repository.get("merge-base", base, head) is None and _is_shallow(repository):
        remote = _remote(repository)
        repository.ask("fetch", "--quiet", "--no-tags", "--filter=blob:none", "--unshallow", remote, base, head)


def _is_shallow(repository: Repository) -> bool:
    return repository.get("rev-parse", "--is-shallow-repository") == "true"


def _remote(repository: Repository) -> str:
    remotes = repository.ask("remote").splitlines()
    if not remotes:
        raise UsageError(
            "the commit is not here and there is no remote to bring it from", fix="git remote add origin URL"
        )
    return "origin" if "origin" in remotes else remotes[0]


def contents(repository: Repository, found: Iterable[ChangedModel]) -> None:
    """Have the Git LFS contents of these models here. What does not come is told by whoever needs it."""
    for changed in found:
        for side in (changed.old, changed.new):
            if side is not None and side.mode in FILE and side.blob and not changed.same_content:
                _content(repository, side)


def _content(repository: Repository, side: Side) -> None:
    if int(repository.ask("cat-file", "-s", side.blob)) >= pointers.LONGEST:
        return
    with tempfile.TemporaryDirectory(prefix="modeldiff-") as folder:
        file = Path(folder) / "pointer"
        with file.open("wb") as target:
            repository.write(target, "cat-file", "blob", side.blob)
        pointer = pointers.read(file)
        if pointer is None or stored(repository, pointer) is not None:
            return
        with file.open("rb") as source:  # git-lfs keeps in its store what it writes; the copy is not needed
            subprocess.run(
                ["git", "lfs", "smudge"],
                cwd=repository.folder,
                env={**os.environ, "GIT_LFS_SKIP_SMUDGE": "0"},
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
