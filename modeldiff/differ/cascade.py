# A weight's shape follows from the layer's config and from its inputs. So where the config stayed and the shape did
# not, the change came from upstream: nothing is guessed, only the nearest layer that changed by itself is looked up.
# Of a custom class nobody knows what else decides, so it is left out.
"""Shapes that follow from a change upstream: `cascades`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from modeldiff.changes import (
    Change,
    ConfigChanged,
    Impact,
    InputsRewired,
    InterfaceChanged,
    LayerAdded,
    LayerRetyped,
    WeightReshaped,
    is_incidental,
)
from modeldiff.differ.flow import Flow
from modeldiff.differ.signature import is_keras_class
from modeldiff.graph import LayerPath
from modeldiff.regions import Region, RegionKind

_CAUSES = 8
"""So many causes of one shape are kept: a sum over a whole residual net depends on every block."""

Facts = Mapping[LayerPath, Sequence[Change]]


def cascades(new: Flow, changes: Sequence[Change]) -> Iterator[Region]:
    """One region for each set of causes, in the new model's order."""
    facts: dict[LayerPath, list[Change]] = defaultdict(list)
    for change in changes:
        if change.site.new and not is_incidental(change):
            facts[change.site.new].append(change)
    followers = {path for path, found in facts.items() if _follows(found)}
    if not followers:
        return
    rank = {node: position for position, node in enumerate(new.order)}
    made_by: dict[int, frozenset[int]] = {}
    regions: dict[tuple[int, ...], list[LayerPath]] = defaultdict(list)
    for node in new.order:
        path, layer = new[node].path, new[node].layer
        above = frozenset[int]().union(*(made_by.get(producer, frozenset()) for producer, _ in new[node].producers))
        nearest = sorted(above, key=rank.__getitem__)[-_CAUSES:]
        follows = path in followers and bool(nearest) and is_keras_class(layer.canonical_class)
        if follows:
            regions[tuple(nearest)].append(path)
        if not follows and _changed_itself(facts.get(path, ())) and not _KEEPS.fullmatch(layer.canonical_class):
            made_by[node] = frozenset({node})
        elif not any(key in layer.config for key in _DECIDES):
            made_by[node] = frozenset(nearest)
    for cause, paths in regions.items():
        yield Region(RegionKind.SHAPES_FOLLOW, tuple(paths), cause=tuple(new[node].path for node in cause))


_KEEPS = re.compile(r"Activation|.*ReLU|Softmax|ELU|.*Dropout.*|Gaussian.*|.*Normalization|Masking|Rescaling")
"""Classes that make what they take, entry by entry: a new one of these is no cause of another shape."""

_DECIDES = ("units", "filters", "output_dim")
"""A layer with one of these decides what it makes, whatever it takes."""


def _follows(facts: Sequence[Change]) -> bool:
    """Whether all that is functional about a layer is the shape of its weights."""
    grave = [change for change in facts if change.impact >= Impact.FUNCTIONAL]
    reshaped = [change for change in grave if isinstance(change, WeightReshaped)]
    return bool(reshaped) and all(isinstance(change, (WeightReshaped, InterfaceChanged)) for change in grave)


def _changed_itself(facts: Sequence[Change]) -> bool:
    return any(
        isinstance(change, (LayerAdded, LayerRetyped, InputsRewired, InterfaceChanged, WeightReshaped))
        or (isinstance(change, ConfigChanged) and change.impact >= Impact.FUNCTIONAL)
        for change in facts
    )
