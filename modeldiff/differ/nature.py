# In what way a weight changed. A nature that is not proven is not named.
"""The nature of a change and the numbers that prove it."""

from __future__ import annotations

from collections.abc import Mapping

from modeldiff.changes import Movement, Nature
from modeldiff.graph import Weight

Finding = tuple[Nature, Mapping[str, float]]


def of_reshaped(old: Weight, new: Weight) -> Finding:  # noqa: ARG001 -- follows
    """The nature where the shapes differ."""
    return Nature.UNKNOWN, {}


def of_changed(old: Weight, new: Weight, movement: Movement) -> Finding:  # noqa: ARG001 -- follows
    """The nature where the shapes are equal and the values are not."""
    gained = movement.new.nan + movement.new.inf - movement.old.nan - movement.old.inf
    if gained > 0:
        return Nature.BROKEN, {"nan": movement.new.nan, "inf": movement.new.inf}
    return Nature.UNKNOWN, {}
