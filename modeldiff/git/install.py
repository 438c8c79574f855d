# Two files are written. The attributes say which files the driver is for, the settings say what the driver is. In a
# repository both are local: `.git/info/attributes` and `.git/config`. A committed `.gitattributes` would name a driver
# that others have not set up, and lies below `info/attributes`, which is the one place that wins over
# `*.h5 diff=lfs` of Git LFS; `filter`, `merge` and `text` of such lines are other attributes and stay in force.
# For a user (`--global`) git's own rules name the files; every `.gitattributes` wins over those, which is told.
#
# The commands hold the whole path of this program: `git diff` is also run by editors, which know no activated
# environment. If the program is gone, git must not die of it, so that a second command stands behind each.
"""Installing into git and taking it back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from modeldiff.errors import OutputError, UsageError
from modeldiff.git import blocks
from modeldiff.git.repository import Repository
from modeldiff.git.textconv import VERSION

NAME = "modeldiff"
PATTERNS = ("*.h5", "*.hdf5", "*.keras", "*.weights.h5")
_OURS = "git-modeldiff"
"""In every value that is ours."""


@dataclass(frozen=True, slots=True)
class Places:
    """The two files."""

    settings: Path
    attributes: Path


def places(repository: Repository, *, for_user: bool) -> Places:
    """Where git reads settings and attributes of the repository, or of the user.

    Raises:
        UsageError: the folder is in no repository.
    """
    if for_user:
        return Places(_user_settings(), _user_attributes(repository))
    if repository.get("rev-parse", "--git-dir") is None:
        raise UsageError("this folder is in no git repository", fix="go to one, or use --global for all of yours")
    return Places(repository.place("config"), repository.place("info/attributes"))


def install(repository: Repository, found: Places) -> bool:
    """Write both blocks; whether something was written.

    Raises:
        UsageError: a setting of this name is there already and not ours.
        OutputError: a file cannot be written.
    """
    for key, value in _settings(repository, found.settings).items():
        if _OURS not in value:
            raise UsageError(
                f"{key} is set to something else", where=str(found.settings), fix=f"git config --unset {key}"
            )
    program = shlex.quote(_program())
    lines = [f'[diff "{NAME}"]', f"\tcommand = {_quoted(_driver(program))}", f"\ttextconv = {_quoted(_text(program))}"]
    lines += [f'[difftool "{NAME}"]', f"\tcmd = {_quoted(_tool(program))}"]
    written = blocks.put(found.settings, lines)
    try:
        return blocks.put(found.attributes, [f"{pattern} diff={NAME}" for pattern in PATTERNS]) or written
    except OutputError:
        if written:
            uninstall(repository, found)
        raise


def uninstall(repository: Repository, found: Places) -> bool:
    """Take both blocks out; whether there was one.

    Raises:
        OutputError: a file cannot be written.
    """
    taken = blocks.take(found.attributes, lambda line: line.endswith(f" diff={NAME}") or not line)
    taken = blocks.take(found.settings, lambda line: _OURS in line or not line) or taken
    for key, value in _settings(repository, found.settings).items():  # where git rewrote the file and lost the marks
        if _OURS in value:
            repository.ask("config", "--file", str(found.settings), "--unset", key)
            taken = True
    return taken


def overruled(repository: Repository) -> list[tuple[str, str]]:
    """Model files of this repository for which another line of attributes wins: path and what it says."""
    if repository.get("rev-parse", "--git-dir") is None:
        return []
    has_files = repository.get("rev-parse", "--is-inside-work-tree") == "true"
    tracked = repository.names("ls-files", "-z", "--", *PATTERNS) if has_files else []
    asked = [*tracked[:200], *(pattern.replace("*", "model") for pattern in PATTERNS)]
    answer = iter(repository.names("check-attr", "-z", "diff", "--", *asked))
    return [(path, value) for path, _, value in zip(answer, answer, answer, strict=True) if value != NAME]


# --- the commands -----------------------------------------------------------------------------------------------


def _driver(program: str) -> str:
    rest = 'echo "$1: binary files differ, modeldiff did not run" | tr -cd "[:print:]\\n"'
    return f'f() {{ {program} driver "$@" || {rest}; }}; f'


def _text(program: str) -> str:
    rest = 'git hash-object --no-filters -- "$1"'
    return f'f() {{ {program} textconv --format={VERSION} -- "$1" || {rest}; }}; f'


def _tool(program: str) -> str:
    return f'{program} difftool -- "$LOCAL" "$REMOTE" "$MERGED"'


def _program() -> str:
    """The whole path of `git-modeldiff`, as it was called or as PATH finds it."""
    called = Path(sys.argv[0])
    name = str(called) if called.stem == _OURS and called.is_file() else shutil.which(_OURS)
    if name is None:
        raise UsageError("git-modeldiff is not on PATH", fix="add the folder of the command modeldiff to PATH")
    return str(Path(name).absolute())


# --- git's files ------------------------------------------------------------------------------------------------


def _settings(repository: Repository, file: Path) -> dict[str, str]:
    """Our keys as they are set in one file."""
    keys = (f"diff.{NAME}.command", f"diff.{NAME}.textconv", f"difftool.{NAME}.cmd")
    values = ((key, repository.get("config", "--file", str(file), "--get", key)) for key in keys if file.exists())
    return {key: value for key, value in values if value is not None}


def _user_settings() -> Path:
    """The file that `git config --global` writes."""
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    if named:
        return Path(named)
    usual, other = Path.home() / ".gitconfig", _git_folder() / "config"
    return other if other.exists() and not usual.exists() else usual


def _user_attributes(repository: Repository) -> Path:
    """core.attributesFile of the user or of the system, or git's default for it."""
    for scope in ("--global", "--system"):
        named = repository.get("config", scope, "--type=path", "--get", "core.attributesFile")
        if named:
            return repository.folder / named
    return _git_folder() / "attributes"


def _git_folder() -> Path:
    named = os.environ.get("XDG_CONFIG_HOME")
    return (Path(named) if named else Path.home() / ".config") / "git"


def _quoted(value: str) -> str:
    """A value as git's settings files want it."""
    escaped = re.sub(r'["\\]', lambda found: f"\\{found[0]}", value).replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
