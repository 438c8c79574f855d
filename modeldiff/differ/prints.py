# Samples of a few hundred entries per tensor, at the same positions on both sides: enough to tell "the same numbers"
# and "descends from", without reading a second time what the comparison of values reads once. Constants (zeros, ones,
# an LSTM's forget bias) say nothing and are left out.
"""`prints`: what is known of the numbers of every layer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import Flow
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Layer, Shape, Weight

_ENTRIES = 4_000_000
"""Sampled entries a side, at most: memory stays bounded whatever the number of layers."""
_TENSORS = 12
"""Of a layer with more tensors, the first ones speak."""


@dataclass(slots=True)
class Print:
    """The sampled numbers of one layer."""

    shapes: tuple[Shape, ...]
    vector: NDArray[np.float32]
    """Standardised tensor by tensor; zeros where a tensor says nothing."""
    strength: int
    """Entries that say something."""
    main: Hashable
    """Shape and bytes of its largest tensor that says something, or None."""
    constants: int
    """Vectors, as biases and scales are, that are still what every layer begins with."""
    is_trained: bool
    """Whether a vector says something: training leaves none as it was."""


@dataclass(slots=True)
class Prints:
    """The samples of one model."""

    layers: dict[int, Print]
    """By node, of every layer whose numbers can be read and say something."""
    is_initial: bool
    """Whether nothing was ever trained: then numbers come from a seed and a place in the order of creation."""


def _numbers(weight: Weight, count: int) -> NDArray[Any] | None:
    if weight.source is None or not weight.size or weight.dtype == "string":
        return None
    try:
        sample = weight.source.sample(count)
    except UnreadableFile:
        return None  # told where values are compared; here it is one witness less
    if weight.dtype == "bfloat16":
        sample = (sample.astype(np.uint32) << 16).view(np.float32)
    return sample if sample.dtype.kind in "fiu" else None


def _print_of(layer: Layer, count: int) -> Print | None:
    weights = [weight for weight in layer.comparable_weights if weight.dtype != "string"]
    parts: list[NDArray[np.float32]] = []
    strength, largest, main = 0, 0, None
    constants, is_trained = 0, False
    for weight in weights[:_TENSORS]:
        sample = _numbers(weight, count)
        if sample is None:
            return None
        flat = sample.astype(np.float64)
        flat[~np.isfinite(flat)] = 0.0
        spread = float(flat.std())
        if spread <= 1e-12 or _distinct(flat) < min(5, flat.size):
            parts.append(np.zeros(flat.size, np.float32))
            constants += len(weight.shape) == 1 and weight.size > 1
            continue
        is_trained |= len(weight.shape) == 1
        parts.append(((flat - flat.mean()) / spread).astype(np.float32))
        strength += flat.size
        if weight.size > largest:
            largest, main = weight.size, (weight.shape, flat.astype(np.float32).tobytes())
    shapes = tuple(weight.shape for weight in weights)
    vector = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return Print(shapes, vector, strength, main, constants, is_trained)


def _distinct(values: NDArray[np.float64]) -> int:
    """How many different values; `np.unique` would import masked arrays."""
    ordered = np.sort(values)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def prints(old: Flow, new: Flow) -> tuple[Prints, Prints]:
    """Of both models, at the same positions."""
    tensors = max(1, *(sum(len(flow[i].layer.weights) for i in flow.order) for flow in (old, new)))
    count = int(min(1024, max(128, _ENTRIES // tensors)))
    found = _prints(old, count, {})
    known = {id(old[index].layer): print_ for index, print_ in found.items()}
    return _told(found), _told(_prints(new, count, known))


def _prints(flow: Flow, count: int, known: Mapping[int, Print]) -> dict[int, Print]:
    """`known`: by the identity of a layer, which both models have where their files hold the same bytes."""
    found = {}
    for index in flow.order:
        layer = flow[index].layer
        print_ = known.get(id(layer)) or (_print_of(layer, count) if layer.weights else None)
        if print_ is not None:
            found[index] = print_
    return found


def _told(found: dict[int, Print]) -> Prints:
    is_initial = any(one.constants for one in found.values()) and not any(one.is_trained for one in found.values())
    return Prints({index: one for index, one in found.items() if one.strength}, is_initial)
