# The same computation, packed another way.
"""Edits of packing: sub-models, Sequential and Functional, shared layers."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Random
from benchmarks.matching.specs import Spec


def extract(spec: Spec, rng: Random) -> Change:
    """A block, or a run of layers, becomes a model of its own."""
    groups = [list(block) for block in spec.blocks]
    for _ in range(30):
        size = rng.randint(2, max(2, min(12, len(spec.nodes) // 2)))
        start = rng.randrange(1, max(2, len(spec.nodes) - size))
        groups.append([node.id for node in spec.nodes[start : start + size]])
    rng.shuffle(groups)
    for group in groups:
        if len(group) < 2 or any(spec.node(one).cls == "InputLayer" or spec.node(one).body for one in group):
            continue
        try:
            return Change(edits.extract(spec, group, "features", sequential=rng.random() < 0.4))
        except NotApplicable:
            continue
    raise NotApplicable("nothing to extract")


def sequential_to_functional(spec: Spec, rng: Random) -> Change:
    """The same chain written the other way."""
    if not spec.sequential and edits.is_chain(spec):
        return Change(replace(spec, sequential=True))
    if not spec.sequential:
        raise NotApplicable("not a chain")
    return Change(replace(spec, sequential=False))


def unshare(spec: Spec, rng: Random) -> Change:
    """A layer that was called twice becomes two."""
    shared = [node.id for node in spec.nodes if len(node.calls) == 2]
    if not shared:
        raise NotApplicable("nothing shared")
    chosen = shared if rng.random() < 0.5 else [rng.choice(shared)]
    for identity in chosen:
        node = spec.node(identity)
        second = replace(node, id=f"{identity}+2", name=f"{node.name}_right", calls=(node.calls[1],))
        spec = edits.redirect(spec, {(identity, 1, 0): (second.id, 0, 0)})
        second = replace(second, calls=(spec.node(identity).calls[1],))
        spec = edits.swap(spec, identity, lambda one: replace(one, calls=one.calls[:1]))
        spec = edits.put(spec, [second], identity)
    return Change(spec)


def extract_backbone(spec: Spec, rng: Random) -> Change:
    """All but the input and the head becomes one model, as in transfer learning."""
    inputs = [node.id for node in spec.nodes if node.cls == "InputLayer"]
    if len(inputs) > 1 or any(node.body for node in spec.nodes):
        raise NotApplicable("not one plain body")
    head = rng.randint(1, 3)
    group = [node.id for node in spec.nodes[:-head] if node.id not in inputs]
    return Change(edits.extract(spec, group, "backbone"))
