# Finding the models in a config, before any connection is read. A model is recognised by its structure (a list of
# layer objects) and not by its class, because a user's subclass of Model writes the same config under its own
# name. The walk keeps its own stack: a file may nest models deeper than Python may recurse.
"""Every model in a config as a flat list: `collect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modeldiff.graph import LayerPath, Note, format_path
from modeldiff.loader.canonical import bare

MODEL_CLASSES = frozenset({"Sequential", "Functional", "Model", "Container", "Network"})
DEEPEST = 1000
"""Models inside models; deeper ones are left out with a note."""

_SEQUENTIAL_KEYS = {"name", "layers", "build_input_shape", "trainable", "dtype"}


@dataclass(slots=True)
class Entry:
    """One layer object of a model's `layers` list."""

    name: str
    """Unique in its model."""
    class_name: str
    raw: Mapping[str, Any]
    config: Mapping[str, Any]
    is_model: bool = False
    is_op: bool = False
    """An operation of Keras 3 that is no layer: not in `model.layers`, never with weights."""


@dataclass(slots=True)
class ModelObject:
    """One model's object: the root, or a layer that is a model."""

    path: LayerPath
    kind: str
    """`functional`, `sequential`, or `opaque` where the config has no layers."""
    class_name: str
    name: str
    raw: Mapping[str, Any]
    config: Mapping[str, Any]
    """Empty for the list form of old Sequentials."""
    trainable: bool
    """False where this model or one around it is frozen as a whole."""
    entries: list[Entry] = field(default_factory=list)


def model_kind(raw: Any, *, root: bool = False) -> str:
    """`functional`, `sequential`, or "" where the object is no model with layers."""
    if not isinstance(raw, dict):
        return ""
    class_name, config = bare(str(raw.get("class_name"))), raw.get("config")
    if isinstance(config, list):
        return "sequential" if class_name == "Sequential" or (root and _are_layers(config)) else ""
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return ""
    assert isinstance(config, dict)
    if class_name == "Sequential":
        return "sequential"
    if "output_layers" in config or "input_layers" in config or class_name in MODEL_CLASSES:
        return "functional"
    if not layers or not _are_layers(layers):
        return ""
    starts = layers[0].get("class_name") == "InputLayer"
    return "sequential" if root or (starts and config.keys() <= _SEQUENTIAL_KEYS) else ""


def _are_layers(items: list[Any]) -> bool:
    return all(
        isinstance(item, dict) and isinstance(item.get("class_name"), str) and "config" in item for item in items
    )


def collect(root: Mapping[str, Any], layer_names: Sequence[str], notes: list[Note]) -> list[ModelObject]:
    """The root model and every model inside it, parents before children."""
    found: list[ModelObject] = []
    stack: list[tuple[LayerPath, Mapping[str, Any], bool]] = [((), root, True)]
    while stack:
        path, raw, trainable = stack.pop()
        model = _model(path, raw, trainable)
        found.append(model)
        if model.kind == "opaque":
            continue
        model.entries = _entries(model, () if path else layer_names, notes)
        inner = [entry for entry in model.entries if entry.is_model]
        if inner and len(path) >= DEEPEST:
            notes.append(Note(format_path(path), f"models nested deeper than {DEEPEST} are left out"))
            continue
        stack.extend(((*path, entry.name), entry.raw, model.trainable) for entry in reversed(inner))
    return found


def _model(path: LayerPath, raw: Mapping[str, Any], trainable: bool) -> ModelObject:  # noqa: FBT001 - private
    config = raw.get("config")
    config = config if isinstance(config, dict) else {}
    name = path[-1] if path else next((n for n in (config.get("name"), raw.get("name")) if isinstance(n, str)), "")
    return ModelObject(
        path=path,
        kind=model_kind(raw, root=not path) or "opaque",
        class_name=bare(str(raw.get("class_name"))),
        name=name,
        raw=raw,
        config=config,
        trainable=trainable and config.get("trainable", True) is not False,
    )


def _entries(model: ModelObject, layer_names: Sequence[str], notes: list[Note]) -> list[Entry]:
    items = model.raw["config"] if isinstance(model.raw["config"], list) else model.config["layers"]
    about = format_path(model.path)
    entries: list[Entry] = []
    taken: set[str] = set()
    listed = [item for item in items if isinstance(item, dict) and isinstance(item.get("class_name"), str)]
    if len(listed) < len(items):
        notes.append(Note(about, f"{len(items) - len(listed)} of {len(items)} entries in `layers` are no layers"))
    for position, item in enumerate(listed):
        config = item.get("config")
        class_name = bare(item["class_name"])
        name = _own_name(item, config)
        if not name and len(layer_names) == len(listed):
            name = layer_names[position]
        unique = name = name or class_name.lower() or "layer"
        number = 1
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        if unique != name:
            notes.append(Note(about, f"two layers are called {name!r}; the later one is shown as {unique!r}"))
        taken.add(unique)
        entry = Entry(unique, class_name, item, config if isinstance(config, dict) else {}, bool(model_kind(item)))
        entry.is_op = _is_op(entry, layer_names)
        entries.append(entry)
    return entries


def _is_op(entry: Entry, layer_names: Sequence[str]) -> bool:
    """Every layer of Keras 3 writes `trainable`; a custom one that does not stands in `layer_names` at least."""
    if str(entry.raw.get("module")).startswith(("keras.src.ops", "keras.ops")):
        return True
    inbound = entry.raw.get("inbound_nodes")
    modern = isinstance(inbound, list) and bool(inbound) and isinstance(inbound[0], dict) and "args" in inbound[0]
    known = entry.is_model or "trainable" in entry.config or "module" in entry.raw or entry.name in layer_names
    return modern and not known and entry.class_name != "InputLayer"


def _own_name(item: Mapping[str, Any], config: Any) -> str:
    candidates = (item.get("name"), config.get("name") if isinstance(config, dict) else None)
    return next((name for name in candidates if isinstance(name, str) and name), "")
