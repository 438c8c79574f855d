# Keras 2 converts what it read from legacy HDF5 before it counts and compares: gates of Keras 1, cuDNN layouts, kernels
# of convolutions, nested models one by one. Only shapes matter here, but its side effects do too: a nested group that
# is too long loses its tail without a word, and a convolution raises even where mismatches shall be skipped.
# Source: tf_keras/src/saving/legacy/hdf5_format.py, `preprocess_weights_for_loading` and `_convert_rnn_weights`.
"""`convert`: stored tensors as Keras 2 would hand them to a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modeldiff.differ.loading_units import Dims, Tensor, listed
from modeldiff.graph import Graph, Layer

Tensors = list[Tensor]


class Unconvertible(Exception):
    """Keras raises while it converts."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What the tensors are for: a layer, or the layer inside a wrapper."""

    class_name: str
    config: Mapping[str, Any]
    shapes: Sequence[Dims]
    """Of its variables."""
    body: Graph | None = None

    def inside(self, shapes: Sequence[Dims]) -> _Target:
        """What a wrapper wraps, as far as the config tells."""
        inner = self.config.get("layer")
        inner = inner if isinstance(inner, dict) else {}
        return _Target(str(inner.get("class_name", "")), inner.get("config") or {}, shapes)


def convert(layer: Layer, stored: Sequence[Tensor], shapes: Sequence[Dims], *, gates: bool = False) -> Tensors:
    """`stored` for `layer`, whose variables have `shapes`. `gates`: Keras 1 wrote the file.

    Raises:
        Unconvertible: as Keras does.
    """
    return _convert(_Target(layer.class_name, layer.config, shapes, layer.body), list(stored), gates=gates)


def _convert(target: _Target, stored: Tensors, *, gates: bool) -> Tensors:
    name, shapes = target.class_name, target.shapes
    if name == "Bidirectional":
        half, middle = len(stored) // 2, len(shapes) // 2
        forward = _convert(target.inside(shapes[:middle]), stored[:half], gates=gates)
        stored = forward + _convert(target.inside(shapes[middle:]), stored[half:], gates=gates)
    if name in {"Model", "Sequential", "Functional", "TimeDistributed"} and target.body is not None:
        stored = _nested(target.body, stored, gates=gates)
    elif name == "TimeDistributed":
        stored = _convert(target.inside(shapes), stored, gates=gates)
    if gates:
        stored = _joined_gates(name, target.config, stored)
    if name in _CONVOLUTIONS:
        stored = _convolution(name, stored, shapes)
    return _recurrent(name, stored, shapes)


def _nested(body: Graph, stored: Tensors, *, gates: bool) -> Tensors:
    """Layer by layer, each taking as many as it has; what is left over is dropped."""
    sizes = {layer.name: _sizes(layer) for layer in body.layers}
    size = sum(trainable for trainable, _ in sizes.values())
    first, rest = stored[:size], stored[size:]
    done: tuple[Tensors, Tensors] = ([], [])
    for layer in listed(body):
        trainable, others = sizes[layer.name]
        if trainable + others:
            taken = [*first[:trainable], *rest[:others]]
            made = convert(layer, taken, [weight.shape for weight in layer.weights], gates=gates)
            done[0].extend(made[:trainable])
            done[1].extend(made[trainable:])
            first, rest = first[trainable:], rest[others:]
    return done[0] + done[1]


def _sizes(layer: Layer) -> tuple[int, int]:
    """How many trainable weights it has, and how many others."""
    leaves = [layer] if layer.body is None else [inner for _, inner in layer.body.walk()]
    total = sum(len(leaf.weights) for leaf in leaves)
    trainable = sum(weight.trainable for leaf in leaves if leaf.trainable for weight in leaf.weights)
    return trainable, total - trainable


_GATES = {"LSTM": 4, "GRU": 3, "ConvLSTM2D": 4}
_CONVOLUTIONS = frozenset({"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"})


def _joined_gates(name: str, config: Mapping[str, Any], stored: Tensors) -> Tensors:
    """What Keras 1 wrote: one tensor per gate, and kernels of channels-first convolutions the other way round."""
    count = _GATES.get(name)
    if count and len(stored) == 3 * count:
        return [
            replace(one, shape=(*one.shape[:-1], one.shape[-1] * count)) if one.shape else one for one in stored[:3]
        ]
    shape = stored[0].shape if stored else ()
    if name == "Conv1D" and len(shape) == 4:
        return [replace(stored[0], shape=(*shape[:1], *shape[2:])), *stored[1:]]
    if name in {"Conv2D", "Conv3D"} and config.get("data_format") == "channels_first" and len(shape) > 2:
        return [replace(stored[0], shape=(*shape[2:], *shape[1::-1])), *stored[1:]]
    return stored


def _convolution(name: str, stored: Tensors, shapes: Sequence[Dims]) -> Tensors:
    if not stored or not shapes:
        raise Unconvertible
    if stored[0].shape == shapes[0]:
        return stored
    turned = 2 if name == "ConvLSTM2D" else 1
    if len(stored) < turned or any(len(one.shape) != 4 for one in stored[:turned]):
        raise Unconvertible
    return [*(replace(one, shape=_turned(one.shape)) for one in stored[:turned]), *stored[turned:]]


def _turned(shape: Dims) -> Dims:
    return shape[3], shape[2], shape[0], shape[1]


_BEFORE = "GRU with reset_after=False"
"""Of another kind, which nothing is converted to."""


def _recurrent(name: str, stored: Tensors, shapes: Sequence[Dims]) -> Tensors:
    """Between cuDNN and plain layouts, told by the shape of the stored bias."""
    if len(stored) != 3 or name not in {"LSTM", "CuDNNLSTM", "GRU", "CuDNNGRU"}:
        return stored
    if not stored[1].shape:
        raise Unconvertible
    units, bias = stored[1].shape[0], stored[2].shape
    layouts: dict[str, Dims] = {"CuDNNLSTM": (8 * units,), "LSTM": (4 * units,)}
    target = name
    if name.endswith("GRU"):
        layouts = {"CuDNNGRU": (6 * units,), "GRU": (2, 3 * units), _BEFORE: (3 * units,)}
        if name == "GRU" and len(shapes) == 3 and len(shapes[2]) == 1:
            target = _BEFORE
    source = next((layout for layout, shape in layouts.items() if shape == bias), None)
    if source is None or (source != target and _BEFORE in {source, target}):
        raise Unconvertible
    return stored if source == target else [*stored[:2], replace(stored[2], shape=layouts[target])]
