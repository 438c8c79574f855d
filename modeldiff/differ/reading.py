# What a pairing costs to tell: layers that came and went, configs, classes and connections that changed, names that
# moved. Two readings of the same pair of models (names stayed with their layers; names were given anew) are told apart
# by which needs less telling.
"""`cost` of a pairing."""

from __future__ import annotations

from modeldiff.differ.places import Places
from modeldiff.differ.state import State

_GONE, _RETYPED, _CHANGED, _STRANGE, _REWIRED, _RENAMED = 1.0, 1.2, 1.0, 1.0, 0.7, 0.5
_FLIPPED, _GIVEN = 1.0, 0.6
"""A name that was given or taken away; a name that went to another layer."""
_SEVERAL, _SYSTEM = 4, 0.15
"""Each of these counts, until there are so many that there must be a system."""


def cost(state: State) -> tuple[float, float]:
    """How much there is to tell, and how much of it about pairs and not about layers that came or went."""
    a, b = state.scorer.looks
    places = Places(state)
    gone = _GONE * (len(state.unpaired(0)) + len(state.unpaired(1)))
    total = 0.0
    flipped = given = 0
    claimed = state.scorer.naming.claimed_at_first
    for i in state.old.order:
        if i not in state.found:
            continue
        j = state.found[i][0]
        if a.class_[i] != b.class_[j]:
            total += _RETYPED
        elif a.config[i] != b.config[j]:
            total += _CHANGED
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
    return gone + total, total


def _some(count: int, worth: float) -> float:
    return worth * min(count, _SEVERAL) + _SYSTEM * max(0, count - _SEVERAL)
