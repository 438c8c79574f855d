# One word for a layer whose weights changed in several ways: that of its main tensors. A bias or a scale of eight
# channels proves next to nothing, and a layer must not be called re-initialised because its bias is back at zero.
"""The nature of a layer's change: `of_changes`, `of_layers`; which layers are too small for one; statistics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from modeldiff.changes import Change, DiffResult, Nature, Outcome, WeightChanged, WeightReshaped
from modeldiff.graph import format_path

Moved = Mapping[str, Sequence[WeightChanged | WeightReshaped]]
"""The weights that changed by the new path of their layer."""

_MAIN = 0.5
"""Share of the largest tensor's entries from which a tensor counts as a main one: the two kernels of an LSTM."""

_ENOUGH = 512
"""Entries of a tensor from which what is a matter of degree can be told (see differ/nature.py)."""


def of_changes(changes: Iterable[Change]) -> Nature:
    """What the main tensors that changed agree on; UNKNOWN where they do not."""
    found = [change for change in changes if isinstance(change, (WeightChanged, WeightReshaped))]
    if any(change.nature is Nature.BROKEN for change in found):
        return Nature.BROKEN
    sizes = list(map(_size, found))
    main = _MAIN * max(sizes, default=0)
    natures = {change.nature for change, size in zip(found, sizes, strict=True) if size >= main}
    named = natures - {Nature.UNKNOWN}
    if len(named) != 1 or (Nature.UNKNOWN in natures and named != {Nature.FINE_TUNED}):
        return Nature.UNKNOWN  # one of four equals that is scaled does not make a layer scaled
    return named.pop()


def moved(result: DiffResult) -> Moved:
    """The weights that changed."""
    layers: dict[str, list[WeightChanged | WeightReshaped]] = defaultdict(list)
    for change in result.changes:
        if isinstance(change, (WeightChanged, WeightReshaped)):
            layers[format_path(change.site.new or ())].append(change)
    return layers


def of_layers(layers: Moved) -> dict[str, Nature]:
    """For each layer with weights that changed, by new path."""
    return {path: of_changes(changes) for path, changes in layers.items()}


def too_small(layers: Moved) -> set[str]:
    """New paths of the layers of which no tensor that changed is large enough to be judged."""
    return {path for path, found in layers.items() if max(map(_size, found)) < _ENOUGH}


def same_function(result: DiffResult) -> set[str]:
    """New paths of layers that changed in nothing but a proven reordering of units."""
    open_ended = {one.site.new for one in result.reorderings if not one.same_function}
    proven = [one for one in result.reorderings if one.same_function]
    paths = {path for one in proven for path in (one.site.new, *one.followers)} - open_ended
    return {format_path(path) for path in paths if path is not None}


def statistics_reset(layers: Moved) -> set[str]:
    """New paths of the layers in which nothing changed but statistics, which are back at their initial values."""
    return {path for path, found in layers.items() if all(map(is_reset, found))}


def statistics_alone(result: DiffResult, layers: Moved) -> list[str]:
    """New paths of the layers whose statistics changed, where everything else was compared and is identical."""
    if not all(is_statistic(change.weight) for found in layers.values() for change in found):
        return []
    others = [pair.outcome for pair in result.weight_pairs if not is_statistic(pair.name)]
    return list(layers) if others and all(outcome is Outcome.IDENTICAL for outcome in others) else []


def is_statistic(weight: str) -> bool:
    """Whether a weight is what normalisation gathers from data, by its role."""
    return weight.rpartition("/")[2] in {"moving_mean", "moving_variance"}


def is_reset(change: Change) -> bool:
    """Whether these are statistics that are back at their initial zeros or ones."""
    if not isinstance(change, WeightChanged) or change.nature is not Nature.REINITIALISED:
        return False
    return is_statistic(change.weight) and "correlation" not in change.proof


def _size(change: WeightChanged | WeightReshaped) -> int:
    return math.prod(change.shape if isinstance(change, WeightChanged) else change.after[0])
