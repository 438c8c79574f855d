# What the type checker cannot see: who imports whom (contracts in pyproject.toml), and what starting up costs.
# Start-up is asserted on the modules that were loaded, not on a clock.
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import modeldiff

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"numpy", "h5py", "deepdiff", "jinja2", "graphviz", "pygraphviz", "rich", "tensorflow", "keras", "tf_keras"}


def test_import_rules_hold():
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import modeldiff",
        "import modeldiff; modeldiff.Model, modeldiff.Kind, modeldiff.ModelDiffError, modeldiff.__version__",
        "from modeldiff.cli import main; main(['--help'])",
        "from modeldiff.cli import main; main(['--version'])",
        "from modeldiff.cli import main; main([])",
    ],
)
def test_starting_loads_nothing_heavy(code):
    script = f"import sys\n{code}\nprint('loaded:', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert "modeldiff" in loaded
    assert not loaded & HEAVY


def test_every_public_name_is_there():
    assert [name for name in modeldiff.__all__ if not hasattr(modeldiff, name)] == []
    assert set(modeldiff.__all__) == set(dir(modeldiff))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = modeldiff.nothing


def test_terminal_report_loads_no_picture(tmp_path):
    samples = ROOT / "samples" / "layer-renamed"
    script = (
        "import sys\nfrom modeldiff.cli import main\n"
        f"main([{str(samples / 'old.h5')!r}, {str(samples / 'new.h5')!r}, '-o', {str(tmp_path / 'c.md')!r}])\n"
        "print('loaded:', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert "numpy" in loaded
    assert not loaded & {"h5py", "jinja2", "graphviz", "pygraphviz", "tensorflow", "keras"}
