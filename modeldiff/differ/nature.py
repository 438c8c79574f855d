# In what way a weight changed. A nature that is not proven is not named: exact natures are checked in all entries,
# and the three that are a matter of degree need an angle that chance does not give. The order is that of how much
# a word says: a pruned kernel is also "fine-tuned", but nobody would call it so.
# The limits come from tests/benchmarks/natures.py, which trains small models and prints what was measured.
"""The nature of a change and the numbers that prove it: `of_changed`, `of_reshaped`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Moments, Movement, Nature
from modeldiff.differ import overlap, rank, reorder, rounding, scale
from modeldiff.differ.blocks import numbers, paired, source_of
from modeldiff.differ.scale import EPSILON
from modeldiff.graph import Weight

Finding = tuple[Nature, Mapping[str, float]]

_CHANCE = 1e-6
"""Probability at which an angle is no accident."""

_NEAR, _FAR = 0.13, 0.25
"""How far the values went, in units of the spread of the old ones: up to the first they are fine-tuned, from the
second on retrained; what lies between is not named. Measured on kernels: 0.0002 to 0.112 after fine-tuning at usual
rates, 0.019 to 0.44 after 50 steps at a rate of 0.1; 0.14 and 0.15 (the two nearest), then 0.28 to 3.6 after 500 steps
of another task."""

_CLOSE = 0.5
"""Relative L2 up to which rounded values count as the old ones: one bit per weight leaves about 0.6."""

_UNRELATED, _RELATED = 0.2, 0.15
"""Correlation, with three times its error, below which values have no common past that could be told, and above which
they have one. Measured: 0.22 to 0.99 after heavy training, 0.00 to 0.057 between two initialisations, trained or not.
Both take the error off; a tensor so large that it meets both is related."""

_LEFT = 0.5
"""Share of the old values that may be left in the new ones, with three times its error, where these count as drawn
anew. Values that were near zero and were trained on are uncorrelated with the old ones too, and hold all of them."""

_SMALL = 1 << 18
"""Entries up to which initial zeros and ones are taken off: more are no vector, and no identity of a recurrent cell."""

_STARTED = 0.5
"""Share of its length that a matrix without zeros and ones has left where it started from them; normal values: 0.78."""

_CUT = 0.05
"""Share of the entries that must become zero before a tensor whose other entries moved too is called pruned."""

_SMALLEST, _LARGEST = 1e-100, 1e100
"""Spreads that can be squared."""

_CANCELLED = 1e-5
"""Spread, as a share of the magnitude, below which a correlation is made of rounding errors."""


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
    if (old.dtype in EPSILON) != (new.dtype in EPSILON):  # integers that stand for other numbers have no distance
        codes = rounding.coded(old, new) if old.dtype in EPSILON else None
        return (Nature.QUANTISED, codes) if codes else (Nature.UNKNOWN, {})
    if "complex" in old.dtype or after.nan + after.inf + before.nan + before.inf:
        return Nature.UNKNOWN, {}
    if before.min < before.max and _is_initial(after, new.size) and not _is_initial(before, old.size):
        return Nature.REINITIALISED, {"zeros": after.zeros / new.size, "mean": after.mean}
    if not all(side.min < side.max and _SMALLEST < side.std < _LARGEST for side in (before, after)):
        return Nature.UNKNOWN, {}  # a constant has no correlation with anything
    for nature, prove in (
        (Nature.PRUNED, _pruned),
        (Nature.SCALED, scale.scaled),
        (Nature.PERMUTED, _permuted),
        (Nature.QUANTISED, _quantised),
        (Nature.LOW_RANK, _low_rank),
        (Nature.PRUNED, _pruned_and_moved),
    ):
        if proof := prove(old, new, movement):
            return nature, proof
    return _by_angle(old, new, movement)


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


def _permuted(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    before, after = movement.old, movement.new
    if (before.min, before.max, before.zeros) != (after.min, after.max, after.zeros):
        return None
    near = abs(before.mean - after.mean) <= 1e-4 * before.std and math.isclose(before.std, after.std, rel_tol=1e-4)
    return reorder.permuted(old, new) if near else None


def _quantised(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """Of matrices: a bias at its initial zeros and ones is no work of a quantiser."""
    close = movement.relative_l2 <= _CLOSE and new.dtype in EPSILON and len(new.shape) > 1
    return rounding.quantised(old, new) if close else None


def _low_rank(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """A few changed rows (an embedding, trained) have a small rank by themselves: that is no adapter."""
    spread = movement.changed_fraction > 0.5 and new.dtype in EPSILON
    return rank.low_rank(old, new) if spread else None


def _pruned_and_moved(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """Many entries became zero, which training does not do, and the `rest` moved a little."""
    cut = movement.new.zeros - movement.old.zeros
    if cut < max(8, _CUT * new.size) or new.dtype not in EPSILON:
        return None
    moved = square = 0.0
    for before, after in paired(old, new):
        x, y = (numbers(side, new.dtype).astype(np.float64) for side in (before, after))
        kept = y != 0
        moved += float(((y - x)[kept] ** 2).sum())
        square += float((x[kept] ** 2).sum())
    rest = math.sqrt(moved / square) if square else math.inf
    return {"pruned": cut / new.size, "zeros": movement.new.zeros / new.size, "rest": rest} if rest <= _FAR else None


def _by_angle(old: Weight, new: Weight, movement: Movement) -> Finding:
    """By the correlation and not the cosine: two scales that started at 1 have a cosine near 1 and nothing else.

    A vector is not called retrained: a bias starts at zero, and a little training moves it far.
    """
    before, after = movement.old, movement.new
    lengths = math.hypot(before.mean, before.std), math.hypot(after.mean, after.std)
    if before.std * after.std < _CANCELLED * lengths[0] * lengths[1]:
        return Nature.UNKNOWN, {}
    correlation = (movement.cosine * lengths[0] * lengths[1] - before.mean * after.mean) / (before.std * after.std)
    correlation = min(1.0, max(-1.0, correlation))
    proof = {"cosine": movement.cosine, "relative_l2": movement.relative_l2, "correlation": correlation}
    distance = movement.relative_l2 * lengths[0] / before.std
    related = _by_chance(correlation, new.size - 1) <= _CHANCE
    if related and distance <= _NEAR:
        return (Nature.FINE_TUNED, proof) if new.size > _SMALL or _is_learned_alike(old, new) else (Nature.UNKNOWN, {})
    error = 3 / math.sqrt(new.size)
    if related and distance >= _FAR and correlation - error > _RELATED and len(new.shape) > 1:
        return Nature.RETRAINED, proof
    alike = max(abs(correlation), abs(movement.cosine)) + error
    if alike <= _UNRELATED and alike * after.std <= _LEFT * before.std:
        return Nature.REINITIALISED, proof
    return Nature.UNKNOWN, {}


def _is_learned_alike(old: Weight, new: Weight) -> bool:
    """Whether the values are near the old ones also without the zeros and ones they may have started from.

    The forget gates of an LSTM start at one and the others at zero: two biases with no common past are alike in that.
    """
    x = _wide(old)
    start = (x > 0.5).astype(np.float64)
    apart = x - start
    length = _norm(apart)
    if len(new.shape) > 1 and length > _STARTED * _norm(x):
        return True
    moved = _wide(new) - start
    if _norm(moved - apart) > _NEAR * length:
        return False
    a, b = (values - values.sum() / values.size for values in (apart, moved))  # `mean` does the same and asks more
    spread = _norm(a) * _norm(b)
    return spread > 0 and _by_chance(float(a @ b) / spread, new.size - 1) <= _CHANCE


def _wide(weight: Weight) -> NDArray[np.float64]:
    return numbers(next(source_of(weight).blocks(weight.size)), weight.dtype).astype(np.float64)


def _norm(values: NDArray[np.float64]) -> float:
    return math.sqrt(float(values @ values))  # `np.linalg.norm` asks first what kind of norm of what


def _by_chance(cosine: float, size: int) -> float:
    """Bound on the probability that two unrelated directions in `size` dimensions are as close as this."""
    return max(0.0, 1 - cosine * cosine) ** ((size - 1) / 2) if cosine > 0 and size > 1 else 1.0
