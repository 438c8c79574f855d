# Which layer of the new model is which layer of the old one. The list PASSES *is* the algorithm, strict to loose;
# every pass sees what the ones before it paired, and adds pairs. Leaves first, in one flow through all sub-models,
# then sub-models by the leaves they share. Rejected: matching graph by graph from the top (a chain moved into a
# sub-model breaks it), and names first (Keras' own names are counters).
"""`match`: pair the layers of two models."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Evidence, Match, Matching, Options
from modeldiff.differ.align import align, ascending
from modeldiff.differ.bare import is_heap
from modeldiff.differ.closest import closest
from modeldiff.differ.effort import Effort
from modeldiff.differ.exchange import by_doubt, by_exchange, by_place
from modeldiff.differ.flow import ROOT, Flow, Role, flow
from modeldiff.differ.kinship import Kinship, kinship
from modeldiff.differ.pins import pinned
from modeldiff.differ.reading import likeliest
from modeldiff.differ.schemes import unify
from modeldiff.differ.signature import Features, Numbers
from modeldiff.differ.similarity import Scorer
from modeldiff.differ.spread import by_neighbours
from modeldiff.differ.state import State
from modeldiff.differ.stored import by_store, places
from modeldiff.graph import Model

_LEFT, _RIVALS = 2000, 20
"""So many unpaired layers a side are compared with each other, and so many rivals of each are ranked."""
_TOGETHER = 64
"""So many of them are scored at once."""
_ALIKE = 2.0
"""The score from which left-over layers are a pair."""

Pass = Callable[[State], None]


def by_user(state: State) -> None:
    """The pairs the user knows."""
    for i, j in pinned(state.old, state.new, state.options.pins):
        state.pair(i, j, Evidence.USER, 1.0)


def by_container(state: State) -> None:
    """A sub-model and the heap of weights that a file without configuration keeps for it."""
    sides = (state.old, state.new)
    at = places(state)
    for side in (0, 1):
        # By name, or by place in a store that keeps no names.
        twins = {
            index: at[1 - side].get(place) for place, index in at[side].items() if not sides[side][index].layer.has_name
        }
        for index, node in enumerate(sides[side].nodes):
            if node.role is not Role.MODEL:
                continue
            other = sides[1 - side].index.get(node.path, twins.get(index))
            if other is None or not is_heap(node.layer, sides[1 - side][other].layer):
                continue
            i, j = (index, other) if side == 0 else (other, index)
            if state.is_free(i, j):
                state.pair(i, j, Evidence.NAME, 0.98)
                depth = len(node.path)
                state.hidden[side].update(
                    k for k, inner in enumerate(sides[side].nodes) if inner.path[:depth] == node.path and k != index
                )


def by_weights(state: State) -> None:
    """The same distinctive numbers, or numbers that descend from one another."""
    for pairs, score in ((state.scorer.kin.identical, 0.999), (state.scorer.kin.related, 0.99)):
        for i, j in pairs:
            if state.is_free(i, j):
                state.pair(i, j, Evidence.WEIGHTS, score)


def by_name(state: State) -> None:
    """The same name that a person chose, where names can be trusted."""
    state.scorer.naming.claim(state.unpaired(0), state.unpaired(1))
    if not state.scorer.naming.is_trusted:
        return
    a, b = state.scorer.looks
    named: dict[int, list[int]] = defaultdict(list)
    for j in state.unpaired(1):
        if not b.automatic[j]:
            named[int(b.name[j])].append(j)
    olds = Counter(int(a.name[i]) for i in state.unpaired(0))
    pairs = []
    for i in state.unpaired(0):
        candidates = named.get(int(a.name[i]), [])
        if a.automatic[i] or not candidates:
            continue
        if len(candidates) > 1 or olds[int(a.name[i])] > 1:
            candidates = [j for j in candidates if state.new[j].path == state.old[i].path]
        if len(candidates) == 1 and (a.family[i] & b.family[candidates[0]] or a.class_[i] == b.class_[candidates[0]]):
            pairs.append((i, candidates[0]))
    for i, j in pairs:
        is_same = state.old[i].layer.name == state.new[j].layer.name
        state.pair(i, j, Evidence.NAME if is_same else Evidence.SIMILARITY, 0.98)


def by_alignment(state: State) -> None:
    """The best order-preserving pairing between what is paired already."""
    free = [set(state.unpaired(side)) for side in (0, 1)]
    if not all(free):
        return
    rank_old = {node: rank for rank, node in enumerate(state.old.order)}
    rank_new = {node: rank for rank, node in enumerate(state.new.order)}
    anchors = [(rank_old[i], rank_new[j]) for i, (j, _, _) in state.found.items() if i in rank_old and j in rank_new]
    chain = ascending(sorted(anchors))
    bounds = [(-1, -1), *chain, (len(state.old.order), len(state.new.order))]
    for (old_low, new_low), (old_high, new_high) in pairwise(bounds):
        rows = [node for node in state.old.order[old_low + 1 : old_high] if node in free[0]]
        columns = [node for node in state.new.order[new_low + 1 : new_high] if node in free[1]]
        if rows and columns:
            _align(state, rows, columns)


def _align(state: State, rows: list[int], columns: list[int]) -> None:
    olds, news = np.array(rows, np.int64), np.array(columns, np.int64)
    pairs = []

    def scores(first: int, last: int, low: int, high: int) -> NDArray[np.float64]:
        some = olds[first:last], news[low:high]
        return state.scorer.block(*some) + state.scorer.beside_paired(*some)

    def guides() -> list[tuple[int, int]]:
        return _unique_looks(state, rows, columns)

    for row, column in align(len(rows), len(columns), scores, guides):
        pairs.append((rows[row], columns[column]))
    for i, j in pairs:
        score = state.scorer.pair(i, j)
        if score > 0:
            state.pair(i, j, state.evidence(i, j), 0.95 if score > 3 else 0.8)


def _unique_looks(state: State, rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
    """Positions of layers that look alike to some distance and like nobody else, as far as they ascend."""
    found: dict[int, int] = {}
    for look in ("above", "below", "around"):
        mine, theirs = (getattr(looks, look) for looks in state.scorer.looks)
        counts = Counter(mine[rows].tolist()), Counter(theirs[columns].tolist())
        places = {label: place for place, label in enumerate(theirs[columns].tolist())}
        for place, label in enumerate(mine[rows].tolist()):
            if counts[0][label] == counts[1][label] == 1:
                found.setdefault(place, places[label])
    return ascending(sorted(found.items()))


def by_likeness(state: State) -> None:
    """What is left and alike wherever it stands, best first: layers that moved further than the alignment sees."""
    olds, news = (np.array(state.unpaired(side)[:_LEFT], np.int64) for side in (0, 1))
    scored = []
    for first in range(0, len(olds) if len(news) else 0, _TOGETHER):
        some = olds[first : first + _TOGETHER]
        alone = state.scorer.intrinsic(some, news)
        rows = alone + state.scorer.context(some[:, None], news) + state.scorer.beside_paired(some, news)
        for i, row, mine in zip(some.tolist(), rows, alone, strict=True):
            best = np.argsort(-row, kind="stable")[: min(_RIVALS, int((row > _ALIKE).sum()))]
            for k in best.tolist():
                j = int(news[k])
                state.places.learn(i, j, float(mine[k]))
                score = state.places.score(i, j)
                if score > _ALIKE and state.places.holds(i, j, score):
                    scored.append((-score, i, j))
    for score, i, j in sorted(scored):
        if state.is_free(i, j):
            state.pair(i, j, state.evidence(i, j), 0.9 if score < -2 * _ALIKE else 0.7)


def by_parents(state: State) -> None:
    """Sub-models by the layers they share, then by name; then their inputs in order."""
    votes: Counter[tuple[int, int]] = Counter()
    for i, (j, _, _) in state.found.items():
        votes[state.old[i].parent, state.new[j].parent] += 1
    depth = max((len(node.path) for flow in (state.old, state.new) for node in flow.nodes), default=0)
    for _ in range(depth):
        for (i, j), count in sorted(votes.items(), key=lambda item: (-item[1], item[0])):
            if ROOT in (i, j) or not state.is_free(i, j):
                continue
            state.pair(i, j, Evidence.NEIGHBOURS, 0.95)
            votes[state.old[i].parent, state.new[j].parent] += count
    for i, j in list(_free_models(state)):
        state.pair(i, j, Evidence.NAME, 0.95)
    _pair_ports(state)


def _free_models(state: State) -> Iterator[tuple[int, int]]:
    news = {node.path: j for j, node in enumerate(state.new.nodes) if node.role is Role.MODEL}
    for i, node in enumerate(state.old.nodes):
        j = news.get(node.path)
        if node.role is Role.MODEL and j is not None and state.is_free(i, j):
            yield i, j


def _pair_ports(state: State) -> None:
    ports: list[dict[tuple[int, int], int]] = [{}, {}]
    for side, flow_ in enumerate((state.old, state.new)):
        for index, node in enumerate(flow_.nodes):
            if node.role is Role.PORT and node.parent != ROOT:
                body = flow_[node.parent].layer.body
                assert body is not None
                slot = next(k for k, ref in enumerate(body.inputs) if ref.layer == node.layer.name)
                ports[side][node.parent, slot] = index
    for (parent, slot), i in ports[0].items():
        other = state.scorer.partner[0].get(parent)
        if other is None:
            continue
        j = ports[1].get((other, slot), state.new.index.get((*state.new[other].path, state.old[i].path[-1])))
        if j is not None and state.is_free(i, j):
            state.pair(i, j, Evidence.NEIGHBOURS, 0.95)


PASSES: tuple[Pass, ...] = (
    by_user,
    by_container,
    by_weights,
    by_store,
    by_neighbours,
    by_name,
    by_neighbours,
    by_alignment,
    by_place,
    by_exchange,
    by_likeness,
    by_doubt,
    by_place,
    by_exchange,
    by_parents,
)


def match(
    old: Model, new: Model, options: Options, effort: Effort | None = None, flows: tuple[Flow, Flow] | None = None
) -> Matching:
    """Pair the layers of two models; `effort` knows afterwards what was left out. `flows` are theirs, where known.

    Raises:
        UsageError: a pin names no layer.
    """
    flows = flows or (flow(old), flow(new))
    number = Numbers()
    looks = Features(flows[0], number), Features(flows[1], number)
    if not (old.has_config and new.has_config):
        for look in looks:
            look.automatic[:] = False  # two files of one model: its names are all there is, whoever made them up
    unify(flows, looks, number)
    kin = kinship(*flows) if options.weights else Kinship()
    state = likeliest(State(*flows, Scorer(*flows, looks, kin), options, effort or Effort()), _run)
    return _matching(state, old, new)


def _run(state: State) -> None:
    for run in PASSES:
        run(state)


def _matching(state: State, old: Model, new: Model) -> Matching:
    """Of what the models list; a Sequential's input is a node and no layer."""
    listed = [path for path, _ in old.walk()], [path for path, _ in new.walk()]
    olds, news = set(listed[0]), set(listed[1])
    matches = {}
    for i, (j, evidence, score) in state.found.items():
        left, right = state.old[i].path, state.new[j].path
        if left in olds and right in news:
            matches[right] = Match(left, right, evidence, score)
    taken = {m.old for m in matches.values()}
    return Matching(
        tuple(matches[path] for path in listed[1] if path in matches),
        tuple(path for path in listed[0] if path not in taken),
        tuple(path for path in listed[1] if path not in matches),
        closest(state),
    )
