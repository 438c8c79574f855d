# The picture for people who lay out or restyle it with Graphviz themselves: the same boxes, lines and groups with their
# words, nothing of our coordinates. Labels are quoted strings, so nothing in a name can end the label, be taken for
# HTML or be replaced by Graphviz.
"""The `dot` format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modeldiff.diagram import OUTSIDE, Body, Box, Card, Diagram, End, Fold, Folding, Presence, Row, Trace, build
from modeldiff.renderer.boxes import CLASSES, Words
from modeldiff.renderer.characters import visible
from modeldiff.renderer.palette import tokens
from modeldiff.report import Report, Status, remarks
from modeldiff.report.words import plain

_STYLES = {Presence.KEPT: "solid", Presence.ADDED: "bold", Presence.REMOVED: "dashed"}
_NOTES = 3
"""Notes that stand below the verdict; the rest are counted."""


def render(report: Report, folding: Folding | None = None) -> str:
    """A DOT document: one node per layer, clusters for groups, one node per fold."""
    return "\n".join(_Writer(report, build(report.subject, folding=folding)).document()) + "\n"


def quoted(*lines: str) -> str:
    """A DOT string of these lines; every character means itself."""
    safe = (visible(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines if line)
    return '"{}"'.format("\\n".join(safe))


class _Writer:
    def __init__(self, report: Report, diagram: Diagram) -> None:
        self.report, self.diagram = report, diagram
        self.words = Words(report, compares=diagram.compares)
        self.colours = tokens()[0]
        self.lines: list[str] = []

    def document(self) -> Iterator[str]:
        yield "digraph modeldiff {"
        label = quoted(plain(self.report.verdict), *map(plain, remarks.caution(self.report, _NOTES)))
        yield f"  label={label}; labelloc=t; rankdir=TB; compound=true;"
        yield '  node [shape=box, style=filled, fillcolor=white, fontname="sans-serif", fontsize=11];'
        yield '  edge [fontname="sans-serif", fontsize=10];'
        yield from self._body(self.diagram.body, "n", "  ")
        yield from self.lines
        yield "}"

    def _body(self, body: Body, prefix: str, indent: str) -> Iterator[str]:
        framed = {index for frame in body.frames for index in frame.boxes}
        for number, frame in enumerate(body.frames):
            view = self.words.regions[frame.region]
            label = f"{view.status.sign} {plain(view.label)}"
            yield f"{indent}subgraph cluster_{prefix}r{number} {{"
            yield f"{indent}  label={quoted(label)}; style=rounded; color={self._fill(CLASSES[view.status])};"
            yield from self._boxes(body, frame.boxes, prefix, indent + "  ")
            yield f"{indent}}}"
        yield from self._boxes(body, [index for index in range(len(body.boxes)) if index not in framed], prefix, indent)
        for line in body.lines:
            source, target = (self._end(body, end, prefix) for end in (line.source, line.target))
            calls = (("call", line.source_call), ("to call", line.target_call))
            label = ", ".join(f"{what} {call}" for what, call in calls if call)
            tail = f", label={quoted(label)}" if label else ""
            self.lines.append(f"  {source} -> {target} [{self._line(line.presence)}{tail}];")

    def _boxes(self, body: Body, indexes: Iterable[int], prefix: str, indent: str) -> Iterator[str]:
        for index in indexes:
            box, name = body.boxes[index], f"{prefix}_{index}"
            if isinstance(box, Card):
                for number, row in enumerate(box.rows):
                    yield f"{indent}{name}_{number} [{self._row(row)}];"
                for number in range(0 if box.abreast else len(box.rows) - 1):
                    presence = box.rows[number + 1].presence
                    if not body.listed:
                        self.lines.append(f"  {name}_{number} -> {name}_{number + 1} [{self._line(presence)}];")
            elif isinstance(box, Trace):
                title = f"{Status.MOVED.sign} {self.words.trace_title(box)}"
                yield f'{indent}{name} [label={quoted(title)}, style="dashed", color={self._fill("mov")}];'
            elif isinstance(box, Fold):
                told = self.words.fold(box)
                title = " ".join([told.title, *(f"{status.sign}{count}" for status, count in told.counts)])
                yield f'{indent}{name} [label={quoted(title)}, style="rounded,filled", fillcolor={self._fill("well")}];'
            else:
                yield f"{indent}subgraph cluster_{name} {{"
                titles = self._words(box.row) if box.row is not None else [box.scope]
                yield f"{indent}  label={quoted(*titles)}; style=dashed;"
                yield f'{indent}  {name} [shape=point, width=0.05, label=""];'
                yield from self._body(box.body, name, indent + "  ")
                yield f"{indent}}}"

    def _end(self, body: Body, end: End, prefix: str) -> str:
        if end.box == OUTSIDE:
            return prefix
        box: Box = body.boxes[end.box]
        name = f"{prefix}_{end.box}"
        return f"{name}_{end.row}" if isinstance(box, Card) else name

    def _words(self, row: Row) -> list[str]:
        view = self.words.views[row.address]
        name = f"{view.old_name} → {view.name}" if view.old_name else view.name
        sign = f"{view.status.sign} " if view.status.sign else ""
        about = " · ".join(filter(None, (view.class_name, view.summary)))
        return [f"{sign}{name}", about, " · ".join(filter(None, (view.shape, plain(view.figure))))]

    def _row(self, row: Row) -> str:
        status = self.words.status(row)
        fill = "" if status is Status.UNCHANGED else f", fillcolor={self._fill(CLASSES[status] + '-wash')}"
        ink = "" if status is Status.UNCHANGED else f", color={self._fill(CLASSES[status])}"
        return f"label={quoted(*self._words(row))}{fill}{ink}"

    def _line(self, presence: Presence) -> str:
        colour = {Presence.KEPT: "edge", Presence.ADDED: "add", Presence.REMOVED: "del"}[presence]
        return f"style={_STYLES[presence]}, color={self._fill(colour)}"

    def _fill(self, token: str) -> str:
        return f'"{self.colours[token]}"'
