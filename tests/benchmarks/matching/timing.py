# How long pairing takes as models grow, without reading weights. Seconds depend on the machine; parsing the JSON of
# a config of that size takes time on the same machine in the same minute, so the ratio can be held to a limit.
"""Timing of `match` on models in memory: `measure`, `report`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from modeldiff.changes import Options
from modeldiff.differ.match import match
from modeldiff.graph import Call, Graph, Layer, Model, TensorRef, Weight

SIZES = (1000, 4000, 20_000)
_CLASSES = ("Conv2D", "BatchNormalization", "Activation", "Conv2D", "BatchNormalization", "Add", "Activation")


@dataclass(frozen=True, slots=True)
class Timing:
    """What pairing two models of one size took."""

    layers: int
    naming: str
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
    graph = Graph(tuple(made), (TensorRef(made[0].name),), (TensorRef(made[-1].name),), "model")
    return Model("model", "model.h5", "keras-h5", graph, {"keras_version": "3.15.1", "backend": "tensorflow"})


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
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(layers: int, *, is_named: bool, times: int = 3) -> Timing:
    """Pair a net with itself less a block in the middle, names chosen or counted anew."""
    old = residual(layers, is_named=is_named)
    new = residual(layers - len(_CLASSES), is_named=is_named, skip=layers // len(_CLASSES) // 2, first=40)
    texts = _text(old), _text(new)
    parsing = _best(lambda: [json.loads(text) for text in texts], max(3, times))
    options = Options(weights=False)
    seconds = _best(lambda: match(old, new, options), times)
    paired = len(match(old, new, options).matches)
    return Timing(len(old.graph.layers), "explicit" if is_named else "automatic", seconds, parsing, paired)


def report() -> str:
    """The table of all sizes."""
    lines = ["layers  naming     seconds  x json.loads  paired"]
    for layers in SIZES:
        for is_named in (True, False):
            found = measure(layers, is_named=is_named, times=1 if layers > 5000 else 3)
            lines.append(f"{found.layers:6}  {found.naming:9}{found.seconds:9.2f}{found.ratio:14.0f}  {found.paired:6}")
    return "\n".join(lines)
