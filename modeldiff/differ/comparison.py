# One pair of weights, from cheap to dear: may it be read, is it the same bytes, how far did it move, in what way.
# Everything here is picklable and at module level, so that it can run in a thread, a process or a cluster.
"""Comparing the values of two weights: `compare_values`, and `compare_batch` for many small ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from modeldiff.changes import Movement, Nature, Options, Outcome, Values
from modeldiff.differ import nature
from modeldiff.differ.alike import is_small, movements
from modeldiff.differ.blocks import holding, identical, loaded
from modeldiff.differ.movement import measure
from modeldiff.differ.portrait import OPAQUE, portray
from modeldiff.differ.sides import ROW
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Weight, samples

Pair = tuple[Weight | None, Weight | None]
"""A weight of each side; None where there is none to compare with."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing the values of two weights gave."""

    outcome: Outcome
    reason: str = ""
    """Why they were not compared."""
    movement: Movement | None = None
    nature: Nature = Nature.UNKNOWN
    proof: Mapping[str, float] = field(default_factory=dict)
    values: Values | None = None
    """Of a weight alone, and of a pair whose shapes differ."""


_IDENTICAL = Verdict(Outcome.IDENTICAL)


def compare_batch(batch: list[Pair], options: Options) -> list[Verdict]:
    """`compare_values` of each pair, and the statistics of what is alone."""
    small = _small(batch) if options.weights and not (options.rtol or options.atol) else {}
    moved = movements(small)
    verdicts = []
    for place, (old, new) in enumerate(batch):
        if old is None or new is None:
            verdicts.append(Verdict(Outcome.NOT_COMPARED, values=portray(old, new)))
        elif place not in small:
            verdicts.append(compare_values(old, new, options))
        elif place in moved and moved[place] is None:
            verdicts.append(_IDENTICAL)
        else:
            before, after = small[place]
            verdicts.append(_verdict(holding(old, before), holding(new, after), moved.get(place), options))
    return verdicts


def _verdict(old: Weight, new: Weight, movement: Movement | None, options: Options) -> Verdict:
    """The verdict on weights in memory, measured already or not."""
    if movement is None:
        return compare_values(old, new, options)
    return Verdict(Outcome.CHANGED, "", movement, *nature.of_changed(old, new, movement))


def _small(batch: list[Pair]) -> dict[int, tuple[NDArray[Any], NDArray[Any]]]:
    """By place: the values of the pairs that may be measured together, as far as they can be read."""
    pairs = {
        place: (old.source, new.source, old.size)
        for place, (old, new) in enumerate(batch)
        if old is not None and new is not None and old is not new and is_small(old, new)
        if old.source is not None and new.source is not None
    }
    olds, news = (
        samples([old for old, _, _ in pairs.values()], ROW),
        samples([new for _, new, _ in pairs.values()], ROW),
    )
    return {
        place: (before, after)
        for (place, (_, _, size)), before, after in zip(pairs.items(), olds, news, strict=True)
        if before is not None and after is not None and before.size == after.size == size
    }


def compare_values(old: Weight, new: Weight, options: Options) -> Verdict:
    """The verdict on one pair; what cannot be read is not compared, and the verdict says why."""
    same_type = (old.shape, old.dtype) == (new.shape, new.dtype)
    outcome = Outcome.CHANGED if same_type else Outcome.RESHAPED
    if not options.weights:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "not asked for")
    if old is new:
        return _IDENTICAL
    if "string" in {old.dtype, new.dtype}:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "strings")
    if old.source is None or new.source is None:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "values not readable")
    try:
        old, new = loaded(old), loaded(new)
        if same_type and identical(old, new):
            return _IDENTICAL
        opaque = next((weight.dtype for weight in (old, new) if weight.dtype.startswith(OPAQUE)), None)
        if opaque and old.shape == new.shape:
            reason = f"other bytes, but numbers of type {opaque} are not read"
            return Verdict(Outcome.NOT_COMPARED if same_type else outcome, reason)
        if old.shape != new.shape:
            return Verdict(outcome, "", None, *nature.of_reshaped(old, new), portray(old, new))
        movement, exceeds = measure(old, new, rtol=options.rtol, atol=options.atol)
        if same_type and not exceeds and (options.rtol or options.atol):
            return Verdict(Outcome.WITHIN_TOLERANCE)
        named, proof = nature.of_changed(old, new, movement)
    except UnreadableFile as error:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, f"values not readable: {error.what}")
    return Verdict(outcome, "", None if named is Nature.RECAST and not same_type else movement, named, proof)
