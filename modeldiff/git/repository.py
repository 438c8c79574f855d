# git is asked through its own command, with NUL between names and `--` before them, never through a shell and never by
# reading its files: worktrees, alternates, filters and settings are git's business. Contents go from git's standard
# output straight into a file. Rejected: GitPython and pygit2, which know less of filters and LFS than git does.
"""Running git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from modeldiff.errors import ModelDiffError, UnreadableFile, UsageError


@dataclass(frozen=True)
class Repository:
    """The repository that git finds from a folder."""

    folder: Path = Path()
    """Where git runs: paths on the command line count from here."""

    def ask(self, *arguments: str) -> str:
        """What git prints, without the last line end.

        Raises:
            UsageError: git refuses, with its reason.
        """
        return os.fsdecode(self._run(arguments, UsageError)).removesuffix("\n")

    def names(self, *arguments: str) -> list[str]:
        """What git prints with `-z`. Bytes that are no UTF-8 become surrogates, as in all of Python's file names.

        Raises:
            UsageError: git refuses, with its reason.
        """
        return os.fsdecode(self._run(arguments, UsageError)).split("\0")[:-1]

    def get(self, *arguments: str) -> str | None:
        """As `ask`, None where git says no: a setting that is not there, a folder in no repository."""
        try:
            return self.ask(*arguments)
        except UsageError:
            return None

    def write(self, file: IO[bytes], *arguments: str) -> None:
        """Let git write into an open file.

        Raises:
            UnreadableFile: git cannot, with its reason.
        """
        self._run(arguments, UnreadableFile, file)

    def _run(self, arguments: Sequence[str], error: type[ModelDiffError], file: IO[bytes] | None = None) -> bytes:
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # whoever only looks does not write the index
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file or subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError as missing:
            raise UsageError("there is no git on PATH", fix="install git") from missing
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
            told = next((line for line in said if line.startswith(("fatal: ", "error: "))), said[-1])
            raise error(f"git {arguments[0]}: {told.partition(': ')[2] or told}")
        return done.stdout or b""

    @cached_property
    def top(self) -> Path:
        """The top of the working tree.

        Raises:
            UsageError: there is none.
        """
        return Path(self.ask("rev-parse", "--show-toplevel"))

    def place(self, name: str) -> Path:
        """Where git keeps one of its files (`config`, `info/attributes`), for all worktrees of the repository."""
        return self.folder / self.ask("rev-parse", "--git-path", name)
