# Where a layer stands, told by the nearest layers that have partners: next to it, or beyond layers that came or went.
# Two layers stand in the same place where their surroundings are partners; what is above counts more than what is
# below, and both together settle it. What is nearest to a node is remembered until a node that was looked at on the way
# gets or loses its partner: candidates are many, and what changes between two questions is little.
"""`Places`: how well the surroundings of two layers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

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

_Forgotten = tuple[int, int, set[tuple[int, bool]], dict[tuple[int, bool], dict[int, float]]]
"""Side, node, all keys it was on the way of, and what was known under them."""


class Places:
    """Where layers stand, told by the nearest paired layers around them."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.flows = (scorer.old, scorer.new)
        self.partner = scorer.partner
        self._classes = scorer.looks[0].class_.tolist(), scorer.looks[1].class_.tolist()
        self._retyped: dict[tuple[int, int], int] = defaultdict(int)
        """Old class and new class -> how many pairs."""
        self._static: dict[tuple[int, int], float] = {}
        self._steps = scorer.old.beside, scorer.new.beside
        self._nearest: tuple[dict[tuple[int, bool], dict[int, float]], ...] = ({}, {})
        self._through: tuple[dict[int, set[tuple[int, bool]]], ...] = (defaultdict(set), defaultdict(set))
        self._forgotten: list[_Forgotten] | None = None
        """While something is tried."""
        self._tried: tuple[set[tuple[int, bool]], ...] = (set(), set())
        """What was found out while something was tried."""

    def notice(self, i: int, j: int, *, paired: bool) -> None:
        """That two nodes became a pair, or are none any more."""
        for side, node in enumerate((i, j)):
            keys = self._through[side].pop(node, None)
            if keys is None:
                continue
            nearest = self._nearest[side]
            lost = {key: nearest.pop(key) for key in keys & nearest.keys()}
            if self._forgotten is not None:
                for key in lost.keys() & self._tried[side]:
                    del lost[key]
                self._forgotten.append((side, node, keys, lost))
        before, after = self._classes[0][i], self._classes[1][j]
        if before != after:
            self._retyped[before, after] += 1 if paired else -1

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Pairs that are made inside are parted again inside: what was known before is known again afterwards."""
        self._forgotten = []
        yield
        for side, _, _, lost in self._forgotten:
            self._nearest[side].update(lost)
        for side, node, keys, _ in self._forgotten:
            self._through[side][node] |= keys & self._nearest[side].keys()
        self._forgotten = None
        for tried in self._tried:
            tried.clear()

    def steps(self, side: int, node: int, *, up: bool) -> Sequence[int]:
        """Direct neighbours."""
        return self._steps[side][up][node]

    def are_among_partners(self) -> NDArray[np.bool_]:
        """By old node that is paired: whether the layers next to it and to its partner are partners, all of them."""
        partner = np.full(len(self.flows[0].nodes), -1)
        partner[list(self.partner[0])] = list(self.partner[0].values())
        (makers, takers), theirs = (flow.connections for flow in self.flows)
        size = len(self.flows[1].nodes)
        there = np.sort(theirs[0] * size + theirs[1])
        here = partner[makers] * size + partner[takers]
        here[(partner[makers] < 0) | (partner[takers] < 0)] = -1
        kept = here == np.append(there, -2)[np.searchsorted(there, here)]
        found = np.ones(len(partner), bool)
        for mine, other in zip((makers, takers), theirs, strict=True):
            shared = np.bincount(mine[kept], minlength=len(partner))
            found &= shared == np.bincount(mine, minlength=len(partner))
            found &= shared == np.bincount(other, minlength=max(size, 1))[partner]
        return found

    def nearest(self, side: int, node: int, *, up: bool) -> Mapping[int, float]:
        """The nearest paired nodes above or below; 1 where next to it, less where unpaired ones lie between."""
        key = node, up
        known = self._nearest[side].get(key)
        if known is not None:
            return known
        if self._forgotten is not None:
            self._tried[side].add(key)
        found: dict[int, float] = {}
        self._nearest[side][key] = found
        steps, partner, through = self._steps[side][up], self.partner[side], self._through[side]
        ways, seen = [(reversed(steps[node]), 1.0)], {node}  # the last first, and of thousands only some
        while ways and len(seen) < _STEPS:
            way, weight = ways[-1]
            other = next(way, None)
            if other is None:
                ways.pop()
            elif other not in seen:
                seen.add(other)
                through[other].add(key)
                if other in partner:
                    found[other] = weight
                else:
                    ways.append((reversed(steps[other]), _BRIDGED))
        return found

    def agreed(self, i: int, j: int, *, up: bool) -> float:
        """The share of the nearest paired nodes on one side that are paired with each other."""
        mine = self.nearest(0, i, up=up)
        if not mine:
            return 0.0
        theirs, partner = self.nearest(1, j, up=up), self.partner[0]
        shared = 0.0
        for node, weight in mine.items():
            worth = theirs.get(partner[node])
            if worth is not None:
                shared += min(weight, worth)
        return shared / max(len(mine), len(theirs)) if shared else 0.0

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
            self.learn(i, j, self.scorer.alone(i, j) if self.scorer.are_related(i, j) else NEVER)
        return self._static[i, j]

    def score(self, i: int, j: int) -> float:
        """All evidence for a pair."""
        alone = self.alone(i, j)
        if alone < NEVER / 2:
            return alone
        retyped = self._retyped.get((self._classes[0][i], self._classes[1][j]), 0)
        again = _AGAIN if retyped > (self.partner[0].get(i) == j) else 0.0
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
                ways = [reversed(self.steps(1, self.partner[0][node], up=not up))]
                steps = 0
                while ways and steps < _STEPS:
                    other = next(ways[-1], None)
                    if other is None:
                        ways.pop()
                        continue
                    steps += 1
                    if other in found:
                        continue
                    found.add(other)
                    if other not in self.partner[1]:
                        ways.append(reversed(self.steps(1, other, up=not up)))
        return found
