# One pair of models may be read in several ways: names stayed with their layers or were given anew, sizes mean
# something or all was scaled, equal numbers mean one layer or one seed. Each reading is a whole pairing; the one that
# needs the least telling is right: fewest layers that came and went, configs, classes and connections that changed,
# names that moved. Rejected: weighing these against each other pair by pair, which ends between two readings.
"""Readings of a pair of models: `likeliest`, and the `cost` of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from modeldiff.differ.kinship import Kinship
from modeldiff.differ.signature import Features
from modeldiff.differ.state import State
from modeldiff.graph import Layer

_GONE, _RETYPED, _CHANGED, _STRANGE, _REWIRED, _RENAMED = 1.0, 1.2, 1.0, 1.0, 0.7, 0.5
_FLIPPED, _GIVEN = 1.0, 0.6
"""A name that was given or taken away; a name that went to another layer."""
_SEVERAL, _SYSTEM = 4, 0.15
"""Each of these, or of one kind of change in configs, counts until there are so many that there must be a system."""


_MUCH, _DOUBT = 1.5, 1.0
"""A reading with less to tell about its pairs is not doubted; another one is believed that needs so much less."""
_MANY = 3
"""With so many layers a side without partners, sizes may have misled."""


def likeliest(state: State, run: Callable[[State], None]) -> State:
    """The reading that needs the least telling; `run` pairs the layers of a state in which nothing is paired.

    Where effort is at its end, the first reading stands.
    """
    looks = state.scorer.looks
    run(state)
    told, about_pairs = cost(state, looks)
    best = state
    for other in _others(state, about_pairs):
        if state.effort.exchanges <= 0:
            break
        run(other)
        needed, _ = cost(other, looks)
        if needed + _DOUBT < told:
            best, told = other, needed
    return best


def _others(state: State, about_pairs: float) -> Iterator[State]:
    naming, kin, looks = state.scorer.naming, state.scorer.kin, state.scorer.looks
    if naming.claimed_at_first[0].any() and naming.is_trusted and about_pairs >= _MUCH:
        other = state.afresh()
        other.scorer.naming.distrust()
        yield other
    if kin.is_initial and kin.identical and about_pairs >= _MUCH:
        yield state.afresh(kin=Kinship())
    if all(len(state.unpaired(side)) >= _MANY for side in (0, 1)) and _are_built_alike(state):
        yield state.afresh(looks=(looks[0].unsized(), looks[1].unsized()))


def _are_built_alike(state: State) -> bool:
    """Whether half of the layers stand among the same classes on both sides, whatever their sizes."""
    flows = zip((state.old, state.new), state.scorer.looks, strict=True)
    olds, news = (Counter(look.around_classes[flow.order].tolist()) for flow, look in flows)
    return 2 * (olds & news).total() >= min(olds.total(), news.total())


def cost(state: State, looks: tuple[Features, Features]) -> tuple[float, float]:
    """How much there is to tell, and how much of it about pairs and not about layers that came or went."""
    a, b = looks
    places = state.places
    gone = _GONE * (len(state.unpaired(0)) + len(state.unpaired(1)))
    total = 0.0
    flipped = given = 0
    changed: Counter[tuple[int, frozenset[str]]] = Counter()
    claimed = state.scorer.naming.claimed_at_first
    for i in state.old.order:
        if i not in state.found:
            continue
        j = state.found[i][0]
        if a.class_[i] != b.class_[j]:
            total += _RETYPED
        elif a.config[i] != b.config[j]:
            changed[int(a.class_[i]), _changed_keys(state.old[i].layer, state.new[j].layer)] += 1
        if a.name[i] != b.name[j] and not (a.automatic[i] and b.automatic[j]):
            if a.automatic[i] != b.automatic[j]:
                flipped += 1
            elif claimed[0][i] or claimed[1][j]:
                given += 1
            else:
                total += _RENAMED
        total += _STRANGE * (state.scorer.kin.ratio(i, j) < -1.0)
        if [state.scorer.partner[0].get(p) for p, _ in state.old[i].producers] != [
            p for p, _ in state.new[j].producers
        ]:
            total += _REWIRED * (1.0 - places.agreed(i, j, up=True))
    total += _some(flipped, _FLIPPED) + _some(given, _GIVEN)
    total += sum(_some(count, _CHANGED) for count in changed.values())
    return gone + total, total


def _changed_keys(old: Layer, new: Layer) -> frozenset[str]:
    missing = object()
    keys = old.config.keys() | new.config.keys()
    return frozenset(key for key in keys if old.config.get(key, missing) != new.config.get(key, missing))


def _some(count: int, worth: float) -> float:
    return worth * min(count, _SEVERAL) + _SYSTEM * max(0, count - _SEVERAL)
