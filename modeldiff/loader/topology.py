# The order of a graph's layers. Sorted by calls and not by layers: a shared layer may take what another call of
# itself made (`s(a(s(x)))`), so an order of layers alone need not exist. Kahn's algorithm with a heap, so that
# ties go to the file's order and the order is the same for every run.
"""A stable topological order of calls."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from modeldiff.graph import Call

Node = tuple[int, int]
"""A layer by its position in the file, and which of its calls."""


def topological(calls: Mapping[str, Sequence[Call]]) -> tuple[list[tuple[str, int]], list[str]]:
    """Every call as (layer, index) so that each follows what it takes, and the layers where a cycle was cut.

    `calls` is in file order, which decides ties. The calls of one layer keep their order; a layer without calls
    counts as one that takes nothing. References to what is not in `calls` are ignored.
    """
    names = list(calls)
    position = {name: index for index, name in enumerate(names)}
    missing: dict[Node, int] = {}
    waiting: dict[Node, list[Node]] = {}
    for here, made in enumerate(calls.values()):
        for index, call in enumerate(made or (Call(),)):
            node = (here, index)
            needs = {
                (position[ref.layer], ref.call)
                for ref in call.inputs
                if ref.layer in position and ref.call < len(calls[ref.layer])
            }
            if index:
                needs.add((here, index - 1))
            missing[node] = len(needs)
            for need in needs:
                waiting.setdefault(need, []).append(node)
    ready = [node for node, count in missing.items() if not count]
    heapq.heapify(ready)
    held = iter(missing)
    done: dict[Node, None] = {}
    cut: dict[str, None] = {}
    while len(done) < len(missing):
        if ready:
            node = heapq.heappop(ready)
        else:
            node = next(node for node in held if node not in done)
            cut[names[node[0]]] = None
        if node in done:
            continue
        done[node] = None
        for follower in waiting.get(node, ()):
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    return [(names[here], index) for here, index in done], list(cut)
