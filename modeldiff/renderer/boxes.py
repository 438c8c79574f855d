# What stands in a box, before anybody knows where the box stands: texts cut to the width, heights of rows, counts on
# folds. Changed layers get two lines and unchanged ones one: changes are big without being loud.
"""Texts and sizes of rows and folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace

from modeldiff.diagram import OUTSIDE, Body, Box, Card, End, Fold, FoldKind, Group, Row, Side, Trace
from modeldiff.renderer.characters import visible
from modeldiff.renderer.measure import mono, mono_fitting, sans, sans_between, sans_fitting
from modeldiff.report import LayerView, Report, Status
from modeldiff.report.words import counted, plain

GUTTER = 26
PAD = 10
ONE_LINE, TWO_LINES = 26, 46
FOLD, HEAD, TRACE = 32, 30, 24
NAME, TEXT, LABEL = 12.5, 11.5, 11.0
FOLD_ROOM = 60
"""Beside and between the words of a fold."""
SHORTEST = 48
"""Less of a name would not tell it."""
NARROWEST, WIDEST, CROWDED = 304, 376, 312
"""Widths of cards: the picture's own choice, its limit, and the limit where three or more stand side by side."""
CLOSE, CLOSER = 288, 208
"""The limits in a picture that is too wide otherwise: where three stand side by side, and where more do."""
LOW = 232
"""In a narrower card a changed layer tells its figure in the second line, so that the first has room for the name."""
CLASSES = {
    Status.ADDED: "add",
    Status.REMOVED: "del",
    Status.CHANGED: "chg",
    Status.RENAMED: "ren",
    Status.MOVED: "mov",
    Status.UNCHANGED: "same",
}
"""The class of each status in every style sheet."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The four corners of a row; the lower ones are "" where it has one line."""

    old: str
    """The old name where it differs; an arrow is drawn between."""
    name: str
    right: str
    lower: str
    lower_right: str
    is_cut: bool
    """Whether something did not fit: the row then has a tooltip."""


@dataclass(frozen=True, slots=True)
class FoldWords:
    """What stands on a fold."""

    title: str
    counts: tuple[tuple[Status, int], ...]
    """How many layers inside have which status, without the unchanged."""
    ends: tuple[str, str]
    """The first and the last layer inside."""


def one_sided(view: LayerView, side: Side) -> LayerView:
    """The layer as one of two models has it: nothing of the other is said, but what happened to it is marked."""
    if side == "new":
        return replace(view, old_name=None) if view.old_name else view
    parameters = view.parameters[0]
    was = view.old_name, view.old_class, view.old_summary, view.old_shape
    is_same = all(one is None for one in was) and parameters == view.parameters[1]
    if is_same and view.status is Status.UNCHANGED and not view.figure:
        return view
    return replace(
        view,
        name=view.old_name or view.name,
        old_name=None,
        class_name=view.class_name if view.old_class is None else view.old_class,
        summary=view.summary if view.old_summary is None else view.old_summary,
        shape=view.shape if view.old_shape is None else view.old_shape,
        figure=(f"{parameters:,}",) if parameters and view.status is not Status.UNCHANGED else (),
        parameters=(parameters, None),
        follows=False,
    )


class Words:
    """The report's words by address; with a side those about this model alone."""

    is_close = False
    """Whether cards side by side are narrower than they would like to be."""

    def __init__(self, report: Report, *, compares: bool, side: Side | None = None) -> None:
        views = report.layers if side is None else (one_sided(view, side) for view in report.layers)
        self.views: Mapping[str, LayerView] = {view.address: view for view in views}
        self.regions = report.regions
        self.compares = compares

    def closer(self) -> Words:
        """The same words for a picture that is too wide."""
        made = copy(self)
        made.is_close = True
        return made

    def status(self, row: Row) -> Status:
        """What the report says happened."""
        return self.views[row.address].status

    def height(self, row: Row) -> int:
        """Height of a row in a card."""
        view = self.views[row.address]
        return TWO_LINES if self._is_tall(view) else ONE_LINE

    def follows(self, row: Row) -> str:
        """What the shape of a layer follows from, where nothing else is told of it: such a row is quiet."""
        return self._follows(self.views[row.address])

    def _follows(self, view: LayerView) -> str:
        is_all = view.follows and view.status is Status.CHANGED and len(view.lines) == 1 and not view.warnings
        if not is_all or view.old_name or ": " not in view.lines[0]:
            return ""
        return visible(plain(view.lines[0][: view.lines[0].index(": ")]))

    def _is_tall(self, view: LayerView) -> bool:
        if self._follows(view):
            return False
        if self.compares:
            return view.status is not Status.UNCHANGED and bool(view.class_name or view.shape)
        return bool(view.summary or view.weights) and view.class_name not in {"", "InputLayer"}

    def texts(self, row: Row, width: float) -> Texts:
        """The words of a row, cut to `width`."""
        view = self.views[row.address]
        room = width - GUTTER - 2 * PAD
        name, old = visible(view.name), visible(view.old_name or "")
        about = view.class_name + (f" · {view.summary}" if view.summary else "")
        if not self._is_tall(view):
            follows = self._follows(view)
            side = " · ".join(filter(None, (visible(view.class_name), view.shape))) or visible(plain(view.figure))
            side = follows or side
            beside = max(room - mono(name, NAME) - 12, room * 0.45)
            short = side if follows or sans(side, TEXT) <= beside else visible(view.class_name)
            side_cut = sans_fitting(short, TEXT, beside)
            left = room - sans(side_cut, TEXT) - 12
            old_cut, name_cut = _names(old, name, left)
            return Texts(old_cut, name_cut, side_cut, "", "", is_cut=(name_cut, side_cut) != (name, side))
        figure, shape = visible(plain(view.figure)), sans_fitting(view.shape, TEXT, room * 0.5)
        if width < LOW:
            figure, shape = "", sans_fitting(figure, TEXT, room * 0.6) if self.compares else shape
        old_cut, name_cut = _names(old, name, room - sans(figure, TEXT, bold=True) - 12 * bool(figure))
        about = visible(about)
        about_cut = sans_fitting(about, TEXT, room - sans(shape, TEXT) - 12)
        is_cut = (name_cut, about_cut) != (name, about) or (bool(old) and not old_cut)
        return Texts(old_cut, name_cut, figure, about_cut, shape, is_cut)

    def wanted(self, row: Row) -> float:
        """The width at which nothing of a row is cut."""
        view = self.views[row.address]
        names = mono(view.name, NAME) + (mono(view.old_name + " → ", NAME) if view.old_name else 0)
        about = view.class_name + (f" · {view.summary}" if view.summary else "")
        if not self._is_tall(view):
            lines = [names + sans(self._follows(view) or f"{view.class_name} · {view.shape}", TEXT)]
        else:
            lines = [names + sans(plain(view.figure), TEXT, bold=True), sans(about, TEXT) + sans(view.shape, TEXT)]
        return GUTTER + 2 * PAD + 14 + max(lines)

    def counts(self, rows: Iterable[Row]) -> Iterator[tuple[Status, int]]:
        """How many layers have which status, without the unchanged."""
        found = Counter([self.views[row.address].status for row in rows])
        return ((status, found[status]) for status in Status if status in found and status is not Status.UNCHANGED)

    def size(self, rows: Iterable[Row]) -> str:
        """How many layers there are, and parameters where there are some: of the new side, or of a removed one."""
        sides = [self.views[row.address].parameters for row in rows]
        parameters = sum((old if new is None else new) or 0 for old, new in sides)
        return counted(len(sides), "layer") + (f" · {parameters:,}" if parameters else "")

    def fold(self, fold: Fold) -> FoldWords:
        """What a closed fold says."""
        rows = list(fold.body.rows())
        layers, addresses = len(rows), [row.address for row in rows]
        if not layers:
            left = list(_left(fold.body))
            title = f"⋯ {counted(len(left), 'place')} of layers that moved"
            addresses = [address for trace in left for address in trace.rows]
        elif fold.kind is FoldKind.REPEAT:
            title = f"⋯ ×{fold.times} more like above, {counted(layers, 'layer')}"
        elif fold.kind is FoldKind.UNCHANGED:
            title = f"⋯ {counted(layers, 'unchanged layer')}"
        else:
            title = f"⋯ {counted(layers, 'layer')}"
        ends = visible(self.views[addresses[0]].name), visible(self.views[addresses[-1]].name)
        return FoldWords(title, tuple(self.counts(rows)), ends)

    def end_name(self, body: Body, end: End) -> str:
        """What one end of a line is called."""
        if end.box == OUTSIDE:
            return "the outside"
        box = body.boxes[end.box]
        if isinstance(box, Card):
            return visible(self.views[box.rows[end.row].address].name)
        if isinstance(box, Fold):
            return self.fold(box).title.lstrip("⋯ ")
        if isinstance(box, Trace):
            return self.trace_title(box)
        return visible(self.views[box.row.address].name if box.row is not None else box.scope)

    def trace_title(self, trace: Trace) -> str:
        """What stands where layers were that moved."""
        names = [visible(self.views[address].old_name or self.views[address].name) for address in trace.rows]
        if trace.region is not None:
            name = visible(plain(self.regions[trace.region].name))
        else:
            name = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} layers)"
        return f"{name} was here"

    def trace_width(self, trace: Trace) -> int:
        """The width of such a place; an even number."""
        return min(int(sans(self.trace_title(trace), TEXT) * 1.08 + 40) // 2 * 2, WIDEST)

    def fold_range(self, told: FoldWords, width: float) -> str:
        """The first and the last layer of a fold, in `width`; "" where their names could not be told."""
        first, last = told.ends
        between = " to "
        room = width - sans(between, TEXT)
        if sans(first, TEXT) + sans(last, TEXT) > room:
            if room < 2 * SHORTEST:
                return ""
            first = sans_between(first, TEXT, max(room / 2, room - sans(last, TEXT)))
            last = sans_between(last, TEXT, room - sans(first, TEXT))
        return f"{first}{between}{last}"

    def fold_width(self, fold: Fold) -> float:
        """The width at which a fold says its title, what is counted in it, and its first and last layer."""
        told = self.fold(fold)
        return FOLD_ROOM + _title_width(told) + sans(" to ".join(told.ends), TEXT)


def _title_width(fold: FoldWords) -> float:
    return sans(fold.title, TEXT, bold=True) + 14.0 * len(fold.counts)


def _left(body: Body) -> Iterator[Trace]:
    """The places inside, at any depth, that layers left: a fold may hold nothing else."""
    for box in body.boxes:
        if isinstance(box, Trace):
            yield box
        elif not isinstance(box, Card):
            yield from _left(box.body)


def _names(old: str, name: str, room: float) -> tuple[str, str]:
    """The old name and the name in `room`; the old one gives way first."""
    arrow = " → "
    if old and mono(old + arrow + name, NAME) > room:
        old = mono_fitting(old, NAME, max(room - mono(arrow + name, NAME), room * 0.3))
    return old, mono_fitting(name, NAME, room - (mono(old + arrow, NAME) if old else 0))


def card_width(body: Body, words: Words, abreast: int) -> int:
    """One width for all cards of a body, so that a column has straight sides.

    Args:
        body: the boxes.
        words: their texts.
        abreast: how many boxes stand side by side at most.
    """
    low, high = (LOW, CROWDED) if abreast > 2 else (NARROWEST, WIDEST)
    if words.is_close and abreast > 2:
        titles = (FOLD_ROOM / 2 + _title_width(words.fold(box)) for box in body.boxes if isinstance(box, Fold))
        high = round(max([CLOSE if abreast == 3 else CLOSER, *titles]))
        low = min(low, high)
    widths = [words.wanted(row) for box in body.boxes for row in _own_rows(box)]
    folds = (words.fold_width(box) for box in body.boxes if isinstance(box, Fold))
    wanted = max([*widths, *(width for width in folds if width <= high)], default=0)
    return int(min(max(wanted, low), high) + 7) // 8 * 8


def _own_rows(box: Box) -> tuple[Row, ...]:
    if isinstance(box, Card):
        return box.rows
    return (box.row,) if isinstance(box, Group) and box.row is not None else ()
