# git finds what changed and what was renamed; here its answer becomes data. Files are chosen by their suffix and not by
# the attribute that `git modeldiff install` sets, because continuous integration compares in a clone where nothing was
# installed. A symbolic link or a submodule on one side stays in the list: that it came or went is a change of a model.
"""The model files that changed between two commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from modeldiff.git.repository import Repository
from modeldiff.git.revisions import Range, Revision

SUFFIXES = (".h5", ".hdf5", ".keras")
"""What files of models are called (`.weights.h5` is one of them)."""
FILE, LINK = ("100644", "100755"), "120000"
"""Modes of git."""


class Status(str, Enum):
    """What happened to a file, in git's words."""

    ADDED = "added"
    DELETED = "deleted"
    MODIFIED = "modified"
    RENAMED = "renamed"
    UNMERGED = "unmerged"


_STATUSES = {"A": Status.ADDED, "D": Status.DELETED, "R": Status.RENAMED, "U": Status.UNMERGED}


@dataclass(frozen=True, slots=True)
class Side:
    """A file as one end of the comparison has it."""

    path: str
    """From the top of the repository; bytes that are no UTF-8 are surrogates."""
    mode: str
    """`100644`, `100755`; `120000` is a symbolic link, `160000` a submodule."""
    blob: str
    """Id of git's object; "" where only the working tree knows."""
    revision: Revision | None
    """None is the working tree, or a conflict."""
    stage: str = ""
    """`ours` or `theirs` of a conflict."""

    @property
    def shown(self) -> str:
        """`models/a.h5 (1a2b3c4d5e)`: what reports call it."""
        return f"{self.path} ({self.stage or (self.revision.short if self.revision else 'working tree')})"


@dataclass(frozen=True, slots=True)
class ChangedModel:
    """One file that differs between two ends."""

    status: Status
    old: Side | None
    """None for a file that was added."""
    new: Side | None
    """None for a file that was deleted."""
    similarity: int | None = None
    """Percent, of a renamed file."""

    @property
    def path(self) -> str:
        """Where it is now, or was last."""
        side = self.new or self.old
        return side.path if side else ""

    @property
    def moved_from(self) -> str:
        """The old path of a renamed file, else ""."""
        return self.old.path if self.status is Status.RENAMED and self.old else ""

    @property
    def same_content(self) -> bool:
        """Whether git knows both sides to be the same bytes."""
        return self.old is not None and self.new is not None and bool(self.old.blob) and self.old.blob == self.new.blob


def changed_models(repository: Repository, ends: Range, paths: Sequence[str] = ()) -> list[ChangedModel]:
    """The model files that differ, by path; `paths` are git's pathspecs, counted from `repository.folder`.

    Raises:
        UsageError: git refuses, with its reason.
    """
    asked = ["--raw", "-z", "-M", "--no-abbrev", "--no-ext-diff", "--no-relative", "--ignore-submodules=none"]
    commits = [end.commit for end in ends if end is not None]
    entries = repository.names("diff", *asked, *commits, "--", *paths)
    found = [changed for changed in _parsed(entries, ends) if any(map(_is_model, _sides(changed)))]
    settled = {changed.path for changed in found if changed.status is not Status.UNMERGED}
    return sorted(
        (changed for changed in found if changed.status is not Status.UNMERGED or changed.path not in settled),
        key=lambda changed: changed.path,
    )


def conflict(repository: Repository, path: str) -> ChangedModel:
    """Both sides of an unmerged file; `path` counts from the top of the repository.

    Raises:
        UsageError: git refuses, with its reason.
    """
    listed = repository.names("--literal-pathspecs", "ls-files", "-u", "-z", "--full-name", "--", path)
    sides: dict[str, Side] = {}
    for entry in listed:
        mode, blob, stage = entry.partition("\t")[0].split(" ")
        sides[stage] = Side(path, mode, blob, None, {"2": "ours", "3": "theirs"}.get(stage, "base"))
    return ChangedModel(Status.UNMERGED, sides.get("2"), sides.get("3"))


def _parsed(entries: Sequence[str], ends: Range) -> Iterator[ChangedModel]:
    """`:mode mode blob blob status`, then one path, or two for a renamed file."""
    fields = iter(entries)
    for head in fields:
        old_mode, new_mode, old_blob, new_blob, letter = head.removeprefix(":").split(" ")
        status = _STATUSES.get(letter[0], Status.MODIFIED)
        path = next(fields)
        new_path = next(fields) if letter[0] in "RC" else path
        old = Side(path, old_mode, old_blob.strip("0") and old_blob, ends.base)
        new = Side(new_path, new_mode, new_blob.strip("0") and new_blob, ends.head)
        yield ChangedModel(
            status,
            old if old_mode.strip("0") else None,
            new if new_mode.strip("0") else None,
            int(letter[1:]) if status is Status.RENAMED else None,
        )


def _sides(changed: ChangedModel) -> Iterator[Side]:
    yield from (side for side in (changed.old, changed.new) if side is not None)


def _is_model(side: Side) -> bool:
    return side.path.lower().endswith(SUFFIXES) and side.mode in {*FILE, LINK}
