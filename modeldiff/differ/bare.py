# A file of weights alone knows names and numbers: no classes, no configs, no connections, and not every layer without
# weights. Compared with a whole model it must not look as if layers had gone. One place for that, so that no detector
# asks which file it reads.
"""Models without a configuration: what may be said, and sub-models as heaps of weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from modeldiff.changes import Match, Matching
from modeldiff.differ.structure import seem_equal
from modeldiff.differ.weights import pair_weights
from modeldiff.graph import Layer, LayerPath, Model, Note, Weight, format_path

Pair = tuple[Match, Layer, Layer]


def has_configs(old: Model, new: Model) -> bool:
    """Whether classes, configs and connections of both sides can be compared."""
    return old.has_config and new.has_config


def worth_telling(
    paths: Sequence[LayerPath], layers: Mapping[LayerPath, Layer], sides: tuple[Model, Model], pairs: Sequence[Pair]
) -> list[LayerPath]:
    """Those of `paths`, layers without a partner, that the other file would hold if its model had them.

    Between a whole model and weights alone, and between weights in two formats, these are the layers with weights of
    their own that no other model of the same file shares.
    """
    if has_configs(*sides) or (sides[0].format == sides[1].format and not (sides[0].has_config or sides[1].has_config)):
        return list(paths)
    heaps = {end for match, *both in pairs if is_heap(*both) for end in (match.old, match.new)}
    paired = {id(layer) for _, *both in pairs for layer in both}
    named: dict[str, list[Layer]] = {}
    for layer in layers.values():
        if id(layer) in paired:
            named.setdefault(layer.name, []).append(layer)
    return [
        path
        for path in paths
        if layers[path].weights
        and not any(path[:depth] in heaps for depth in range(1, len(path)))
        and not any(_is_twin(layers[path], twin) for twin in named.get(path[-1], ()))
    ]


def _is_twin(layer: Layer, other: Layer) -> bool:
    """Whether two layers of one file are one layer that two of its models share: a v3 store keeps it once."""
    mine, theirs = layer.weights, other.weights
    return layer.config == other.config and len(mine) == len(theirs) and all(map(seem_equal, mine, theirs))


def kept_once(pairs: Sequence[Pair], sides: tuple[Model, Model]) -> Iterator[Pair]:
    """The pairs for a comparison of values, of a legacy file without what other formats do not repeat.

    It writes a variable with every layer that lists it, under the variable's own name; the others write it once. Left
    out where that explains all that the partner lacks.
    """
    legacy = [side.format.startswith("keras-h5") for side in sides]
    end = legacy.index(True) if any(legacy) else 0
    if all(legacy) or not any(_has_more(both[end], both[1 - end]) for _, *both in pairs if any(legacy)):
        yield from pairs
        return
    named: dict[str, list[Weight]] = {}
    for layer in (both[end] for _, *both in pairs):
        for weight in layer.weights:
            named.setdefault(f"{layer.name}/{weight.name}", []).append(weight)
    for match, *both in pairs:
        mine, theirs = both[end], both[1 - end]
        if _has_more(mine, theirs):
            lacking = pair_weights(mine.weights, theirs.weights)[1]
            if all(any(seem_equal(one, twin) for twin in named.get(one.name, ())) for one in lacking):
                both[end] = replace(mine, weights=tuple(one for one in mine.weights if one not in lacking))
        yield match, both[0], both[1]


def _has_more(mine: Layer, theirs: Layer) -> bool:
    return len(mine.weights) > len(theirs.weights) > 0 and mine.modern_weights is None


def is_heap(old: Layer, new: Layer) -> bool:
    """Whether one side knows this sub-model only as a heap of weights."""
    body = old.body or new.body
    if body is None or (old.body and new.body):
        return False
    return not body.has_edges or not (old.class_name and new.class_name)


def with_heaps(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs for a comparison of values: where one side is a heap, the other is made one."""
    for match, old, new in pairs:
        yield (match, _heap(old), _heap(new)) if is_heap(old, new) else (match, old, new)


def _heap(layer: Layer) -> Layer:
    if layer.body is None:
        return layer
    weights = tuple(
        replace(weight, name=f"{path[-1]}/{weight.name}")
        for path, inner in layer.body.walk()
        for weight in inner.comparable_weights
    )
    return replace(layer, weights=(*layer.weights, *weights), modern_weights=None)


def notes(pairs: Sequence[Pair]) -> tuple[Note, ...]:
    """What could not be compared for this reason."""
    return tuple(
        Note(format_path(match.new), "only one file tells its layers apart; the weights are compared as one heap")
        for match, old, new in pairs
        if is_heap(old, new)
    )


def listed_elsewhere(matching: Matching, forth: Mapping[LayerPath, LayerPath]) -> tuple[set[LayerPath], set[LayerPath]]:
    """Inputs without a partner that are the same input as one the other file does not list as a layer."""
    return set(matching.removed).intersection(forth), set(matching.added).intersection(forth.values())
