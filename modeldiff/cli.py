# argv in, exit status out; everything between is a few calls into the library, imported when needed so that
# `--help` is instant. `arguments` says what is to be done, `output` writes it, `policy` judges it.
"""The command `modeldiff`."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modeldiff import isolation
from modeldiff.arguments import held_by_both, job, parser
from modeldiff.errors import ModelDiffError
from modeldiff.output import progress_bar, reporter, say, standard_output, write, write_file

if TYPE_CHECKING:
    import argparse

    from modeldiff.arguments import Job
    from modeldiff.changes import DiffResult, Survey
    from modeldiff.graph import Model
    from modeldiff.policy import Violation

__all__ = ["COMPARED", "INTERRUPTED", "POLICY_MET", "TROUBLE", "main", "progress_bar", "standard_output", "write_file"]

COMPARED, POLICY_MET, TROUBLE, INTERRUPTED = 0, 1, 2, 130

_SELDOM = 1_000_000
"""New objects between two searches for unused cycles, 700 by default: nearly all that is made stays to the end, and
the searches took a seventh of the time for 4000 layers."""

_SHOWN = 10
"""Violations of one term that are told."""

_WITHOUT_VALUES = frozenset({"svg", "dot"})
"""Formats of one model that tell no value."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    try:
        asked = parser().parse_intermixed_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else TROUBLE
    try:
        if argv is None:  # the command itself; a program that calls `main` is not forked
            gc.set_threshold(_SELDOM)
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two threads compare weights; more spin while they wait
            return isolation.run(lambda: _run(asked), lambda: _aside(asked))
        return _run(asked)
    except ModelDiffError as error:
        say(f"modeldiff: {error}")
        return TROUBLE
    except MemoryError:
        say("modeldiff: not enough memory")
        return TROUBLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(asked: argparse.Namespace) -> int:
    from modeldiff import settings

    todo = job(asked, settings.Settings() if asked.no_config else settings.find())
    tell = reporter(verbose=todo.verbose)

    from modeldiff import report
    from modeldiff.loader.remote import shown

    for path in todo.models:
        tell(f"reading {shown(path)}")
    result = _compared(todo, tell) if todo.comparing else None
    violations = _judged(todo, result)  # a policy that cannot be judged leaves no output behind
    words = report.build(result or _shown(todo, tell), digests=todo.digests)
    write(words, todo.targets, tell, todo.folding)
    if todo.write_map and result is not None:
        from modeldiff.mapping import text_of

        write_file(Path(todo.write_map), text_of(result.matching))
    if not todo.targets and not todo.quiet:
        from modeldiff.renderer import text

        with standard_output() as stream:
            text.print_to(words, stream)
    elif not todo.quiet and all(target != "-" for _, target in todo.targets):
        from modeldiff.report.words import plain

        say(plain(words.verdict))
    _tell(violations)
    if todo.annotate and result is not None:
        _annotate(result, violations)
    return POLICY_MET if violations else COMPARED


def _aside(asked: argparse.Namespace) -> Iterator[bytes]:
    """What the parent finds out while the child imports and loads: whether both files hold the same bytes."""
    if len(asked.models) == 2 and asked.weights is not False:
        from modeldiff.twins import compare_bytes

        yield from compare_bytes(*asked.models)


def _shown(todo: Job, tell: Callable[[str], None]) -> Survey | Model:
    """The one model; its values are read unless only pictures are asked for, which tell none."""
    from modeldiff.loader import load

    model = load(todo.models[0])
    formats = {suffix for suffix, _ in todo.targets}
    if not todo.options.weights or (formats and formats <= _WITHOUT_VALUES):
        return model
    from modeldiff.differ import survey

    tell("reading values")
    with progress_bar(quiet=todo.quiet) as progress:
        return survey(model, progress=progress)


def _compared(todo: Job, tell: Callable[[str], None]) -> DiffResult:
    from modeldiff.differ import compare
    from modeldiff.loader import load_pair
    from modeldiff.twins import Answer

    answer = Answer(isolation.listen)
    models = load_pair(*todo.models, is_same=answer.is_likely if todo.options.weights else None)
    with progress_bar(quiet=todo.quiet) as progress:

        def told(models: tuple[Model, Model]) -> DiffResult:
            options = todo.options
            if todo.defaults:
                options = replace(options, pins=held_by_both(models, todo.defaults))
            tell("comparing")
            return compare(*models, options=options, progress=progress)

        result = told(models)
        if answer.is_believed and not answer.is_sure(models[0].metadata["bytes"], progress):
            result = told(load_pair(*todo.models))
        return result


def _judged(todo: Job, result: DiffResult | None) -> tuple[Violation, ...]:
    if result is None or not todo.policy:
        return ()
    from modeldiff.policy import judge

    return judge(result, todo.policy)


def _tell(violations: Sequence[Violation]) -> None:
    """A line on standard error for each, up to ten of a term."""
    for term, found in groupby(violations, lambda one: one.term):
        lines = [one.line for one in found]
        shown = lines if len(lines) <= _SHOWN else lines[: _SHOWN - 1]
        for line in shown:
            say(f"modeldiff: {line}")
        if len(lines) > len(shown):
            say(f"modeldiff: --fail-on {term}: and {len(lines) - len(shown):,} more")


def _annotate(result: DiffResult, violations: Sequence[Violation]) -> None:
    from modeldiff.annotations import github
    from modeldiff.output import command

    for line in github(result, violations):
        command(line)
