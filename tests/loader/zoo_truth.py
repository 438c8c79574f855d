# The zoo: small files of eight Keras versions with the truth taken from the live models. It lies beside the project
# and is never copied into it; where it is missing, the tests that need it are skipped.
"""Where the real files are, and what is true about them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from modeldiff.graph import Model
from modeldiff.loader import load

SHARED = Path(__file__).resolve().parents[3] / "shared"
FILES = SHARED / "zoo" / "files"
MODELS = SHARED / "models"

needs_zoo = pytest.mark.skipif(not FILES.is_dir(), reason="the zoo lies beside the project")


@cache
def truth() -> dict[str, Any]:
    """`<writer>/<model>` -> what the live model was."""
    if not FILES.is_dir():
        return {}
    return json.loads((SHARED / "zoo" / "TRUTH.json").read_text(encoding="utf-8"))["entries"]


def entries(*formats: str) -> list[tuple[str, str, str]]:
    """(entry, format, path under `FILES`) of every file of these formats, all of them by default."""
    return [
        (key, form, file["path"])
        for key, entry in truth().items()
        for form, file in entry["files"].items()
        if not formats or form in formats
    ]


@cache
def loaded(path: str) -> Model:
    """A model of the zoo, loaded once for all tests."""
    return load(FILES / path)
