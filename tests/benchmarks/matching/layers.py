# One line of code, or one argument on a few lines.
"""Edits of single layers: inserted, removed, other settings, other width, other class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Edit, Random, somewhere
from benchmarks.matching.specs import Node, Spec

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

        return Change(somewhere(spec, rng, put))

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

        return Change(somewhere(spec, rng, take))

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


def split_activation(spec: Spec, rng: Random) -> Change:
    """`Conv2D(activation="relu")` becomes a convolution and an activation, once or everywhere."""

    def split(graph: Spec) -> Spec:
        found = [
            node.id
            for node in graph.nodes
            if node.cls in {"Conv2D", "Dense"} and node.config.get("activation") in {"relu", "gelu"}
        ]
        if not found:
            raise NotApplicable("no activation inside a layer")
        for identity in found if rng.random() < 0.5 else [rng.choice(found)]:
            node = graph.node(identity)
            config = {key: value for key, value in node.config.items() if key != "activation"}
            bare = replace(node, config=config)
            act = Node(
                f"{identity}+act", "Activation", {"activation": node.config["activation"]}, (), f"{node.name}_act"
            )
            graph = replace(graph, nodes=tuple(bare if one.id == identity else one for one in graph.nodes))
            graph = edits.insert(graph, identity, act)
        return graph

    return Change(somewhere(spec, rng, split))


def exchange_layers(spec: Spec, rng: Random) -> Change:
    """Two layers, one right behind the other, in the other order: activation before normalisation."""

    def exchange(graph: Spec) -> Spec:
        movable = {"BatchNormalization", "Activation", "ReLU", "LeakyReLU", "Dropout", "LayerNormalization"}
        following = [
            (one.id, two.id)
            for one in graph.nodes
            for two in graph.nodes
            if one.cls in movable
            and two.cls in movable
            and two.calls == (((one.id, 0, 0),),)
            and graph.consumers(one.id) == [two.id]
        ]
        if not following:
            raise NotApplicable("no two layers to exchange")
        one, two = rng.choice(following)
        return edits.exchange_blocks(graph, (one,), (two,))

    return Change(somewhere(spec, rng, exchange))


def change_input(spec: Spec, rng: Random) -> Change:
    """Images or sequences of another size."""
    ids = [node.id for node in spec.nodes if node.cls == "InputLayer" and len(node.config["shape"]) > 1]
    if not ids:
        raise NotApplicable("no input with a size")

    def change(node: Node) -> Node:
        if node.id not in ids:
            return node
        shape = node.config["shape"]
        return replace(node, config={**node.config, "shape": (*(2 * size for size in shape[:-1]), shape[-1])})

    return Change(spec.mapped(change))
