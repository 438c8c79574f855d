# A line in the function that builds a block shows up in every block; a wrapper goes around a layer; a model gets a
# second input. Many small differences at regular places are what an alignment must not take for another block.
"""Edits that show in many places, wrappers, inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Random, some_block
from benchmarks.matching.specs import Node, Ref, Spec

_LARGE = frozenset({"Conv2D", "Conv1D", "Dense", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"})


def _everywhere(spec: Spec, edit: Callable[[Spec], Spec]) -> Spec:
    """`edit` on the root graph and in every sub-model."""
    changed = edit(spec)
    nodes = [replace(n, body=_everywhere(n.body, edit)) if n.body is not None else n for n in changed.nodes]
    return replace(changed, nodes=tuple(nodes))


def insert_throughout(spec: Spec, rng: Random) -> Change:
    """The same small layer behind every layer of a kind."""
    kinds = sorted({node.cls for _, _, node in spec.walk()} & _LARGE)
    if not kinds:
        raise NotApplicable("no such layer")
    kind = rng.choice(kinds)
    choices: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("BatchNormalization", {}, "bn"),
        ("Dropout", {"rate": 0.05}, "dropped"),
        ("LeakyReLU", {}, "leaky"),
    )
    cls, config, word = rng.choice(choices)

    def put(graph: Spec) -> Spec:
        for node in graph.nodes:
            if node.cls == kind and graph.consumers(node.id):
                new = Node(f"{node.id}+{word}", cls, config, (), f"{node.name}_{word}")
                graph = edits.insert(graph, node.id, new)
        return graph

    return Change(_everywhere(spec, put))


def remove_throughout(spec: Spec, rng: Random) -> Change:
    """All layers of one kind go: no more dropout, no more normalisation."""
    kinds = {
        "Dropout",
        "SpatialDropout1D",
        "BatchNormalization",
        "LayerNormalization",
        "Activation",
        "ReLU",
        "LeakyReLU",
    }
    found = sorted({node.cls for _, _, node in spec.walk()} & kinds)
    if not found:
        raise NotApplicable("no such layer")
    kind = rng.choice(found)

    def take(graph: Spec) -> Spec:
        ends = {ref[0] for ref in graph.outputs}
        for node in graph.nodes:
            if node.cls == kind and node.id not in ends:
                graph = edits.remove(graph, node.id)
        return graph

    changed = _everywhere(spec, take)
    if changed == spec:
        raise NotApplicable("nothing removed")
    return Change(changed)


def thicken_blocks(spec: Spec, rng: Random) -> Change:
    """One more layer inside every block, behind the same member."""
    blocks = [block for block in spec.blocks if len(block) > 2]
    if len(blocks) < 2:
        raise NotApplicable("no two blocks")
    place = rng.randrange(len(blocks[0]) - 1)
    for number, block in enumerate(blocks, 1):
        behind = spec.node(block[min(place, len(block) - 2)])
        if behind.config.get("dtype") == "int32" or not spec.consumers(behind.id):
            raise NotApplicable("nowhere to insert")
        spec = edits.insert(spec, behind.id, Node(f"{behind.id}+extra", "UnitNormalization", {}, (), f"extra{number}"))
    return Change(spec)


def wrap(spec: Spec, rng: Random) -> Change:
    """A recurrent layer is read both ways; a Dense works step by step. Its place and its config stay."""
    wrappers = {"LSTM": "Bidirectional", "GRU": "Bidirectional", "Dense": "TimeDistributed"}
    found = [
        node
        for node in spec.nodes
        if node.cls in wrappers
        and len(node.calls) == 1
        and len(node.calls[0]) == 1
        and "return_state" not in node.config
    ]
    if not found:
        raise NotApplicable("nothing to wrap")
    chosen = rng.choice(found)
    chosen_ids = {chosen.id} if rng.random() < 0.6 else {node.id for node in found if node.cls == chosen.cls}

    def around(node: Node) -> Node:
        if node.id not in chosen_ids:
            return node
        return replace(
            node,
            cls=wrappers[node.cls],
            config={"layer": (node.cls, dict(node.config))},
            lineage=node.lineage or node.cls,
        )

    return Change(replace(spec, nodes=tuple(map(around, spec.nodes))))


def add_input(spec: Spec, rng: Random) -> Change:
    """More facts about each sample, joined in front of a Dense."""
    found = [
        node
        for node in spec.nodes
        if node.cls == "Dense" and len(node.calls) == 1 and len(node.calls[0]) == 1 and not spec.sequential
    ]
    if not found:
        raise NotApplicable("no Dense")
    target = rng.choice(found[-3:])
    source: Ref = target.calls[0][0]
    new = [
        Node("+facts", "InputLayer", {"shape": (4,)}, ((),), "more_facts"),
        Node("+facts_fc", "Dense", {"units": 6, "activation": "relu"}, ((("+facts", 0, 0),),), "more_facts_fc"),
        Node("+facts_join", "Concatenate", {}, ((source, ("+facts_fc", 0, 0)),), "more_facts_join"),
    ]
    changed = edits.swap(spec, target.id, lambda node: replace(node, calls=((("+facts_join", 0, 0),),)))
    nodes: list[Node] = []
    for node in changed.nodes:
        nodes += [*new, node] if node.id == target.id else [node]
    return Change(replace(changed, nodes=tuple(nodes)))


def prepare_input(spec: Spec, rng: Random) -> Change:
    """Preprocessing moves into the model: scaled and made noisy behind the input."""
    ids = [node.id for node in spec.nodes if node.cls == "InputLayer" and node.config.get("dtype") != "int32"]
    if not ids:
        raise NotApplicable("no input of numbers")
    chosen = rng.choice(ids)
    scale = Node("+scale", "Rescaling", {"scale": 0.5}, (), "to_range")
    noise = Node("+noise", "GaussianNoise", {"stddev": 0.2}, (), "shake")
    return Change(edits.insert(edits.insert(spec, chosen, noise), chosen, scale))


def replace_block(spec: Spec, rng: Random) -> Change:
    """One block makes room for a small one of another kind.

    Whether a layer of it stayed and only got another class is a matter of taste where classes are kin: optional.
    """
    block = some_block(spec, rng)
    entries, end = edits.entry(spec, block), edits.exit_of(spec, block)
    if len(entries) != 1:
        raise NotApplicable("called more than once")
    changed = edits.drop_block(spec, block)
    source = entries[0]
    behind = next((n.id for n in changed.nodes if n.id == source[0]), None)
    if behind is None:
        raise NotApplicable("nothing in front")
    users = {
        node.id for node in spec.nodes if node.id not in block and any(r == (end, 0, 0) for c in node.calls for r in c)
    }
    nodes = [
        Node("+other_norm", "UnitNormalization", {}, ((source,),), "other_norm"),
        Node("+other_noise", "GaussianNoise", {"stddev": 0.1}, ((("+other_norm", 0, 0),),), "other_noise"),
    ]
    kept = {node.id for node in changed.nodes if node.id not in users}
    changed = edits.redirect(changed, {source: ("+other_noise", 0, 0)}, but=kept)
    kin = {"Normalization": "+other_norm", "Dropout": "+other_noise"}
    optional = {(one, new) for one in block for word, new in kin.items() if spec.node(one).cls.endswith(word)}
    return Change(edits.put(changed, nodes, behind), frozenset(optional))


def move_block(spec: Spec, rng: Random) -> Change:
    """A block stands somewhere else, not only on the other side of its neighbour."""
    block = some_block(spec, rng)
    entries, end = edits.entry(spec, block), edits.exit_of(spec, block)
    if len(entries) != 1:
        raise NotApplicable("called more than once")
    taken = edits.drop_block(spec, block)
    places = [other for other in taken.blocks if not set(other) & set(block)]
    if not places:
        raise NotApplicable("nowhere to go")
    behind = edits.exit_of(taken, rng.choice(places))
    fed = edits.redirect(
        replace(spec, nodes=tuple(spec.node(one) for one in block)), {entries[0]: (behind, 0, 0)}
    ).nodes
    changed = edits.redirect(taken, {(behind, 0, 0): (end, 0, 0)})
    changed = edits.put(changed, fed, behind)
    if changed == spec:
        raise NotApplicable("the same place")
    return Change(changed)
