# Blocks are the unit people think in, and equal blocks are what makes pairing hard: every copy is a candidate for
# every other.
"""Edits of blocks and of the head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Random, some_block
from benchmarks.matching.specs import Node, Ref, Spec, renumbered


def replace_head(spec: Spec, rng: Random) -> Change:
    """The last layer makes room for two and a dropout.

    Whether the new output layer is the old one with other units or another layer is a matter of taste: optional.
    That the old output layer became the hidden one in front is not: other units, activation, shape and role.
    """
    last = spec.node(spec.outputs[0][0])
    if last.cls != "Dense":
        raise NotApplicable("no Dense at the end")
    source = last.calls[0][0]
    new = [
        Node("+head_fc", "Dense", {"units": 10, "activation": "relu"}, ((source,),), "head_fc"),
        Node("+head_drop", "Dropout", {"rate": 0.5}, ((("+head_fc", 0, 0),),), "head_regular"),
        Node("+head_out", "Dense", {"units": 7, "activation": "softmax"}, ((("+head_drop", 0, 0),),), "new_classes"),
    ]
    nodes: list[Node] = []
    for node in spec.nodes:
        nodes += new if node.id == last.id else [node]
    out: Ref = ("+head_out", 0, 0)
    outputs = tuple(out if ref[0] == last.id else ref for ref in spec.outputs)
    optional = frozenset({(last.id, "+head_out")})
    return Change(replace(spec, nodes=tuple(nodes), outputs=outputs), optional)


def duplicate_block(spec: Spec, rng: Random) -> Change:
    """One more of the same, behind a block; sometimes the numbers in the names count through again."""
    block = some_block(spec, rng)
    changed = edits.insert_block(spec, block, edits.copied(spec, block, "+b"))
    return Change(renumbered(changed) if rng.random() < 0.4 else changed)


def insert_block(spec: Spec, rng: Random) -> Change:
    """A new block of the same kind with a setting of its own."""
    block = some_block(spec, rng)
    nodes = [replace(node, config={**node.config, **_own(node)}) for node in edits.copied(spec, block, "+n")]
    return Change(edits.insert_block(spec, block, nodes, before=rng.random() < 0.3))


def _own(node: Node) -> dict[str, Any]:
    if node.config.get("kernel_size") == 3 and node.config.get("padding") == "same":
        return {"kernel_size": 5}
    if node.cls in {"Dense", "Activation"} and "activation" in node.config:
        return {"activation": "elu"}
    return {"epsilon": 1e-5} if node.cls.endswith("Normalization") else {}


def remove_block(spec: Spec, rng: Random) -> Change:
    """One block less; sometimes the numbers in the names count through again."""
    changed = edits.drop_block(spec, some_block(spec, rng))
    return Change(renumbered(changed) if rng.random() < 0.4 else changed)


def reorder_blocks(spec: Spec, rng: Random) -> Change:
    """Two neighbouring blocks in the other order."""
    following = [
        (one, two)
        for one in spec.blocks
        for two in spec.blocks
        if one != two and edits.entry(spec, two)[0][0] == edits.exit_of(spec, one)
    ]
    if not following:
        raise NotApplicable("no neighbouring blocks")
    return Change(edits.exchange_blocks(spec, *rng.choice(following)))


def change_depth(spec: Spec, rng: Random) -> Change:
    """Several blocks more or less at once, as when ResNet-18 becomes ResNet-34."""
    longer = rng.random() < 0.5
    for count in range(rng.randint(2, 3)):
        if longer:
            block = some_block(spec, rng)
            spec = edits.insert_block(spec, block, edits.copied(spec, block, f"+{'bcd'[count]}"))
        elif len(spec.blocks) > 1:
            spec = edits.drop_block(spec, some_block(spec, rng))
    return Change(renumbered(spec) if rng.random() < 0.5 else spec)
