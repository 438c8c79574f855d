# What the numbers of the weights say about who is who, from samples of a few hundred entries per tensor at the same
# positions on both sides: enough to tell "the same numbers" and "descends from" (fine-tuning keeps a correlation
# that chance never gives), without reading a second time what the comparison of values reads once. Constants
# (zeros, ones, an LSTM's forget bias) say nothing and are left out.
"""Weights as evidence: `Kinship` between the layers of two flows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import Flow
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Layer, Shape, Weight

_ENTRIES = 4_000_000
"""Sampled entries a side, at most: memory stays bounded whatever the number of layers."""
_BAND = 512
"""Of the many layers with the same shapes, only those are correlated that stand this near in rank."""
_CERTAIN = 14.0
"""Log-likelihood ratio from which a correlation is no chance, with `_MARGIN` to the next best."""
_MARGIN = 7.0
_CAP = 25.0

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Kinship:
    """What the weights say. Nodes are indices of the flows."""

    identical: list[tuple[int, int]] = field(default_factory=list)
    """Pairs with the same distinctive numbers, which nobody else has."""
    related: list[tuple[int, int]] = field(default_factory=list)
    """Pairs that correlate beyond chance, better than with anybody else."""
    likelihood: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    """Old node -> (new node, log-likelihood ratio of one coming from the other), where there is something to say."""
    group: tuple[Any, Any] = ()  # type: ignore[assignment]
    """For each side, a number per node: equal where values can be compared, below 0 where they say nothing."""
    kept: float = 0.0
    """From 0 to 1, by the share of the layers that still have kin: how much it means to have none."""


@dataclass(slots=True)
class _Print:
    """The sampled numbers of one layer."""

    shapes: tuple[Shape, ...]
    vector: NDArray[np.float32]
    """Standardised tensor by tensor; zeros where a tensor says nothing."""
    strength: int
    """Entries that say something."""
    main: Hashable
    """Shape and bytes of its largest tensor that says something, or None."""


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


def _print(layer: Layer, count: int) -> _Print | None:
    weights = [weight for weight in layer.comparable_weights if weight.dtype != "string"]
    parts: list[NDArray[np.float32]] = []
    strength, largest, main = 0, 0, None
    for weight in weights[:12]:
        sample = _numbers(weight, count)
        if sample is None:
            return None
        flat = np.nan_to_num(sample.astype(np.float64), posinf=0.0, neginf=0.0)
        spread = float(flat.std())
        if spread <= 1e-12 or len(np.unique(flat)) < min(5, flat.size):
            parts.append(np.zeros(flat.size, np.float32))
            continue
        parts.append(((flat - flat.mean()) / spread).astype(np.float32))
        strength += flat.size
        if weight.size > largest:
            largest, main = weight.size, (weight.shape, flat.astype(np.float32).tobytes())
    if not strength:
        return None
    return _Print(tuple(weight.shape for weight in weights), np.concatenate(parts), strength, main)


def _prints(flow: Flow, count: int) -> dict[int, _Print]:
    found = {}
    for index in flow.order:
        if flow[index].layer.weights and (print_ := _print(flow[index].layer, count)) is not None:
            found[index] = print_
    return found


def kinship(old: Flow, new: Flow) -> Kinship:
    """Sample both sides and compare what has the same shapes."""
    tensors = max(1, *(sum(len(flow[i].layer.weights) for i in flow.order) for flow in (old, new)))
    count = int(min(1024, max(128, _ENTRIES // tensors)))
    prints = _prints(old, count), _prints(new, count)
    result = Kinship(group=(np.full(len(old.nodes), -1, np.int64), np.full(len(new.nodes), -2, np.int64)))
    _find_identical(prints, result)
    members: dict[tuple[Shape, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, found in enumerate(prints):
        for index, print_ in found.items():
            members[print_.shapes][side].append(index)
    comparable = kin = 0
    for number, (olds, news) in enumerate(members.values()):
        if not olds or not news:
            continue
        strong = max(prints[0][i].strength for i in olds) >= 24
        if strong:
            result.group[0][olds] = number
            result.group[1][news] = number
            comparable += min(len(olds), len(news))
        kin += _correlate(olds, news, prints, result)
    result.kept = min(1.0, max(0.0, 2.5 * (kin / comparable - 0.1))) if comparable >= 2 else 0.0
    return result


def _find_identical(prints: tuple[dict[int, _Print], dict[int, _Print]], result: Kinship) -> None:
    counts = [Counter(print_.main for print_ in side.values()) for side in prints]
    owners = {print_.main: index for index, print_ in prints[1].items()}
    for index, print_ in prints[0].items():
        if counts[0][print_.main] == counts[1][print_.main] == 1:
            result.identical.append((index, owners[print_.main]))


def _correlate(
    olds: list[int], news: list[int], prints: tuple[dict[int, _Print], dict[int, _Print]], result: Kinship
) -> int:
    """Correlate the layers of one shape; give how many old ones have kin."""
    left, right = (
        np.stack([side[i].vector for i in members]) for side, members in zip(prints, (olds, news), strict=True)
    )
    ratios = np.zeros((len(olds), len(news)), np.float32) if len(olds) * len(news) <= 4_000_000 else None
    lengths = [np.maximum(np.sqrt((side * side).sum(1)), 1e-9) for side in (left, right)]
    kin = 0
    for row, index in enumerate(olds):
        low, high = 0, len(news)
        if ratios is None:
            centre = row * len(news) // len(olds)
            low, high = max(0, centre - _BAND), min(len(news), centre + _BAND)
        correlation = (right[low:high] @ left[row]) / (lengths[1][low:high] * lengths[0][row])
        correlation = np.clip(correlation, -0.999999, 0.999999)
        entries = np.minimum(lengths[1][low:high], lengths[0][row]) ** 2
        ratio = np.where(correlation > 0.08, -0.5 * entries * np.log1p(-correlation * correlation), 0.0)
        ratio = np.clip(ratio - math.log(2 + len(news)), 0.0, None)
        if ratios is not None:
            ratios[row, low:high] = ratio
        found = np.nonzero(ratio > 1.0)[0]
        if len(found) > 8:
            found = found[np.argsort(-ratio[found], kind="stable")[:8]]
        if len(found):
            kin += bool(ratio.max() > 4.0)
            result.likelihood[index] = [(news[low + int(k)], min(_CAP, float(ratio[k]))) for k in found]
    if ratios is not None:
        _find_related(olds, news, ratios, result)
    return kin


def _find_related(olds: list[int], news: list[int], ratios: NDArray[np.float32], result: Kinship) -> None:
    def best(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        first = matrix.argmax(1)
        values = matrix[np.arange(len(matrix)), first]
        rest = matrix.copy()
        rest[np.arange(len(matrix)), first] = 0.0
        return first, np.where(values > _CERTAIN, values - rest.max(1), -1.0)

    forth, sure_forth = best(ratios)
    back, sure_back = best(ratios.T)
    for row, column in enumerate(forth.tolist()):
        if back[column] == row and sure_forth[row] > _MARGIN and sure_back[column] > _MARGIN:
            result.related.append((olds[row], news[column]))
