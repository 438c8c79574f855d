# The order of a graph's layers. Sorted by calls and not by layers: a shared layer may take what another call of
# itself made (`s(a(s(x)))`), so an order of layers alone need not exist. Kahn's algorithm with a heap, so that
# ties go to the file's order and the order is the same for every run.
"""A stable topological order of layers."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from modeldiff.graph import Call


def topological(calls: Mapping[str, Sequence[Call]]) -> tuple[list[str], list[str]]:
    """The layers so that each follows what its first call needs, and those that stand in a cycle.

    `calls` is in file order, which decides ties. References to layers outside `calls` are ignored. Layers that
    wait for each other are let in one by one, the first of the file first.
    """
    position = {name: index for index, name in enumerate(calls)}
    missing: dict[tuple[int, int], int] = {}
    waiting: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for name, made in calls.items():
        for index, call in enumerate(made):
            node = (position[name], index)
            needs = {
                (position[ref.layer], ref.call)
                for ref in call.inputs
                if ref.layer in position and ref.call < len(calls[ref.layer])
            }
            missing[node] = len(needs)
            for need in needs:
                waiting.setdefault(need, []).append(node)
    names = list(calls)
    ready = [(position[name], 0) for name, made in calls.items() if not made]
    ready += [node for node, count in missing.items() if not count]
    heapq.heapify(ready)
    held = iter(sorted(missing))
    done: set[tuple[int, int]] = set()
    placed: dict[str, None] = {}
    cyclic: dict[str, None] = {}
    while len(done) < len(missing) or ready:
        if ready:
            node = heapq.heappop(ready)
        else:
            node = next(node for node in held if node not in done)
            cyclic[names[node[0]]] = None
        if node in done:
            continue
        done.add(node)
        placed[names[node[0]]] = None
        for follower in waiting.get(node, ()):
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    return list(placed), list(cyclic)
