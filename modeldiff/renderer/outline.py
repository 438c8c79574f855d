# One model as a list folds where its picture folds: of blocks built alike the first is told, and how often it comes
# again. Bundles are a matter of the picture's size and stay open here.
"""The layers of one model in order, repeated blocks once: `outline`, `repeats`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modeldiff.diagram import Body, Card, FoldKind, Group, Trace, build
from modeldiff.report import LayerView, Report
from modeldiff.report.words import counted


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
