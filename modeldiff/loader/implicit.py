# What Keras adds to the connections on its own. The same code saved by Keras 2 and Keras 3 has other nodes: Keras 3
# computes masks with operations, casts inputs of layers in mixed precision (3.5 to 3.9) and writes defaults of
# `call`. The rules here are narrow on purpose: an operation that a person wrote must stay.
"""Calls without what no person wrote: `explicit`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from modeldiff.graph import Call, TensorRef
from modeldiff.loader.model_objects import Entry
from modeldiff.loader.tensorflow_ops import by_position, operation
from modeldiff.loader.values import dtype

Calls = dict[str, list[Call]]

_POSITIONAL = {
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"), ("", "value", "key")),
}
_RECURRENT = frozenset(
    {
        "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNGRU", "CuDNNLSTM", "GRU", "LSTM", "RNN",
        "SimpleRNN",
    }
)  # fmt: skip
_FIRST = frozenset({"inputs", "sequences", "query", "x", "input"})
_ALWAYS_TRAINING = ("Random", "Resizing", "CenterCrop", "AutoContrast", "AugMix", "CutMix", "MixUp", "RandAugment",
                    "Equalization", "Solarization", "Pipeline", "MaxNumBoundingBoxes")  # fmt: skip
"""Beginnings of classes whose `call` has `training=True` by default in Keras 3."""


def explicit(
    calls: Calls, entries: Mapping[str, Entry], ends: Sequence[TensorRef], dtypes: Mapping[TensorRef, str]
) -> Calls:
    """The calls a person wrote, arguments labelled alike in all versions.

    Operations that only make masks or casts are gone, and what they fed takes their input. `ends` are the model's
    outputs; `dtypes` are those of tensors, where the file tells.
    """
    if any(entry.is_op for entry in entries.values()):
        calls = _without_casts(calls, entries, ends, dtypes)
        calls = _without_masks(calls, entries, ends)
    return {name: [_labelled(call, entries[name]) for call in made] for name, made in calls.items()}


# Casts --------------------------------------------------------------------------------------------------------------


def _without_casts(
    calls: Calls, entries: Mapping[str, Entry], ends: Sequence[TensorRef], dtypes: Mapping[TensorRef, str]
) -> Calls:
    users = _users(calls)
    ended = {ref.layer for ref in ends}
    instead: dict[str, TensorRef] = {}
    for name, made in calls.items():
        entry = entries[name]
        if not entry.is_op or entry.class_name != "Cast" or len(made) != 1 or len(made[0].inputs) != 1:
            continue
        source, target = made[0].inputs[0], entry.config.get("dtype")
        floats = "float" in dtypes.get(source, "float32") and isinstance(target, str) and "float" in target
        if (
            floats
            and name not in ended
            and users[name]
            and all(_casts(entries[user], target) for user, _ in users[name])
        ):
            instead[name] = source
    if not instead:
        return calls

    def through(ref: TensorRef) -> TensorRef:
        seen = set()
        while ref.layer in instead and ref.layer not in seen:
            seen.add(ref.layer)
            ref = instead[ref.layer]
        return ref

    return {
        name: [Call(tuple(map(through, call.inputs)), call.keywords, call.kwargs) for call in made]
        for name, made in calls.items()
        if name not in instead
    }


def _casts(entry: Entry, target: Any) -> bool:
    """Does this layer cast its inputs to `target` by its own policy?"""
    if entry.is_op:
        return False
    if entry.is_model:
        return True
    policy = dtype(entry.config.get("dtype")) or "float32"
    return isinstance(policy, str) and policy.rpartition("from_")[2].removeprefix("mixed_") == target


# Masks --------------------------------------------------------------------------------------------------------------


def _without_masks(calls: Calls, entries: Mapping[str, Entry], ends: Sequence[TensorRef]) -> Calls:
    users = _users(calls)
    ended = {ref.layer for ref in ends}
    masking = {name for name in calls if _makes_masks(entries[name])}
    masked = {ref for name in masking for call in calls[name] for ref in call.inputs}
    only_masks = _only_masks(calls, entries, users, ended)
    rooted = {
        name
        for name in only_masks
        if entries[name].class_name == "NotEqual" and any(ref in masked for call in calls[name] for ref in call.inputs)
    }
    gone = _reached(rooted, lambda name: (user for user, _ in users[name] if user in only_masks))
    # and what nothing but those take: the zeros to which a mask is broadcast
    gone = _reached(
        gone,
        lambda name: (
            ref.layer
            for call in calls.get(name, ())
            for ref in call.inputs
            if ref.layer in only_masks and all(user in gone for user, _ in users[ref.layer])
        ),
    )
    if not gone:
        return calls
    return {name: [_without_refs(call, gone) for call in made] for name, made in calls.items() if name not in gone}


def _reached(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(start)
    stack = list(found)
    while stack:
        new = set(following(stack.pop())) - found
        found |= new
        stack.extend(new)
    return found


def _makes_masks(entry: Entry) -> bool:
    return entry.class_name == "Masking" or entry.config.get("mask_zero") is True


def _only_masks(
    calls: Calls, entries: Mapping[str, Entry], users: Mapping[str, list[tuple[str, str]]], ended: set[str]
) -> set[str]:
    """Operations whose result goes into `mask` arguments and operations of the same kind, and nowhere else."""
    found = {name for name in calls if entries[name].is_op and users[name] and name not in ended}
    stack = list(found)
    while stack:
        name = stack.pop()
        if name in found and not all(user in found or _is_mask(key) for user, key in users[name]):
            found.discard(name)
            stack.extend(ref.layer for call in calls[name] for ref in call.inputs)
    return found


def _is_mask(keyword: str) -> bool:
    return keyword == "mask" or (keyword.endswith("_mask") and keyword != "attention_mask")


def _without_refs(call: Call, gone: set[str]) -> Call:
    keywords = call.keywords or ("",) * len(call.inputs)
    kept = [(ref, key) for ref, key in zip(call.inputs, keywords, strict=True) if ref.layer not in gone]
    kwargs = {key: value for key, value in call.kwargs.items() if not _is_mask(key)}
    return Call(tuple(ref for ref, _ in kept), _keywords([key for _, key in kept]), kwargs)


def _users(calls: Calls) -> dict[str, list[tuple[str, str]]]:
    """Who takes a layer's tensors, and by which keyword."""
    users: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, made in calls.items():
        for call in made:
            for ref, keyword in zip(call.inputs, call.keywords or ("",) * len(call.inputs), strict=True):
                users[ref.layer].append((name, keyword))
    return users


# Labels and defaults of one call ------------------------------------------------------------------------------------


def _labelled(call: Call, entry: Entry) -> Call:
    if operation(entry.class_name, entry.config):
        return by_position(call, entry.config)
    kwargs = call.kwargs
    if "name" in kwargs and entry.class_name == "TFOpLambda":
        kwargs = {key: value for key, value in kwargs.items() if key != "name"}
    if not kwargs and len(call.inputs) == 1 and not call.keywords:
        return call
    if "training" in kwargs and _is_default(kwargs["training"], entry):
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
    names = _POSITIONAL.get(entry.class_name)
    if names is None and entry.class_name not in _RECURRENT and not call.keywords:
        return call if kwargs is call.kwargs else Call(call.inputs, (), kwargs)
    labels = list(call.keywords or ("",) * len(call.inputs))
    if labels and "" not in labels:
        labels = ["" if label in _FIRST else label for label in labels]
    positions = [index for index, label in enumerate(labels) if not label]
    for place, index in enumerate(positions):
        if names is not None and place < len(names):
            labels[index] = names[place]
        elif entry.class_name in _RECURRENT and place:
            labels[index] = "initial_state"
    order = sorted(range(len(labels)), key=lambda index: labels[index])
    return Call(tuple(call.inputs[index] for index in order), _keywords([labels[index] for index in order]), kwargs)


def _keywords(labels: list[str]) -> tuple[str, ...]:
    return tuple(labels) if any(labels) else ()


def _is_default(training: Any, entry: Entry) -> bool:
    """Would the layer do the same without `training`? BatchNormalization would not: False freezes its statistics."""
    if entry.inner is not None:
        return False
    if entry.class_name.startswith(_ALWAYS_TRAINING):
        return training is True
    return training is False and "BatchNormalization" not in entry.class_name
