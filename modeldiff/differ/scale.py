# One factor for the whole tensor (weight decay alone, an initial value rescaled) or one for each unit (a normalisation
# folded into the kernel before it). The second needs two passes, so the first few rows are tried before.
"""Proof that values were scaled: `scaled`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.changes import Movement
from modeldiff.differ.blocks import ENTRIES, numbers, paired
from modeldiff.graph import Weight

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Dtypes with a fraction, and the distance from 1 to the next larger value."""

_ROUNDINGS = 2
"""Steps between two values of a dtype that one multiplication, and the factor itself, may be off."""

_DRIFT = 0.02
"""Share of its own movement by which an entry may be off the common factor: 200 steps of weight decay, rounded each,
leave 0.0005 to 0.004."""

_LEFT = 1e-2
"""Share of the squared difference that may be left over: noise is not explained by a factor near 1."""

_ENOUGH = 8
"""Entries from which drift is allowed: by chance as many move by one share with probability 0.04 ** 7."""

_ROWS = 4
"""Entries that each factor of its own must explain: three of them by chance not even once in 1e12."""

_HEAD = 4096
"""Entries tried first: four rows at least."""


def scaled(old: Weight, new: Weight, movement: Movement) -> Mapping[str, float] | None:
    """Proof that one `factor` explains the difference, or `factors` from `lowest` to `highest` for the last axis.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    if old.dtype not in EPSILON or new.dtype not in EPSILON or new.size < 3:
        return None
    slack = 1e-3 * min(1.0, movement.relative_l2**2) + 1e-15
    if 1 - abs(movement.cosine) <= slack and (proof := _as_one(old, new)):
        return proof
    return _by_unit(old, new)


def _as_one(old: Weight, new: Weight) -> Mapping[str, float] | None:
    factor = math.nan
    left = moved = 0.0
    drift = _DRIFT if new.size >= _ENOUGH else 0.0
    for x, y in _wide(old, new, ENTRIES):
        if math.isnan(factor) and x.any():
            factor = float(x @ y) / float(x @ x)
        rest = np.abs(y - factor * x) if x.any() else np.abs(y)
        allowed = _ROUNDINGS * EPSILON[new.dtype] * np.abs(y)
        if drift and not math.isnan(factor):
            allowed += drift * abs(factor - 1) * np.abs(x)
        if (rest > allowed).any():
            return None
        left += float(rest @ rest)
        moved += float((y - x) @ (y - x))
    return {"factor": factor} if left <= _LEFT * moved else None


def _by_unit(old: Weight, new: Weight) -> Mapping[str, float] | None:
    width = new.shape[-1] if new.shape else 0
    rows = new.size // width if width else 0
    if width < 2 or rows < _ROWS:
        return None
    x, y = (side.reshape(-1, width) for side in next(_wide(old, new, min(rows, max(_ROWS, _HEAD // width)) * width)))
    if not _explained(x, y, _factors((x * y).sum(axis=0), (x * x).sum(axis=0)), new.dtype):
        return None
    products, squares = np.zeros(width), np.zeros(width)
    known = np.zeros(width, int)
    step = max(1, ENTRIES // width) * width
    for before, after in _wide(old, new, step):
        x, y = before.reshape(-1, width), after.reshape(-1, width)
        products += (x * y).sum(axis=0)
        squares += (x * x).sum(axis=0)
        known += np.count_nonzero(x, axis=0)
    factors = _factors(products, squares)
    left = moved = 0.0
    for before, after in _wide(old, new, step):
        x, y = before.reshape(-1, width), after.reshape(-1, width)
        if not _explained(x, y, factors, new.dtype):
            return None
        left += float(((y - factors * x) ** 2).sum())
        moved += float(((y - x) ** 2).sum())
    told = factors[known >= _ROWS]
    if told.size < 2 or left > _LEFT * moved:
        return None
    return {"factors": int(told.size), "lowest": float(told.min()), "highest": float(told.max())}


def _factors(products: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """By least squares; 1 for a unit that is all zeros, so that it must stay so."""
    return np.divide(products, squares, out=np.ones_like(products), where=squares > 0)


def _explained(x: NDArray[Any], y: NDArray[Any], factors: NDArray[np.float64], dtype: str) -> bool:
    return not (np.abs(y - factors * x) > 2 * _ROUNDINGS * EPSILON[dtype] * np.abs(y)).any()


def _wide(old: Weight, new: Weight, entries: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for before, after in paired(old, new, entries):
        yield numbers(before, old.dtype).astype(np.float64), numbers(after, new.dtype).astype(np.float64)
