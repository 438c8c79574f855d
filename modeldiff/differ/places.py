# Where a layer stands, told by the nearest layers that have partners: next to it, or beyond layers that came or went.
# Two layers stand in the same place where their surroundings are partners; what is above counts more than what is
# below, and both together settle it.
"""`Places`: how well the surroundings of two layers agree."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from modeldiff.differ.state import State

_ABOVE, _BELOW = 2.0, 1.6
_EXACT = 2.5
"""What it adds if both agree wholly."""
_BRIDGED = 0.75
"""What a neighbour is worth with unpaired layers between."""
_ANYWHERE = 5.0
"""A score from which a pair needs no neighbours."""
_STEPS = 24
"""Looking through unpaired layers ends after so many."""


class Places:
    """Where layers stand, told by the nearest paired layers around them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.flows = (state.old, state.new)
        self.partner = state.scorer.partner
        self._static: dict[tuple[int, int], float] = {}

    def steps(self, side: int, node: int, *, up: bool) -> Iterable[int]:
        """Direct neighbours."""
        found = self.flows[side][node]
        return dict.fromkeys(producer for producer, _ in found.producers) if up else found.consumers

    def nearest(self, side: int, node: int, *, up: bool) -> dict[int, float]:
        """The nearest paired nodes above or below; 1 where next to it, less where unpaired ones lie between."""
        found: dict[int, float] = {}
        waiting, seen = [(other, 1.0) for other in self.steps(side, node, up=up)], {node}
        while waiting and len(seen) < _STEPS:
            other, weight = waiting.pop()
            if other in seen:
                continue
            seen.add(other)
            if other in self.partner[side]:
                found[other] = weight
            else:
                waiting.extend((beyond, _BRIDGED) for beyond in self.steps(side, other, up=up))
        return found

    def agreed(self, i: int, j: int, *, up: bool) -> float:
        """The share of the nearest paired nodes on one side that are paired with each other."""
        mine = {self.partner[0][node]: weight for node, weight in self.nearest(0, i, up=up).items()}
        theirs = self.nearest(1, j, up=up)
        if not mine and not theirs:
            return 0.0
        shared = sum(min(weight, theirs[node]) for node, weight in mine.items() if node in theirs)
        return shared / max(len(mine), len(theirs))

    def agreement(self, i: int, j: int) -> float:
        """How far the surroundings of two nodes are paired with each other."""
        above, below = self.agreed(i, j, up=True), self.agreed(i, j, up=False)
        score = _ABOVE * above + _BELOW * below
        if above == 1.0 and below == 1.0:
            return score + _EXACT
        for share, up, worth in ((above, True, _ABOVE), (below, False, _BELOW)):
            if not share and not self.steps(0, i, up=up) and not self.steps(1, j, up=up):
                score += worth / 2
        return score

    def score(self, i: int, j: int) -> float:
        """All evidence for a pair."""
        static = self._static.get((i, j))
        if static is None:
            scorer = self.state.scorer
            static = float(scorer.intrinsic(i, np.array([j]))[0]) + scorer.naming.likeness(i, j)
            self._static[i, j] = static
        return static + self.agreement(i, j) if static > -50 else static

    def holds(self, i: int, j: int) -> bool:
        """Whether more than likeness speaks for a pair: a place in common, or very much likeness."""
        return self.agreement(i, j) > 0 or self.score(i, j) > _ANYWHERE or self._changed_places(i, j)

    def _changed_places(self, i: int, j: int) -> bool:
        """Whether the layer and a neighbour may have changed places: in a chain, it has the same one beside it."""
        if any(len(self.flows[side][node].producers) != 1 for side, node in ((0, i), (1, j))):
            return False
        beside = {*self.steps(0, i, up=True), *self.steps(0, i, up=False)}
        there = {*self.steps(1, j, up=True), *self.steps(1, j, up=False)}
        return any(self.partner[0].get(node) in there for node in beside)

    def nearby(self, i: int) -> set[int]:
        """New nodes that stand next to the partners of the old node's neighbours, and unpaired ones beyond."""
        found: set[int] = set()
        for up in (True, False):
            for node in self.nearest(0, i, up=up):
                waiting = list(self.steps(1, self.partner[0][node], up=not up))
                steps = 0
                while waiting and steps < _STEPS:
                    steps += 1
                    other = waiting.pop()
                    if other in found:
                        continue
                    found.add(other)
                    if other not in self.partner[1]:
                        waiting.extend(self.steps(1, other, up=not up))
        return found
