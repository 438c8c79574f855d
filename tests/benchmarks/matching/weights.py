# The numbers of a model by the ids of its layers, from seeds: the same id gives the same numbers in two files, so
# a pair differs in what its plan says. No training: noise of the size that training leaves is enough for a
# matcher, and it is the same on every machine.
"""Weights of a spec: `Plan` says how the new numbers relate to the old ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

TRAINED, FRESH, TUNED, FAR = "trained", "fresh", "tuned", "far"
STATES = {"identical": TRAINED, "fine-tuned": TUNED, "heavily-trained": FAR, "re-initialised": FRESH}
"""What each word of a case makes of the new file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What state the numbers of one file are in."""

    state: str = TRAINED
    """`trained` (the common origin), `tuned` or `far` from it, or `fresh` (independent of it)."""
    seed: int = 0
    """Tells two independent runs apart; the origin does not depend on it."""
    held: frozenset[str] = field(default_factory=frozenset)
    """Ids whose numbers are the origin's, whatever the state: frozen layers."""


def _random(*words: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(map(str, words)).encode()))


def _kernel(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    fan = max(1, int(np.prod(shape[:-1])))
    return (random.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32)


def _constant(role: str, shape: tuple[int, ...]) -> Array | None:
    """What Keras fills vectors with; None for what it draws at random."""
    if role in {"gamma", "moving_variance", "scale"}:
        return np.ones(shape, np.float32)
    if role in {"beta", "bias", "moving_mean"}:
        return np.zeros(shape, np.float32)
    return None


def _trained(random: np.random.Generator, role: str, shape: tuple[int, ...]) -> Array:
    constant = _constant(role, shape)
    if constant is None:
        return _kernel(random, shape)
    noise = random.standard_normal(shape).astype(np.float32)
    if role == "moving_variance":
        return np.exp(0.3 * noise)
    return constant + np.float32(0.1) * noise


def values(plan: Plan, identity: str, lineage: str, index: int, role: str, shape: tuple[int, ...]) -> Array:
    """One weight of the layer `identity`. Another `lineage` (class) or shape is another origin."""
    key = (identity, lineage, index, shape)
    origin = _trained(_random("origin", *key), role, shape)
    if plan.state == TRAINED or identity in plan.held:
        return origin
    random = _random(plan.state, plan.seed, *key)
    if plan.state == FRESH:
        constant = _constant(role, shape)
        return _kernel(random, shape) if constant is None else constant
    noise = random.standard_normal(shape).astype(np.float32)
    size = np.float32(np.sqrt(np.mean(origin**2)))
    if plan.state == TUNED:
        step = _random(plan.seed, "step").uniform(0.01, 0.05)
        if role == "moving_variance":
            return origin * np.exp(np.float32(0.1) * noise)
        if role == "moving_mean":
            return origin + np.float32(0.03) * noise
        return origin + np.float32(step) * size * noise
    cosine = np.float32(_random(plan.seed, "cosine").uniform(0.3, 0.7))
    if (constant := _constant(role, shape)) is not None:
        far = constant + cosine * (origin - constant) + np.float32(0.1) * noise
        return np.abs(far) if role == "moving_variance" else far
    return cosine * origin + np.sqrt(1 - cosine**2) * size * noise


def has_kernel(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether some weight is more than a vector."""
    return any(len(shape) > 1 for shape in shapes.values())
