# All pages lie side by side in one folder under names made of letters, digits, dots, dashes and underscores, whatever
# a repository calls its files: no name leaves the folder, none is hidden, and each works in a link as it stands. A page
# is written as soon as it is rendered, the list of all last, so that hundreds of models need the memory of one.
"""A folder of reports with a list of them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from modeldiff.changes import DiffResult
from modeldiff.cli import write_file
from modeldiff.errors import OutputError, RenderError
from modeldiff.git.changed import ChangedModel, Status
from modeldiff.git.revisions import Range
from modeldiff.git.telling import Outcome
from modeldiff.renderer import render_report
from modeldiff.renderer.index import Row, render
from modeldiff.report import Status as Mark

INDEX = "index.html"
_OURS = {INDEX, "report.html"}
"""Names that no page of a model has."""
_LONGEST = 120
_MARKS = {Status.ADDED: Mark.ADDED, Status.DELETED: Mark.REMOVED, Status.RENAMED: Mark.RENAMED}


def write(
    folder: Path,
    ends: Range,
    found: Sequence[ChangedModel],
    outcomes: Iterable[tuple[ChangedModel, Outcome]],
    *,
    report: str = "",
) -> Iterator[tuple[ChangedModel, Outcome]]:
    """Write a page for each report and `index.html`, the list of all; passes on what it wrote.

    `report` is the name of the one file to open: the list, and where only one model changed its page instead of a list.

    Raises:
        OutputError: something cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", where=str(folder), fix="give -o another folder") from error
    rows = []
    index = report or INDEX
    names = [report] if report and len(found) == 1 else page_names([one.path for one in found])
    for name, (changed, outcome) in zip(names, outcomes, strict=True):
        link = ""
        told = outcome
        if outcome.report is not None:
            try:
                _write(folder / name, render_report(outcome.report, "html"))
                link = name
            except RenderError as error:
                told = Outcome(outcome.report, f"no page: {error}", trouble=True)
        rows.append(_row(changed, told, link))
        yield changed, told
    if index not in {row.link for row in rows}:
        _write(folder / index, render(rows, _end(ends.base.name, ends.base.short), _head(ends)))


def page_name(path: str) -> str:
    """`models-a.h5.html` for `models/a.h5`."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path).strip("-.")[-_LONGEST:].lstrip("-.")
    return f"{plain or 'model'}.html"


def page_names(paths: Sequence[str]) -> list[str]:
    """A name for each path, no two of them the same, also where case does not count."""
    names = [page_name(path) for path in paths]
    often = Counter(name.lower() for name in names)
    return [
        name if often[name.lower()] == 1 and name.lower() not in _OURS else f"{_digest(path)}-{name}"
        for name, path in zip(names, paths, strict=True)
    ]


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _write(path: Path, text: str) -> None:
    if path.is_symlink():
        raise OutputError("is a link", where=str(path), fix="give -o another folder, or delete the link")
    write_file(path, text)


def _row(changed: ChangedModel, outcome: Outcome, link: str) -> Row:
    subject = outcome.report.subject if outcome.report is not None else None
    impact = subject.impact if isinstance(subject, DiffResult) else None
    return Row(
        mark=_MARKS.get(changed.status, Mark.CHANGED if impact is not None or subject is None else Mark.UNCHANGED),
        status=changed.status.value,
        path=changed.path,
        moved_from=changed.moved_from,
        verdict=outcome.verdict,
        impact=impact.label if impact is not None else "",
        figures=outcome.report.figures if outcome.report is not None else (),
        link=link,
    )


def _head(ends: Range) -> str:
    return "working tree" if ends.head is None else _end(ends.head.name, ends.head.short)


def _end(name: str, short: str) -> str:
    """`main (1a2b3c4d5e)`, the id alone where that is how it was named."""
    return short if name.startswith(short) else f"{name} ({short})"
