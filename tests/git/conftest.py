# Real repositories, real git, the real command on PATH. HOME and everything git reads beside a repository are folders
# of the test: the settings of whoever runs the tests are neither read nor written.
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
BIN = Path(sys.executable).parent


@dataclass
class Work:
    """A repository to work in."""

    top: Path
    home: Path

    def run(self, *command, status=0, folder=None, **environment):
        done = subprocess.run(
            [os.fspath(part) for part in command],
            cwd=folder or self.top,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        out, err = done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")
        assert done.returncode == status, (done.returncode, out, err)
        assert "Traceback" not in err
        assert str(self.home.parent) not in out
        self.err = err
        return out

    def git(self, *arguments, **options):
        return self.run("git", *arguments, **options)

    def modeldiff(self, *arguments, **options):
        return self.run("git", "modeldiff", *arguments, **options)

    def put(self, path, sample, side="old"):
        """Write a model of the samples to a path."""
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / sample / f"{side}.h5", target)
        return target

    def data(self, path, number):
        """Write an HDF5 file that is no model."""
        with h5py.File(self.top / path, "w") as file:
            file["x"] = [number]

    def commit(self, message="one"):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def files(self):
        """Every file that git or a user may write settings to, with its bytes."""
        places = [self.home, self.top / ".git" / "info", self.top / ".git" / "config"]
        found = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
        found += [file for file in self.top.iterdir() if file.name != ".git"]
        return {file: file.read_bytes() if file.is_file() else None for file in found}


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """The environment of git, with nothing of this machine in it."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "MODELDIFF_", "LC_"))]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "BROWSER", "PAGER", "COLUMNS", "FORCE_COLOR", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Someone\n\temail = someone@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    return home


@pytest.fixture
def work(alone, tmp_path):
    """An empty repository."""
    work = Work(tmp_path / "repository", alone)
    work.top.mkdir()
    work.git("init", "--quiet")
    return work


@pytest.fixture
def installed(work):
    """A repository where git shows models, with one model committed at models/m.h5."""
    work.modeldiff("install")
    work.put("models/m.h5", "weight-changed")
    work.commit()
    return work
