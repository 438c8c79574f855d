# A small slice of what `tests/fuzz.py` searches for hours: the same inputs in every run.
from __future__ import annotations

import os
import signal
from pathlib import Path

import fuzz
import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the fuzzer forks")


def test_files_with_mutations_are_read_or_refused(tmp_path: Path) -> None:
    files = [ROOT / "samples" / kind / "new.h5" for kind in ("layer-added", "layer-renamed", "weight-changed")]
    fuzz.trial(files[0], files[1], 0)
    counts = fuzz.batch(range(60), 0, files, tmp_path)
    assert counts["finding"] == 0, [path.read_text() for path in tmp_path.glob("*.txt")]
    assert counts["read"] > 10
    assert counts["refused"] > 5


def test_a_finding_is_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {
        0: lambda: "read",
        1: lambda: os.kill(os.getpid(), signal.SIGSYS),
        2: lambda: "refused",
        3: lambda: "Traceback",
        4: lambda: os._exit(3),
        5: lambda: "read",
    }
    monkeypatch.setattr(fuzz, "trial", lambda *about: ends[about[-1]]())
    counts = fuzz.batch(range(6), 0, [ROOT / "samples" / "layer-added" / "new.h5"], tmp_path)
    assert counts == {"read": 2, "refused": 1, "finding": 3}
    told = capsys.readouterr().out
    assert "0-1.h5" in told
    assert "crash: SIGSYS" in told
    assert {path.name for path in tmp_path.iterdir()} == {f"0-{n}.h5{end}" for n in (1, 3, 4) for end in ("", ".txt")}
