# What a reviewer sees at a glance and no single fact says: layers that changed together. A region names its layers and
# its cause; the facts about each layer stay where they are. Kept apart from the thirteen kinds, which are per layer.
"""Layers that changed together: `Region`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from modeldiff.graph import LayerPath


class RegionKind(str, Enum):
    """How layers changed together."""

    BLOCK_ADDED = "block-added"
    BLOCK_REMOVED = "block-removed"
    BLOCK_MOVED = "block-moved"
    """The same layers in another place of the computation: blocks reordered."""
    SHAPES_FOLLOW = "shapes-follow"
    """Nothing but the shapes of weights: what their inputs are made of changed."""


@dataclass(frozen=True, slots=True)
class Region:
    """Layers that changed together. Paths are of the new model, of the old one where a block was removed."""

    kind: RegionKind
    layers: tuple[LayerPath, ...]
    """In the order of the computation."""
    copies: int = 1
    """How many blocks of one build these are, one behind the other."""
    like: tuple[LayerPath, ...] = ()
    """The nearest block of the same model that is built alike: class by class, config by config, wire by wire."""
    same_weights: bool = False
    """Every weight of `like` has the same bytes here."""
    bypass: LayerPath = ()
    """A lone merging layer that joins a way around others: where that way begins."""
    cause: tuple[LayerPath, ...] = ()
    """SHAPES_FOLLOW: the nearest layers upstream that changed by themselves."""
    rewired: tuple[LayerPath, ...] = ()
    """BLOCK_MOVED: the layers whose inputs differ for no other reason."""
    before: LayerPath = ()
    """BLOCK_MOVED: the old layer that fed the block; () for several."""
    after: LayerPath = ()
    """BLOCK_MOVED: the new layer that feeds it."""
