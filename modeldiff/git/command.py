# The subcommands that git runs (`driver`, `textconv`, `difftool`) come first and without argparse: git calls the driver
# for every file. A revision with the name of a subcommand is reached by its full name (`refs/heads/install`).
"""The command line of `git modeldiff`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modeldiff import __version__
from modeldiff.cli import COMPARED, INTERRUPTED, TROUBLE, standard_output
from modeldiff.errors import ModelDiffError, UsageError
from modeldiff.output import say

if TYPE_CHECKING:
    from modeldiff.git.changed import ChangedModel
    from modeldiff.git.repository import Repository
    from modeldiff.git.telling import Outcome

_USAGE = """\
usage: git modeldiff BASE [HEAD] [-o DIR] [-- PATH...]
       git modeldiff BASE...HEAD [-o DIR] [-- PATH...]
       git modeldiff review [BASE...HEAD] [-o DIR] [--fail-on LIST] [-- PATH...]
       git modeldiff comment FILE [--report-url URL] [--pull-request N]
       git modeldiff install [--global]
       git modeldiff uninstall [--global]"""
_ABOUT = """\
Compare all Keras models that changed between two commits, or between a commit
and the working tree. BASE...HEAD compares HEAD with the commit where it left
BASE, as a pull request does.

"review" writes all that is attached to a pull request: comment.md, report.html
and diff.json. In a job of GitHub or GitLab it finds the commits itself, brings
the ones that are missing and the Git LFS contents of the models that changed,
and takes its settings from the base. "comment" posts or updates that comment.

"install" lets git itself show models: git diff tells what changed, git log -p
and git show list layers and weights, git difftool -t modeldiff opens the page.
It writes .git/config and .git/info/attributes, or with --global the files of
the user; "uninstall" takes it back."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    called = _SUBCOMMANDS.get(arguments[0] if arguments else "", _compare)
    try:
        return called(arguments if called is _compare else arguments[1:])
    except ModelDiffError as error:
        say(f"modeldiff: {error}")
        return TROUBLE
    except SystemExit as stop:  # of argparse
        return stop.code if isinstance(stop.code, int) else TROUBLE
    except KeyboardInterrupt:
        return INTERRUPTED


# --- what git runs ----------------------------------------------------------------------------------------------


def _driver(arguments: Sequence[str]) -> int:
    from modeldiff.git.driver import drive

    if len(arguments) not in {1, 7, 9}:
        raise UsageError("git runs this, with 1, 7 or 9 arguments", where="git modeldiff driver")
    with standard_output() as stream:
        drive(arguments, stream)
    return COMPARED


def _textconv(arguments: Sequence[str]) -> int:
    from modeldiff.git.textconv import VERSION, text_of

    if len(arguments) != 3 or arguments[:2] != [f"--format={VERSION}", "--"]:
        raise UsageError("git runs this, with a format and one file", where="git modeldiff textconv", fix=_AGAIN)
    text = text_of(arguments[2])
    with standard_output() as stream:
        stream.buffer.write(text.encode())  # the same bytes in every locale
    return COMPARED


def _difftool(arguments: Sequence[str]) -> int:
    from modeldiff.git.difftool import open_page

    if len(arguments) != 4 or arguments[0] != "--":
        raise UsageError("git runs this, with three files", where="git modeldiff difftool", fix=_AGAIN)
    return open_page(*arguments[1:])


_AGAIN = "run: git modeldiff install"


# --- in continuous integration ----------------------------------------------------------------------------------


def _review(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="git modeldiff review", description="Write what is attached to a pull request."
    )
    parser.add_argument("revisions", nargs="*", metavar="REVISION", help="default: the commits of this job")
    parser.add_argument("-o", "--output", metavar="DIR", default="modeldiff-report", help="default: %(default)s")
    parser.add_argument(
        "--fail-on", action="append", metavar="LIST", help="as for modeldiff; exit status 1 if it is met"
    )
    parser.add_argument("--no-weights", action="store_true", help="structure only: do not read the values of weights")
    parser.add_argument("--no-config", action="store_true", help="leave out [tool.modeldiff] of the base")
    cut = list(arguments).index("--") if "--" in arguments else len(arguments)
    asked = parser.parse_args(arguments[:cut])

    from modeldiff.git.review import review

    return review(asked, arguments[cut + 1 :])


def _comment(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="git modeldiff comment", description="Post or update the comment of a review."
    )
    parser.add_argument("file", metavar="FILE", help="the comment.md that git modeldiff review wrote")
    parser.add_argument("--report-url", metavar="URL", help="where the report was put")
    parser.add_argument("--pull-request", type=int, metavar="N", help="default: the one of this job")
    asked = parser.parse_args(arguments)

    from modeldiff.git.review import comment

    say(f"modeldiff: {comment(asked.file, asked.report_url, asked.pull_request)}")
    return COMPARED


# --- installing -------------------------------------------------------------------------------------------------


def _install(arguments: Sequence[str]) -> int:
    from modeldiff.git.install import install, overruled, places
    from modeldiff.git.repository import Repository

    parser = argparse.ArgumentParser(prog="git modeldiff install", description="Let git show models.")
    parser.add_argument("--global", action="store_true", dest="for_user", help="for all repositories of this user")
    parser.add_argument("--uninstall", action="store_true", help="take it back")
    options = parser.parse_args(arguments)
    if options.uninstall:
        return _uninstall(["--global"] if options.for_user else [])
    repository = Repository()
    found = places(repository, for_user=options.for_user)
    written = install(repository, found)
    say(f"modeldiff: {'installed in' if written else 'was installed in'} {found.settings} and {found.attributes}")
    for path, value in overruled(repository)[:3]:
        say(f"modeldiff: {path} has diff={value} by another line of attributes (git check-attr diff -- {path})")
        if options.for_user:
            say("modeldiff: in this repository run: git modeldiff install")
    return COMPARED


def _uninstall(arguments: Sequence[str]) -> int:
    from modeldiff.git.install import places, uninstall
    from modeldiff.git.repository import Repository

    parser = argparse.ArgumentParser(prog="git modeldiff uninstall", description="Take back what install wrote.")
    parser.add_argument("--global", action="store_true", dest="for_user", help="for all repositories of this user")
    options = parser.parse_args(arguments)
    repository = Repository()
    found = places(repository, for_user=options.for_user)
    taken = uninstall(repository, found)
    say(f"modeldiff: {'taken out of' if taken else 'was not in'} {found.settings} and {found.attributes}")
    return COMPARED


# --- comparing --------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="git modeldiff",
        usage=_USAGE.removeprefix("usage: "),
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("revisions", nargs="+", metavar="REVISION", help="BASE, BASE HEAD, BASE..HEAD or BASE...HEAD")
    parser.add_argument("-o", "--output", metavar="DIR", help="write a page for each model and index.html to DIR")
    parser.add_argument("--no-weights", action="store_true", help="structure only: do not read the values of weights")
    parser.add_argument("--no-config", action="store_true", help="leave out [tool.modeldiff] of pyproject.toml")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary, no progress")
    parser.add_argument("--version", action="version", version=f"modeldiff {__version__}")
    return parser


def _compare(arguments: Sequence[str]) -> int:
    cut = list(arguments).index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_intermixed_args(arguments[:cut])

    from modeldiff import settings
    from modeldiff.arguments import defaults
    from modeldiff.git.changed import changed_models
    from modeldiff.git.repository import Repository
    from modeldiff.git.revisions import resolve
    from modeldiff.git.telling import compared

    rules = settings.Settings() if options.no_config else settings.find()
    how = defaults(rules)
    how = replace(how, weights=how.weights and not options.no_weights)
    repository = Repository()
    ends = resolve(repository, options.revisions)
    found = changed_models(repository, ends, arguments[cut + 1 :])
    if not found and not options.quiet:
        say("modeldiff: no model changed")

    def outcomes() -> Iterator[tuple[ChangedModel, Outcome]]:
        for changed in found:
            yield changed, compared(repository, changed, how, quiet=options.quiet)

    if options.output is None:
        return _print(repository, outcomes(), quiet=options.quiet)
    from modeldiff.git.pages import write

    return _list(write(Path(options.output), ends, found, outcomes()), quiet=options.quiet)


def _print(repository: Repository, outcomes: Iterator[tuple[ChangedModel, Outcome]], *, quiet: bool) -> int:
    """The summaries, each as soon as it is known."""
    from modeldiff.git.terminal import heading_of, show, wants_color

    trouble = False
    with standard_output() as stream:
        color = wants_color(repository, stream)
        for number, (changed, outcome) in enumerate(outcomes):
            trouble = trouble or outcome.trouble
            if not quiet:
                stream.write("\n" if number else "")
                show(heading_of(changed), outcome, stream, color=color)
                stream.flush()
    return TROUBLE if trouble else COMPARED


def _list(outcomes: Iterator[tuple[ChangedModel, Outcome]], *, quiet: bool) -> int:
    """A line for each page that is written."""
    from modeldiff.git.terminal import heading_of
    from modeldiff.report.words import plain

    trouble = False
    for changed, outcome in outcomes:
        trouble = trouble or outcome.trouble
        if not quiet or outcome.trouble:
            say(f"modeldiff: {heading_of(changed)}: {outcome.sentence or plain(outcome.verdict)}")
    return TROUBLE if trouble else COMPARED


_SUBCOMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "driver": _driver,
    "textconv": _textconv,
    "difftool": _difftool,
    "review": _review,
    "comment": _comment,
    "install": _install,
    "uninstall": _uninstall,
}
