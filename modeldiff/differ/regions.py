# Structure at block level: what was added or removed in one piece, which block of the same model it is built like, and
# which blocks changed places. A block counts as moved only if its move explains every connection that differs around
# it; else the single rewirings stand for themselves. Works on the flows, so borders of sub-models do not matter.
"""Layers that changed together: `detect`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from modeldiff.changes import Change, InputsRewired, Matching, Options
from modeldiff.differ.align import ascending
from modeldiff.differ.cascade import cascades
from modeldiff.differ.flow import COMMUTATIVE, Flow, Role
from modeldiff.differ.signature import config_key
from modeldiff.graph import Layer, LayerPath
from modeldiff.regions import Region, RegionKind

_TRIED = 200
"""So many places are tried for a block that is built like another."""
_BLOCK = 1 << 20
"""Entries compared at once."""


def detect(
    flows: tuple[Flow, Flow], matching: Matching, changes: Sequence[Change], options: Options
) -> tuple[Region, ...]:
    """All regions: blocks removed, added and moved, then shapes that follow."""
    found = [
        *_blocks(RegionKind.BLOCK_REMOVED, flows[0], matching.removed, options),
        *_blocks(RegionKind.BLOCK_ADDED, flows[1], matching.added, options),
        *_moved(flows[0], flows[1], matching, changes),
        *cascades(flows[1], changes),
    ]
    return tuple(found)


# --- added and removed ----------------------------------------------------------------------------------------


def _blocks(kind: RegionKind, side: Flow, lone: Sequence[LayerPath], options: Options) -> Iterator[Region]:
    members = {node for path in lone if (node := side.index.get(path)) is not None and side[node].role is Role.LEAF}
    place = {node: position for position, node in enumerate(side.order)}
    labels = _Labels(side, place)
    for piece in _connected(side, members):
        block = sorted(piece, key=place.__getitem__)
        if len(block) == 1:
            yield Region(kind, (side[block[0]].path,), bypass=_bypass(side, block[0]))
            continue
        paths = tuple(side[node].path for node in block)
        start, size = place[block[0]], len(block)
        if place[block[-1]] - start + 1 != size:  # other layers stand between: no block to compare with
            yield Region(kind, paths)
            continue
        copies = next(n for n in range(size, 0, -1) if size % n == 0 and labels.repeats(start, size // n, n))
        if size // copies == 1 and size > 1:
            copies = 1  # a run of equal layers is no row of blocks
        period = size // copies
        twin = labels.twin(start, period, members)
        if twin is None:
            yield Region(kind, paths, copies)
            continue
        like = side.order[twin : twin + period]
        pairs = [(side[a].layer, side[like[k % period]].layer) for k, a in enumerate(block)]
        same = options.weights and _same_weights(pairs)
        yield Region(kind, paths, copies, tuple(side[node].path for node in like), same)


def _bypass(side: Flow, merge: int) -> LayerPath:
    """The input of a merging layer that another input of it is computed from; () where there is none."""
    if side[merge].layer.canonical_class not in COMMUTATIVE | {"Concatenate"}:
        return ()
    inputs = dict.fromkeys(producer for producer, _ in side[merge].producers)
    for begin in inputs:
        waiting = [other for other in inputs if other != begin]
        seen = set(waiting)
        while waiting and len(seen) < _TRIED:
            for producer, _ in side[waiting.pop()].producers:
                if producer == begin:
                    return side[begin].path
                if producer not in seen:
                    seen.add(producer)
                    waiting.append(producer)
    return ()


def _connected(side: Flow, members: set[int]) -> Iterator[list[int]]:
    waiting = [node for node in side.order if node in members]
    seen: set[int] = set()
    for first in waiting:
        if first in seen:
            continue
        piece, stack = [], [first]
        seen.add(first)
        while stack:
            node = stack.pop()
            piece.append(node)
            for other in (*(producer for producer, _ in side[node].producers), *side[node].consumers):
                if other in members and other not in seen:
                    seen.add(other)
                    stack.append(other)
        yield piece


class _Labels:
    """What stands at each place of an order, and how it is wired to what stands just before."""

    def __init__(self, side: Flow, place: Mapping[int, int]) -> None:
        self.side, self.place = side, place
        self.known: dict[int, tuple[str, str]] = {}
        self.at: dict[tuple[str, str], list[int]] | None = None

    def look(self, position: int) -> tuple[str, str]:
        """Class and config of the layer at a place."""
        if position not in self.known:
            layer = self.side[self.side.order[position]].layer
            self.known[position] = (layer.canonical_class, config_key(layer))
        return self.known[position]

    def wired(self, position: int, start: int) -> tuple[int, ...]:
        """Where the inputs of the layer come from, counted from `start`; -1 from before it."""
        node = self.side.order[position]
        return tuple(max(self.place[producer] - start, -1) for producer, _ in self.side[node].producers)

    def alike(self, one: int, other: int, size: int) -> bool:
        """Whether the blocks of `size` layers at two places are built alike."""
        return all(
            self.look(one + k) == self.look(other + k) and self.wired(one + k, one) == self.wired(other + k, other)
            for k in range(size)
        )

    def repeats(self, start: int, period: int, copies: int) -> bool:
        """Whether `copies` blocks of one build stand one behind the other."""
        return all(self.alike(start, start + k * period, period) for k in range(1, copies))

    def twin(self, start: int, size: int, lone: set[int]) -> int | None:
        """The nearest block that is built like the one at `start`, of layers that have partners."""
        if size < 2:
            return None
        if self.at is None:
            self.at = defaultdict(list)
            for position in range(len(self.side.order)):
                self.at[self.look(position)].append(position)
        near = sorted(self.at[self.look(start)], key=lambda position: abs(position - start))[:_TRIED]
        for position in near:
            window = self.side.order[position : position + size]
            apart = position + size <= start or start + size <= position
            if apart and len(window) == size and not lone.intersection(window) and self.alike(start, position, size):
                return position
        return None


def _same_weights(pairs: Sequence[tuple[Layer, Layer]]) -> bool:
    weights = [list(zip(a.weights, b.weights, strict=False)) for a, b in pairs if len(a.weights) == len(b.weights)]
    if len(weights) != len(pairs) or not any(weights):
        return False
    for one, other in (pair for row in weights for pair in row):
        if (one.shape, one.dtype) != (other.shape, other.dtype) or one.source is None or other.source is None:
            return False
        both = zip(one.source.blocks(_BLOCK), other.source.blocks(_BLOCK), strict=True)
        if not all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in both):
            return False
    return True


# --- moved ----------------------------------------------------------------------------------------------------


def _moved(old: Flow, new: Flow, matching: Matching, changes: Sequence[Change]) -> Iterator[Region]:
    rewired = {
        new.index[change.site.new]
        for change in changes
        if isinstance(change, InputsRewired) and not change.consequence and change.site.new in new.index
    }
    if not rewired:
        return
    forth = {old.index[match.old]: new.index[match.new] for match in matching.matches}
    back = {theirs: mine for mine, theirs in forth.items()}
    wires = _Wires(old, new, forth, back, rewired)
    for segment in _out_of_order(old, new, forth):
        if not rewired.isdisjoint(segment):
            region = wires.explained(segment)
            if region is not None:
                yield region


def _out_of_order(old: Flow, new: Flow, forth: Mapping[int, int]) -> Iterator[list[int]]:
    """Runs of paired layers that stand together on both sides, but not in the same place: as new nodes."""
    paired = set(forth.values())
    rank = {node: position for position, node in enumerate(node for node in new.order if node in paired)}
    line = [forth[node] for node in old.order if forth.get(node) in rank]
    kept = {place for place, _ in ascending([(place, rank[node]) for place, node in enumerate(line)])}
    run: list[int] = []
    for position, node in enumerate(line):
        if run and (position in kept or rank[node] != rank[run[-1]] + 1):
            yield run
            run = []
        if position not in kept:
            run.append(node)
    if run:
        yield run


class _Wires:
    """The connections of both sides in terms of new nodes; layers without a partner keep numbers of their own."""

    def __init__(
        self, old: Flow, new: Flow, forth: Mapping[int, int], back: Mapping[int, int], rewired: AbstractSet[int]
    ) -> None:
        self.old, self.new, self.forth, self.back = old, new, forth, back
        self.unlike = {node: self._unlike(node) for node in rewired}
        """What each rewired node took and takes."""
        self.touched: dict[int, list[int]] = defaultdict(list)
        """The rewired nodes that took from a node or take from it."""
        for node, (left, right) in self.unlike.items():
            for source in {*left, *right}:
                self.touched[source].append(node)

    def before(self, node: int) -> list[int]:
        """What the partner of a new node took; -1 - i for an old node without a partner."""
        return [self.forth.get(producer, -1 - producer) for producer, _ in self.old[self.back[node]].producers]

    def after(self, node: int) -> list[int]:
        return [producer for producer, _ in self.new[node].producers]

    def _unlike(self, node: int) -> tuple[list[int], list[int]]:
        """What a node took and takes, without what is the same."""
        left, right = self.before(node), self.after(node)
        for same in list(left):
            if same in right:
                left.remove(same)
                right.remove(same)
        return left, right

    def explained(self, segment: Sequence[int]) -> Region | None:
        """The region, if lifting the segment out and putting it in elsewhere explains every rewiring around it."""
        inside = set(segment)
        fed_before = {source for node in segment for source in self.before(node)} - inside
        fed_after = {source for node in segment for source in self.after(node)} - inside
        if len(fed_before) != 1 or len(fed_after) != 1:
            return None
        (source,), (target,) = fed_before, fed_after
        exits: set[int] = set()
        touched = []
        around = {taker for node in segment for taker in self.touched.get(node, ())}
        for node in sorted(around | (inside & self.unlike.keys())):  # any other is another edit
            left, right = self.unlike[node]
            if node in inside:
                follows = set(left) == {source} and set(right) == {target}
            else:
                follows = len(left) == len(right) and (
                    (set(right) == {source} and inside.issuperset(left))  # closes the gap behind it
                    or (set(left) == {target} and inside.issuperset(right))  # comes after it now
                )
                exits |= inside.intersection({*left, *right})
            if not follows:
                return None
            touched.append(node)
        if len(exits) > 1:
            return None
        paths = tuple(self.new[node].path for node in segment)
        before = self.old[self.back[source]].path if source in self.back else ()
        return Region(
            RegionKind.BLOCK_MOVED,
            paths,
            rewired=tuple(self.new[node].path for node in touched),
            before=before,
            after=self.new[target].path,
        )
