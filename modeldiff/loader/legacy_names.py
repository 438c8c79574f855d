# The weight names of the legacy format, as far as they can be trusted: the last component says what a weight is,
# a component in the middle often says which inner layer it belongs to, the rest is name scopes and counters.
"""Weight names of the legacy format -> roles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modeldiff.loader.parts import Part
from modeldiff.loader.roles import STATISTICS, Slot, mode_of, quantised_slots

_OLD = {
    "W": "kernel",
    "U": "recurrent_kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # the name lies: Keras 1 kept the variance in it
    "alphas": "alpha",
}
_OLD_NAME = re.compile(r"(?P<layer>.*)_(?P<role>W|U|b|gamma|beta|running_mean|running_std|alphas)(?P<gate>_[a-z])?")
_OLD_WORD = re.compile(r"_(W|U|running_mean|running_std)(_[a-z])?(:\d+)?$")
"""What no later Keras writes."""
_GATE = re.compile(r"(recurrent_kernel|kernel|bias)_[icfozrh]")
_LETTER = re.compile(r"_[icfozrh](:\d+)?$")
_TENSOR = re.compile(r":\d+$")
_COUNTER = re.compile(r"_\d+$")
_SAME = {"depthwise_kernel": {"kernel"}, "kernel": {"depthwise_kernel", "embeddings"}, "sn_u": {"vector_u"}}


def components(name: str, layer: str = "", *, known: bool = True) -> tuple[str, ...]:
    """The parts of a stored name: `d1_W:0` (Keras 1) and `d1/kernel:0` are both `("d1", "kernel")`.

    `known`: the class is one of Keras, so that its old words can be put into today's.
    """
    parts = _TENSOR.sub("", name).split("/")
    old = _OLD_NAME.fullmatch(parts[-1]) if len(parts) == 1 or name.startswith(f"{layer}_") else None
    if known and old and not old["layer"].startswith("lora_"):
        return (*parts[:-1], old["layer"], _OLD.get(old["role"], old["role"]) + (old["gate"] or ""))
    if len(parts) == 1 and layer and name.startswith(f"{layer}_"):
        return layer, parts[0][len(layer) + 1 :]
    return tuple(parts)


def without_counter(name: str) -> str:
    """`dense_1` as `dense`."""
    return _COUNTER.sub("", name)


def has_gates(names: Sequence[str]) -> bool:
    """Whether the names are those of the separate gates of Keras 1."""
    return any(_GATE.fullmatch(components(name)[-1]) for name in names if _LETTER.search(name))


def roles(part: Part | None, layer: str, names: Sequence[str]) -> tuple[Slot, ...]:
    """The roles of all weights stored under one layer: by position where class and names agree, else by name.

    `part` is None where the file does not tell the class.
    """
    if part is not None and part.is_known:
        last = [name.rpartition("/")[2].removesuffix(":0") for name in names]
        if last == [slot.role.rpartition("/")[2] for slot in part.slots()]:  # as nearly always
            return part.slots()
    known = part.is_known if part is not None else any(map(_OLD_WORD.search, names))
    split = [components(name, layer, known=known) for name in names]
    ends = {parts[-1] for parts in split}
    if part is None and "depthwise_kernel" in ends and "pointwise_kernel" not in ends:
        split = [(*parts[:-1], parts[-1].removeprefix("depthwise_")) for parts in split]  # DepthwiseConv2D up to 2.15
    if part is None and len(names) == 1 and names[0].split(":")[0].endswith("_W"):
        return (Slot("W"),)  # of Keras 1: the kernel of a layer without a bias, or an embedding
    named = [Slot(end, end.rpartition("/")[2] not in STATISTICS) for end in by_name(split, layer)]
    if part is None or not part.is_known:
        return tuple(named)
    slots = part.slots()
    if len(slots) == len(split) and all(agrees(slot, parts) for slot, parts in zip(slots, split, strict=True)):
        return slots
    # More weights than the class has (quantised, adapted): those that only one name fits.
    for slot in dict.fromkeys([*slots, *quantised_slots(slots, mode_of(part.config))]):
        fitting = [number for number, parts in enumerate(split) if agrees(slot, parts)]
        if len(fitting) == 1:
            named[fitting[0]] = slot
    adapted = {slot.role.rpartition("lora_")[0] for slot in named if "lora_" in slot.role}
    frozen = {f"{inner}{role}" for inner in adapted for role in ("kernel", "embeddings")}
    named = [Slot(slot.role, slot.trainable and slot.role not in frozen) for slot in named]
    return tuple(named)


def agrees(slot: Slot, parts: Sequence[str]) -> bool:
    """Whether a stored name can be the one of this slot."""
    role, told = slot.role.rpartition("/")[2], parts[-1]
    plain = without_counter(told)
    return role in {told, plain} or role in _SAME.get(told, ()) or role in _SAME.get(plain, ())


def by_name(split: Sequence[Sequence[str]], layer: str) -> tuple[str, ...]:
    """The last parts of the names where they differ, else all after the layer's own name."""
    ends = [parts[-1] for parts in split]
    if len(set(ends)) < len(ends):
        ends = _directions(split) or ["/".join(_after(parts, layer)) for parts in split]
    seen: dict[str, int] = {}
    for number, end in enumerate(ends):
        seen[end] = seen.get(end, 0) + 1
        if seen[end] > 1:
            ends[number] = f"{end} ({seen[end]})"
    return tuple(ends)


def _after(parts: Sequence[str], layer: str) -> Sequence[str]:
    """What stands behind the layer's name; all of it where the name does not occur."""
    last = max((number for number, part in enumerate(parts[:-1]) if part == layer), default=-1)
    return parts[last + 1 :]


def _directions(split: Sequence[Sequence[str]]) -> list[str]:
    """The roles in a Bidirectional, which is known by the names it gives to its two layers."""
    found = []
    for parts in split:
        sides = [side for side in ("forward", "backward") if any(part.startswith(f"{side}_") for part in parts[:-1])]
        if len(sides) != 1:
            return []
        found.append(f"{sides[0]}/{parts[-1]}")
    return found if len(set(found)) == len(found) else []
