# Units in another order. A slice of a tensor along an axis (the weights of one unit) is known by the multiset of
# its values, whatever the order inside, because in a chain of layers rows and columns are reordered at once. The
# multiset is a sum of mixed bits modulo 2 ** 64, so it is gathered block by block. With the order of every axis
# known, one more pass proves it: the sum over all entries of mixed bits and mixed place must be equal.
# Rejected: comparing the sorted values of the whole tensor, which proves nothing about rows and columns.
"""Proof that the entries of an axis were reordered: `permuted`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.blocks import ENTRIES, bits, source_of
from modeldiff.graph import Weight

Places = NDArray[np.intp]
"""For each slice of the new side, where it was on the old one."""

_Words = NDArray[np.uint64]


def permuted(old: Weight, new: Weight) -> Mapping[str, float] | None:
    """Proof that `new` is `old` with axes reordered.

    For each such axis `moved_<axis>`, how many of its entries are elsewhere, and `order_<axis>`, a number that is
    equal for equal orders: where it is that of the next layer's inputs, the function is the same.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    before, after = slices(old), slices(new)
    orders = [order_of(x, y) for x, y in zip(before, after, strict=True)]
    if any(order is None for order in orders):
        return None
    known = [order for order in orders if order is not None]
    places = [np.arange(order.size) for order in known]
    if all(np.array_equal(order, place) for order, place in zip(known, places, strict=True)):
        return None
    if not holds(old, new, known):
        return None
    proof: dict[str, float] = {}
    for axis, (order, place) in enumerate(zip(known, places, strict=True)):
        moved = int(np.count_nonzero(order != place))
        if moved:
            mixed = _mixed(order.astype(np.uint64) * np.uint64(order.size) + place.astype(np.uint64))
            proof |= {f"moved_{axis}": moved, f"order_{axis}": int(mixed.sum() >> np.uint64(12))}
    return proof


def holds(old: Weight, new: Weight, orders: Sequence[Places]) -> bool:
    """Whether `new` is `old` with every axis in the order given for it.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    return _fingerprint(old, [np.arange(size) for size in old.shape]) == _fingerprint(new, orders)


def order_of(before: _Words, after: _Words) -> Places | None:
    """Where each slice of the new side was on the old one; None where the slices are not the same ones.

    Equal slices (dead units) keep their order among themselves.
    """
    here, there = np.argsort(before, kind="stable"), np.argsort(after, kind="stable")
    if not np.array_equal(before[here], after[there]):
        return None
    order = np.empty(before.size, np.intp)
    order[there] = here
    return order


def slices(weight: Weight) -> list[_Words]:
    """For each axis, the sum of the mixed bits of every slice.

    Raises:
        UnreadableFile: the values cannot be read.
    """
    sums: list[_Words] = [np.zeros(size, np.uint64) for size in weight.shape]
    for leading, mixed in _lines(weight):
        if sums:
            sums[-1] += mixed.sum(axis=0, dtype=np.uint64)
        rows = mixed.sum(axis=1, dtype=np.uint64)
        for one, place in zip(sums, leading, strict=False):
            np.add.at(one, place, rows)
    return sums


def _fingerprint(weight: Weight, orders: Sequence[Places]) -> int:
    """A sum over all entries of bits and place, where the place on each axis is looked up in its order."""
    total = np.uint64(0)
    with np.errstate(over="ignore"):
        for leading, mixed in _lines(weight):
            flat: _Words = np.zeros(mixed.shape[0], np.uint64)
            for axis, place in enumerate(leading):
                flat = flat * np.uint64(weight.shape[axis]) + orders[axis][place].astype(np.uint64)
            last = orders[-1].astype(np.uint64) if weight.shape else np.zeros(1, np.uint64)
            places = flat[:, None] * np.uint64(mixed.shape[1]) + last + np.uint64(1)
            total += _mixed(mixed + _mixed(places)).sum(dtype=np.uint64)
    return int(total)


def _lines(weight: Weight) -> Iterator[tuple[tuple[Places, ...], _Words]]:
    """Mixed bits in whole rows of the last axis, and where those rows are on the other axes."""
    width = weight.shape[-1] if weight.shape else 1
    rows = max(1, ENTRIES // max(1, width))
    position = 0
    for block in source_of(weight).blocks(rows * width):
        mixed = _mixed(bits(block).astype(np.uint64).reshape(block.size, -1)[:, 0]).reshape(-1, width)
        index = np.arange(position, position + mixed.shape[0])
        yield np.unravel_index(index, weight.shape[:-1]) if len(weight.shape) > 1 else (), mixed
        position += mixed.shape[0]


def _mixed(words: Any) -> _Words:
    """Every bit of the result depends on every bit of the word (the finalizer of MurmurHash3)."""
    with np.errstate(over="ignore"):
        words = words ^ (words >> np.uint64(33))
        words = words * np.uint64(0xFF51AFD7ED558CCD)
        words = words ^ (words >> np.uint64(33))
        words = words * np.uint64(0xC4CEB9FE1A85EC53)
        mixed: _Words = words ^ (words >> np.uint64(33))
    return mixed
