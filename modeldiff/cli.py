# argv in, exit status out; everything between is a few calls into the library, imported when needed so that
# `--help` is instant. Outputs are rendered first and written last, through a temporary file beside the target: a
# failure leaves nothing behind. Messages and progress go to standard error, results alone to standard output.
"""The command `modeldiff`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modeldiff import __version__, isolation
from modeldiff.errors import ModelDiffError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from modeldiff.changes import DiffResult, Options
    from modeldiff.graph import Model
    from modeldiff.report import Report

COMPARED, POLICY_MET, TROUBLE, INTERRUPTED = 0, 1, 2, 130

_FORMATS = ("html", "svg", "json", "md", "txt", "dot")
_EXAMPLES = """\
examples:
  modeldiff old.h5 new.h5                       summary on the terminal
  modeldiff old.h5 new.h5 -o report.html        one page for a pull request
  modeldiff old.h5 new.h5 -o c.md -o d.json     a comment and the data
  modeldiff model.h5 -o model.svg               one model

exit status: 0 compared, 1 a --fail-on policy is met, 2 trouble
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = _parser()
    try:
        arguments = parser.parse_intermixed_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else TROUBLE
    try:
        if argv is None:  # the command itself; a program that calls `main` is not forked
            return isolation.run(lambda: _run(arguments))
        return _run(arguments)
    except ModelDiffError as error:
        from modeldiff.renderer.characters import visible

        print(f"modeldiff: {visible(str(error))}", file=sys.stderr)
        return TROUBLE
    except MemoryError:
        print("modeldiff: not enough memory", file=sys.stderr)
        return TROUBLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="modeldiff",
        description="Show one Keras model, or say what changed between two.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="one file to draw, or an old and a new one to compare"
    )
    parser.add_argument("--version", action="version", version=f"modeldiff {__version__}")
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help=f"write to FILE (repeatable); the suffix picks the format: {', '.join('.' + name for name in _FORMATS)}; "
        "- is standard output",
    )
    output.add_argument("--format", choices=_FORMATS, help="format of every -o, whatever its suffix")
    output.add_argument("--digests", action="store_true", help="one model: add a digest of every weight")
    output.add_argument("-q", "--quiet", action="store_true", help="no summary, no progress")
    output.add_argument("-v", "--verbose", action="store_true", help="say what is read and how long it takes")
    compare = parser.add_argument_group("comparison")
    compare.add_argument("--no-weights", action="store_true", help="structure only: do not read the values of weights")
    compare.add_argument("--rtol", type=_tolerance, default=0.0, metavar="R", help=_TOLERANCE)
    compare.add_argument(
        "--atol", type=_tolerance, default=0.0, metavar="A", help="see --rtol; default: any bit counts"
    )
    compare.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="these two layers are a pair (repeatable); or the name of a JSON file with such pairs",
    )
    policy = parser.add_argument_group("policy")
    policy.add_argument(
        "--fail-on",
        metavar="LIST",
        default=None,
        help="exit with 1 if there is a change of this impact or graver (any, cosmetic, numeric, functional, "
        "interface) or of this kind (layer-removed, ...); separated by commas",
    )
    policy.add_argument("--exit-code", action="store_true", help="short for --fail-on any")
    return parser


_TOLERANCE = "a weight counts as changed where |new - old| > A + R * |old|"


def _tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return number


def _run(arguments: argparse.Namespace) -> int:
    if len(arguments.models) > 2:
        raise UsageError(f"{len(arguments.models)} files given", fix="name one file to draw, or two to compare")
    outputs = arguments.output or (["-"] if arguments.format else [])
    targets = [(_format_of(target, arguments.format), target) for target in outputs]
    _check_targets(arguments.output, arguments.models)
    comparing = len(arguments.models) == 2
    policy = _policy(arguments, comparing=comparing)
    say = _reporter(verbose=arguments.verbose)

    from modeldiff import report as reporting
    from modeldiff.loader import load, load_pair

    for path in arguments.models:
        say(f"reading {path}")
    models: Sequence[Model] = load_pair(*arguments.models) if comparing else [load(arguments.models[0])]
    subject: DiffResult | Model
    if comparing:
        from modeldiff.differ import compare

        options = _options(arguments)
        say("comparing")
        with progress_bar(quiet=arguments.quiet) as progress:
            subject = compare(models[0], models[1], options=options, progress=progress)
    else:
        subject = models[0]
    words = reporting.build(subject, digests=arguments.digests)
    _write(words, targets, say)
    if not targets and not arguments.quiet:
        from modeldiff.renderer import text

        with standard_output() as stream:
            text.print_to(words, stream)
    elif not arguments.quiet and all(target != "-" for _, target in targets):
        from modeldiff.renderer.characters import visible
        from modeldiff.report.words import plain

        print(visible(plain(words.verdict)), file=sys.stderr)
    return _judge(subject, policy)


# --- options --------------------------------------------------------------------------------------------------


def _format_of(target: str, forced: str | None) -> str:
    if forced:
        return forced
    suffix = Path(target).suffix.lstrip(".").lower()
    if suffix not in _FORMATS:
        known = ", ".join(f".{name}" for name in _FORMATS)
        raise UsageError("no format is known for this name", where=target, fix=f"end it in {known}, or give --format")
    return suffix


def _check_targets(targets: Sequence[str], models: Sequence[str]) -> None:
    """No result may overwrite a model or another result."""
    places = [Path(target).resolve() for target in targets if target != "-"]
    for target in places:
        if places.count(target) > 1:
            raise UsageError("two results have this name", where=str(target.name), fix="give each -o a name of its own")
        if any(target == Path(model).resolve() for model in models):
            raise UsageError("the result would overwrite the model", where=target.name, fix="give -o another name")


def _options(arguments: argparse.Namespace) -> Options:
    from modeldiff.changes import Options

    pins: list[tuple[str, str]] = []
    for item in arguments.map:
        pins += _pins(item)
    return Options(weights=not arguments.no_weights, rtol=arguments.rtol, atol=arguments.atol, pins=tuple(pins))


def _pins(item: str) -> Iterator[tuple[str, str]]:
    """`OLD=NEW`, or a JSON file: an object of old to new, or a list of pairs."""
    old, mark, new = item.partition("=")
    if mark and not Path(item).is_file():
        if not old or not new:
            raise UsageError("a pair needs two layers", where=f"--map {item}", fix="write --map old/path=new/path")
        yield old, new
        return
    try:
        content = json.loads(Path(item).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "neither OLD=NEW nor a file that can be read", where=f"--map {item}", fix="write --map old/path=new/path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError("this is not JSON", where=f"--map {item}") from error
    pairs = list(content.items()) if isinstance(content, dict) else content
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise UsageError("not a JSON object of old to new layer paths", where=f"--map {item}")
    yield from pairs


def _is_pair(item: object) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and all(isinstance(name, str) for name in item)


def _policy(arguments: argparse.Namespace, *, comparing: bool) -> frozenset[str]:
    from modeldiff.changes import Impact, Kind

    asked = {word.strip() for word in (arguments.fail_on or "").split(",") if word.strip()}
    if arguments.fail_on is not None and not asked:
        raise UsageError(
            "no policy is named", where="--fail-on", fix="name an impact or a kind of change, or leave it out"
        )
    if arguments.exit_code:
        asked.add("any")
    if asked and not comparing:
        raise UsageError("--fail-on and --exit-code need two files", fix="name an old and a new file")
    known = {"any", *(impact.label for impact in Impact), *(kind.value for kind in Kind)}
    for word in sorted(asked - known):
        raise UsageError(f"nothing is called {word!r}", where="--fail-on", fix=f"one of {', '.join(sorted(known))}")
    return frozenset(asked)


def _judge(subject: DiffResult | Model, policy: frozenset[str]) -> int:
    """The exit status, and one line on standard error for each policy that is met."""
    from modeldiff.changes import DiffResult, Impact, is_incidental

    if not isinstance(subject, DiffResult) or not policy:
        return COMPARED
    floors = {"any": Impact.COSMETIC, **{impact.label: impact for impact in Impact}}
    facts = [change for change in subject.changes if not is_incidental(change)] or list(subject.changes)
    met = False
    for word in sorted(policy):
        met_by = [
            change
            for change in facts
            if (change.impact >= floors[word] if word in floors else change.kind.value == word)
        ]
        if met_by:
            print(f"modeldiff: --fail-on {word}: met by {len(met_by)} of {len(facts)} facts", file=sys.stderr)
        met = met or bool(met_by)
    return POLICY_MET if met else COMPARED


# --- output ---------------------------------------------------------------------------------------------------


def _reporter(*, verbose: bool) -> Callable[[str], None]:
    if not verbose:
        return lambda _: None
    import time

    start = time.perf_counter()

    def say(words: str) -> None:
        from modeldiff.renderer.characters import visible

        print(f"modeldiff: {time.perf_counter() - start:6.2f} s  {visible(words)}", file=sys.stderr)

    return say


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


def _write(words: Report, targets: Sequence[tuple[str, str]], say: Callable[[str], None]) -> None:
    """Render everything, then write everything."""
    from modeldiff.renderer import render_report

    rendered: list[tuple[str, str]] = []
    for suffix, target in targets:
        say(f"rendering {target}")
        rendered.append((target, render_report(words, suffix)))
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
