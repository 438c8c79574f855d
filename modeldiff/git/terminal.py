# `git diff` hands the driver a pipe that leads to its pager, so whether colour is wanted only git can say: it knows
# color.diff, color.ui and GIT_PAGER_IN_USE. (`git diff --color` is not passed on to drivers.)
"""Outcomes as text."""

from __future__ import annotations

import os
from typing import TextIO

from modeldiff.git.changed import ChangedModel, Status
from modeldiff.git.repository import Repository
from modeldiff.git.telling import Outcome


def wants_color(repository: Repository, stream: TextIO) -> bool:
    """Whether git would colour what goes to `stream`."""
    if os.environ.get("NO_COLOR"):
        return False
    is_terminal = "true" if stream.isatty() else "false"
    return repository.get("config", "--get-colorbool", "color.diff", is_terminal) == "true"


def heading(path: str, moved_from: str = "", *words: str) -> str:
    """`old.h5 → new.h5 (renamed, 95 % similar)`."""
    told = ", ".join(filter(None, words))
    return f"{f'{moved_from} → ' if moved_from else ''}{path}{f' ({told})' if told else ''}"


def heading_of(changed: ChangedModel) -> str:
    """The heading of a changed file."""
    similar = f", {changed.similarity} % similar" if changed.similarity is not None else ""
    status = "" if changed.status is Status.MODIFIED else f"{changed.status.value}{similar}"
    return heading(changed.path, changed.moved_from, status)


def show(title: str, outcome: Outcome, stream: TextIO, *, color: bool) -> None:
    """One file: a heading, then the summary or the sentence."""
    from modeldiff.renderer import text

    text.print_heading(f"modeldiff {title}", stream, color=color)
    if outcome.report is not None:
        text.print_to(outcome.report, stream, color=color)
    else:
        text.print_line(outcome.sentence, stream)
