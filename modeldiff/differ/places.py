# Where a layer stands, told by the nearest layers that have partners: next to it, or beyond layers that came or went.
# Two layers stand in the same place where their surroundings are partners; what is above counts more than what is
# below, and both together settle it. What is nearest to a node is remembered until a node that was looked at on the way
# gets or loses its partner: candidates are many, and what changes between two questions is little.
"""`Places`: how well the surroundings of two layers agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from modeldiff.differ.similarity import NEVER, Scorer

_ABOVE, _BELOW = 2.0, 1.6
_EXACT = 2.5
"""What it adds if both agree wholly."""
_AGAIN = 1.0
"""For a change of class that another pair shows too: a class is rarely exchanged in one place alone."""
MOST = _AGAIN + _ABOVE + _BELOW + _EXACT
"""What places can add at most."""
_BRIDGED = 0.75
"""What a neighbour is worth with unpaired layers between."""
_ANYWHERE = 5.0
"""A score from which a pair needs no neighbours."""
_STEPS = 24
"""Looking through unpaired layers ends after so many."""


class Places:
    """Where layers stand, told by the nearest paired layers around them."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.flows = (scorer.old, scorer.new)
        self.partner = scorer.partner
        self._above = tuple(
            [tuple(dict.fromkeys(producer for producer, _ in node.producers)) for node in flow.nodes]
            for flow in self.flows
        )
        self.retyped: Counter[tuple[int, int]] = Counter()
        """Old class and new class -> how many pairs."""
        self._static: dict[tuple[int, int], float] = {}
        self._nearest: tuple[dict[tuple[int, bool], dict[int, float]], ...] = ({}, {})
        self._through: tuple[dict[int, set[tuple[int, bool]]], ...] = (defaultdict(set), defaultdict(set))

    def notice(self, i: int, j: int, *, paired: bool) -> None:
        """That two nodes became a pair, or are none any more."""
        for side, node in enumerate((i, j)):
            for key in self._through[side].pop(node, ()):
                self._nearest[side].pop(key, None)
        classes = int(self.scorer.looks[0].class_[i]), int(self.scorer.looks[1].class_[j])
        if classes[0] != classes[1]:
            self.retyped[classes] += 1 if paired else -1

    def steps(self, side: int, node: int, *, up: bool) -> Iterable[int]:
        """Direct neighbours."""
        return self._above[side][node] if up else self.flows[side][node].consumers

    def nearest(self, side: int, node: int, *, up: bool) -> Mapping[int, float]:
        """The nearest paired nodes above or below; 1 where next to it, less where unpaired ones lie between."""
        known = self._nearest[side].get((node, up))
        if known is not None:
            return known
        found = self._nearest[side][node, up] = {}
        waiting, seen = [(other, 1.0) for other in self.steps(side, node, up=up)], {node}
        while waiting and len(seen) < _STEPS:
            other, weight = waiting.pop()
            if other in seen:
                continue
            seen.add(other)
            self._through[side][other].add((node, up))
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

    def learn(self, i: int, j: int, alone: float) -> None:
        """What two layers themselves say, where a whole row of them was asked at once."""
        self._static[i, j] = alone + self.scorer.naming.likeness(i, j)

    def alone(self, i: int, j: int) -> float:
        """What two layers themselves say."""
        if (i, j) not in self._static:
            related = self.scorer.are_related(i, j)
            self.learn(i, j, float(self.scorer.intrinsic(i, np.array([j]))[0]) if related else NEVER)
        return self._static[i, j]

    def score(self, i: int, j: int) -> float:
        """All evidence for a pair."""
        alone = self.alone(i, j)
        if alone < NEVER / 2:
            return alone
        classes = self.scorer.looks[0].class_[i], self.scorer.looks[1].class_[j]
        again = _AGAIN if self.retyped[classes] > (self.partner[0].get(i) == j) else 0.0
        return alone + again + self.agreement(i, j)

    def holds(self, i: int, j: int, score: float) -> bool:
        """Whether more than likeness speaks for a pair of this score: a place in common, or very much likeness."""
        return score > _ANYWHERE or self.agreement(i, j) > 0 or self._changed_places(i, j)

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
