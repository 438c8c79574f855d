# One bar per layer, however many there are: bars are two or three path elements in a stretched coordinate system, so
# 4000 layers cost a few kilobytes. The script finds the layer under the pointer by division.
"""The strip under the picture: how far each layer moved, or where the parameters are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modeldiff.renderer.boxes import CLASSES
from modeldiff.report import LayerView, Status

HEIGHT = 46
"""Of the plot; the base line is at its foot."""
_TOP = 6.0
SLOTS = 24
"""Places of a strip of fewer layers: bars as wide as half a picture would say nothing more."""
ROOM = 0.3
"""The share of the strip from which a stretch has room for words."""
SIGNS = 240
"""With more layers than this, signs would lie on each other: bars in the status' colour stand for them."""


@dataclass(frozen=True, slots=True)
class Strip:
    """What the template needs."""

    title: str
    note: str
    count: int
    """Places across; layers take the first ones."""
    grid: tuple[tuple[float, str], ...]
    """Height and label of each grid line."""
    paths: tuple[tuple[str, str], ...]
    """Class and path, in units of one layer across."""
    signs: tuple[tuple[float, str, str], ...]
    """Position in percent, class and sign."""
    summary: str
    """The same in words."""
    stretches: tuple[tuple[float, str], ...] = ()
    """Where a stretch of frozen or trainable layers begins, in percent, and what became of it."""


def strip(layers: Sequence[LayerView], *, compares: bool) -> Strip | None:
    """The strip, or None where it would be empty."""
    return _moved(layers) if compares else _parameters(layers)


_KEY = ", underlined: frozen"


def _moved(layers: Sequence[LayerView]) -> Strip | None:
    known = [view.moved for view in layers if view.moved is not None]
    if not any(known):
        return None  # the lead says already that every layer is identical
    bars, still = [], []
    for index, view in enumerate(layers):
        if view.moved is None or math.isnan(view.moved):
            continue
        if view.moved == 0:
            still.append(_bar(index, 3))
        else:
            share = (math.log10(min(max(view.moved, 1e-3), 1.0)) + 3) / 3
            bars.append(_bar(index, max(share * (HEIGHT - _TOP), 4)))
    step = (HEIGHT - _TOP) / 3
    moving = sum(1 for far in known if far)
    runs = _frozen(layers)
    return Strip(
        "How far each layer moved",
        f"relative L2, log scale, input to output{_KEY if runs else ''}",
        max(len(layers), SLOTS),
        tuple((_TOP + step * number, label) for number, label in enumerate(("100 %", "10 %", "1 %"))),
        (("b", "".join(bars)), ("z", "".join(still)), *_underlined(runs), *_colours(layers)),
        tuple(_signs(layers)),
        f"{moving} of {len(known)} compared layers moved",
        tuple(_stretches(layers, runs)),
    )


def _parameters(layers: Sequence[LayerView]) -> Strip | None:
    sizes = [view.parameters[1] or 0 if view.parent != view.address else 0 for view in layers]
    most = max(sizes, default=0)
    if sum(map(bool, sizes)) < 2:
        return None  # its row says as much
    top = math.ceil(math.log10(most)) or 1
    bars = [
        _bar(index, max(math.log10(max(size, 1)) / top * (HEIGHT - _TOP), 2))
        for index, size in enumerate(sizes)
        if size
    ]
    runs = _frozen(layers)
    marks = range(top, 0, -max(1, math.ceil(top / 3)))
    grid = tuple((HEIGHT - mark / top * (HEIGHT - _TOP), _power(mark)) for mark in marks)
    return Strip(
        "Where the parameters are",
        f"per layer, log scale, input to output{_KEY if runs else ''}",
        max(len(layers), SLOTS),
        grid,
        (("p", "".join(bars)), *_underlined(runs)),
        (),
        f"{sum(1 for size in sizes if size)} of {len(layers)} layers have parameters",
    )


def _power(exponent: int) -> str:
    unit = ("", "k", "M", "G", "T")[min(exponent // 3, 4)]
    return f"{10 ** (exponent - 3 * min(exponent // 3, 4))}{unit}"


def _bar(index: int, height: float) -> str:
    return f"M{index}.12 {HEIGHT}v{-height:.1f}h.76v{height:.1f}z"


def _frozen(layers: Sequence[LayerView]) -> list[list[int]]:
    """Runs of frozen layers that have weights, first and one past the last; layers without weights do not end a run."""
    runs: list[list[int]] = []
    is_open = False
    for index, view in enumerate(layers):
        if not any(view.parameters):
            continue
        if view.trainable:
            is_open = False
        elif is_open:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
            is_open = True
    return runs


def _underlined(runs: Sequence[Sequence[int]]) -> Iterator[tuple[str, str]]:
    if runs:
        yield "frz", "".join(f"M{first}.1 50H{last - 0.1:.1f}" for first, last in runs)


def _stretches(layers: Sequence[LayerView], runs: Sequence[Sequence[int]]) -> Iterator[tuple[float, str]]:
    """What became of frozen runs and of what lies between them, where there are such runs and room for words."""
    places = max(len(layers), SLOTS)
    ends = [0, *(end for run in runs for end in run), len(layers)] if runs else []
    for number, (first, last) in enumerate(pairwise(ends)):
        known = [view.moved for view in layers[first:last] if view.moved is not None]
        moved = sum(1 for far in known if far)
        if known and last - first >= ROOM * places:
            what = "frozen" if number % 2 else "trainable"
            told = [f"{count} {word}" for count, word in ((len(known) - moved, "identical"), (moved, "moved")) if count]
            yield round(100 * first / places, 2), f"{what}: {', '.join(told)}"


def _one_sided(layers: Sequence[LayerView]) -> Iterator[tuple[int, Status]]:
    for index, view in enumerate(layers):
        if view.moved is None and view.status is not Status.UNCHANGED:
            yield index, view.status


def _signs(layers: Sequence[LayerView]) -> Iterator[tuple[float, str, str]]:
    if len(layers) <= SIGNS:
        for index, status in _one_sided(layers):
            yield round((index + 0.5) / max(len(layers), SLOTS) * 100, 2), CLASSES[status], status.sign


def _colours(layers: Sequence[LayerView]) -> Iterator[tuple[str, str]]:
    if len(layers) > SIGNS:
        for status in Status:
            found = [_bar(index, 8) for index, one in _one_sided(layers) if one is status]
            if found:
                yield f"f {CLASSES[status]}", "".join(found)
