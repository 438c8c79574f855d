# What an editor does to code, on specs: put a line in, take one out, copy a block, wrap a few lines in a function.
# Ids stay with what a person would call the same layer; everything new gets a new id. Nothing here is random.
"""Edits of a spec: insert, remove, copy, move, extract, rename."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from benchmarks.matching.specs import Call, Node, Ref, Spec


class NotApplicable(Exception):
    """This spec has no place for this edit."""


def redirect(spec: Spec, refs: Mapping[Ref, Ref], *, but: Iterable[str] = ()) -> Spec:
    """Whoever takes a tensor of `refs` takes its replacement, except the layers of `but`."""
    kept = set(but)

    def rewired(node: Node) -> Node:
        if node.id in kept:
            return node
        return replace(node, calls=tuple(tuple(refs.get(ref, ref) for ref in call) for call in node.calls))

    nodes = tuple(rewired(node) for node in spec.nodes)
    return replace(spec, nodes=nodes, outputs=tuple(refs.get(ref, ref) for ref in spec.outputs))


def put(spec: Spec, nodes: Sequence[Node], behind: str) -> Spec:
    """`nodes` in the code after the layer `behind`."""
    place = next(index for index, node in enumerate(spec.nodes) if node.id == behind) + 1
    return replace(spec, nodes=(*spec.nodes[:place], *nodes, *spec.nodes[place:]))


def insert(spec: Spec, behind: str, node: Node) -> Spec:
    """`node` between the layer `behind` and all that take its first output, call by call."""
    made = spec.node(behind)
    refs: dict[Ref, Ref] = {(behind, call, 0): (node.id, call, 0) for call in range(len(made.calls))}
    inserted = replace(node, calls=tuple(((behind, call, 0),) for call in range(len(made.calls))))
    return put(redirect(spec, refs), [inserted], behind)


def remove(spec: Spec, identity: str, *, keep: int = 0) -> Spec:
    """Without one layer: whoever took its output takes its input number `keep`."""
    node = spec.node(identity)
    if any(len(call) <= keep for call in node.calls) or len(spec.nodes) < 4:
        raise NotApplicable(f"{identity} cannot be removed")
    refs = {(identity, index, 0): call[keep] for index, call in enumerate(node.calls)}
    if any(ref[0] == identity and ref[2] for other in spec.nodes for call in other.calls for ref in call):
        raise NotApplicable(f"{identity} has more than one output")
    nodes = tuple(other for other in spec.nodes if other.id != identity)
    blocks = tuple(ids for block in spec.blocks if (ids := tuple(one for one in block if one != identity)))
    return redirect(replace(spec, nodes=nodes, blocks=blocks), refs)


def swap(spec: Spec, identity: str, change: Callable[[Node], Node]) -> Spec:
    """One node of this graph changed."""
    return replace(spec, nodes=tuple(change(node) if node.id == identity else node for node in spec.nodes))


def pruned(spec: Spec) -> Spec:
    """Without the layers that lead to no output."""
    made = {node.id: node for node in spec.nodes}
    alive: set[str] = set()
    waiting = [ref[0] for ref in spec.outputs]
    while waiting:
        identity = waiting.pop()
        if identity not in alive:
            alive.add(identity)
            waiting += [ref[0] for call in made[identity].calls for ref in call]
    blocks = tuple(block for block in spec.blocks if alive.issuperset(block))
    return replace(spec, nodes=tuple(node for node in spec.nodes if node.id in alive), blocks=blocks)


# --- blocks ---------------------------------------------------------------------------------------------------


def entry(spec: Spec, block: Sequence[str]) -> tuple[Ref, ...]:
    """The tensor that a group of layers takes from outside, one per call of the group.

    Raises:
        NotApplicable: it takes more than one.
    """
    calls = max(len(spec.node(identity).calls) for identity in block)
    found = []
    for index in range(calls):
        outside = {
            ref
            for identity in block
            if index < len(spec.node(identity).calls)
            for ref in spec.node(identity).calls[index]
            if ref[0] not in block
        }
        if len(outside) != 1:
            raise NotApplicable("not one tensor into the group")
        found.append(outside.pop())
    return tuple(found)


def exit_of(spec: Spec, block: Sequence[str]) -> str:
    """The layer whose output a group gives to the rest.

    Raises:
        NotApplicable: more than one layer does, or it has several outputs.
    """
    taken = [ref for node in spec.nodes if node.id not in block for call in node.calls for ref in call]
    used = {ref[0] for ref in (*taken, *spec.outputs) if ref[0] in block}
    if len(used) != 1 or any(ref[2] for ref in taken if ref[0] in block):
        raise NotApplicable("not one tensor out of the group")
    return used.pop()


def copied(spec: Spec, block: Sequence[str], suffix: str) -> list[Node]:
    """The nodes of a block under new ids (with `suffix`) and names (`block2b_conv`), wired among themselves."""
    names = [spec.node(identity).name for identity in block]
    prefix = os.path.commonprefix(names)  # noqa: RUF071  # names are no paths: letter by letter is meant
    numbers = list(re.finditer(r"\d+", prefix))

    def ref(one: Ref) -> Ref:
        return (f"{one[0]}{suffix}", one[1], one[2]) if one[0] in block else one

    nodes = []
    for identity, name in zip(block, names, strict=True):
        node = spec.node(identity)
        calls: tuple[Call, ...] = tuple(tuple(ref(one) for one in call) for call in node.calls)
        end = numbers[-1].end() if numbers else 0
        letter = suffix.strip("+")
        new = f"{name[:end]}{letter}{name[end:]}" if numbers else f"{name}_{letter}"
        nodes.append(replace(node, id=f"{identity}{suffix}", name=new, calls=calls, body=_copied_body(node, suffix)))
    return nodes


def _copied_body(node: Node, suffix: str) -> Spec | None:
    if node.body is None:
        return None
    inner = tuple(copied(node.body, [one.id for one in node.body.nodes], suffix))
    outputs = tuple((f"{layer}{suffix}", call, output) for layer, call, output in node.body.outputs)
    return replace(node.body, nodes=inner, outputs=outputs)


def insert_block(spec: Spec, block: Sequence[str], nodes: Sequence[Node], *, before: bool = False) -> Spec:
    """`nodes`, a copy of `block`, behind the block or before it."""
    entries, end = entry(spec, block), exit_of(spec, block)
    if len(entries) != 1:
        raise NotApplicable("called more than once")
    suffix = nodes[0].id.removeprefix(block[0])
    new_end = (f"{end}{suffix}", 0, 0)
    ids = {node.id for node in nodes}
    if before:
        spec = redirect(spec, {entries[0]: new_end}, but={node.id for node in spec.nodes if node.id not in block})
        return put(spec, nodes, entries[0][0])
    spec = put(redirect(spec, {(end, 0, 0): new_end}, but=block), nodes, block[-1])
    made = spec.nodes
    fed = redirect(replace(spec, nodes=tuple(nodes)), {entries[0]: (end, 0, 0)}).nodes
    spec = replace(
        spec, nodes=tuple(next(n for n in fed if n.id == node.id) if node.id in ids else node for node in made)
    )
    return replace(spec, blocks=(*spec.blocks, tuple(node.id for node in nodes)))


def drop_block(spec: Spec, block: Sequence[str]) -> Spec:
    """Without a group of layers that keeps the shape of its input."""
    entries, end = entry(spec, block), exit_of(spec, block)
    refs = {(end, index, 0): ref for index, ref in enumerate(entries)}
    kept = tuple(node for node in spec.nodes if node.id not in block)
    blocks = tuple(other for other in spec.blocks if not set(other) & set(block))
    return redirect(replace(spec, nodes=kept, blocks=blocks), refs)


def exchange_blocks(spec: Spec, first: Sequence[str], second: Sequence[str]) -> Spec:
    """Two groups, the second right behind the first, in the other order."""
    start, middle, end = entry(spec, first), exit_of(spec, first), exit_of(spec, second)
    if len(start) != 1 or entry(spec, second) != ((middle, 0, 0),):
        raise NotApplicable("not one behind the other")
    one = {node.id: node for node in redirect(spec, {start[0]: (end, 0, 0)}).nodes}
    two = {node.id: node for node in redirect(spec, {(middle, 0, 0): start[0]}).nodes}
    rest = redirect(spec, {(end, 0, 0): (middle, 0, 0)})
    nodes = []
    for node in rest.nodes:
        if node.id == first[0]:
            nodes += [two[identity] for identity in second] + [one[identity] for identity in first]
        elif node.id not in first and node.id not in second:
            nodes.append(node)
    return replace(rest, nodes=tuple(nodes))


# --- sub-models -----------------------------------------------------------------------------------------------


def extract(spec: Spec, group: Sequence[str], identity: str, *, sequential: bool = False) -> Spec:
    """A group of layers as a sub-model of its own, called wherever the group was."""
    entries, end = entry(spec, group), exit_of(spec, group)
    counts = {len(spec.node(one).calls) for one in group}
    if counts != {len(entries)}:
        raise NotApplicable("called differently often")
    source: Ref = (f"{identity}:in", 0, 0)
    port = Node(source[0], "InputLayer", {}, ((),), f"{identity}_in")
    inner = []
    for one in group:
        node = spec.node(one)
        inner.append(replace(node, calls=(tuple(source if ref == entries[0] else ref for ref in node.calls[0]),)))
    if sequential and any(len(node.calls[0]) != 1 for node in inner):
        raise NotApplicable("not a chain")
    body = Spec((port, *inner), ((end, 0, 0),), sequential)
    if sequential and not is_chain(body):
        raise NotApplicable("not a chain")
    cls = "Sequential" if sequential else "Functional"
    made = Node(identity, cls, {}, tuple((ref,) for ref in entries), identity, body)
    outer = []
    for node in spec.nodes:
        if node.id == group[0]:
            outer.append(made)
        if node.id not in group:
            outer.append(node)
    refs = {(end, index, 0): (identity, index, 0) for index in range(len(entries))}
    blocks = tuple(block for block in spec.blocks if not set(block) & set(group))
    return redirect(replace(spec, nodes=tuple(outer), blocks=blocks), refs)


def is_chain(spec: Spec) -> bool:
    """Whether a Sequential can hold it: one input, then every layer takes the one before it."""
    if [node.cls for node in spec.nodes].count("InputLayer") != 1 or spec.nodes[0].cls != "InputLayer":
        return False
    chained = all(node.calls == (((before.id, 0, 0),),) for before, node in pairwise(spec.nodes))
    return chained and spec.outputs == ((spec.nodes[-1].id, 0, 0),)
