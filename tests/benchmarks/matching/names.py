# Nothing changes but what is written on the layers. All five schemes are seen in real histories; the one that counts
# up is the worst: old names then stand on other layers.
"""Edits of names alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Random
from benchmarks.matching.specs import Node, Spec

Style = Callable[[str, int], str]
"""From a name and the layer's place to a name."""


def _prefixed(name: str, index: int) -> str:
    return f"net_{name}"


def _suffixed(name: str, index: int) -> str:
    return f"{name}_v2"


def _listed(name: str, index: int) -> str:
    return f"node{index:03d}"


def _camel(name: str, index: int) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _counted_up(name: str, index: int) -> str:
    return "".join(str(int(part) + 1) if part.isdigit() else part for part in _digits(name))


def _digits(name: str) -> list[str]:
    parts = [""]
    for letter in name:
        if parts[-1] and parts[-1][-1].isdigit() != letter.isdigit():
            parts.append("")
        parts[-1] += letter
    return parts


_STYLES: tuple[Style, ...] = (_prefixed, _suffixed, _camel, _counted_up, _listed)


def rename_all(spec: Spec, rng: Random) -> Change:
    """Another naming scheme."""
    style = rng.choice(_STYLES)
    order = {node.id: index for index, (_, _, node) in enumerate(spec.walk())}
    return Change(spec.mapped(lambda node: replace(node, name=style(node.name, order[node.id]))))


def rename_some(spec: Spec, rng: Random) -> Change:
    """A third of the names, or the names of one part."""
    style = rng.choice((_prefixed, _suffixed, _listed))
    ids = [node.id for _, _, node in spec.walk()]
    count = max(1, len(ids) // 3)
    start = rng.randrange(len(ids) - count + 1)
    chosen = set(ids[start : start + count] if rng.random() < 0.5 else rng.sample(ids, count))
    order = {identity: index for index, identity in enumerate(ids)}

    def rename(node: Node) -> Node:
        return replace(node, name=style(node.name, order[node.id])) if node.id in chosen else node

    return Change(spec.mapped(rename))


def swap_names(spec: Spec, rng: Random) -> Change:
    """Two layers of one class exchange their names."""
    groups: dict[str, list[Node]] = {}
    for _, _, node in spec.walk():
        if node.cls not in {"InputLayer", "Activation", "ReLU"} and not node.cls.startswith("op:"):
            groups.setdefault(node.cls, []).append(node)
    pools = [nodes for nodes in groups.values() if len(nodes) > 1]
    if not pools:
        raise NotApplicable("no two of a class")
    one, two = rng.sample(rng.choice(pools), 2)
    names = {one.id: two.name, two.id: one.name}
    return Change(spec.mapped(lambda node: replace(node, name=names.get(node.id, node.name))))
