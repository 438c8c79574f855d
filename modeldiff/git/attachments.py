# Everything that is attached to a pull request, from one run: a comment within its limit, a report to open, data for
# machines, the summary of the job. What a pull request is judged by are the settings of its base: it cannot loosen
# them. The job that reads models needs no right to write; `comment` posts what was written here, from another job
# where that must be (pull requests from forks).
"""The files of a review: `write`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modeldiff import __version__
from modeldiff.changes import Options
from modeldiff.differ import compare
from modeldiff.errors import ModelDiffError, OutputError, UsageError
from modeldiff.git import pages
from modeldiff.git.changed import ChangedModel, Status
from modeldiff.git.forge import MARKER, QUIET
from modeldiff.git.repository import Repository
from modeldiff.git.revisions import Range, Revision
from modeldiff.git.telling import Outcome
from modeldiff.git.terminal import heading_of
from modeldiff.graph import Fact, Graph, Model
from modeldiff.output import write_file
from modeldiff.policy import Limit, Term, Violation, judge
from modeldiff.renderer import render_report
from modeldiff.renderer.markdown import BUDGET, code, escaped, phrase
from modeldiff.report.words import counted, plain
from modeldiff.settings import FILE, Settings, read

COMMENT, REPORT, DATA = "comment.md", "report.html", "diff.json"
_SUMMARY = 1024 * 1024
"""Bytes of the summary of a step on GitHub; of a longer one nothing is shown."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One changed file, what there is to say about it, and what it violates."""

    changed: ChangedModel
    outcome: Outcome
    violations: tuple[Violation, ...] = ()


def settings_at(repository: Repository, base: Revision) -> Settings:
    """The settings as the base of a pull request has them.

    Raises:
        UsageError: a key or a value is wrong.
        UnreadableFile: the file is damaged or too large.
    """
    blob = repository.get("rev-parse", "--verify", "--quiet", f"{base.commit}:{FILE}")
    if blob is None:
        return Settings()
    with tempfile.TemporaryDirectory(prefix="modeldiff-") as folder:
        file = Path(folder) / FILE
        with file.open("wb") as target:
            repository.write(target, "cat-file", "blob", blob)
        return read(file, f"{FILE} ({base.short})") or Settings()


def judged(changed: ChangedModel, outcome: Outcome, terms: Sequence[Term]) -> Judged:
    """What the policy says about one file.

    Of a model that was added, its code, its size and what it lacks are judged: nothing changed, nothing moved.
    """
    if outcome.is_lost and terms:
        sentence = f"{outcome.sentence}, so that --fail-on cannot be judged"
        return Judged(changed, replace(outcome, sentence=sentence, trouble=True))
    result = outcome.report.subject if outcome.report is not None else None
    if result is None or not terms or changed.status is Status.DELETED:
        return Judged(changed, outcome)
    if isinstance(result, Model):
        terms = [term for term in terms if term.asks in _OF_ONE or _is_absolute(term.asks)]
        nothing = Model("", "", result.format, Graph(), result.metadata)
        result = compare(nothing, result, options=Options(weights=False))
    try:
        return Judged(changed, outcome, judge(result, terms))
    except ModelDiffError as error:
        return Judged(changed, replace(outcome, sentence=str(error), trouble=True))


_OF_ONE = {Fact.CODE, Fact.WEIGHTS_MISSING, Fact.ORPHAN_WEIGHTS}
"""What a file tells by itself, without a look at its values."""


def _is_absolute(asks: object) -> bool:
    return isinstance(asks, Limit) and not asks.relative


def write(folder: Path, ends: Range, found: Sequence[Judged]) -> None:
    """Write comment, report and data into `folder`.

    Raises:
        OutputError: something cannot be written.
    """
    outcomes = [(one.changed, one.outcome) for one in found]
    told = [outcome for _, outcome in pages.write(folder, ends, [one for one, _ in outcomes], outcomes, report=REPORT)]
    found = [replace(one, outcome=outcome) for one, outcome in zip(found, told, strict=True)]
    write_file(folder / COMMENT, comment(found))
    write_file(folder / DATA, json.dumps(data(ends, found), indent=1, allow_nan=False) + "\n")


def data(ends: Range, found: Sequence[Judged]) -> dict[str, Any]:
    """Every model's JSON, with its file."""
    return {
        "tool": {"name": "modeldiff", "version": __version__},
        "format_version": 1,
        "base": ends.base.commit,
        "head": ends.head.commit if ends.head is not None else None,
        "models": [
            {
                "path": one.changed.path.encode("utf-8", "backslashreplace").decode(),
                "moved_from": one.changed.moved_from.encode("utf-8", "backslashreplace").decode() or None,
                "status": one.changed.status.value,
                "sentence": one.outcome.sentence or plain(one.outcome.verdict),
                "trouble": one.outcome.trouble,
                "violations": [{"term": v.term, "where": v.where, "what": v.what} for v in one.violations],
                "diff": json.loads(render_report(one.outcome.report, "json")) if one.outcome.report else None,
            }
            for one in found
        ],
    }


def comment(found: Sequence[Judged]) -> str:
    """The comment on a pull request, within the budget of one, whatever is in it."""
    if not found:
        return f"{MARKER}\n{QUIET}\nNo model file changed.\n"
    text = f"{MARKER}\n"
    if len(found) > 1:
        text += f"**{counted(len(found), 'model file')} changed**\n\n"
    versions = [list(_sections(one)) for one in found]
    left = BUDGET - len(text) - 100
    chosen: list[str] = []
    for shortest in (of_one[-1] for of_one in versions):  # a line for every model before details of any
        left -= len(shortest)
        if left < 0:
            break
        chosen.append(shortest)
    for position, shortest in enumerate(chosen):
        fitting = (longer for longer in versions[position] if len(longer) - len(shortest) <= max(left, 0))
        chosen[position] = next(fitting, shortest)
        left -= len(chosen[position]) - len(shortest)
    more = len(found) - len(chosen)
    return text + "".join(chosen) + (f"{counted(more, 'more model file')} in the report.\n" if more else "")


def _sections(one: Judged) -> Iterator[str]:
    """What is said about one file, from long to short."""
    heading = f"### {code(heading_of(one.changed))}\n\n"
    violations = "".join(f"- ✗ {escaped(v.term)}: {code(v.where)}: {escaped(v.what)}\n" for v in one.violations[:20])
    more = f"- and {len(one.violations) - 20:,} more\n" if len(one.violations) > 20 else ""
    policy = f"{violations}{more}\n" if violations else ""
    sentence = f"{escaped(one.outcome.sentence)}\n\n" if one.outcome.sentence else ""
    verdict = f"**{phrase(one.outcome.verdict)}**\n\n"
    if one.outcome.report is not None:
        whole = render_report(one.outcome.report, "md").partition("\n")[2]
        yield f"{heading}{sentence}{policy}{whole}\n"
        yield f"{heading}{sentence}{policy}{verdict}"
        yield f"{heading}{verdict}"
    else:
        yield f"{heading}{verdict}"


def tell_github(folder: Path, found: Sequence[Judged]) -> None:
    """Append the summary of the step and its outputs, where the job has places for them.

    Raises:
        OutputError: one of them cannot be written.
        UsageError: the name of the folder cannot stand in an output.
    """
    text = comment(found).replace(f"{MARKER}\n", "").replace(f"{QUIET}\n", "")
    if "\n" in str(folder):
        raise UsageError("a folder with a line end in its name cannot be told to GitHub", where="-o")
    violations = sum(len(one.violations) for one in found)
    outputs = f"models={len(found)}\nviolations={violations}\nfolder={folder}\nreport={folder / REPORT}\n"
    for name, added, largest in (("GITHUB_STEP_SUMMARY", text, _SUMMARY), ("GITHUB_OUTPUT", outputs, None)):
        place = os.environ.get(name)
        if not place:
            continue
        try:
            with Path(place).open("ab") as file:
                if largest is None or file.tell() + len(added.encode()) <= largest:
                    file.write(added.encode())
        except OSError as error:
            raise OutputError(f"cannot write: {error.strerror}", where=name) from error
