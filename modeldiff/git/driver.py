# git calls this once for each file of `git diff` (gitdiff(1), GIT_EXTERNAL_DIFF) and dies of any exit status but 0, so
# that whatever cannot be told becomes a sentence. `diff.<driver>.trustExitCode` is left unset: bytes that differ are a
# difference for `git diff --exit-code`, also where the models are the same. Settings are those of the working tree,
# whatever commits are compared: git starts this at the top of it.
# A driver with a command also takes over `git difftool`, whatever tool was asked for. git-difftool says in the
# environment that it is the one who calls: then the driver steps aside for git's own helper, which asks, picks the tool
# and starts it, ours or any other.
"""The external diff driver of git."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from modeldiff import settings
from modeldiff.arguments import defaults
from modeldiff.errors import ModelDiffError
from modeldiff.git.changed import FILE, LINK, conflict
from modeldiff.git.content import Content, settled
from modeldiff.git.lfs import smudge_command
from modeldiff.git.repository import Repository
from modeldiff.git.telling import Outcome, compared, tell
from modeldiff.git.terminal import heading, show, wants_color
from modeldiff.loader.pointer import command

NOTHING = "/dev/null"
HELPER = "git-difftool--helper"


def drive(arguments: Sequence[str], stream: TextIO) -> None:
    """Tell what git's 1, 7 or 9 arguments say has changed."""
    if os.environ.get("GIT_EXTERNAL_DIFF") == HELPER and len(arguments) >= 7:
        _step_aside(arguments)
    repository = Repository()
    title, outcome = told(repository, arguments)
    stream.write("" if os.environ.get("GIT_DIFF_PATH_COUNTER", "1") == "1" else "\n")
    show(title, outcome, stream, color=wants_color(repository, stream))


def told(repository: Repository, arguments: Sequence[str]) -> tuple[str, Outcome]:
    """Heading and outcome."""
    path = arguments[0]
    try:
        options = defaults(settings.find())
    except ModelDiffError as error:
        return heading(path, ""), Outcome(None, f"not compared: {error}", trouble=True)
    if len(arguments) < 7:
        unmerged = conflict(repository, path)
        sides = "both sides" if unmerged.old and unmerged.new else "deleted on one side"
        return heading(path, "", f"unmerged, {sides}"), compared(repository, unmerged, options)
    new_path = arguments[7] if len(arguments) > 7 else path
    old = _content(repository, path, *arguments[1:4])
    new = _content(repository, new_path, *arguments[4:7])
    words = ["added" if old is None else "deleted" if new is None else ""]
    if old is not None and new is not None:
        similar = re.search(r"^similarity index (\d+)%", arguments[8], re.MULTILINE) if len(arguments) > 8 else None
        words += [f"renamed, {similar[1]} % similar"] if similar else []
        words += [f"mode {arguments[3]} → {arguments[6]}"] if arguments[3] != arguments[6] else []
    title = heading(new_path, path if new_path != path else "", *words)
    if arguments[2] == arguments[5] and arguments[2].strip("0."):
        return title, Outcome(None, "the same content")
    return title, tell(old, new, options)


def names(arguments: Sequence[str]) -> tuple[str, str]:
    """What reports call both sides."""
    new_path = arguments[7] if len(arguments) > 7 else arguments[0]
    return _shown(arguments[0], arguments[2]), _shown(new_path, arguments[5])


def _content(repository: Repository, path: str, file: str, blob: str, mode: str) -> Content | None:
    if file == NOTHING:
        return None
    shown = _shown(path, blob)
    if mode not in FILE:
        return Content(shown, reason="a symbolic link" if mode == LINK else "a submodule")
    return settled(repository, shown, Path(file), smudge_command(blob) if blob.strip("0") else command(path))


def _shown(path: str, blob: str) -> str:
    return f"{path} (blob {blob[:10]})" if blob.strip("0.") else f"{path} (working tree)"


def _step_aside(arguments: Sequence[str]) -> None:
    """Become git's helper; `difftool` of ours learns from the environment what the temporary files are."""
    old, new = names(arguments)
    environment = {**os.environ, "MODELDIFF_OLD": old, "MODELDIFF_NEW": new}
    os.execvpe("git", ["git", "difftool--helper", *arguments], environment)  # noqa: S606 -- no shell is meant
