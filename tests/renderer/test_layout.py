# Both roads to Graphviz, for real: `dot` on PATH, and the Graphviz inside the pygraphviz wheel.
from __future__ import annotations

import subprocess
import sys

import graphviz
import pytest

from modeldiff.errors import RenderError
from modeldiff.renderer import layout, wheel
from modeldiff.renderer.layout import Deadline, Ranked, TooSlow, columns

SKIP = Ranked((344, 344, 4, 344), ((0, 1, 6), (0, 2, 2), (1, 3, 6), (2, 3, 2)))


def test_boxes_of_one_rank_stand_apart_and_a_column_is_straight():
    ((first, middle, lane, last),) = columns([SKIP], Deadline())
    assert first == pytest.approx(middle, abs=1)
    assert middle == pytest.approx(last, abs=1)
    assert abs(lane - middle) >= 172 + 2


def test_both_roads_give_the_same_picture():
    texts = [SKIP.dot(), Ranked((100, 50), ((0, 1, 1),)).dot()]
    by_dot = [[round(x) for x in graph] for graph in layout._parsed(layout.by_dot(texts, 10))]
    by_wheel = [[round(x) for x in graph] for graph in layout._parsed(layout.by_wheel(texts, 10))]
    assert by_dot == by_wheel


def test_without_dot_the_wheel_lays_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(graphviz.ExecutableNotFound):
        layout.by_dot([SKIP.dot()], 10)
    assert len(columns([SKIP, SKIP], Deadline())) == 2


def test_a_layout_that_takes_too_long_is_given_up(monkeypatch, tmp_path):
    tangle = Ranked((40.0,) * 900, tuple((a, 450 + (a * 7 + b * 31) % 450, 1) for a in range(450) for b in range(40)))
    with pytest.raises(TooSlow):
        columns([tangle], Deadline(0.3))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TooSlow):
        columns([tangle], Deadline(0.3))


def test_a_dot_that_crashes_leaves_the_work_to_the_wheel(monkeypatch, tmp_path):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\nkill -SEGV $$\n")
    dot.chmod(0o755)
    expected = columns([SKIP], Deadline())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(subprocess.CalledProcessError):
        layout.by_dot([SKIP.dot()], 10)
    assert columns([SKIP], Deadline())[0] == pytest.approx(expected[0], abs=1)


def test_nothing_in_the_current_folder_or_the_environment_is_run(monkeypatch, tmp_path):
    for name in ("graphviz", "pygraphviz", "json", "subprocess", "re", "modeldiff", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert layout.by_wheel([SKIP.dot()], 10).startswith("graph ")
    assert not (tmp_path / "ran").exists()


def test_without_any_graphviz_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(RenderError, match="pip install pygraphviz"):
        columns([SKIP], Deadline())


def test_a_wheel_that_cannot_be_imported_is_none(tmp_path):
    command = [sys.executable, "-I", "-S", wheel.__file__, str(tmp_path)]
    assert subprocess.run(command, input="", text=True, check=False).returncode == wheel.NO_GRAPHVIZ


def test_nothing_to_lay_out_starts_no_process(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert columns([], Deadline()) == []
