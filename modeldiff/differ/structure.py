# Facts about layers as such: there, gone, renamed, moved, of another class. Each detector is a function from a pair
# (or a path) to changes; connections are in wiring.py, the model's ends in interface.py.
"""Layers added, removed, renamed, moved and retyped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from modeldiff.changes import (
    Change,
    Impact,
    LayerAdded,
    LayerMoved,
    LayerRemoved,
    LayerRenamed,
    LayerRetyped,
    Match,
    Site,
)
from modeldiff.differ import config
from modeldiff.differ.names import has_automatic_name
from modeldiff.differ.signature import is_keras_class
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Layer, LayerPath, Weight

_MODELS = frozenset({"Functional", "Sequential"})
_SAMPLE = 4096


def added(path: LayerPath, layer: Layer) -> LayerAdded:
    """A new layer without a partner."""
    return LayerAdded(Site(None, path), layer.class_name)


def removed(path: LayerPath, layer: Layer) -> LayerRemoved:
    """An old layer without a partner."""
    return LayerRemoved(Site(path, None), layer.class_name)


def renamed(match: Match, old: Layer, new: Layer) -> Iterator[LayerRenamed]:
    """Another name, of a pair."""
    if old.name != new.name and old.has_name and new.has_name:
        # Not where a person renamed the class: the old name could not be automatic on the new layer.
        of_keras = _is_of_keras(old) and _is_of_keras(new)
        counted = all(map(has_automatic_name, (old, new) if of_keras else (old, new, replace(new, name=old.name))))
        yield LayerRenamed(match.site, old.name, new.name, renumbered=counted)


def _is_of_keras(layer: Layer) -> bool:
    """Whether Keras named the class, and a person did not."""
    return layer.kind == "op" or is_keras_class(layer.canonical_class)


def detect(match: Match, old: Layer, new: Layer, partners: Mapping[LayerPath, LayerPath]) -> Iterator[Change]:
    """Another parent or class, of a pair. `partners` leads from old to new paths."""
    before, after = match.old[:-1], match.new[:-1]
    if (before or after) and partners.get(before) != after:
        yield LayerMoved(match.site, before, after)
    if old.canonical_class != new.canonical_class and old.class_name and new.class_name:
        names = old.class_name, new.class_name
        if names[0] == names[1]:  # the class of every operation, `TFOpLambda`
            names = old.canonical_class, new.canonical_class
        yield LayerRetyped(match.site, *names, equivalent=is_equivalent(match, old, new))


def is_equivalent(match: Match, old: Layer, new: Layer) -> bool:
    """Whether two classes are one under two names: a custom class renamed, a Sequential made a Functional."""
    if {old.canonical_class, new.canonical_class} <= _MODELS:
        return True
    if is_keras_class(old.canonical_class) and is_keras_class(new.canonical_class):
        return False
    mine, theirs = old.comparable_weights, new.comparable_weights
    if not mine or len(mine) != len(theirs):
        return False
    if any(change.impact is Impact.FUNCTIONAL for change in config.detect(match, old, new)):
        return False
    return all(seem_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def seem_equal(old: Weight, new: Weight) -> bool:
    """Whether two weights agree in a sample; the comparison of values reads the rest."""
    if old.shape != new.shape or old.dtype != new.dtype or old.source is None or new.source is None:
        return False
    try:
        return bool(np.array_equal(old.source.sample(_SAMPLE), new.source.sample(_SAMPLE)))
    except UnreadableFile:
        return False
