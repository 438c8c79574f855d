# The public names, imported when first used (PEP 562): `import modeldiff` costs nothing.
"""modeldiff shows and compares Keras models without TensorFlow.

from modeldiff import load, compare, render

diff = compare(load("old.h5"), load("new.h5"))
page = render(diff, "html")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modeldiff.changes import (
        Change,
        DiffResult,
        Evidence,
        Impact,
        Kind,
        Match,
        Matching,
        Nature,
        Options,
        Survey,
    )
    from modeldiff.differ import compare, survey
    from modeldiff.errors import ModelDiffError, NotAModel, OutputError, RenderError, UnreadableFile, UsageError
    from modeldiff.graph import Call, Graph, Layer, LayerPath, Model, Note, TensorRef, Weight
    from modeldiff.loader import load
    from modeldiff.renderer import render

__version__ = "0.1.0"

_HOME = {
    "load": "loader",
    "compare": "differ",
    "survey": "differ",
    "render": "renderer",
    **dict.fromkeys(("Call", "Graph", "Layer", "LayerPath", "Model", "Note", "TensorRef", "Weight"), "graph"),
    **dict.fromkeys(
        ("Change", "DiffResult", "Evidence", "Impact", "Kind", "Match", "Matching", "Nature", "Options", "Survey"),
        "changes",
    ),
    **dict.fromkeys(
        ("ModelDiffError", "NotAModel", "OutputError", "RenderError", "UnreadableFile", "UsageError"), "errors"
    ),
}

__all__ = [
    "Call",
    "Change",
    "DiffResult",
    "Evidence",
    "Graph",
    "Impact",
    "Kind",
    "Layer",
    "LayerPath",
    "Match",
    "Matching",
    "Model",
    "ModelDiffError",
    "Nature",
    "NotAModel",
    "Note",
    "Options",
    "OutputError",
    "RenderError",
    "Survey",
    "TensorRef",
    "UnreadableFile",
    "UsageError",
    "Weight",
    "__version__",
    "compare",
    "load",
    "render",
    "survey",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
