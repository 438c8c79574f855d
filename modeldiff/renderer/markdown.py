# A comment for a pull request: GitHub strips styles, classes, ids and scripts, and refuses more than 65 536
# characters. So the budget is kept by construction: rows are taken by importance while they fit, and what is left
# out is counted. Every text from a file stands in a code span, whose fence is longer than any run inside it.
"""Markdown of a report, within 60 000 characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from modeldiff.renderer.characters import inert, visible
from modeldiff.renderer.outline import ROWS, Repeat, Run, changes, outline
from modeldiff.report import remarks
from modeldiff.report.view import Code, LayerView, Phrase, Report, Status
from modeldiff.report.words import counted, joined

if TYPE_CHECKING:
    from modeldiff.diagram import Folding

BUDGET = 60_000
"""Characters at most; a pull-request comment takes 65 536."""
_FIGURES = 2
"""What the verdict of one model says, and the bytes."""
_LONGEST_PHRASE = 600
_LONGEST_NAME = 120


class _Row(NamedTuple):
    text: str
    layers: int = 1
    """How many it tells of."""


def render(report: Report, folding: Folding | None = None) -> str:  # noqa: ARG001 - every renderer has this shape
    """Verdict, a table of the gravest rows, the rest folded away."""
    head = "\n".join(_head(report))
    table, rest = _rows(report)
    text = f"{head}\n\n{_table(report, [row.text for row in table])}\n" if table else f"{head}\n"
    tail = [*_details(report, rest, BUDGET - len(text) - 200)]
    return inert("\n".join([text, *tail]).rstrip() + "\n" if tail else text)


def _head(report: Report) -> Iterator[str]:
    files = " ".join(visible(card.name).replace("-", "-\u200b").replace(">", "")[:200] for card in report.files)
    yield f"<!-- modeldiff: {files} -->"
    yield f"**{phrase(report.verdict)}**"
    if report.lead:
        changed = [figure for figure in report.figures if figure.delta][:1]
        sizes = "".join(f" {figure.label} {figure.old} → {figure.new} ({figure.percent})." for figure in changed)
        if report.overview is not None and len(report.figures) > _FIGURES:
            sizes = "".join(f" · {figure.label.lower()} {figure.new}" for figure in report.figures[1:-1])
        yield f"\n{phrase(report.lead)}{sizes}"
    facts = (*report.facts[:ROWS], *remarks.findings(report))
    if facts:
        yield ""
        yield "\n".join(f"**{label}:** {phrase(words)}  " for label, words in facts)


def _rows(report: Report) -> tuple[list[_Row], list[_Row]]:
    """The first rows by importance, and all that follow."""
    if report.overview is not None:
        rows = [_repeat(one) if isinstance(one, Repeat) else _Row(_single(one)) for one in outline(report)]
    else:
        rows = [_change(one, impact) for impact, one in changes(report)]
    return rows[:ROWS], rows[ROWS:]


def _change(one: LayerView | Run | Repeat, impact: str) -> _Row:
    if isinstance(one, Repeat):
        told: list[Phrase] = [one.place, *([(one.difference, " together")] if one.difference else [])]
        return _Row(f"|   | {one.words} | {phrase(joined(told, '; '), in_table=True)} | {impact} |", len(one.views))
    layer = one.views[0] if isinstance(one, Run) else one
    name = phrase(one.words, in_table=True) if isinstance(one, Run) else code(_path(layer), in_table=True)
    if layer.old_name is not None:
        name = f"{code(layer.old_name, in_table=True)} → {name}"
    facts: list[Phrase] = [*layer.warnings, *layer.lines]
    if layer.status in {Status.ADDED, Status.REMOVED} and layer.figure:
        facts.append(one.figure)
    text = f"| {layer.status.sign} | {name} | {phrase(joined(facts, '; '), in_table=True)} | {impact} |"
    return _Row(text, len(one.views) if isinstance(one, Run) else 1)


def _path(layer: LayerView) -> str:
    return layer.new or layer.old or layer.name


def _single(layer: LayerView) -> str:
    told = (layer.class_name, layer.summary, layer.shape, "".join(layer.figure))
    cells = (phrase((words,), in_table=True) for words in told)
    return f"| {code(layer.new or layer.name, in_table=True)} | {' | '.join(cells)} |"


def _repeat(repeat: Repeat) -> _Row:
    amount = f" {repeat.parameters:,}" if repeat.parameters else ""
    return _Row(f"| {repeat.words} | | | |{amount} |", len(repeat.views))


def _table(report: Report, rows: Iterable[str]) -> str:
    compared, single = (
        ("", "layer", "what changed", "impact"),
        ("layer", "class", "config", "output shape", "parameters"),
    )
    names = compared if report.overview is None else single
    return "\n".join([f"| {' | '.join(name or ' ' for name in names)} |", f"|{'---|' * len(names)}", *rows])


def _details(report: Report, rest: list[_Row], budget: int) -> Iterator[str]:
    notes = [f"- {phrase(words)}" for words in remarks.below(report)]
    if report.unchanged and report.statuses:
        notes.append(f"- {counted(report.unchanged, 'layer')} unchanged")
    if not notes and not rest:
        return
    notes, lost_notes = _fit(notes, min(budget // 2, 8000))
    rows, _ = _fit([row.text for row in rest], budget - sum(map(len, notes)) - len(notes) - 400)
    lost_layers = sum(row.layers for row in rest[len(rows) :])
    summary = [counted(sum(row.layers for row in rest), "more layer")] if rest else []
    summary += ["notes"] if notes else []
    yield f"<details><summary>{' and '.join(summary).capitalize()}</summary>\n"
    if rows:
        yield f"{_table(report, rows)}\n"
    if lost_layers:
        yield f"{lost_layers:,} more in the report.\n"
    if notes:
        yield "\n".join(notes) + "\n"
    if lost_notes:
        yield f"{lost_notes:,} more notes in the report.\n"
    yield "</details>"


def _fit(lines: list[str], budget: int) -> tuple[list[str], int]:
    """The first lines that fit, and how many do not."""
    for position, line in enumerate(lines):
        budget -= len(line) + 1
        if budget < 0:
            return lines[:position], len(lines) - position
    return lines, 0


def phrase(words: Phrase, *, in_table: bool = False) -> str:
    """A phrase as Markdown: names in code spans, our own words escaped; long ones are cut between words."""
    parts: list[str] = []
    left = _LONGEST_PHRASE
    for word in words:
        shown = visible(word)[: _LONGEST_NAME if isinstance(word, Code) else left]
        left -= len(shown)
        if left < 0:
            return "".join([*parts, "…"])
        parts.append(code(word, in_table=in_table) if isinstance(word, Code) else escaped(shown))
    return "".join(parts)


def code(text: str, *, in_table: bool = False) -> str:
    """A code span of any text.

    The fence is longer than any run of backticks inside and a space pads text that starts or ends with one
    (CommonMark 6.1); in a table `|` is escaped, since GitHub looks for it even in code (GFM 4.10).
    """
    shown = visible(text) or " "
    if len(shown) > _LONGEST_NAME:
        shown = f"{shown[: _LONGEST_NAME - 1]}…"
    if in_table:
        shown = shown.replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def escaped(text: str) -> str:
    """Text that is only read: no Markdown, and nothing that GitHub links or notifies by itself."""
    still = re.sub(r"(?i)(@)|(?<=:)(?=//)|(?<=www)(?=\.)", lambda found: f"{found[0]}\u200b", text)
    return still.translate(_SPECIAL)


_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|~#"} | {"&": "&amp;"})
