# The terminal summary, and the same as plain text. rich owns width, colour and NO_COLOR; this file owns what stands
# in which column. Words come from the report and are made visible before rich sees them: rich's own markup is off.
"""Text of a report: aligned, one line per changed layer, or for all in a row of which the same is told."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modeldiff.renderer.characters import inert, visible
from modeldiff.renderer.outline import Repeat, Run, changes, outline
from modeldiff.report import remarks
from modeldiff.report.view import Code, LayerView, Phrase, Report, Status, Strong
from modeldiff.report.words import counted, joined

if TYPE_CHECKING:
    from modeldiff.diagram import Folding

_WIDTH = 100
_NARROWEST = 40
_STYLES = {
    Status.ADDED: "green",
    Status.REMOVED: "red",
    Status.CHANGED: "yellow",
    Status.RENAMED: "blue",
    Status.MOVED: "magenta",
    Status.UNCHANGED: "",
}


def render(report: Report, folding: Folding | None = None) -> str:  # noqa: ARG001 - every renderer has this shape
    """The summary without colour, 100 columns wide."""
    return _plain(report, _WIDTH)


def _plain(report: Report, width: int) -> str:
    file = io.StringIO()
    show(report, Console(file=file, width=width, no_color=True, force_terminal=False, highlight=False))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def print_to(report: Report, stream: TextIO, *, color: bool | None = None) -> None:
    """The summary on a terminal (colour, its width) or in a pipe (neither).

    `NO_COLOR` and `COLUMNS` are honoured.
    `color` overrules what `stream` is: a pager is a pipe that leads to a terminal.
    """
    console = Console(file=stream, highlight=False, force_terminal=color)
    if not console.is_terminal:
        told = os.environ.get("COLUMNS", "")
        width = int(told) if told.isascii() and told.isdigit() and len(told) < 5 else _WIDTH
        stream.write(encodable(_plain(report, max(width, _NARROWEST)), stream.encoding))
        return
    show(report, console)


def print_heading(words: str, stream: TextIO, *, color: bool) -> None:
    """One line above a report, bold where there is colour."""
    print_line(words, stream, *(("\x1b[1m", "\x1b[m") if color else ()))


def print_line(words: str, stream: TextIO, before: str = "", after: str = "") -> None:
    """One line in place of a report."""
    stream.write(f"{before}{encodable(inert(visible(words)), stream.encoding)}{after}\n")


def encodable(text: str, encoding: str | None) -> str:
    """`text` with our signs replaced where the stream cannot carry them."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding or "ascii", "backslashreplace").decode(encoding or "ascii")
    return text


_ASCII = str.maketrans({"→": "->", "−": "-", "↷": "^", "×": "x", "·": "-", "…": "...", "∞": "inf", "Δ": "d"})


def show(report: Report, console: Console) -> None:
    """Print the summary to `console`; a name in it is no command to the runner of a CI job."""
    with console.capture() as printed:
        console.print(Group(*_parts(report)), soft_wrap=False)
    console.file.write(inert(printed.get()))


def _parts(report: Report) -> Iterator[RenderableType]:
    yield Text(" → ".join(visible(card.name) for card in report.files), style="dim")
    yield Text("")
    yield _text(report.verdict, "bold")
    if report.lead:
        yield _text(report.lead)
    yield Text("")
    yield Padding(_figures(report), (0, 0, 0, 2))
    rows = _rows(report)
    if rows.row_count:
        yield Text("")
        yield Padding(rows, (0, 0, 0, 2))
    told = [(label.lower(), words) for label, words in (*report.facts, *remarks.findings(report))]
    if told:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for label, words in told:
            table.add_row(label, _text(words))
        yield Text("")
        yield Padding(table, (0, 0, 0, 2))
    for words in remarks.below(report):
        yield Text("")
        yield Padding(_text(words), (0, 0, 0, 2))


def _figures(report: Report) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    if report.statuses or report.unchanged:
        words = [f"{amount:,} {status.value}" for status, amount in report.statuses]
        unchanged = [f"{report.unchanged:,} unchanged"] if len(report.files) > 1 else []
        if words or unchanged:
            table.add_row("layers", ", ".join(words + unchanged))
    for figure in report.figures:
        if not figure.old:
            value = figure.new
        elif figure.delta:
            value = f"{figure.old} → {figure.new}   {figure.delta} ({figure.percent})"
        else:
            value = figure.new
        table.add_row(figure.label.lower(), value)
    return table


def _rows(report: Report) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold", max_width=44)
    table.add_column(overflow="fold", ratio=1)
    table.add_column(justify="right", overflow="fold", max_width=24)
    if report.overview is not None:
        for one in outline(report):
            if isinstance(one, Repeat):
                table.add_row("", Text(f"{one.words}", style="dim"), "", Text(_amount(one.parameters), style="dim"))
            else:
                table.add_row("", _name(one), _facts(one), _text(one.figure, "dim"))
        return table
    for _, row in changes(report):
        if isinstance(row, Repeat):
            table.add_row("", Text(row.words, style="dim"), _text(row.place, "dim"), Text(row.difference, style="dim"))
            continue
        layer = row.views[0] if isinstance(row, Run) else row
        style = _STYLES[layer.status]
        name = _text(row.words, style) if isinstance(row, Run) else _name(layer)
        facts, figure = _facts(layer), _text(row.figure, "dim")
        if figure.plain in facts.plain:
            figure = Text()
        table.add_row(Text(layer.status.sign, style=style), name, facts, figure)
    return table


def _amount(parameters: int) -> str:
    return f"{parameters:,}" if parameters else ""


def _name(layer: LayerView) -> Text:
    style = _STYLES[layer.status]
    text = Text(visible(f"{layer.old_name} → ") if layer.old_name is not None else "", style="dim")
    return text.append(visible(layer.new or layer.old or layer.name), style=style or "bold")


def _facts(layer: LayerView) -> Text:
    if layer.status is Status.UNCHANGED:
        return Text(", ".join(visible(word) for word in (layer.class_name, layer.summary, layer.shape) if word))
    shown = layer.lines[:4]
    more: list[Phrase] = (
        [(counted(len(layer.lines) - len(shown), "more fact"),)] if len(layer.lines) > len(shown) else []
    )
    return _text(joined([*layer.warnings, *shown, *more], "; "))


def _text(words: Phrase, style: str = "") -> Text:
    text = Text(style=style)
    for word in words:
        text.append(visible(word), style="bold" if isinstance(word, (Code, Strong)) and not style else "")
    return text
