# The last step of every reader: arrays become weights, and the graph of the config gets the weights put into it.
# Bottom-up and without recursion, as models may be nested deeper than Python may recurse.
"""Graph + weights -> graph with weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modeldiff.graph import Fact, Graph, LayerPath, Note, Weight, format_path
from modeldiff.loader.canonical import canonical_config
from modeldiff.loader.hdf5_objects import Array, printable
from modeldiff.loader.keras_config import Architecture
from modeldiff.loader.parts import Parts
from modeldiff.loader.roles import Slot


def weight(slot: Slot, array: Array, stored_as: str) -> Weight:
    """A stored array in its role. Integers and strings are state, whatever the layer says."""
    trainable = slot.trainable and array.dtype.startswith(("float", "bfloat", "complex"))
    return Weight(slot.role, array.shape, array.dtype, array.source, printable(stored_as), trainable)


def free_name(name: str, taken: set[str]) -> str:
    """`name`, with marks after it where it is in `taken`; it is then taken too."""
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def with_weights(
    graph: Graph,
    weights: Mapping[LayerPath, tuple[Weight, ...]],
    modern: Mapping[LayerPath, tuple[Weight, ...]],
) -> Graph:
    """The same graph whose layers have `weights`, and `modern` where today's layout is another."""
    bodies: dict[LayerPath, Graph] = {(): graph}
    for path, layer in graph.walk():
        if layer.body is not None:
            bodies[path] = layer.body
    for path in sorted(bodies, key=len, reverse=True):
        body = bodies[path]
        layers = []
        for layer in body.layers:
            here = (*path, layer.name)
            changed = here in weights or here in bodies
            layers.append(
                replace(
                    layer,
                    weights=weights.get(here, ()),
                    modern_weights=modern.get(here),
                    body=bodies.get(here),
                )
                if changed
                else layer
            )
        bodies[path] = replace(body, layers=tuple(layers))
    return bodies[()]


def into_bodies(graph: Graph, weights: Mapping[LayerPath, Sequence[Weight]]) -> dict[LayerPath, tuple[Weight, ...]]:
    """The weights of a wrapper around a model at the layers of that model: their roles begin with its name."""
    layers = dict(graph.walk())
    placed: dict[LayerPath, list[Weight]] = {}
    for path, made in weights.items():
        for one in made:
            here, role = path, one.name
            while (body := layers[here].body) is not None:
                inner = next((layer.name for layer in body.layers if role.startswith(f"{layer.name}/")), None)
                if inner is None:
                    break
                here, role = (*here, inner), role[len(inner) + 1 :]
            placed.setdefault(here, []).append(one if role == one.name else replace(one, name=role))
    return {path: tuple(made) for path, made in placed.items()}


def amount(count: int) -> str:
    """`1 weight`, `3 weights`."""
    return f"{count} weight{'s' * (count != 1)}"


def lacking(graph: Graph, parts: Parts, weights: Mapping[LayerPath, Sequence[Weight]]) -> Iterator[Note]:
    """What the config asks for and the file does not have."""
    for path, layer in graph.walk():
        if layer.body is not None or layer.kind == "op":
            continue
        part = parts.of(path)
        wanted, held = len(part.slots()) if part.is_known else 0, len(weights.get(path, ()))
        if held < wanted:
            text = f"its class has {amount(wanted)}, the file holds {held or 'none'}"
            yield Note(format_path(path), text, Fact.WEIGHTS_MISSING)


def own_config(architecture: Architecture) -> dict[str, Any]:
    """What a subclassed model's config says about itself: it has no layers to say it with."""
    config = architecture.raw[()].get("config")
    if architecture.has_graph or not isinstance(config, dict):
        return {}
    try:
        told = canonical_config(architecture.class_name, config)
    except ValueError:
        return {}
    return {"config": told} if told else {}
