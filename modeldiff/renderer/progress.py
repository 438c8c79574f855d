# Shown only for work over a second, whatever the work is: a bar that flashes by is noise. rich draws it on standard
# error, and is imported when the second is over: the import alone takes a tenth of it.
"""A progress bar of bytes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0


@contextlib.contextmanager
def bar(stream: TextIO) -> Iterator[Callable[[int, int], None]]:
    """A function that takes bytes done and bytes in all; the bar appears after a second and leaves no trace."""
    shown: list[Progress] = []
    told: tuple[int, int | None] = (0, None)

    def show() -> None:
        shown.append(_progress(stream))
        update()
        shown[0].start()

    def update() -> None:
        for progress in shown:
            for task in progress.task_ids:
                progress.update(task, completed=told[0], total=told[1])

    def advance(done: int, total: int) -> None:
        nonlocal told
        told = done, total
        update()

    timer = threading.Timer(_PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        for progress in shown:
            progress.stop()


def _progress(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("weights"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(file=stream), transient=True)
    progress.add_task("weights", total=None)
    return progress
