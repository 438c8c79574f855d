# What an order-preserving alignment cannot see: neighbours. Pairs whose neighbours are not paired with each other are
# suspicious; each is tried with the layers that its neighbours' partners suggest, and the better sum stays. Small
# steps from a good start: the number of suspicious pairs is the number of edits, not of layers.
"""Improve a pairing by what stands beside: `Places`, `by_place`, `by_exchange`, `by_doubt`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from modeldiff.changes import Evidence
from modeldiff.differ.state import State

_ABOVE, _BELOW = 2.0, 1.6
_EXACT = 2.5
_ANYWHERE = 5.0
"""A score from which a pair needs no neighbours."""
_BRIDGED = 0.75
_ENOUGH = 0.5
_GAIN = 0.25
_STEPS = 24
_ROUNDS = 12
_SWAP = 4.5
_FIXED = frozenset({Evidence.USER, Evidence.WEIGHTS})


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


def by_place(state: State) -> None:
    """Unpaired layers between the same paired neighbours, best first, until nothing changes."""
    places = Places(state)
    for _ in range(_ROUNDS):
        scored = []
        news = set(state.unpaired(1))
        for i in state.unpaired(0) if news else ():
            for j in sorted(places.nearby(i) & news):
                score = places.score(i, j)
                if score > _ENOUGH:
                    scored.append((-score, i, j))
        if not scored:
            return
        for score, i, j in sorted(scored):
            if state.is_free(i, j):
                state.pair(i, j, state.evidence(i, j), 0.9 if score < -4 else 0.8)


def by_exchange(state: State) -> None:
    """Let suspicious pairs change partners where that explains more."""
    places = Places(state)
    active = list(_suspicious(state))
    lookalikes = _lookalikes(state, active)
    for _ in range(_ROUNDS):
        changed: list[int] = []
        for i in active:
            changed.extend(_improve(state, places, i, lookalikes))
        active = sorted({near for i in changed for near in _around(state, i)})
        if not active:
            return


def by_doubt(state: State) -> None:
    """Let go of pairs that are alike and stand nowhere near each other."""
    places = Places(state)
    a, b = state.scorer.looks
    for i in list(_suspicious(state)):
        if i not in state.found:
            continue
        j, evidence, _ = state.found[i]
        if evidence not in _FIXED and (a.automatic[i] or a.name[i] != b.name[j]) and not places.holds(i, j):
            state.part(i)


def _suspicious(state: State) -> Iterator[int]:
    looks = state.scorer.looks
    for i in state.old.order:
        if i not in state.found:
            yield i
            continue
        j, evidence, _ = state.found[i]
        if evidence in _FIXED:
            continue
        mine = [state.scorer.partner[0].get(node) for node, _ in state.old[i].producers]
        theirs = [node for node, _ in state.new[j].producers]
        below = {state.scorer.partner[0].get(node) for node in state.old[i].consumers}
        if looks[0].config[i] != looks[1].config[j] or set(mine) != set(theirs) or below != set(state.new[j].consumers):
            yield i


def _around(state: State, i: int) -> Iterator[int]:
    yield i
    yield from (node for node, _ in state.old[i].producers)
    yield from state.old[i].consumers


def _lookalikes(state: State, active: list[int]) -> dict[int, list[int]]:
    """Config -> the new partners of suspicious pairs that have it."""
    found: dict[int, list[int]] = defaultdict(list)
    config = state.scorer.looks[1].config
    for i in active:
        if i in state.found:
            j = state.found[i][0]
            if len(found[int(config[j])]) < _STEPS:
                found[int(config[j])].append(j)
    return found


def _improve(state: State, places: Places, i: int, lookalikes: dict[int, list[int]]) -> list[int]:
    """Try other partners for one old node; give the old nodes that changed."""
    forth, back = state.scorer.partner
    mine = forth.get(i)
    if mine is not None and state.found[i][1] in _FIXED:
        return []
    candidates = places.nearby(i)
    a, b = state.scorer.looks
    if mine is not None and a.config[i] != b.config[mine]:
        candidates.update(lookalikes.get(int(a.config[i]), ()))
    best: tuple[float, int] | None = None
    for j in sorted(candidates):
        if j == mine or not state.new.is_flowing(j):
            continue
        owner = back.get(j)
        if owner is not None and state.found[owner][1] in _FIXED:
            continue
        gain = _gain(state, places, i, j)
        if gain > _GAIN and (best is None or gain > best[0]):
            best = gain, j
    if best is None:
        return []
    owner = back.get(best[1])
    _exchange(state, places, i, best[1])
    return [i] if owner is None else [i, owner]


def _gain(state: State, places: Places, i: int, j: int) -> float:
    """How much better the whole gets if `i` takes `j`, and the one who had `j` takes what `i` had."""
    forth, back = state.scorer.partner
    mine, owner = forth.get(i), back.get(j)
    if _has_swapped_names(state, i, mine, owner, j):
        return _swap(state, places, i, j)
    before = (places.score(i, mine) if mine is not None else 0.0) + (
        places.score(owner, j) if owner is not None else 0.0
    )
    saved = {node: state.found[node] for node in (i, owner) if node is not None and node in state.found}
    _exchange(state, places, i, j)
    after = places.score(i, j)
    if after < _ENOUGH:
        after -= 50.0
    if owner is not None and owner in forth:
        after += places.score(owner, forth[owner])
    for node in (i, owner):
        if node is not None and node in state.found:
            state.part(node)
    for node, found in saved.items():
        state.pair(node, *found)
    return after - before


def _has_swapped_names(state: State, i: int, mine: int | None, owner: int | None, j: int) -> bool:
    """Whether exchanging partners means that two layers swapped the names a person gave them."""
    a, b = state.scorer.looks
    if mine is None or owner is None or a.automatic[i] or a.automatic[owner]:
        return False
    beside = owner in state.old[i].consumers or i in state.old[owner].consumers
    if beside and a.config[i] == b.config[mine] and a.shapes[i] == b.shapes[mine]:
        return False  # alike and side by side: then it is rather the layers that changed places
    return bool(a.name[i] == b.name[mine] and a.name[owner] == b.name[j])


def _swap(state: State, places: Places, i: int, j: int) -> float:
    """How much better the whole gets if two layers swapped names: one event, not four names that contradict."""
    mine, owner = state.scorer.partner[0][i], state.scorer.partner[1][j]

    def score(one: int, other: int) -> float:
        return places.score(one, other) - state.scorer.name_score(one, other)

    before = score(i, mine) + score(owner, j)
    _repair(state, (i, j), (owner, mine))
    after = score(i, j) + score(owner, mine)
    _repair(state, (i, mine), (owner, j))
    return after - before - _SWAP


def _repair(state: State, *pairs: tuple[int, int]) -> None:
    for i, _ in pairs:
        state.part(i)
    for i, j in pairs:
        state.pair(i, j, state.evidence(i, j), 0.9)


def _exchange(state: State, places: Places, i: int, j: int) -> None:
    forth, back = state.scorer.partner
    mine, owner = forth.get(i), back.get(j)
    if mine is not None and owner is not None and _has_swapped_names(state, i, mine, owner, j):
        _repair(state, (i, j), (owner, mine))
        return
    if mine is not None:
        state.part(i)
    if owner is not None:
        state.part(owner)
    state.pair(i, j, state.evidence(i, j), 0.85)
    if owner is None:
        return
    free = [k for k in places.nearby(owner) if k not in back and state.new.is_flowing(k)]
    free.extend([mine] if mine is not None and mine not in free else [])
    best = max(((places.score(owner, k), -k) for k in free), default=(0.0, 0))
    if best[0] > _ENOUGH:
        state.pair(owner, -best[1], state.evidence(owner, -best[1]), 0.85)
