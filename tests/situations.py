# Pairs of models with a known answer: a model is a list of layers with stable identities, edited the way a person
# edits code, and built twice. Real Keras builds the benchmark; this stands in for it in unit tests, in milliseconds.
"""Random models, random edits, and the true pairs: `situation(seed)`."""

from __future__ import annotations

import copy
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from models import weight

from modeldiff.graph import Call, Graph, Layer, LayerPath, Model, TensorRef, Weight

MERGES = ("Add", "Concatenate", "Multiply")


@dataclass
class Spec:
    """One layer to be. `id` is its identity, whatever it is called."""

    id: str
    cls: str
    config: dict[str, Any]
    calls: list[list[str]]
    """Ids of the layers whose output it takes, for each call."""
    name: str = ""
    """Chosen by a person; "" lets Keras count."""
    block: str = ""
    inside: str = ""
    """Id of the sub-model it stands in."""

    @property
    def inputs(self) -> list[str]:
        return self.calls[0]


@dataclass
class Plan:
    """A model to be."""

    layers: list[Spec] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    submodels: dict[str, str] = field(default_factory=dict)
    """Id of a sub-model -> its chosen name or ""."""
    fresh: int = 0

    def add(self, cls: str, *inputs: str, block: str = "", name: str = "", **config: Any) -> str:
        self.fresh += 1
        layer = Spec(f"L{self.fresh}", cls, config, [list(inputs)], name, block)
        self.layers.append(layer)
        return layer.id

    def get(self, identity: str) -> Spec:
        return next(layer for layer in self.layers if layer.id == identity)

    def consumers(self, identity: str) -> list[Spec]:
        return [layer for layer in self.layers if any(identity in call for call in layer.calls)]

    def replace_input(self, old: str, new: str, among: list[Spec] | None = None) -> None:
        for layer in self.layers if among is None else among:
            layer.calls = [[new if source == old else source for source in call] for call in layer.calls]
        if among is None:
            self.outputs = [new if out == old else out for out in self.outputs]

    def channels(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for layer in self.layers:
            found[layer.id] = _channels(layer, [found[source] for source in layer.inputs])
        return found


def _channels(layer: Spec, inputs: list[int]) -> int:
    for key in ("units", "filters", "output_dim"):
        if key in layer.config:
            return int(layer.config[key])
    if layer.cls == "InputLayer":
        return int(layer.config["batch_shape"][-1])
    if layer.cls == "Concatenate":
        return sum(inputs)
    return inputs[0] * 4 if layer.cls == "Flatten" else inputs[0]


# --- architectures --------------------------------------------------------------------------------------------------


def mlp(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 20], dtype="float32")
    width = rng.choice([16, 24, 32])
    for b in range(size):
        if rng.random() < 0.3:
            width = rng.choice([16, 24, 32, 48])
        x = plan.add("Dense", x, block=f"b{b}", units=width, activation="relu", use_bias=True)
        if rng.random() < 0.4:
            x = plan.add("BatchNormalization", x, block=f"b{b}", momentum=0.99)
        if rng.random() < 0.4:
            x = plan.add("Dropout", x, block=f"b{b}", rate=rng.choice([0.2, 0.5]))
    plan.outputs = [plan.add("Dense", x, units=10, activation="softmax", use_bias=True)]


def vgg(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 32, 32, 3], dtype="float32")
    width = 8
    for b in range(size):
        for _ in range(rng.choice([1, 2, 3])):
            x = plan.add(
                "Conv2D", x, block=f"b{b}", filters=width, kernel_size=[3, 3], padding="same", activation="relu"
            )
        x = plan.add("MaxPooling2D", x, block=f"b{b}", pool_size=[2, 2])
        width = min(32, width * 2) if b % 3 == 2 else width
    x = plan.add("Flatten", x)
    x = plan.add("Dense", x, units=64, activation="relu", use_bias=True)
    x = plan.add("Dropout", x, rate=0.5)
    plan.outputs = [plan.add("Dense", x, units=10, activation="softmax", use_bias=True)]


def resnet(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 32, 32, 3], dtype="float32")
    x = plan.add("Conv2D", x, filters=8, kernel_size=[7, 7], padding="same", strides=[2, 2])
    x = plan.add("BatchNormalization", x, momentum=0.99)
    x = plan.add("Activation", x, activation="relu")
    width, first_skip = 8, rng.random() < 0.5
    for b in range(size):
        block, start, grow = f"b{b}", x, b and b % 4 == 0
        width = min(64, width * 2) if grow else width
        strides = [2, 2] if grow else [1, 1]
        y = plan.add("Conv2D", start, block=block, filters=width, kernel_size=[3, 3], padding="same", strides=strides)
        y = plan.add("BatchNormalization", y, block=block, momentum=0.99)
        y = plan.add("Activation", y, block=block, activation="relu")
        y = plan.add("Conv2D", y, block=block, filters=width, kernel_size=[3, 3], padding="same", strides=[1, 1])
        y = plan.add("BatchNormalization", y, block=block, momentum=0.99)
        if grow:
            start = plan.add("Conv2D", start, block=block, filters=width, kernel_size=[1, 1], strides=strides)
            start = plan.add("BatchNormalization", start, block=block, momentum=0.99)
        x = plan.add("Add", *((start, y) if first_skip else (y, start)), block=block)
        x = plan.add("Activation", x, block=block, activation="relu")
    x = plan.add("GlobalAveragePooling2D", x)
    plan.outputs = [plan.add("Dense", x, units=10, activation="softmax", use_bias=True)]


def mobilenet(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 32, 32, 3], dtype="float32")
    width = 8
    for b in range(size):
        x = plan.add("DepthwiseConv2D", x, block=f"b{b}", kernel_size=[3, 3], padding="same", use_bias=False)
        x = plan.add("BatchNormalization", x, block=f"b{b}", momentum=0.99)
        x = plan.add("ReLU", x, block=f"b{b}", max_value=6.0)
        width = min(48, width + 8) if b % 5 == 4 else width
        x = plan.add("Conv2D", x, block=f"b{b}", filters=width, kernel_size=[1, 1], padding="same", use_bias=False)
        x = plan.add("BatchNormalization", x, block=f"b{b}", momentum=0.99)
        x = plan.add("ReLU", x, block=f"b{b}", max_value=6.0)
    x = plan.add("GlobalAveragePooling2D", x)
    x = plan.add("Dropout", x, rate=0.2)
    plan.outputs = [plan.add("Dense", x, units=5, activation="softmax", use_bias=True)]


def unet(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 64, 64, 3], dtype="float32")
    skips = []
    depth = max(1, min(4, size // 3))
    skip_first = rng.random() < 0.5

    def double(x: str, width: int, block: str) -> str:
        for _ in range(2):
            x = plan.add("Conv2D", x, block=block, filters=width, kernel_size=[3, 3], padding="same")
            x = plan.add("BatchNormalization", x, block=block, momentum=0.99)
            x = plan.add("Activation", x, block=block, activation="relu")
        return x

    for level in range(depth):
        x = double(x, 8 << level, f"d{level}")
        skips.append(x)
        x = plan.add("MaxPooling2D", x, pool_size=[2, 2])
    x = double(x, 8 << depth, "mid")
    for level in reversed(range(depth)):
        x = plan.add("Conv2DTranspose", x, filters=8 << level, kernel_size=[2, 2], strides=[2, 2])
        x = plan.add("Concatenate", *((skips[level], x) if skip_first else (x, skips[level])), axis=-1)
        x = double(x, 8 << level, f"u{level}")
    plan.outputs = [plan.add("Conv2D", x, filters=1, kernel_size=[1, 1], activation="sigmoid")]


def transformer(plan: Plan, rng: random.Random, size: int) -> None:
    tokens = plan.add("InputLayer", batch_shape=[None, 16], dtype="int32")
    x = plan.add("Embedding", tokens, input_dim=50, output_dim=16)
    for b in range(size):
        block = f"b{b}"
        y = plan.add("LayerNormalization", x, block=block, epsilon=1e-6)
        y = plan.add("MultiHeadAttention", y, y, block=block, num_heads=2, key_dim=8)
        y = plan.add("Dropout", y, block=block, rate=0.1)
        x = plan.add("Add", x, y, block=block)
        y = plan.add("LayerNormalization", x, block=block, epsilon=1e-6)
        y = plan.add("Dense", y, block=block, units=32, activation="gelu", use_bias=True)
        y = plan.add("Dense", y, block=block, units=16, activation="linear", use_bias=True)
        y = plan.add("Dropout", y, block=block, rate=0.1)
        x = plan.add("Add", x, y, block=block)
    x = plan.add("LayerNormalization", x, epsilon=1e-6)
    x = plan.add("GlobalAveragePooling1D", x)
    plan.outputs = [plan.add("Dense", x, units=3, activation="softmax", use_bias=True)]


def inception(plan: Plan, rng: random.Random, size: int) -> None:
    x = plan.add("InputLayer", batch_shape=[None, 32, 32, 3], dtype="float32")
    x = plan.add("Conv2D", x, filters=16, kernel_size=[3, 3], padding="same", activation="relu")
    for b in range(size):
        block, branches = f"b{b}", []
        for kernel in ([1], [1, 3], [1, 5], [1, 3, 3])[: rng.choice([2, 3, 4])]:
            y = x
            for k in kernel:
                y = plan.add("Conv2D", y, block=block, filters=8, kernel_size=[k, k], padding="same", activation="relu")
            branches.append(y)
        x = plan.add("Concatenate", *branches, block=block, axis=-1)
        x = plan.add("Conv2D", x, block=block, filters=16, kernel_size=[1, 1], padding="same", activation="relu")
    x = plan.add("GlobalAveragePooling2D", x)
    plan.outputs = [plan.add("Dense", x, units=4, activation="softmax", use_bias=True)]


def towers(plan: Plan, rng: random.Random, size: int) -> None:
    """Several alike branches of several inputs, several outputs."""
    ends = []
    for t in range(rng.choice([2, 3])):
        x = plan.add("InputLayer", batch_shape=[None, 12 if rng.random() < 0.5 else 12 + t], dtype="float32")
        for _ in range(max(1, size // 2)):
            x = plan.add("Dense", x, block=f"t{t}", units=16, activation="relu", use_bias=True)
            if rng.random() < 0.3:
                x = plan.add("Dropout", x, block=f"t{t}", rate=0.3)
        ends.append(x)
    x = plan.add("Concatenate", *ends, axis=-1)
    x = plan.add("Dense", x, units=32, activation="relu", use_bias=True)
    plan.outputs = [
        plan.add("Dense", x, units=units, activation=activation, use_bias=True)
        for units, activation in [(1, "sigmoid"), (5, "softmax"), (1, "linear")][: rng.choice([1, 2, 3])]
    ]


def rnn(plan: Plan, rng: random.Random, size: int) -> None:
    tokens = plan.add("InputLayer", batch_shape=[None, 24], dtype="int32")
    x = plan.add("Embedding", tokens, input_dim=80, output_dim=12)
    cls = rng.choice(["LSTM", "GRU"])
    for b in range(size):
        x = plan.add(cls, x, block=f"b{b}", units=12, return_sequences=b < size - 1)
        if rng.random() < 0.5:
            x = plan.add("Dropout", x, block=f"b{b}", rate=0.2)
    x = plan.add("Dense", x, units=16, activation="relu", use_bias=True)
    plan.outputs = [plan.add("Dense", x, units=2, activation="softmax", use_bias=True)]


def siamese(plan: Plan, rng: random.Random, size: int) -> None:
    left = plan.add("InputLayer", batch_shape=[None, 10], dtype="float32")
    right = plan.add("InputLayer", batch_shape=[None, 10], dtype="float32")
    for _ in range(max(2, size)):
        shared = plan.add("Dense", left, units=10, activation="relu", use_bias=True)
        if left != shared:
            plan.get(shared).calls = [[left], [right]]
        left, right = shared, f"{shared}@1"
    x = plan.add("Subtract", left, right)
    plan.outputs = [plan.add("Dense", x, units=1, activation="sigmoid", use_bias=True)]


ARCHITECTURES: dict[str, Callable[[Plan, random.Random, int], None]] = {
    f.__name__: f for f in (mlp, vgg, resnet, mobilenet, unet, transformer, inception, towers, rnn)
}


# --- edits: each returns False where it does not fit --------------------------------------------------------------


def _inner(plan: Plan) -> list[Spec]:
    return [layer for layer in plan.layers if layer.cls != "InputLayer"]


def _insert_after(plan: Plan, after: Spec, cls: str, name: str, **config: Any) -> Spec:
    consumers = plan.consumers(after.id)
    identity = plan.add(cls, after.id, **config)
    layer = plan.layers.pop()
    layer.name, layer.inside, layer.block = name, after.inside, after.block
    plan.layers.insert(plan.layers.index(after) + 1, layer)
    plan.replace_input(after.id, identity, consumers)
    plan.outputs = [identity if out == after.id else out for out in plan.outputs]
    return layer


def _style(plan: Plan, rng: random.Random, stem: str) -> str:
    named = sum(bool(layer.name) for layer in plan.layers) / len(plan.layers)
    return f"{stem}_{rng.randrange(1000)}" if rng.random() < named else ""


def insert_layer(plan: Plan, rng: random.Random) -> bool:
    after = rng.choice(plan.layers[: max(2, len(plan.layers) // 2)] if rng.random() < 0.5 else plan.layers)
    if after.id in plan.outputs or after.cls == "Embedding" or not plan.consumers(after.id):
        return False
    image = "Conv2D" in {layer.cls for layer in plan.layers}
    channels = plan.channels()[after.id]
    options: list[tuple[str, dict[str, Any]]] = [
        ("Dropout", {"rate": 0.25}),
        ("BatchNormalization", {"momentum": 0.99}),
        ("Activation", {"activation": "relu"}),
        ("LayerNormalization", {"epsilon": 1e-3}),
        ("Conv2D", {"filters": channels, "kernel_size": [3, 3], "padding": "same"})
        if image
        else ("Dense", {"units": channels, "activation": "relu", "use_bias": True}),
    ]
    cls, config = rng.choice(options)
    _insert_after(plan, after, cls, _style(plan, rng, "extra"), **config)
    return True


def remove_layer(plan: Plan, rng: random.Random) -> bool:
    channels = plan.channels()
    fitting = [
        layer
        for layer in _inner(plan)
        if len(layer.calls) == 1
        and len(set(layer.inputs)) == 1
        and channels[layer.id] == channels[layer.inputs[0]]
        and layer.id not in plan.outputs
        and layer.cls not in ("Embedding", "Flatten", "MultiHeadAttention")
    ]
    if not fitting or len(plan.layers) < 6:
        return False
    layer = rng.choice(fitting)
    plan.layers.remove(layer)
    plan.replace_input(layer.id, layer.inputs[0])
    return True


def _block(plan: Plan, rng: random.Random) -> tuple[list[Spec], str, str] | None:
    """A block with one way in and one way out and the same width at both, its entry and its exit."""
    channels = plan.channels()
    blocks: dict[str, list[Spec]] = defaultdict(list)
    for layer in plan.layers:
        if layer.block and not layer.inside:
            blocks[layer.block].append(layer)
    found = []
    for layers in blocks.values():
        ids = {layer.id for layer in layers}
        entries = {source for layer in layers for call in layer.calls for source in call} - ids
        exits = [x.id for x in layers if x.id in plan.outputs or any(c.id not in ids for c in plan.consumers(x.id))]
        if len(entries) == 1 and len(exits) == 1 and channels[next(iter(entries))] == channels[exits[0]]:
            found.append((layers, next(iter(entries)), exits[0]))
    return rng.choice(found) if found else None


def duplicate_block(plan: Plan, rng: random.Random) -> bool:
    block = _block(plan, rng)
    if block is None:
        return False
    layers, entry, exit_ = block
    plan.fresh += 1
    renamed = {entry: exit_}
    copies = []
    tag = f"dup{plan.fresh}"
    for layer in layers:
        plan.fresh += 1
        renamed[layer.id] = f"L{plan.fresh}"
        calls = [[renamed.get(source, source) for source in call] for call in layer.calls]
        name = f"{tag}_{layer.name}" if layer.name else ""
        copies.append(Spec(renamed[layer.id], layer.cls, dict(layer.config), calls, name, tag, layer.inside))
    consumers = [layer for layer in plan.consumers(exit_) if layer not in layers]
    plan.replace_input(exit_, renamed[exit_], consumers)
    plan.outputs = [renamed[exit_] if out == exit_ else out for out in plan.outputs]
    at = max(plan.layers.index(layer) for layer in layers) + 1
    plan.layers[at:at] = copies
    return True


def remove_block(plan: Plan, rng: random.Random) -> bool:
    block = _block(plan, rng)
    if block is None or len(block[0]) > len(plan.layers) // 2:
        return False
    layers, entry, exit_ = block
    for layer in layers:
        plan.layers.remove(layer)
    plan.replace_input(exit_, entry)
    return True


def reorder_blocks(plan: Plan, rng: random.Random) -> bool:
    """Move a block behind another one further down."""
    one, two = _block(plan, rng), _block(plan, rng)
    if one is None or two is None or one[0] is two[0] or one[0][0].block == two[0][0].block:
        return False
    if plan.layers.index(one[0][0]) > plan.layers.index(two[0][0]):
        one, two = two, one
    channels = plan.channels()
    if channels[one[2]] != channels[two[2]]:
        return False
    layers, entry, exit_ = one
    plan.replace_input(exit_, entry, [layer for layer in plan.consumers(exit_) if layer not in layers])
    for layer in layers:
        plan.layers.remove(layer)
    target = two[2]
    plan.replace_input(target, exit_, [layer for layer in plan.consumers(target) if layer not in two[0]])
    plan.outputs = [exit_ if out == target else out for out in plan.outputs]
    at = max(plan.layers.index(layer) for layer in two[0]) + 1
    for layer in layers:
        layer.calls = [[target if source == entry else source for source in call] for call in layer.calls]
    plan.layers[at:at] = layers
    return True


def swap_names(plan: Plan, rng: random.Random) -> bool:
    named: dict[str, list[Spec]] = defaultdict(list)
    for layer in _inner(plan):
        if layer.name and layer.cls in ("Dense", "Conv2D", "LSTM", "GRU"):
            named[layer.cls].append(layer)
    groups = [layers for layers in named.values() if len(layers) > 1]
    if not groups:
        return False
    a, b = rng.sample(rng.choice(groups), 2)
    a.name, b.name = b.name, a.name
    return True


def replace_head(plan: Plan, rng: random.Random) -> bool:
    head = plan.get(plan.outputs[0])
    if head.cls != "Dense" or len(plan.layers) < 8:
        return False
    source = head.inputs[0]
    plan.layers.remove(head)
    units = rng.choice([u for u in (2, 7, 12) if u != head.config["units"]])
    x = source
    if rng.random() < 0.7:
        x = plan.add(
            "Dense", x, units=rng.choice([20, 40]), activation="relu", use_bias=True, name=_style(plan, rng, "new")
        )
        x = plan.add("Dropout", x, rate=0.35, name=_style(plan, rng, "new_drop"))
    x = plan.add("Dense", x, units=units, activation="softmax", use_bias=True, name=_style(plan, rng, "new_head"))
    plan.outputs[0] = x
    return True


def change_units(plan: Plan, rng: random.Random) -> bool:
    channels = plan.channels()
    fitting = []
    for layer in _inner(plan):
        key = next((k for k in ("units", "filters") if k in layer.config), None)
        if key is None or layer.id in plan.outputs:
            continue
        waiting, seen, fits = [layer.id], set(), True
        while waiting and fits:
            for consumer in plan.consumers(waiting.pop()):
                if (
                    consumer.cls in ("Add", "Multiply", "Subtract", "MultiHeadAttention", "DepthwiseConv2D")
                    or len(consumer.calls) > 1
                ):
                    fits = False
                if not {"units", "filters", "output_dim"} & consumer.config.keys() and consumer.id not in seen:
                    seen.add(consumer.id)
                    waiting.append(consumer.id)
                    fits = fits and consumer.id not in plan.outputs
        if fits:
            fitting.append((layer, key))
    if not fitting:
        return False
    layer, key = rng.choice(fitting)
    layer.config[key] = channels[layer.id] * 2
    return True


SWAPS = {
    "LSTM": ("GRU", {}),
    "GRU": ("LSTM", {}),
    "BatchNormalization": ("LayerNormalization", {"epsilon": 1e-3}),
    "ReLU": ("LeakyReLU", {"negative_slope": 0.2}),
    "Activation": ("LeakyReLU", {"negative_slope": 0.2}),
    "MaxPooling2D": ("AveragePooling2D", None),
    "Dropout": ("SpatialDropout1D", None),
    "GlobalAveragePooling2D": ("GlobalMaxPooling2D", None),
}


def swap_class(plan: Plan, rng: random.Random) -> bool:
    fitting = [layer for layer in _inner(plan) if layer.cls in SWAPS]
    if not fitting:
        return False
    layer = rng.choice(fitting)
    many = rng.random() < 0.2
    for one in [x for x in fitting if x.cls == layer.cls] if many else [layer]:
        cls, config = SWAPS[one.cls]
        if one.cls in ("LSTM", "GRU"):
            config = one.config
        one.cls, one.config = cls, dict(one.config if config is None else config)
    return True


def change_config(plan: Plan, rng: random.Random) -> bool:
    for layer in rng.sample(plan.layers, len(plan.layers)):
        for key, values in (
            ("rate", [0.05, 0.45]),
            ("activation", ["elu", "tanh"]),
            ("momentum", [0.9]),
            ("epsilon", [1e-5]),
        ):
            if key in layer.config and layer.id not in plan.outputs:
                layer.config[key] = rng.choice(values)
                return True
    return False


def add_skip(plan: Plan, rng: random.Random) -> bool:
    channels = plan.channels()
    inner = [
        layer
        for layer in _inner(plan)
        if layer.id not in plan.outputs and layer.cls != "Embedding" and not layer.inside
    ]
    for _ in range(20 if len(inner) > 1 else 0):
        a, b = rng.sample(inner, 2)
        if plan.layers.index(a) > plan.layers.index(b):
            a, b = b, a
        if channels[a.id] == channels[b.id] and a.id not in b.inputs and a.block[:1] == b.block[:1]:
            added = _insert_after(plan, b, "Add", _style(plan, rng, "skip"))
            added.calls = [[b.id, a.id] if rng.random() < 0.5 else [a.id, b.id]]
            return True
    return False


def remove_skip(plan: Plan, rng: random.Random) -> bool:
    adds = [layer for layer in plan.layers if layer.cls == "Add" and len(layer.inputs) == 2]
    if not adds:
        return False
    add = rng.choice(adds)
    order = {layer.id: k for k, layer in enumerate(plan.layers)}
    keep = max(add.inputs, key=order.__getitem__)
    other = min(add.inputs, key=order.__getitem__)
    if len(plan.consumers(other)) < 2:
        return False
    plan.layers.remove(add)
    plan.replace_input(add.id, keep)
    return True


def shuffle_concatenate(plan: Plan, rng: random.Random) -> bool:
    fitting = [layer for layer in plan.layers if layer.cls == "Concatenate"]
    if not fitting:
        return False
    layer = rng.choice(fitting)
    layer.calls = [layer.calls[0][::-1]]
    return True


def extract_submodel(plan: Plan, rng: random.Random) -> bool:
    """A run of the list with one way in and one way out goes into a sub-model."""
    if plan.submodels:
        return False
    for _ in range(30):
        start = rng.randrange(1, max(2, len(plan.layers) - 2))
        run = plan.layers[start : start + rng.randrange(2, 15)]
        ids = {layer.id for layer in run}
        entries = {source for layer in run for call in layer.calls for source in call} - ids
        exits = {x.id for x in run if x.id in plan.outputs or any(c.id not in ids for c in plan.consumers(x.id))}
        if len(entries) == 1 and len(exits) == 1 and not any(x.cls == "InputLayer" for x in run) and len(run) > 1:
            if exits & set(plan.outputs):
                continue
            for layer in run:
                layer.inside = "S1"
            plan.submodels["S1"] = _style(plan, rng, "encoder")
            return True
    return False


def rename_some(plan: Plan, rng: random.Random) -> bool:
    named = [layer for layer in plan.layers if layer.name]
    for layer in rng.sample(named, min(len(named), rng.choice([1, 2, 5]))):
        layer.name = f"fresh_{rng.randrange(10000)}"
    return bool(named)


def rename_all(plan: Plan, rng: random.Random) -> bool:
    for layer in plan.layers:
        if layer.name:
            layer.name = f"v2_{layer.name}"
    return any(layer.name for layer in plan.layers)


EDITS: dict[str, Callable[[Plan, random.Random], bool]] = {
    f.__name__: f
    for f in (
        insert_layer, remove_layer, duplicate_block, remove_block, reorder_blocks, swap_names, replace_head,
        change_units, swap_class, change_config, add_skip, remove_skip, shuffle_concatenate, extract_submodel,
        rename_some, rename_all,
    )
}  # fmt: skip


# --- building ------------------------------------------------------------------------------------------------------


def _snake(cls: str) -> str:
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls)).lower()


def _weights(layer: Spec, features: int, lineage: str, regime: str) -> tuple[Weight, ...]:
    c, config = features, layer.config
    u = config.get("units", config.get("filters", c))
    k = config.get("kernel_size", [1, 1])
    known: dict[str, list[tuple[str, tuple[int, ...], float | None]]] = {
        "Dense": [("kernel", (c, u), None), ("bias", (u,), 0.0)],
        "Conv2D": [("kernel", (*k, c, u), None), ("bias", (u,), 0.0)],
        "Conv2DTranspose": [("kernel", (*k, u, c), None), ("bias", (u,), 0.0)],
        "DepthwiseConv2D": [("kernel", (*k, c, 1), None)],
        "BatchNormalization": [
            ("gamma", (c,), 1.0),
            ("beta", (c,), 0.0),
            ("moving_mean", (c,), 0.0),
            ("moving_variance", (c,), 1.0),
        ],
        "LayerNormalization": [("gamma", (c,), 1.0), ("beta", (c,), 0.0)],
        "Embedding": [("embeddings", (config.get("input_dim", 1), config.get("output_dim", 1)), None)],
        "LSTM": [("kernel", (c, 4 * u), None), ("recurrent_kernel", (u, 4 * u), None), ("bias", (4 * u,), 0.5)],
        "GRU": [("kernel", (c, 3 * u), None), ("recurrent_kernel", (u, 3 * u), None), ("bias", (2, 3 * u), 0.0)],
        "MultiHeadAttention": [
            (f"{role}/{part}", shape, None if part == "kernel" else 0.0)
            for role in ("query", "key", "value", "attention_output")
            for part, shape in (("kernel", (c, 2, 8)), ("bias", (2, 8)))
        ],
    }
    shapes = known.get(layer.cls, [])
    if config.get("use_bias") is False:
        shapes = shapes[:1]
    trained = regime.endswith("!")
    found = []
    for role, shape, constant in shapes:
        base = np.random.default_rng(zlib.crc32(f"{lineage}/{role}/{shape}".encode()))
        array = base.standard_normal(shape) * 0.1 if constant is None else np.full(shape, constant)
        if trained and constant is not None:
            array = array + base.standard_normal(shape) * 0.1
        found.append((role, shape, array))
    noise = {"fine-tuned": 0.05, "heavy": 0.8}.get(regime.rstrip("!"), 0.0)
    moved = np.random.default_rng(zlib.crc32(f"{lineage}/moved".encode()))
    return tuple(
        weight(role, (array + noise * 0.1 * moved.standard_normal(shape)).astype(np.float32))
        for role, shape, array in found
    )


def build(
    plan: Plan, rng: random.Random, *, regime: str, offset: int, lineage: str = ""
) -> tuple[Model, dict[str, LayerPath]]:
    """The model of a plan, and the path of every layer by its id."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    channels = plan.channels()
    for layer in plan.layers:
        stem = _snake(layer.cls)
        number = counts[stem] + offset
        names[layer.id] = layer.name or (f"{stem}_{number}" if number else stem)
        counts[stem] += not layer.name
    for identity, name in plan.submodels.items():
        names[identity] = name or "functional"
    inside = {layer.id: layer.inside for layer in plan.layers}
    paths = {layer.id: (*((names[layer.inside],) if layer.inside else ()), names[layer.id]) for layer in plan.layers}
    sections: dict[str, list[Layer]] = defaultdict(list)
    placed: set[str] = set()

    def ref(source: str, at: str) -> TensorRef:
        source, _, call = source.partition("@")
        if inside[source] == at:
            return TensorRef(names[source], int(call or 0))
        return TensorRef(names[inside[source]]) if inside[source] else TensorRef("entry")

    def layer_of(spec: Spec) -> Layer:
        source = [channels[x.partition("@")[0]] for x in spec.inputs]
        weights = _weights(spec, source[0] if source else 1, lineage + spec.id, regime)
        calls = tuple(Call(tuple(ref(x, spec.inside) for x in call)) for call in spec.calls)
        return Layer(names[spec.id], spec.cls, spec.config, calls, weights)

    for spec in plan.layers:
        if spec.inside and spec.inside not in placed:
            placed.add(spec.inside)
            run = [x for x in plan.layers if x.inside == spec.inside]
            ids = {x.id for x in run}
            entry = next(s for x in run for s in x.inputs if s not in ids)
            exit_ = next(
                x.id for x in run if any(c.id not in ids for c in plan.consumers(x.id)) or x.id in plan.outputs
            )
            inner = (
                Layer("entry", "InputLayer", {"batch_shape": [None, channels[entry]]}, (Call(),)),
                *map(layer_of, run),
            )
            body = Graph(inner, (TensorRef("entry"),), (TensorRef(names[exit_]),), names[spec.inside])
            sections[""].append(Layer(names[spec.inside], "Functional", {}, (Call((ref(entry, ""),)),), body=body))
        elif not spec.inside:
            sections[""].append(layer_of(spec))
    inputs = tuple(TensorRef(names[x.id]) for x in plan.layers if x.cls == "InputLayer")
    outputs = tuple(ref(out, "") for out in plan.outputs)
    layers = _reordered(sections[""], rng)
    return Model("model", "m.h5", "keras-h5", Graph(layers, inputs, outputs, "model")), paths


def _reordered(layers: list[Layer], rng: random.Random) -> tuple[Layer, ...]:
    """Another topological order: the file's order is no evidence."""
    if rng.random() < 0.3:
        return tuple(layers)
    waiting, done, order = list(layers), set(), []
    while waiting:
        ready = [
            x for x in waiting[:12] if all(r.layer in done or r.layer == x.name for c in x.calls for r in c.inputs)
        ]
        chosen = rng.choice(ready[:3]) if ready else waiting[0]
        waiting.remove(chosen)
        done.add(chosen.name)
        order.append(chosen)
    return tuple(order)


# --- situations ------------------------------------------------------------------------------------------------------


@dataclass
class Situation:
    """Two models and the truth about them."""

    label: str
    architecture: str
    edits: tuple[str, ...]
    naming: str
    regime: str
    old: Model
    new: Model
    truth: set[tuple[LayerPath, LayerPath]]
    plans: tuple[Plan, Plan]


def _name_layers(plan: Plan, rng: random.Random, naming: str) -> None:
    share = {"explicit": 1.0, "automatic": 0.0, "mixed": 0.5}[naming]
    counts: Counter[str] = Counter()
    for layer in plan.layers:
        counts[layer.block] += 1
        if rng.random() < share:
            layer.name = f"{layer.block or 'net'}_{_snake(layer.cls)[:5]}{counts[layer.block]}"


def situation(
    seed: int, *, size: int | None = None, edits: int | None = None, only: str = "", naming: str = "", regime: str = ""
) -> Situation:
    """One random pair; the same for the same arguments."""
    rng = random.Random(seed)
    architecture = rng.choice(list(ARCHITECTURES))
    naming = naming or rng.choice(["explicit", "automatic", "mixed"])
    regime = regime or rng.choice(["identical", "fine-tuned", "heavy", "re-initialised"])
    regime = regime + rng.choice(["", "!"])
    size = size or rng.choice([2, 3, 5, 8, 12])
    old = Plan()
    ARCHITECTURES[architecture](old, rng, size)
    _name_layers(old, rng, naming)
    new = copy.deepcopy(old)
    done: list[str] = []
    wanted = rng.choice([0, 1, 1, 1, 2, 3, 4]) if edits is None else edits
    for _ in range(60):
        if len(done) == wanted:
            break
        name = only if only and not done else rng.choice(list(EDITS))
        if EDITS[name](new, rng):
            done.append(name)
    first = regime.rstrip("!")
    base = "base" + regime[len(first) :]
    offset = rng.choice([0, 0, rng.randrange(1, 30)])
    one, old_paths = build(old, rng, regime=base, offset=0)
    two, new_paths = build(new, rng, regime=regime, offset=offset, lineage="other" if first == "re-initialised" else "")
    both = [layer.id for layer in old.layers if layer.id in new_paths]
    truth = {(old_paths[one], new_paths[one]) for one in both}
    if rng.random() < 0.3:
        swap = one, two
        two, one = swap
        truth = {(there, here) for here, there in truth}
        old, new = new, old
        done = [f"-{name}" for name in done]
    label = f"{seed} {architecture} {'+'.join(done)} {naming} {regime}"
    return Situation(label, architecture, tuple(done), naming, first, one, two, truth, (old, new))


def situations(count: int, start: int = 0, **settings: Any) -> Iterator[Situation]:
    """Many random pairs."""
    return (situation(seed, **settings) for seed in range(start, start + count))
