# Units in another order. A slice of a tensor along an axis (the weights of one unit) is known by the multiset of
# its values, whatever the order inside, because in a chain of layers rows and columns are reordered at once. The
# multiset is a sum of mixed bits modulo 2 ** 64, so it is gathered block by block. With the order of every axis
# known, one more pass proves it: the sum over all entries of mixed bits and mixed place must be equal.
# Rejected: comparing the sorted values of the whole tensor, which proves nothing about rows and columns.
"""Proof that the entries of an axis were reordered: `permuted`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.blocks import ENTRIES, bits, source_of
from modeldiff.graph import Weight

_Words = NDArray[np.uint64]


def permuted(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that `new` is `old` with axes reordered.

    For each such axis `moved_<axis>`, how many of its entries are elsewhere, and `order_<axis>`, a number that is
    equal for equal orders: where it is that of the next layer's inputs, the function is the same.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    before, after = _multisets(old), _multisets(new)
    orders = [_order(x, y) for x, y in zip(before, after, strict=True)]
    if any(order is None for order in orders):
        return None
    known = [order for order in orders if order is not None]
    places = [np.arange(order.size) for order in known]
    if all(np.array_equal(order, place) for order, place in zip(known, places, strict=True)):
        return None
    if _fingerprint(old, places) != _fingerprint(new, known):
        return None
    proof: dict[str, float] = {}
    for axis, (order, place) in enumerate(zip(known, places, strict=True)):
        moved = int(np.count_nonzero(order != place))
        if moved:
            mixed = _mixed(order.astype(np.uint64) * np.uint64(order.size) + place.astype(np.uint64))
            proof |= {f"moved_{axis}": moved, f"order_{axis}": int(mixed.sum() >> np.uint64(12))}
    return proof


def _order(before: _Words, after: _Words) -> NDArray[np.intp] | None:
    """Where each slice of the new side was on the old one; None where the slices are not the same ones.

    Equal slices (dead units) keep their order among themselves.
    """
    here, there = np.argsort(before, kind="stable"), np.argsort(after, kind="stable")
    if not np.array_equal(before[here], after[there]):
        return None
    order = np.empty(before.size, np.intp)
    order[there] = here
    return order


def _multisets(weight: Weight) -> list[_Words]:
    """For each axis, the sum of the mixed bits of every slice."""
    sums: list[_Words] = [np.zeros(size, np.uint64) for size in weight.shape]
    position = 0
    for block in source_of(weight).blocks(ENTRIES):
        mixed = _mixed(bits(block).astype(np.uint64).reshape(block.size, -1)[:, 0])
        for axis, place in enumerate(_places(weight, position, block.size)):
            np.add.at(sums[axis], place, mixed)
        position += block.size
    return sums


def _fingerprint(weight: Weight, orders: Sequence[NDArray[np.intp]]) -> int:
    """A sum over all entries of bits and place, where the place on each axis is looked up in its order."""
    total, position = np.uint64(0), 0
    with np.errstate(over="ignore"):
        for block in source_of(weight).blocks(ENTRIES):
            flat: _Words = np.zeros(block.size, np.uint64)
            for axis, place in enumerate(_places(weight, position, block.size)):
                flat = flat * np.uint64(weight.shape[axis]) + orders[axis][place].astype(np.uint64)
            words = bits(block).astype(np.uint64).reshape(block.size, -1)[:, 0]
            total += _mixed(_mixed(words) + _mixed(flat + np.uint64(1))).sum(dtype=np.uint64)
            position += block.size
    return int(total)


def _places(weight: Weight, position: int, count: int) -> tuple[NDArray[np.intp], ...]:
    return np.unravel_index(np.arange(position, position + count), weight.shape)


def _mixed(words: Any) -> _Words:
    """Every bit of the result depends on every bit of the word (the finalizer of MurmurHash3)."""
    with np.errstate(over="ignore"):
        words = words ^ (words >> np.uint64(33))
        words = words * np.uint64(0xFF51AFD7ED558CCD)
        words = words ^ (words >> np.uint64(33))
        words = words * np.uint64(0xC4CEB9FE1A85EC53)
        mixed: _Words = words ^ (words >> np.uint64(33))
    return mixed
