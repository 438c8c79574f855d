# The list of many reports in one folder: the words of the reports' verdicts once more, with links. Beside `html`, whose
# rules for escaping, styles and the Content-Security-Policy it shares; no script and no picture.
"""The page that lists reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from modeldiff.renderer import palette, templates
from modeldiff.renderer.boxes import CLASSES
from modeldiff.renderer.html import environment, source_hash, tight
from modeldiff.report import Figure, Phrase, Status
from modeldiff.report.words import counted

STYLES = ("page.css", "index.css")


@dataclass(frozen=True, slots=True)
class Row:
    """One file."""

    mark: Status
    """Which sign and colour stand before it."""
    status: str
    """`added`, `deleted`, `modified`, `renamed`, ..."""
    path: str
    moved_from: str
    """The old path of a renamed file, else ""."""
    verdict: Phrase
    impact: str
    """`functional`; "" where nothing was compared or nothing changed."""
    figures: tuple[Figure, ...]
    """Numbers of the whole model, of both sides where there are two."""
    link: str
    """The page in the same folder, "" where there is none."""


def render(rows: Sequence[Row], old: str, new: str) -> str:
    """The page about what changed from `old` to `new`."""
    style = tight("\n".join([palette.page(), *map(templates.read, STYLES)]))
    often = Counter(row.status for row in rows)
    title = f"{counted(len(rows), 'model file')} changed" if rows else "No model file changed"
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            title=title,
            counts=", ".join(f"{amount} {status}" for status, amount in sorted(often.items()))
            if len(often) > 1
            else "",
            old=old,
            new=new,
            rows=rows,
            classes=CLASSES,
            style=Markup(style),  # noqa: S704 -- our own files
            style_hash=source_hash(style),
        )
    )
