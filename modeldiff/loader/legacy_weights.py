# A nested model is one group in the legacy format, its layers' weights flat in it. Names are believed first, and only
# where every layer gets exactly its weights by them: a second model in one process has shifted names (`dense_1` for
# `dense`), early Keras 3 none. Then the order tells, as it does to Keras: trainable first, rest after, through all
# levels. It alone would not do: up to 2.3.1 a frozen model is not told as such, and its weights stand in another order.
"""Which stored weight belongs to which layer, at every depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldiff.graph import LayerPath
from modeldiff.loader.keras_config import Architecture
from modeldiff.loader.legacy_names import agrees, components, has_gates, roles, without_counter
from modeldiff.loader.parts import Part, Parts
from modeldiff.loader.roles import Slot, mode_of, quantised_slots

Place = tuple[LayerPath, Slot]
"""A layer and the role of the weight in it."""
_ROLES = 64
"""More than there are: a group cannot have two datasets of one name."""


class Assigner:
    """Finds the places of all weights that the file keeps under one layer of the root model."""

    def __init__(self, architecture: Architecture, parts: Parts) -> None:
        self.order = architecture.file_order
        self.raw = architecture.raw
        self.parts = parts

    def places(self, path: LayerPath, stored: Sequence[str]) -> list[Place]:
        """One place per stored name, in the same order."""
        gates = has_gates(stored)
        if path not in self.order:
            part = self.parts.of(path, gates=gates) if path in self.raw else None
            return [(path, slot) for slot in roles(part, path[-1], stored)]
        parts = {leaf: self.parts.of(leaf, gates=gates) for leaf in self._leaves(path)}
        named = self._by_name(path, parts, stored)
        if _complete(named, parts):
            return named
        expected = [*self._walk(path, parts, frozen=False), *self._walk(path, parts, frozen=True)]
        split = [components(weight) for weight in stored]
        fits = len(expected) == len(split) and all(part.is_known for part in parts.values())
        if fits and all(_agree(place, one, parts) for place, one in zip(expected, split, strict=True)):
            return expected
        counted = self._by_name(path, parts, stored, counters=True)
        return counted if _complete(counted, parts) else self._by_role(parts, split, stored) or named

    # By position -----------------------------------------------------------------------------------------------------

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

    # By name ---------------------------------------------------------------------------------------------------------

    def _by_name(
        self, path: LayerPath, parts: Mapping[LayerPath, Part], stored: Sequence[str], *, counters: bool = False
    ) -> list[Place]:
        """`counters`: layers of one name at several places are told by the number TensorFlow gave the later ones."""
        leaves: dict[str, list[LayerPath]] = {}
        for leaf in parts:
            leaves.setdefault(leaf[-1], []).append(leaf)
        found: dict[LayerPath, list[int]] = {}
        for number, name in enumerate(stored):
            found.setdefault(_owner(path, leaves, components(name)[:-1]), []).append(number)
        if counters:
            _spread(found, path, leaves, [components(name)[:-1] for name in stored])
        return _told(found, parts, stored)

    def _by_role(
        self, parts: Mapping[LayerPath, Part], split: Sequence[Sequence[str]], stored: Sequence[str]
    ) -> list[Place]:
        """Names without any layer (Keras 3.0 to 3.2), where each can be that of one layer only; else none."""
        found: dict[LayerPath, list[int]] = {}
        if len(stored) > _ROLES:
            return []
        for number, name in enumerate(split):
            fitting = [leaf for leaf, part in parts.items() if len(name) == 1 and _has(part, name)]
            if len(fitting) != 1:
                return []
            found.setdefault(fitting[0], []).append(number)
        return _told(found, parts, stored)


def _told(
    found: Mapping[LayerPath, Sequence[int]], parts: Mapping[LayerPath, Part], stored: Sequence[str]
) -> list[Place]:
    """The roles of the names at the layers they were found to be of."""
    places: dict[int, Place] = {}
    for leaf, numbers in found.items():
        told = roles(parts.get(leaf), leaf[-1], [stored[number] for number in numbers])
        places.update((number, (leaf, slot)) for number, slot in zip(numbers, told, strict=True))
    return [places[number] for number in range(len(stored))]


def _has(part: Part, name: Sequence[str]) -> bool:
    """Whether a layer, quantised or not, has a weight that may be called so."""
    slots = part.slots() if part.is_known else ()
    return any(agrees(slot, name) for slot in (*slots, *quantised_slots(slots, mode_of(part.config))))


def _agree(place: Place, name: Sequence[str], parts: Mapping[LayerPath, Part]) -> bool:
    """Whether a stored name may be that of this weight: a name without a counter is never that of another layer."""
    leaf, slot = place
    scope = name[-2] if len(name) > 1 else leaf[-1]
    misnamed = scope == without_counter(scope) != leaf[-1] and any(scope == other[-1] for other in parts)
    return agrees(slot, name) and not misnamed


def _spread(
    found: dict[LayerPath, list[int]],
    path: LayerPath,
    leaves: Mapping[str, Sequence[LayerPath]],
    scopes: Sequence[Sequence[str]],
) -> None:
    """Give what no name fitted (`d_1`, `d_2`) to the layers of that name (`d`) that have nothing yet."""
    groups: dict[str, list[int]] = {}
    for number in found.pop(path, ()):
        groups.setdefault(scopes[number][-1] if scopes[number] else "", []).append(number)
    for scope, numbers in sorted(groups.items(), key=lambda item: (len(item[0]), item[0])):
        free = [leaf for leaf in leaves.get(without_counter(scope), ()) if leaf not in found]
        found.setdefault(free[0] if free else path, []).extend(numbers)


def _complete(places: Sequence[Place], parts: Mapping[LayerPath, Part]) -> bool:
    """Whether every layer has exactly the weights of its class, as far as the class is known."""
    held: dict[LayerPath, set[str]] = {}
    for leaf, slot in places:
        held.setdefault(leaf, set()).add(slot.role)
    known = {leaf: {slot.role for slot in part.slots()} for leaf, part in parts.items() if part.is_known}
    return held.keys() <= parts.keys() and all(held.get(leaf, set()) == wanted for leaf, wanted in known.items())


def _owner(path: LayerPath, leaves: Mapping[str, Sequence[LayerPath]], scopes: Sequence[str]) -> LayerPath:
    """The layer whose name stands last in the name's scopes, the one with most of its path in them first."""
    for scope in reversed(scopes):
        if scope in leaves:
            return max(leaves[scope], key=lambda leaf: sum(part in scopes for part in leaf))
    return path
