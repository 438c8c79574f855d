# Keras 1 laid some weights out in another way: one tensor per gate of an LSTM or GRU, Theano's order of a
# convolution's axes, a fourth axis of length 1 in Conv1D. Comparing needs today's layout; showing needs the file's,
# so both are kept. The rules are those of Keras' own `preprocess_weights_for_loading`. Not done: flipping Theano's
# kernels, because files of Keras 1 do not say which backend wrote them.
"""Older layouts of weights -> today's, without reading them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.graph import Source, Weight
from modeldiff.loader.parts import Part
from modeldiff.loader.sources import numpy_dtype, picked

_GATE = re.compile(r"(?P<prefix>.*?)(?P<role>recurrent_kernel|kernel|bias)_(?P<gate>[icfozrh])")
_ORDER = {frozenset("icfo"): "ifco", frozenset("zrh"): "zrh"}
"""Which gates stand side by side today."""
_LARGEST = 256 << 20
"""Bytes of a kernel whose axes are put in another order, which needs all of it."""


@dataclass(frozen=True, slots=True)
class JoinedSource:
    """Tensors side by side along the last axis."""

    sources: tuple[Source, ...]
    widths: tuple[int, ...]
    """The last axis of each."""
    rows: int
    """The product of all other axes."""
    dtype: str

    @property
    def is_costly(self) -> bool:
        """See `graph.Source`."""
        return any(source.is_costly for source in self.sources)

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        width, at_once = sum(self.widths), max(1, entries // sum(self.widths))
        parts = [source.blocks(at_once * one) for source, one in zip(self.sources, self.widths, strict=True)]
        kept = np.empty(0, numpy_dtype(self.dtype))
        for bands in zip(*parts, strict=True):
            joined = np.hstack([band.reshape(-1, one) for band, one in zip(bands, self.widths, strict=True)])
            assert joined.shape[1] == width
            kept = np.concatenate([kept, joined.reshape(-1)])
            whole = kept.size - kept.size % entries
            for start in range(0, whole, entries):
                yield kept[start : start + entries]
            kept = kept[whole:]
        if kept.size:
            yield kept

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`."""
        return picked(self.blocks(1 << 20), self.rows * sum(self.widths), count)


@dataclass(frozen=True, slots=True)
class TransposedSource:
    """A small tensor with its axes in another order."""

    source: Source
    shape: tuple[int, ...]
    """As stored."""
    axes: tuple[int, ...]

    @property
    def is_costly(self) -> bool:
        """See `graph.Source`."""
        return self.source.is_costly

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """See `graph.Source`."""
        for stored in self.source.blocks(math.prod(self.shape)):
            flat = stored.reshape(self.shape).transpose(self.axes).reshape(-1)
            for start in range(0, flat.size, entries):
                yield flat[start : start + entries]

    def sample(self, count: int) -> NDArray[Any]:
        """See `graph.Source`."""
        return picked(self.blocks(1 << 20), math.prod(self.shape), count)


def modern_weights(layer: Part, weights: tuple[Weight, ...]) -> tuple[Weight, ...] | None:
    """The same numbers in today's layout; None where they are already."""
    modern = _joined(tuple(map(_gate, weights)) if _is_theano_frames(layer) else weights)
    stack = [("", layer)]
    while stack:
        prefix, part = stack.pop()
        stack.extend((prefix + inner, one) for inner, _, one in part.parts)
        modern = tuple(_kernel(part, one) if one.name == f"{prefix}kernel" else one for one in modern)
    return modern if modern != weights else None


def _is_theano_frames(layer: Part) -> bool:
    """Whether the gates are kernels of convolutions with Theano's axes."""
    return layer.class_name == "ConvLSTM2D" and layer.config.get("dim_ordering") == "th"


def _gate(one: Weight) -> Weight:
    """One gate's kernel with today's axes: the gates stand side by side along the last of those."""
    is_kernel = len(one.shape) == 4 and one.source is not None and one.nbytes <= _LARGEST
    return _turned(one, (2, 3, 1, 0)) if is_kernel and _GATE.fullmatch(one.name) else one


def _joined(weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """The gates of each recurrent layer side by side, in the place of the first."""
    gates: dict[tuple[str, str], dict[str, Weight]] = {}
    for one in weights:
        if one.name[-2:-1] == "_" and (found := _GATE.fullmatch(one.name)):
            gates.setdefault((found["prefix"], found["role"]), {})[found["gate"]] = one
    if not gates and len({one.name for one in weights}) == len(weights):
        return weights
    made: dict[str, Weight] = {}
    for one in weights:
        found = _GATE.fullmatch(one.name)
        together = _join(found["prefix"], found["role"], gates[found["prefix"], found["role"]]) if found else None
        made.setdefault((together or one).name, together or one)
    return tuple(made.values())


def _join(prefix: str, role: str, gates: Mapping[str, Weight]) -> Weight | None:
    order = _ORDER.get(frozenset(gates))
    parts = [gates[gate] for gate in order or ()]
    if not parts or len({(one.shape[:-1], one.dtype, len(one.shape)) for one in parts}) > 1 or not parts[0].shape:
        return None
    first, widths = parts[0], tuple(one.shape[-1] for one in parts)
    sources = tuple(one.source for one in parts if one.source is not None)
    source = JoinedSource(sources, widths, math.prod(first.shape[:-1]), first.dtype)
    return Weight(
        name=prefix + role,
        shape=(*first.shape[:-1], sum(widths)),
        dtype=first.dtype,
        source=source if len(sources) == len(parts) and all(widths) else None,
        stored_as=", ".join(one.stored_as for one in parts),
        trainable=all(one.trainable for one in parts),
    )


def _kernel(part: Part, kernel: Weight) -> Weight:
    """A convolution kernel of Keras 1 with today's axes."""
    config, shape = part.config, kernel.shape
    filters, name = config.get("nb_filter"), part.class_name
    if filters is None or kernel.source is None or kernel.nbytes > _LARGEST:
        return kernel
    first = config.get("dim_ordering") == "th"
    if name == "Conv1D" and len(shape) == 4:
        length = config.get("filter_length")
        if shape[:2] == (length, 1) and shape[3] == filters:
            return replace(kernel, shape=(shape[0], shape[2], shape[3]))
        if shape[0] == filters and shape[2:] == (length, 1):
            turned = _turned(kernel, (2, 3, 1, 0))
            return replace(turned, shape=(turned.shape[0], *turned.shape[2:]))
    elif name == "Conv2D" and len(shape) == 4 and first:
        return _turned(kernel, (2, 3, 1, 0))
    elif name == "Conv3D" and len(shape) == 5 and first:
        return _turned(kernel, (2, 3, 4, 1, 0))
    elif name == "Conv2DTranspose" and len(shape) == 4:
        return _turned(kernel, (2, 3, 0, 1) if first else (0, 1, 3, 2))
    return kernel


def _turned(kernel: Weight, axes: tuple[int, ...]) -> Weight:
    assert kernel.source is not None
    shape = tuple(kernel.shape[axis] for axis in axes)
    return replace(kernel, shape=shape, source=TransposedSource(kernel.source, kernel.shape, axes))
