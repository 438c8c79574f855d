# Values that are no numbers where there is nothing to compare them with: weights of new layers, new weights, weights
# of another shape. Those with a partner of the same shape are told while they are compared (`facts`).
"""NaN and infinities in weights without a partner: `detect`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from modeldiff.changes import Change, Matching, Options, WeightAdded, WeightReshaped
from modeldiff.differ.blocks import ENTRIES, numbers
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Fact, Layer, LayerPath, Note, Weight, format_path

_FLOATS = ("float16", "float32", "float64", "bfloat16", "complex")


def detect(
    layers: tuple[Mapping[LayerPath, Layer], Mapping[LayerPath, Layer]],
    matching: Matching,
    changes: Sequence[Change],
    options: Options,
) -> Iterator[Note]:
    """One note per weight of the new side that has more such values than the old one."""
    if not options.weights:
        return
    for path in matching.added:
        for weight in layers[1][path].comparable_weights:
            yield from _note(path, weight, None)
    for change in changes:
        path = change.site.new or ()
        if isinstance(change, WeightAdded) and path in layers[1]:
            yield from _note(path, _named(layers[1][path], change.weight), None)
        elif isinstance(change, WeightReshaped) and change.before[0] != change.after[0] and path in layers[1]:
            old = layers[0].get(change.site.old or ())
            before = _named(old, change.weight) if old is not None else None
            yield from _note(path, _named(layers[1][path], change.weight), before)


def _named(layer: Layer, name: str) -> Weight | None:
    return next((weight for weight in layer.comparable_weights if weight.name == name), None)


def _note(path: LayerPath, weight: Weight | None, old: Weight | None) -> Iterator[Note]:
    try:
        count = _count(weight)
        if count and count > _count(old):
            text = f"{weight.name if weight else ''} holds {count} NaN or infinite value{'s' * (count != 1)}"
            yield Note(format_path(path), text, Fact.BROKEN)
    except UnreadableFile:  # told where it is: its values are not compared either
        return


def _count(weight: Weight | None) -> int:
    if weight is None or weight.source is None or not weight.dtype.startswith(_FLOATS):
        return 0
    blocks = (numbers(block, weight.dtype) for block in weight.source.blocks(ENTRIES))
    return sum(block.size - int(np.count_nonzero(np.isfinite(block))) for block in blocks)
