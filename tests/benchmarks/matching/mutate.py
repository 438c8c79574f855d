# Each function edits a spec as a person edits code and is one situation of the benchmark; which pairs are true
# follows from the ids. Where a person could honestly read an edit in two ways (a new head: other units, or another
# layer?), the pair is listed as optional: neither demanded nor held against the matcher. Ties that come from equal
# layers are not listed here: `observer` works them out for every case alike.
"""Edits with chance: `Change`, and one function per situation."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.specs import Node, Ref, Spec, renumbered

Random = random.Random


@dataclass(frozen=True, slots=True)
class Change:
    """The edited spec, and what is open about the pairs."""

    spec: Spec
    optional: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """Pairs of (id before, id after) that may be told or not."""


Edit = Callable[[Spec, Random], Change]


def nothing(spec: Spec, rng: Random) -> Change:
    """Saved again, or built again by the same code."""
    return Change(spec)


def _somewhere(spec: Spec, rng: Random, edit: Callable[[Spec], Spec]) -> Spec:
    """`edit` on the root graph or inside a sub-model."""
    bodies = [node.id for node in spec.nodes if node.body is not None]
    if bodies and rng.random() < 0.7:
        chosen = rng.choice(bodies)
        return edits.swap(spec, chosen, lambda node: replace(node, body=edit(node.body or spec)))
    return edit(spec)


# --- names ----------------------------------------------------------------------------------------------------


def _camel(name: str, index: int) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _counted_up(name: str, index: int) -> str:
    return "".join(str(int(part) + 1) if part.isdigit() else part for part in _digits(name))


def _digits(name: str) -> list[str]:
    parts = [""]
    for letter in name:
        if parts[-1] and parts[-1][-1].isdigit() != letter.isdigit():
            parts.append("")
        parts[-1] += letter
    return parts


_STYLES: tuple[Callable[[str, int], str], ...] = (
    lambda name, index: f"net_{name}",
    lambda name, index: f"{name}_v2",
    _camel,
    _counted_up,
    lambda name, index: f"node{index:03d}",
)


def rename_all(spec: Spec, rng: Random) -> Change:
    """Another naming scheme."""
    style = rng.choice(_STYLES)
    order = {node.id: index for index, (_, _, node) in enumerate(spec.walk())}
    return Change(spec.mapped(lambda node: replace(node, name=style(node.name, order[node.id]))))


def rename_some(spec: Spec, rng: Random) -> Change:
    """A third of the names, or the names of one part."""
    style = rng.choice((_STYLES[0], _STYLES[1], _STYLES[4]))
    ids = [node.id for _, _, node in spec.walk()]
    count = max(1, len(ids) // 3)
    start = rng.randrange(len(ids) - count + 1)
    chosen = set(ids[start : start + count] if rng.random() < 0.5 else rng.sample(ids, count))
    order = {identity: index for index, identity in enumerate(ids)}

    def rename(node: Node) -> Node:
        return replace(node, name=style(node.name, order[node.id])) if node.id in chosen else node

    return Change(spec.mapped(rename))


def swap_names(spec: Spec, rng: Random) -> Change:
    """Two layers of one class exchange their names."""
    groups: dict[str, list[Node]] = {}
    for _, _, node in spec.walk():
        if node.cls not in {"InputLayer", "Activation", "ReLU"}:
            groups.setdefault(node.cls, []).append(node)
    pools = [nodes for nodes in groups.values() if len(nodes) > 1]
    if not pools:
        raise NotApplicable("no two of a class")
    one, two = rng.sample(rng.choice(pools), 2)
    names = {one.id: two.name, two.id: one.name}
    return Change(spec.mapped(lambda node: replace(node, name=names.get(node.id, node.name))))


# --- one layer ------------------------------------------------------------------------------------------------

_INSERTABLE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("Dropout", {"rate": 0.15}, "extra_drop"),
    ("BatchNormalization", {}, "extra_bn"),
    ("LayerNormalization", {}, "extra_norm"),
    ("Activation", {"activation": "relu"}, "extra_act"),
    ("GaussianNoise", {"stddev": 0.1}, "extra_noise"),
    ("LeakyReLU", {}, "extra_leaky"),
)


def _insert(low: float, high: float) -> Edit:
    def edit(spec: Spec, rng: Random) -> Change:
        def put(graph: Spec) -> Spec:
            places = [
                node
                for node in graph.nodes[int(low * len(graph.nodes)) : max(1, int(high * len(graph.nodes)))]
                if node.config.get("dtype") != "int32"
                and graph.consumers(node.id)
                and "return_state" not in node.config
            ]
            if not places:
                raise NotApplicable("nowhere to insert")
            place = rng.choice(places)
            if (
                place.cls in {"Conv2D", "Dense", "Conv1D", "GRU"}
                and place.config.get("strides", 1) == 1
                and rng.random() < 0.5
            ):
                new = edits.copied(graph, [place.id], "+b")[0]
                if graph.sequential or place.config.get("padding", "same") == "same":
                    return edits.insert(graph, place.id, new)
            cls, config, name = rng.choice(_INSERTABLE)
            return edits.insert(graph, place.id, Node(f"+{name}", cls, config, (), name))

        return Change(_somewhere(spec, rng, put))

    return edit


insert_near_input = _insert(0.0, 0.25)
insert_in_middle = _insert(0.3, 0.7)
insert_near_end = _insert(0.75, 1.0)


def _remove(low: float, high: float) -> Edit:
    def edit(spec: Spec, rng: Random) -> Change:
        def take(graph: Spec) -> Spec:
            nodes = graph.nodes[int(low * len(graph.nodes)) : max(1, int(high * len(graph.nodes)))]
            ends = {ref[0] for ref in graph.outputs}
            places = [
                node.id
                for node in nodes
                if node.cls not in {"InputLayer", "Embedding", "Flatten"}
                and node.body is None
                and node.id not in ends
                and all(len(call) == 1 for call in node.calls)
                and "Pooling" not in node.cls
            ]
            if not places:
                raise NotApplicable("nothing to remove")
            return edits.remove(graph, rng.choice(places))

        return Change(_somewhere(spec, rng, take))

    return edit


remove_near_input = _remove(0.0, 0.3)
remove_in_middle = _remove(0.3, 0.7)
remove_near_end = _remove(0.7, 1.0)

_SETTINGS: dict[str, tuple[tuple[str, Any], ...]] = {
    "Dropout": (("rate", 0.35),),
    "SpatialDropout1D": (("rate", 0.35),),
    "Dense": (("activation", "elu"), ("kernel_regularizer", "l2"), ("use_bias", False)),
    "Conv2D": (("activation", "elu"), ("kernel_regularizer", "l2"), ("kernel_size", 5)),
    "Conv1D": (("activation", "elu"), ("kernel_size", 5)),
    "Activation": (("activation", "elu"),),
    "BatchNormalization": (("momentum", 0.9), ("epsilon", 1e-5)),
    "LayerNormalization": (("epsilon", 1e-5),),
    "LSTM": (("dropout", 0.2),),
    "GRU": (("dropout", 0.2), ("use_bias", False)),
    "MaxPooling2D": (("padding", "same"),),
    "MultiHeadAttention": (("key_dim", 6), ("num_heads", 1)),
    "Embedding": (("input_dim", 64),),
    "DepthwiseConv2D": (("kernel_size", 5),),
}


def change_settings(spec: Spec, rng: Random) -> Change:
    """A few config values: of one layer, of some, or of all of a class."""
    nodes = [node for _, _, node in spec.walk() if node.cls in _SETTINGS]
    first = rng.choice(nodes)
    key, value = rng.choice(_SETTINGS[first.cls])
    alike = [node.id for node in nodes if node.cls == first.cls]
    chosen = (
        {first.id}
        if rng.random() < 0.5
        else set(alike if rng.random() < 0.5 else rng.sample(alike, (len(alike) + 1) // 2))
    )

    def change(node: Node) -> Node:
        same_size = key == "kernel_size" and (
            node.config.get("padding") != "same" or node.config.get("kernel_size") == 1
        )
        if node.id not in chosen or same_size:
            return node
        return replace(node, config={**node.config, key: value})

    changed = spec.mapped(change)
    if changed == spec:
        raise NotApplicable("nothing changed")
    return Change(changed)


def change_width(spec: Spec, rng: Random) -> Change:
    """Units or filters of one layer, of some, or of all but the last."""
    keys = ("units", "filters")
    nodes = [node for _, _, node in spec.walk() if any(key in node.config for key in keys)]
    ends = {ref[0] for ref in spec.outputs}
    mode = rng.choice(("one", "one", "output", "all"))
    if mode == "output":
        chosen = {node.id for node in nodes if node.id in ends}
    elif mode == "all":
        chosen = {node.id for node in nodes if node.id not in ends}
    else:
        chosen = {rng.choice(nodes).id}
    factor = rng.choice((1.5, 2, 0.5))

    def change(node: Node) -> Node:
        wider = {key: max(1, int(node.config[key] * factor)) for key in keys if key in node.config}
        return replace(node, config={**node.config, **wider}) if node.id in chosen else node

    changed = spec.mapped(change)
    if changed == spec:
        raise NotApplicable("nothing changed")
    return Change(changed)


_SWAPS: dict[str, tuple[str, ...]] = {
    "LSTM": ("GRU",),
    "GRU": ("LSTM",),
    "BatchNormalization": ("LayerNormalization",),
    "LayerNormalization": ("BatchNormalization",),
    "ReLU": ("LeakyReLU",),
    "LeakyReLU": ("ReLU",),
    "MaxPooling2D": ("AveragePooling2D",),
    "MaxPooling1D": ("AveragePooling1D",),
    "AveragePooling2D": ("MaxPooling2D",),
    "GlobalAveragePooling2D": ("GlobalMaxPooling2D",),
    "GlobalAveragePooling1D": ("GlobalMaxPooling1D",),
    "Conv2D": ("SeparableConv2D",),
    "Dropout": ("GaussianDropout",),
    "SpatialDropout1D": ("Dropout",),
    "Add": ("Average",),
    "Conv2DTranspose": ("UpSampling2D",),
    "GatedUnit": ("GatedLayer",),
}


def swap_class(spec: Spec, rng: Random) -> Change:
    """Another class in the same place, once or everywhere; a person renames such a layer or leaves its name."""
    nodes = [node for _, _, node in spec.walk() if node.cls in _SWAPS]
    before = rng.choice(sorted({node.cls for node in nodes}))
    after = rng.choice(_SWAPS[before])
    alike = [node.id for node in nodes if node.cls == before]
    chosen = set(alike) if rng.random() < 0.5 else {rng.choice(alike)}
    renames = rng.random() < 0.5

    def change(node: Node) -> Node:
        if node.id not in chosen:
            return node
        config = {"size": 2} if after == "UpSampling2D" else node.config
        name = f"{node.name}_{after.lower()[:5]}" if renames else node.name
        lineage = before if after == "GatedLayer" else ""
        return replace(node, cls=after, config=config, name=name, lineage=lineage)

    return Change(spec.mapped(change))


# --- head, blocks ---------------------------------------------------------------------------------------------


def replace_head(spec: Spec, rng: Random) -> Change:
    """The last layer makes room for two and a dropout.

    Whether the new output layer is the old one with other units or another layer is a matter of taste: optional.
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
    optional = frozenset((last.id, node.id) for node in new if node.cls == "Dense")
    return Change(replace(spec, nodes=tuple(nodes), outputs=outputs), optional)


def _block(spec: Spec, rng: Random) -> tuple[str, ...]:
    if not spec.blocks:
        raise NotApplicable("no block")
    return rng.choice(spec.blocks)


def duplicate_block(spec: Spec, rng: Random) -> Change:
    """One more of the same, behind a block; sometimes the numbers in the names count through again."""
    block = _block(spec, rng)
    changed = edits.insert_block(spec, block, edits.copied(spec, block, "+b"))
    return Change(renumbered(changed) if rng.random() < 0.4 else changed)


def insert_block(spec: Spec, rng: Random) -> Change:
    """A new block of the same kind with a setting of its own."""
    block = _block(spec, rng)
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
    changed = edits.drop_block(spec, _block(spec, rng))
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


# --- connections ----------------------------------------------------------------------------------------------


def add_skip(spec: Spec, rng: Random) -> Change:
    """What goes into a block is added to what comes out."""
    block = _block(spec, rng)
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


# --- sub-models, sharing --------------------------------------------------------------------------------------


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


def several(*edit: Edit, count: tuple[int, int] = (2, 4)) -> Edit:
    """Two to four edits, one after the other."""

    def combined(spec: Spec, rng: Random) -> Change:
        optional: frozenset[tuple[str, str]] = frozenset()
        wanted, done = rng.randint(*count), 0
        for one in rng.sample(edit, len(edit)):
            if done == wanted:
                break
            try:
                change = one(spec, rng)
            except NotApplicable:
                continue
            ids = [node.id for _, _, node in change.spec.walk()]
            if len(ids) != len(set(ids)):
                continue
            spec, optional, done = change.spec, optional | change.optional, done + 1
        if done < 2:
            raise NotApplicable("too few edits fit")
        return Change(spec, optional)

    return combined
