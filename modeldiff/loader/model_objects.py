# Finding the models in a config, before any connection is read. A model is recognised by its structure (a list of
# layer objects) and not by its class, because a user's subclass of Model writes the same config under its own
# name. The walk keeps its own stack: a file may nest models deeper than Python may recurse.
"""Every model in a config as a flat list: `collect`."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modeldiff.graph import LayerPath, Note, format_path
from modeldiff.loader.keras_names import is_class, is_operation
from modeldiff.loader.values import bare

MODEL_CLASSES = frozenset({"Sequential", "Functional", "Model", "Container", "Network"})
DEEPEST = 100
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
    alike: Mapping[str, Any]
    """The first object that says the same but for its name and its connections. Most layers of a model are like others,
    and what follows from an object without either is found once, by the identity of this one."""
    inner: Mapping[str, Any] | None = None
    """The object of the sub-model: the entry itself, or what a wrapper (TimeDistributed) wraps."""
    is_named: bool = True
    """False where the file tells no name: a custom class may leave it out of its config."""
    is_op: bool = False
    """An operation of Keras 3 that is no layer: not in `model.layers`, never with weights."""

    @property
    def is_model(self) -> bool:
        """True where the layer itself is a model, which counts its nodes in its own way."""
        return self.inner is self.raw


@dataclass(slots=True)
class ModelObject:
    """One model's object: the root, or a sub-model."""

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
    chain: list[Entry] = field(default_factory=list)
    """Of a Sequential: the entries as they are applied; one stands twice where Keras 1 shared it."""
    branches: int = 0
    """How many entries of `chain` are the branches of the Merge that a Sequential of Keras 1 may start with."""

    @property
    def listed(self) -> list[Entry]:
        """The entries in the order of `model.layers`: no operations, and a Sequential without its InputLayer."""
        skipped = self.kind == "sequential" and self.entries and self.entries[0].class_name == "InputLayer"
        return [entry for entry in self.entries[1 if skipped else 0 :] if not entry.is_op]


def model_kind(raw: Any, *, root: bool = False) -> str:
    """`functional`, `sequential`, or "" where the object is no model with layers."""
    if not isinstance(raw, dict):
        return ""
    class_name, config = bare(raw.get("class_name")), raw.get("config")
    if isinstance(config, list):
        return "sequential" if class_name == "Sequential" or (root and config and _are_layers(config)) else ""
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(layers, list):
        return ""
    if class_name == "Sequential":
        return "sequential"
    if "output_layers" in config or class_name in MODEL_CLASSES:
        return "functional"
    if not layers or not _are_layers(layers):
        return ""
    starts = layers[0].get("class_name") == "InputLayer"
    return "sequential" if root or (starts and config.keys() <= _SEQUENTIAL_KEYS) else ""


def _are_layers(items: list[Any]) -> bool:
    return all(_is_layer(item) and "config" in item for item in items)


def _is_layer(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("class_name"), str)


def collect(root: Mapping[str, Any], layer_names: Sequence[str], notes: list[Note]) -> list[ModelObject]:
    """The root model and every model inside it, parents before children."""
    found: list[ModelObject] = []
    said: dict[bytes, Mapping[str, Any]] = {}
    stack: list[tuple[LayerPath, Mapping[str, Any], bool]] = [((), root, True)]
    while stack:
        path, raw, trainable = stack.pop()
        model = _model(path, raw, trainable=trainable)
        found.append(model)
        if model.kind == "opaque":
            if model.class_name in MODEL_CLASSES:
                notes.append(Note(format_path(path), "the config of this model has no layers"))
            continue
        _read_entries(model, () if path else layer_names, said, notes)
        inner = [(entry, entry.inner) for entry in model.entries if entry.inner is not None]
        if inner and len(path) >= DEEPEST:
            notes.append(Note(format_path(path[:3]), f"models nested deeper than {DEEPEST} are left out"))
            continue
        stack.extend(
            ((*path, entry.name), raw, model.trainable and entry.config.get("trainable") is not False)
            for entry, raw in reversed(inner)
        )
    return found


def _model(path: LayerPath, raw: Mapping[str, Any], *, trainable: bool) -> ModelObject:
    config = raw.get("config")
    config = config if isinstance(config, dict) else {}
    named = (raw.get("name"), config.get("name"), path[-1] if path else "")
    return ModelObject(
        path=path,
        kind=model_kind(raw, root=not path) or "opaque",
        class_name=bare(raw.get("class_name")),
        name=next((name for name in named if isinstance(name, str)), ""),
        raw=raw,
        config=config,
        trainable=trainable and config.get("trainable") is not False,
    )


def _read_entries(
    model: ModelObject, layer_names: Sequence[str], said: dict[bytes, Mapping[str, Any]], notes: list[Note]
) -> None:
    config = model.raw.get("config")
    is_list = isinstance(config, list)
    items = config if isinstance(config, list) else model.config["layers"]
    about = format_path(model.path)
    listed = [item for item in items if _is_layer(item)]
    if len(listed) < len(items):
        notes.append(Note(about, f"{len(items) - len(listed)} of {len(items)} entries in `layers` are no layers"))
    # A Sequential of Keras 3 has its input in the config, and not in the list of names.
    unlisted = model.kind == "sequential" and [item["class_name"] for item in listed[:1]] == ["InputLayer"]
    names = layer_names if len(layer_names) == len(listed) else ("", *layer_names) if unlisted else ()
    names = names if len(names) == len(listed) else ()
    if model.kind == "sequential" and listed and listed[0]["class_name"] == "Merge":
        branches = _branches(listed[0])
        model.branches = len(branches)
        listed, names = [*branches, *listed], ()
    taken: dict[str, Entry] = {}
    numbers: dict[str, int] = {}
    stored = frozenset(layer_names)
    for position, item in enumerate(listed):
        entry = _entry(item, names[position] if names else "", stored, said)
        before = taken.get(entry.name)
        if before is not None and is_list and before.class_name == entry.class_name and _own_name(item):
            model.chain.append(before)
            continue
        name = entry.name
        if _make_unique(entry, taken, numbers):
            notes.append(Note(about, f"two layers are called {name!r}; the later one is shown as {entry.name!r}"))
        taken[entry.name] = entry
        model.entries.append(entry)
        model.chain.append(entry)


def _branches(merge: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    config = merge.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    return [item for item in layers if _is_layer(item)] if isinstance(layers, list) else []


def _entry(
    item: Mapping[str, Any], fallback: str, stored: frozenset[str], said: dict[bytes, Mapping[str, Any]]
) -> Entry:
    config = item.get("config")
    config = config if isinstance(config, dict) else {}
    class_name = bare(item["class_name"])
    name = _own_name(item) or fallback or class_name.lower() or "layer"
    inner = item if model_kind(item) else config.get("layer")
    inner = inner if inner is item or model_kind(inner) else None
    entry = Entry(name, class_name, item, config, _alike(item, said), inner, bool(_own_name(item) or fallback))
    entry.is_op = _is_op(entry, stored)
    return entry


def _alike(item: Mapping[str, Any], said: dict[bytes, Mapping[str, Any]]) -> Mapping[str, Any]:
    """See `Entry.alike`; `said` are the objects so far.

    By their bytes in `marshal`, which are only written: of the fast forms the one that differs where values do, also
    between 1, 1.0 and True. Version 2 of it knows no references, so that it is the same where values are.
    """
    facts, config = dict(item), item.get("config")
    facts.pop("inbound_nodes", None)
    if isinstance(config, dict):
        if "layers" in config or "layer" in config:  # what is inside may have a path of its own
            return item
        facts["config"] = config = dict(config)
    for names in (facts, config):
        if isinstance(names, dict) and isinstance(names.get("name"), str):
            del names["name"]
    try:
        return said.setdefault(marshal.dumps(facts, 2), item)
    except ValueError:  # nested too deeply
        return item


def _make_unique(entry: Entry, taken: Mapping[str, Entry], numbers: dict[str, int]) -> bool:
    """Give a later layer of the same name a number: as Keras would where the name is made up, else visibly.

    `numbers` remembers the last number per name. Returns whether a name of the file was changed.
    """
    name, made_up = entry.name, not _own_name(entry.raw)
    while entry.name in taken:
        number = numbers[name] = numbers.get(name, 0) + 1
        entry.name = f"{name}_{number}" if made_up else f"{name} ({number + 1})"
    return entry.name != name and not made_up


def _is_op(entry: Entry, stored: frozenset[str]) -> bool:
    """Every layer of Keras 3 but SpatialDropout writes `trainable`; a custom one is in `layer_names` at least."""
    module = entry.raw.get("module")
    if isinstance(module, str) and module.startswith(("keras.src.ops", "keras.ops")):
        return True
    if entry.is_model or "trainable" in entry.config or "module" in entry.raw or entry.name in stored:
        return False
    return is_modern(entry) and (not is_class(entry.class_name) or is_operation(entry.class_name))


def inner_connections(entries: Iterable[Entry]) -> dict[str, list[Any]]:
    """The inbound nodes of all layers inside the sub-models among `entries`, by the name of the layer.

    TensorFlow 2.5 to 2.15 keep one object per shared layer while they write, and a sub-model's connections, written
    later, take the place of those around it (`generic_utils.SharedObjectSavingScope`). Keras cannot load the file.
    """
    found: dict[str, list[Any]] = {}
    stack: list[Any] = [entry.inner for entry in entries if entry.inner is not None]
    while stack:
        item = stack.pop()
        config = item.get("config") if isinstance(item, dict) else None
        if not isinstance(config, dict):
            continue
        if isinstance(item.get("name"), str):
            found.setdefault(item["name"], []).append(item.get("inbound_nodes"))
        layers = config.get("layers")
        stack.extend(layers if isinstance(layers, list) else [])
    return found


def is_modern(entry: Entry) -> bool:
    """Its calls are written as Keras 3 does."""
    inbound = entry.raw.get("inbound_nodes")
    return isinstance(inbound, list) and bool(inbound) and isinstance(inbound[0], dict) and "args" in inbound[0]


def _own_name(item: Mapping[str, Any]) -> str:
    name = item.get("name")
    if not (isinstance(name, str) and name):
        config = item.get("config")
        name = config.get("name") if isinstance(config, dict) else None
    return name if isinstance(name, str) else ""
