# The HDF5 library crashes on some damaged files, or computes without end; no `except` catches the one, and while it
# computes it holds the interpreter's lock, so that no thread can stop the other. The command therefore works in a
# forked child: forked before anything heavy is imported it costs about a millisecond, and what the child does needs
# no second way through the program. Ends are the system's own: a crash is a signal, and time is a timer of the
# processor whose default action ends the process, even inside the library; a slow disk does not count.
# Rejected: a subprocess (another start of Python), a child for each file (models would have to travel between
# processes), an absolute limit of memory (it counts the untouched buffers of numpy's threads: honest models fail on
# large machines; what is limited is how much more it becomes while a file is read), and a child within `load` (whether
# a program may be forked is for the program to say).
"""Work in a child process, so that a crash ends as a message: `run`, `reading`."""

from __future__ import annotations

import atexit
import mmap
import os
import select
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from modeldiff.errors import ModelDiffError, UnreadableFile

PATIENCE = 12.0
"""Seconds of processor time that one file may take to be understood, or one part of its values to be unpacked."""
ROOM = 640 << 20
"""Bytes of memory that doing so may take: the library believes what a damaged file says about the length of a text."""

_GRACE = 0.3
"""Seconds after Ctrl-C in which the child may tidy up."""

_STATUS, _NAME, _FOLDER, _SIZE = 0, 1, 4096, 8192


class Line:
    """What the child tells its parent: memory of both, which can neither fill up nor block."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    def finish(self, status: int) -> None:
        """The work is done with this exit status; what follows is the end of the interpreter."""
        self._memory[_STATUS] = min(status, 254) + 1

    def tell(self, name: str) -> None:
        """The file that is read now; "" for none."""
        raw = os.fsencode(name)[: _FOLDER - _NAME - 1] + b"\0"
        self._memory[_NAME : _NAME + len(raw)] = raw

    def remember(self, folder: bytes) -> None:
        """What must go if the child cannot remove it itself."""
        self._memory[_FOLDER : _FOLDER + len(folder) + 1] = folder + b"\0"

    @property
    def status(self) -> int | None:
        """None where the work was not done."""
        return self._memory[_STATUS] - 1 if self._memory[_STATUS] else None

    @property
    def name(self) -> str:
        """The file that was read last and not to its end."""
        return os.fsdecode(self._memory[_NAME:_FOLDER].partition(b"\0")[0])

    @property
    def folder(self) -> str:
        """What the child remembered; "" for nothing."""
        return os.fsdecode(self._memory[_FOLDER:].partition(b"\0")[0])


_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL} | {
    getattr(signal, name) for name in ("SIGBUS", "SIGTRAP", "SIGSYS") if hasattr(signal, name)
}

_line: Line | None = None
"""In the child only."""
_ear: int | None = None
"""In the child only: where the words of the parent arrive."""
_lock = threading.Lock()


def run(work: Callable[[], int], aside: Callable[[], Iterator[bytes]] | None = None) -> int:
    """The exit status of `work`, done in a child process where the system can fork, else in this one.

    The parent does `aside` meanwhile; the child gets its words by `listen`.

    Raises what `work` raises in the child too; a child that has done its work does not return.

    Raises:
        UnreadableFile: in the parent: reading a file crashed the child, or did not end.
        ModelDiffError: in the parent: the child crashed elsewhere.
    """
    if not hasattr(os, "fork") or threading.current_thread() is not threading.main_thread():
        return work()
    line = Line()
    alive, life = os.pipe()
    ear, mouth = os.pipe()
    process = fork()
    if process:
        os.close(alive)
        os.close(ear)
        try:
            return _outcome(*_await(process, aside or _nothing, mouth), line)
        finally:
            os.close(life)
    os.close(life)
    os.close(mouth)
    begin(line, ear, alive)
    status = 2
    try:
        status = work()
    finally:
        line.finish(status)
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)  # also for the end: HDF5 tidies up what it could not read
    return _leave(status)


def is_child() -> bool:
    """Whether this process works for a parent: the command's own, and no other program."""
    return _line is not None


def fork() -> int:
    """0 in the new process, its number in this one."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy's threads know of forks
        return os.fork()


def begin(line: Line, ear: int | None, alive: int) -> None:
    """Set up a new process: where it tells what it reads and hears words, and the pipe that ends with its parent."""
    global _line, _ear
    _line, _ear = line, ear
    _prepare(alive)


def end_like(number: int, name: str) -> None:
    """End by the signal of this number, as a process did that read the file `name` for this one.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
    """
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if _line is not None:
        _line.tell(name)
    if number != signal.SIGKILL:  # which nothing handles
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _leave(status: int) -> NoReturn:
    """End this process: what is registered for the end is done; nothing is taken apart object by object."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()
    atexit._run_exitfuncs()  # noqa: SLF001 -- the one way to have them done without the rest
    os._exit(status)


def listen(patience: float | None = None) -> bytes | None:
    """What the parent said since, waiting for it (at most `patience` seconds).

    Returns None where it says nothing yet; b"" where it says nothing more, or this is no child.
    """
    if _ear is None:
        return b""
    return os.read(_ear, _SIZE) if select.select([_ear], [], [], patience)[0] else None


def remember(folder: Path) -> None:
    """A folder of this process that its parent removes where the process ends before it can do so itself."""
    name = os.fsencode(folder)
    if _line is not None and len(name) < _SIZE - _FOLDER:
        _line.remember(name)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """A file is read inside: in the child of `run` its name is known if it crashes, and its time is limited.

    Threads take turns, as they do inside HDF5. Elsewhere there are no limits: the timer of another program is its own.

    Raises:
        UnreadableFile: it needs too much memory.
    """
    try:
        if _line is None:
            yield
            return
        with _lock, _room():
            _line.tell(name)
            signal.setitimer(signal.ITIMER_PROF, PATIENCE)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                _line.tell("")
    except MemoryError as error:
        raise UnreadableFile("it needs more memory to be read than there is", where=name) from error


@contextmanager
def _room() -> Iterator[None]:
    """Let this process grow by no more than `ROOM`; what needs more fails for want of memory. On Linux."""
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 -- for every part of a tensor: Path costs as much
            used = int(file.read().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    ends = [end for end in (used + ROOM, soft, hard) if end != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(ends), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _prepare(alive: int) -> None:
    """Set up the child: one Ctrl-C counts, no core file, and it ends when its parent does, however that ends."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _once)
    with suppress(ImportError, OSError, AttributeError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        import fcntl

        fcntl.fcntl(alive, fcntl.F_SETOWN, os.getpid())  # SIGIO at the end of the pipe: it ends a process on Linux
        fcntl.fcntl(alive, fcntl.F_SETFL, fcntl.fcntl(alive, fcntl.F_GETFL) | os.O_ASYNC)


def _once(_signal: int, _frame: object) -> None:
    """Ctrl-C reaches both processes, and the parent passes it on: the second one must not disturb the tidying up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _nothing() -> Iterator[bytes]:
    return iter(())


def _await(process: int, aside: Callable[[], Iterator[bytes]], mouth: int) -> tuple[int, bool]:
    """The exit status of the child, negative for the signal that ended it; and whether Ctrl-C was pressed.

    A child that is still there `_GRACE` after Ctrl-C, or at a second one, is ended at once: inside HDF5 it cannot hear.
    """
    asked: list[signal.Signals] = []

    def end(_signal: int, _frame: object) -> None:
        os.kill(process, signal.SIGKILL)

    def relay(_signal: int, _frame: object) -> None:
        asked.append(signal.SIGKILL if asked else signal.SIGINT)
        os.kill(process, asked[-1])
        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, _GRACE)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, relay)
    with suppress(ImportError, OSError):  # among them: the child ended and does not listen
        for word in aside():
            os.write(mouth, word)
    os.close(mouth)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, before)
    return code, bool(asked)


def _outcome(code: int, is_interrupted: bool, line: Line) -> int:  # noqa: FBT001 -- from `_await` alone
    """What the end of the child means."""
    if code >= 0:
        return code
    if line.folder:
        shutil.rmtree(line.folder, ignore_errors=True)
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K\x1b[?25h")  # a progress bar hid the cursor
    end = signal.Signals(-code)
    if is_interrupted or end is signal.SIGINT:
        raise KeyboardInterrupt
    if line.status is not None:
        return line.status
    if end is signal.SIGPROF:
        what = f"reading it did not end within {PATIENCE:.0f} s of computing"
        raise UnreadableFile(
            what, where=line.name, fix="it is damaged, or made to do that; `load` of the library sets no limit"
        )
    if end is signal.SIGKILL:
        raise UnreadableFile("ended by the system, perhaps for want of memory", where=line.name)
    if end in _CRASHES:
        if line.name:
            what = f"damaged in a way that crashes the library which reads it ({end.name})"
            raise UnreadableFile(what, where=line.name, fix="copy or save it again")
        raise ModelDiffError(f"crashed ({end.name})", fix="perhaps a file changed while it was read")
    signal.signal(end, signal.SIG_DFL)  # someone ended the child: end alike
    os.kill(os.getpid(), end)
    return 128 - code
