# The optimizer's state in one line. Every Keras names and orders its variables differently, so nothing is said about
# single ones: only whether there is a state, how many steps it has seen, and whether its values are the same.
# Two Keras versions store different variables for the same optimizer: between them only the steps are compared.
"""Optimizer state that changed, as one `MetadataChanged`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modeldiff.changes import ROOT, MetadataChanged, Options
from modeldiff.differ.blocks import identical
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Model, Weight

KEY = "optimizer_state"

_STEPS = frozenset({"iteration", "iterations", "iter", "step"})
"""What the count of updates is called, from Keras 2.0 to 3."""


def detect(old: Model, new: Model, options: Options) -> Iterator[MetadataChanged]:
    """At most one change.

    Its values are `absent`, `step 1200` or `present`; the one after may go on with `, restarted` or `, other values`.
    """
    if not (old.has_weights and new.has_weights) or not (old.optimizer_weights or new.optimizer_weights):
        return
    before, after = (_step(model.optimizer_weights) if options.weights else None for model in (old, new))
    described = [_described(model.optimizer_weights, step) for model, step in ((old, before), (new, after))]
    if bool(old.optimizer_weights) != bool(new.optimizer_weights):
        if before or after or before is after is None:  # a state of step 0 is none
            yield MetadataChanged(ROOT, KEY, described[0], described[1])
    elif before is not None and after is not None and before != after:
        yield MetadataChanged(ROOT, KEY, described[0], described[1] + (", restarted" if after < before else ""))
    elif options.weights and _differ(old, new):
        yield MetadataChanged(ROOT, KEY, described[0], f"{described[1]}, other values")


def _described(weights: Sequence[Weight], step: int | None) -> str:
    if not weights:
        return "absent"
    return "present" if step is None else f"step {step}"


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


def _differ(old: Model, new: Model) -> bool:
    """Whether a tensor has other bytes, where both were written alike. What cannot be read is not called different.

    Scalars are left out: the step is told, and the learning rate stands among the compile settings.
    """
    if old.metadata.get("keras_version") != new.metadata.get("keras_version") or old.format != new.format:
        return False
    before, after = ([weight for weight in model.optimizer_weights if weight.size > 1] for model in (old, new))
    if [(weight.shape, weight.dtype) for weight in before] != [(weight.shape, weight.dtype) for weight in after]:
        return True
    readable = [pair for pair in zip(before, after, strict=True) if all(weight.source for weight in pair)]
    try:
        return not all(identical(*pair) for pair in readable)
    except UnreadableFile:
        return False
