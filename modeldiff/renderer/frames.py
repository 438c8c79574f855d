# Frames around boxes that changed together, found after everything has its place: a frame takes no part in the layout
# but for some room, so it can never be the reason why lines cross. A frame that would hold a box of somebody else
# falls into pieces, each around boxes that stand together. Rejected: clusters of Graphviz, which pull a block apart
# from what feeds it, and one frame for all whatever stands inside, which says what is not so.
"""Frames of regions in a scene: `Placement`, `framed`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modeldiff.diagram import Frame
from modeldiff.renderer.routes import Placed, Route

ASIDE, ABOVE, BELOW = 10, 28, 8
"""From the boxes to the frame around them; the label stands inside, above the boxes."""

NEAR = 6
"""So many pieces a box may join: those above it."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One piece of a frame with its place."""

    region: int
    boxes: tuple[int, ...]
    """Indexes in `Body.boxes`."""
    area: Box
    piece: int
    """Which piece of the frame it is, from 0, top first."""
    pieces: int
    is_whole: bool
    """Whether all of the region is in the frame."""


def framed(frames: Sequence[Frame], placed: Sequence[Placed], routes: Sequence[Route]) -> Iterator[Placement]:
    """Every frame, in pieces where other boxes stand between its own."""
    areas = [_area(box) for box in placed]
    for frame in frames:
        others = [area for index, area in enumerate(areas) if index not in frame.boxes]
        pieces = _pieces(frame.boxes, areas, others)
        for number, (members, area) in enumerate(pieces):
            wide = _with_lines(members, area, routes)
            shown = wide if not _holds(wide, others) else area
            yield Placement(frame.region, members, shown, number, len(pieces), frame.is_whole)


def _area(box: Placed) -> Box:
    return box.x - box.left - ASIDE, box.y - ABOVE, box.x + box.right + ASIDE, box.y + box.height + BELOW


def _pieces(boxes: Sequence[int], areas: Sequence[Box], others: Sequence[Box]) -> list[tuple[tuple[int, ...], Box]]:
    """The boxes in as few groups as hold no other box; from the top, each box joins the first group it can."""
    pieces: list[tuple[tuple[int, ...], Box]] = []
    for box in sorted(boxes, key=lambda index: (areas[index][1], areas[index][0])):
        for number, (members, area) in list(enumerate(pieces))[-NEAR:]:
            both = _around(area, areas[box])
            if not _holds(both, others):
                pieces[number] = (*members, box), both
                break
        else:
            pieces.append(((box,), areas[box]))
    return pieces


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _holds(area: Box, others: Sequence[Box]) -> bool:
    """Whether a box of somebody else reaches into the area."""
    left, top, right, bottom = area
    return any(
        left < other[2] - ASIDE and other[0] + ASIDE < right and top < other[3] - BELOW and other[1] + ABOVE < bottom
        for other in others
    )


def _with_lines(members: Sequence[int], area: Box, routes: Sequence[Route]) -> Box:
    """The area with all lines from one member to another."""
    left, top, right, bottom = area
    for route in routes:
        if route.line.source.box in members and route.line.target.box in members:
            left = min(left, *(x - ASIDE for x, _ in route.points))
            right = max(right, *(x + ASIDE for x, _ in route.points))
            bottom = max(bottom, *(y for _, y in route.points))
    return left, top, right, bottom
