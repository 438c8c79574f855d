# One pair of weights, from cheap to dear: may it be read, is it the same bytes, how far did it move, in what way.
# Everything here is picklable and at module level, so that it can run in a thread, a process or a cluster.
"""Comparing the values of two weights: `compare_values`, and `compare_batch` for many small ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from modeldiff.changes import Movement, Nature, Options, Outcome, Values
from modeldiff.differ import nature
from modeldiff.differ.alike import is_small, movements
from modeldiff.differ.blocks import identical, loaded, values_of
from modeldiff.differ.movement import measure
from modeldiff.differ.portrait import OPAQUE, portray
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Weight

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


def compare_batch(batch: list[Pair], options: Options) -> list[Verdict]:
    """`compare_values` of each pair, and the statistics of what is alone."""
    small = dict(_small(batch)) if options.weights and not (options.rtol or options.atol) else {}
    moved = movements({place: (values_of(old), values_of(new)) for place, (old, new) in small.items()})
    verdicts = []
    for place, (old, new) in enumerate(batch):
        if old is None or new is None:
            verdicts.append(Verdict(Outcome.NOT_COMPARED, values=portray(old, new)))
        elif place in moved:
            verdicts.append(_named(*small[place], moved[place]))
        else:
            verdicts.append(compare_values(*small.get(place, (old, new)), options))
    return verdicts


def _small(batch: list[Pair]) -> Iterator[tuple[int, tuple[Weight, Weight]]]:
    """By place: the pairs that may be measured together, their values in memory."""
    for place, (old, new) in enumerate(batch):
        if old is not None and new is not None and old is not new and is_small(old, new):
            with suppress(UnreadableFile):  # `compare_values` meets it again and tells
                yield place, (loaded(old), loaded(new))


def _named(old: Weight, new: Weight, movement: Movement | None) -> Verdict:
    if movement is None:
        return Verdict(Outcome.IDENTICAL)
    return Verdict(Outcome.CHANGED, "", movement, *nature.of_changed(old, new, movement))


def compare_values(old: Weight, new: Weight, options: Options) -> Verdict:
    """The verdict on one pair; what cannot be read is not compared, and the verdict says why."""
    same_type = (old.shape, old.dtype) == (new.shape, new.dtype)
    outcome = Outcome.CHANGED if same_type else Outcome.RESHAPED
    if not options.weights:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "not asked for")
    if old is new:
        return Verdict(Outcome.IDENTICAL)
    if "string" in {old.dtype, new.dtype}:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "strings")
    if old.source is None or new.source is None:
        return Verdict(Outcome.NOT_COMPARED if same_type else outcome, "values not readable")
    try:
        old, new = loaded(old), loaded(new)
        if same_type and identical(old, new):
            return Verdict(Outcome.IDENTICAL)
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
