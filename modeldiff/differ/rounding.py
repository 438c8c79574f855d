# Rounding leaves marks that chance does not: values that a narrower dtype holds exactly, or values on an even grid.
# Both are looked for in the first entries (cheap, and nearly always the end of it) and then proven in the rest.
"""Proofs that values were rounded: `recast` to a narrower dtype, `quantised` to few values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.blocks import ENTRIES, bits, numbers, paired, source_of
from modeldiff.graph import Weight, itemsize

_HEAD = 4096
"""Entries looked at first."""

_BOUND = 1 << 22
"""Entries examined for a grid at most; a proof says how many were."""

_LEVELS = 256
"""Distinct values at most: what 8 bits can hold."""

_REPEATS = 16
"""How often a value must occur on average before "few distinct values" means anything."""

_OFF_GRID = 0.02
"""How far from a multiple of the step a value may be, in steps. float32 stores a grid of 255 steps to 1e-5 steps;
a value that is on no grid passes with probability 0.04."""

_VALUES = 8
"""Distinct values a grid must explain: by chance one group in 0.16 ** 6, and nearly every group must."""

_NARROWER = {"float64": ("float32", "float16", "bfloat16"), "float32": ("float16", "bfloat16")}

_FRACTION = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}

_TAIL = {"float64": (1 << 29) - 1, "float32": (1 << 13) - 1}
"""The bits of a fraction that no narrower dtype has: zero in all values that were rounded to one."""


def recast(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that all values agree in the narrower dtype: its `bits`, and those of its `fraction`.

    Of two dtypes it is the one in which both are equal; of one dtype, the one that `new` was rounded to.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    if old.dtype != new.dtype:
        if _agree(old, new, old_as=new.dtype):
            return _dtype(new.dtype)
        return _dtype(old.dtype) if _agree(old, new, new_as=old.dtype) else None
    if old.dtype not in _TAIL or (bits(next(source_of(new).blocks(_HEAD))) & _TAIL[old.dtype]).any():
        return None
    narrow = (dtype for dtype in _NARROWER[old.dtype] if _agree(old, new, old_as=dtype))
    found = next(narrow, None)
    return _dtype(found) if found else None


def _dtype(name: str) -> Mapping[str, float]:
    """`bits` in all, and of its `fraction`: 10 in float16, 7 in bfloat16."""
    bits_in_all = {"bits": 8 * itemsize(name)}
    return {**bits_in_all, "fraction": _FRACTION[name]} if name in _FRACTION else bits_in_all


def _agree(old: Weight, new: Weight, *, old_as: str | None = None, new_as: str | None = None) -> bool:
    """Whether all entries are equal once a side is rounded; the first few are tried first."""

    def equal(before: NDArray[Any], after: NDArray[Any]) -> bool:
        with np.errstate(all="ignore"):
            x = _rounded(numbers(before, old.dtype), old_as or old.dtype)
            y = _rounded(numbers(after, new.dtype), new_as or new.dtype)
            return bool(((x == y) | ((x != x) & (y != y))).all())  # noqa: PLR0124 -- NaN agrees with NaN

    return equal(*next(paired(old, new, _HEAD))) and all(equal(*blocks) for blocks in paired(old, new, ENTRIES))


def _rounded(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """In `dtype`, rounded as frameworks do: to nearest and even. bfloat16 is held in float32."""
    if dtype != "bfloat16":
        return values.astype(dtype)
    words = np.ascontiguousarray(values, np.float32).view(np.uint32)
    odd = (words >> np.uint32(16)) & np.uint32(1)
    nearest: NDArray[np.float32] = ((words + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(values), np.float32(math.nan), nearest)


def quantised(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that `new` has few distinct values and `old` had not: `levels`, the most in one group of `entries`.

    One set of values for the tensor, or one even grid for each entry of the last or first axis (`axis`).

    Raises:
        UnreadableFile: the values cannot be read.
    """
    groupings = [None] if len(new.shape) < 2 else [None, len(new.shape) - 1, 0]
    head = _leading(new, _HEAD * 16)
    for axis in groupings:
        few = _levels(_groups(head, new.shape, axis, probes=4))
        if few and not _levels(_groups(_leading(old, _HEAD * 16), old.shape, axis, probes=4)):
            values = _leading(new, _BOUND)
            levels = _levels(_groups(values, new.shape, axis))
            if levels:
                proof = {"levels": levels, "entries": values.size}
                return proof if axis is None else {**proof, "axis": axis}
    return None


def coded(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that the integers of `new` count steps of `old`: `levels`, `entries`, and `axis` where steps differ on it.

    `axis_to` is the last axis, where steps differ on all from `axis` on: the heads and units of an attention.

    A step is proven by all entries at once: value = integer x step, half a step off at most, bounds it from both
    sides, and the bounds must leave room. An integer at the end of its range may stand for more.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    if not new.dtype.lstrip("u").startswith("int"):
        return None
    values, codes = (_leading(weight, _BOUND).astype(np.float64) for weight in (old, new))
    if np.count_nonzero(codes) < _REPEATS or not np.isfinite(values).all():
        return None
    last = len(new.shape) - 1
    for span in [
        (),
        *((axis, axis) for axis in range(last, -1, -1)),
        *((axis, last) for axis in range(last - 1, 0, -1)),
    ]:
        place = _place(new.shape, span, codes.size)
        if np.bincount(place, codes != 0).max() >= _VALUES and _is_counted(values, codes, place):
            proof = {"levels": np.unique(codes).size, "entries": codes.size}
            return {**proof, **dict(zip(("axis", "axis_to") if len({*span}) > 1 else ("axis",), span, strict=False))}
    return None


def _place(shape: tuple[int, ...], span: tuple[int, ...], count: int) -> NDArray[np.intp]:
    """The group of each of the leading entries: its place on the axes from the first to the last of `span`."""
    if not span:
        return np.zeros(count, np.intp)
    inner = math.prod(shape[span[-1] + 1 :])
    groups: NDArray[np.intp] = np.arange(count) // inner % math.prod(shape[span[0] : span[-1] + 1])
    return groups


def _is_counted(values: NDArray[np.float64], codes: NDArray[np.float64], place: NDArray[np.intp]) -> bool:
    """Whether one step for each place is consistent with all its entries."""
    size, count = np.abs(values), np.abs(codes)
    if ((codes * values) < 0).any():
        return False
    inside = count < count.max()
    groups = int(place.max()) + 1
    least, most = np.zeros(groups), np.full(groups, np.inf)
    np.maximum.at(least, place, size / (count + 0.5) * np.where(inside, 1, 0))
    some = count > 0
    np.minimum.at(most, place[some], size[some] / (count[some] - 0.5))
    return bool((least <= most * (1 + 1e-5)).all())


def _leading(weight: Weight, limit: int) -> NDArray[Any]:
    values: NDArray[Any] = numbers(next(source_of(weight).blocks(min(weight.size, limit))), weight.dtype).copy()
    return values


def _groups(
    values: NDArray[Any], shape: tuple[int, ...], axis: int | None, *, probes: int | None = None
) -> Iterator[NDArray[Any]]:
    """The leading values of a tensor, by their place on `axis`; `probes` groups only."""
    if axis is None:
        yield values if probes is None else values[:_HEAD]
        return
    inner = math.prod(shape[axis + 1 :])
    if axis == 0:
        rows = [values[start : start + inner] for start in range(0, values.size, inner)]
        yield from rows[: probes or None]
        return
    whole = values[: values.size // shape[axis] * shape[axis]].reshape(-1, shape[axis])
    step = 1 if probes is None else max(1, shape[axis] // probes)
    yield from whole[:, ::step].T


def _levels(groups: Iterator[NDArray[Any]]) -> int:
    """The most levels of a group; 0 unless most groups have few and none has many."""
    most = proven = silent = 0
    for group in groups:
        distinct = _distinct(group)
        if distinct.size < _VALUES and group.size < _REPEATS * distinct.size:
            silent += 1  # too little to say anything
            continue
        levels = distinct.size if group.size >= _REPEATS * distinct.size else _steps(distinct)
        if not 2 <= levels <= _LEVELS:
            return 0
        proven += 1
        most = max(most, levels)
    return most if proven > silent else 0


def _distinct(group: NDArray[Any]) -> NDArray[Any]:
    """In ascending order; `np.unique` would import masked arrays."""
    ordered = np.sort(group)
    found: NDArray[Any] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return found


def _steps(distinct: NDArray[Any]) -> int:
    """How many values the even grid has that all of `distinct` lie on; 0 where there is none."""
    exact = distinct.astype(np.float64)
    span, gap = float(exact[-1] - exact[0]), float(np.diff(exact).min())
    for part in (1, 2, 3, 4):  # the smallest gap is one step, or a few where values are rare
        count = round(span / gap * part)
        if count >= _LEVELS:
            return 0
        multiples = (exact - exact[0]) * (count / span)
        if np.abs(multiples - np.round(multiples)).max() <= _OFF_GRID:
            return count + 1
    return 0
