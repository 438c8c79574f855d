# One model object -> one graph. Bodies are built before the models around them, so that their output shapes and
# frozen layers are known; within a model, layers are built in topological order, so that shapes flow forward.
"""The graph of one model: `build`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from modeldiff.graph import Call, Graph, Layer, LayerPath, Note, Shape, TensorRef, format_path
from modeldiff.loader import values
from modeldiff.loader.canonical import canonical_config
from modeldiff.loader.class_counter import counted, snake_case
from modeldiff.loader.connections import Node, RawRef, as_shape, read_ends, read_nodes
from modeldiff.loader.implicit import explicit
from modeldiff.loader.keras1 import lacks_ordering
from modeldiff.loader.layer_objects import (
    batch_shape,
    build_shape,
    class_of,
    dtype_of,
    is_operation,
    is_unfrozen,
    model_class,
)
from modeldiff.loader.model_objects import Entry, ModelObject, inner_connections
from modeldiff.loader.node_indices import Resolver, resolver_of
from modeldiff.loader.shapes import infer
from modeldiff.loader.tables import MODEL_KEYS, WEIGHTLESS
from modeldiff.loader.topology import topological

_KEYS = 20_000
"""Keys in the config of one layer, at every depth."""


@dataclass(frozen=True, slots=True)
class Built:
    """A graph and what the model around it must know."""

    graph: Graph
    output_shapes: tuple[Shape | None, ...] = ()
    is_frozen: bool | None = None
    """True where no layer with weights is trainable; None where no layer has weights."""


def build(model: ModelObject, built: Mapping[LayerPath, Built], version: str, notes: list[Note]) -> Built:
    """The graph of `model`, given those of its sub-models; `version` is that of Keras, "" where unknown."""
    if model.kind == "opaque":
        return Built(Graph(name=model.name, has_edges=False))
    builder = _Builder(model, built, version, notes)
    return builder.sequential() if model.kind == "sequential" else builder.functional()


class Plan(NamedTuple):
    """What follows from a layer's object alone: one plan for layers that are alike."""

    class_name: str
    """Today's."""
    config: Mapping[str, Any]
    """Canonical."""
    rule: str
    """The name of the rule that tells its output shapes; "" where none may."""
    is_operation: bool
    is_unfrozen: bool


@dataclass(slots=True)
class _Builder:
    model: ModelObject
    built: Mapping[LayerPath, Built]
    version: str
    notes: list[Note]
    shapes: dict[TensorRef, Shape] = field(default_factory=dict)
    """Of every tensor that is known: first what the file tells, then what the rules add."""
    deeper: dict[str, list[Any]] | None = None
    widths: dict[str, int] = field(default_factory=dict)
    """How many outputs a layer has at least."""
    store_names: dict[str, str] = field(init=False)
    plans: dict[tuple[int, bool, int | None], Plan] = field(default_factory=dict)
    """By what they follow from: which object the layer is like, whether it is an operation, the rank of its input."""
    inferred: dict[tuple[Any, ...], tuple[Shape, ...] | None] = field(default_factory=dict)
    """The output shapes of calls without constants, by the identity of the plan and the shapes of the inputs."""

    def __post_init__(self) -> None:
        listed = self.model.listed
        names = counted(snake_case(entry.class_name) for entry in listed)
        self.store_names = {entry.name: name for entry, name in zip(listed, names, strict=True)}

    def note(self, text: str, name: str = "") -> None:
        path = (*self.model.path, name) if name else self.model.path
        self.notes.append(Note(format_path(path), text))

    def finish(self, layers: Sequence[Layer], inputs: Sequence[TensorRef], outputs: Sequence[TensorRef],
               dtypes: Sequence[str]) -> Built:  # fmt: skip
        graph = Graph(
            tuple(layers),
            tuple(inputs),
            tuple(outputs),
            self.model.name,
            input_shapes=tuple(self.shapes.get(ref) for ref in inputs),
            input_dtypes=tuple(dtypes),
            listed=tuple(entry.name for entry in self.model.listed),
        )
        flags = [layer.trainable for layer in layers if self.has_weights(layer)]
        frozen = not any(flags) if flags else None
        return Built(graph, tuple(self.shapes.get(ref) for ref in outputs), frozen)

    def has_weights(self, layer: Layer) -> bool:
        if layer.kind == "op":
            return False
        if layer.body is not None:
            path = (*self.model.path, layer.name)
            return self.built[path].is_frozen is not None
        return layer.canonical_class not in WEIGHTLESS

    # Sequential: a chain ---------------------------------------------------------------------------------------------

    def sequential(self) -> Built:
        """Its InputLayer, listed or not, is no layer of the graph but the name of the graph's input."""
        chain = self.model.chain
        listed = chain[0] if chain and chain[0].class_name == "InputLayer" else None
        chain = chain[1:] if listed else chain
        branches, chain = chain[: self.model.branches], chain[self.model.branches :]
        heads = branches or chain[:1]
        starts, dtypes = [], []
        for head in heads:
            ref = TensorRef(listed.name if listed else self.input_name(head))
            shape = self.start_shape(head, listed)
            if shape is not None:
                self.shapes[ref] = shape
            starts.append(ref)
            dtypes.append(dtype_of((listed or head).config))
        calls: dict[str, list[Call]] = {}
        previous = tuple(starts)
        if branches:
            calls = {entry.name: [Call((ref,))] for entry, ref in zip(branches, starts, strict=True)}
            previous = tuple(TensorRef(entry.name) for entry in branches)
        for entry in chain:
            made = calls.setdefault(entry.name, [])
            previous, taken = (TensorRef(entry.name, len(made)),), previous
            made.append(Call(taken))
        layers = self.layers({entry.name: entry for entry in [*branches, *chain]}, calls)
        return self.finish(layers, starts, previous if layers else (), dtypes)

    def input_name(self, head: Entry) -> str:
        if self.version.startswith("1"):
            name = f"{head.class_name.lower()}_input_1"
        elif self.version[:1] > "2":
            name = "input_layer"
        else:
            name = f"{head.name}_input"
        taken = {entry.name for entry in self.model.entries}
        while name in taken:
            name += "_"
        return name

    def start_shape(self, head: Entry, listed: Entry | None) -> Shape | None:
        inner = self.body(head)
        found = (
            batch_shape(listed.config) if listed else None,
            batch_shape(head.config),
            as_shape(self.model.config.get("build_input_shape")),
            inner.graph.input_shapes[0] if inner and inner.graph.input_shapes and head.is_model else None,
            build_shape(head),
        )
        return next((shape for shape in found if shape is not None), None)

    # Functional: inbound nodes ---------------------------------------------------------------------------------------

    def functional(self) -> Built:
        entries = {entry.name: entry for entry in self.model.entries}
        nodes = {name: self.nodes(entry, entries) for name, entry in entries.items()}
        inputs, outputs = self.ends("input_layers"), self.ends("output_layers")
        resolver = resolver_of(entries, nodes, [*inputs, *outputs], self.note)
        known = [
            [(ref, raw.keyword) for raw in side if (ref := resolver.end(raw)) is not None] for side in (inputs, outputs)
        ]
        starts, ends = ([ref for ref, _ in side] for side in known)
        keys = [tuple(key for _, key in side) if any(key for _, key in side) else () for side in known]
        dtypes: dict[TensorRef, str] = {}
        written = {
            name: [self.call(node, entries[name], resolver, dtypes) for node in made] for name, made in nodes.items()
        }
        calls = explicit(written, entries, ends, dtypes)
        widths = self.widths
        for ref in (*ends, *(ref for made in calls.values() for call in made for ref in call.inputs)):
            if ref.output >= widths.get(ref.layer, 0):
                widths[ref.layer] = ref.output + 1
        layers = self.layers(entries, calls)
        built = self.finish(layers, starts, ends, [dtype_of(entries[ref.layer].config) for ref in starts])
        return replace(built, graph=replace(built.graph, input_keys=keys[0], output_keys=keys[1]))

    def nodes(self, entry: Entry, entries: Mapping[str, Entry]) -> list[Node]:
        try:
            nodes = read_nodes(entry.raw.get("inbound_nodes"), entries)
        except ValueError as error:
            self.note(f"connections unreadable: {error}", entry.name)
            return []
        if entry.class_name == "InputLayer":
            shape = batch_shape(entry.config)
            if shape is not None:
                self.shapes[TensorRef(entry.name)] = shape
            return nodes or [Node()]
        lost = any(ref.layer not in entries for node in nodes for ref in node.refs)
        if lost and entry.raw.get("inbound_nodes") in self.inside().get(entry.name, ()):
            self.note("its connections here are not in the file, which repeats those in a sub-model", entry.name)
            return [Node(kwargs=node.kwargs) for node in nodes]
        if not all(node.refs for node in nodes):
            self.note("connections incomplete in the file", entry.name)
        return nodes

    def inside(self) -> dict[str, list[Any]]:
        """See `inner_connections`; of this model, read once."""
        if self.deeper is None:
            self.deeper = inner_connections(self.model.entries)
        return self.deeper

    def call(self, node: Node, entry: Entry, resolver: Resolver, dtypes: dict[TensorRef, str]) -> Call:
        refs, keywords = [], []
        for raw in node.refs:
            ref = resolver.inner(raw, entry.name)
            if ref is None:
                continue
            refs.append(ref)
            keywords.append(raw.keyword)
            if raw.shape is not None:
                self.shapes[ref] = raw.shape
            if raw.dtype:
                dtypes[ref] = raw.dtype
        kwargs: Mapping[str, Any] = node.kwargs
        if kwargs:
            try:
                kwargs = {key: values.plain(value, _as_it_is) for key, value in kwargs.items()}
            except ValueError as error:
                self.note(f"call arguments unreadable: {error}", entry.name)
                kwargs = {}
        return Call(tuple(refs), tuple(keywords) if any(keywords) else (), kwargs)

    def ends(self, key: str) -> list[RawRef]:
        try:
            return read_ends(self.model.config.get(key))
        except ValueError as error:
            self.note(f"`{key}` unreadable: {error}")
            return []

    # Layers ----------------------------------------------------------------------------------------------------------

    def layers(self, entries: Mapping[str, Entry], calls: Mapping[str, Sequence[Call]]) -> list[Layer]:
        """Layers in topological order of their first calls; call by call the shapes of their outputs become known."""
        order, cut = topological(calls)
        if cut:
            self.note(f"the connections form a cycle, entered at {', '.join(cut[:3])}")
        plans: dict[str, Plan] = {}
        first: dict[str, tuple[Shape, ...]] = {}
        for name, index in order:
            entry, taken = entries[name], calls[name]
            inputs = [self.shapes.get(ref) for ref in taken[index].inputs] if taken else []
            if index == 0 and entry.class_name != "InputLayer" and (not inputs or inputs[0] is None):
                inputs = [build_shape(entry), *inputs[1:]]
            if name not in plans:
                plans[name] = self.plan(entry, len(inputs[0]) if inputs and inputs[0] is not None else None)
            count = self.spread(entry, plans[name], TensorRef(name, index), inputs, taken)
            if index == 0:
                first[name] = self.known(name, count)
        return [self.layer(entries[name], calls[name], plan, first.get(name) or None) for name, plan in plans.items()]

    def layer(self, entry: Entry, calls: Sequence[Call], plan: Plan, shapes: tuple[Shape, ...] | None) -> Layer:
        body = self.body(entry)
        return Layer(
            name=entry.name,
            class_name=entry.class_name,
            config=plan.config,
            calls=tuple(calls),
            body=body.graph if body else None,
            canonical_class=plan.class_name,
            trainable=entry.is_op or plan.class_name in WEIGHTLESS or self.is_trainable(plan, body),
            output_shapes=shapes,
            kind="op" if plan.is_operation else "layer",
            store_name=self.store_names.get(entry.name, ""),
            has_name=entry.is_named or entry.is_op,
        )

    def body(self, entry: Entry) -> Built | None:
        return self.built.get((*self.model.path, entry.name)) if entry.inner is not None else None

    def is_trainable(self, plan: Plan, body: Built | None) -> bool:
        """A sub-model is trainable where a layer in it is: not every version writes its own flag."""
        if body is not None:
            return not body.is_frozen
        return self.model.trainable and plan.is_unfrozen

    def plan(self, entry: Entry, rank: int | None) -> Plan:
        kind = (id(entry.alike), entry.is_op, rank)
        found = self.plans.get(kind)
        if found is None:
            config = self.config(entry, rank)
            class_name, is_op = class_of(entry), is_operation(entry)
            lacks = self.version.startswith("1") and lacks_ordering(entry.class_name, entry.config)
            rule = "" if lacks else f"op:{class_name}" if is_op else class_name
            found = Plan(class_name, config or {}, rule, is_op, is_unfrozen(entry.config))
            if config is not None:
                self.plans[kind] = found
        return found

    def config(self, entry: Entry, rank: int | None) -> dict[str, Any] | None:
        """The canonical config; None, with a note, where it is left out."""
        config = entry.config
        if entry.is_model:
            config = {key: value for key, value in config.items() if key not in MODEL_KEYS}
        elif entry.inner is not None:
            config = {**config, "layer": model_class(entry.inner)}
        try:
            _check_size(config)
            result = canonical_config(entry.class_name, config, rank)
        except ValueError as error:
            self.note(f"config left out: {error}", entry.name)
            return None
        if entry.is_op and isinstance(config.get("dtype"), str):
            result["dtype"] = config["dtype"]  # what it casts to, no policy with a default
        return result

    def spread(
        self,
        entry: Entry,
        plan: Plan,
        call: TensorRef,
        inputs: Sequence[Shape | None],
        calls: Sequence[Call],
    ) -> int:
        """Make the output shapes of one call known where a rule tells them; returns how many outputs it has."""
        body = self.body(entry)
        found: Sequence[Shape | None] | None = None
        if body is not None:
            found = body.output_shapes if entry.is_model else _over_time(body, inputs)
        elif calls and calls[call.call].kwargs:
            found = self.infer(plan, inputs, calls[call.call].kwargs)
        else:
            same = id(plan), *inputs
            if same not in self.inferred:
                self.inferred[same] = self.infer(plan, inputs)
            found = self.inferred[same]
        for number, shape in enumerate(found or ()):
            if shape is not None:
                self.shapes.setdefault(TensorRef(call.layer, call.call, number), shape)
        return len(found or ())

    def infer(
        self, plan: Plan, inputs: Sequence[Shape | None], kwargs: Mapping[str, Any] | None = None
    ) -> tuple[Shape, ...] | None:
        return infer(plan.rule, plan.config, inputs, kwargs, is_keras3=self.version[:1] > "2")

    def known(self, name: str, count: int) -> tuple[Shape, ...]:
        """The shapes of the first call's outputs: all `count` of them, or as many as the file tells."""
        found: list[Shape] = []
        while not count or len(found) < count:
            shape = self.shapes.get(TensorRef(name, 0, len(found)))
            if shape is None:
                return () if len(found) < max(count, self.widths.get(name, 0)) else tuple(found)
            found.append(shape)
        return tuple(found)


def _over_time(body: Built, inputs: Sequence[Shape | None]) -> list[Shape | None]:
    """What a wrapper applies to every step."""
    if not inputs or inputs[0] is None or len(inputs[0]) < 2:
        return []
    steps = inputs[0][1]
    return [None if shape is None else (shape[0], steps, *shape[1:]) for shape in body.output_shapes if shape != ()]


def _check_size(config: Mapping[str, Any]) -> None:
    """Every key becomes a row of the report.

    Raises:
        ValueError: there are too many.
    """
    left = _KEYS
    waiting: list[Any] = [config]
    for value in waiting:
        if isinstance(value, dict):
            left -= len(value)
        if left < 0:
            raise ValueError(f"it has more than {_KEYS:,} keys")
        inner = value.values() if isinstance(value, dict) else value
        waiting.extend(item for item in inner if isinstance(item, dict | list))


def _as_it_is(class_name: str, config: Mapping[str, Any], depth: int) -> Any:
    """Objects among call arguments: no layer's config."""
    return {
        "class_name": class_name,
        "config": {key: values.plain(value, _as_it_is, depth + 1) for key, value in config.items()},
    }
