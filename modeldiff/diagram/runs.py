# Straight runs: one stacked card instead of a box per layer halves the height of a picture and lets the wiring show.
"""Which layers share a card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from modeldiff.diagram.cells import Cells
from modeldiff.diagram.merge import Node
from modeldiff.diagram.shapes import Presence

SIBLINGS = 3
"""Inputs that feed the same layers share a card from so many on; two where there is no room."""


def runs(cells: Cells, together: Sequence[Sequence[int]]) -> list[list[int]]:
    """The cells in groups: each group is one card, or one fold or sub-model alone. In order, top row first.

    A layer goes below its maker if the maker feeds nobody else, and nobody else's only purpose is to feed this layer:
    so branches that meet stay side by side, and a skip connection ends at a row. A card never leaves its region.
    Where no connection is known each layer has a card of its own: a stack would say that they are connected.

    Args:
        cells: the partition.
        together: inputs that share a card: see `siblings`.
    """
    level = cells.level
    plain = [cell.kind is None and _is_plain(level.nodes[cell.nodes[0]]) for cell in cells.cells]
    takers: dict[int, set[int]] = defaultdict(set)
    makers: dict[int, dict[int, set[Presence]]] = defaultdict(lambda: defaultdict(set))
    for source, target, edge in cells.crossing:
        takers[source].add(target)
        makers[target][source].add(edge.presence)
    home = cells.home
    leaving = {home[node] for node in level.exits}
    above: dict[int, int] = {}
    for target in range(len(cells.cells)):
        devoted = [maker for maker in makers[target] if takers[maker] == {target} and maker not in leaving]
        if not plain[target] or len(devoted) != 1:
            continue
        maker = devoted[0]
        presence = _presence(cells, target)
        alike = _presence(cells, maker) is presence and makers[target][maker] == {presence}
        if plain[maker] and maker < target and alike and _region(cells, maker) == _region(cells, target):
            above[target] = maker
    inputs = {index for members in together for index in members}
    above = {target: maker for target, maker in above.items() if maker not in inputs}
    above.update((index, first) for first, *others in together for index in others)
    groups: dict[int, list[int]] = {}
    for index in range(len(cells.cells)):
        if index in above:
            groups[index] = groups[above[index]]
            groups[index].append(index)
        else:
            groups[index] = [index]
    return [groups[index] for index in range(len(cells.cells)) if index not in above]


def siblings(cells: Cells, *, narrow: bool = False) -> list[list[int]]:
    """Inputs that feed the same layers: nothing feeds an input, so nobody takes such a card for a straight run.

    Args:
        cells: the partition.
        narrow: whether it is enough that they feed the same layer first; some of them may feed others.
    """
    level, fewest = cells.level, SIBLINGS - narrow
    if len(level.entries) < fewest or level.listed:
        return []
    takers: dict[int, set[tuple[int, int, int]]] = defaultdict(set)
    fed = {target for _, target, _ in cells.crossing}
    home = cells.home
    for source, target, edge in cells.crossing:
        takers[source].add((target, edge.target_call, -1 if edge.presence is Presence.KEPT else source))
    leaving = {home[node] for node in level.exits}
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for node in level.entries:
        index = home[node]
        is_alone = cells.cells[index].kind is None and index not in fed and index not in leaving
        if is_alone and takers[index] and _is_plain(level.nodes[node]):
            feeds = min(takers[index]) if narrow else frozenset(takers[index])
            alike[feeds, _presence(cells, index), _region(cells, index)].append(index)
    return [sorted(found) for found in alike.values() if len(found) >= fewest]


def _is_plain(node: Node) -> bool:
    return node.inner is None and node.trace is None and not node.is_shared


def _region(cells: Cells, index: int) -> int | None:
    return cells.level.nodes[cells.cells[index].nodes[0]].region


def _presence(cells: Cells, index: int) -> Presence:
    return cells.level.nodes[cells.cells[index].nodes[0]].presence
