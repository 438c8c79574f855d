# Models for tests, described in a few lines of text. One builder, so that every test reads the same way.
"""Build `modeldiff.graph` models from text.

    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    shared: Dense(units=4) <- a <- a        two calls
    both: Add <- a, shared, shared@1        three tensors; `@1` is the second call, `.1` the second output
    enc: Functional <- both                 a sub-model: its layers follow, indented
        ex: InputLayer(batch_shape=[None, 4])
        ed: Dense(units=2) <- ex
        outputs: ed
    outputs: enc

Dense, Conv2D, BatchNormalization and Embedding get weights: seeded by layer *identity*, which is the layer's path
unless `seeds` says otherwise, so that the same line gives the same numbers in two models. `w=7` in the arguments
fixes the seed of one layer and is not part of its config.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.graph import Call, Graph, Layer, Model, TensorRef, Weight, sample_runs


@dataclass(frozen=True)
class ArraySource:
    """A weight whose numbers are in memory."""

    array: NDArray[Any]
    is_costly: bool = False

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        flat = self.array.reshape(-1)
        for start in range(0, flat.size, entries):
            yield flat[start : start + entries]

    def sample(self, count: int) -> NDArray[Any]:
        flat = self.array.reshape(-1)
        return np.concatenate([flat[:0], *(flat[start:stop] for start, stop in sample_runs(flat.size, count))])


def weight(name: str, array: NDArray[Any], *, trainable: bool = True) -> Weight:
    """A weight with these values."""
    array = np.ascontiguousarray(array)
    return Weight(name, array.shape, str(array.dtype), ArraySource(array), name, trainable)


def _weights(class_name: str, config: Mapping[str, Any], features: int, seed: int) -> tuple[Weight, ...]:
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> NDArray[np.float32]:
        return (random.standard_normal(shape) * 0.1).astype(np.float32)

    bias = (
        [weight("bias", normal(config.get("units", config.get("filters", 1))))] if config.get("use_bias", True) else []
    )
    if class_name == "Dense":
        return (weight("kernel", normal(features, config["units"])), *bias)
    if class_name == "Conv2D":
        size = config.get("kernel_size", 3)
        return (weight("kernel", normal(size, size, features, config["filters"])), *bias)
    if class_name == "Embedding":
        return (weight("embeddings", normal(config["input_dim"], config["output_dim"])),)
    if class_name == "BatchNormalization":
        return (
            weight("gamma", normal(features)),
            weight("beta", normal(features)),
            weight("moving_mean", normal(features), trainable=False),
            weight("moving_variance", np.abs(normal(features)), trainable=False),
        )
    return ()


def _features(class_name: str, config: Mapping[str, Any], inputs: list[int]) -> int:
    for key in ("units", "filters", "output_dim"):
        if key in config:
            return int(config[key])
    if "batch_shape" in config:
        return int(config["batch_shape"][-1])
    return sum(inputs) if class_name == "Concatenate" else (inputs[0] if inputs else 1)


_LINE = re.compile(r"(?P<name>[^:]+): (?P<cls>\w+)(?:\((?P<args>.*?)\))?(?P<calls>( <- [^<]+)*)$")
_REF = re.compile(r"(?P<layer>[^.@,]+)(@(?P<call>\d+))?(\.(?P<output>\d+))?$")


def _refs(text: str) -> tuple[TensorRef, ...]:
    found = [_REF.match(part.strip()) for part in text.split(",")]
    return tuple(TensorRef(m["layer"].strip(), int(m["call"] or 0), int(m["output"] or 0)) for m in found if m)


def _config(text: str) -> dict[str, Any]:
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}


def _graph(lines: list[str], prefix: str, seeds: Mapping[str, int], name: str) -> Graph:
    layers: list[Layer] = []
    features: dict[str, int] = {}
    outputs: tuple[TensorRef, ...] = ()
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        inner: list[str] = []
        while position < len(lines) and lines[position].startswith("    "):
            inner.append(lines[position][4:])
            position += 1
        if line.startswith("outputs:"):
            outputs = _refs(line.partition(":")[2])
            continue
        match = _LINE.match(line.strip())
        assert match, f"not a layer: {line!r}"
        layer_name = match["name"].strip()
        config = _config(match["args"] or "")
        path = f"{prefix}{layer_name}"
        seed = config.pop("w", seeds.get(path, zlib.crc32(path.encode())))
        trainable = config.pop("trainable", True)
        calls = tuple(Call(_refs(text)) for text in match["calls"].split(" <- ")[1:]) or (Call(),)
        body = _graph(inner, f"{path}/", seeds, layer_name) if inner else None
        sources = [features.get(ref.layer, 1) for ref in calls[0].inputs]
        features[layer_name] = (
            1 if body is None else max([1, *(_features(x.class_name, x.config, [1]) for x in body.layers[-1:])])
        )
        if body is None:
            features[layer_name] = _features(match["cls"], config, sources)
        layers.append(
            Layer(
                name=layer_name,
                class_name=match["cls"],
                config=config,
                calls=calls,
                weights=_weights(match["cls"], config, sources[0] if sources else 1, seed),
                body=body,
                trainable=trainable,
            )
        )
    inputs = tuple(TensorRef(layer.name) for layer in layers if layer.class_name == "InputLayer")
    return Graph(tuple(layers), inputs, outputs or (TensorRef(layers[-1].name),), name)


def model(text: str, *, path: str = "model.h5", seeds: Mapping[str, int] | None = None) -> Model:
    """The model that `text` describes (see the head of this module)."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    graph = _graph([line[indent:] for line in lines], "", seeds or {}, "model")
    return Model("model", path, "keras-h5", graph, {"keras_version": "3.15.1", "backend": "tensorflow"})


FLAT = """
    x: InputLayer(batch_shape=[None, 4])
    s: Dense(units=4, w=1) <- x
    c: Dense(units=5, w=2) <- s
    head: Dense(units=2) <- c
    outputs: head
"""
"""A chain."""
NESTED = """
    x: InputLayer(batch_shape=[None, 4])
    front: Functional <- x
        fi: InputLayer(batch_shape=[None, 4])
        s: Dense(units=4, w=1) <- fi
        outputs: s
    back: Functional <- front
        bi: InputLayer(batch_shape=[None, 4])
        c: Dense(units=5, w=2) <- bi
        outputs: c
    head: Dense(units=2) <- back
    outputs: head
"""
"""The same, its middle in two sub-models."""
