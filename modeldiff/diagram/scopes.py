# Name scopes (`block1/conv`): layers of one scope become a group where they stand together in the flow. A scope whose
# layers are scattered stays ungrouped, because a box around it would hold layers that are not its own.
"""Groups from names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from modeldiff.diagram.cells import Cell, Cells, single
from modeldiff.diagram.merge import Edge, Level, Node
from modeldiff.diagram.shapes import Presence

SMALLEST = 2
DEEPEST = 8
"""Groups around a scope: deeper ones could not be read, and names may hold any number of parts."""


def sub_levels(level: Level, groups: Sequence[tuple[int, ...]]) -> list[Level]:
    """Parts of a level as levels of their own, in one pass; what crosses a border becomes entries and exits."""
    if not groups:
        return []
    home = {node: (part, place) for part, nodes in enumerate(groups) for place, node in enumerate(nodes)}
    parts = [Level([level.nodes[node] for node in nodes], listed=level.listed) for nodes in groups]
    for node, presence in level.entries.items():
        if node in home:
            part, place = home[node]
            parts[part].entries[place] = presence
    for node, presence in level.exits.items():
        if node in home:
            part, place = home[node]
            parts[part].exits[place] = presence
    for edge in level.edges:
        source, target = home.get(edge.source), home.get(edge.target)
        if source is not None and target is not None and source[0] == target[0]:
            inner = Edge(source[1], target[1], edge.presence, edge.source_call, edge.target_call)
            parts[source[0]].edges.append(inner)
            continue
        if target is not None:
            entries = parts[target[0]].entries
            entries[target[1]] = _stronger(entries.get(target[1]), edge.presence)
        if source is not None:
            exits = parts[source[0]].exits
            exits[source[1]] = _stronger(exits.get(source[1]), edge.presence)
    return parts


def _stronger(known: Presence | None, found: Presence) -> Presence:
    return found if known is None or known is found else Presence.KEPT


def with_scopes(level: Level, around: int = 0, depth: int = 0) -> Level:
    """The level with a node for each scope, as deep as the names and `DEEPEST` go.

    Args:
        level: what to group; not changed.
        around: how many sub-models are around the level.
        depth: how many parts of the names are known already.
    """
    if around + depth >= DEEPEST:
        return level
    places: dict[str, list[int]] = {}
    for index, node in enumerate(level.nodes):
        part = node.name.split("/")[depth:]
        if len(part) > 1 and part[0]:
            places.setdefault(part[0], []).append(index)
    scopes = {}
    for scope, nodes in places.items():
        together = nodes[-1] - nodes[0] == len(nodes) - 1
        if together and SMALLEST <= len(nodes) < len(level.nodes):
            scopes[nodes[0]] = scope, Cell(tuple(nodes))
    if not scopes:
        return level
    cells = single(level).joined([cell for _, cell in scopes.values()])
    return _grouped(cells, scopes, lambda part: with_scopes(part, around, depth + 1))


def _grouped(flow: Cells, scopes: Mapping[int, tuple[str, Cell]], deeper: Callable[[Level], Level]) -> Level:
    level = flow.level
    grouped = Level(listed=level.listed)
    parts = iter(sub_levels(level, [cell.nodes for cell in flow.cells if cell.nodes[0] in scopes]))
    for cell in flow.cells:
        if cell.nodes[0] not in scopes:
            grouped.nodes.append(level.nodes[cell.nodes[0]])
            continue
        inner = deeper(next(parts))
        wires = tuple((edge.source, edge.target, edge.presence.value) for edge in inner.edges)
        signature = tuple(node.signature for node in inner.nodes), wires
        grouped.nodes.append(Node(None, signature, inner=inner, scope=scopes[cell.nodes[0]][0]))
    home = flow.home
    grouped.entries = {home[node]: presence for node, presence in level.entries.items()}
    grouped.exits = {home[node]: presence for node, presence in level.exits.items()}
    grouped.edges = [
        Edge(source, target, edge.presence, edge.source_call, edge.target_call)
        for source, target, edge in flow.crossing
    ]
    return grouped
