# Shown only for work over a second: a bar that flashes by is noise. rich draws it on standard error.
"""A progress bar of bytes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

_PATIENCE = 1.0


@contextlib.contextmanager
def bar(stream: TextIO) -> Iterator[Callable[[int, int], None]]:
    """A function that takes bytes done and bytes in all; the bar appears after a second and leaves no trace."""
    columns = (TextColumn("weights"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(file=stream), transient=True)
    task = progress.add_task("weights", total=None)
    start = time.monotonic()
    started = False

    def advance(done: int, total: int) -> None:
        nonlocal started
        if not started and time.monotonic() - start > _PATIENCE:
            progress.start()
            started = True
        if started:
            progress.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if started:
            progress.stop()
