# What the README says is run as it stands. The command that runs all tests is the one exception: it is what runs
# this file, so that only its words are compared with what continuous integration calls.
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from modeldiff import Kind, compare, load, render
from modeldiff.renderer import FORMATS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL, PYTHON = (re.findall(rf"^```{word}\n(.*?)^```", README, re.MULTILINE | re.DOTALL) for word in ("sh", "python"))
REPORT, TESTS, *USES = SHELL
PICTURE = ROOT / "samples" / "pull-request" / "report.svg"


@pytest.fixture
def beside_samples(tmp_path, monkeypatch):
    """An empty folder with the samples in it and this environment's commands on PATH."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def run(command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_command_writes_the_report(tmp_path):
    checkout = tmp_path / "checkout"
    made = shutil.ignore_patterns(".*", "__pycache__", "dist", "*.egg-info")
    shutil.copytree(ROOT, checkout, ignore=made)
    run(["sh", "-c", REPORT], cwd=checkout)
    page = (checkout / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "stage3_block2_conv1" in page


def test_the_second_command_is_what_continuous_integration_runs():
    assert TESTS.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [line for block in USES for line in block.splitlines()])
def test_commands(command, beside_samples):
    run(["sh", "-c", command])
    for name in re.findall(r"-o (\S+)", command):
        assert (beside_samples / name).stat().st_size > 0


@pytest.mark.parametrize("code", PYTHON)
def test_python_examples(code, beside_samples):
    printed = run([sys.executable, "-c", code])
    for said in re.findall(r"print.*  # (.+)", code):
        assert said in printed.splitlines()


def test_tables_are_complete():
    assert set(re.findall(r"^\| `\.(\w+)` \|", README, re.MULTILINE)) == set(FORMATS) - {"notebook"}  # no file
    for kind in Kind:
        assert f"`{kind.value}`" in README
    help_text = run([sys.executable, "-m", "modeldiff", "--help"])
    for option in set(re.findall(r"`(--[a-z-]+)`", README)):
        assert option in help_text


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists()


def _content(svg):
    """What a picture shows, wherever it stands: coordinates differ between versions of Graphviz."""
    elements = list(ET.fromstring(svg).iter())
    texts = Counter((element.text or "").strip() for element in elements)
    return texts, Counter((element.tag, element.get("class")) for element in elements)


def test_the_picture_is_the_report_of_the_sample(monkeypatch):
    """After a wanted change: modeldiff samples/pull-request/{old,new}.h5 -o samples/pull-request/report.svg"""
    monkeypatch.chdir(ROOT / "samples" / "pull-request")
    drawn = render(compare(load("old.h5"), load("new.h5")), "svg")
    assert _content(drawn) == _content(PICTURE.read_text(encoding="utf-8"))
