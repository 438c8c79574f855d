# Inside one layer of the v3 store: numbers instead of names. The number counts the layer's own variables in the
# order they were made, so class and config give the role; inner layers lie under the attribute that holds them.
"""Groups and numbers of one stored layer -> roles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from modeldiff.graph import Weight
from modeldiff.loader.assembly import weight
from modeldiff.loader.hdf5 import Array
from modeldiff.loader.parts import Part, part_of
from modeldiff.loader.roles import RECURRENT_LAYERS, Slot
from modeldiff.loader.store_paths import CONTAINERS, match
from modeldiff.loader.store_tree import Node

_RANDOM = re.compile(r"_?(seed_generator|random_generator)(_\d+)?")
"""State of random numbers: drawn anew in every training, never a weight."""
_TOO = {
    "int8": ("{}_scale",),
    "int4": ("{}_scale", "{}_zero", "g_idx"),
    "float8": (
        "inputs_scale",
        "inputs_amax_history",
        "kernel_scale",
        "kernel_amax_history",
        "outputs_grad_scale",
        "outputs_grad_amax_history",
    ),
}
"""What quantising adds after the plain variables (Keras: `variable_serialization_spec`)."""
_INSTEAD = {
    "gptq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"),
    "awq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"),
}
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
_MODE = re.compile(r"(gptq|awq|float8|int8|int4)")


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
    slots = _slots(part, len(arrays))
    for number, (key, array) in enumerate(arrays):
        yield slots[number] if slots else Slot(key), key, array


def _slots(part: Part | None, count: int) -> Sequence[Slot]:
    """Exactly `count` roles, or none where they cannot be told."""
    if part is None or part.own is None or len(part.own) == count:
        return () if part is None else part.own or ()
    mode = _mode(part.config.get("dtype"))
    plain = list(part.own)
    if not part.config and count == len(plain) - 1 and plain[-1].role == "bias":
        return plain[:-1]  # no config at hand: a layer without a bias
    if mode in _INSTEAD:
        has_bias = any(slot.role == "bias" for slot in plain)
        slots = [Slot(role) for role in _INSTEAD[mode] if role != "bias" or has_bias]
        return slots if len(slots) == count else ()
    added = [Slot(role.format(plain[0].role), trainable=False) for role in _TOO.get(mode, ()) if plain]
    return [*plain, *added][:count] if len(plain) < count <= len(plain) + len(added) else ()


def _mode(policy: Any) -> str:
    """The quantisation in a dtype policy: an object, or text such as `int8_from_float32`."""
    if isinstance(policy, dict):
        config = policy.get("config")
        policy = config.get("mode") if isinstance(config, dict) else ""
        policy = policy or (config.get("name") if isinstance(config, dict) else "")
    found = _MODE.match(policy) if isinstance(policy, str) else None
    return found[1] if found else ""


def _inner(part: Part | None, node: Node) -> Iterator[tuple[str, Part | None, Node]]:
    """The inner layers of a layer: those its class is known to have, then whatever else holds arrays."""
    left = {key: child for key, child in node.children.items() if not _RANDOM.fullmatch(key)}
    if part is not None:
        if part.class_name in RECURRENT_LAYERS and "cell" in left:
            yield "", _cell(part), left.pop("cell")
        yield from _known(part, left)
    for key, child in left.items():
        prefix, class_name = _BY_KEY.get(key.removeprefix("_"), (f"{key}/", ""))
        yield prefix, part_of({"class_name": class_name}) if class_name else None, child


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
