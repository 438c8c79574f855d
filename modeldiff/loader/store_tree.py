# The v3 weight store as a plain tree, read once: every group with its numbered datasets and the layer's own name.
# The rest of the reader then works on the tree and never on HDF5, so that shards (the same group in several files,
# also where the index omits one) are nothing but a union of trees.
"""HDF5 groups of the v3 store -> `Node`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from modeldiff.graph import Note
from modeldiff.loader.hdf5_objects import Array, Group, Refused

DEEPEST = 5000
"""Groups inside groups; a model in a model costs two."""


@dataclass(slots=True)
class Node:
    """One saved object: its own arrays, and the objects in it."""

    path: tuple[str, ...] = ()
    arrays: dict[str, Array] = field(default_factory=dict)
    """By their number, as text."""
    name: str = ""
    """The object's own name, where the writer told it (Keras 3.6 and later)."""
    has_vars: bool = False
    """An object; otherwise a container of objects."""
    children: dict[str, Node] = field(default_factory=dict)

    def numbered(self) -> list[tuple[str, Array]]:
        """The arrays in their order: 10 after 9."""
        return sorted(self.arrays.items(), key=lambda item: (not item[0].isdecimal(), len(item[0]), item[0]))

    def walk(self) -> Iterator[Node]:
        """This node and all below, parents first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children.values()))

    def find(self, path: str) -> Node | None:
        """The node at a path below, with `/` in between."""
        node: Node | None = self
        for part in path.split("/"):
            node = node.children.get(part) if node else None
        return node

    def stored_as(self, key: str) -> str:
        """The path of one of its arrays in the file."""
        return "/".join((*self.path, "vars", key))


def read_tree(root: Group, notes: list[Note], into: Node | None = None) -> Node:
    """The tree of a store; what may not be read becomes a note. `into`: the tree of the shards before."""
    top = into or Node()
    stack: list[tuple[Group, Node]] = [(root, top)]
    above: set[object] = set()
    while stack:
        group, node = stack.pop()
        try:
            address = group.address()
        except Refused as refusal:
            notes.append(Note("", str(refusal)))
            continue
        if address in above or len(node.path) > DEEPEST:  # a group that is reached twice: a cycle, or a trap
            notes.append(Note("/".join(node.path), "the group occurs twice in the file and is read once"))
            continue
        above.add(address)
        for name in _names(group, notes):
            try:
                child = group.group(name)
                if child is None:
                    continue
                if name == "vars" and not _is_layer(child):
                    _read_vars(child, node, notes)
                else:
                    stack.append((child, node.children.setdefault(name, Node((*node.path, name)))))
            except Refused as refusal:
                notes.append(Note("", str(refusal)))
    return top


def _names(group: Group, notes: list[Note]) -> list[str]:
    try:
        return group.names()
    except Refused as refusal:
        notes.append(Note("", str(refusal)))
        return []


def _is_layer(group: Group) -> bool:
    """A layer or attribute that happens to be called `vars` has a group of variables of its own."""
    return "vars" in group


def _read_vars(group: Group, node: Node, notes: list[Note]) -> None:
    node.has_vars = True
    try:
        node.name = group.text("name") or node.name
        names = group.names()
    except Refused as refusal:
        notes.append(Note("", str(refusal)))
        return
    for name in names:
        try:
            array = group.get(name)
        except Refused as refusal:
            notes.append(Note("", str(refusal)))
            continue
        if isinstance(array, Array):
            if array.refusal:
                notes.append(Note("", f"the values of {node.stored_as(name)} are not read: {array.refusal}"))
            node.arrays.setdefault(name, array)
