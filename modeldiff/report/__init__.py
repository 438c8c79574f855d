# A package and not one module, because it holds four ideas: the data (`view`), the words of one change (`words`,
# with the one `match` that ends in `assert_never`), the words of one layer (`layers`) and the headline (`verdict`).
"""The view-model: every English sentence about a model or a change."""

from __future__ import annotations

from modeldiff.report.view import (
    Code,
    ConfigRow,
    Figure,
    FileCard,
    Group,
    LayerView,
    Link,
    Phrase,
    Report,
    Status,
    WeightView,
)

__all__ = [
    "Code",
    "ConfigRow",
    "Figure",
    "FileCard",
    "Group",
    "LayerView",
    "Link",
    "Phrase",
    "Report",
    "Status",
    "WeightView",
    "build",
]
