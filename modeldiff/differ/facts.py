# What a reviewer wants asserted and no single change says: it takes the layer's flags and its weights together.
# Told as notes, one per layer, because each is a question to a person ("is this meant?") and not one more change.
"""Facts about layers and their weights: `detect`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from modeldiff.changes import (
    Change,
    Nature,
    Outcome,
    Site,
    WeightChanged,
    WeightPair,
    WeightReshaped,
)
from modeldiff.graph import Layer, LayerPath, Note, format_path

FROZEN_MOVED = "frozen-moved"
UNMOVED = "unmoved"
BROKEN = "broken"
STATISTICS_RESET = "statistics-reset"

REORDERED = "reordered"

_Moved = WeightChanged | WeightReshaped

_INITIAL = {"moving_mean": 0.0, "moving_variance": 1.0}
"""What normalisation statistics are before any training."""


def detect(
    layers: tuple[Mapping[LayerPath, Layer], Mapping[LayerPath, Layer]],
    changes: Sequence[Change],
    pairs: Sequence[WeightPair],
) -> Iterator[Note]:
    """The facts about matched layers, in the order of `pairs`.

    `layers` are all layers of the old and of the new model by path, `changes` and `pairs` what was found by
    comparing their weights.
    """
    moved: dict[Site, list[_Moved]] = defaultdict(list)
    for change in changes:
        if isinstance(change, WeightChanged | WeightReshaped) and change.nature is not Nature.RECAST:
            moved[change.site].append(change)
    still = _still(layers, pairs)
    followers = _followers(moved)
    for site in dict.fromkeys(pair.site for pair in pairs):
        old, new = layers[0].get(site.old or ()), layers[1].get(site.new or ())
        if old is None or new is None:
            continue
        about = format_path(site.new or ())
        yield from _of_layer(about, old, new, moved.get(site, []))
        if site in still:
            yield Note(about, "trainable, yet none of its weights moved while most others did", UNMOVED)
        if site in followers:
            text = f"units in another order, and the inputs of {_listed(followers[site])} with them: the same function"
            yield Note(about, text, REORDERED)


def _of_layer(about: str, old: Layer, new: Layer, moved: Sequence[_Moved]) -> Iterator[Note]:
    learned = {weight.name for weight in new.comparable_weights if weight.trainable}
    names = [change.weight for change in moved if change.weight in learned]
    if names and not old.trainable and not new.trainable:
        yield Note(about, f"frozen on both sides, yet {_listed(names)} changed", FROZEN_MOVED)
    broken = [change for change in moved if change.nature is Nature.BROKEN]
    for change in broken:
        if change.movement is not None:
            count = change.movement.new.nan + change.movement.new.inf
            yield Note(about, f"{change.weight} now holds {count} NaN or infinite value{'s' * (count != 1)}", BROKEN)
    reset = [change.weight for change in moved if _is_reset(change)]
    if reset:
        yield Note(about, f"{_listed(reset)} went back to the initial value", STATISTICS_RESET)


def _is_reset(change: _Moved) -> bool:
    initial = _INITIAL.get(change.weight.rpartition("/")[2])
    if initial is None or change.movement is None:
        return False
    before, after = change.movement.old, change.movement.new
    return after.min == after.max == initial and not before.min == before.max == initial


def _still(
    layers: tuple[Mapping[LayerPath, Layer], Mapping[LayerPath, Layer]], pairs: Sequence[WeightPair]
) -> set[Site]:
    """The trainable layers of which nothing moved, where they are fewer than those that did."""
    outcomes: dict[Site, list[Outcome]] = defaultdict(list)
    for pair in pairs:
        layer = layers[1].get(pair.site.new or ())
        learned = layer is not None and any(
            weight.trainable and weight.name == pair.name for weight in layer.comparable_weights
        )
        if layer is not None and learned and layer.trainable:
            outcomes[pair.site].append(pair.outcome)
    still = {site for site, found in outcomes.items() if all(outcome is Outcome.IDENTICAL for outcome in found)}
    moved = sum(any(outcome is Outcome.CHANGED for outcome in found) for found in outcomes.values())
    return still if len(still) < moved else set()


def _followers(moved: Mapping[Site, Sequence[_Moved]]) -> dict[Site, list[str]]:
    """For each layer whose units were reordered, the layers whose inputs were reordered in the same way."""
    units: dict[Site, float] = {}
    inputs: dict[float, list[str]] = defaultdict(list)
    for site, changes in moved.items():
        for change in changes:
            if isinstance(change, WeightChanged) and len(change.shape) > 1:
                last = len(change.shape) - 1
                if f"order_{last}" in change.proof:
                    units[site] = change.proof[f"order_{last}"]
                if f"order_{last - 1}" in change.proof:
                    inputs[change.proof[f"order_{last - 1}"]].append(format_path(site.new or ()))
    return {site: inputs[order] for site, order in units.items() if order in inputs}


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
