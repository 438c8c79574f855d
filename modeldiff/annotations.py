# Lines that the runner of a GitHub job turns into notices beside the files of a pull request. They are commands, so
# every text in them is escaped as the runner wants it, after whatever could act on a terminal became a code point; a
# name from a file cannot end the line it stands in. GitHub shows ten of each type per step: the last one counts the
# rest.
"""GitHub workflow commands about a comparison: `github`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modeldiff.changes import DiffResult, Impact
from modeldiff.graph import Fact
from modeldiff.policy import Found, Violation, met
from modeldiff.renderer.characters import visible

SHOWN = 10
_LONGEST = 400
_HARMLESS = frozenset({Fact.REORDERED, Fact.AUTOMATIC_NAMES})
"""Facts that ask for no attention unless a policy says so."""


def github(result: DiffResult, violations: Sequence[Violation]) -> Iterator[str]:
    """An error for each violation, then a warning for each grave change or fact that is none; at most ten of each."""
    path = result.new.path
    errors = [(f"--fail-on {one.term}", f"{one.where}: {one.what}") for one in violations]
    told = {text for _, text in errors}
    warnings = [(title, f"{where}: {what}") for title, (where, what) in _grave(result)]
    yield from _commands("error", path, errors)
    yield from _commands("warning", path, [one for one in warnings if one[1] not in told])


def _grave(result: DiffResult) -> Iterator[tuple[str, Found]]:
    for fact in Fact:
        if fact not in _HARMLESS:
            yield from ((fact.value, found) for found in met(result, fact))
    told: dict[Found, str] = {}
    for impact in (Impact.INTERFACE, Impact.FUNCTIONAL):
        for found in met(result, impact):
            told.setdefault(found, impact.label)
    yield from ((label, found) for found, label in told.items())


def _commands(kind: str, path: str, notices: Sequence[tuple[str, str]]) -> Iterator[str]:
    shown = notices if len(notices) <= SHOWN else notices[: SHOWN - 1]
    for title, text in shown:
        yield _command(kind, path, title, text)
    if len(notices) > len(shown):
        yield _command(kind, path, "more", f"and {len(notices) - len(shown):,} more")


def _command(kind: str, path: str, title: str, text: str) -> str:
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"::{kind} file={_property(path)},title={_property(f'modeldiff {title}')}::{_data(shown)}"


def _data(text: str) -> str:
    """The runner's escapes (actions/toolkit, `escapeData`)."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The same for a value that `,` or `:` would end."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
