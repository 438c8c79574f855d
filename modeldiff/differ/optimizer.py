# The optimizer's state in one line. Its variables are named differently by every Keras, so nothing is said about
# single ones: only whether there is a state, whether it is the same, and how many steps it has seen.
"""Optimizer state that changed, as one `MetadataChanged`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modeldiff.changes import ROOT, MetadataChanged, Options
from modeldiff.differ.blocks import identical
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Model, Weight

KEY = "optimizer_state"

_STEPS = frozenset({"iteration", "iterations", "iter", "step"})


def detect(old: Model, new: Model, options: Options) -> Iterator[MetadataChanged]:
    """At most one change: `none`, or the number of tensors with the step, and whether they are other values."""
    if not (old.has_weights and new.has_weights) or not (old.optimizer_weights or new.optimizer_weights):
        return
    before, after = _describe(old.optimizer_weights, options), _describe(new.optimizer_weights, options)
    if before != after:
        yield MetadataChanged(ROOT, KEY, before, after)
    elif options.weights and not _same(old.optimizer_weights, new.optimizer_weights):
        yield MetadataChanged(ROOT, KEY, before, f"{after}, other values")


def _describe(weights: Sequence[Weight], options: Options) -> str:
    if not weights:
        return "none"
    count = f"{len(weights)} tensor" + "s" * (len(weights) != 1)
    step = _step(weights) if options.weights else None
    return count if step is None else f"{count}, step {step}"


def _step(weights: Sequence[Weight]) -> int | None:
    """The number of updates so far: an integer scalar with a telling name, or the first integer scalar."""
    scalars = [weight for weight in weights if weight.size == 1 and weight.dtype.startswith(("int", "uint"))]
    named = [weight for weight in scalars if weight.name.rpartition("/")[2].split(":")[0] in _STEPS]
    weight = next(iter((*named, *scalars)), None)
    if weight is None or weight.source is None:
        return None
    try:
        return int(next(iter(weight.source.blocks(1)))[0])
    except UnreadableFile:
        return None


def _same(old: Sequence[Weight], new: Sequence[Weight]) -> bool:
    """Whether all tensors are the same bytes in the same order. What cannot be read is not called different."""
    if [(weight.shape, weight.dtype) for weight in old] != [(weight.shape, weight.dtype) for weight in new]:
        return False
    try:
        return all(
            identical(before, after)
            for before, after in zip(old, new, strict=True)
            if before.source is not None and after.source is not None
        )
    except UnreadableFile:
        return True
