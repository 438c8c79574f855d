# Where the old file has the other format: how the layers of the new model would stand in it, by Keras' rules and the
# configuration. Only what the rules tell for certain; a custom layer with layers in it keeps them as its code says.
"""The units of a model in the format of another file: `units`."""

from __future__ import annotations

from collections.abc import Iterator

from modeldiff.differ.loading_units import Tensor, Unit, listed
from modeldiff.graph import Layer, LayerPath, Model, Weight

Place = tuple[LayerPath, Weight]


def units(model: Model, *, store: bool) -> list[Unit] | None:
    """The units in a store or in legacy HDF5; None where the file does not tell."""
    return None if store else _legacy(model)


def _legacy(model: Model) -> list[Unit] | None:
    found = []
    for layer in listed(model.graph):
        path = (layer.name,)
        if not all(_is_ordered(inner, at_root=inner is layer) for inner in _leaves(layer)):
            return None
        places = [*_weights(path, layer, "trainable"), *_weights(path, layer, "rest")]
        tensors = tuple(Tensor(weight.stored_as, weight.shape, ((leaf, weight.name),)) for leaf, weight in places)
        found.append(Unit(layer.name, path, tensors))
    return found


def _leaves(layer: Layer) -> Iterator[Layer]:
    if layer.body is None:
        yield layer
    else:
        yield from (inner for _, inner in layer.body.walk() if inner.body is None)


_INNER = frozenset({"forward", "backward", "query", "key", "value", "attention_output", "cells"})
"""What Keras' own classes call the layers in them."""


def _is_ordered(layer: Layer, *, at_root: bool) -> bool:
    """Whether the order of its weights is known: that of Keras' own classes, or where the layer has none in it."""
    names = [weight.name for weight in layer.weights]
    is_flat = not any("/" in name for name in names)
    is_unknown = any(name.rpartition("/")[2].isdecimal() for name in names)
    if is_unknown:
        return at_root and is_flat
    return is_flat or {name.partition("/")[0] for name in names} <= _INNER


def _weights(path: LayerPath, layer: Layer, what: str) -> Iterator[Place]:
    """Keras' `trainable_weights`, or the rest of `weights`."""
    if layer.body is None:
        for weight in layer.weights:
            if (layer.trainable and weight.trainable) == (what == "trainable"):
                yield path, weight
    else:
        for inner in listed(layer.body):
            yield from _weights((*path, inner.name), inner, what)
