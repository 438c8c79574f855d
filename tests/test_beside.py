# The helper is a process of the command, so these are commands too; what they do is given as the text of their work.
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import is_gone, number_in

from modeldiff.beside import beside

SAMPLES = Path(__file__).parent.parent / "samples" / "pull-request"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="a helper needs Linux and a second processor"
)


def command(work: str, *arguments: object) -> subprocess.Popen[str]:
    """A command whose work are these lines; they find `beside`, and `path` for the first argument."""
    lines = "".join(f"    {line}\n" for line in work.splitlines())
    code = f"""
import os, signal, sys, threading, time
from pathlib import Path
from modeldiff import cli, isolation
from modeldiff.beside import beside
from modeldiff.errors import UnreadableFile
isolation.PATIENCE = 0.5
path = sys.argv[1]
def fail(error):
    raise error
def read(then):
    with isolation.reading("m.h5"):
        return then()
def work(_):
    child = os.getpid()
{lines}    return 0
cli._run = work
sys.argv = ["modeldiff", "m.h5"]
sys.exit(cli.main())
"""
    words = [sys.executable, "-c", code, *map(str, arguments or ["-"])]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(work: str) -> tuple[int, str, str]:
    process = command(work)
    out, told = process.communicate(timeout=120)
    assert "Traceback" not in told, told
    return process.returncode, out, told


def test_the_work_is_done_in_another_process_at_the_same_time(tmp_path: Path) -> None:
    work = """with beside(lambda: (Path(path).write_text("begun"), os.getpid())[1]) as result:
    while not Path(path).exists():
        time.sleep(0.01)
    assert result() != child
print("done")"""
    process = command(work, tmp_path / "sign")
    assert process.communicate(timeout=120) == ("done\n", "")


@pytest.mark.parametrize(
    "why", ["is_worth_it=False", "a thread", "one processor"], ids=["not worth it", "a thread", "one processor"]
)
def test_without_a_helper_the_work_is_done_when_it_is_asked_for(why: str) -> None:
    before = {
        "a thread": "threading.Thread(target=time.sleep, args=(2,), daemon=True).start()",
        "one processor": "os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])",
    }
    work = f"""{before.get(why, "")}
with beside(os.getpid, {why if "=" in why else ""}) as result:
    assert result() == child"""
    assert done(work) == (0, "", "")


def test_a_program_is_not_forked() -> None:
    with beside(os.getpid) as result:
        assert result() == os.getpid()


@pytest.mark.parametrize(
    ("work", "status", "words"),
    [
        ("lambda: fail(UnreadableFile('is torn', where='x.h5'))", 2, "modeldiff: x.h5: is torn\n"),
        ("lambda: fail(MemoryError())", 2, "modeldiff: not enough memory\n"),
        ("lambda: sys.exit(3)", 3, ""),
        ("lambda: read(lambda: os.abort())", 2, "modeldiff: m.h5: damaged in a way that crashes the library"),
        ("lambda: read(lambda: sum(range(10**12)))", 2, "modeldiff: m.h5: reading it did not end within"),
        ("lambda: os.kill(os.getpid(), signal.SIGKILL)", 2, "perhaps for want of memory"),
        ("lambda: os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
    ],
    ids=["error", "memory", "exit", "crash", "endless", "kill", "terminate"],
)
def test_what_ends_the_helper_ends_the_command_alike(work: str, status: int, words: str) -> None:
    code, out, told = done(f"with beside({work}) as result:\n    result()\nprint('went on')")
    assert (code, out) == (status, "")
    assert words in told
    assert told.count("\n") == bool(words)


def test_a_result_that_cannot_travel_is_made_again() -> None:
    assert done("with beside(lambda: lambda: 7) as result:\n    print(result()())") == (0, "7\n", "")


ENDLESS = "lambda: (Path(path).write_text(str(os.getpid())), time.sleep(600))"


def test_a_helper_nobody_asks_ends_with_the_block(tmp_path: Path) -> None:
    wait = "while not (Path(path).exists() and Path(path).read_text()): time.sleep(0.01)"
    work = f"with beside({ENDLESS}):\n    {wait}\nos.kill(int(Path(path).read_text()), 0)"
    process = command(work, tmp_path / "helper")
    _, told = process.communicate(timeout=120)
    assert "ProcessLookupError" in told


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_helper_ends_with_the_command(tmp_path: Path, end: signal.Signals) -> None:
    process = command(f"with beside({ENDLESS}) as result:\n    result()", tmp_path / "helper")
    helper = number_in(tmp_path / "helper", process)
    process.send_signal(end)
    _, told = process.communicate(timeout=300)
    assert process.returncode == (130 if end is signal.SIGINT else -end)
    assert told == ""
    assert is_gone(helper)


def test_a_large_pair_gives_the_same_report_with_and_without_a_helper(tmp_path: Path) -> None:
    reports = []
    for alone in (False, True):
        pair = [shutil.copy(SAMPLES / f"{side}.h5", tmp_path) for side in ("old", "new")]
        code = f"""
import os, sys
from modeldiff import cli, loader
from modeldiff.renderer import html
loader._LARGE = html.MANY = 1
if {alone}: os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
sys.argv = ["modeldiff", *{pair!r}, "-o", {str(tmp_path / "x.html")!r}]
sys.exit(cli.main())
"""
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=120)
        reports.append((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert reports[0] == reports[1]
