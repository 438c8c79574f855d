# A notebook shows HTML inside its own page. So the report gets a frame: its styles and scripts stay out of the
# notebook, and the notebook's out of it. A data URL and not `srcdoc`, in which a link to `#layer=...` would lead to
# the notebook's own address.
"""The page as the output of a notebook cell."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from modeldiff.renderer import html
from modeldiff.report import Report

if TYPE_CHECKING:
    from modeldiff.diagram import Folding


def render(report: Report, folding: Folding | None = None) -> str:
    """The page in a sandboxed frame."""
    page = base64.b64encode(html.render(report, folding).encode()).decode("ascii")
    source = f"data:text/html;charset=utf-8;base64,{page}"
    return f'<iframe sandbox="allow-scripts" width="100%" height="720" title="modeldiff" src="{source}"></iframe>'
