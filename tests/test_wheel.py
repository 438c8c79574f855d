# What people get from `pip install`: a wheel in an environment of its own, without TensorFlow and without `dot`.
# The editable install and the bare checkout, the other two places templates are found in, are where tests run anyway.
from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"


def run(*command, **kwargs):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The `bin` folder of an environment with the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    run(sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", wheel)
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.fixture
def alone(installed, tmp_path, monkeypatch):
    """An empty folder to work in, with nothing but that environment on PATH."""
    monkeypatch.setenv("PATH", str(installed))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    return installed


def test_the_wheel_holds_templates_and_types_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    templates = {f"modeldiff/templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    assert templates
    assert templates <= set(names)
    assert "modeldiff/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"modeldiff"}


def test_the_installed_command_writes_every_format(alone, tmp_path):
    pair = SAMPLES / "pull-request"
    formats = ("html", "svg", "dot", "json", "md", "txt")
    outputs = [part for suffix in formats for part in ("-o", f"report.{suffix}")]
    run(alone / "modeldiff", pair / "old.h5", pair / "new.h5", *outputs)
    assert {path.name for path in tmp_path.iterdir()} == {f"report.{suffix}" for suffix in formats}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "stage3_block2_conv1" in page
    assert (tmp_path / "report.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_the_installed_package_shows_one_model(alone, tmp_path):
    run(alone / "python", "-m", "modeldiff", SAMPLES / "tutorial/sequential/old.h5", "-o", "model.html")
    assert "dense_hidden" in (tmp_path / "model.html").read_text(encoding="utf-8")


def test_nothing_else_is_installed(alone):
    script = "import importlib.util as u; print([n for n in ('tensorflow', 'keras', 'pip') if u.find_spec(n)])"
    assert run(alone / "python", "-c", script).stdout.strip() == "[]"
