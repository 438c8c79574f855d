# The words people read, as files people can review: one `.txt` and one `.md` per sample pair, in __snapshots__.
# After a wanted change: pytest tests/test_snapshots.py --snapshot-update
from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from modeldiff import compare, load, render

ROOT = Path(__file__).resolve().parent.parent
PAIRS = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("samples/**/old.h5"))


class _TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = _file_extension = "txt"  # with the underscore: syrupy 4, for Python 3.10


class _MarkdownFile(_TextFile):
    file_extension = _file_extension = "md"


@pytest.fixture
def diff(request, monkeypatch):
    monkeypatch.chdir(ROOT)
    return compare(load(f"{request.param}/old.h5"), load(f"{request.param}/new.h5"))


by_pair = pytest.mark.parametrize("diff", PAIRS, indirect=True, ids=lambda pair: pair[8:].replace("/", "-"))


@by_pair
def test_text(diff, snapshot):
    assert render(diff, "txt") == snapshot(extension_class=_TextFile)


@by_pair
def test_markdown(diff, snapshot):
    assert render(diff, "md") == snapshot(extension_class=_MarkdownFile)
