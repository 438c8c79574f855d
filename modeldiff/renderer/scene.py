# From boxes and lines to coordinates. Each body is laid out alone, innermost first, and then stands as one box in the
# body around it. Ranks are rows of boxes: we choose them (longest way from the inputs), Graphviz chooses the order in a
# rank and the distances, and heights follow by stacking. A line that passes a rank has a lane there like a box, so no
# line ever runs through a card; lines of one maker share their lane.
"""Coordinates of a picture: `Scene`, `Placed`, `Route`."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from modeldiff.diagram import OUTSIDE, Body, Card, Diagram, End, Fold, Group, Line, Presence, Trace
from modeldiff.renderer import boxes
from modeldiff.renderer.boxes import Words
from modeldiff.renderer.frames import ASIDE, Placement, framed
from modeldiff.renderer.layout import Deadline, Ranked, TooSlow, columns
from modeldiff.renderer.routes import (
    SIDE_FIRST,
    SIDE_NEXT,
    Attachment,
    Bundle,
    Columns,
    Placed,
    Route,
    bundle_of,
    lane_places,
    routed,
    side_lanes,
)
from modeldiff.renderer.tags import Tags, tags, width

FRAME_PAD = 14
"""Between the border of an open fold or group and what is inside."""


@dataclass(slots=True)
class Scene:
    """One body with coordinates; x is 0 at the body's own axis."""

    body: Body
    width: int
    """Of every card and fold line."""
    placed: tuple[Placed, ...] = ()
    routes: tuple[Route, ...] = ()
    inner: dict[int, Scene] = field(default_factory=dict)
    """The inside of every fold and group, by box."""
    tags: tuple[tuple[int, int, Presence, str], ...] = ()
    """Words on long connections: the middle of their base line, and what the connection is."""
    frames: tuple[Placement, ...] = ()
    """Around boxes that changed together."""
    ranks: tuple[tuple[int, int], ...] = ()
    """Top and height of each rank."""
    left: int = 0
    right: int = 0
    height: int = 0


@dataclass(slots=True)
class _Plan:
    """A body between its ranks and its coordinates."""

    scene: Scene
    turn: int
    """Which layout it waits for: that of the bodies in its open groups, which make it wider."""
    rank: list[int] = field(default_factory=list)
    back: set[Line] = field(default_factory=set)
    extents: list[tuple[int, int, int]] = field(default_factory=list)
    """Left, right and height of each box."""
    tags: Tags = field(default_factory=dict)


def scene(diagram: Diagram, words: Words, deadline: Deadline | None = None) -> tuple[Scene, bool]:
    """The picture with coordinates, and whether Graphviz finished: without it everything stands in one column.

    Raises:
        RenderError: there is no Graphviz.
    """
    deadline = deadline or Deadline()
    plans: list[_Plan] = []
    root = _planned(diagram.body, words, plans).scene
    finished = True
    for turn in range(max(plan.turn for plan in plans) + 1):
        batch = [plan for plan in plans if plan.turn == turn]
        for plan in batch:
            plan.extents = [_extent(plan.scene, index, words) for index in range(len(plan.scene.body.boxes))]
        attachments = [_attachments(plan) for plan in batch]
        for plan, at in zip(batch, attachments, strict=True):
            plan.tags = tags(plan.scene.body, at, words)
        try:
            found = columns([_ranked(plan, at) for plan, at in zip(batch, attachments, strict=True)], deadline)
        except TooSlow:
            finished = False
            for plan in batch:
                plan.rank, plan.tags = list(range(len(plan.rank))), {}
            attachments = [_attachments(plan) for plan in batch]
            found = [_stacked(plan, at) for plan, at in zip(batch, attachments, strict=True)]
        for plan, at, places in zip(batch, attachments, found, strict=True):
            _finish(plan, at, places, words)
    return root, finished


def _planned(body: Body, words: Words, plans: list[_Plan]) -> _Plan:
    body = _gathered(body)
    rank, back = _ranks(body)
    abreast = max(Counter(rank).values(), default=1)
    made = Scene(body, boxes.card_width(body, words, abreast))
    plan = _Plan(made, 0, rank, back)
    plans.append(plan)
    for index, box in enumerate(body.boxes):
        if isinstance(box, (Fold, Group)):
            inside = _planned(box.body, words, plans)
            made.inner[index] = inside.scene
            if isinstance(box, Group) and box.is_open:
                plan.turn = max(plan.turn, inside.turn + 1)
    return plan


def _gathered(body: Body) -> Body:
    """The body in which one line says what inputs that stand in one card feed together."""
    inputs = {index for index, box in enumerate(body.boxes) if isinstance(box, Card) and box.abreast}
    if not inputs:
        return body

    def end(of: End) -> End:
        return End(of.box) if of.box in inputs else of

    lines = (line._replace(source=end(line.source), target=end(line.target)) for line in body.lines)
    return replace(body, lines=tuple(dict.fromkeys(lines)))


def _ranks(body: Body) -> tuple[list[int], set[Line]]:
    """The rank of each box, and the lines that run backwards (a shared layer in a loop)."""
    if body.listed:
        return list(range(len(body.boxes))), set()
    lines = [line for line in body.lines if OUTSIDE not in {line.source.box, line.target.box}]
    takers: dict[int, list[int]] = defaultdict(list)
    makers: dict[int, set[int]] = defaultdict(set)
    for line in lines:
        takers[line.source.box].append(line.target.box)
    order, circles = _depth_first(takers, len(body.boxes))
    back = {line for line in lines if (line.source.box, line.target.box) in circles}
    for line in lines:
        if line not in back:
            makers[line.target.box].add(line.source.box)
    rank = [0] * len(body.boxes)
    for index in order:
        rank[index] = max((rank[maker] + 1 for maker in makers[index]), default=0)
    fed = {line.target.box for line in body.lines}
    for index in reversed(order):
        below = [rank[taker] for taker in takers[index] if (index, taker) not in circles] if index not in fed else ()
        if below:
            rank[index] = min(below) - 1  # an input stands above the layer that takes it
    return rank, back


def _depth_first(takers: dict[int, list[int]], count: int) -> tuple[list[int], set[tuple[int, int]]]:
    """A topological order, and the connections that close a circle."""
    state = [0] * count
    done: list[int] = []
    circles: set[tuple[int, int]] = set()
    for start in range(count):
        if state[start]:
            continue
        stack = [(start, iter(takers[start]))]
        state[start] = 1
        while stack:
            index, rest = stack[-1]
            taker = next(rest, None)
            if taker is None:
                state[index] = 2
                done.append(index)
                stack.pop()
            elif state[taker] == 1:
                circles.add((index, taker))
            elif not state[taker]:
                state[taker] = 1
                stack.append((taker, iter(takers[taker])))
    return done[::-1], circles


def _extent(made: Scene, index: int, words: Words) -> tuple[int, int, int]:
    """How far a box reaches left and right of its axis, and its height."""
    box, half = made.body.boxes[index], made.width // 2
    if isinstance(box, Card):
        return half, half, sum(words.height(row) for row in box.rows)
    if isinstance(box, Trace):
        half = words.trace_width(box) // 2
        return half, half, boxes.TRACE
    if isinstance(box, Fold) or not box.is_open:
        return half, half, boxes.FOLD if isinstance(box, Fold) else boxes.HEAD
    inside = made.inner[index]
    return open_extent(inside, half, boxes.HEAD)


def open_extent(inside: Scene, half: int, head: int) -> tuple[int, int, int]:
    """The same of an open fold or group around `inside`."""
    left, right = max(half, inside.left + FRAME_PAD), max(half, inside.right + FRAME_PAD)
    return left, right, head + inside.height + (6 if inside.body.listed else 0)


def _attachments(plan: _Plan) -> list[Attachment]:
    """Where each line leaves and enters: its ranks, and whether it ends at the side of a row."""
    made, found = plan.scene, []
    last = max(plan.rank, default=-1) + 1
    for line in made.body.lines:
        source = plan.rank[line.source.box] if line.source.box != OUTSIDE else -1
        target = plan.rank[line.target.box] if line.target.box != OUTSIDE else last
        is_back = line in plan.back or target <= source
        found.append(Attachment(line, source, target, line.target.row > 0, is_back, bundle_of(line)))
    return found


def _ranked(plan: _Plan, attachments: list[Attachment]) -> Ranked:
    """The body as a graph in which every edge spans one rank: boxes first, then lanes."""
    sides = side_lanes(attachments)
    framed_boxes = {index for frame in plan.scene.body.frames for index in frame.boxes}
    widths: list[float] = []
    for index, (left, right, _) in enumerate(plan.extents):
        beside = max(_beside(sides.get(index, 0)), ASIDE if index in framed_boxes else 0)
        widths.append(2 * (max(left, right) + beside))
    lanes_of = lane_places(attachments)
    first_lane = len(widths)
    widths += [max(4.0, width(plan.tags[lane])) if lane in plan.tags else 4.0 for lane in lanes_of]
    edges: dict[tuple[int, int], int] = {}

    def connect(upper: int, lower: int, weight: int) -> None:
        edges[upper, lower] = max(edges.get((upper, lower), 0), weight)

    if plan.scene.body.listed:  # one below the other
        for upper, lower in pairwise(range(first_lane)):
            connect(upper, lower, 1)
    for at in attachments:
        if at.is_back:
            continue
        chain = [first_lane + lanes_of[at.bundle, rank] for rank in range(at.source + 1, at.target)]
        is_flow = at.line.presence is not Presence.REMOVED and not at.is_side
        ends = [end for end in (at.line.source.box,) if end != OUTSIDE]
        stations = [*ends, *chain, *(end for end in (at.line.target.box,) if end != OUTSIDE)]
        for upper, lower in pairwise(stations):
            is_lane = upper >= first_lane and lower >= first_lane
            connect(upper, lower, 8 if is_lane else (6 if len(stations) == 2 else 2) if is_flow else 0)
    return Ranked(tuple(widths), tuple((upper, lower, weight) for (upper, lower), weight in edges.items()))


def _beside(lanes: int) -> int:
    return SIDE_FIRST + SIDE_NEXT * (lanes - 1) if lanes else 0


def _stacked(plan: _Plan, attachments: list[Attachment]) -> list[float]:
    """Places without Graphviz: all boxes in one column, lanes to the right of it."""
    lanes = lane_places(attachments)
    right = max((extent[1] for extent in plan.extents), default=0)
    beside = max(map(_beside, side_lanes(attachments).values()), default=0)
    numbers: dict[object, int] = {}
    return [0.0] * len(plan.extents) + [
        float(right + beside + 24 + 14 * numbers.setdefault(bundle, len(numbers))) for bundle, _ in lanes
    ]


def _finish(plan: _Plan, attachments: list[Attachment], places: list[float], words: Words) -> None:
    """Turn horizontal places into boxes and lines."""
    made = plan.scene
    count = len(plan.extents)
    entered = [at.line.target.box for at in attachments if at.source < 0]
    middles = [places[index] for index in entered or range(count)]
    axis = (min(middles) + max(middles)) / 2 if middles else 0.0
    xs = [round(place - axis) for place in places]

    def middle(index: int, row: int) -> int:
        box = made.body.boxes[index]
        if isinstance(box, Trace):
            return boxes.TRACE // 2
        if not isinstance(box, Card):
            return (boxes.FOLD if isinstance(box, Fold) else boxes.HEAD) // 2
        heights = [words.height(one) for one in box.rows[: row + 1]]
        return sum(heights[:-1]) + heights[-1] // 2

    lanes_of = lane_places(attachments)
    reaches = [[plan.rank[index] for index in frame.boxes] for frame in made.body.frames]
    heads, feet = frozenset(map(min, reaches)), frozenset(map(max, reaches))
    made.ranks, made.placed, made.routes = routed(
        Columns(plan.extents, plan.rank, xs, attachments, lanes_of, middle, heads, feet)
    )
    made.tags = tuple(_tags(plan, attachments, lanes_of, xs[count:]))
    made.frames = tuple(framed(made.body.frames, made.placed, made.routes))
    ends = [(box.x - box.left, box.x + box.right) for box in made.placed]
    ends += [(x, x) for route in made.routes for x, _ in route.points]
    ends += [(frame.area[0], frame.area[2]) for frame in made.frames]
    made.left = max((-low for low, _ in ends), default=0)
    made.right = max((high for _, high in ends), default=0)
    bottoms = [top + height for top, height in made.ranks] + [y for route in made.routes for _, y in route.points]
    halves = [(x, width(told) / 2) for x, _, _, told in made.tags]
    made.left = max([made.left, *(math.ceil(half - x) for x, half in halves)])
    made.right = max([made.right, *(math.ceil(x + half) for x, half in halves)])
    made.height = max([*bottoms, *(frame.area[3] for frame in made.frames)], default=0)


def _tags(
    plan: _Plan, attachments: Sequence[Attachment], lanes_of: Mapping[tuple[Bundle, int], int], lanes: Sequence[int]
) -> Iterator[tuple[int, int, Presence, str]]:
    """Where words on lines stand: those about the maker at the foot of their rank, those about the taker at its top."""
    ends = {(at.bundle, at.target - 1) for at in attachments}
    turning = {route.bundle for route in plan.scene.routes if len({x for x, _ in route.points}) > 1}
    for lane, told in plan.tags.items():
        bundle, rank = lane
        if bundle not in turning:
            continue  # straight down: nobody loses it
        top, height = plan.scene.ranks[rank]
        yield lanes[lanes_of[lane]], top + (height - 6 if lane in ends else 14), bundle[2], told
