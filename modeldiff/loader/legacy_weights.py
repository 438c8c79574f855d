# A nested model is one group in the legacy format, its layers' weights flat in it. Keras loads them by position, in
# the order trainable first, rest after, through all levels. So the order of the config is tried first, and believed
# only where the names do not contradict it; frozen models of old files (the flag was not written) go by name.
"""Which stored weight belongs to which layer, at every depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldiff.graph import LayerPath
from modeldiff.loader.keras_config import Architecture
from modeldiff.loader.legacy_names import agrees, components, has_gates, roles
from modeldiff.loader.parts import Part, part_of
from modeldiff.loader.roles import Slot

Place = tuple[LayerPath, Slot]
"""A layer and the role of the weight in it."""


class Assigner:
    """Finds the places of all weights that the file keeps under one layer of the root model."""

    def __init__(self, architecture: Architecture) -> None:
        self.order = architecture.file_order
        self.raw = architecture.raw

    def places(self, path: LayerPath, stored: Sequence[str]) -> list[Place]:
        """One place per stored name, in the same order."""
        gates = has_gates(stored)
        if path not in self.order:
            part = part_of(self.raw[path], gates=gates) if path in self.raw else None
            return [(path, slot) for slot in roles(part, path[-1], stored)]
        split = [components(weight) for weight in stored]
        expected = self._expected(path, gates=gates)
        if expected is not None and self._fits(expected, split):
            return expected
        return self._by_name(path, stored, split, gates=gates)

    # By position -----------------------------------------------------------------------------------------------------

    def _expected(self, path: LayerPath, *, gates: bool) -> list[tuple[LayerPath, Slot]] | None:
        """All weights of a nested model in the order of the file; None where a class is not known."""
        parts = {leaf: part_of(self.raw[leaf], gates=gates) for leaf in self._leaves(path)}
        if not all(part.is_known for part in parts.values()):
            return None
        return [*self._walk(path, parts, frozen=False), *self._walk(path, parts, frozen=True)]

    def _leaves(self, path: LayerPath) -> Iterator[LayerPath]:
        stack = [path]
        while stack:
            here = stack.pop()
            if here in self.order:
                stack.extend((*here, name) for name in reversed(self.order[here]))
            else:
                yield here

    def _walk(
        self, path: LayerPath, parts: Mapping[LayerPath, Part], *, frozen: bool
    ) -> Iterator[tuple[LayerPath, Slot]]:
        """Keras' recursion: a frozen model has no trainable weights, and lists its layers' ones before the rest."""
        stack: list[tuple[LayerPath, str]] = [(path, "rest" if frozen else "trainable")]
        while stack:
            here, what = stack.pop()
            part = parts.get(here)
            if part is not None:
                yield from ((here, slot) for slot in part.listed(what))
                continue
            config = self.raw[here].get("config")
            own = not isinstance(config, dict) or config.get("trainable", True) is not False
            inner = [(*here, name) for name in reversed(self.order[here])]
            if what == "trainable" and own:
                stack.extend((leaf, what) for leaf in inner)
            elif what == "rest":
                stack.extend((leaf, what) for leaf in inner)
                if not own:
                    stack.extend((leaf, "trainable") for leaf in inner)

    def _fits(self, expected: Sequence[tuple[LayerPath, Slot]], split: Sequence[Sequence[str]]) -> bool:
        if len(expected) != len(split):
            return False
        leaves = {leaf[-1] for leaf, _ in expected}
        return all(
            agrees(slot, parts) and (leaf[-1] in parts[:-1] or leaves.isdisjoint(parts[:-1]))
            for (leaf, slot), parts in zip(expected, split, strict=True)
        )

    # By name ---------------------------------------------------------------------------------------------------------

    def _by_name(
        self, path: LayerPath, stored: Sequence[str], split: Sequence[Sequence[str]], *, gates: bool
    ) -> list[Place]:
        leaves = list(self._leaves(path))
        found: dict[LayerPath, list[int]] = {}
        for number, parts in enumerate(split):
            found.setdefault(_owner(path, leaves, parts[:-1]), []).append(number)
        places: dict[int, Place] = {}
        for leaf, numbers in found.items():
            part = None if leaf == path else part_of(self.raw[leaf], gates=gates)
            told = roles(part, leaf[-1], [stored[number] for number in numbers])
            places.update((number, (leaf, slot)) for number, slot in zip(numbers, told, strict=True))
        return [places[number] for number in range(len(stored))]


def _owner(path: LayerPath, leaves: Sequence[LayerPath], scopes: Sequence[str]) -> LayerPath:
    """The layer whose name stands last in the name's scopes, the one with most of its path in them first."""
    best, rank = path, (-1, 0)
    for leaf in leaves:
        if leaf[-1] in scopes:
            here = (max(n for n, scope in enumerate(scopes) if scope == leaf[-1]), sum(p in scopes for p in leaf))
            if here > rank:
                best, rank = leaf, here
    return best
