# The HDF5 format of Keras 1 to 3: a whole model, or only its weights at the root. Groups are found through the list
# `layer_names`, never by listing a group: layer names may contain `/`, and HDF5 sorts by name.
"""Legacy HDF5 -> `Model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modeldiff.errors import NotAModel
from modeldiff.graph import Graph, Layer, LayerPath, Model, Note, Weight, format_path
from modeldiff.loader import json_text, keras_config, training
from modeldiff.loader.assembly import lacking, own_config, weight, with_weights
from modeldiff.loader.hdf5 import Array, Group, Refused
from modeldiff.loader.layouts import modern_weights
from modeldiff.loader.legacy_weights import Assigner
from modeldiff.loader.legacy_names import roles
from modeldiff.loader.roles import Slot

OWN = "top_level_model_weights"
"""The group of weights that the model object itself owns (since TensorFlow 2.7)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One dataset with its name in `weight_names`."""

    name: str
    path: str
    array: Array


def is_legacy(root: Group) -> bool:
    """Whether the file has the legacy layout, whole or weights only."""
    return _listed(root) is not None or "model_weights" in root or _safe_text(root, "model_config") is not None


def read(root: Group, path: str) -> Model:
    """The model in a legacy file. `path` is what the user called it.

    Raises:
        NotAModel: the file is no legacy Keras file.
        UnreadableFile: the config is damaged.
    """
    return _Reader(root, path).read()


def _listed(group: Group) -> list[str] | None:
    try:
        return group.texts("layer_names")
    except Refused:
        return None


def _safe_text(group: Group, name: str) -> str | None:
    try:
        return group.text(name)
    except Refused:
        return None


class _Reader:
    def __init__(self, root: Group, path: str) -> None:
        self.root = root
        self.path = path
        self.notes: list[Note] = []

    def note(self, text: str, about: LayerPath = ()) -> None:
        self.notes.append(Note(format_path(about), text))

    def read(self) -> Model:
        config = self._text(self.root, "model_config")
        whole = config is not None or "model_weights" in self.root
        group = self._weights_group() if whole else self.root
        names = (self._texts(group, "layer_names") if group else None) or []
        if config is None:
            return self._without_config(group, names, whole=whole)
        version = self._text(self.root, "keras_version") or (self._text(group, "keras_version") if group else "") or ""
        parsed = json_text.parse(config, where=self.path, what="`model_config`")
        architecture = keras_config.read(parsed, keras_version=version or "1", layer_names=names)
        self.notes += architecture.notes
        stored = self._all_stored(group, names) if group else {}
        graph = self._placed(architecture, stored) if architecture.has_graph else _unconnected(stored)
        return Model(
            name=architecture.graph.name,
            path=self.path,
            format="keras-h5",
            graph=graph,
            metadata=self._metadata(architecture.class_name, group) | own_config(architecture),
            weights=self._own(group),
            optimizer_weights=self._optimizer(),
            notes=tuple(self.notes),
            has_config=architecture.has_graph,
            has_weights=group is not None,
        )

    def _without_config(self, group: Group | None, names: Sequence[str], *, whole: bool) -> Model:
        if group is None or (not names and whole):
            raise NotAModel(
                "this HDF5 file holds neither a model's configuration nor its weights",
                where=self.path,
                fix="the save was interrupted; save the model again",
            )
        if whole:
            self.note("the file has weights but no `model_config`: the layers are known by their weights only")
        stored = self._all_stored(group, names)
        return Model(
            name="",
            path=self.path,
            format="keras-h5" if whole else "keras-h5-weights",
            graph=_unconnected(stored),
            metadata=self._metadata("", group),
            weights=self._own(group),
            optimizer_weights=self._optimizer(),
            notes=tuple(self.notes),
            has_config=False,
        )

    # Reading groups --------------------------------------------------------------------------------------------------

    def _weights_group(self) -> Group | None:
        try:
            group = self.root.group("model_weights")
        except Refused as refusal:
            self.note(str(refusal))
            return None
        if group is None:
            self.note("incomplete file: it has a configuration but no weights")
        return group

    def _all_stored(self, group: Group, names: Sequence[str]) -> dict[str, list[Stored]]:
        """The weights of every layer of `layer_names`; layers without a group are told."""
        if not names and self._texts(group, "layer_names") is None:
            self.note("incomplete file: no `layer_names`, so no weight can be tied to a layer")
        stored: dict[str, list[Stored]] = {}
        missing = []
        for name in names:
            try:
                layer = group.group(name)
                if layer is None:
                    missing.append(name)
                else:
                    stored[name] = self._stored(layer, (name,))
            except Refused as refusal:
                self.note(str(refusal), (name,))
                stored.setdefault(name, [])
        if missing:
            self.note(f"incomplete file: {len(missing)} of {len(names)} layers have no group")
        return stored

    def _stored(self, group: Group, about: LayerPath) -> list[Stored]:
        found = []
        names = group.texts("weight_names")
        if names is None:
            self.note("incomplete file: no `weight_names`", about)
            return []
        for name in names:
            try:
                array = group.get(name)
            except Refused as refusal:
                self.note(str(refusal), about)
                continue
            if not isinstance(array, Array):
                self.note(f"the weight {name!r} is listed but not in the file", about)
                continue
            if array.refusal:
                self.note(f"the values of {name!r} are not read: {array.refusal}", about)
            found.append(Stored(name, "/".join((*group.path, name)), array))
        return found

    def _text(self, group: Group, name: str) -> str | None:
        try:
            return group.text(name)
        except Refused as refusal:
            self.note(str(refusal))
            return None

    def _texts(self, group: Group, name: str) -> list[str] | None:
        try:
            return group.texts(name)
        except Refused as refusal:
            self.note(str(refusal))
            return None

    # Putting together ------------------------------------------------------------------------------------------------

    def _placed(self, architecture: keras_config.Architecture, stored: dict[str, list[Stored]]) -> Graph:
        assigner = Assigner(architecture)
        known = {layer.name: (layer.name,) for layer in architecture.graph.layers}
        deeper: dict[str, list[LayerPath]] = {}
        for path, layer in architecture.graph.walk():
            if len(path) > 1 and layer.body is None:
                deeper.setdefault(layer.name, []).append(path)
        weights: dict[LayerPath, list[Weight]] = {}
        for name, found in stored.items():
            # A Merge at the start of a Sequential of Keras 1: the layers of its branches are listed at the top.
            path = known.get(name) or (deeper.get(name, [()])[0] if len(deeper.get(name, ())) == 1 else ())
            if not path:
                if found:
                    self.note(f"the file has {len(found)} weights of {name!r}, which is not in the configuration")
                continue
            for (leaf, slot), one in zip(assigner.places(path, [one.name for one in found]), found, strict=True):
                weights.setdefault(leaf, []).append(_weight(slot, one))
        done = {leaf: tuple(made) for leaf, made in weights.items()}
        modern = {leaf: new for leaf, made in done.items() if (new := modern_weights(architecture.raw[leaf], made))}
        if stored:
            self.notes += lacking(architecture, done)
        return with_weights(architecture.graph, done, modern)

    def _own(self, group: Group | None) -> tuple[Weight, ...]:
        if group is None or OWN in (self._texts(group, "layer_names") or ()):
            return ()
        return self._extra(group, OWN)

    def _optimizer(self) -> tuple[Weight, ...]:
        return self._extra(self.root, "optimizer_weights")

    def _extra(self, group: Group, name: str) -> tuple[Weight, ...]:
        try:
            found = group.group(name)
            stored = self._stored(found, ()) if found else []
        except Refused as refusal:
            self.note(str(refusal))
            return ()
        unique = {one.name.removesuffix(":0"): one for one in stored}
        return tuple(_weight(Slot(role, trainable=False), one) for role, one in unique.items())

    def _metadata(self, class_name: str, group: Group | None) -> dict[str, object]:
        metadata: dict[str, object] = {}
        for key in ("keras_version", "backend"):
            value = self._text(self.root, key) or (self._text(group, key) if group else None)
            if value:
                metadata[key] = value
        if class_name:
            metadata["class_name"] = class_name
        told = self._text(self.root, "training_config")
        if told:
            metadata |= training.canonical(json_text.parse(told, where=self.path, what="`training_config`"))
        return metadata


def _weight(slot: Slot, one: Stored) -> Weight:
    return weight(slot, one.array, one.path)


def _unconnected(stored: dict[str, list[Stored]]) -> Graph:
    """Layers known by their weights only."""
    layers = []
    for name, found in stored.items():
        told = roles(None, name, [one.name for one in found])
        weights = tuple(_weight(slot, one) for slot, one in zip(told, found, strict=True))
        layers.append(Layer(name=name, class_name="", weights=weights, modern_weights=modern_weights({}, weights)))
    return Graph(tuple(layers), has_edges=False)
