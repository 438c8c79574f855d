# What came closest to a layer that found no partner. It explains a matching and never changes it: the layers of the
# other side that stand about where this one stands, or carry its name, ranked by what they have in common. A window
# and not the whole model, so that two unrelated models of thousands of layers cost no more than their sum.
"""`closest`: for each layer without a partner, the layer of the other model that is most like it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Site
from modeldiff.differ.flow import Role
from modeldiff.differ.signature import Features
from modeldiff.differ.state import State
from modeldiff.graph import LayerPath

_WINDOW = 100
"""So many layers of the other side are looked at on either side of the place."""
_EXPLAINED = 2000
"""Of more layers without a partner than this, nobody reads every explanation."""
_HOMONYMS = 20
"""So many layers of one name are looked at, wherever they stand."""


def closest(state: State) -> dict[Site, LayerPath]:
    """Site of a layer without a partner -> path of the layer of the other model that is most like it.

    A layer of a class that nothing near its place could stand for has no entry.
    """
    return {site: path for side in (0, 1) for site, path in _of_side(state, side)}


def _of_side(state: State, side: int) -> Iterator[tuple[Site, LayerPath]]:
    flows, looks = (state.old, state.new), state.scorer.looks
    unpaired = state.unpaired(side)[:_EXPLAINED]
    mine, theirs = flows[side], flows[1 - side]
    listed = [node for node in theirs.order if theirs[node].role is Role.LEAF]
    others = np.array(listed, np.int64)
    if not unpaired or not listed:
        return
    rank = {node: position for position, node in enumerate(listed)}
    homonyms: dict[int, list[int]] = defaultdict(list)
    for node in listed:
        homonyms[int(looks[1 - side].name[node])].append(node)
    partner = state.scorer.partner[side]
    anchors = [(place, rank[partner[node]]) for place, node in enumerate(mine.order) if partner.get(node) in rank]
    places = {node: place for place, node in enumerate(mine.order)}
    taken = np.zeros(len(flows[1 - side].nodes), bool)
    taken[list(state.scorer.partner[1 - side])] = True
    for node in unpaired:
        centre = min(max(0, _expected(places[node], anchors)), len(listed) - 1)
        low, high = max(0, centre - _WINDOW), centre + _WINDOW
        named = homonyms.get(int(looks[side].name[node]), [])[:_HOMONYMS]
        candidates = np.concatenate([others[low:high], np.array(named, np.int64)])
        score = _likeness(looks[side], node, looks[1 - side], candidates) + np.where(taken[candidates], 0.0, 1.0)
        score -= np.abs(np.array([rank[other] for other in candidates.tolist()]) - centre) / (100.0 * _WINDOW)
        best = int(score.argmax())
        if score[best] > 0:
            found = flows[1 - side][int(candidates[best])].path
            path = mine[node].path
            yield Site(path, None) if side == 0 else Site(None, path), found


def _expected(place: int, anchors: list[tuple[int, int]]) -> int:
    """Where on the other side a layer would stand: as far from its nearest paired predecessor as here."""
    at = bisect_left(anchors, (place, -1))
    if at:
        before, there = anchors[at - 1]
        return there + place - before
    return anchors[0][1] - (anchors[0][0] - place) if anchors else place


def _likeness(mine: Features, node: int, theirs: Features, others: NDArray[np.int64]) -> NDArray[np.float64]:
    """What two layers have in common; below 0 where one could not stand for the other."""
    related = (theirs.family[others] & mine.family[node]) != 0
    likeness: NDArray[np.float64] = (
        2.0 * (theirs.class_[others] == mine.class_[node])
        + 1.5 * (theirs.config[others] == mine.config[node])
        + 0.8 * (theirs.shapes[others] == mine.shapes[node])
        + 1.5 * ((theirs.name[others] == mine.name[node]) & (not mine.automatic[node]))
        + 0.5 * (theirs.before[others] == mine.before[node])
        + 0.5 * (theirs.after[others] == mine.after[node])
        + 0.8 * (theirs.near[others] == mine.near[node])
    )
    return np.where(related, likeness, -10.0)
