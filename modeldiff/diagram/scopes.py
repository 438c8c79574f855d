# Name scopes (`block1/conv`): layers of one scope become a group where they stand together in the flow. A scope whose
# layers are scattered stays ungrouped, because a box around it would hold layers that are not its own.
"""Groups from names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modeldiff.diagram.cells import Cell, Cells, single
from modeldiff.diagram.merge import Edge, Level, Node
from modeldiff.diagram.shapes import Presence

SMALLEST = 2
DEEPEST = 8
"""Groups around a scope: deeper ones could not be read, and names may hold any number of parts."""


def sub_level(level: Level, nodes: tuple[int, ...]) -> Level:
    """A part of a level as a level of its own; what crosses its border becomes entries and exits."""
    index = {node: position for position, node in enumerate(nodes)}
    part = Level([level.nodes[node] for node in nodes], listed=level.listed)
    part.entries = {index[node]: presence for node, presence in level.entries.items() if node in index}
    part.exits = {index[node]: presence for node, presence in level.exits.items() if node in index}
    for edge in level.edges:
        source, target = index.get(edge.source), index.get(edge.target)
        if source is not None and target is not None:
            part.edges.append(Edge(source, target, edge.presence, edge.source_call, edge.target_call))
        elif target is not None:
            part.entries[target] = _stronger(part.entries.get(target), edge.presence)
        elif source is not None:
            part.exits[source] = _stronger(part.exits.get(source), edge.presence)
    return part


def _stronger(known: Presence | None, found: Presence) -> Presence:
    return found if known is None or known is found else Presence.KEPT


def with_scopes(level: Level, names: Mapping[str, str], around: int = 0, depth: int = 0) -> Level:
    """The level with a node for each scope, as deep as the names and `DEEPEST` go.

    Args:
        level: what to group; not changed.
        names: the last name of each address.
        around: how many sub-models are around the level.
        depth: how many parts of the names are known already.
    """
    if around + depth >= DEEPEST:
        return level
    parts = [
        tuple(names.get(node.row.address, "").split("/")[depth:]) if node.row is not None else ("",)
        for node in level.nodes
    ]
    places: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        if len(part) > 1 and part[0]:
            places.setdefault(part[0], []).append(index)
    flow = single(level)
    order = {cell.nodes[0]: position for position, cell in enumerate(flow.cells)}
    scopes = {}
    for scope, nodes in places.items():
        positions = sorted(order[node] for node in nodes)
        together = positions[-1] - positions[0] == len(positions) - 1
        if together and SMALLEST <= len(nodes) < len(level.nodes):
            scopes[min(nodes)] = scope, Cell(tuple(nodes))
    if not scopes:
        return level
    cells = flow.joined([cell for _, cell in scopes.values()])
    return _grouped(cells, scopes, lambda part: with_scopes(part, names, around, depth + 1))


def _grouped(flow: Cells, scopes: Mapping[int, tuple[str, Cell]], deeper: Callable[[Level], Level]) -> Level:
    level = flow.level
    grouped = Level(listed=level.listed)
    for cell in flow.cells:
        if cell.nodes[0] not in scopes:
            grouped.nodes.append(level.nodes[cell.nodes[0]])
            continue
        inner = deeper(sub_level(level, cell.nodes))
        wires = tuple((edge.source, edge.target, edge.presence.value) for edge in inner.edges)
        signature = tuple(node.signature for node in inner.nodes), wires
        grouped.nodes.append(Node(None, signature, inner=inner, scope=scopes[cell.nodes[0]][0]))
    home = flow.home()
    grouped.entries = {home[node]: presence for node, presence in level.entries.items()}
    grouped.exits = {home[node]: presence for node, presence in level.exits.items()}
    grouped.edges = [
        Edge(source, target, edge.presence, edge.source_call, edge.target_call)
        for source, target, edge in flow.crossing()
    ]
    return grouped
