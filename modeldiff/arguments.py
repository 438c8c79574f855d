# What the command is asked to do: its arguments, with the settings of the repository where they say nothing, checked
# before any file is read. An option that would have no effect is refused and not ignored: somebody meant something
# by it. What settings say is only a default, and never refused for want of a use.
"""argv and settings -> `Job`: `parser`, `job`; settings alone -> `Options`: `defaults`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modeldiff import __version__
from modeldiff.errors import UsageError

if TYPE_CHECKING:
    from modeldiff.changes import Options
    from modeldiff.diagram import Folding
    from modeldiff.graph import Model
    from modeldiff.policy import Term
    from modeldiff.settings import Settings

FORMATS = ("html", "svg", "json", "md", "txt", "dot")
PICTURES = {"html", "svg", "dot"}
_EXAMPLES = """\
examples:
  modeldiff old.h5 new.h5                       summary on the terminal
  modeldiff old.h5 new.h5 -o report.html        one page for a pull request
  modeldiff old.h5 new.h5 -o c.md -o d.json     a comment and the data
  modeldiff old.h5 new.h5 --fail-on 'interface,frozen-moved,params>+5%'
  modeldiff model.h5 -o model.svg               one model

--fail-on takes
  impacts  any, cosmetic, numeric, functional, interface: a change of this one or a graver one
  kinds    layer-removed, config-changed, ... (see README.md)
  facts    frozen-moved, unmoved, broken, weights-missing, orphan-weights, statistics-reset,
           reordered, automatic-names, code
  limits   params>+5% (grew by more), params<-10% (shrank by more), params>100000 (is more); also with bytes

Defaults and what to ignore stand in [tool.modeldiff] of the pyproject.toml of the repository.

exit status: 0 compared, 1 a --fail-on policy is met, 2 trouble
"""
_TOLERANCE = "a weight counts as changed where |new - old| > A + R * |old|"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done."""

    models: tuple[str, ...]
    """One file, or an old and a new one."""
    targets: tuple[tuple[str, str], ...]
    """Pairs of a format and a file, or `-`."""
    options: Options
    defaults: tuple[tuple[str, str], ...]
    """Pairs of layers that settings name: they hold where both models have them."""
    policy: tuple[Term, ...]
    annotate: bool
    write_map: str | None
    """Where the pairs are to be written."""
    digests: bool
    folding: Folding | None
    """What pictures show at first, where that was asked."""
    quiet: bool
    verbose: bool

    @property
    def comparing(self) -> bool:
        """Whether there are two models."""
        return len(self.models) == 2


def parser() -> argparse.ArgumentParser:
    """The arguments of `modeldiff`. What was not given is None, False or empty."""
    made = argparse.ArgumentParser(
        prog="modeldiff",
        description="Show one Keras model, or say what changed between two.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("models", nargs="+", metavar="MODEL", help="one file to draw, or an old and a new one to compare")
    made.add_argument("--version", action="version", version=f"modeldiff {__version__}")
    made.add_argument("--no-config", action="store_true", help="leave out [tool.modeldiff] of pyproject.toml")
    output = made.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help=f"write to FILE (repeatable); the suffix picks the format: {', '.join('.' + name for name in FORMATS)}; "
        "- is standard output",
    )
    output.add_argument("--format", choices=FORMATS, help="format of every -o, whatever its suffix")
    output.add_argument("--digests", action="store_true", help="one model: add a digest of every weight")
    output.add_argument(
        "--context",
        type=_number,
        metavar="N",
        help="pictures of two models: show N unchanged layers around a change (default 1)",
    )
    output.add_argument(
        "--depth",
        type=_number,
        metavar="N",
        help="pictures: open sub-models and name scopes N deep (default: where something changed)",
    )
    output.add_argument(
        "--annotate",
        choices=("github",),
        help="also say what is grave on standard error as a GitHub job shows it beside the files",
    )
    output.add_argument("-q", "--quiet", action="store_true", help="no summary, no progress")
    output.add_argument("-v", "--verbose", action="store_true", help="say what is read and how long it takes")
    values = output.add_mutually_exclusive_group()
    values.add_argument(
        "--no-weights",
        action="store_false",
        default=None,
        dest="weights",
        help="structure only: do not read the values of weights",
    )
    values.add_argument("--weights", action="store_true", default=None, help="read them, whatever the settings say")
    compare = made.add_argument_group("comparison")
    compare.add_argument("--rtol", type=_tolerance, metavar="R", help=_TOLERANCE)
    compare.add_argument("--atol", type=_tolerance, metavar="A", help="see --rtol; default: any bit counts")
    compare.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="these two layers are a pair (repeatable); or the name of a JSON file with such pairs",
    )
    compare.add_argument(
        "--write-map",
        metavar="FILE",
        help="write the pairs that were found as JSON: for --map, or for Model Explorer's mapping upload",
    )
    policy = made.add_argument_group("policy")
    policy.add_argument(
        "--fail-on",
        action="append",
        metavar="LIST",
        help="exit with 1 if one of these is found, separated by commas (repeatable): see below",
    )
    policy.add_argument("--exit-code", action="store_true", help="short for --fail-on any")
    return made


def _tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return number


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of layers or groups")
    return int(text)


def job(asked: argparse.Namespace, settings: Settings) -> Job:
    """What `asked` wants, and `settings` where it says nothing.

    Raises:
        UsageError: it cannot be done, or part of it would have no effect.
    """
    if len(asked.models) > 2:
        raise UsageError(f"{len(asked.models)} files given", fix="name one file to draw, or two to compare")
    outputs = asked.output or (["-"] if asked.format else [])
    targets = tuple((_format_of(target, asked.format), target) for target in outputs)
    _check_targets([*asked.output, *([asked.write_map] if asked.write_map else [])], asked.models)
    comparing = len(asked.models) == 2
    _refuse_without_effect(asked, comparing=comparing)
    options = _options(asked, settings)
    return Job(
        models=tuple(asked.models),
        targets=targets,
        options=options,
        defaults=() if asked.map else settings.map,
        policy=_policy(asked, settings, options) if comparing else (),
        annotate=bool(asked.annotate),
        write_map=asked.write_map,
        digests=asked.digests,
        folding=_folding(asked, {suffix for suffix, _ in targets}, comparing=comparing),
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def defaults(settings: Settings) -> Options:
    """How to compare as the settings say; their pairs of layers are for models that have them (`held_by_both`)."""
    from modeldiff.changes import Ignore, Options, Subject

    rules = {Subject.LAYER: settings.ignore_layers, Subject.KEY: settings.ignore_keys}
    return Options(
        weights=not settings.no_weights,
        rtol=settings.rtol or 0.0,
        atol=settings.atol or 0.0,
        pins=settings.map,
        ignore=tuple(Ignore(subject, glob, settings.origin) for subject, globs in rules.items() for glob in globs),
    )


def held_by_both(models: Sequence[Model], pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those of the pairs that settings name of which both models have a layer."""
    from modeldiff.graph import format_path

    old, new = ({format_path(path) for path, _ in model.walk()} for model in models)
    return tuple(pair for pair in pairs if pair[0] in old and pair[1] in new)


# --- output ---------------------------------------------------------------------------------------------------------


def _format_of(target: str, forced: str | None) -> str:
    if forced:
        return forced
    suffix = Path(target).suffix.lstrip(".").lower()
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
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


def _folding(asked: argparse.Namespace, formats: set[str], *, comparing: bool) -> Folding | None:
    given = {"--context": asked.context, "--depth": asked.depth}
    used = [option for option, value in given.items() if value is not None]
    if not used:
        return None
    if not formats & PICTURES:
        fix = f"add -o with a name that ends in {', '.join('.' + name for name in FORMATS if name in PICTURES)}"
        raise UsageError("no result has a picture", where=used[0], fix=fix)
    if asked.context is not None and not comparing:
        raise UsageError(
            "only between two files something changed", where="--context", fix="name an old and a new file"
        )
    from modeldiff.diagram import Folding

    return Folding(1 if asked.context is None else asked.context, asked.depth)


# --- comparison and policy ------------------------------------------------------------------------------------------


def _refuse_without_effect(asked: argparse.Namespace, *, comparing: bool) -> None:
    of_two = {
        "--fail-on": asked.fail_on is not None,
        "--exit-code": asked.exit_code,
        "--annotate": asked.annotate is not None,
        "--map": asked.map,
        "--write-map": asked.write_map is not None,
        "--rtol": asked.rtol is not None,
        "--atol": asked.atol is not None,
    }
    for option, is_given in of_two.items():
        if is_given and not comparing:
            raise UsageError("only two files can be compared", where=option, fix="name an old and a new file")
    if asked.digests and comparing:
        raise UsageError("digests are told of one file", where="--digests", fix="name one file")
    if asked.digests and asked.weights is False:
        raise UsageError("no value is read with --no-weights", where="--digests", fix="give one of the two")
    for option, value in (("--rtol", asked.rtol), ("--atol", asked.atol)):
        if asked.weights is False and value is not None:
            raise UsageError("no value is compared with --no-weights", where=option, fix="give one of the two")


def _options(asked: argparse.Namespace, settings: Settings) -> Options:
    base = defaults(settings)
    weights = base.weights if asked.weights is None else asked.weights
    if not weights and (asked.rtol is not None or asked.atol is not None):
        option = "--rtol" if asked.rtol is not None else "--atol"
        raise UsageError(f"{settings.origin} says no-weights", where=option, fix="add --weights")
    pins = tuple(pair for item in asked.map for pair in _pins(item))
    return replace(
        base,
        weights=weights,
        rtol=base.rtol if asked.rtol is None else asked.rtol,
        atol=base.atol if asked.atol is None else asked.atol,
        pins=pins,
    )


def _policy(asked: argparse.Namespace, settings: Settings, options: Options) -> tuple[Term, ...]:
    texts = [*(asked.fail_on or ()), *(["any"] if asked.exit_code else ())]
    where = "--fail-on"
    if not texts and settings.fail_on is not None:
        texts, where = list(settings.fail_on), f"{settings.origin}, fail-on"
    if not texts:
        return ()
    from modeldiff.policy import parse, refuse_blind

    terms = parse(texts, where)
    if not options.weights:
        refuse_blind(terms, "--no-weights" if asked.weights is False else f"no-weights in {settings.origin}")
    return terms


def _pins(item: str) -> Iterator[tuple[str, str]]:
    """`OLD=NEW`, or a JSON file: an object of old to new, or a list of pairs."""
    old, mark, new = item.partition("=")
    if mark and not Path(item).is_file():
        if not old or not new:
            raise UsageError("a pair needs two layers", where=f"--map {item}", fix="write --map old/path=new/path")
        yield old, new
        return
    from modeldiff.mapping import pairs_of

    try:
        text = Path(item).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            "neither OLD=NEW nor a file that can be read", where=f"--map {item}", fix="write --map old/path=new/path"
        ) from error
    yield from pairs_of(text, f"--map {item}")
