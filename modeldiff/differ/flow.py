# A model as one flow of data: sub-models are looked through, so that a chain moved into a sub-model keeps its
# neighbours and its place. The order of the layers comes from the graph alone (Keras versions list the layers of
# one model differently): depth first from the outputs, arguments in order. Rejected: Kahn's order with ties by
# name (names change) or by file order (it is not the model's).
"""`Flow`: every layer of a model with its producers and consumers, across the borders of sub-models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from modeldiff.graph import Call, Graph, Layer, LayerPath, Model, TensorRef

ROOT = -1
"""The index of the root model where a parent is asked for."""

COMMUTATIVE = frozenset({"Add", "Multiply", "Average", "Maximum", "Minimum"})
"""Classes whose inputs may stand in any order."""


class Role(Enum):
    """What a node is in the flow."""

    LEAF = "leaf"
    """Computes something, or feeds the whole model."""
    PORT = "port"
    """An input of a sub-model: what the sub-model is called with flows through it."""
    MODEL = "model"
    """A sub-model: its layers flow, not itself."""
    UNLISTED = "unlisted"
    """An input of the model that the file names but does not list as a layer (a Sequential's)."""


@dataclass(slots=True)
class Node:
    """One layer in the flow."""

    path: LayerPath
    layer: Layer
    role: Role
    parent: int
    """Index of the sub-model around it, or `ROOT`."""
    producers: list[tuple[int, int]] = field(default_factory=list)
    """(node, output) of every tensor it takes, call after call; sub-models and their ports are looked through."""
    consumers: list[int] = field(default_factory=list)


_Tensor = tuple[int, TensorRef]
"""A tensor, and the index of the sub-model (or `ROOT`) in whose graph it is."""


@dataclass
class Flow:
    """A model flattened."""

    nodes: list[Node]
    order: list[int]
    """The leaves and the unlisted inputs, in an order that follows from the graph alone."""
    index: dict[LayerPath, int]
    ends: frozenset[int]
    """The leaves that make the model's outputs."""

    def __getitem__(self, node: int) -> Node:
        return self.nodes[node]

    @cached_property
    def beside(self) -> tuple[list[Sequence[int]], list[Sequence[int]]]:
        """Of every node the nodes below it, and those above it, each once."""
        above = (tuple(dict.fromkeys([producer for producer, _ in node.producers])) for node in self.nodes)
        return [node.consumers for node in self.nodes], list(above)

    @cached_property
    def connections(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The upper and the lower ends of all connections between two nodes, each once."""
        above = self.beside[1]
        uppers = np.array(list(chain.from_iterable(above)), np.int64)
        return uppers, np.repeat(np.arange(len(above)), list(map(len, above)))

    def is_flowing(self, node: int) -> bool:
        """Whether the node is in the order: no sub-model and none of its ports."""
        return self.nodes[node].role in (Role.LEAF, Role.UNLISTED)


class _Builder:
    """Nodes first, then connections, since a connection may lead into any sub-model."""

    def __init__(self, model: Model) -> None:
        self.nodes: list[Node] = []
        self.names: dict[int, dict[str, int]] = {}
        self.graphs: dict[int, Graph] = {}
        self.resolved: dict[_Tensor, tuple[tuple[int, int], ...]] = {}
        self.add_graph(model.graph, ROOT, ())

    def add_graph(self, root: Graph, parent: int, prefix: LayerPath) -> None:
        waiting = [(root, parent, prefix)]
        while waiting:
            graph, parent, prefix = waiting.pop()
            self.graphs[parent] = graph
            names = self.names[parent] = {}
            ports = {ref.layer for ref in graph.inputs} if parent != ROOT else set()
            for layer in graph.layers:
                role = Role.LEAF
                if layer.body is not None:
                    role = Role.MODEL
                elif layer.name in ports and not any(call.inputs for call in layer.calls):
                    role = Role.PORT
                names[layer.name] = len(self.nodes)
                self.nodes.append(Node((*prefix, layer.name), layer, role, parent))
                if layer.body is not None:
                    waiting.append((layer.body, names[layer.name], (*prefix, layer.name)))
            for position, ref in enumerate(graph.inputs):
                if ref.layer not in names:
                    names[ref.layer] = len(self.nodes)
                    shape = (graph.input_shapes or (None,) * len(graph.inputs))[position]
                    config = {} if shape is None else {"batch_shape": list(shape)}
                    unlisted = Layer(ref.layer, "InputLayer", config, (Call(),))
                    role = Role.UNLISTED if parent == ROOT else Role.PORT
                    self.nodes.append(Node((*prefix, ref.layer), unlisted, role, parent))

    def sources(self, graph: int, ref: TensorRef) -> tuple[tuple[int, int], ...]:
        """The leaves that make this tensor; several where a shared sub-model is called with several tensors.

        The way to them may lead through thousands of sub-models, hence no recursion.
        """
        index = self.names[graph].get(ref.layer)
        if index is not None and self.nodes[index].role is Role.LEAF:  # as most are
            return ((index, ref.output),)
        wanted = (graph, ref)
        waiting, behind = [wanted], dict[_Tensor, tuple[_Tensor, ...]]()
        while wanted not in self.resolved:
            tensor = waiting[-1]
            if tensor in self.resolved:
                waiting.pop()
            elif tensor in behind:  # all behind it is known now; in a damaged file, except what it is behind itself
                found = (leaf for one in behind[tensor] for leaf in self.resolved.get(one, ()))
                self.resolved[tensor] = tuple(dict.fromkeys(found))
            else:
                behind[tensor] = self._behind(*tensor)
                waiting += (one for one in behind[tensor] if one not in behind)
        return self.resolved[wanted]

    def _behind(self, graph: int, ref: TensorRef) -> tuple[_Tensor, ...]:
        """The tensors that a border of a sub-model lets through; a tensor that a leaf makes is resolved at once."""
        index = self.names[graph].get(ref.layer)
        if index is None:
            return ()
        node = self.nodes[index]
        if node.role is Role.MODEL:
            outputs = self.graphs[index].outputs
            if ref.output < len(outputs):
                return ((index, outputs[ref.output]),)
        if node.role is Role.PORT:
            slots = [k for k, port in enumerate(self.graphs[graph].inputs) if port.layer == ref.layer]
            outer = self.nodes[graph]
            return tuple(
                (outer.parent, call.inputs[slot])
                for call in outer.layer.calls
                for slot in slots
                if slot < len(call.inputs)
            )
        self.resolved[graph, ref] = ((index, ref.output),)
        return ()

    def connect(self) -> None:
        for index, node in enumerate(self.nodes):
            if node.role is not Role.LEAF:
                continue
            for call in node.layer.calls:
                for ref in call.inputs:
                    node.producers.extend(self.sources(node.parent, ref))
            for producer, _ in node.producers:
                consumers = self.nodes[producer].consumers
                if not consumers or consumers[-1] != index:
                    consumers.append(index)

    def ends(self) -> list[int]:
        return [node for ref in self.graphs[ROOT].outputs for node, _ in self.sources(ROOT, ref)]

    def in_order(self) -> list[int]:
        order: list[int] = []
        seen: set[int] = set()
        self.descend(self.ends(), seen, order)
        flowing = [i for i, node in enumerate(self.nodes) if node.role in (Role.LEAF, Role.UNLISTED) and i not in seen]
        if flowing:
            bare = [i for i in flowing if not self.nodes[i].producers and not self.nodes[i].consumers]
            ends = [i for i in flowing if not self.nodes[i].consumers and self.nodes[i].producers]
            ends.sort(key=lambda i: (self.nodes[i].layer.class_name, repr(self.nodes[i].layer.config)))
            for start in (bare, ends, flowing):
                self.descend(start, seen, order)
        return order

    def descend(self, starts: Iterable[int], seen: set[int], order: list[int]) -> None:
        for start in starts:
            stack = [(start, iter(self.nodes[start].producers))] if start not in seen else []
            seen.add(start)
            while stack:
                node, producers = stack[-1]
                for step, _ in producers:
                    if step not in seen:
                        seen.add(step)
                        stack.append((step, iter(self.nodes[step].producers)))
                        break
                else:
                    order.append(node)
                    stack.pop()


def flow(model: Model) -> Flow:
    """The flow of a model."""
    builder = _Builder(model)
    builder.connect()
    index = {node.path: i for i, node in enumerate(builder.nodes)}
    return Flow(builder.nodes, builder.in_order(), index, frozenset(builder.ends()))


def arguments(node: Node) -> Sequence[tuple[int, int]]:
    """The tensors a node takes, in an order that means something: sorted where the class does not care."""
    return sorted(node.producers) if node.layer.canonical_class in COMMUTATIVE else node.producers
