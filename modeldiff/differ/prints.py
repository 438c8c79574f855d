# Samples of a few hundred entries per tensor, at the same positions on both sides: enough to tell "the same numbers"
# and "descends from", without reading a second time what the comparison of values reads once. Constants (zeros, ones,
# an LSTM's forget bias) say nothing and are left out.
"""`prints`: what is known of the numbers of every layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import Flow
from modeldiff.graph import Shape, Weight, samples

_ENTRIES = 4_000_000
"""Sampled entries a side, at most: memory stays bounded whatever the number of layers."""
_TENSORS = 12
"""Of a layer with more tensors, the first ones speak."""
_TOGETHER = 1 << 16
"""Sampled entries that are standardised at once: they fit the cache."""


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


def _print_of(weights: Sequence[Weight], told: Sequence[_Told]) -> Print:
    strength, largest, main = 0, 0, None
    constants, is_trained = 0, False
    for weight, (vector, raw) in zip(weights[:_TENSORS], told, strict=True):
        if raw is None:
            constants += len(weight.shape) == 1 and weight.size > 1
            continue
        is_trained |= len(weight.shape) == 1
        strength += vector.size
        if weight.size > largest:
            largest, main = weight.size, (weight.shape, raw)
    vector = np.concatenate([part for part, _ in told]) if told else np.zeros(0, np.float32)
    return Print(tuple(weight.shape for weight in weights), vector, strength, main, constants, is_trained)


_Told = tuple[NDArray[np.float32], bytes | None]
"""A sample standardised, and its bytes in single precision; zeros and None where it says nothing."""


def _standardised(read: Sequence[NDArray[Any]]) -> list[_Told]:
    """Samples of one length at a time: one call of numpy for many of them, where each alone is mostly calls."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, sample in enumerate(read):
        places[sample.size].append(place)
    found: dict[int, _Told] = {}
    for size, alike in places.items():
        step = max(1, _TOGETHER // size)
        for first in range(0, len(alike), step):
            some = alike[first : first + step]
            rows = np.concatenate([read[place] for place in some]).reshape(-1, size)
            found.update(zip(some, _rows(rows.astype(np.float64)), strict=True))
    return [found[place] for place in range(len(read))]


def _rows(flat: NDArray[np.float64]) -> Iterator[_Told]:
    flat[~np.isfinite(flat)] = 0.0
    centred = flat - flat.mean(axis=1)[:, None]
    spread = np.sqrt((centred * centred).mean(axis=1))
    tells = (spread > 1e-12) & _are_varied(flat)
    vectors = (centred / np.where(tells, spread, 1.0)[:, None]).astype(np.float32)
    vectors[~tells] = 0.0
    single = flat.astype(np.float32)
    for vector, raw, is_telling in zip(vectors, single, tells.tolist(), strict=True):
        yield vector, raw.tobytes() if is_telling else None


def _are_varied(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether there are five values in each row, or as many as there are places."""
    left = np.ones(rows.shape, bool)
    for _ in range(min(5, rows.shape[1]) - 1):  # strike out one value at a time: sorting takes twice as long
        first = np.take_along_axis(rows, left.argmax(axis=1)[:, None], axis=1)
        left &= rows != first
    varied: NDArray[np.bool_] = left.max(axis=1)
    return varied


def prints(old: Flow, new: Flow) -> tuple[Prints, Prints]:
    """Of both models, at the same positions."""
    tensors = max(1, *(sum(len(flow[i].layer.weights) for i in flow.order) for flow in (old, new)))
    count = int(min(1024, max(128, _ENTRIES // tensors)))
    found = _prints(old, count, {})
    known = {id(old[index].layer): print_ for index, print_ in found.items()}
    return _told(found), _told(_prints(new, count, known))


def _prints(flow: Flow, count: int, known: Mapping[int, Print]) -> dict[int, Print]:
    """`known`: by the identity of a layer, which both models have where their files hold the same bytes."""
    layers = {index: flow[index].layer for index in flow.order}
    weights = {
        index: [weight for weight in layer.comparable_weights if weight.dtype != "string"]
        for index, layer in layers.items()
        if layer.weights and id(layer) not in known
    }
    read = dict(_read(weights, count))
    told = iter(_standardised([sample for some in read.values() for sample in some]))
    found = {index: _print_of(weights[index], list(islice(told, len(some)))) for index, some in read.items()}
    for index, layer in layers.items():
        if id(layer) in known:
            found[index] = known[id(layer)]
    return {index: found[index] for index in flow.order if index in found}


def _read(weights: Mapping[int, Sequence[Weight]], count: int) -> dict[int, list[NDArray[Any]]]:
    """By node, samples of the first tensors; without the layers of which one cannot be read.

    What cannot be read is told where values are compared; here it is one witness less.
    """
    first = {index: several[:_TENSORS] for index, several in weights.items()}
    found: dict[int, list[NDArray[Any]]] = {
        index: [] for index, several in first.items() if all(weight.source and weight.size for weight in several)
    }
    asked = [(index, weight.dtype, weight.source) for index in found for weight in first[index] if weight.source]
    for (index, dtype, _), sample in zip(asked, samples([source for *_, source in asked], count), strict=True):
        values = sample
        if values is not None and dtype == "bfloat16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        if values is None or values.dtype.kind not in "fiu":
            found.pop(index, None)
        elif index in found:
            found[index].append(values)
    return found


def _told(found: dict[int, Print]) -> Prints:
    is_initial = any(one.constants for one in found.values()) and not any(one.is_trained for one in found.values())
    return Prints({index: one for index, one in found.items() if one.strength}, is_initial)
