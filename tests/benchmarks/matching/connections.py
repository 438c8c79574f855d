# The layers stay, the tensors go elsewhere.
"""Edits of connections: skips, joins, branches, outputs."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Random, some_block
from benchmarks.matching.specs import Node, Ref, Spec


def add_skip(spec: Spec, rng: Random) -> Change:
    """What goes into a block is added to what comes out."""
    block = some_block(spec, rng)
    entries, end = edits.entry(spec, block), edits.exit_of(spec, block)
    if len(entries) != 1 or spec.sequential:
        raise NotApplicable("no place for a skip")
    node = Node("+skip", "Add", {}, ((entries[0], (end, 0, 0)),), "skip_add")
    changed = edits.redirect(spec, {(end, 0, 0): ("+skip", 0, 0)}, but=block)
    return Change(edits.put(changed, [node], block[-1]))


def drop_skip(spec: Spec, rng: Random) -> Change:
    """An addition or concatenation goes, the longer way stays, and what nobody uses any more goes too."""
    joins = [node for node in spec.nodes if node.cls in {"Add", "Concatenate"} and len(node.calls) == 1]
    if not joins:
        raise NotApplicable("no skip")
    chosen = rng.choice(joins)
    ways = [edits.pruned(edits.remove(spec, chosen.id, keep=index)) for index in range(len(chosen.calls[0]))]
    return Change(max(ways, key=lambda way: len(way.nodes)))


def widen_join(spec: Spec, rng: Random) -> Change:
    """One more tensor into a concatenation."""
    joins = [index for index, node in enumerate(spec.nodes) if node.cls == "Concatenate"]
    if not joins:
        raise NotApplicable("no concatenation")
    index = rng.choice(joins)
    node = spec.nodes[index]
    taken = {ref[0] for ref in node.calls[0]}
    earlier = [one for one in spec.nodes[:index] if one.id not in taken and one.config.get("dtype") != "int32"]
    extra: Ref = (rng.choice(earlier[-8:]).id, 0, 0)
    return Change(edits.swap(spec, node.id, lambda one: replace(one, calls=((*one.calls[0], extra),))))


def reorder_join(spec: Spec, rng: Random) -> Change:
    """The inputs of a concatenation in the other order, once or everywhere."""
    joins = [node.id for node in spec.nodes if node.cls == "Concatenate"]
    if not joins:
        raise NotApplicable("no concatenation")
    chosen = set(joins) if rng.random() < 0.4 else {rng.choice(joins)}
    changed = spec
    for identity in chosen:
        changed = edits.swap(changed, identity, lambda node: replace(node, calls=(node.calls[0][::-1],)))
    return Change(changed)


def drop_branch(spec: Spec, rng: Random) -> Change:
    """One input of a join goes, with all that leads nowhere else."""
    joins = [node for node in spec.nodes if node.cls in {"Concatenate", "Add"} and len(node.calls[0]) > 2]
    if not joins:
        raise NotApplicable("no join of three")
    chosen = rng.choice(joins)
    left = list(chosen.calls[0])
    left.pop(rng.randrange(len(left)))
    changed = edits.swap(spec, chosen.id, lambda node: replace(node, calls=(tuple(left),)))
    return Change(edits.pruned(changed))


def drop_output(spec: Spec, rng: Random) -> Change:
    """One output of several goes, with all that leads nowhere else."""
    if len(spec.outputs) < 2:
        raise NotApplicable("one output only")
    outputs = list(spec.outputs)
    outputs.pop(rng.randrange(len(outputs)))
    return Change(edits.pruned(replace(spec, outputs=tuple(outputs))))


def truncate(spec: Spec, rng: Random) -> Change:
    """The model ends earlier: features instead of classes."""
    if len(spec.outputs) > 1 or spec.sequential:
        raise NotApplicable("not one output")
    candidates = [node for node in spec.nodes[len(spec.nodes) // 3 : -1] if len(node.calls) == 1 and not node.body]
    last = rng.choice(candidates)
    if last.config.get("return_state"):
        raise NotApplicable("many outputs")
    return Change(edits.pruned(replace(spec, outputs=((last.id, 0, 0),))))
