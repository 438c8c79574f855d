# A model as a person thinks of it: layers with stable ids. A name is only what is written on a layer; an edit may
# change every name and every class, and the id still says which layer it is. So the true pairs of two specs are
# the ids that stand in both, and nobody has to write them down.
"""Models as specs: `Node`, `Spec`, and `Draft`, which writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Ref = tuple[str, int, int]
"""One tensor: the id of the layer that makes it, which call, which output."""

Call = tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One layer or sub-model."""

    id: str
    """Unique in the whole model, at every depth; survives edits."""
    cls: str
    """Keras' class; `Functional` or `Sequential` where there is a body."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Constructor arguments. An inner layer of a wrapper is a pair (class, arguments)."""
    calls: tuple[Call, ...] = ()
    name: str = ""
    """What a person calls it; the builder uses it where the naming says so."""
    body: Spec | None = None
    lineage: str = ""
    """Whose weights it has where its own class says otherwise (a class that was only renamed)."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A model or a sub-model. `nodes` stand in the order in which the code makes them."""

    nodes: tuple[Node, ...]
    outputs: tuple[Ref, ...]
    sequential: bool = False
    """Its InputLayer is then the first node, but no layer in the file."""
    blocks: tuple[tuple[str, ...], ...] = ()
    """Groups of ids that take one tensor and give one of the same shape: what people copy, move and delete."""

    def node(self, identity: str) -> Node:
        """The node of this graph with this id.

        Raises:
            KeyError: it is not in this graph.
        """
        for node in self.nodes:
            if node.id == identity:
                return node
        raise KeyError(identity)

    def consumers(self, identity: str) -> list[str]:
        """Ids of the nodes of this graph that take a tensor of `identity`."""
        return [node.id for node in self.nodes if any(ref[0] == identity for call in node.calls for ref in call)]

    def walk(self, parents: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Spec, Node]]:
        """Every node with the ids of the sub-models around it and the graph it stands in."""
        for node in self.nodes:
            yield parents, self, node
            if node.body is not None:
                yield from node.body.walk((*parents, node.id))

    def listed(self) -> dict[str, tuple[tuple[str, ...], Node]]:
        """Every node that is a layer in the file, by id, with the ids of the sub-models around it."""
        return {
            node.id: (parents, node)
            for parents, graph, node in self.walk()
            if not (graph.sequential and node.cls == "InputLayer")
        }

    def mapped(self, change: Callable[[Node], Node]) -> Spec:
        """`change` applied to every node at every depth; ids stay."""
        nodes = []
        for node in self.nodes:
            body = node.body.mapped(change) if node.body is not None else None
            nodes.append(change(replace(node, body=body)))
        return replace(self, nodes=tuple(nodes))


class Draft:
    """Writes a spec line by line, as one writes a functional model."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._blocks: list[tuple[str, ...]] = []

    def input(self, identity: str, *shape: int | None, dtype: str = "float32") -> Ref:
        """A model input; `shape` is without the batch."""
        self._nodes[identity] = Node(identity, "InputLayer", {"shape": shape, "dtype": dtype}, ((),), identity)
        return (identity, 0, 0)

    def add(self, identity: str, cls: str, *inputs: Ref, body: Spec | None = None, **config: Any) -> Ref:
        """A layer and its first call."""
        self._nodes[identity] = Node(identity, cls, config, (tuple(inputs),), identity, body)
        return (identity, 0, 0)

    def again(self, identity: str, *inputs: Ref) -> Ref:
        """One more call of a layer that is there."""
        node = self._nodes[identity]
        self._nodes[identity] = replace(node, calls=(*node.calls, tuple(inputs)))
        return (identity, len(node.calls), 0)

    def block(self, start: int) -> None:
        """What was added since `mark` returned `start` keeps the shape of its input."""
        self._blocks.append(tuple(self._nodes)[start:])

    def mark(self) -> int:
        """Where a block begins."""
        return len(self._nodes)

    def spec(self, *outputs: Ref, sequential: bool = False) -> Spec:
        """The finished model."""
        return Spec(tuple(self._nodes.values()), outputs, sequential, tuple(self._blocks))


_NUMBER = re.compile(r"(?P<stem>\D*?)(?P<number>\d+[a-z]?)(?P<rest>.*)")


def renumbered(spec: Spec) -> Spec:
    """Numbers in names count through again, as a person makes them after inserting `block2b`."""
    groups: dict[str, dict[str, int]] = {}

    def rename(node: Node) -> Node:
        match = _NUMBER.fullmatch(node.name)
        if not match:
            return node
        seen = groups.setdefault(match["stem"], {})
        number = seen.setdefault(match["number"], len(seen) + 1)
        return replace(node, name=f"{match['stem']}{number}{match['rest']}")

    return spec.mapped(rename)
