# How the units of one layer may be reordered without another function: for each class of layer, which axis of which
# weight follows the order of its inputs and which one its own units' order. A class that is not named here keeps no
# order: what reaches it reordered is then not proven, which is the safe side. Weights are never permuted in memory:
# an order is found from sums over slices and proven by one more pass (differ/reorder.py).
"""The order of a layer's units, from the order of its inputs: `follow`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.reorder import Places, holds, order_of, slices
from modeldiff.graph import Layer, LayerPath, Shape, Weight

_ALIKE = frozenset(
    {
        *("linear", "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "softplus", "softsign"),
        *("tanh", "sigmoid", "hard_sigmoid", "hard_silu", "hard_swish", "exponential", "leaky_relu", "softmax"),
        *("log_softmax", "log_sigmoid", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus"),
        *("sparse_plus", "sparse_sigmoid", "sparsemax", "threshold"),
    }
)
"""Activations that treat all units alike (`glu` takes them in halves)."""


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The units of a tensor's last axis in another order."""

    places: Places
    """For each unit of the new side, where it was on the old one."""
    sources: frozenset[LayerPath]
    """The layers, by new path, whose own units are reordered so."""

    def same(self, other: Order | None) -> bool:
        """Whether it is the same order."""
        return other is not None and np.array_equal(self.places, other.places)


class Unproven(Exception):
    """The order that came in cannot be followed through this layer."""


@dataclass(slots=True)
class Pair:
    """One call of a layer that both models have."""

    path: LayerPath
    old: Layer
    new: Layer
    inputs: Sequence[Order | None]
    shapes: Sequence[Shape | None]
    """Of the inputs."""

    @property
    def order(self) -> Order | None:
        """That of the only input.

        Raises:
            Unproven: there are several, and one is reordered.
        """
        if len(self.inputs) > 1 and any(self.inputs):
            raise Unproven
        return self.inputs[0] if self.inputs else None

    def weights(self) -> dict[str, tuple[Weight, Weight]]:
        """Both sides of each weight by role.

        Raises:
            Unproven: the sides do not have the same weights.
        """
        before, after = ({weight.name: weight for weight in layer.comparable_weights} for layer in (self.old, self.new))
        both = {name: (before[name], weight) for name, weight in after.items() if name in before}
        alike = all((one.shape, one.dtype) == (other.shape, other.dtype) for one, other in both.values())
        if len(both) != max(len(before), len(after)) or not alike:
            raise Unproven
        return both

    def demand(self, *met: bool) -> None:
        """What must be true for the order to go on.

        Raises:
            Unproven: it is not.
        """
        if not all(met):
            raise Unproven


Axes = Mapping[str, Sequence[str]]
"""Role of a weight -> what each of its last axes follows: `in`, `out`, `gates` (the units once per gate)."""


def follow(pair: Pair) -> Order | None:
    """The order of the outputs, where all weights of the layer are the old ones in the orders that belong to them.

    Raises:
        Unproven: they are not, or the layer is of a class that is not known here.
        UnreadableFile: values cannot be read.
    """
    name = pair.new.canonical_class
    if name in _WEIGHTED:
        return _by_weights(pair, _WEIGHTED[name])
    rule = _RULES.get(name) or (_passed if name in _UNITWISE else None)
    if rule is None:
        raise Unproven
    return rule(pair)


def _by_weights(pair: Pair, axes: Axes) -> Order | None:
    config, weights = pair.new.config, pair.weights()
    pair.demand(_unitwise(config), _last(pair), config.get("groups", 1) == 1, set(weights) <= set(axes))
    incoming = pair.order
    units = _own_order(weights, axes)
    _prove(pair, weights, axes, incoming, units)
    moved = not np.array_equal(units, np.arange(units.size))
    return Order(units, frozenset({pair.path})) if moved else None


def _own_order(weights: Mapping[str, tuple[Weight, Weight]], axes: Axes) -> Places:
    """The order of the units, from all that belongs to each of them."""
    count = next((_size(both[1], axes[role]) for role, both in weights.items() if "out" in axes[role]), 0)
    if not count:
        raise Unproven
    sums = []
    for side in (0, 1):
        total = np.zeros(count, np.uint64)
        for place, (role, both) in enumerate(sorted(weights.items())):
            found = slices(both[side])
            for axis, what in enumerate(axes[role], len(both[side].shape) - len(axes[role])):
                if axis >= 0 and what in {"out", "gates"}:
                    for gate, row in enumerate(found[axis].reshape(-1, count)):
                        total += row * np.uint64(2 * (64 * place + 8 * axis + gate) + 1)
        sums.append(total)
    order = order_of(*sums)
    if order is None:
        raise Unproven
    return order


def _size(weight: Weight, axes: Sequence[str]) -> int:
    return weight.shape[len(weight.shape) - len(axes) + axes.index("out")] if len(weight.shape) >= len(axes) else 0


def _prove(
    pair: Pair,
    weights: Mapping[str, tuple[Weight, Weight]],
    axes: Axes,
    incoming: Order | None,
    units: Places | None,
) -> None:
    """Raise `Unproven` unless every weight is the old one in these orders."""
    for role, (old, new) in weights.items():
        rank = len(new.shape)
        orders: list[Places] = [np.arange(size) for size in new.shape]
        for axis, what in enumerate(axes[role], rank - len(axes[role])):
            places = incoming.places if what == "in" and incoming is not None else units if what != "in" else None
            if axis < 0 and what:
                raise Unproven
            if places is None or not what:
                continue
            if new.shape[axis] % places.size or (what != "gates" and new.shape[axis] != places.size):
                raise Unproven
            orders[axis] = _repeated(places, new.shape[axis] // places.size)
        pair.demand(holds(old, new, orders))


def _repeated(places: Places, times: int) -> Places:
    """The same order in each of several blocks, one behind the other."""
    return (np.arange(times)[:, None] * places.size + places).reshape(-1)


def _spread(places: Places, times: int) -> Places:
    """The same order of groups of `times` neighbours."""
    return (places[:, None] * times + np.arange(times)).reshape(-1)


def _unitwise(config: Mapping[str, Any]) -> bool:
    names = (config.get(key, "linear") for key in ("activation", "recurrent_activation"))
    return all(name is None or (isinstance(name, str) and name in _ALIKE) for name in names)


def _last(pair: Pair) -> bool:
    """Whether the units are the last axis."""
    return pair.new.config.get("data_format") in (None, "channels_last")


_GATED = {"kernel": ("in", "gates"), "recurrent_kernel": ("out", "gates"), "bias": ("gates",)}

_CONVOLUTION: Axes = {"kernel": ("in", "out"), "bias": ("out",)}
_TRANSPOSED: Axes = {"kernel": ("out", "in"), "bias": ("out",)}

_WEIGHTED: Mapping[str, Axes] = {
    "Dense": {"kernel": ("in", "out"), "bias": ("out",)},
    "Embedding": {"embeddings": ("", "out")},
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _CONVOLUTION),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _TRANSPOSED),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _GATED),
}
"""Layers with units of their own."""


# --- layers that keep the order of what they take -------------------------------------------------------------


def _passed(pair: Pair) -> Order | None:
    pair.demand(not pair.new.comparable_weights, _unitwise(pair.new.config), _last(pair))
    return pair.order


def _normalised(pair: Pair) -> Order | None:
    """Per-unit weights in the order of the input; `axis` must be the last one."""
    axis, shape = pair.new.config.get("axis", -1), pair.shapes[0] if pair.shapes else None
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    last = -1 if shape is None else len(shape) - 1
    pair.demand(all(one in (-1, last) for one in axes))
    weights = pair.weights()
    _prove(pair, weights, dict.fromkeys(weights, ("in",)), pair.order, None)
    return pair.order


def _sloped(pair: Pair) -> Order | None:
    """PReLU: a slope per unit, unless it is shared along the last axis."""
    weights = {role: both for role, both in pair.weights().items() if both[1].shape[-1:] != (1,)}
    shared = pair.weights().keys() - weights.keys()
    _prove(pair, weights, dict.fromkeys(weights, ("in",)), pair.order, None)
    _prove(pair, {role: pair.weights()[role] for role in shared}, dict.fromkeys(shared, ()), None, None)
    return pair.order


def _depthwise(pair: Pair) -> Order | None:
    incoming, weights = pair.order, pair.weights()
    pair.demand(_unitwise(pair.new.config), _last(pair), set(weights) <= {"depthwise_kernel", "kernel", "bias"})
    kernel = next((role for role in weights if role != "bias"), "")
    pair.demand(bool(kernel))
    _prove(pair, {kernel: weights[kernel]}, {kernel: ("in", "")}, incoming, None)
    outgoing = incoming and Order(_spread(incoming.places, weights[kernel][1].shape[-1]), incoming.sources)
    if "bias" in weights:
        _prove(pair, {"bias": weights["bias"]}, {"bias": ("in",)}, outgoing, None)
    return outgoing


def _separable(pair: Pair) -> Order | None:
    incoming, weights = pair.order, pair.weights()
    pair.demand(_unitwise(pair.new.config), _last(pair), set(weights) <= {*_SEPARABLE, "depthwise_kernel"})
    depthwise = weights.pop("depthwise_kernel")
    _prove(pair, {"depthwise_kernel": depthwise}, {"depthwise_kernel": ("in", "")}, incoming, None)
    between = incoming and Order(_spread(incoming.places, depthwise[1].shape[-1]), incoming.sources)
    units = _own_order(weights, _SEPARABLE)
    _prove(pair, weights, _SEPARABLE, between, units)
    moved = not np.array_equal(units, np.arange(units.size))
    return Order(units, frozenset({pair.path})) if moved else None


_SEPARABLE: Axes = {"pointwise_kernel": ("in", "out"), "bias": ("out",)}


def _flattened(pair: Pair) -> Order | None:
    """Channels last in each place of the grid: the order once per place."""
    incoming = pair.order
    if incoming is None:
        return None
    shape = pair.shapes[0] or ()
    sizes = [size for size in shape[1:] if size is not None]
    pair.demand(_last(pair), len(shape) > 1, len(sizes) == len(shape) - 1, sizes[-1:] == [incoming.places.size])
    return Order(_repeated(incoming.places, int(np.prod(sizes[:-1], dtype=np.int64))), incoming.sources)


def _cut_anew(pair: Pair) -> Order | None:
    """A Reshape that leaves the last axis alone, or leaves nothing else."""
    incoming, target = pair.order, pair.new.config.get("target_shape")
    if incoming is None:
        return None
    pair.demand(isinstance(target, (list, tuple)) and bool(target))
    if len(target or ()) == 1:
        return _flattened(pair)
    pair.demand((target or (0,))[-1] == incoming.places.size)
    return incoming


def _merged(pair: Pair) -> Order | None:
    """Element by element: all that are as wide must be in the same order."""
    wide = [order for order, shape in zip(pair.inputs, pair.shapes, strict=True) if shape is None or shape[-1:] != (1,)]
    first = wide[0] if wide else None
    if first is None:
        pair.demand(not any(pair.inputs))
        return None
    pair.demand(all(first.same(order) for order in wide))
    return Order(first.places, frozenset().union(*(order.sources for order in wide if order is not None)))


def _concatenated(pair: Pair) -> Order | None:
    if not any(pair.inputs):
        return None
    axis, rank = pair.new.config.get("axis", -1), len(next((shape for shape in pair.shapes if shape), ()))
    if axis not in (-1, rank - 1):
        return _merged(pair)
    widths = [shape[-1] if shape else None for shape in pair.shapes]
    offset, parts = 0, []
    for order, width in zip(pair.inputs, widths, strict=True):
        if width is None or (order is not None and order.places.size != width):
            raise Unproven
        parts.append(offset + (np.arange(width) if order is None else order.places))
        offset += width
    sources = frozenset[LayerPath]().union(*(order.sources for order in pair.inputs if order is not None))
    joined: NDArray[np.intp] = np.concatenate(parts)
    return Order(joined, sources)


_SIZES = ("1D", "2D", "3D")
_UNITWISE = frozenset(
    {
        *("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Dropout", "AlphaDropout", "GaussianNoise"),
        *("GaussianDropout", "ActivityRegularization", "Identity"),
        *(
            f"{name}{size}"
            for size in _SIZES
            for name in (
                *("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling"),
                *("SpatialDropout", "UpSampling", "ZeroPadding", "Cropping"),
            )
        ),
    }
)
"""Layers without weights that treat every unit alike."""

_RULES: Mapping[str, Callable[[Pair], Order | None]] = {
    "BatchNormalization": _normalised,
    "LayerNormalization": _normalised,
    "PReLU": _sloped,
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    "Flatten": _flattened,
    "Reshape": _cut_anew,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merged),
    "Concatenate": _concatenated,
}
