# One model as a list folds where its picture folds: of blocks built alike the first is told, and how often it comes
# again. Bundles are a matter of the picture's size and stay open here. A long list of changes folds where rows would
# say the same: eighty layers that were frozen are one row. It follows the list and not the picture, since the list is
# sorted by importance; nothing is told of a fold that would not hold of each of its layers.
"""Rows of a list, what comes again told once: `outline` and `repeats` of one model, `changes` of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modeldiff.diagram import Body, Card, FoldKind, Group, Trace, build
from modeldiff.report import Code, LayerView, Phrase, Report, Status
from modeldiff.report.words import counted, signed

ROWS = 20
"""So many rows a comment has, and a glance takes in: a list of so many changed layers has a row for each."""
_LEAST = 3
"""So many rows, or blocks of rows, in a row are told as one."""
_LONGEST = 32
"""Rows of a block that is looked for in a list of changes."""


@dataclass(frozen=True, slots=True)
class Run:
    """Three or more rows of a list of changes that say the same."""

    views: tuple[LayerView, ...]

    @property
    def words(self) -> Phrase:
        """`block1_conv1 to block14_sepconv2 (80 layers)`."""
        return _ends(self.views)

    @property
    def figure(self) -> Phrase:
        """That of each."""
        figure = self.views[0].figure
        return (*figure, " each") if figure and self.views[0].status in {Status.ADDED, Status.REMOVED} else figure


@dataclass(frozen=True, slots=True)
class Repeat:
    """Blocks like the rows before."""

    first: tuple[LayerView, ...]
    """The block that is told: the rows before."""
    views: tuple[LayerView, ...]
    """All layers of the others."""
    times: int
    """How many others there are."""

    @property
    def parameters(self) -> int:
        """Of all the others."""
        return sum(view.parameters[1] or 0 for view in self.views)

    @property
    def words(self) -> str:
        """`×11 more like the 7 layers above`."""
        above = "the layer" if len(self.first) == 1 else f"the {len(self.first)} layers"
        return f"×{self.times:,} more like {above} above"

    @property
    def place(self) -> Phrase:
        """`block3_conv to block9_add (56 layers)`: which ones they are in a list of changes."""
        return _ends(self.views)

    @property
    def difference(self) -> str:
        """Parameters that all the others brought or took along, "" for none: `+1,348,032`."""
        found = sum((view.parameters[1] or 0) - (view.parameters[0] or 0) for view in self.views)
        return signed(found) if found else ""

    @property
    def block(self) -> str:
        """`12 × (7 layers, 49,984 parameters)`; a size that is not that of each is told of all."""
        each = sum(view.parameters[1] or 0 for view in self.first)
        total = each + self.parameters
        layers = counted(len(self.first), "layer")
        if not total:
            return f"{self.times + 1:,} × ({layers})"
        if each * (self.times + 1) == total:
            return f"{self.times + 1:,} × ({layers}, {counted(each, 'parameter')})"
        return f"{self.times + 1:,} × ({layers}), {counted(total, 'parameter')} together"


def outline(report: Report) -> Iterator[LayerView | Repeat]:
    """Every layer of one model, or the block it repeats; a sub-model before its layers."""
    views = {view.address: view for view in report.layers}
    told: list[LayerView] = []
    for one in _entries(build(report.subject).body, views, told):
        told += [one] if isinstance(one, LayerView) else one.views
        yield one


def repeats(report: Report) -> list[Repeat]:
    """The blocks that come again."""
    return [one for one in outline(report) if isinstance(one, Repeat)]


def _entries(body: Body, views: Mapping[str, LayerView], told: list[LayerView]) -> Iterator[LayerView | Repeat]:
    for box in body.boxes:
        if isinstance(box, Card):
            yield from (views[row.address] for row in box.rows)
        elif isinstance(box, Group):
            if box.row is not None:
                yield views[box.row.address]
            yield from _entries(box.body, views, told)
        elif isinstance(box, Trace):
            continue
        elif box.kind is FoldKind.REPEAT:
            inside = tuple(views[row.address] for row in box.body.rows())
            yield Repeat(tuple(told[-(len(inside) // box.times) :]), inside, box.times)
        else:
            yield from _entries(box.body, views, told)


def changes(report: Report) -> Iterator[tuple[str, LayerView | Run | Repeat]]:
    """Every changed layer, gravest first, with the impact; in a long list rows that say the same are one."""
    views = {view.address: view for view in report.layers}
    is_long = sum(len(group.rows) for group in report.groups) > ROWS
    for group in report.groups:
        rows = [views[address] for address in group.rows]
        for one in _folded(rows) if is_long else rows:
            yield group.impact, one


def _folded(rows: Sequence[LayerView]) -> Iterator[LayerView | Run | Repeat]:
    known: dict[object, int] = {}
    marks = [known.setdefault(_told(row), len(known)) for row in rows]
    start = 0
    while start < len(rows):
        period, times = _again(marks, start)
        end = start + period * times
        if times > 1 and period == 1:
            yield Run(tuple(rows[start:end]))
        else:
            first, others = tuple(rows[start : start + period]), tuple(rows[start + period : end])
            yield from first
            if others:
                yield Repeat(first, others, times - 1)
        start = end


def _told(row: LayerView) -> object:
    """What its row says beside its name; nobody else's where it has two names, or warns.

    How far it moved counts too: it is what such rows are sorted by, so that rows alike are in graph order.
    """
    if row.warnings or row.old_name is not None:
        return row.address
    return row.status, row.lines, row.figure, row.moved


def _again(marks: Sequence[int], start: int) -> tuple[int, int]:
    """The shortest block of rows that comes three times or more from `start` on, and how often; (1, 1) for none."""
    for period in range(1, min(_LONGEST, (len(marks) - start) // _LEAST) + 1):
        end = start + period
        while end < len(marks) and marks[end] == marks[end - period]:
            end += 1
        times = (end - start) // period
        if times >= _LEAST:
            return period, times
    return 1, 1


def _ends(views: Sequence[LayerView]) -> Phrase:
    first, last = (Code(view.new or view.old or view.name) for view in (views[0], views[-1]))
    return first, " to ", last, f" ({counted(len(views), 'layer')})"
