# What git-lfs has fetched lies in a folder that the pointer itself names, so nothing has to be run to find it. Nothing
# is ever downloaded here: that costs time, money and rights, and is the reader's choice; the exact command is told.
# https://github.com/git-lfs/git-lfs/blob/main/docs/man/git-lfs-config.adoc (lfs.storage)
"""Git LFS contents of a repository."""

from __future__ import annotations

import os
from pathlib import Path

from modeldiff.git.changed import Side
from modeldiff.git.repository import Repository
from modeldiff.loader.pointer import Pointer, command


def stored(repository: Repository, pointer: Pointer) -> Path | None:
    """The content in the local store, None where it was not fetched."""
    common = repository.get("rev-parse", "--git-common-dir")
    if common is None:
        return None
    storage = repository.get("config", "--type=path", "--get", "lfs.storage") or "lfs"
    file = repository.folder / common / storage / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid
    try:
        return file if file.stat().st_size == pointer.size else None
    except OSError:
        return None


def fetch_command(repository: Repository, side: Side) -> str:
    """The command that brings the content of a side: in the working tree, at a commit, in a conflict."""
    if side.stage:
        return smudge_command(side.blob)
    if side.revision is None:
        return command(side.path)
    remotes = (repository.get("remote") or "").splitlines()
    remote = "origin" if "origin" in remotes or not remotes else remotes[0]
    return command(side.path, f"fetch {remote} {side.revision.commit}")


def smudge_command(blob: str) -> str:
    """The command that brings the content of one pointer of which only the object is known."""
    return f"git cat-file blob {blob} | git lfs smudge > {os.devnull}"
