# What an order-preserving alignment cannot see: neighbours. Pairs whose neighbours are not paired with each other are
# suspicious; each is tried with the layers that its neighbours' partners suggest, and the better sum stays. Small
# steps from a good start: the number of suspicious pairs is the number of edits, not of layers.
"""Improve a pairing by what stands beside: `by_place`, `by_exchange`, `by_doubt`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from modeldiff.changes import Evidence
from modeldiff.differ.places import MOST, Places
from modeldiff.differ.state import State

_ENOUGH = 0.5
"""The score from which two layers are a pair."""
_GAIN = 0.25
"""An exchange must be worth this much."""
_SWAP = 4.5
"""And this much, where two layers would have swapped the names a person gave them."""
_ROUNDS = 12
_CROWD = 24
"""So many suspicious layers with one config are tried as partners."""


def by_place(state: State) -> None:
    """Unpaired layers between the same paired neighbours, best first, until nothing changes."""
    places = state.places
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
    places = state.places
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
    """Let go of pairs that are alike and stand nowhere near each other, where both files tell what stands where."""
    if not all(any(node.producers for node in flow.nodes) for flow in (state.old, state.new)):
        return
    places = state.places
    a, b = state.scorer.looks
    for i in list(_suspicious(state)):
        if i not in state.found:
            continue
        j = state.found[i][0]
        may_go = not state.is_settled(i) and (a.automatic[i] or a.name[i] != b.name[j])
        if may_go and not places.holds(i, j, places.score(i, j)):
            state.part(i)


def _suspicious(state: State) -> Iterator[int]:
    a, b = state.scorer.looks
    at_home = state.places.are_among_partners().tolist()
    for i in state.old.order:
        is_paired = i in state.found
        if is_paired and (state.is_settled(i) or (at_home[i] and a.config[i] == b.config[state.found[i][0]])):
            continue
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
            if len(found[int(config[j])]) < _CROWD:
                found[int(config[j])].append(j)
    return found


def _improve(state: State, places: Places, i: int, lookalikes: dict[int, list[int]]) -> list[int]:
    """Try other partners for one old node; give the old nodes that changed."""
    forth, back = state.scorer.partner
    mine = forth.get(i)
    if mine is not None and state.is_settled(i):
        return []
    candidates = places.nearby(i)
    a, b = state.scorer.looks
    if mine is not None and a.config[i] != b.config[mine]:
        candidates.update(lookalikes.get(int(a.config[i]), ()))
    best: tuple[float, int] | None = None
    for j in sorted(candidates):
        owner = back.get(j)
        if j == mine or not state.new.is_flowing(j) or (owner is not None and state.is_settled(owner)):
            continue
        if places.alone(i, j) + MOST < _ENOUGH and not _has_swapped_names(state, i, mine, owner, j):
            continue
        if state.effort.exchanges <= 0:
            return []
        state.effort.exchanges -= 1
        gain = _gain(state, places, i, j)
        if gain > _GAIN and (best is None or gain > best[0]):
            best = gain, j
    if best is None:
        return []
    owner = back.get(best[1])
    _exchange(state, places, i, best[1], state.evidence)
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
    with places.trying():
        _exchange(state, places, i, j, _unsaid)
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
    with places.trying():
        _repair(state, (i, j), (owner, mine))
        after = score(i, j) + score(owner, mine)
        _repair(state, (i, mine), (owner, j))
    return after - before - _SWAP


def _repair(state: State, *pairs: tuple[int, int]) -> None:
    for i, _ in pairs:
        state.part(i)
    for i, j in pairs:
        state.pair(i, j, state.evidence(i, j), 0.9)


def _unsaid(_i: int, _j: int) -> Evidence:
    """The evidence of a pair that is only tried."""
    return Evidence.SIMILARITY


def _exchange(state: State, places: Places, i: int, j: int, evidence: Callable[[int, int], Evidence]) -> None:
    forth, back = state.scorer.partner
    mine, owner = forth.get(i), back.get(j)
    if mine is not None and owner is not None and _has_swapped_names(state, i, mine, owner, j):
        _repair(state, (i, j), (owner, mine))
        return
    if mine is not None:
        state.part(i)
    if owner is not None:
        state.part(owner)
    state.pair(i, j, evidence(i, j), 0.85)
    if owner is None:
        return
    free = [k for k in places.nearby(owner) if k not in back and state.new.is_flowing(k)]
    free.extend([mine] if mine is not None and mine not in free else [])
    best = max(((places.score(owner, k), -k) for k in free), default=(0.0, 0))
    if best[0] > _ENOUGH:
        state.pair(owner, -best[1], evidence(owner, -best[1]), 0.85)
