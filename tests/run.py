# The one way to run everything, for people and for continuous integration alike, with the standard library alone.
# pip is the one of the Python that runs this file (`pip --python`): Debian's Python can make an environment but has
# no pip to copy into it. Rejected: tox and nox, which would have to be installed first, and skipping what a machine
# lacks, which makes a green run say nothing.
"""Set up `.venv` in this checkout and run all checks: `python3 tests/run.py [arguments of pytest]`.

Needs Python 3.10 or later and pip 22.3 or later. Installs TensorFlow into `.venv` and, where they are missing and apt
can bring them, Chromium, Graphviz and Git LFS. Exit status 0 if every check passed, 1 if one failed, 2 if the set-up did.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = getattr(sys, "_base_executable", sys.executable)  # also where `.venv`, which may lack pip, is active
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "graphviz": ("dot",),
    "git": ("git",),
    "git-lfs": ("git-lfs",),
}
"""Debian's package -> the commands of which one is needed: a browser to open the report, `dot` to compare with, git to
show models in."""
PARTS = ("tensorflow", "tf_keras", "keras", "playwright.sync_api", "axe_playwright_python", "pygraphviz")
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("pytest", "-n", "2", "--dist", "loadfile"),
)


def stop(message: str) -> None:
    """The set-up cannot go on."""
    print(f"tests/run.py: {message}", file=sys.stderr)
    sys.exit(2)


def run(*command: str | Path) -> int:
    """Show a command, run it at the top of the checkout and return its exit status."""
    print("$", *(str(part).removeprefix(f"{ROOT}{os.sep}") for part in command), flush=True)
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    clean["TF_CPP_MIN_LOG_LEVEL"] = "3"
    clean["PATH"] = f"{BIN}{os.pathsep}{clean.get('PATH', '')}"
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=clean, check=False).returncode


def make_environment() -> None:
    """Make `.venv` and install the project there, editable, with all extras."""
    if sys.version_info < (3, 10):  # noqa: UP036  # people run this file with the Python they have
        stop(f"Python 3.10 or later is needed, this is {sys.version.split()[0]}")
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        venv.create(ENVIRONMENT, with_pip=False)
    pip = (PYTHON, "-m", "pip", "--python", ENVIRONMENT)
    if subprocess.run([*map(str, pip), "--version"], capture_output=True, check=False).returncode:
        stop(f"pip 22.3 or later is needed: {PYTHON} -m pip install --upgrade pip")
    if run(*pip, "install", "--quiet", "--editable", ".[tensorflow,test,dev]"):
        version = ".".join(map(str, sys.version_info[:2]))
        stop(f"pip could not install everything; is there a TensorFlow for Python {version} on this platform?")


def find_programs() -> None:
    """See that there is one of each of `PROGRAMS`, through apt where there is none."""
    missing = [package for package, names in PROGRAMS.items() if not any(map(shutil.which, names))]
    if missing and shutil.which("apt-get"):
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        sudo = () if os.geteuid() == 0 else ("sudo", "--preserve-env=DEBIAN_FRONTEND")
        run(*sudo, "apt-get", "update", "-qq")
        run(*sudo, "apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing)
    for package in missing:
        if not any(map(shutil.which, PROGRAMS[package])):
            stop(f"the tests need {package}: install one of {', '.join(PROGRAMS[package])}")


def check(arguments: Sequence[str]) -> int:
    """Run all checks, also after one failed, and say which did."""
    if run(BIN / "python", "-c", f"import {', '.join(PARTS)}"):
        stop("a part that the tests need cannot be imported")
    failed = [
        " ".join(command)
        for command in CHECKS
        if run(BIN / command[0], *command[1:], *(arguments if command[0] == "pytest" else ()))
    ]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def main() -> int:
    """Set up, then check."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a script's background job ignores Ctrl-C: so would tests of it
    make_environment()
    find_programs()
    return check(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
