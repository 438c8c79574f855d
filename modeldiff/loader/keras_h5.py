# The HDF5 format of Keras 1 to 3: a whole model, or only its weights at the root.
"""Legacy HDF5 -> `Model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modeldiff.errors import NotAModel, UnreadableFile
from modeldiff.graph import Fact, Graph, Holder, Layer, LayerPath, Model, Weight
from modeldiff.loader import code, json_text, keras_config, training
from modeldiff.loader.assembly import amount, free_name, into_bodies, lacking, own_config, weight, with_weights
from modeldiff.loader.hdf5_objects import Group, Refused, printable
from modeldiff.loader.layouts import modern_weights
from modeldiff.loader.legacy_groups import Groups, Stored
from modeldiff.loader.legacy_names import roles
from modeldiff.loader.legacy_weights import Assigner
from modeldiff.loader.parts import Parts, part_of
from modeldiff.loader.roles import Slot

OWN = "top_level_model_weights"
"""The group of weights that the model object itself owns (since TensorFlow 2.7)."""


def is_legacy(root: Group) -> bool:
    """Whether the file has the legacy layout, whole or weights only."""
    try:
        listed = root.texts("layer_names") is not None
    except Refused:
        listed = False
    return listed or "model_weights" in root or root.has_attribute("model_config")


def read(root: Group, path: str) -> Model:
    """The model in a legacy file. `path` is what the user called it.

    Raises:
        NotAModel: the file is no legacy Keras file.
        UnreadableFile: the config is damaged.
    """
    groups = Groups()
    config = groups.text(root, "model_config")
    if config is None and "model_weights" not in root:
        return _weights_only(groups, root, root, path)
    group, refused = groups.group(root, "model_weights")
    if config is None:
        return _weights_only(groups, root, group, path)
    if group is None and not refused:
        groups.note("incomplete file: it has a configuration but no weights", fact=Fact.WEIGHTS_MISSING)
    parsed = json_text.parse(config, where=path, what="`model_config`", report=groups.note)
    return _whole(groups, root, group, parsed, path)


def _whole(groups: Groups, root: Group, group: Group | None, config: Mapping[str, Any], path: str) -> Model:
    names = groups.texts(group, "layer_names") if group else []
    if names is None:
        text = "incomplete file: no `layer_names`, so no weight can be tied to a layer"
        groups.note(text, fact=Fact.WEIGHTS_MISSING)
    compiled = _compiled(groups, root, path)
    metadata = _metadata(groups, root, group, compiled)
    version = str(metadata.get("keras_version", "1"))  # the first files of Keras 1 told none
    architecture = keras_config.read(config, keras_version=version, layer_names=names or ())
    stored = groups.layers(group, names) if group and names else {}
    return Model(
        name=architecture.graph.name,
        path=path,
        format="keras-h5",
        graph=_placed(groups, architecture, stored) if architecture.has_graph else _unconnected(stored),
        metadata={**metadata, "class_name": architecture.class_name, **own_config(architecture)},
        weights=_own(groups, group, names or ()),
        optimizer_weights=_optimizer(groups, root),
        notes=(*architecture.notes, *groups.notes),  # last: everything above may have noted something
        has_config=architecture.has_graph,
        has_weights=group is not None,
        code=code.collect(architecture.raw, compiled, architecture.alike),
        holders=_holders(stored),
    )


def _weights_only(groups: Groups, root: Group, group: Group | None, path: str) -> Model:
    names = groups.texts(group, "layer_names") if group else None
    if group is None or not names:
        raise NotAModel(
            "this HDF5 file holds neither a model's configuration nor its weights",
            where=path,
            fix="a save that failed leaves such a file; save the model again",
        )
    stored = groups.layers(group, names)
    if group is not root:
        groups.note("the file has weights but no `model_config`: the layers are known by their weights only")
    return Model(
        name="",
        path=path,
        format="keras-h5-weights" if group is root else "keras-h5",
        graph=_unconnected(stored),
        metadata=_metadata(groups, root, group, _compiled(groups, root, path)),
        weights=_own(groups, group, names),
        optimizer_weights=_optimizer(groups, root),
        notes=tuple(groups.notes),
        has_config=False,
        holders=_holders(stored),
    )


def _holders(stored: Mapping[str, Sequence[Stored]]) -> tuple[Holder, ...]:
    """The groups as they are listed."""
    return tuple(
        Holder(printable(name), tuple((printable(one.path), one.array.shape) for one in found))
        for name, found in stored.items()
    )


def _placed(groups: Groups, architecture: keras_config.Architecture, stored: Mapping[str, Sequence[Stored]]) -> Graph:
    """The graph with every stored weight at its layer."""
    parts = Parts(architecture)
    assigner = Assigner(architecture, parts)
    known: dict[str, LayerPath] = {layer.name: (layer.name,) for layer in architecture.graph.layers}
    deeper: dict[str, list[LayerPath]] = {}
    for path, layer in architecture.graph.walk():
        if len(path) > 1 and layer.body is None:
            deeper.setdefault(layer.name, []).append(path)
    # A Merge at the start of a Sequential of Keras 1: the layers of its branches are listed at the top.
    known = {name: paths[0] for name, paths in deeper.items() if len(paths) == 1} | known
    weights: dict[LayerPath, list[Weight]] = {}
    for name, found in stored.items():
        if name not in known:
            if found:
                text = f"the file has {amount(len(found))} of {name!r}, which is not in the configuration"
                groups.note(text, fact=Fact.ORPHAN_WEIGHTS)
            continue
        places = assigner.places(known[name], [one.name for one in found])
        for (leaf, slot), one in zip(places, found, strict=True):
            weights.setdefault(leaf, []).append(weight(slot, one.array, one.path))
    done = into_bodies(architecture.graph, weights)
    modern = {leaf: new for leaf, made in done.items() if (new := modern_weights(parts.of(leaf), made))}
    if stored:
        groups.notes += lacking(architecture.graph, parts, done)
    return with_weights(architecture.graph, done, modern)


def _unconnected(stored: Mapping[str, Sequence[Stored]]) -> Graph:
    """Layers known by their weights only."""
    layers: list[Layer] = []
    taken: set[str] = set()
    for name, found in stored.items():
        slots = roles(None, name, [one.name for one in found])
        weights = tuple(weight(slot, one.array, one.path) for slot, one in zip(slots, found, strict=True))
        modern = modern_weights(part_of({}), weights)
        shown = free_name(printable(name), taken)
        layers.append(Layer(name=shown, class_name="", weights=weights, modern_weights=modern))
    return Graph(tuple(layers), has_edges=False)


def _own(groups: Groups, parent: Group | None, names: Sequence[str]) -> tuple[Weight, ...]:
    """What the model object itself owns; its group may also be a layer of that name."""
    group, _ = groups.group(parent, OWN) if parent and OWN not in names else (None, False)
    stored = groups.weights(group, ()) if group else []
    slots = roles(None, "", [one.name for one in stored])
    return tuple(weight(slot, one.array, one.path) for slot, one in zip(slots, stored, strict=True))


def _optimizer(groups: Groups, root: Group) -> tuple[Weight, ...]:
    """The state of the optimizer. Some versions list a variable twice."""
    group, _ = groups.group(root, "optimizer_weights")
    stored = groups.weights(group, ()) if group else []
    unique = {one.name.removesuffix(":0"): one for one in stored}
    return tuple(weight(Slot(role, trainable=False), one.array, one.path) for role, one in unique.items())


def _metadata(groups: Groups, root: Group, group: Group | None, compiled: Mapping[str, Any] | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for key in ("keras_version", "backend"):
        value = groups.text(root, key) or (groups.text(group, key) if group and group is not root else None)
        if value:
            metadata[key] = printable(value)
    return metadata | (training.canonical(compiled) if compiled is not None else {})


def _compiled(groups: Groups, root: Group, path: str) -> dict[str, Any] | None:
    """The settings of `compile`, where the file has any that can be read."""
    told = groups.text(root, "training_config")
    if not told:
        return None
    try:
        return json_text.parse(told, where=path, what="`training_config`")
    except (NotAModel, UnreadableFile) as error:
        groups.note(f"the compile settings are not read: {error.what}")
        return None
