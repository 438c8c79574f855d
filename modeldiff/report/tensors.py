# The words and tables about the weights of one layer. "Moved" is told over the weights that changed: the norm of
# an identical tensor is never computed, so a share of the whole would be a number nobody measured.
"""`WeightView`s, and how far a layer moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from modeldiff.changes import (
    Change,
    Histogram,
    Moments,
    Movement,
    Nature,
    Outcome,
    Site,
    Values,
    WeightAdded,
    WeightChanged,
    WeightPair,
    WeightRemoved,
    WeightReshaped,
)
from modeldiff.graph import Layer, Weight
from modeldiff.report.natures import is_reset, of_changes
from modeldiff.report.view import Code, Phrase, Status, WeightView
from modeldiff.report.words import dimensions, far, is_telling, joined, measure, moved, percent, proven, reshaped

Statistics = Mapping[tuple[Site, str], Values]


def stored(site: Site, layer: Layer, values: Statistics, digests: Iterator[str] | None = None) -> Iterator[WeightView]:
    """The weights as the file stores them; `digests` gives the digest of each in turn."""
    for weight in layer.weights:
        view = _alone(weight, Status.UNCHANGED, values.get((site, weight.name)))
        yield view if digests is None else replace(view, digest=next(digests))


def lone(site: Site, layer: Layer, status: Status, values: Statistics) -> Iterator[WeightView]:
    """The weights of a layer that was added or removed."""
    return (_alone(weight, status, values.get((site, weight.name))) for weight in layer.comparable_weights)


def _alone(weight: Weight, status: Status, values: Values | None) -> WeightView:
    words = [] if status is Status.UNCHANGED else [status.value]
    moments = None if values is None else values.new or values.old
    rows: Rows = ()
    if values is not None and values.reason:
        words.append(f"not read: {values.reason}" if words else f"values not read: {values.reason}")
    elif moments is not None and moments.min == moments.max and not moments.nan and not moments.inf:
        words.append(
            f"every entry is {measure(moments.max)}" if weight.size > 1 else f"the value is {measure(moments.max)}"
        )
    elif values is not None and moments is not None and weight.size:
        rows = _sides(values.old, values.new)
    return WeightView(
        weight.name,
        dimensions(weight.shape),
        weight.dtype,
        weight.size,
        status,
        (", ".join(words),) if words else (),
        rows,
        None if values is None else values.histogram,
    )


def paired(
    old: Layer, new: Layer, pairs: Sequence[WeightPair], facts: Iterable[Change], values: Statistics
) -> Iterator[WeightView]:
    """The weights of a pair of layers: the new layer's order, then what was removed."""
    outcomes = {pair.name: pair for pair in pairs}
    by_weight = {
        change.weight: change
        for change in facts
        if isinstance(change, (WeightAdded, WeightRemoved, WeightReshaped, WeightChanged))
    }
    for weight in new.comparable_weights:
        change = by_weight.get(weight.name)
        found = None if change is None else values.get((change.site, weight.name))
        if isinstance(change, WeightAdded):
            yield _alone(weight, Status.ADDED, found)
        else:
            yield _pair_view(weight, outcomes.get(weight.name), change, found)
    for weight in old.comparable_weights:
        change = by_weight.get(weight.name)
        if isinstance(change, WeightRemoved):
            yield _alone(weight, Status.REMOVED, values.get((change.site, weight.name)))


def _pair_view(weight: Weight, pair: WeightPair | None, change: Change | None, values: Values | None) -> WeightView:
    shape, dtype, status = dimensions(weight.shape), weight.dtype, Status.CHANGED
    movement: Movement | None = None
    verdict: Phrase
    if isinstance(change, WeightReshaped):
        (old_shape, old_dtype), (new_shape, new_dtype) = change.before, change.after
        shape = shape if old_shape == new_shape else f"{dimensions(old_shape)} → {dimensions(new_shape)}"
        dtype = dtype if old_dtype == new_dtype else f"{old_dtype} → {new_dtype}"
        word = "reshaped" if old_shape != new_shape else "" if proven(change) else "of another type"
        word = _OTHERWISE.get(change.nature, word)
        verdict, movement = (", ".join(filter(None, (word, proven(change)))),), change.movement
    elif isinstance(change, WeightChanged):
        verdict, movement = moved(change), change.movement
    elif pair is None:
        status, verdict = Status.UNCHANGED, ("not compared",)
    else:
        reason = f": {pair.reason}" if pair.reason else ""
        status, verdict = Status.UNCHANGED, (f"{pair.outcome.value}{reason}",)
    rows: Rows = ()
    histogram: Histogram | None = None
    if movement is not None:
        is_broken = isinstance(change, WeightChanged) and change.nature is Nature.BROKEN  # from what is no number
        rows = _sides(movement.old, movement.new) if is_broken else _rows(movement)
        histogram = movement.histogram
    elif values is not None and values.old is not None and values.new is not None:
        rows, histogram = _sides(values.old, values.new), values.histogram
    return WeightView(weight.name, shape, dtype, weight.size, status, verdict, rows, histogram)


_OTHERWISE = {Nature.RESIZED: "resized", Nature.RECAST: "recast"}
"""What happened to a weight of another shape or dtype, where more is proven than that it is another one."""


Rows = tuple[tuple[str, str, str], ...]
"""Label, old, new; "" for a side that is not there."""


def _rows(movement: Movement) -> Rows:
    """What belongs to the difference stands on the new side."""
    distance = movement.relative_l2
    return (
        ("relative L2", "", percent(distance) if is_telling(distance) else measure(distance)),
        ("cosine", "", measure_cosine(movement.cosine)),
        ("max |Δ|, mean |Δ|", "", f"{measure(movement.max_abs)}, {measure(movement.mean_abs)}"),
        ("entries changed", "", percent(movement.changed_fraction)),
        *_sides(movement.old, movement.new),
    )


def _sides(old: Moments | None, new: Moments | None) -> Rows:
    return tuple(zip(_MOMENTS, _moments(old), _moments(new), strict=True))


_MOMENTS = ("mean", "std", "min", "max", "zeros, NaN, Inf")


def _moments(side: Moments | None) -> Sequence[str]:
    if side is None:
        return ("",) * len(_MOMENTS)
    counts = f"{side.zeros:,}, {side.nan:,}, {side.inf:,}"
    return measure(side.mean), measure(side.std), measure(side.min), measure(side.max), counts


def measure_cosine(of: float) -> str:
    """A cosine with the digits that tell it from 1."""
    if not math.isfinite(of):
        return "undefined"
    for digits in (3, 5, 7):
        text = f"{of:.{digits}f}"
        if abs(float(text)) < 1:
            return text.replace("-", "−")
    return "1" if of > 0 else "−1"


def told(changes: Sequence[WeightChanged | WeightReshaped]) -> Iterator[Phrase]:
    """What happened to the values, each weight by itself only where they do not share one story."""
    reshapes = [change for change in changes if isinstance(change, WeightReshaped)]
    moves = [change for change in changes if isinstance(change, WeightChanged)]
    if len(reshapes) > 1 and all(change.nature is Nature.RESIZED for change in reshapes):
        yield ("weights resized, the overlap is equal",)
    elif reshapes:
        yield joined((Code(change.weight), " ", *reshaped(change)) for change in reshapes)
    by_nature: dict[tuple[Nature, str], list[WeightChanged]] = {}
    vectors = all(len(change.shape) < 2 and change.nature in _BY_DISTANCE for change in moves) and len(moves) > 2
    for change in moves:
        nature = Nature.UNKNOWN if vectors and len({one.nature for one in moves}) > 1 else change.nature
        beyond = "" if is_telling(change.movement.relative_l2) else far(change.movement)
        by_nature.setdefault((nature, beyond), []).append(change)
    for (nature, _), alike in by_nature.items():
        yield _alike(nature, alike) if len(alike) > 1 else (Code(alike[0].weight), " ", *moved(alike[0]))


def _alike(nature: Nature, changes: Sequence[WeightChanged]) -> Phrase:
    """Weights of one layer that share a nature, in one phrase."""
    names = joined((Code(change.weight),) for change in changes) if len(changes) < 3 else (f"{len(changes)} weights",)
    words = {moved(change) for change in changes} if nature not in _BY_DISTANCE else set()
    if len(words) == 1:
        return (*names, " ", *words.pop())
    if nature in _BY_PROOF:
        label, key = _BY_PROOF[nature]
        if all(key in change.proof for change in changes):
            numbers = sorted(change.proof[key] for change in changes)
            return (*names, f" {label} {_between(key, numbers[0], numbers[-1])}")
    if nature not in _BY_DISTANCE:
        return (*names, f" {nature.value}")
    shares = sorted(change.movement.relative_l2 for change in changes)
    by = f"by {_each(shares)}" if is_telling(shares[-1]) else far(changes[0].movement)
    return (*names, f" {_BY_DISTANCE[nature]} {by}")


def _each(shares: Sequence[float]) -> str:
    """`0.4 to 2.8 % each`: that of the layer, of all its weights together, stands beside it and is another one."""
    words = span(shares[0], shares[-1])
    return f"{words} each" if " to " in words else words


_BY_DISTANCE = {Nature.FINE_TUNED: "fine-tuned", Nature.RETRAINED: "retrained, moved", Nature.UNKNOWN: "moved"}
"""Natures that are told by how far the values went."""


_BY_PROOF = {
    Nature.SCALED: ("scaled by", "factor"),
    Nature.PRUNED: ("pruned: zeros", "zeros"),
    Nature.QUANTISED: ("quantised to levels", "levels"),
    Nature.LOW_RANK: ("changed by matrices of rank", "rank"),
}
"""Natures that are told by a number of their proof."""


def _between(key: str, low: float, high: float) -> str:
    if key == "zeros":
        return span(low, high)
    return measure(low) if measure(low) == measure(high) else f"{measure(low)} to {measure(high)}"


def span(low: float, high: float) -> str:
    """`0.4 to 2.8 %`."""
    first, last = percent(low), percent(high)
    return last if first == last else f"{first.removesuffix(' %')} to {last}"


def distance(facts: Iterable[Change], pairs: Iterable[WeightPair]) -> float | None:
    """Relative L2 over the layer's weights that changed; 0.0 if all are identical, None if nothing was compared.

    Values that are numbers no more are as far as can be; integers that stand for the old values are no distance away.
    """
    changed = [change for change in facts if isinstance(change, (WeightChanged, WeightReshaped))]
    if any(change.nature is Nature.BROKEN for change in changed):
        return math.inf
    moves = [
        (change.movement, math.prod(change.shape) if isinstance(change, WeightChanged) else math.prod(change.after[0]))
        for change in changed
        if change.movement is not None
        and not (change.nature is Nature.QUANTISED and isinstance(change, WeightReshaped))
    ]
    if not moves:
        equal = (Outcome.IDENTICAL, Outcome.WITHIN_TOLERANCE)
        outcomes = [pair.outcome for pair in pairs]
        return 0.0 if outcomes and all(outcome in equal for outcome in outcomes) else None
    norms = [(movement.relative_l2, _norm(movement, size)) for movement, size in moves]
    before = math.fsum(norm**2 for _, norm in norms)
    if not before:
        return math.inf
    return math.sqrt(math.fsum((far * norm) ** 2 for far, norm in norms if norm) / before)


def _norm(movement: Movement, size: int) -> float:
    """‖old‖ over its finite entries, from its moments."""
    old = movement.old
    finite = size - old.nan - old.inf
    square = finite * (old.std**2 + old.mean**2)
    return math.sqrt(square) if math.isfinite(square) else 0.0


def headline(facts: Mapping[str, Change] | Iterable[Change], moved_by: float | None) -> str:
    """The one thing to say about the weights of a layer on its right-hand side; "" where nothing changed."""
    changes = list(facts.values()) if isinstance(facts, Mapping) else list(facts)
    found = [change for change in changes if isinstance(change, (WeightChanged, WeightReshaped))]
    nature = of_changes(found)
    if found and all(map(is_reset, found)):
        return "statistics reset"
    if nature is Nature.BROKEN:
        return "broken"
    if any(isinstance(change, WeightReshaped) and change.before[0] != change.after[0] for change in changes):
        return "resized" if nature is Nature.RESIZED else "reshaped"
    if nature not in {Nature.UNKNOWN, Nature.FINE_TUNED, Nature.RETRAINED}:
        return str(nature.value)
    if moved_by is None:
        return ""
    return f"moved {percent(moved_by)}" if is_telling(moved_by) else "moved"
