# The command as a process of its own, because that is what is promised: whatever a file does to the HDF5 library, one
# line on standard error and exit status 2. The crash is the library's own: it recurses once for each level of a type,
# and a small stack makes it overflow in every version.
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from h5py import h5d, h5s, h5t
from processes import is_gone, number_in

from modeldiff import isolation

ROOT = Path(__file__).parent.parent
OLD = ROOT / "samples" / "pull-request" / "old.h5"
COMMAND = [sys.executable, "-m", "modeldiff"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the command forks only where the system can")


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A file whose one dataset has a type of many levels."""
    kind = h5t.IEEE_F32LE.copy()
    for _ in range(5000):
        kind = h5t.vlen_create(kind)
    path = tmp_path / "deep.weights.h5"
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("layers/dense/vars")
        h5d.create(group.id, b"0", kind, h5s.create_simple((1,)))
    return path


def with_small_stack(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_STACK, (400_000, -1)); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems fix the stack when a program is built")
@pytest.mark.parametrize("side", ["only", "old", "new"])
def test_a_crash_of_the_library_names_the_file(deep: Path, tmp_path: Path, side: str) -> None:
    models = {"only": [deep], "old": [deep, OLD], "new": [OLD, deep]}[side]
    done = with_small_stack(*models, "-o", tmp_path / "x.html")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(
        f"modeldiff: {deep}: damaged in a way that crashes the library which reads it (SIGSEGV)"
    )
    assert done.stderr.count("\n") == 1
    assert not done.stdout
    assert list(tmp_path.iterdir()) == [deep]


def child(tmp_path: Path, work: str) -> subprocess.Popen[str]:
    """A command whose work is `work`."""
    code = f"""
import os, signal, sys, time
from pathlib import Path
from modeldiff import cli, isolation
isolation.PATIENCE = 0.5
def work(_):
    Path({str(tmp_path / "child")!r}).write_text(str(os.getpid()))
{work}
cli._run = work
sys.argv = ["modeldiff", "m.h5"]
sys.exit(cli.main())
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("work", "status", "words"),
    [
        ("    return 1", 1, ""),
        ("    sys.exit(3)", 3, ""),
        ("    with isolation.reading('m.h5'):\n        sum(range(10**12))", 2, "m.h5: reading it did not end within"),
        ("    with isolation.reading('m.h5'):\n        time.sleep(1)\n    return 0", 0, ""),
        (
            "    with isolation.reading('m.h5'):\n        return 0 * len(bytearray(700 << 20))",
            2,
            "m.h5: it needs more memory",
        ),
        ("    with isolation.reading('m.h5'):\n        pass\n    return 0 * len(bytearray(700 << 20))", 0, ""),
        ("    os.kill(os.getpid(), signal.SIGABRT)", 2, "crashed (SIGABRT)"),
        ("    os.kill(os.getpid(), signal.SIGKILL)", 2, "perhaps for want of memory"),
        ("    os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("    import atexit\n    atexit.register(os.abort)\n    return 1", 1, ""),
    ],
    ids=["status", "exit", "endless", "slow disk", "memory", "memory later", "abort", "kill", "terminate", "at exit"],
)
def test_how_the_child_ends_is_how_the_command_ends(tmp_path: Path, work: str, status: int, words: str) -> None:
    process = child(tmp_path, work)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status, told
    assert words in told
    assert "Traceback" not in told


@pytest.mark.parametrize("to_both", [True, False], ids=["from the terminal", "to the command alone"])
def test_an_interrupt_ends_both_and_is_no_trouble(tmp_path: Path, *, to_both: bool) -> None:
    process = child(tmp_path, "    time.sleep(600)")
    worker = number_in(tmp_path / "child", process)
    if to_both:
        os.kill(worker, signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == ""
    assert is_gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the signal of a closed pipe ends nothing")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_child_does_not_outlive_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    process = child(tmp_path, "    time.sleep(600)")
    worker = number_in(tmp_path / "child", process)
    process.send_signal(end)
    process.communicate(timeout=300)  # nobody holds its streams any more
    assert process.returncode == -end
    assert is_gone(worker)


def test_programs_are_not_forked() -> None:
    before = os.getpid()
    with isolation.reading("m.h5"):
        assert os.getpid() == before
        assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
