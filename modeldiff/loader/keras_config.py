# Keras config JSON of every dialect -> a graph. Pure: a parsed JSON object goes in, no file is touched. Children
# are built before parents from a flat list of models, so nothing here recurses with the depth of the file.
"""Read a model's config: `read`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modeldiff.errors import NotAModel
from modeldiff.graph import Call, Graph, Layer, LayerPath, Note, Shape, TensorRef, format_path
from modeldiff.loader.canonical import canonical_class, canonical_config
from modeldiff.loader.connections import Node, RawRef, as_shape, read_nodes, read_refs
from modeldiff.loader.model_objects import Entry, ModelObject, collect
from modeldiff.loader.topology import topological


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model's config read: connections and canonical configs, no weights."""

    graph: Graph
    """`Layer.weights` empty; layers in topological order; bodies nested."""
    class_name: str
    """Of the root model as the file says: `Sequential`, `Functional`, `Model`, `MyModel`."""
    file_order: Mapping[LayerPath, tuple[str, ...]]
    """Per model path: layer names in the order of `model.layers`, as Keras itself lists them: no operations, and
    a Sequential without its InputLayer."""
    raw: Mapping[LayerPath, Mapping[str, Any]]
    """Each layer's object as the file has it; the root model under ()."""
    notes: tuple[Note, ...]
    has_graph: bool
    """False for subclassed models, whose config has no `layers`."""


def read(config: Mapping[str, Any], *, keras_version: str = "", layer_names: Sequence[str] = ()) -> Architecture:
    """The architecture in a parsed `model_config`, `config.json` or `to_json` object.

    `layer_names` (legacy HDF5) names nested Sequentials whose name is not in the config.

    Raises:
        NotAModel: the object is no model's config.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise NotAModel("this JSON is no Keras model", fix="a model's config has `class_name` and `config`")
    notes: list[Note] = []
    models = collect(config, layer_names, notes)
    version = keras_version or str(config.get("keras_version") or "")
    graphs: dict[LayerPath, Graph] = {}
    raw: dict[LayerPath, Mapping[str, Any]] = {(): config}
    for model in reversed(models):
        graphs[model.path] = _Builder(model, graphs, version, notes).build()
    for model in models:
        raw.update({(*model.path, entry.name): entry.raw for entry in model.entries})
    return Architecture(
        graph=graphs[()],
        class_name=models[0].class_name,
        file_order={model.path: tuple(_listed(model)) for model in models if model.kind != "opaque"},
        raw=raw,
        notes=tuple(notes),
        has_graph=models[0].kind != "opaque",
    )


def _listed(model: ModelObject) -> Iterable[str]:
    hidden = _listed_input(model)
    return (entry.name for entry in model.entries if entry is not hidden and not entry.is_op)


def _listed_input(model: ModelObject) -> Entry | None:
    """The InputLayer that a Sequential lists first: its input, not a layer."""
    first = model.entries[0] if model.entries else None
    return first if model.kind == "sequential" and first and first.class_name == "InputLayer" else None


class _Builder:
    """Makes the graph of one model; the graphs of its sub-models are there already."""

    def __init__(self, model: ModelObject, graphs: Mapping[LayerPath, Graph], version: str, notes: list[Note]) -> None:
        self.model = model
        self.graphs = graphs
        self.version = version
        self.notes = notes
        self.names = {entry.name: entry for entry in model.entries}

    def build(self) -> Graph:
        if self.model.kind == "opaque":
            return Graph(name=self.model.name, has_edges=False)
        return self._sequential() if self.model.kind == "sequential" else self._functional()

    def note(self, text: str, *names: str) -> None:
        self.notes.append(Note(format_path((*self.model.path, *names)), text))

    def _layer(self, entry: Entry, calls: tuple[Call, ...]) -> Layer:
        path = (*self.model.path, entry.name)
        return Layer(
            name=entry.name,
            class_name=entry.class_name,
            config={} if entry.is_model else canonical_config(entry.class_name, entry.config),
            calls=calls,
            body=self.graphs.get(path),
            canonical_class=canonical_class(entry.class_name),
            kind="op" if entry.is_op else "layer",
            trainable=self.model.trainable and entry.config.get("trainable", True) is not False,
        )

    # Sequential: a chain ---------------------------------------------------------------------------------------------

    def _sequential(self) -> Graph:
        listed = _listed_input(self.model)
        entries = [entry for entry in self.model.entries if entry is not listed]
        if not entries:
            return Graph(name=self.model.name)
        config = listed.config if listed else entries[0].config
        shape = next(
            (found for key in ("batch_shape", "batch_input_shape") if (found := as_shape(config.get(key))) is not None),
            as_shape(self.model.config.get("build_input_shape")),
        )
        name = listed.name if listed else self._input_name(entries[0])
        layers = []
        previous = start = TensorRef(name)
        for entry in entries:
            layers.append(self._layer(entry, (Call((previous,)),)))
            previous = TensorRef(entry.name)
        dtype = config.get("dtype")
        return Graph(
            tuple(layers),
            (start,),
            (previous,),
            self.model.name,
            input_shapes=(shape,),
            input_dtypes=(dtype if isinstance(dtype, str) else "float32",),
        )

    def _input_name(self, first: Entry) -> str:
        name = "input_layer" if self.version >= "3" else f"{first.name}_input"
        while name in self.names:
            name += "_"
        return name

    # Functional: inbound nodes ---------------------------------------------------------------------------------------

    def _functional(self) -> Graph:
        nodes = {entry.name: self._nodes(entry) for entry in self.model.entries}
        inputs = self._model_refs("input_layers")
        outputs = self._model_refs("output_layers")
        modern = any(
            isinstance(node, dict)
            for entry in self.model.entries
            for node in (entry.raw.get("inbound_nodes") or ())[:1]
        )
        resolve = _Resolver(self, nodes, [*inputs, *outputs], modern=modern)
        calls = {
            entry.name: tuple(self._call(node, entry, resolve) for node in nodes[entry.name])
            for entry in self.model.entries
        }
        order, cyclic = topological(calls)
        if cyclic:
            self.note(f"the connections form a cycle at {', '.join(cyclic[:5])}")
        layers = tuple(self._layer(self.names[name], calls[name]) for name in order)
        ends = [ref for raw in outputs if (ref := resolve(raw, outer=True)) is not None]
        starts = [ref for raw in inputs if (ref := resolve(raw, outer=True)) is not None]
        configs = [self.names[ref.layer].config for ref in starts]
        return Graph(
            layers,
            tuple(starts),
            tuple(ends),
            self.model.name,
            input_shapes=tuple(_batch_shape(config) for config in configs),
            input_dtypes=tuple(str(config.get("dtype") or "float32") for config in configs),
        )

    def _nodes(self, entry: Entry) -> list[Node]:
        try:
            nodes = read_nodes(entry.raw.get("inbound_nodes"), self.names)
        except ValueError as error:
            self.note(f"connections unreadable: {error}", entry.name)
            return []
        if not nodes and entry.class_name == "InputLayer":
            return [Node()]
        return nodes

    def _call(self, node: Node, entry: Entry, resolve: _Resolver) -> Call:
        found = [(ref, raw.keyword) for raw in node.refs if (ref := resolve(raw, user=entry.name)) is not None]
        if not found and entry.class_name != "InputLayer":
            self.note("connections incomplete in the file", entry.name)
        keywords = tuple(keyword for _, keyword in found)
        return Call(tuple(ref for ref, _ in found), keywords if any(keywords) else (), node.kwargs)

    def _model_refs(self, key: str) -> list[RawRef]:
        try:
            return read_refs(self.model.config.get(key))
        except ValueError as error:
            self.note(f"`{key}` unreadable: {error}")
            return []


def _batch_shape(config: Mapping[str, Any]) -> Shape | None:
    shape = as_shape(config.get("batch_shape"))
    return shape if shape is not None else as_shape(config.get("batch_input_shape"))


class _Resolver:
    """Node indices as written -> which call of the layer inside this model.

    Keras counts from 1 where a nested model has a first node of its own: always up to Keras 2, and in Keras 3 only
    in `input_layers` and `output_layers` and for nested Functionals.
    """

    def __init__(
        self, builder: _Builder, nodes: Mapping[str, Sequence[Node]], outer: Sequence[RawRef], *, modern: bool
    ) -> None:
        self.builder = builder
        self.counts = {name: len(made) for name, made in nodes.items()}
        inner = (ref for made in nodes.values() for node in made for ref in node.refs)
        self.first = {False: self._firsts(inner if modern else [*inner, *outer], modern=modern, outer=False)}
        self.first[True] = self._firsts(outer, modern=True, outer=True) if modern else self.first[False]

    def _firsts(self, refs: Iterable[RawRef], *, modern: bool, outer: bool) -> dict[str, int]:
        """The index of the first call of every nested model, from the dialect and corrected by what is used."""
        used: dict[str, set[int]] = {}
        for ref in refs:
            used.setdefault(ref.layer, set()).add(ref.node)
        firsts = {}
        for entry in self.builder.model.entries:
            if entry.is_model:
                functional = "output_layers" in entry.config
                first = int(not modern or (outer and functional))
                indices = used.get(entry.name, {first})
                if min(indices) < first:
                    first = 0
                elif first == 0 and min(indices) > 0 and max(indices) >= self.counts[entry.name]:
                    first = 1
                firsts[entry.name] = first
        return firsts

    def __call__(self, ref: RawRef, *, user: str = "", outer: bool = False) -> TensorRef | None:
        names = (user,) if user else ()
        if ref.layer not in self.builder.names:
            self.builder.note(f"takes a tensor of {ref.layer!r}, which is not in the file", *names)
            return None
        call = ref.node - self.first[outer].get(ref.layer, 0)
        last = max(self.counts[ref.layer] - 1, 0)
        if not 0 <= call <= last:
            self.builder.note(f"takes call {ref.node} of {ref.layer!r}, which the file does not have", *names)
            call = last
        return TensorRef(ref.layer, call, max(ref.tensor, 0))
