# Inside one layer of the v3 store: numbers instead of names. The number counts the layer's own variables in the
# order they were made, so class and config give the role; inner layers lie under the attribute that holds them.
"""Groups and numbers of one stored layer -> roles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modeldiff.graph import Weight
from modeldiff.loader.assembly import weight
from modeldiff.loader.hdf5_objects import Array
from modeldiff.loader.parts import Part, part_of
from modeldiff.loader.roles import RECURRENT_LAYERS, Slot, mode_of, quantised_slots
from modeldiff.loader.store_paths import CONTAINERS, class_of, match
from modeldiff.loader.store_tree import Node

_RANDOM = re.compile(r"_?(seed_generator|random_generator)(_\d+)?")
"""State of random numbers: drawn anew in every training, never a weight."""
_BY_KEY = {
    "forward_layer": ("forward/", ""),
    "backward_layer": ("backward/", ""),
    "layer": ("", ""),
    "cell": ("", "LSTMCell"),
    "query_dense": ("query/", "Dense"),
    "key_dense": ("key/", "Dense"),
    "value_dense": ("value/", "Dense"),
    "output_dense": ("attention_output/", "Dense"),
}
"""Attributes of Keras' own wrappers, where the config does not tell: prefix of the roles, class."""


def weights_of(part: Part | None, node: Node) -> list[Weight]:
    """All weights stored under a layer's group, with their roles: trainable ones first, as in the legacy format."""
    made: dict[str, Weight] = {}
    stack = [("", part, node)]
    while stack:
        prefix, here, group = stack.pop()
        for slot, key, array in _own(here, group):
            role = prefix + slot.role
            while role in made:  # a file may say anything
                role += "'"
            made[role] = weight(Slot(role, slot.trainable), array, group.stored_as(key))
        stack.extend(reversed([(prefix + inner, p, n) for inner, p, n in _inner(here, group)]))
    return sorted(made.values(), key=lambda one: not one.trainable)


def _own(part: Part | None, node: Node) -> Iterator[tuple[Slot, str, Array]]:
    arrays = node.numbered()
    if part is not None and part.class_name == "SpectralNormalization" and len(arrays) == 2:
        arrays = arrays[1:]  # the inner layer's kernel is stored here a second time
    slots = _slots(part, [array for _, array in arrays])
    for number, (key, array) in enumerate(arrays):
        yield slots[number] if slots else Slot(key), key, array


def _slots(part: Part | None, arrays: Sequence[Array]) -> Sequence[Slot]:
    """Exactly one role per array, or none where they cannot be told."""
    if part is None or part.own is None:
        return ()
    count, own = len(arrays), part.own
    if part.class_name == "EinsumDense" and not part.config:
        own = (*own, Slot("bias"))
    packed = [array.dtype.startswith(("int", "uint")) for array in arrays]
    if any(packed) and not part.config:  # no config at hand that says whether there is a bias
        has_bias = count > 2 and packed[:3] != [True, False, True]  # else the third holds the zero points
        own = tuple(slot for slot in own if slot.role != "bias" or has_bias)
    elif count == len(own) - 1 and own[-1].role == "bias":
        own = own[:-1]
    slots: Sequence[Slot] = own
    if len(own) != count:
        # What an attention layer is made of is quantised without its config saying so.
        slots = quantised_slots(own, mode_of(part.config) or ("int4" if any(packed) else ""))
        slots = slots[:count] if len(own) < count <= len(slots) else ()
    if packed[:2] == [False, True] and [slot.role for slot in slots[1:2]] == ["bias"]:
        return [slots[1], slots[0], *slots[2:]]  # Keras 3.1 and 3.2 made the kernel anew, after the bias
    return slots


def _inner(part: Part | None, node: Node) -> Iterator[tuple[str, Part | None, Node]]:
    """The inner layers of a layer: those its class is known to have, then whatever else holds arrays."""
    left = {key: child for key, child in node.children.items() if not _RANDOM.fullmatch(key)}
    if part is not None:
        if part.class_name in RECURRENT_LAYERS and "cell" in left:
            yield "", _cell(part), left.pop("cell")
        yield from _known(part, left)
    in_list = not node.has_vars and node.path[-1:] != ("cell",)  # then keys are made of classes
    for key in sorted(left, key=lambda key: key == "backward_layer"):
        child = left[key]
        plain = "" if _is_list(child) else f"{child.name or key}/"
        prefix, class_name = _BY_KEY.get(key.removeprefix("_"), (plain, ""))
        yield prefix, guess(class_name or (class_of(key) if in_list else ""), child) or likely(child), child


def _is_list(node: Node) -> bool:
    """A list, or lists in it, of layers that tell their names: it adds nothing to those, as in the legacy format."""
    waiting = [node]
    for one in waiting:
        if one.has_vars or not one.children:
            return False
        waiting += (child for child in one.children.values() if not child.name)
    return True


def guess(class_name: str, node: Node) -> Part | None:
    """The part of a group whose config is not at hand: of its class, or of the class that its name was made from.

    A name is believed only where the group holds just what that class has.
    """
    if class_name or not (made_from := class_of(node.name)):
        return part_of({"class_name": class_name}) if class_name else None
    part = part_of({"class_name": made_from})
    return (
        part if part.own and _slots(part, [array for _, array in node.numbered()]) and _looks_like(part, node) else None
    )


def likely(node: Node) -> Part | None:
    """The part that an object inside a layer nobody knows is by its shapes: most are layers of Keras.

    A matrix and a vector as long as its last axis, or the four vectors of a normalisation: nothing else of Keras has
    them. A layer around one whose kernel it repeats is a SpectralNormalization.
    """
    arrays = [array for _, array in node.numbered()]
    shapes = [array.shape for array in arrays]
    inner = node.children.get("layer")
    kernels = [array.shape for _, array in inner.numbered()][:1] if inner else []
    if len(shapes) == 2 and kernels == shapes[:1] and shapes[1] == (1, *shapes[0][-1:]):
        return part_of({"class_name": "SpectralNormalization"})
    if node.children or not all(array.dtype.startswith(("float", "bfloat")) for array in arrays):
        return None
    if len(shapes) == 2 and len(shapes[0]) > 1 and shapes[1] == shapes[0][-1:]:
        return part_of({"class_name": "Dense"})
    if len(shapes) == 4 and len(shapes[0]) == 1 and len(set(shapes)) == 1:
        return part_of({"class_name": "BatchNormalization"})
    return None


def _looks_like(part: Part, node: Node) -> bool:
    """A bias is a vector; a kernel is none."""
    arrays = [array for _, array in node.numbered()]
    shapes = {slot.role: array.shape for slot, array in zip(part.own or (), arrays, strict=False)}
    return len(shapes.get("bias", (1,))) == 1 and len(shapes.get("kernel", (1, 1))) > 1


def _cell(part: Part) -> Part:
    """A recurrent layer keeps its own weights in its cell."""
    return Part(part.class_name, part.config, part.own)


def _known(part: Part, left: dict[str, Node]) -> Iterator[tuple[str, Part | None, Node]]:
    lists: dict[str, list[tuple[str, Part]]] = {}
    for prefix, place, inner in part.parts:
        holder, _, name = place.partition("/")
        if name:
            lists.setdefault(holder, []).append((prefix, inner))
        else:
            found = place if place in left else f"_{place}"
            if found in left:
                yield prefix, inner, left.pop(found)
    for holder, inners in lists.items():
        key = next((key for key in (holder, *CONTAINERS) if key in left), "")
        if key:
            named = [(_name(inner) or prefix, inner.class_name) for prefix, inner in inners]
            if len({name for name, _ in named}) < len(named):
                named = [(prefix, inner.class_name) for prefix, inner in inners]
            groups = match(left.pop(key).children, named, ranked=key == CONTAINERS[1])
            for (name, _), (prefix, inner) in zip(named, inners, strict=True):
                if name in groups:
                    yield prefix, inner, groups[name]


def _name(part: Part) -> str:
    name = part.config.get("name")
    return name if isinstance(name, str) else ""
