# Keras config JSON of every dialect -> a graph. Pure: a parsed JSON object goes in, no file is touched. Children
# are built before parents from a flat list of models, so nothing here recurses with the depth of the file.
"""Read a model's config: `read`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modeldiff.errors import NotAModel
from modeldiff.graph import Graph, LayerPath, Note
from modeldiff.loader import keras1
from modeldiff.loader.graphs import Built, build
from modeldiff.loader.model_objects import ModelObject, collect


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model's config read: connections and canonical configs, no weights."""

    graph: Graph
    """`Layer.weights` empty; layers in topological order; bodies nested."""
    class_name: str
    """Of the root model as the file says: `Sequential`, `Functional`, `Model`, `MyModel`."""
    file_order: Mapping[LayerPath, tuple[str, ...]]
    """Per model that is a layer (and the root, ()): layer names in the order of `model.layers`, as Keras itself
    lists them: no operations, and a Sequential without its InputLayer. A Merge that starts a Sequential of Keras 1
    is preceded by its branches."""
    raw: Mapping[LayerPath, Mapping[str, Any]]
    """Each layer's object as the file has it; the root model under ()."""
    alike: Mapping[LayerPath, Mapping[str, Any]]
    """See `Entry.alike`; the root model under ()."""
    notes: tuple[Note, ...]
    has_graph: bool
    """False for subclassed models, whose config has no `layers`."""


def read(config: Mapping[str, Any], *, keras_version: str = "", layer_names: Sequence[str] = ()) -> Architecture:
    """The architecture in a parsed `model_config`, `config.json` or `to_json` object.

    `layer_names`, in the order of `model.layers`, names layers whose name is not in the config: Sequentials inside old
    Sequentials, and layers of a person's class that leaves it out.

    Raises:
        NotAModel: the object is no model's config.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise NotAModel("this JSON is no Keras model", fix="a model's config has `class_name` and `config`")
    notes: list[Note] = []
    models = collect(config, layer_names, notes)
    version = keras_version or _version(config)
    if version.startswith("1"):
        _tell_ordering(models)
    built: dict[LayerPath, Built] = {}
    for model in reversed(models):
        built[model.path] = build(model, built, version, notes)
    raw: dict[LayerPath, Mapping[str, Any]] = {(): config}
    alike: dict[LayerPath, Mapping[str, Any]] = {(): config}
    for model in models:
        for entry in model.entries:
            path = (*model.path, entry.name)
            raw[path], alike[path] = entry.raw, entry.alike
    return Architecture(
        graph=built[()].graph,
        class_name=models[0].class_name,
        file_order={
            model.path: tuple(entry.name for entry in model.listed)
            for model in models
            if model.kind != "opaque" and model.raw is raw.get(model.path)
        },
        raw=raw,
        alike=alike,
        notes=tuple(notes),
        has_graph=models[0].kind != "opaque",
    )


def _tell_ordering(models: Sequence[ModelObject]) -> None:
    """Give the layers of Keras 1 that do not tell where their channels are what the others tell."""
    entries = [entry for model in models for entry in model.entries]
    told = keras1.ordering(entry.config for entry in entries)
    for entry in entries:
        if told and keras1.lacks_ordering(entry.class_name, entry.config):
            entry.config = {**entry.config, "dim_ordering": told}


def _version(config: Mapping[str, Any]) -> str:
    """What `to_json` of Keras 1 and 2 wrote; that of Keras 3 writes none, but other keys."""
    written = config.get("keras_version")
    return written if isinstance(written, str) else "3" if "registered_name" in config else ""
