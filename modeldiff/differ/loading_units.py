# Both files as Keras sees them while loading: units (layers of the root model, or objects of a store) with tensors in
# order. What the file lists is believed first, since Keras wrote it by the same walk it loads by; only where the two
# files have different formats does the order come from the configuration.
"""`Tensor`, `Unit`: what is loaded and what it is loaded into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modeldiff.graph import Graph, Layer, LayerPath, Model

Key = tuple[LayerPath, str]
"""A layer and the role of a weight in it."""

Dims = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor of a file, or one variable of a model."""

    key: str
    """Its number in a store's group, else what the file calls it."""
    shape: Dims
    owners: tuple[Key, ...]
    """The layers that have it: several where layers are shared, none where the configuration knows no such layer."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What Keras loads in one go."""

    name: str
    layer: LayerPath
    """The layer it belongs to, as far as is known."""
    tensors: tuple[Tensor, ...]


def is_store(model: Model) -> bool:
    """Whether the file has the v3 store and not the legacy layout."""
    return model.format.startswith("keras-v3")


def units(model: Model) -> list[Unit]:
    """The units as the file lists them."""
    owners: dict[str, tuple[Key, ...]] = {}
    for path, layer in model.walk():
        for weight in layer.weights:
            owners[weight.stored_as] = (*owners.get(weight.stored_as, ()), (path, weight.name))
    store = is_store(model)
    names = named(model.graph) if store else {}
    found = []
    for holder in model.holders:
        tensors = tuple(
            [
                Tensor(name.rpartition("/")[2] if store else name, shape, owners.get(name, ()))
                for name, shape in holder.tensors
            ]
        )
        told = next((one.owners[0][0] for one in tensors if one.owners), None)
        if told is None:
            told = () if not holder.name else names.get(holder.name, (holder.name,))
        found.append(Unit(holder.name, told, tensors))
    return found


def named(graph: Graph) -> dict[str, LayerPath]:
    """Store path -> layer, by Keras' rule, for the layers of the model and of models in it."""
    found: dict[str, LayerPath] = {}
    stack: list[tuple[str, LayerPath, Graph]] = [("", (), graph)]
    while stack:
        prefix, path, here = stack.pop()
        for layer in here.layers:
            if layer.store_name:
                place = f"{prefix}layers/{layer.store_name}"
                found[place] = (*path, layer.name)
                if layer.body is not None and is_model(layer):
                    stack.append((f"{place}/", (*path, layer.name), layer.body))
    return found


def is_model(layer: Layer) -> bool:
    """Whether a layer with a body is a model itself, and not a wrapper around one."""
    return layer.canonical_class in {"Functional", "Sequential"}


def listed(graph: Graph) -> Iterator[Layer]:
    """The layers in the order of `model.layers`."""
    by_name: Mapping[str, Layer] = {layer.name: layer for layer in graph.layers}
    return (by_name[name] for name in graph.listed if name in by_name)
