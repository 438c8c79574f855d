# The table of output formats. A new format is one module with `render(report, diagram)` and one row here.
"""Renderers: a report and a diagram become one text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, cast

from modeldiff.errors import UsageError

if TYPE_CHECKING:
    from modeldiff.changes import DiffResult, Survey
    from modeldiff.diagram import Folding
    from modeldiff.graph import Model
    from modeldiff.report import Report


class Format(NamedTuple):
    """One row of the table."""

    module: str
    """Below `modeldiff.renderer`; has `render(report, diagram) -> str`."""
    has_picture: bool
    """Whether it needs the diagram; without it `diagram` is None."""


FORMATS = {
    "html": Format("html", has_picture=True),
    "svg": Format("svg", has_picture=True),
    "dot": Format("dot", has_picture=True),
    "json": Format("json", has_picture=False),
    "md": Format("markdown", has_picture=False),
    "txt": Format("text", has_picture=False),
    "notebook": Format("notebook", has_picture=True),
}


def render(
    subject: DiffResult | Survey | Model, format: str, *, digests: bool = False, folding: Folding | None = None
) -> str:
    """The text of `subject` in one of `FORMATS`.

    Args:
        subject: what to render; of a bare model no value is read.
        format: a name in `FORMATS`.
        digests: of one model's weights, their digests too.
        folding: what the picture shows at first, where the format has one.

    Raises:
        UsageError: there is no such format.
        RenderError: the picture cannot be laid out.
    """
    from modeldiff import report

    return render_report(report.build(subject, digests=digests), format, folding)


def render_report(report: Report, format: str, folding: Folding | None = None) -> str:
    """As `render`, for words that are built already: several formats of one report share them."""
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", fix=f"one of {', '.join(FORMATS)}")
    row = FORMATS[format]
    module = importlib.import_module(f"{__name__}.{row.module}")
    if not row.has_picture:
        return cast("str", module.render(report, None))
    from modeldiff import diagram

    return cast("str", module.render(report, diagram.build(report.subject, folding=folding)))
