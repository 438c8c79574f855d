# The numbers of a model by the ids of its layers, from seeds: the same id gives the same numbers in two files, so
# a pair differs in what its plan says. No training: noise of the size that training leaves is enough for a
# matcher, and it is the same on every machine.
"""Weights of a spec: `Plan` says how the new numbers relate to the old ones."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Of float32."""

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

    @property
    def step(self) -> float:
        """How far `tuned` numbers moved, relative to their size."""
        return _random(self.seed, "step").uniform(0.01, 0.05)

    @property
    def cosine(self) -> float:
        """Of `far` numbers with their origin."""
        return _random(self.seed, "cosine").uniform(0.3, 0.7)

    def shows_origin(self, identity: str, shapes: Sequence[tuple[int, ...]]) -> bool:
        """Whether a reader of both files can see that this layer's numbers come from the origin.

        Far numbers show it by their correlation: `-n/2 ln(1 - cosine²)` nats against chance, and 3 are asked for.
        """
        if self.state in {TRAINED, TUNED} or identity in self.held:
            return sum(map(math.prod, shapes)) >= 8
        entries = sum(math.prod(shape) for shape in shapes if len(shape) > 1)
        return self.state == FAR and -entries / 2 * math.log(1 - self.cosine**2) >= 3


def _random(*words: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(map(str, words)).encode()))


def _kernel(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    scale = np.sqrt(2 / max(1, int(np.prod(shape[:-1]))))
    return np.asarray(random.standard_normal(shape) * scale, np.float32)


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
    noise = random.standard_normal(shape)
    return np.asarray(np.exp(0.3 * noise) if role == "moving_variance" else constant + 0.1 * noise, np.float32)


def _tuned(random: np.random.Generator, role: str, origin: Array, step: float) -> Array:
    """A few steps of training on: `step` relative to its size; the statistics of a normalisation drift further."""
    noise = random.standard_normal(origin.shape)
    if role == "moving_variance":
        return np.asarray(origin * np.exp(0.1 * noise), np.float32)
    if role == "moving_mean":
        return np.asarray(origin + 0.03 * noise, np.float32)
    return np.asarray(origin + step * np.sqrt(np.mean(origin**2)) * noise, np.float32)


def _far(random: np.random.Generator, role: str, origin: Array, cosine: float) -> Array:
    """Trained for long: this cosine to the origin."""
    noise = random.standard_normal(origin.shape)
    constant = _constant(role, origin.shape)
    if constant is None:
        size = np.sqrt(np.mean(origin**2))
        return np.asarray(cosine * origin + np.sqrt(1 - cosine**2) * size * noise, np.float32)
    moved = constant + cosine * (origin - constant) + 0.1 * noise
    return np.asarray(np.abs(moved) if role == "moving_variance" else moved, np.float32)


def values(plan: Plan, owner: tuple[str, str], index: int, role: str, shape: tuple[int, ...]) -> Array:
    """Weight number `index` of the layer `owner`: its id and its lineage. Another lineage or shape, another origin."""
    key = (*owner, index, shape)
    origin = _trained(_random("origin", *key), role, shape)
    if plan.state == TRAINED or owner[0] in plan.held:
        return origin
    random = _random(plan.state, plan.seed, *key)
    if plan.state == FRESH:
        constant = _constant(role, shape)
        return _kernel(random, shape) if constant is None else constant
    if plan.state == TUNED:
        return _tuned(random, role, origin, plan.step)
    return _far(random, role, origin, plan.cosine)
