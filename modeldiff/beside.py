# Python's threads take turns, so what can be done at once and takes long is done in two processes: a fork has all that
# is there already, and only the result travels. The helper is a child of the command's child (`modeldiff.isolation`),
# and under the same rules: it ends with its parent, and what crashes it crashes its parent. Only on Linux: elsewhere a
# process in which numpy works may not go on after a fork. Rejected: a pool of processes (all that is worked on would
# have to travel too) and a helper for the whole comparison (its parts need each other).
"""Work in two processes at once: `beside`."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, TypeVar, cast

from modeldiff import isolation

_Result = TypeVar("_Result")


@contextmanager
def beside(work: Callable[[], _Result], *, is_worth_it: bool = True) -> Iterator[Callable[[], _Result]]:
    """A function that returns what `work` returns and raises what it raises; after the block nobody works on it.

    In the command, and where it has a second processor, a helper begins with it at once; else it is done when it is
    asked for. `work` must leave nothing but its result, which can be pickled.
    """
    if not is_worth_it or not _can_help():
        yield work
        return
    line = isolation.Line()
    alive, life = os.pipe()
    source, sink = os.pipe()
    helper = isolation.fork()
    if not helper:
        os.close(life)
        os.close(source)
        _help(work, line, alive, sink)
    os.close(alive)
    os.close(sink)
    codes: list[int] = []

    def result() -> _Result:
        with open(source, "rb", closefd=False) as stream:
            told = stream.read()
        codes.append(os.waitstatus_to_exitcode(os.waitpid(helper, 0)[1]))
        if codes[0] < 0:
            isolation.end_like(-codes[0], line.name)
        return work() if codes[0] else cast("_Result", pickle.loads(told))  # noqa: S301 -- what `_help` wrote

    try:
        yield result
    finally:
        os.close(life)
        os.close(source)
        if not codes:
            os.kill(helper, signal.SIGKILL)
            os.waitpid(helper, 0)
        if line.folder:
            shutil.rmtree(line.folder, ignore_errors=True)


def _can_help() -> bool:
    """Whether a helper may be forked, and there is a processor for it."""
    is_ours = sys.platform == "linux" and isolation.is_child()
    return is_ours and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _help(work: Callable[[], object], line: isolation.Line, alive: int, sink: int) -> NoReturn:
    """Do the work of a helper. What goes wrong is not told: whoever asks for the result does the work and meets it."""
    status = 1
    try:
        isolation.begin(line, None, alive)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        told = io.BytesIO()
        pickler = pickle.Pickler(told, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = _Reducers()
        pickler.dump(work())
        with open(sink, "wb") as stream:
            stream.write(told.getbuffer())
        status = 0
    finally:
        os._exit(status)


_Reducer = Callable[[Any], tuple[type, tuple[Any, ...]]]


class _Reducers(dict[type, _Reducer]):
    """How objects travel, by class: dataclasses as their fields in order, at half the cost of their own way."""

    def __missing__(self, kind: type) -> _Reducer:
        if not is_dataclass(kind) or not all(field.init and not field.kw_only for field in fields(kind)):
            raise KeyError(kind)
        names = [field.name for field in fields(kind)]
        self[kind] = lambda one: (kind, tuple([getattr(one, name) for name in names]))
        return self[kind]
