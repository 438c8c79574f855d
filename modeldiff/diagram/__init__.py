# From facts to boxes: merge both graphs (`merge`), group by names (`scopes`), fold (`folds` on `cells`), stack straight
# runs (`runs`), frame what changed together (`framing`). The data is in `shapes`. Nothing here knows a word about a
# change or a coordinate, and nothing needs Graphviz, so every rule of the picture is tested on plain data.
"""The picture as data: `build` makes a `Diagram` from a comparison or from one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from modeldiff.changes import DiffResult
from modeldiff.diagram.cells import Cell, Cells, reach, single
from modeldiff.diagram.folds import bundles, repeats, unchanged
from modeldiff.diagram.framing import framed, lift, mark, region_of, sizes
from modeldiff.diagram.merge import Level, Node, Side, merged, one_side
from modeldiff.diagram.narrow import narrowed
from modeldiff.diagram.runs import runs, siblings
from modeldiff.diagram.scopes import sub_levels, with_scopes
from modeldiff.diagram.shapes import (
    OUTSIDE,
    Body,
    Box,
    Card,
    Diagram,
    End,
    Fold,
    Folding,
    FoldKind,
    Frame,
    Group,
    Line,
    Presence,
    Row,
    Trace,
)
from modeldiff.graph import Model

__all__ = [
    "FEWER",
    "LIMIT",
    "NARROWER",
    "OUTSIDE",
    "Abreast",
    "Body",
    "Box",
    "Card",
    "Diagram",
    "End",
    "Fold",
    "FoldKind",
    "Folding",
    "Frame",
    "Group",
    "Line",
    "Presence",
    "Row",
    "Side",
    "Trace",
    "build",
    "build_side",
]

Abreast = tuple[int, bool]
"""How many boxes may stand side by side, and whether inputs, outputs and told layers may be folded for that too."""
NARROWER: tuple[Abreast, ...] = ((3, False), (2, False), (1, False), (2, True), (1, True))
"""What to try, one after the other, where a picture is too wide."""
LIMIT = 320
"""Layers and folds of one body before it is bundled: a few screens, and less than a second for Graphviz."""
FEWER = 24
"""The limit for a second try, where Graphviz did not finish the first one."""
BUNDLES = 40
"""How many bundles a body is cut into where it is larger."""
REACH = 60_000
"""All connections of one body together may pass so many boxes; those of DenseNet pass 5,000."""
LINES = 2_000
"""Of more lines than this in one body, nobody tells the calls apart."""
NOTHING: frozenset[int | None] = frozenset()
OPEN_LAYERS = 240
"""Layers shown in open groups before further groups start closed."""


def build(
    subject: DiffResult | Model, *, folding: Folding | None = None, limit: int = LIMIT, abreast: Abreast | None = None
) -> Diagram:
    """The picture of a comparison or of one model.

    Args:
        subject: what to draw.
        folding: what to show of it at first.
        limit: layers and folds of one body before it is bundled.
        abreast: how many boxes may stand side by side; None for as many as there are.
    """
    builder = _Builder(folding or Folding(), compares=isinstance(subject, DiffResult), limit=limit, abreast=abreast)
    level = merged(subject)
    if isinstance(subject, DiffResult):
        mark(level, subject)
    return builder.diagram(_scoped(level))


def build_side(
    result: DiffResult,
    side: Side,
    *,
    folding: Folding | None = None,
    limit: int = LIMIT,
    abreast: Abreast | None = None,
) -> Diagram:
    """The picture of one side of a comparison, with its own names and connections; folded as the comparison is."""
    builder = _Builder(folding or Folding(), compares=True, limit=limit, abreast=abreast)
    level = one_side(result, side)
    mark(level, result)
    return builder.diagram(_scoped(level))


def _scoped(level: Level, around: int = 0) -> Level:
    for node in level.nodes:
        if node.inner is not None:
            node.inner = _scoped(node.inner, around + 1)
    return with_scopes(level, around)


class _Builder:
    """The choices of one picture."""

    def __init__(self, folding: Folding, *, compares: bool, limit: int, abreast: Abreast | None) -> None:
        self.folding, self.compares, self.limit, self.abreast = folding, compares, limit, abreast
        self.room = OPEN_LAYERS
        self.sizes = Counter[int]()

    def diagram(self, level: Level) -> Diagram:
        """The whole picture; nothing enters or leaves it."""
        lift(level)
        self.sizes = sizes(level)
        body = self.body(level, folding=True)
        lines = tuple(line for line in body.lines if OUTSIDE not in {line.source.box, line.target.box})
        return Diagram(replace(body, lines=lines), self.compares, self.folding)

    def body(self, level: Level, *, folding: bool, depth: int = 0, around: AbstractSet[int | None] = NOTHING) -> Body:
        """Boxes and lines of one level.

        Args:
            level: what to draw.
            folding: whether to look for unchanged regions and repeats; not inside a fold, which was opened to be read.
            depth: how many groups are around it.
            around: the regions whose frames are around it.
        """
        cells = single(level)
        is_told = self.compares and (depth == 0 or level.is_touched)
        if folding and is_told:
            cells = unchanged(cells, self.folding.context)
        is_large = len(cells.cells) > self.limit
        if folding:
            cells = repeats(cells, touched=is_large, lone=is_told and not is_large)
        if len(cells.cells) > (BUNDLES if reach(cells) > REACH else self.limit):
            cells = bundles(cells, min(BUNDLES, self.limit))
        if folding and self.abreast is not None:
            most, whatever = self.abreast
            cells = narrowed(cells, most, whatever=whatever, compares=self.compares)
        is_narrow = folding and self.abreast is not None
        places: dict[int, End] = {}
        boxes: list[Box] = []
        together = siblings(cells, narrow=is_narrow)
        stacks = [[cells.cells[index] for index in run] for run in runs(cells, together)]
        inputs = {cells.cells[index[0]] for index in together}
        folds = iter(sub_levels(level, [stack[0].nodes for stack in stacks if stack[0].kind is not None]))
        for stack in stacks:
            box = self._box(level, stack, folds, depth, around)
            boxes.append(replace(box, abreast=True) if isinstance(box, Card) and stack[0] in inputs else box)
            for position, cell in enumerate(stack):
                places.update(dict.fromkeys(cell.nodes, End(len(boxes) - 1, position)))
        frames = tuple(frame for frame in framed(level, stacks, self.sizes) if frame.region not in around)
        return Body(tuple(boxes), tuple(_lines(cells, places)), level.listed, frames)

    def _box(
        self, level: Level, run: list[Cell], folds: Iterator[Level], depth: int, around: AbstractSet[int | None]
    ) -> Box:
        cell, node = run[0], level.nodes[run[0].nodes[0]]
        if cell.kind is not None:
            within = around | {region_of(level, cell)}
            body = self.body(next(folds), folding=False, depth=depth, around=within)
            return Fold(cell.kind, body, cell.times)
        if node.trace is not None:
            return node.trace
        if node.inner is not None:
            is_open = self._is_open(node, depth)
            body = self.body(node.inner, folding=True, depth=depth + 1)
            return Group(node.row, node.scope, body, is_open)
        rows = (level.nodes[cell.nodes[0]].row for cell in run)
        return Card(tuple(row for row in rows if row is not None))

    def _is_open(self, node: Node, depth: int) -> bool:
        assert node.inner is not None
        if self.folding.depth is not None:
            return depth < self.folding.depth
        wanted = node.inner.is_touched if self.compares else True
        if not wanted:
            return False
        self.room -= min(len(node.inner.nodes), self.limit)
        return self.room >= 0


def _lines(cells: Cells, places: dict[int, End]) -> list[Line]:
    """Every connection between two boxes or across the border once."""
    level = cells.level
    found: dict[Line, None] = {}
    led: set[tuple[int, int]] = set()
    if level.listed:
        return []
    for node, presence in level.entries.items():
        found[Line(End(OUTSIDE), places[node], presence)] = None
    for edge in level.edges:
        source, target = places[edge.source], places[edge.target]
        if source.box == target.box and not level.nodes[edge.source].is_shared:
            continue  # a row below its maker, or inside a fold
        if level.nodes[edge.source].trace is not None:
            if (source.box, target.box) in led:
                continue  # one line to each box says enough of what is no more
            led.add((source.box, target.box))
        found[Line(source, target, edge.presence, edge.source_call, edge.target_call)] = None
    for node, presence in level.exits.items():
        found[Line(places[node], End(OUTSIDE), presence)] = None
    if len(found) > LINES:
        found = dict.fromkeys(line._replace(source_call=0, target_call=0) for line in found)
    return list(found)
