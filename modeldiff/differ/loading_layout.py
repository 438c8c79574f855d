# Where the old file has the other format: how the layers of the new model would stand in it, by Keras' rules and the
# configuration. Only what the rules tell for certain; a custom layer with layers in it keeps them as its code says.
"""The units of a model in the format of another file: `units`."""

from __future__ import annotations

from collections.abc import Iterator

from modeldiff.differ.loading_units import Tensor, Unit, listed, named
from modeldiff.graph import Layer, LayerPath, Model, Weight

Place = tuple[LayerPath, Weight]


def units(model: Model, *, store: bool, keras: str) -> list[Unit] | None:
    """The units in a store or in legacy HDF5; None where the file does not tell."""
    if any(_is_merged(layer) for _, layer in model.walk()):
        return None
    return _store(model, keras) if store else _legacy(model)


def _is_merged(layer: Layer) -> bool:
    """Whether a store holds other weights of it than the layer has: LoRA's product is added to the kernel there."""
    return bool(layer.config.get("lora_rank")) or "_from_" in str(layer.config.get("dtype", ""))


# A store: objects by path ---------------------------------------------------------------------------------------------

_FLAT = frozenset(
    {f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")}
    | {"DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Dense", "EinsumDense"}
    | {"BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "Embedding", "PReLU"}
)
"""Classes without a layer in them, as it comes to loading."""
_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
"""Classes that keep everything in their cell."""
_ATTENTION = {"query": "query_dense", "key": "key_dense", "value": "value_dense", "attention_output": "output_dense"}
_FIRST = 15
"""Keras 2.15 is the first of Keras 2 whose stores have today's layout."""
_DIRECTIONS = {"forward": "forward_layer", "backward": "backward_layer"}


def _store(model: Model, keras: str) -> list[Unit] | None:
    is_compiled = any(model.metadata.get(key) for key in ("optimizer", "loss"))
    if keras == "2" and (_minor(model) < _FIRST or is_compiled):  # which metrics it asks for, the file does not tell
        return None
    paths = {path: place for place, path in named(model.graph).items()}
    found = [Unit("", (), tuple(Tensor(str(n), w.shape, (((), w.name),)) for n, w in enumerate(model.weights)))]
    for path, layer in model.walk():
        held: dict[str, list[Weight]] = {}
        for weight in layer.weights:
            inside = _inside(layer, weight.name, keras)
            if inside is None or path not in paths:
                return None
            held.setdefault(paths[path] + inside, []).append(weight)
        for place, weights in held.items():
            tensors = (Tensor(str(n), w.shape, ((path, w.name),)) for n, w in enumerate(weights))
            found.append(Unit(place, path, tuple(tensors)))
    return found


def _minor(model: Model) -> int:
    number = str(model.metadata.get("keras_version", "")).partition(".")[2].partition(".")[0]
    return int(number[:9]) if number.isdecimal() else 0


def _inside(layer: Layer, role: str, keras: str) -> str | None:
    """Where a layer keeps a weight, below the layer's own path; None where only its code knows."""
    name, (first, _, last) = layer.canonical_class, role.partition("/")
    if name in _FLAT:
        return None if last else ""
    if name in _RECURRENT:
        return None if last else "/cell"
    if name == "MultiHeadAttention" and last and first in _ATTENTION:
        return f"/{'_' if keras == '2' else ''}{_ATTENTION[first]}"
    inner = layer.config.get("layer")
    wrapped = str(inner.get("class_name", "")) if isinstance(inner, dict) else ""
    cell = "/cell" if wrapped in _RECURRENT else ""
    if name == "Bidirectional" and cell and last and first in _DIRECTIONS:
        return f"/{_DIRECTIONS[first]}{cell}"
    if name == "TimeDistributed" and not last and wrapped in _FLAT | _RECURRENT:
        return f"/layer{cell}"
    return None


# Legacy HDF5: layers with their weights in a row ----------------------------------------------------------------------


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
