# How long pairing takes as models grow, mostly without reading weights. Seconds depend on the machine; parsing the
# JSON of a config of that size takes time on the same machine in the same minute, so the ratio can be held to a limit.
# What other processes take does not count.
"""Timing of `match` on models in memory: `measure`, `report`."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Options
from modeldiff.differ.match import match
from modeldiff.graph import Call, Graph, Layer, Model, TensorRef, Weight

SIZES = (1000, 4000, 20_000)
_CLASSES = ("Conv2D", "BatchNormalization", "Activation", "Conv2D", "BatchNormalization", "Add", "Activation")


@dataclass(frozen=True, slots=True)
class Timing:
    """What pairing two models of one size took."""

    layers: int
    pair: str
    """Its name in `PAIRS`."""
    seconds: float
    parsing: float
    """Seconds that `json.loads` takes for the two configs."""
    paired: int

    @property
    def ratio(self) -> float:
        """Pairing in units of parsing."""
        return self.seconds / self.parsing


def residual(layers: int, *, is_named: bool, skip: int = -1, first: int = 0) -> Model:
    """A residual net of equal blocks in memory; `skip` leaves one block out, `first` is where counters begin."""
    counts = dict.fromkeys({*_CLASSES, "InputLayer"}, first)
    made = [
        Layer(
            "image" if is_named else f"input_layer_{first + 1}",
            "InputLayer",
            {"batch_shape": [None, 32, 32, 8]},
            (Call(),),
        )
    ]
    block = 0
    while len(made) < layers:
        entry = made[-1].name
        for index, cls in enumerate(_CLASSES):
            if block == skip:
                break
            counts[cls] += 1
            snake = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization"}.get(cls, cls.lower())
            name = f"block{block}_part{index}" if is_named else f"{snake}_{counts[cls]}"
            refs = (TensorRef(made[-1].name), TensorRef(entry)) if cls == "Add" else (TensorRef(made[-1].name),)
            made.append(Layer(name, cls, _config(cls), (Call(refs),), _weights(cls)))
        block += 1
    return _model(made)


def _config(cls: str) -> dict[str, object]:
    if cls == "Conv2D":
        return {"filters": 8, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "activation": "linear"}
    return (
        {"momentum": 0.99, "epsilon": 0.001}
        if cls == "BatchNormalization"
        else {"activation": "relu"}
        if cls == "Activation"
        else {}
    )


def _weights(cls: str) -> tuple[Weight, ...]:
    if cls == "Conv2D":
        return Weight("kernel", (3, 3, 8, 8), "float32"), Weight("bias", (8,), "float32")
    if cls == "BatchNormalization":
        return tuple(Weight(name, (8,), "float32") for name in ("gamma", "beta", "moving_mean", "moving_variance"))
    return ()


def _text(model: Model) -> str:
    return json.dumps(
        [
            {
                "class_name": layer.class_name,
                "config": {"name": layer.name, **layer.config},
                "inbound_nodes": [
                    [[ref.layer, ref.call, ref.output, {}] for ref in call.inputs] for call in layer.calls
                ],
            }
            for layer in model.graph.layers
        ]
    )


def _best(work: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def chain(layers: int, first: int) -> Model:
    """Equal Dense layers in a row, named by counters: nothing to go by but the place."""
    made = [Layer("input_layer", "InputLayer", {"batch_shape": [None, 8]}, (Call(),))]
    for count in range(first, first + layers - 1):
        config = {"units": 8, "activation": "relu"}
        weights = Weight("kernel", (8, 8), "float32"), Weight("bias", (8,), "float32")
        made.append(Layer(f"dense_{count}", "Dense", config, (Call((TensorRef(made[-1].name),)),), weights))
    return _model(made)


def random_net(layers: int, seed: int) -> Model:
    """Any layers in any order with skips anywhere: two of these have nothing to do with each other."""
    rng = random.Random(seed)
    made = [Layer("input_layer", "InputLayer", {"batch_shape": [None, 8]}, (Call(),))]
    for count in range(layers - 1):
        cls = rng.choice(
            ("Dense", "Conv1D", "Dropout", "Activation", "BatchNormalization", "LayerNormalization", "Add")
        )
        width = rng.choice((4, 8, 16, 32))
        configs: dict[str, dict[str, Any]] = {
            "Dense": {"units": width, "activation": rng.choice(("relu", "gelu"))},
            "Conv1D": {"filters": width, "kernel_size": rng.choice((3, 5))},
            "Dropout": {"rate": rng.choice((0.1, 0.2, 0.3))},
            "Activation": {"activation": rng.choice(("relu", "gelu"))},
        }
        sources = [made[-1], rng.choice(made[-20:])] if cls == "Add" else [made[-1]]
        weights = (Weight("kernel", (width, width), "float32"),) if cls in {"Dense", "Conv1D"} else ()
        call = Call(tuple(TensorRef(source.name) for source in sources))
        made.append(Layer(f"{cls.lower()}_{count}", cls, configs.get(cls, {}), (call,), weights))
    return _model(made)


def _model(layers: list[Layer]) -> Model:
    graph = Graph(tuple(layers), (TensorRef(layers[0].name),), (TensorRef(layers[-1].name),), "model")
    return Model("model", "model.h5", "keras-h5", graph, {"keras_version": "3.15.1", "backend": "tensorflow"})


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Numbers from a seed, as a file that was trained from scratch has them."""

    size: int
    seed: int

    def blocks(self, entries: int) -> Iterator[NDArray[np.float32]]:
        numbers = np.random.default_rng(self.seed).standard_normal(self.size, np.float32)
        return (numbers[start : start + entries] for start in range(0, self.size, entries))

    def sample(self, count: int) -> NDArray[np.float32]:
        return next(self.blocks(self.size))[:count]


def _from_scratch(model: Model, seed: int) -> Model:
    seeds = itertools.count(seed)
    layers = tuple(
        replace(layer, weights=tuple(replace(one, source=_Drawn(one.size, next(seeds))) for one in layer.weights))
        for layer in model.graph.layers
    )
    return replace(model, graph=replace(model.graph, layers=layers))


def _without_a_block(layers: int, *, is_named: bool) -> tuple[Model, Model]:
    """A net, and itself less a block in the middle, names chosen or counted anew."""
    skip = layers // len(_CLASSES) // 2
    return residual(layers, is_named=is_named), residual(layers - len(_CLASSES), is_named=is_named, skip=skip, first=40)


PAIRS: dict[str, Callable[[int], tuple[Model, Model]]] = {
    "chosen names": lambda layers: _without_a_block(layers, is_named=True),
    "counted names": lambda layers: _without_a_block(layers, is_named=False),
    "all alike": lambda layers: (chain(layers, 0), chain(layers - layers // 10, 7)),
    "from scratch": lambda layers: (
        _from_scratch(residual(layers, is_named=False), 0),
        _from_scratch(residual(layers - 7, is_named=False, skip=layers // 14, first=40), 10**6),
    ),
    "unrelated": lambda layers: (random_net(layers, 1), random_net(layers, 2)),
    "unlike": lambda layers: (residual(layers, is_named=False), random_net(layers, 2)),
}
"""What pairs are timed; the last four are the worst that are known."""


def measure(pair: str, layers: int, times: int = 3) -> Timing:
    """Match one of `PAIRS`, without weights but where they are what makes it hard."""
    old, new = PAIRS[pair](layers)
    texts = _text(old), _text(new)
    parsing = _best(lambda: [json.loads(text) for text in texts], max(3, times))
    options = Options(weights=pair == "from scratch")
    seconds = _best(lambda: match(old, new, options), times)
    paired = len(match(old, new, options).matches)
    return Timing(len(old.graph.layers), pair, seconds, parsing, paired)


def report() -> str:
    """The table of all sizes."""
    lines = ["layers  pair           seconds  x json.loads  paired"]
    for layers in SIZES:
        for pair in PAIRS:
            found = measure(pair, layers, times=1 if layers > 5000 else 3)
            lines.append(f"{found.layers:6}  {pair:13}{found.seconds:9.2f}{found.ratio:14.0f}  {found.paired:6}")
    return "\n".join(lines)
