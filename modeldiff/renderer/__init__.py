# The table of output formats. A new format is one module with `render(report, folding)` and one row here. What shows a
# picture builds its diagram itself, since it may have to build it again, folded further.
"""Renderers: a report and a diagram become one text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from modeldiff.errors import UsageError

if TYPE_CHECKING:
    from modeldiff.changes import DiffResult, Survey
    from modeldiff.diagram import Folding
    from modeldiff.graph import Model
    from modeldiff.report import Report


FORMATS = {
    "html": "html",
    "svg": "svg",
    "dot": "dot",
    "json": "json",
    "md": "markdown",
    "txt": "text",
    "notebook": "notebook",
}
"""Format -> module below `modeldiff.renderer` that has `render(report, folding) -> str`."""


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
    module = importlib.import_module(f"{__name__}.{FORMATS[format]}")
    return cast("str", module.render(report, folding))
