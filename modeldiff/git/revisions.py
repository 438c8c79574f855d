# The forms of `git diff`: BASE, BASE HEAD, BASE..HEAD, BASE...HEAD. Three dots compare with the commit where HEAD left
# BASE, which is what a pull request changes. Names become commit ids at once, so that a report says the same tomorrow.
"""What to compare: two commits, or one and the working tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modeldiff.errors import UsageError
from modeldiff.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit."""

    name: str
    """As the user wrote it."""
    commit: str
    """The full id."""

    @property
    def short(self) -> str:
        """Ten digits, in every clone the same."""
        return self.commit[:10]


class Range(NamedTuple):
    """Both ends of a comparison."""

    base: Revision
    head: Revision | None
    """None is the working tree."""


def resolve(repository: Repository, words: Sequence[str]) -> Range:
    """The commits that one or two words name.

    Raises:
        UsageError: no such commit, no common commit, too many words.
    """
    if len(words) == 1 and "..." in words[0]:
        base, _, head = words[0].partition("...")
        ends = revision(repository, base or "HEAD"), revision(repository, head or "HEAD")
        return Range(_fork(repository, *ends), ends[1])
    if len(words) == 1 and ".." in words[0]:
        base, _, head = words[0].partition("..")
        return Range(revision(repository, base or "HEAD"), revision(repository, head or "HEAD"))
    if not 1 <= len(words) <= 2:
        raise UsageError(f"{len(words)} revisions given", fix="name one or two, and paths after --")
    ends_given = [revision(repository, word) for word in words]
    return Range(ends_given[0], ends_given[1] if len(words) == 2 else None)


def revision(repository: Repository, name: str) -> Revision:
    """The commit with a name.

    Raises:
        UsageError: there is none.
    """
    if repository.get("rev-parse", "--git-dir") is None:
        raise UsageError("this folder is in no git repository", fix="go to one, or use: git -C FOLDER modeldiff ...")
    commit = repository.get("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        raise UsageError(
            f"there is no commit {name!r} here", fix="fetch it (git fetch origin NAME), or put paths after --"
        )
    return Revision(name, commit)


def _fork(repository: Repository, base: Revision, head: Revision) -> Revision:
    commit = repository.get("merge-base", base.commit, head.commit)
    if commit is None:
        raise UsageError(
            f"{base.name!r} and {head.name!r} have no commit in common here",
            fix="fetch more of the history (git fetch --unshallow), or name two commits",
        )
    return Revision(f"{base.name}...{head.name}", commit)
