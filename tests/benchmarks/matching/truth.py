# What is true of a pair, worked out from the two specs and from nothing a matcher says. The graph is looked at as
# one flow through all sub-models: a chain that moved into a sub-model takes the same tensors as before.
"""The truth about a case: `Side`, `Truth`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmarks.matching.build import Built, Recipe
from benchmarks.matching.cases import Prepared
from benchmarks.matching.specs import Node, Ref, Spec
from benchmarks.matching.weights import Plan

from modeldiff.graph import LayerPath

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Side:
    """One file: its layers by id."""

    nodes: dict[str, Node]
    parents: dict[str, tuple[str, ...]]
    paths: dict[str, LayerPath]
    ids: dict[LayerPath, str]
    named: frozenset[str]
    """Ids whose name a person gave."""
    calls: dict[str, tuple[tuple[Ref, ...], ...]]
    """What every layer takes, through the walls of sub-models that are called once."""
    weights: dict[str, list[tuple[tuple[int, ...], str]]]
    order: dict[str, int]

    @property
    def names(self) -> dict[str, str]:
        """What every layer is called in the file."""
        return {identity: path[-1] for identity, path in self.paths.items()}


def side(recipe: Recipe, built: Built) -> Side:
    """The layers of one file."""
    listed = recipe.spec.listed()
    paths = {
        identity: (*(built.names[parent] for parent in parents), built.names[identity])
        for identity, (parents, _) in listed.items()
    }
    return Side(
        nodes={identity: node for identity, (_, node) in listed.items()},
        parents={identity: parents for identity, (parents, _) in listed.items()},
        paths=paths,
        ids={path: identity for identity, path in paths.items()},
        named=frozenset(identity for identity, (_, node) in listed.items() if recipe.is_named(node)),
        calls=_flow(recipe.spec),
        weights=built.weights,
        order={identity: index for index, identity in enumerate(listed)},
    )


def _flow(spec: Spec) -> dict[str, tuple[tuple[Ref, ...], ...]]:
    nodes = {node.id: node for _, _, node in spec.walk()}
    doors: dict[str, Ref] = {}
    for node in nodes.values():
        if node.body is not None and len(node.calls) == 1:
            ports = [inner.id for inner in node.body.nodes if inner.cls == "InputLayer"]
            doors.update(zip(ports, node.calls[0], strict=True))

    def through(ref: Ref) -> Ref:
        while True:
            node = nodes[ref[0]]
            if node.body is not None and len(node.calls) == 1:
                ref = node.body.outputs[ref[2]]
            elif ref[0] in doors:
                ref = doors[ref[0]]
            else:
                return ref

    return {
        identity: tuple(tuple(through(ref) for ref in call) for call in node.calls) for identity, node in nodes.items()
    }


@dataclass(slots=True)
class Truth:
    """Two sides and the pairs that are true."""

    old: Side
    new: Side
    pairs: dict[str, str]
    optional: frozenset[Pair]
    plan: Plan
    """How the new numbers come from the old ones."""
    known: dict[Pair, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, prepared: Prepared) -> Truth:
        """The truth about a case: ids that stand on both sides."""
        old, new = (
            side(recipe, built) for recipe, built in zip((prepared.old, prepared.new), prepared.files, strict=True)
        )
        both = {identity: identity for identity in old.nodes if identity in new.nodes}
        return cls(old, new, both, prepared.optional, prepared.new.plan)

    def once(self, pair: Pair, work: Callable[[Truth, Pair], Counter[str]]) -> Counter[str]:
        """`work` on a pair, done once."""
        if pair not in self.known:
            self.known[pair] = work(self, pair)
        return self.known[pair]

    def depends(self, old: str, olds: set[str]) -> bool:
        """Whether a fact about this old layer is told by where `olds` went."""
        return any(ref[0] in olds for call in self.old.calls[old] for ref in call) or not olds.isdisjoint(
            self.old.parents[old]
        )

    def is_renamed(self, pair: Pair) -> bool:
        """Whether a person would call it renamed: names differ and somebody chose one of them."""
        old, new = pair
        if self.old.names[old] == self.new.names[new]:
            return False
        return old in self.old.named or new in self.new.named

    def is_renumbered(self, pair: Pair) -> bool:
        """Whether nobody chose either name."""
        return pair[0] not in self.old.named and pair[1] not in self.new.named

    def changed_keys(self, pair: Pair) -> set[str]:
        """Config keys that differ; none where the class differs too."""
        one, two = self.old.nodes[pair[0]], self.new.nodes[pair[1]]
        if one.cls != two.cls or one.body is not None:
            return set()
        keys = {*one.config, *two.config}
        if one.cls == "InputLayer" and ("shape" not in one.config or "shape" not in two.config):
            return set()
        return {key for key in keys if _plain(one, key) != _plain(two, key)}

    def is_rewired(self, pair: Pair, pairs: dict[str, str], *, walled: bool = False) -> bool:
        """Whether some call takes other tensors, told by `pairs`; where `walled`, the graph around it alone counts."""
        one, two = self.old.calls[pair[0]], self.new.calls[pair[1]]
        if walled:
            one, two = self.old.nodes[pair[0]].calls, self.new.nodes[pair[1]].calls

        def partner(identity: str) -> str:
            # The input of a Sequential is no layer and in no pair, and yet the same tensor as a Functional's.
            is_listed = identity in self.old.nodes and identity in self.new.nodes
            return pairs.get(identity, f"-{identity}" if is_listed else identity)

        told = tuple(tuple((partner(layer), call, output) for layer, call, output in refs) for refs in one)
        return told != two

    def shares_weights(self, pair: Pair) -> bool:
        """Whether the numbers show that it is the same layer."""
        old, new = pair
        shapes = _shapes(self.old.weights.get(old, ()))
        return old == new and self.has_same_shapes(pair) and self.plan.shows_origin(new, shapes)

    def has_same_shapes(self, pair: Pair) -> bool:
        """Whether the weights have the same shapes."""
        return _shapes(self.old.weights.get(pair[0], ())) == _shapes(self.new.weights.get(pair[1], ()))

    def changed_weights(self, pair: Pair) -> int | None:
        """How many weights have other bytes; None where shapes differ."""
        if not self.has_same_shapes(pair):
            return None
        both = zip(self.old.weights.get(pair[0], ()), self.new.weights.get(pair[1], ()), strict=True)
        return sum(one[1] != two[1] for one, two in both)


def _shapes(weights: Iterable[tuple[tuple[int, ...], str]]) -> list[tuple[int, ...]]:
    return [shape for shape, _ in weights]


def _plain(node: Node, key: str) -> object:
    return node.config.get(key)
