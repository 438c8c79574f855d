# What a reviewer wants asserted and no single change says: it takes the layer's flags and its weights together.
# Told as notes, one per layer, because each is a question to a person ("is this meant?") and not one more change.
# A fact is told only where both files hold what proves it: a file of weights alone does not say what is trainable.
"""Facts about layers and their weights: `detect`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from modeldiff.changes import (
    Change,
    Nature,
    Outcome,
    Reordering,
    Site,
    WeightChanged,
    WeightPair,
    WeightReshaped,
)
from modeldiff.graph import CodeKind, Fact, Layer, LayerPath, Model, Note, format_path

_Moved = WeightChanged | WeightReshaped

_INITIAL = {"moving_mean": 0.0, "moving_variance": 1.0}
"""What normalisation statistics are before any training."""

_STATISTICS = frozenset(_INITIAL)


def detect(
    old: Model,
    new: Model,
    changes: Sequence[Change],
    pairs: Sequence[WeightPair],
    reorderings: Sequence[Reordering] = (),
) -> Iterator[Note]:
    """The facts about matched layers, in the order of `pairs`.

    `changes`, `pairs` and `reorderings` are what was found by comparing the weights of `old` and `new`.
    """
    layers = dict(old.walk()), dict(new.walk())
    moved: dict[Site, list[_Moved]] = defaultdict(list)
    for change in changes:
        if isinstance(change, WeightChanged | WeightReshaped) and change.nature is not Nature.RECAST:
            moved[change.site].append(change)
    tells_flags = old.has_config and new.has_config
    frozen = _STATISTICS if _freezes_statistics(new) else frozenset[str]()
    still = _still(layers, pairs, changes, _of_unknown_class(new)) if tells_flags else set()
    followers = _followers(moved)
    proven = {one.site: [format_path(path) for path in one.followers] for one in reorderings if one.same_function}
    for site in dict.fromkeys(pair.site for pair in pairs):
        before, after = layers[0].get(site.old or ()), layers[1].get(site.new or ())
        if before is None or after is None:
            continue
        about, found = format_path(site.new or ()), moved.get(site, [])
        if tells_flags and not before.trainable and not after.trainable:
            learned = {weight.name for weight in after.comparable_weights if weight.trainable}
            names = [one.weight for one in found if one.weight in learned or _role(one) in frozen]
            if names:
                yield Note(about, f"frozen on both sides, yet {_listed(names)} changed", Fact.FROZEN_MOVED)
        yield from _of_values(about, found)
        if site in still:
            yield Note(about, "trainable, yet none of its weights moved while most others did", Fact.UNMOVED)
        if site in proven:
            yield Note(about, f"same function, units reordered{_with(proven[site])}", Fact.REORDERED)
        elif site in followers:
            behind = _listed(followers[site])
            yield Note(about, f"units in another order, and the inputs of {behind} with them", Fact.REORDERED)
    yield from _statistics_alone(layers[1], changes, pairs)


def _freezes_statistics(model: Model) -> bool:
    """Whether a frozen BatchNormalization keeps its statistics: since Keras 2.1.3 it has no updates."""
    told = str(model.metadata.get("keras_version") or "").split(".")
    version = tuple(int(part[:9]) if part.isdecimal() else 0 for part in told[:3])
    return not told[0] or version >= (2, 1, 3)


def _of_values(about: str, moved: Sequence[_Moved]) -> Iterator[Note]:
    for change in moved:
        if change.nature is Nature.BROKEN and change.movement is not None:
            count = change.movement.new.nan + change.movement.new.inf
            text = f"{change.weight} now holds {count} NaN or infinite value{'s' * (count != 1)}"
            yield Note(about, text, Fact.BROKEN)
    reset = [change.weight for change in moved if _is_reset(change)]
    if reset:
        yield Note(about, f"{_listed(reset)} went back to the initial value", Fact.STATISTICS_RESET)


def _role(change: _Moved) -> str:
    return change.weight.rpartition("/")[2]


def _is_reset(change: _Moved) -> bool:
    initial = _INITIAL.get(_role(change))
    if initial is None or change.movement is None:
        return False
    before, after = change.movement.old, change.movement.new
    return after.min == after.max == initial and not before.min == before.max == initial


def _of_unknown_class(model: Model) -> set[LayerPath]:
    """Layers whose class is not Keras' own: which of their weights are trained, no file tells."""
    return {code.path for code in model.code if code.what is CodeKind.CLASS}


_EDITS = {Nature.RECAST, Nature.SCALED, Nature.PERMUTED, Nature.PRUNED, Nature.QUANTISED, Nature.LOW_RANK}
"""What is done to weights by hand: that others stayed as they are asks for no attention."""


def _still(
    layers: tuple[Mapping[LayerPath, Layer], Mapping[LayerPath, Layer]],
    pairs: Sequence[WeightPair],
    changes: Sequence[Change],
    unknown: Collection[LayerPath],
) -> set[Site]:
    """The trainable layers of which nothing moved, where they are fewer than those that were trained."""
    edited = {
        (change.site, change.weight)
        for change in changes
        if isinstance(change, WeightChanged | WeightReshaped) and change.nature in _EDITS
    }
    outcomes: dict[Site, list[Outcome]] = defaultdict(list)
    for site, together in groupby(pairs, lambda pair: pair.site):
        old, new = layers[0].get(site.old or ()), layers[1].get(site.new or ())
        if old is None or new is None or not (old.trainable and new.trainable):
            continue
        learned = {weight.name for weight in new.comparable_weights if weight.trainable}
        for pair in together:
            if pair.name in learned and (site, pair.name) not in edited:
                outcomes[site].append(pair.outcome)
    still = {site for site, found in outcomes.items() if all(outcome is Outcome.IDENTICAL for outcome in found)}
    if any(isinstance(change, WeightChanged) and change.nature is Nature.REINITIALISED for change in changes):
        still = {site for site in still if _starts_at_random(layers[1][site.new or ()])}
    moved = sum(any(outcome is Outcome.CHANGED for outcome in found) for found in outcomes.values())
    return {site for site in still if site.new not in unknown} if len(still) < moved else set()


def _starts_at_random(layer: Layer) -> bool:
    """Whether a layer shows that it was begun anew: scales and offsets begin with the same ones and zeros again."""
    return any(weight.trainable and len(weight.shape) > 1 for weight in layer.comparable_weights)


def _statistics_alone(
    layers: Mapping[LayerPath, Layer], changes: Sequence[Change], pairs: Sequence[WeightPair]
) -> Iterator[Note]:
    """Statistics moved and nothing that an optimizer moves: the model ran over data and was not trained."""
    moved = [change for change in changes if isinstance(change, WeightChanged | WeightReshaped)]
    if not moved or not all(_role(change) in _STATISTICS for change in moved):
        return
    trained = {
        (path, weight.name) for path, layer in layers.items() for weight in layer.comparable_weights if weight.trainable
    }
    learned = [pair.outcome for pair in pairs if (pair.site.new or (), pair.name) in trained]
    if learned and all(outcome is Outcome.IDENTICAL for outcome in learned):
        count = len({change.site for change in moved})
        text = f"only normalisation statistics moved, in {count} layer{'s' * (count != 1)}"
        yield Note("", f"{text}; every trainable weight is identical")


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


def _with(followers: Sequence[str]) -> str:
    """What is reordered with them, in a few names."""
    if not followers:
        return ""
    more = [f"{len(followers) - 2:,} more layers"] if len(followers) > 3 else []
    return f", and {_listed([*followers[: 2 if more else None], *more])} with them"


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
