# What each stored tensor is called, whoever stored it. Names in files are unreliable (`dense_1_W`, `model/d1/kernel:0`,
# `kernel`, `0`), the order is not: Keras itself loads by position. So class and config tell the roles.
# A class that stands in `_OWN` is known wholly; weights of any other class keep the names the file gives them.
"""Which weights a layer of a known class makes itself, in which order, under which names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STATISTICS = frozenset(
    {
        "moving_mean",
        "moving_variance",
        "moving_stddev",
        "renorm_mean",
        "renorm_mean_weight",
        "renorm_stddev",
        "renorm_stddev_weight",
        "seed_generator_state",
        "sn_u",
        "vector_u",
        "kernel_scale",
        "kernel_zero",
        "embeddings_scale",
        "embeddings_zero",
        "g_idx",
    }
)
"""Last components of the roles of weights that no optimizer touches, in any class."""

GATES = {"LSTM": "icfo", "ConvLSTM2D": "icfo", "GRU": "zrh"}
"""Keras 1 kept the gates of a recurrent layer apart, in this order."""
_RECURRENT_ROLES = ("kernel", "recurrent_kernel", "bias")

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One weight that a layer has."""

    role: str
    trainable: bool = True


def own_slots(class_name: str, config: Config, *, gates: bool = False) -> tuple[Slot, ...] | None:
    """The weights a class makes itself, without those of inner layers; None where the class is not known.

    `gates`: the file has the separate gates of Keras 1.
    """
    recurrent = class_name.removesuffix("Cell")
    if gates and recurrent in GATES:
        return _slots([f"{role}_{gate}" for gate in GATES[recurrent] for role in _RECURRENT_ROLES])
    make = _OWN.get(class_name)
    return make(config) if make else None


def mode_of(config: Config) -> str:
    """The quantisation in a layer's dtype policy: an object, or text such as `int8_from_float32`; else ""."""
    policy = config.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config")
        inner = inner if isinstance(inner, dict) else {}
        policy = inner.get("mode") or inner.get("name")
    found = _MODE.match(policy) if isinstance(policy, str) else None
    return found[1] if found else ""


def quantised_slots(plain: Sequence[Slot], mode: str) -> list[Slot]:
    """All slots of a quantised layer in the order of the v3 store; the last of them may be missing."""
    if mode in _INSTEAD:
        has_bias = any(slot.role == "bias" for slot in plain)
        return [Slot(role) for role in _INSTEAD[mode] if role != "bias" or has_bias]
    trainable = mode == "float8"  # its scales are updated by their gradients
    return [*plain, *(Slot(role.format(plain[0].role), trainable) for role in _TOO.get(mode, ()) if plain)]


_MODE = re.compile(r"(gptq|awq|float8|int8|int4)")
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


def _slots(roles: Sequence[str], *, trainable: bool = True) -> tuple[Slot, ...]:
    return tuple(Slot(role, trainable) for role in roles)


def _always(*roles: str) -> Callable[[Config], tuple[Slot, ...]]:
    return lambda _: _slots(roles)


def _biased(*roles: str) -> Callable[[Config], tuple[Slot, ...]]:
    """These, and a bias unless the config says no (`bias` in Keras 1)."""
    return lambda config: _slots([*roles, *(["bias"] if config.get("use_bias", config.get("bias", True)) else [])])


def _einsum(config: Config) -> tuple[Slot, ...]:
    return _slots(["kernel"] if config.get("bias_axes") is None else ["kernel", "bias"])


def _affine(config: Config) -> tuple[Slot, ...]:
    gamma = ["gamma"] if config.get("scale", True) else []
    beta = ["beta"] if config.get("center", True) and not config.get("rms_scaling") else []
    return _slots([*gamma, *beta])


def _batch_normalization(config: Config) -> tuple[Slot, ...]:
    renorm = ["moving_stddev", "renorm_mean", "renorm_stddev"] if config.get("renorm") else []
    return (*_affine(config), *_slots(["moving_mean", "moving_variance", *renorm], trainable=False))


def _normalization(config: Config) -> tuple[Slot, ...]:
    given = config.get("mean") is not None
    return () if given else _slots(["mean", "variance", "count"], trainable=False)


def _reversible(config: Config) -> tuple[Slot, ...]:
    return _slots(["embeddings"] if config.get("tie_weights", True) else ["embeddings", "reverse_embeddings"])


def _attention(config: Config) -> tuple[Slot, ...]:
    scale = ["scale"] if config.get("use_scale") else []
    return _slots([*scale, *(["concat_score_weight"] if config.get("score_mode") == "concat" else [])])


def _additive(config: Config) -> tuple[Slot, ...]:
    return _slots(["scale"] if config.get("use_scale", True) else [])


def _vector_u(_: Config) -> tuple[Slot, ...]:
    return _slots(["vector_u"], trainable=False)


RECURRENT_LAYERS = frozenset(
    {"LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNLSTM", "CuDNNGRU"}
)
"""Layers that keep their own weights in a cell."""
ATTENTION = frozenset({"MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"})
"""Layers made of four dense layers."""
_KERNELS = frozenset(
    {f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")}
    | {"Dense", "DepthwiseConv1D", "DepthwiseConv2D", "LocallyConnected1D", "LocallyConnected2D"}
)
_BY_RANK = ("AveragePooling", "Cropping", "GlobalAveragePooling", "GlobalMaxPooling", "MaxPooling", "SpatialDropout")
WITHOUT = frozenset(
    {f"{name}{rank}D" for name in (*_BY_RANK, "UpSampling", "ZeroPadding") for rank in (1, 2, 3)}
    | {"Activation", "ELU", "LeakyReLU", "ReLU", "Softmax", "ThresholdedReLU", "ActivityRegularization"}
    | {"Add", "Average", "Concatenate", "Dot", "Maximum", "Merge", "Minimum", "Multiply", "Subtract"}
    | {"AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "UnitNormalization"}
    | {"Flatten", "Identity", "InputLayer", "Lambda", "Masking", "Permute", "RepeatVector", "Reshape"}
    | {"CenterCrop", "Rescaling", "Resizing", "RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip"}
    | {"RandomHeight", "RandomRotation", "RandomTranslation", "RandomWidth", "RandomZoom"}
)
"""Layers that never have weights."""
_OWN: dict[str, Callable[[Config], tuple[Slot, ...]]] = {
    **dict.fromkeys(WITHOUT | ATTENTION, _always()),
    **dict.fromkeys(("Bidirectional", "RNN", "StackedRNNCells", "TimeDistributed"), _always()),
    **dict.fromkeys(("Functional", "Model", "Sequential"), _always()),
    **dict.fromkeys(_KERNELS, _biased("kernel")),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _biased("depthwise_kernel", "pointwise_kernel")),
    **dict.fromkeys(RECURRENT_LAYERS, _biased("kernel", "recurrent_kernel")),
    **dict.fromkeys((f"{name}Cell" for name in RECURRENT_LAYERS), _biased("kernel", "recurrent_kernel")),
    **dict.fromkeys(("BatchNormalization", "SyncBatchNormalization"), _batch_normalization),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LayerNormalization"), _affine),
    "AdditiveAttention": _additive,
    "Attention": _attention,
    "EinsumDense": _einsum,
    "Embedding": _always("embeddings"),
    "Normalization": _normalization,
    "PReLU": _always("alpha"),
    "RMSNormalization": _always("scale"),
    "ReversibleEmbedding": _reversible,
    "SpectralNormalization": _vector_u,
}
KNOWN = frozenset(_OWN) | {"StringLookup", "IntegerLookup", "TextVectorization", "Discretization", "CategoryEncoding"}
"""Classes of Keras itself."""
