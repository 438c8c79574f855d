# `git log -p` and `git show`: lines that depend on the model alone.
from __future__ import annotations

import re

import pytest


def test_show_lists_what_changed_line_by_line(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    installed.commit()
    out = installed.git("show", "--format=")
    changed = [line for line in out.splitlines() if re.match(r"[+-][^+-]", line)]
    assert changed
    assert all(re.fullmatch(r"[+-]layer \S+ weight \S+ [0-9x]+ float32 sha256:[0-9a-f]{64}", line) for line in changed)


def test_log_shows_an_added_model_whole_and_a_layer_that_was_added(installed):
    installed.put("models/m.h5", "layer-added", "old")
    installed.commit()
    installed.put("models/m.h5", "layer-added", "new")
    installed.commit()
    out = installed.git("log", "-p", "--format=")
    assert "+layer regularise: Dropout\n+layer regularise rate = 0.25\n" in out
    assert "+model: classifier keras-h5\n" in out
    assert out == installed.git("log", "-p", "--format=")


def text_of(work, path):
    return work.modeldiff("textconv", "--format=1", "--", path)


def test_lines_stand_for_layers_and_tensors_in_order(installed):
    lines = text_of(installed, "models/m.h5").splitlines()
    layers = [line for line in lines if re.fullmatch(r"layer (\S+): \w+( frozen)?", line)]
    assert layers == sorted(layers)
    assert len(layers) == 4
    assert [line for line in lines if " weight kernel " in line]
    assert lines.index("layer summary units = 8") < lines.index(
        next(line for line in lines if "summary weight" in line)
    )


def test_the_same_model_gives_the_same_text_under_any_name_and_locale(installed):
    installed.put("x.hdf5", "weight-changed", "old")
    text = text_of(installed, "models/m.h5")
    assert text_of(installed, "x.hdf5") == text
    assert installed.modeldiff("textconv", "--format=1", "--", "x.hdf5", LANG="C", PYTHONIOENCODING="latin-1") == text


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\nxx", b"text", b"PK\x03\x04", b"{", b"\x1b[31m"])
def test_what_is_no_model_is_told_by_its_bytes(installed, content):
    (installed.top / "x.h5").write_bytes(content)
    text = text_of(installed, "x.h5")
    assert re.fullmatch(r"(not a Keras model|cannot be read as a model: .*)\nsha256:[0-9a-f]{64}\nsize \d+\n", text)
    assert str(installed.top) not in text


def test_another_format_is_refused(installed):
    installed.modeldiff("textconv", "--format=999", "--", "models/m.h5", status=2)
    assert "git modeldiff install" in installed.err


def test_git_may_keep_the_text(installed):
    installed.git("config", "diff.modeldiff.cachetextconv", "true")
    first = installed.git("log", "-p", "--format=")
    assert installed.git("log", "-p", "--format=") == first
    assert installed.git("notes", "--ref=textconv/modeldiff", "list")
