# Keras 3's weight store (and that of Keras 2.12 to 2.15) put together with a config, or without one: then the layers
# are what the store shows, under the names it tells, with no connections.
"""A v3 weight store -> graph and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modeldiff.graph import Fact, Graph, Holder, Layer, LayerPath, Note, Weight, format_path
from modeldiff.loader.assembly import amount, free_name, into_bodies, lacking, weight, with_weights
from modeldiff.loader.class_counter import counted, snake_case
from modeldiff.loader.hdf5_objects import printable
from modeldiff.loader.keras_config import Architecture
from modeldiff.loader.model_objects import DEEPEST
from modeldiff.loader.parts import Parts
from modeldiff.loader.roles import Slot
from modeldiff.loader.store_paths import CONTAINERS, class_of, container, match, natural, ranked
from modeldiff.loader.store_roles import guess, likely, weights_of
from modeldiff.loader.store_sharing import repeated, share
from modeldiff.loader.store_tree import Node

_BESIDE = {"optimizer", "metrics", "compiled_metrics", "_compile_metrics", "_loss_tracker", "_metrics"}
"""What a stored model holds besides its layers."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store adds to a model."""

    graph: Graph
    weights: tuple[Weight, ...]
    optimizer_weights: tuple[Weight, ...]
    notes: tuple[Note, ...]
    name: str
    """The model's own name, where the store tells it."""
    holders: tuple[Holder, ...]
    """The objects that keep variables, metrics too; not the optimizer, which loads in its own way."""


def is_store(tree: Node) -> bool:
    """Whether the groups of an HDF5 file have this layout: somewhere in them an object keeps variables.

    A subclassed model has no list of layers, and Keras 3.0 to 3.5 wrote no group for a model without own variables.
    """
    return not tree.children.keys().isdisjoint(CONTAINERS) or any(node.has_vars for node in tree.walk())


def fill(tree: Node, architecture: Architecture | None) -> Contents:
    """The graph of `architecture` with the weights of the store; without one the layers the store shows."""
    notes: list[Note] = []
    has_graph = architecture and architecture.has_graph
    graph = _placed(tree, architecture, notes) if architecture and has_graph else _shown(tree, notes)
    optimizer = tree.children.get("optimizer")
    state = _optimizer(optimizer) if optimizer else ()
    return Contents(graph, _numbered(tree), state, tuple(notes), tree.name, tuple(_holders(tree)))


def told_names(tree: Node, config: Mapping[str, Any]) -> list[str]:
    """What the store calls the layers of the config, in their order: a person's class may leave its name out of that.

    "" where it tells none, as up to Keras 3.5.
    """
    holder, listed = container(tree), config.get("config")
    layers = listed.get("layers") if isinstance(listed, dict) else None
    if holder is None or holder[0] != CONTAINERS[0] or not isinstance(layers, list):
        return []
    classes = [_python_class(one) if isinstance(one, dict) else "" for one in layers]
    keys = counted(map(snake_case, classes))
    return [holder[1].children[key].name if key in holder[1].children else "" for key in keys]


def _holders(tree: Node) -> Iterator[Holder]:
    for node in tree.walk():
        if node.has_vars and node.path[:1] != ("optimizer",):
            tensors = ((printable(node.stored_as(key)), array.shape) for key, array in node.numbered())
            yield Holder(printable("/".join(node.path)), tuple(tensors))


def _placed(tree: Node, architecture: Architecture, notes: list[Note]) -> Graph:
    parts = Parts(architecture)
    weights: dict[LayerPath, tuple[Weight, ...]] = {}
    absent: list[LayerPath] = []
    elsewhere = repeated(architecture)
    stack: list[tuple[LayerPath, Node]] = [((), tree)]
    while stack:
        path, node = stack.pop()
        names = architecture.file_order[path]
        paths = {name: (*path, name) for name in names}
        layers = [(name, _python_class(architecture.raw[paths[name]])) for name in names]
        holder = container(node)
        again = {name for name, here in paths.items() if here in elsewhere}
        ranked = holder is not None and holder[0] != CONTAINERS[0]
        found = match(holder[1].children, layers, ranked=ranked, repeated=again) if holder else {}
        used = set(map(id, found.values()))
        for name, here in paths.items():
            if name not in found:
                absent.append(here)
            elif here in architecture.file_order:
                stack.append((here, found[name]))
                weights[here] = _numbered(found[name])
            else:
                weights[here] = tuple(weights_of(parts.of(here), found[name]))
        inner = {**node.children, **(holder[1].children if holder else {})}
        for key in sorted(inner.keys() - {*CONTAINERS, *(_BESIDE if not path else ())}):
            count = sum(len(below.arrays) for below in inner[key].walk())
            if id(inner[key]) not in used and count:
                told = inner[key].name or key
                text = f"the file has {amount(count)} of {told!r}, which is no layer of the configuration"
                notes.append(Note(format_path(path), text, Fact.ORPHAN_WEIGHTS))
    share(architecture.graph, weights, absent)
    done = into_bodies(architecture.graph, weights)
    notes += lacking(architecture.graph, parts, done)
    return with_weights(architecture.graph, done, {})


def _python_class(raw: Mapping[str, Any]) -> str:
    return str(raw.get("class_name", "")).rpartition(">")[2]


def _optimizer(node: Node) -> tuple[Weight, ...]:
    base = len(node.path)
    return tuple(
        weight(Slot("/".join((*below.path[base:], key)), trainable=False), array, below.stored_as(key))
        for below in node.walk()
        for key, array in below.numbered()
    )


# Without a config ----------------------------------------------------------------------------------------------------


def _shown(tree: Node, notes: list[Note]) -> Graph:
    """The objects of a store as layers: what lies in a list is told by its class, the rest by its attribute."""
    bodies: dict[int, list[Layer]] = {}
    order: list[tuple[Node, list[tuple[str, str, Node]]]] = []
    stack = [(tree, 0)]
    while stack:
        model, depth = stack.pop()
        members = list(_members(model, is_root=model is tree))
        order.append((model, members))
        nested = [(wrapped, depth + 1) for _, _, node in members if (wrapped := _model_in(node))]
        if nested and depth >= DEEPEST:
            notes.append(Note("", f"models nested deeper than {DEEPEST} are shown as one layer"))
        else:
            stack.extend(nested)
    for model, members in reversed(order):
        taken: set[str] = set()
        names = Counter(node.name for _, _, node in members)
        listed = [path for path, _, _ in members if path.partition("/")[0] in CONTAINERS]
        places = dict(zip(listed, ranked([path.partition("/")[2] for path in listed]), strict=True))
        layers = []
        for path, class_name, node in members:
            name = free_name(printable(node.name if node.name and names[node.name] == 1 else path), taken)
            inner = bodies.get(id(_model_in(node)))
            part = guess(class_name, node) or (None if class_name else likely(node))
            layers.append(
                Layer(
                    name=name,
                    class_name=class_name,
                    weights=tuple(weights_of(part, node)) if inner is None else _numbered(node),
                    body=None if inner is None else Graph(tuple(inner), name=name, has_edges=False),
                    store_name=places.get(path, ""),
                    has_name=bool(node.name),
                )
            )
        bodies[id(model)] = layers
    return Graph(tuple(bodies[id(tree)]), name=tree.name, has_edges=False)


def _model_in(node: Node) -> Node | None:
    """The model that a stored object is or, as a TimeDistributed, wraps."""
    wrapped = node.children.get("layer")
    if container(node) or not wrapped or node.arrays:
        return node if container(node) else None
    return wrapped if container(wrapped) else None


def _numbered(node: Node) -> tuple[Weight, ...]:
    return tuple(weight(Slot(key), array, node.stored_as(key)) for key, array in node.numbered())


def _members(model: Node, *, is_root: bool) -> list[tuple[str, str, Node]]:
    """The layers of a stored model: path inside it, class where the path tells it, group."""
    found = []
    stack = [(key, False, child) for key, child in _sorted(model)]
    while stack:
        path, in_list, node = stack.pop()
        if is_root and path.partition("/")[0] in _BESIDE:
            continue
        is_list = not node.has_vars and node.path[-1].partition("_")[0] == "container"  # a list in a list
        if not is_list and (node.has_vars or in_list or not node.children):
            found.append((path, class_of(node.path[-1]) if in_list else "", node))
        else:
            stack.extend((f"{path}/{key}", True, child) for key, child in _sorted(node))
    return found


def _sorted(node: Node) -> list[tuple[str, Node]]:
    """Last first, for a stack; `dense_10` after `dense_9`."""
    return sorted(node.children.items(), key=lambda item: natural(item[0]), reverse=True)
