# Git LFS pointers through the command: what can be told without the content, and what is said where it cannot.
from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from modeldiff.cli import main
from modeldiff.errors import NotAModel
from modeldiff.loader import load
from modeldiff.loader.pointer import Pointer, command, parse, size_text

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "layer-renamed" / "old.h5"
OTHER = SAMPLE.with_name("new.h5")


def pointer_to(content, size=None):
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size or len(content)}\n".encode()


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in (("a.h5", b"a" * 12_300_000), ("b.h5", b"b" * 12_400_000)):
        (tmp_path / name).write_bytes(pointer_to(content))
    shutil.copy(tmp_path / "a.h5", tmp_path / "same.h5")
    shutil.copy(SAMPLE, tmp_path / "real.h5")
    (tmp_path / "of-real.h5").write_bytes(pointer_to(SAMPLE.read_bytes()))
    return tmp_path


@pytest.mark.parametrize("suffix", ["txt", "md", "json", "html", "svg", "dot"])
def test_two_pointers_to_the_same_content_are_identical_without_it(files, suffix, capsys):
    assert main(["a.h5", "same.h5", "--exit-code", "-o", f"out.{suffix}"]) == 0
    assert "Same model" in capsys.readouterr().err
    text = (files / f"out.{suffix}").read_text(encoding="utf-8")
    assert "Git LFS pointer" in text or suffix in {"svg", "dot"}
    if suffix == "json":
        assert json.loads(text)["verdict"]["identical"] is True


def test_two_pointers_to_different_content_tell_sizes_and_the_command(files, capsys):
    assert main(["a.h5", "b.h5"]) == 2
    err = capsys.readouterr().err
    assert "12.3 MB → 12.4 MB" in err
    assert 'git lfs pull --include="a.h5"' in err


@pytest.mark.parametrize("pair", [("real.h5", "of-real.h5"), ("of-real.h5", "real.h5")])
def test_a_pointer_and_the_content_it_names_are_the_same_model(files, pair, capsys):
    assert main([*pair, "--exit-code"]) == 0
    assert "Same model" in capsys.readouterr().out


def test_a_pointer_and_other_content_need_a_download(files, capsys):
    shutil.copy(OTHER, files / "real.h5")
    assert main(["of-real.h5", "real.h5"]) == 2
    assert "git lfs pull" in capsys.readouterr().err


def test_the_command_names_the_path_in_the_repository(files):
    (files / ".git").mkdir()
    (files / "models").mkdir()
    (files / "models" / "a.h5").write_bytes(pointer_to(b"x"))
    with pytest.raises(NotAModel) as caught:
        load(files / "models" / "a.h5")
    assert caught.value.fix == 'run: git lfs pull --include="models/a.h5"'


@pytest.mark.parametrize("path", ["a,b.h5", "a*.h5", 'a"b.h5', "$(id).h5", "`id`.h5", "a\nb.h5", "[a].h5", "a\\b.h5"])
def test_a_path_that_would_be_read_as_something_else_stays_out_of_the_command(path):
    assert command(path) == "git lfs pull"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pointer_to(b"x"), Pointer(hashlib.sha256(b"x").hexdigest(), 1)),
        (pointer_to(b"x").replace(b"\n", b"\r\n"), Pointer(hashlib.sha256(b"x").hexdigest(), 1)),
        (pointer_to(b"x").replace(b"oid", b"ext-0-foo sha256:00\noid"), Pointer(hashlib.sha256(b"x").hexdigest(), 1)),
        (pointer_to(b"x").replace(b"git-lfs", b"hawser"), Pointer(hashlib.sha256(b"x").hexdigest(), 1)),
        (pointer_to(b"x") + b"more", None),
        (pointer_to(b"x").replace(b"sha256", b"sha1"), None),
        (pointer_to(b"x") + b" " * 1024, None),
        (b"", None),
        (SAMPLE.read_bytes()[:500], None),
    ],
)
def test_a_pointer_is_known_by_its_whole_text(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (12_345_678, "12.3 MB"), (999_950, "1.0 MB"), (10**16, "10000.0 TB")],
)
def test_sizes_are_short(count, text):
    assert size_text(count) == text
