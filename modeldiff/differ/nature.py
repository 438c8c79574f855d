# In what way a weight changed. A nature that is not proven is not named: exact natures are checked in all entries,
# and the three that are a matter of degree need an angle that chance does not give. The order is that of how much
# a word says: a pruned kernel is also "fine-tuned", but nobody would call it so.
# The limits come from tests/benchmarks/natures.py, which trains small models and prints what was measured.
"""The nature of a change and the numbers that prove it: `of_changed`, `of_reshaped`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from modeldiff.changes import Moments, Movement, Nature
from modeldiff.differ import overlap, rank, reorder, rounding
from modeldiff.differ.blocks import numbers, paired
from modeldiff.graph import Weight

Finding = tuple[Nature, Mapping[str, float]]

_CHANCE = 1e-6
"""Probability at which an angle is no accident."""

_NEAR = 0.2
"""Relative L2 up to which the old values are still recognised. Measured on kernels: 0.0002 to 0.11 after
fine-tuning, 0.15 to 3.6 after 500 steps of another task at a high rate."""

_CLOSE = 0.5
"""Relative L2 up to which rounded values count as the old ones: one bit per weight leaves about 0.6."""

_UNRELATED = 0.15
"""Correlation, with its error, that parts values with a common past from values without. Measured: 0.23 to 0.99
after heavy training, 0.00 to 0.04 between two initialisations, trained or not."""

_SMALLEST, _LARGEST = 1e-100, 1e100
"""Spreads that can be squared."""

_CANCELLED = 1e-5
"""Spread, as a share of the magnitude, below which a correlation is made of rounding errors."""

_ROUNDING = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Dtypes with a fraction, and the distance from 1 to the next larger value."""


def of_reshaped(old: Weight, new: Weight) -> Finding:
    """The nature where the shapes differ.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    proof = overlap.resized(old, new)
    return (Nature.RESIZED, proof) if proof else (Nature.UNKNOWN, {})


@np.errstate(all="ignore")
def of_changed(old: Weight, new: Weight, movement: Movement) -> Finding:
    """The nature where the shapes are equal and the values are not.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    before, after = movement.old, movement.new
    if after.nan + after.inf > before.nan + before.inf:
        return Nature.BROKEN, {"nan": after.nan, "inf": after.inf}
    if proof := rounding.recast(old, new):
        return Nature.RECAST, proof
    if "complex" in old.dtype or after.nan + after.inf + before.nan + before.inf:
        return Nature.UNKNOWN, {}
    if before.min < before.max and _is_initial(after, new.size) and not _is_initial(before, old.size):
        return Nature.REINITIALISED, {"zeros": after.zeros / new.size, "mean": after.mean}
    if not all(side.min < side.max and _SMALLEST < side.std < _LARGEST for side in (before, after)):
        return Nature.UNKNOWN, {}  # a constant has no correlation with anything
    for nature, prove in (
        (Nature.PRUNED, _pruned),
        (Nature.SCALED, _scaled),
        (Nature.PERMUTED, _permuted),
        (Nature.QUANTISED, _quantised),
        (Nature.LOW_RANK, _low_rank),
    ):
        if proof := prove(old, new, movement):
            return nature, proof
    return _by_angle(new.shape, movement)


def _is_initial(side: Moments, size: int) -> bool:
    """Only zeros and ones, as initializers fill biases, scales, statistics and the bias of an LSTM."""
    ones = side.mean * size
    return {side.min, side.max} <= {0.0, 1.0} and math.isclose(side.zeros + ones, size, abs_tol=1e-3)


def _pruned(_: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """As many entries became zero as changed at all: then every change is to zero."""
    changed = round(movement.changed_fraction * new.size)
    if movement.new.zeros - movement.old.zeros != changed or movement.new.zeros == new.size:
        return None
    return {"pruned": movement.changed_fraction, "zeros": movement.new.zeros / new.size}


def _scaled(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """One factor leaves nothing but rounding, and less of it than there is change."""
    slack = 1e-3 * min(1.0, movement.relative_l2**2) + 1e-15
    if new.size < 3 or not 1 - abs(movement.cosine) <= slack or new.dtype not in _ROUNDING:
        return None
    factor = math.nan
    left = moved = 0.0
    for before, after in paired(old, new):
        x, y = (numbers(block, new.dtype).astype(np.float64) for block in (before, after))
        if math.isnan(factor) and x.any():
            factor = float(x @ y) / float(x @ x)
        rest = np.abs(y - factor * x) if x.any() else np.abs(y)
        if (rest > 2 * _ROUNDING[new.dtype] * np.abs(y)).any():
            return None
        left += float(rest @ rest)
        moved += float((y - x) @ (y - x))
    return {"factor": factor} if left <= 1e-2 * moved else None


def _permuted(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    before, after = movement.old, movement.new
    if (before.min, before.max, before.zeros) != (after.min, after.max, after.zeros):
        return None
    near = abs(before.mean - after.mean) <= 1e-4 * before.std and math.isclose(before.std, after.std, rel_tol=1e-4)
    return reorder.permuted(old, new) if near else None


def _quantised(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """Of matrices: a bias at its initial zeros and ones is no work of a quantiser."""
    close = movement.relative_l2 <= _CLOSE and new.dtype in _ROUNDING and len(new.shape) > 1
    return rounding.quantised(old, new) if close else None


def _low_rank(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """A few changed rows (an embedding, trained) have a small rank by themselves: that is no adapter."""
    spread = movement.changed_fraction > 0.5 and new.dtype in _ROUNDING
    return rank.low_rank(old, new) if spread else None


def _by_angle(shape: tuple[int, ...], movement: Movement) -> Finding:
    """By the correlation and not the cosine: two scales that started at 1 have a cosine near 1 and nothing else.

    A vector is not called retrained: a bias starts at zero, and a little training moves it far.
    """
    size = math.prod(shape)
    before, after = movement.old, movement.new
    scale = math.hypot(before.mean, before.std) * math.hypot(after.mean, after.std)
    if before.std * after.std < _CANCELLED * scale:
        return Nature.UNKNOWN, {}
    correlation = (movement.cosine * scale - before.mean * after.mean) / (before.std * after.std)
    proof = {"cosine": movement.cosine, "relative_l2": movement.relative_l2, "correlation": correlation}
    related = _by_chance(correlation, size - 1) <= _CHANCE
    if related and movement.relative_l2 <= _NEAR:
        return Nature.FINE_TUNED, proof
    error = 3 / math.sqrt(size)
    if related and correlation - error > _UNRELATED and len(shape) > 1:
        return Nature.RETRAINED, proof
    if max(abs(correlation), abs(movement.cosine)) + error <= _UNRELATED:
        return Nature.REINITIALISED, proof
    return Nature.UNKNOWN, {}


def _by_chance(cosine: float, size: int) -> float:
    """Bound on the probability that two unrelated directions in `size` dimensions are as close as this."""
    return max(0.0, 1 - cosine * cosine) ** ((size - 1) / 2) if cosine > 0 and size > 1 else 1.0
