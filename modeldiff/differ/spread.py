# From pairs that are certain to the layers beside them. An activation has no weights and looks like fifty others, but
# it takes what one known layer makes. Every connection to a known pair votes; one that leads nowhere else counts most.
# What a layer takes says more about it than who takes it: of two equal candidates (a block was inserted between) the
# one at the producer wins.
"""`by_neighbours`: pair what stands beside certain pairs."""

from __future__ import annotations

import heapq
from collections import defaultdict

from modeldiff.differ.state import State

_UP, _DOWN = 1.0, 0.7
_ENOUGH = 0.6
_ALONE = 0.9
_MARGIN = 0.1
_CROWD = 12
"""Of a layer with more neighbours than this nothing is concluded."""


def by_neighbours(state: State) -> None:
    """Layers whose weights say nothing, by their connections to pairs that are certain."""
    if not all(state.unpaired(side) for side in (0, 1)):
        return
    at_home = state.places.are_among_partners()
    for down in (0.0, _DOWN):
        spread = _Spread(state, down)
        for i, (j, _, _) in list(state.found.items()):
            if not at_home[i]:
                spread.vote(i, j)
        spread.run()


class _Spread:
    def __init__(self, state: State, down: float) -> None:
        self.state = state
        self.enough = _ENOUGH if down else _ALONE
        self.ways = ((False, _UP), (True, down)) if down else ((False, _UP),)
        """Whether up, and what such a neighbour is worth."""
        self.votes: dict[int, dict[int, float]] = defaultdict(dict)
        self.voters: dict[int, dict[int, float]] = defaultdict(dict)
        self.heap: list[tuple[float, int, int]] = []

    def vote(self, i: int, j: int) -> None:
        """What the pair (i, j) says about its neighbours."""
        steps, paired = self.state.places.steps, self.state.scorer.partner[0]
        for up, worth in self.ways:
            mine = steps(0, i, up=up)
            free = [k for k in mine if k not in paired]
            if not free or len(mine) > _CROWD:
                continue
            theirs = steps(1, j, up=up)
            if not theirs or len(theirs) > _CROWD:
                continue
            strength = worth / max(len(mine), len(theirs))
            for k in free:
                for m in theirs:
                    if self.may_pair(k, m):
                        total = self.votes[k].get(m, 0.0) + strength
                        self.votes[k][m] = self.voters[m][k] = total
                        heapq.heappush(self.heap, (-total, k, m))

    def may_pair(self, i: int, j: int) -> bool:
        scorer = self.state.scorer
        a, b = scorer.looks
        if not self.state.is_free(i, j) or a.config[i] != b.config[j] or a.shapes[i] != b.shapes[j]:
            return False
        if scorer.kin.ratio(i, j) < -0.5:
            return False
        return not scorer.naming.contradicts(i, j)

    def run(self) -> None:
        while self.heap:
            total, i, j = heapq.heappop(self.heap)
            if -total < self.enough or not self.state.is_free(i, j) or self.votes[i][j] != -total:
                continue
            rivals = [
                votes
                for known, other, own in ((self.votes[i], 1, j), (self.voters[j], 0, i))
                for node, votes in known.items()
                if node != own and node not in self.state.scorer.partner[other]
            ]
            if max(rivals, default=0.0) > -total - _MARGIN:
                continue
            self.state.pair(i, j, self.state.evidence(i, j), 0.95)
            self.vote(i, j)
