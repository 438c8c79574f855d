# Bad input, through the real command: exit status 2, one message that names the file, no traceback, nothing written.
from __future__ import annotations

import html
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from markdown_it import MarkdownIt

from modeldiff.cli import main

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
GOOD = SAMPLES / "layer-renamed" / "old.h5"
OTHER = SAMPLES / "layer-renamed" / "new.h5"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n".format("ab" * 32)


def _hdf5(path, **attributes):
    with h5py.File(path, "w") as file:
        file["table"] = np.arange(4)
        file.attrs.update(attributes)


def _with_config(path, text):
    path.write_bytes(GOOD.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text


BAD = {
    "missing": lambda _: None,
    "directory": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(GOOD.read_bytes()[:9000]),
    "only-signature": lambda path: path.write_bytes(GOOD.read_bytes()[:8]),
    "text": lambda path: path.write_text("dear reader\n"),
    "random": lambda path: path.write_bytes(np.random.default_rng(0).bytes(4096)),
    "hdf5-of-others": _hdf5,
    "git-lfs-pointer": lambda path: path.write_text(POINTER),
    "download-page": lambda path: path.write_text("<!DOCTYPE html><html><body>Not found</body></html>"),
    "config-cut-off": lambda path: _with_config(path, '{"class_name": "Sequential", "config": {"na'),
    "config-of-numbers": lambda path: _with_config(path, "[1, 2, 3]"),
    "config-too-deep": lambda path: _with_config(path, "[" * 100_000 + "]" * 100_000),
}


@pytest.fixture(params=BAD)
def bad(request, tmp_path):
    path = tmp_path / f"{request.param}.h5"
    BAD[request.param](path)
    return path


def assert_one_message_about(path, capsys):
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("modeldiff: ")
    assert str(path) in err
    assert "Traceback" not in err


@pytest.mark.parametrize("sides", ["one", "old", "new"])
def test_bad_file(bad, sides, tmp_path, capsys):
    files = {"one": [bad], "old": [bad, GOOD], "new": [GOOD, bad]}[sides]
    before = set(tmp_path.iterdir())
    assert main([*map(str, files), "-o", str(tmp_path / "report.md"), "-o", str(tmp_path / "report.json")]) == 2
    assert_one_message_about(bad, capsys)
    assert set(tmp_path.iterdir()) == before


def test_a_git_lfs_pointer_is_called_by_its_name(tmp_path, capsys):
    path = tmp_path / "model.h5"
    path.write_text(POINTER)
    assert main([str(path)]) == 2
    assert "git lfs pull" in capsys.readouterr().err


@pytest.mark.parametrize(
    "target",
    ["no-such-folder/report.md", "report.md/inner.md", "a-folder.md"],
    ids=["missing folder", "a file as folder", "a folder as file"],
)
def test_output_that_cannot_be_written(target, tmp_path, capsys):
    (tmp_path / "report.md").write_text("kept")
    (tmp_path / "a-folder.md").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main([str(GOOD), str(OTHER), "-o", str(tmp_path / target)]) == 2
    assert_one_message_about(tmp_path / target, capsys)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "report.md").read_text() == "kept"


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.h5", ".md.bak", "report."])
def test_output_without_a_known_suffix(name, tmp_path, capsys):
    assert main([str(GOOD), str(OTHER), "-o", str(tmp_path / name)]) == 2
    assert_one_message_about(tmp_path / name, capsys)
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_is_judged_before_any_file_is_read(tmp_path, capsys):
    assert main(["missing.h5", "-o", str(tmp_path / "report.pdf")]) == 2
    assert "report.pdf" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--no-such-option", str(GOOD)],
        [str(GOOD), str(GOOD), str(GOOD)],
        [str(GOOD), str(GOOD), "--rtol", "-1"],
        [str(GOOD), str(GOOD), "--atol", "nan"],
        [str(GOOD), str(GOOD), "--fail-on", "everything"],
        [str(GOOD), str(GOOD), "--fail-on", "params>5%"],
        [str(GOOD), str(GOOD), "--fail-on", "frozen-moved", "--no-weights"],
        [str(GOOD), "--exit-code"],
        [str(GOOD), "--fail-on", "code"],
        [str(GOOD), "--map", "a=b"],
        [str(GOOD), "--no-weights", "--digests"],
        [str(GOOD), "--rtol", "0"],
        [str(GOOD), "--atol", "1"],
        [str(GOOD), "--annotate", "github"],
        [str(GOOD), str(GOOD), "--annotate", "gitlab"],
        [str(GOOD), str(GOOD), "--digests"],
        [str(GOOD), str(GOOD), "--context", "2"],
        [str(GOOD), "--depth", "2", "--format", "json"],
        [str(GOOD), "--context", "2", "--format", "svg"],
        [str(GOOD), "--depth", "-1", "--format", "svg"],
        [str(GOOD), str(GOOD), "--no-weights", "--rtol", "1"],
        [str(GOOD), str(GOOD), "--no-weights", "--weights"],
        [str(GOOD), str(GOOD), "--map", "features"],
        [str(GOOD), str(GOOD), "--map", "=encoder"],
        [str(GOOD), str(GOOD), "--map", "no-such-layer=features"],
        [str(GOOD), str(GOOD), "--format", "pdf"],
    ],
    ids=" ".join,
)
def test_bad_usage(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_the_command_itself_shows_no_traceback(tmp_path):
    path = tmp_path / "broken.h5"
    path.write_bytes(GOOD.read_bytes()[:9000])
    done = subprocess.run(
        [sys.executable, "-m", "modeldiff", path, GOOD, "-o", tmp_path / "report.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("modeldiff: ")
    assert "broken.h5" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [path]


# --- hostile names --------------------------------------------------------------------------------------------

HOSTILE = {
    "ansi": "\x1b[31mred\x1b[0m",
    "bell": "ring\x07\x08\x08\x08\x08",
    "newline": "one\ntwo\r\nthree",
    "bidi": "abc\u202edcba\u2066",
    "c1": "a\x9b31mb",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "markdown": "`x` **y** [z](example.com/x) | <!-- @team -->",
    "terminal-link": "\x1b]8;;example.com/x\x07link\x1b]8;;\x07",
}


def _renamed(path, name):
    """A model whose first dense layer is called `name`."""
    path.write_bytes(GOOD.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"features"', json.dumps(name))
        weights = file["model_weights"]
        weights.attrs["layer_names"] = [
            name if str(layer) == "features" else str(layer) for layer in weights.attrs["layer_names"]
        ]
        weights.move("features", name)


def _shown(name, suffix):
    """How a name reads in a report: what would act is its code point, and each medium adds its own escaping."""
    if suffix == "json":
        return json.dumps(name)[1:-1]
    codes = {char: f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}" for char in name}
    text = "".join(char if char.isprintable() else codes[char] for char in name)
    if suffix == "dot":
        return text.replace("\\", "\\\\")
    return html.escape(text, quote=False) if suffix in {"html", "svg"} else text


@pytest.mark.parametrize("suffix", ["txt", "md", "json", "html", "svg", "dot"])
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_shown_and_do_not_act(name, suffix, tmp_path, capsys):
    hostile = tmp_path / "hostile.h5"
    _renamed(hostile, name)
    report = tmp_path / f"report.{suffix}"
    assert main([str(GOOD), str(hostile), "-o", str(report)]) == 0
    written = report.read_bytes().decode()
    assert _shown(name.partition("/")[0], suffix) in written
    told = capsys.readouterr().err
    for raw in ("\x1b", "\x07", "\x08", "\x9b", "\r", "\u202e", "\u2066"):
        assert raw not in written
        assert raw not in told
    for raw in ("<script>alert", "<img src=x"):
        if suffix in {"html", "svg"}:
            assert raw not in written


def _structure(text):
    """What a Markdown reader makes of a text, without the words: hostile names must not add to it."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tokens = [part for token in tokens for part in (token, *(token.children or ()))]
    return [(token.type, token.content if "html" in token.type else token.attrs) for token in tokens]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_do_not_become_markdown(name, tmp_path, capsys):
    _renamed(tmp_path / "new.h5", name)
    texts = []
    for new in (OTHER, tmp_path / "new.h5"):
        assert main([str(GOOD), str(new), "-o", "-", "--format", "md"]) == 0
        texts.append(capsys.readouterr().out)
    assert _structure(texts[0]) == _structure(texts[1])


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_do_not_reach_the_terminal(name, tmp_path, capsys):
    hostile = tmp_path / "hostile.h5"
    _renamed(hostile, name)
    assert main([str(GOOD), str(hostile)]) == 0
    out, err = capsys.readouterr()
    assert "encoder" not in out
    assert not {"\x1b", "\x07", "\x08", "\x9b", "\r", "\u202e", "\u2066"} & set(out + err)


def test_hostile_file_names_do_not_reach_the_terminal(tmp_path, capsys):
    assert main([str(tmp_path / "\x1b[31mred\u202e.h5")]) == 2
    err = capsys.readouterr().err
    assert "red" in err
    assert not {"\x1b", "\u202e"} & set(err)
