# The difference of two matrices may have a small rank: a merged adapter, or a few steps of plain gradient descent.
# A corner of the difference is tried first, which rules out nearly everything; then a random sketch of the whole
# (Halko, Martinsson, Tropp) gives the rank and the share of energy in it. Large matrices are not tried: the
# sketch needs the difference in memory.
"""Proof that a difference has a small rank: `low_rank`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.blocks import ENTRIES, numbers, paired
from modeldiff.graph import Weight

_BOUND = 1 << 23
"""Entries of the difference at most: 32 MB in float32."""

_CORNER = 64

_RANK = 32
"""The largest rank called small."""

_ENERGY = 0.9999
"""Share of the squared difference that the rank must hold. What an adapter leaves over is rounding (1e-6 and less);
fine-tuning spreads: half the spectrum holds less than 0.99."""


def low_rank(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that `new - old`, as a matrix of the last axis, has a small rank: `rank` and its share of `energy`.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    columns = new.shape[-1] if new.shape else 0
    rows = new.size // columns if columns else 0
    limit = min(_RANK, min(rows, columns) // 4)
    if limit < 1 or new.size > _BOUND:
        return None
    if _rank(_corner(old, new, columns), limit)[0] > limit:
        return None
    difference = _difference(old, new).reshape(rows, columns)
    sketch = difference @ np.random.default_rng(0).standard_normal((columns, limit + 8), np.float32)
    basis, _ = np.linalg.qr(sketch)
    kept = np.linalg.svd(basis.T @ difference, compute_uv=False)
    total = float(np.vdot(difference, difference))
    rank, energy = _rank(kept, limit, total)
    return {"rank": rank, "energy": energy} if rank <= limit else None


def _corner(old: Weight, new: Weight, columns: int) -> NDArray[np.float64]:
    """Singular values of the first rows and columns of the difference, largest first."""
    before, after = next(paired(old, new, _CORNER * columns))
    x = numbers(before, old.dtype).reshape(-1, columns)[:, :_CORNER].astype(np.float64)
    y = numbers(after, new.dtype).reshape(-1, columns)[:, :_CORNER]
    moved = y - x
    moved = moved if moved.shape[0] <= moved.shape[1] else moved.T  # the smaller product has the same singular values
    squares = np.linalg.eigvalsh(moved @ moved.T)[::-1]
    values: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0.0))
    return values


def _difference(old: Weight, new: Weight) -> NDArray[np.float32]:
    found = np.empty(new.size, np.float32)
    position = 0
    for before, after in paired(old, new, ENTRIES):
        wide = numbers(after, new.dtype).astype(np.float64) - numbers(before, old.dtype)
        found[position : position + wide.size] = wide
        position += wide.size
    return found


def _rank(values: NDArray[Any], limit: int, total: float | None = None) -> tuple[int, float]:
    """The smallest rank that holds `_ENERGY` of the squares, and its share; `limit + 1` where none up to it does."""
    shares = np.cumsum(values.astype(np.float64) ** 2)
    shares = shares / (total or float(shares[-1]) or math.nan)
    enough = np.flatnonzero(shares >= _ENERGY)
    if not enough.size or enough[0] >= limit:
        return limit + 1, 0.0
    return int(enough[0]) + 1, min(1.0, float(shares[enough[0]]))
