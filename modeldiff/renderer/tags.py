# A changed connection that passes several ranks says at both ends where its other end is, so that nobody has to follow
# the line. The words stand on the line itself, in its lane of a rank that it passes: the lane is as wide as they are,
# so they cover no other line and no box. Which call of a shared layer a connection belongs to stands at its end, and
# there old and new connections come close to each other.
"""Words on connections: `tags` on long ones, `calls` at those of shared layers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from modeldiff.diagram import Body, Line, Presence, Trace
from modeldiff.renderer.boxes import LABEL, Words
from modeldiff.renderer.measure import sans, sans_fitting
from modeldiff.renderer.routes import Attachment, Bundle, Route

LONG, LONGER = 3, 6
"""From so many passed ranks on a line says where it comes from, and where it goes."""
WIDEST = 190.0
SIGNS = {Presence.ADDED: "+", Presence.REMOVED: "−"}

Tags = Mapping[tuple[Bundle, int], str]
"""Words by lane: a bundle passing a rank."""


def tags(body: Body, attachments: Sequence[Attachment], words: Words) -> Tags:
    """The words of each lane that has some."""
    found: dict[tuple[Bundle, int], str] = {}
    leading: dict[tuple[Bundle, int], list[Line]] = defaultdict(list)
    for at in attachments:
        passed = at.target - at.source - 1
        if at.is_back or passed < LONG or at.line.presence is Presence.KEPT or _is_left(body, at.line):
            continue
        found[at.bundle, at.target - 1] = _fitted(at.line, f"from {words.end_name(body, at.line.source)}")
        if passed >= LONGER:
            leading[at.bundle, at.source + 1].append(at.line)
    for (bundle, rank), lines in leading.items():
        names = list(dict.fromkeys(words.end_name(body, line.target) for line in lines))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        found.setdefault((bundle, rank), _fitted(lines[0], f"to {names[0]}{more}"))
    return found


def width(tag: str) -> float:
    """The room that words take."""
    return sans(tag, LABEL, bold=True) * 1.08 + 12


def _fitted(line: Line, told: str) -> str:
    return f"{SIGNS[line.presence]} {sans_fitting(told, LABEL, WIDEST)}"


def _is_left(body: Body, line: Line) -> bool:
    """Whether it only leads to the place where layers were that moved."""
    ends: Iterable[int] = (line.source.box, line.target.box)
    return any(box >= 0 and isinstance(body.boxes[box], Trace) for box in ends)


def calls(routes: Iterable[Route]) -> Iterator[tuple[int, int, str]]:
    """Where the calls at the ends of lines are named: the start of the base line, and the words.

    What is said twice side by side is said once; where room is short, the number stands alone, or nothing.
    """
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for line, points, is_side, _ in routes:
        (left, top), (entered, bottom) = points[0], points[-1]
        if line.source_call:
            found[top + 11][left + 5].add(line.source_call)
        if line.target_call and not is_side:
            found[bottom - 5][entered + 6].add(line.target_call)
    for y, places in found.items():
        end, after = math.inf, set[int]()
        for x, numbers in sorted(places.items(), reverse=True):
            number = ", ".join(map(str, sorted(numbers)))
            room = end - x - _APART
            told = next((told for told in (f"call {number}", number) if sans(told, LABEL) <= room), "")
            if told and (numbers != after or told != number):
                yield x, y, told
                end, after = x, numbers


_APART = 8
"""Between words and those that begin at the next line."""
