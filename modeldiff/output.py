# Where results and messages go: results are rendered first and written last, whole or not at all, through a temporary
# file beside the target, so that a failure leaves nothing behind. Messages and progress go to standard error, results
# alone to standard output. Whatever reaches a stream is made visible and inert: names come from files, and terminals
# and the runners of CI jobs obey text.
"""Files, standard output, messages and progress of the commands."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modeldiff.errors import OutputError

if TYPE_CHECKING:
    from modeldiff.diagram import Folding
    from modeldiff.report import Report


def say(words: str) -> None:
    """One line on standard error."""
    from modeldiff.renderer.characters import inert, visible

    print(inert(visible(words)), file=sys.stderr)


def command(line: str) -> None:
    """A workflow command on standard error, whose texts are escaped already."""
    print(line, file=sys.stderr)


def reporter(*, verbose: bool) -> Callable[[str], None]:
    """Says what is done and when, or nothing."""
    if not verbose:
        return lambda _: None
    import time

    start = time.perf_counter()
    return lambda words: say(f"modeldiff: {time.perf_counter() - start:6.2f} s  {words}")


@contextlib.contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of bytes on a terminal, from the first second on."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from modeldiff.renderer.progress import bar

    with bar(sys.stderr) as advance:
        yield advance


@contextlib.contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output, whose reader may stop early: that is no trouble of ours."""
    if sys.stdout is None:
        raise OutputError("standard output is closed", fix="give -o a file")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError):  # else Python tries once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputError(f"cannot write: {error.strerror}", where="standard output") from error


def write(
    words: Report, targets: Sequence[tuple[str, str]], say: Callable[[str], None], folding: Folding | None = None
) -> None:
    """Render everything, then write everything; `targets` are pairs of a format and a file, or `-`."""
    from modeldiff.renderer import render_report

    rendered: list[tuple[str, str]] = []
    for suffix, target in targets:
        say(f"rendering {target}")
        rendered.append((target, render_report(words, suffix, folding)))
    for target, text in rendered:
        if target == "-":
            from modeldiff.renderer.text import encodable

            with standard_output() as stream:
                stream.write(encodable(text, stream.encoding))
        else:
            write_file(Path(target), text)


def write_file(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all.

    Raises:
        OutputError: the folder is missing or may not be written.
    """
    temporary: str | None = None
    try:
        if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced by a rename
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        path = path.resolve()
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(_mode(path))
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise OutputError(
            f"cannot write: {error.strerror}", where=str(path), fix="check the folder and its rights"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """The rights of the file that is replaced, or those a new file gets."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
