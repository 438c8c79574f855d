# The v3 store: each object of the new model looks for the group of its own path, which counts classes (`dense_1` is the
# second Dense of its model). A layer put before others of its class so gives each of them the next one's weights. Keras
# 3 tries every object and raises in the end; Keras 2 raises at once, so its order of walking matters.
"""Loading from a v3 weight store: `ways`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from modeldiff.differ.loading_rules import Policy, Run, Step, miscounted, settle
from modeldiff.differ.loading_units import Tensor, Unit, listed, named
from modeldiff.forecast import Method
from modeldiff.graph import Graph, LayerPath, Model

_OLD_LIST = "_layer_checkpoint_dependencies"
"""What Keras 2.12 to 2.14 called the list of a model's layers."""
_UNCHECKED = frozenset(
    {"StringLookup", "IntegerLookup", "TextVectorization", "Discretization", "FeatureSpace", "IndexLookup"}
)
"""Layers that take from a store what they know of and count nothing."""
_METRICS = frozenset({"metrics", "compiled_metrics", "_compile_metrics", "_loss_tracker", "_metrics"})
"""State that Keras 2 stores and asks for; Keras 3 does neither."""
_COUNTER = re.compile(r"(.*?)(?:_(\d{1,18}))?")


class Store:
    """Loading a v3 store into a model made of `news`."""

    def __init__(self, new: Model, olds: Sequence[Unit], news: Sequence[Unit], keras: str) -> None:
        self.stored = {unit.name: unit.tensors for unit in olds}
        self.is_two = keras == "2"
        self.has_old_list = any(name.startswith(f"{_OLD_LIST}/") for name in self.stored)
        self.units = [unit for unit in news if self.is_two or unit.name.partition("/")[0] not in _METRICS]
        self.units += _silent(new, news)
        self.classes = {path: layer.canonical_class for path, layer in new.walk()}
        if self.is_two:
            places = _places(new.graph)
            self.units.sort(key=lambda unit: _walked(unit.name, places))

    def ways(self) -> Iterator[tuple[Method, Run]]:
        """Each way of loading and what it does."""
        for method, skip in ((Method.PATHS, False), (Method.PATHS_SKIP, True)):
            policy = Policy(skip=skip, skips_counts=skip, goes_on=not self.is_two, whole_units=True)
            yield method, settle([self._step(unit) for unit in self.units], policy, Run())

    def _step(self, unit: Unit) -> Step:
        stored = {one.key: one for one in self._find(unit.name)}
        if self.classes.get(unit.layer) in _UNCHECKED:
            return Step(unit, tuple((one, stored[one.key]) for one in unit.tensors if one.key in stored))
        if len(stored) != len(unit.tensors) or any(one.key not in stored for one in unit.tensors):
            return Step(unit, failure=miscounted(unit, len(stored)))
        return Step(unit, tuple((one, stored[one.key]) for one in unit.tensors))

    def _find(self, path: str) -> Sequence[Tensor]:
        if path in self.stored or self.is_two or not self.has_old_list:
            return self.stored.get(path, ())
        return self.stored.get(path.replace("layers", _OLD_LIST), ())


def _silent(new: Model, news: Sequence[Unit]) -> Iterator[Unit]:
    """Layers without variables of their own, which Keras 3.0 to 3.5 did not write down."""
    known = {unit.name for unit in news}
    if not any(name.startswith(f"{_OLD_LIST}/") for name in known):
        yield from (Unit(place, path, ()) for place, path in named(new.graph).items() if place not in known)


def _places(graph: Graph) -> dict[str, int]:
    """Store path of each layer -> its place among `model.layers`."""
    paths: dict[LayerPath, int] = {}
    stack: list[tuple[LayerPath, Graph]] = [((), graph)]
    while stack:
        path, here = stack.pop()
        for place, layer in enumerate(listed(here)):
            inner = (*path, layer.name)
            paths[inner] = place
            if layer.body is not None:
                stack.append((inner, layer.body))
    return {name: paths.get(path, 0) for name, path in named(graph).items()}


def _walked(name: str, places: Mapping[str, int]) -> list[tuple[int, ...]]:
    """Where Keras 2 comes to an object: layers in their order, attributes backwards through the alphabet."""
    found: list[tuple[int, ...]] = []
    parts = name.split("/") if name else []
    for depth, part in enumerate(parts, 1):
        place = places.get("/".join(parts[:depth]))
        if place is not None:
            found.append((place,))
        else:
            match = _COUNTER.fullmatch(part)
            base, number = (match[1], int(match[2] or 0)) if match else (part, 0)
            found.append((*(-ord(letter) for letter in base), 1, number))
    return found
