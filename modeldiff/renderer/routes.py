# Lines as level and upright stretches. Between two ranks is a gap; a level stretch in it has a track of its own, so
# lines of two makers never lie on each other. Tracks are dealt out so that a line turning right goes above those that
# turn right further left: then they do not cross. Gaps grow with their tracks.
"""Where lines run: `Attachment`, `Route`, `routed`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from modeldiff.diagram import OUTSIDE, Line, Presence

Bundle = tuple[int, int, Presence, int]
"""Lines that share their way: box, row, presence and call of the maker."""


def bundle_of(line: Line) -> Bundle:
    """What a line shares its way with."""
    return line.source.box, line.source.row, line.presence, line.source_call


TRACK = 8
ABOVE, BELOW = 10, 16
"""From a box to the first track, and from the last track to the next box (an arrow fits)."""
STRAIGHT = 24
"""A gap in which every line is straight."""
CALL_ROOM = 12
"""More room in a gap where calls are named."""
CALL_NEXT = 52
"""Between lines of different calls of one box: the words fit."""
ASIDE = 16
"""How far beside the lines of a box those of the other side leave it."""
HEAD_ROOM, FOOT_ROOM = 26, 8
"""More room in a gap where a frame begins or ends."""
SIDE_FIRST, SIDE_NEXT = 18, 12
"""Distance of the first lane beside a card, and of the next ones."""


class Placed(NamedTuple):
    """A box with its place; all numbers in points, y downwards."""

    x: int
    """Its axis: where lines enter at the top and leave at the bottom."""
    y: int
    left: int
    """How far the box reaches left of the axis."""
    right: int
    height: int
    rank: int


class Attachment(NamedTuple):
    """A line and the ranks it joins."""

    line: Line
    source: int
    """Rank of the maker; -1 where the line enters the body."""
    target: int
    """Rank of the taker; one past the last where the line leaves the body."""
    is_side: bool
    """It ends at the side of a row, not at the top of a box."""
    is_back: bool
    """It runs backwards and so around everything."""
    bundle: Bundle
    """What it shares its way with; asked for in every rank that it passes."""


class Route(NamedTuple):
    """A line with its corners: upright and level stretches in turn, the first one upright."""

    line: Line
    points: tuple[tuple[int, int], ...]
    is_side: bool
    is_back: bool

    @property
    def bundle(self) -> Bundle:
        """What it shares its way with."""
        return bundle_of(self.line)


def lane_places(attachments: Sequence[Attachment]) -> dict[tuple[Bundle, int], int]:
    """A number for each lane: a bundle passing a rank."""
    lanes: dict[tuple[Bundle, int], int] = {}
    for at in attachments:
        if not at.is_back:
            for rank in range(at.source + 1, at.target):
                lanes.setdefault((at.bundle, rank), len(lanes))
    return lanes


SideLane = tuple[int, int, int, Presence]
"""Lines that share their way to one row: the row, how far from aside they come, box and presence of the maker."""


def side_lanes(attachments: Sequence[Attachment]) -> dict[int, int]:
    """How many lanes beside each card its rows need."""
    lanes: dict[int, set[tuple[int, int, Presence]]] = defaultdict(set)
    for at in attachments:
        if at.is_side and not at.is_back:
            lanes[at.line.target.box].add((at.line.target.row, at.line.source.box, at.line.presence))
    return {box: len(found) for box, found in lanes.items()}


@dataclass(frozen=True, slots=True)
class Columns:
    """One body when everything is known but heights and lines."""

    extents: Sequence[tuple[int, int, int]]
    """Left, right and height of each box."""
    rank: Sequence[int]
    """Of each box."""
    xs: Sequence[int]
    """Axes of the boxes, then of the lanes."""
    attachments: Sequence[Attachment]
    lanes: Mapping[tuple[Bundle, int], int]
    """As `lane_places` numbers them."""
    middle: Callable[[int, int], int]
    """How far below the top of a box the middle of a row is."""
    heads: AbstractSet[int] = frozenset()
    """Ranks above which the frame of a region begins."""
    feet: AbstractSet[int] = frozenset()
    """Ranks below which one ends."""


Ranks = tuple[tuple[int, int], ...]
"""Top and height of each rank."""


def routed(columns: Columns) -> tuple[Ranks, tuple[Placed, ...], tuple[Route, ...]]:
    """Ranks, boxes and lines of one body."""
    return _Router(columns).run()


class _Router:
    """One body while its lines are laid."""

    def __init__(self, columns: Columns) -> None:
        self.extents, self.rank, self.xs = columns.extents, columns.rank, columns.xs
        self.attachments, self.middle = columns.attachments, columns.middle
        self.heads, self.feet = columns.heads, columns.feet
        self.lanes = columns.lanes
        self.taken: dict[tuple[int, bool], list[SideLane]] = defaultdict(list)
        """The lanes at each side of each card, nearest first: the lower the row, the further out."""
        self.last = max(self.rank, default=-1)
        boxes = len(self.extents)
        rights = (x + self.extents[index][1] for index, x in enumerate(self.xs[:boxes]))
        self.outer = max([*rights, *self.xs[boxes:]], default=0) + 22

    def run(self) -> tuple[Ranks, tuple[Placed, ...], tuple[Route, ...]]:
        """Stations, then tracks, then heights, then points."""
        stations = self._stations()
        tracks = self._tracks(stations)
        tops = self._tops(tracks)
        placed = tuple(
            Placed(self.xs[index], tops[self.rank[index]][0], *extent, self.rank[index])
            for index, extent in enumerate(self.extents)
        )
        routes = tuple(
            self._route(at, way, tracks, tops, placed) for at, way in zip(self.attachments, stations, strict=True)
        )
        return tuple(tops[number] for number in range(self.last + 1)), placed, routes

    # --- across -----------------------------------------------------------------------------------------------

    def _stations(self) -> list[list[int]]:
        """Of each line, its x below the maker, in each rank it passes, and above (or beside) the taker."""
        leaving = self._leaving()
        ways: list[list[int]] = []
        for at in self.attachments:
            if at.is_back:
                ways.append([leaving[at.bundle], self.outer])
                self.outer += SIDE_NEXT
                continue
            passed = (self.lanes[at.bundle, rank] for rank in range(at.source + 1, at.target))
            ways.append([leaving[at.bundle], *(self.xs[len(self.extents) + lane] for lane in passed)])
        self._beside(ways)
        self._enter(ways)
        return ways

    def _leaving(self) -> dict[Bundle, int]:
        """Where each bundle leaves its box."""
        by_box: dict[int, list[Bundle]] = defaultdict(list)
        towards: dict[Bundle, int] = {}
        for at in self.attachments:
            lane = self.lanes.get((at.bundle, at.source + 1))
            box = at.line.target.box
            towards.setdefault(
                at.bundle, self.xs[len(self.extents) + lane] if lane is not None else self.xs[box] if box >= 0 else 0
            )
            if at.bundle not in by_box[at.line.source.box]:
                by_box[at.line.source.box].append(at.bundle)
        places: dict[Bundle, int] = {}
        for box, bundles in by_box.items():
            axis = 0 if box == OUTSIDE else self.xs[box]
            calls = sorted({bundle[3] for bundle in bundles})
            step = CALL_NEXT if len({bundle[2:] for bundle in bundles}) == len(calls) else CALL_NEXT + 2 * ASIDE
            for bundle in bundles:
                spread = round((calls.index(bundle[3]) - (len(calls) - 1) / 2) * step)
                present = {other[2] for other in bundles if other[3] == bundle[3]}
                main = next(one for one in Presence if one in present)
                to_left = Presence.ADDED not in present - {main} and towards[bundle] < axis
                shift = 0 if bundle[2] is main else -ASIDE if bundle[2] is Presence.ADDED or to_left else ASIDE
                places[bundle] = axis + spread + shift
        return places

    def _beside(self, ways: list[list[int]]) -> None:
        """Add the lane beside its card of each line that ends at a row: on the side from which the line comes."""
        sides = []
        for at, way in zip(self.attachments, ways, strict=True):
            if not at.is_side or at.is_back:
                continue
            line, away = at.line, way[-1] - self.xs[at.line.target.box]
            is_left = away < 0 or (away == 0 and line.presence is Presence.ADDED)
            lane = (line.target.row, abs(away), line.source.box, line.presence)
            sides.append((line.target.box, is_left, lane, way))
            if lane not in self.taken[line.target.box, is_left]:
                self.taken[line.target.box, is_left].append(lane)
        for lanes in self.taken.values():
            lanes.sort()
        for box, is_left, lane, way in sides:
            left, right, _ = self.extents[box]
            beyond = SIDE_FIRST + SIDE_NEXT * self.taken[box, is_left].index(lane)
            way.append(self.xs[box] - left - beyond if is_left else self.xs[box] + right + beyond)

    def _enter(self, ways: list[list[int]]) -> None:
        """Add where each line enters the top of its taker: side by side, in the order in which they come."""
        coming: dict[int, dict[tuple[Bundle, int], int]] = defaultdict(dict)
        for at, way in zip(self.attachments, ways, strict=True):
            if not at.is_side and not at.is_back:
                coming[at.line.target.box][at.bundle, at.line.target_call] = way[-1]
        ports: dict[tuple[int, Bundle, int], int] = {}
        for box, found in coming.items():
            axis = 0 if box == OUTSIDE else self.xs[box]
            names = sorted(found, key=lambda key: (found[key], key[1], key[0][2].value))
            room = (min(self.extents[box][:2]) * 2 - 48) // max(len(names) - 1, 1) if box != OUTSIDE else 0
            step = min(CALL_NEXT if any(call for _, call in names) else 20, room)
            straight = [number for number, key in enumerate(names) if found[key] == axis]
            middle = straight[0] if len(straight) == 1 else (len(names) - 1) / 2
            for number, key in enumerate(names):
                ports[box, key[0], key[1]] = round(axis + (number - middle) * step)
        for at, way in zip(self.attachments, ways, strict=True):
            if not at.is_side and not at.is_back:
                way.append(ports[at.line.target.box, at.bundle, at.line.target_call])

    # --- down -------------------------------------------------------------------------------------------------

    def _tracks(self, ways: list[list[int]]) -> dict[int, dict[tuple[int, Bundle], int]]:
        """The track of each level stretch, by the gap's upper rank and then by where it starts and its bundle."""
        spans: dict[int, dict[tuple[int, Bundle], tuple[int, int]]] = defaultdict(dict)
        for at, way in zip(self.attachments, ways, strict=True):
            for step, (start, end) in enumerate(pairwise(way)):
                if start != end:
                    low, high = spans[at.source + step].get((start, at.bundle), (start, start))
                    spans[at.source + step][start, at.bundle] = min(low, end), max(high, end)
        tracks: dict[int, dict[tuple[int, Bundle], int]] = {}
        for gap, found in spans.items():
            taken: list[list[tuple[int, int]]] = []
            tracks[gap] = {}
            for key in sorted(found, key=lambda key: _turn(key[0], found[key])):
                low, high = found[key]
                free = (
                    number
                    for number, spots in enumerate(taken)
                    if all(high + 6 <= other_low or other_high + 6 <= low for other_low, other_high in spots)
                )
                number = next(free, len(taken))
                if number == len(taken):
                    taken.append([])
                taken[number].append((low, high))
                tracks[gap][key] = number
        return tracks

    def _tops(self, tracks: dict[int, dict[tuple[int, Bundle], int]]) -> dict[int, tuple[int, int]]:
        """Top and height of each rank; -1 and one past the last are the edges of the body."""
        crossed = {gap for at in self.attachments for gap in range(at.source, at.target)}
        named = {at.target - 1 for at in self.attachments if at.line.target_call}
        named |= {at.source for at in self.attachments if at.line.source_call}
        heights: dict[int, int] = defaultdict(int)
        for extent, number in zip(self.extents, self.rank, strict=True):
            heights[number] = max(heights[number], extent[2])
        tops = {-1: (0, 0)}
        y = 0
        for number in range(-1, self.last + 1):
            top, height = tops[number]
            count = max(tracks.get(number, {}).values(), default=-1) + 1
            gap = ABOVE + TRACK * (count - 1) + BELOW if count else STRAIGHT if number in crossed else 10
            if number == -1 and number not in crossed:
                gap = 0
            if number == self.last and number not in crossed and not count:
                gap = 0
            gap += (FOOT_ROOM if number in self.feet else 0) + (HEAD_ROOM if number + 1 in self.heads else 0)
            y = top + height + gap + (CALL_ROOM if number in named else 0)
            tops[number + 1] = y, heights[number + 1]
        return tops

    def _route(
        self,
        at: Attachment,
        way: list[int],
        tracks: dict[int, dict[tuple[int, Bundle], int]],
        tops: dict[int, tuple[int, int]],
        placed: tuple[Placed, ...],
    ) -> Route:
        line = at.line
        source, target = line.source.box, line.target.box
        points = [(way[0], 0 if source == OUTSIDE else placed[source].y + placed[source].height)]
        for step, (start, end) in enumerate(pairwise(way)):
            if start != end:
                top, height = tops[at.source + step]
                above = ABOVE + (FOOT_ROOM if at.source + step in self.feet else 0)
                above += CALL_ROOM if line.source_call and not step else 0
                y = top + height + above + TRACK * tracks[at.source + step][start, at.bundle]
                points += [(start, y), (end, y)]
        if target == OUTSIDE:
            points.append((way[-1], tops[self.last + 1][0]))
        elif at.is_side or at.is_back:
            box = placed[target]
            is_left = way[-1] < box.x
            y = box.y + self.middle(target, line.target.row) + self._nudge(at, is_left=is_left)
            points += [(way[-1], y), (box.x - box.left if is_left else box.x + box.right, y)]
        else:
            points.append((way[-1], placed[target].y))
        return Route(line, tuple(points), at.is_side, at.is_back)

    def _nudge(self, at: Attachment, *, is_left: bool) -> int:
        """How far from the middle of a row a line ends where several end at that side of it."""
        line = at.line
        beside = [lane[2:] for lane in self.taken[line.target.box, is_left] if lane[0] == line.target.row]
        lane = (line.source.box, line.presence)
        return round((beside.index(lane) - (len(beside) - 1) / 2) * 9) if lane in beside else 0


def _turn(start: int, span: tuple[int, int]) -> tuple[int, int]:
    """The order in which stretches get tracks, top first."""
    low, high = span
    goes_right = high - start >= start - low
    return (0, -start) if goes_right else (1, start)
