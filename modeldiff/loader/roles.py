# What each stored tensor is called, whoever stored it. Names in files are unreliable (`dense_1_W`, `model/d1/kernel:0`,
# `kernel`, `0`), the order is not: Keras itself loads by position. So the role of a weight is read from its layer's
# class and config, as a tree of parts: a wrapper has its inner layers as parts, a nested model its layers. One tree
# serves both stores: flattened it is the order of the legacy format, walked by attribute it is the v3 store.
"""Which weights a layer of a known class has, in which order, under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modeldiff.loader.canonical import bare, canonical_class

STATISTICS = frozenset(
    {"moving_mean", "moving_variance", "moving_stddev", "running_mean", "running_variance", "renorm_mean"}
    | {"renorm_stddev", "renorm_mean_weight", "renorm_stddev_weight", "vector_u", "sn_u", "seed_generator_state"}
)
"""Last components of the roles of weights that no optimizer touches, in any class."""

_DEEPEST = 50
"""Wrappers in wrappers."""
_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_GATES = {"LSTM": "icfo", "ConvLSTM2D": "icfo", "GRU": "zrh"}
"""Keras 1 kept the gates of a recurrent layer apart, in this order."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One weight that a layer has of its own."""

    role: str
    trainable: bool = True


@dataclass(slots=True)
class Part:
    """A layer with what it is made of."""

    raw: Mapping[str, Any]
    class_name: str
    config: Mapping[str, Any]
    own: tuple[Slot, ...] | None
    """Its own weights in the order they were made; None where the class is not known."""
    parts: list[tuple[str, Part]] = field(default_factory=list)
    """Inner layers: the prefix of their roles, and the layer."""
    keys: list[str] = field(default_factory=list)
    """The name of each of `parts` in the v3 store."""

    @property
    def trainable(self) -> bool:
        """Its own flag."""
        return self.config.get("trainable", True) is not False

    @property
    def is_known(self) -> bool:
        """Whether all its weights are known."""
        return self.own is not None and all(part.is_known for _, part in self.parts)

    def slots(self) -> list[Slot]:
        """All weights in the order of the legacy format: trainable ones first, the rest after them."""
        return [*self.listed("trainable"), *self.listed("rest")]

    def listed(self, what: str) -> list[Slot]:
        """Keras' `trainable_weights`, or the `rest`; a frozen layer lists what would be trainable before the rest."""
        if what == "trainable":
            return self._tier("trainable") if self.trainable else []
        return self._tier("rest") if self.trainable else [*self._tier("trainable"), *self._tier("rest")]

    def _tier(self, what: str) -> list[Slot]:
        own = [slot for slot in self.own or () if slot.trainable == (what == "trainable")]
        return own + [Slot(prefix + slot.role, slot.trainable) for prefix, p in self.parts for slot in p.listed(what)]


def part_of(raw: Mapping[str, Any], *, gates: bool = False, depth: int = 0) -> Part:
    """The parts of a layer object. `gates`: the file has the separate gates of Keras 1."""
    config = raw.get("config")
    config = config if isinstance(config, dict) else {}
    class_name = canonical_class(bare(str(raw.get("class_name", ""))), config)
    own = _own(class_name, config, gates=gates) if depth < _DEEPEST else None
    part = Part(raw, class_name, config, own)
    for prefix, key, inner in _inner_layers(class_name, config) if depth < _DEEPEST else ():
        part.parts.append((prefix, part_of(inner, gates=gates, depth=depth + 1)))
        part.keys.append(key)
    return part


def _own(name: str, config: Mapping[str, Any], *, gates: bool) -> tuple[Slot, ...] | None:
    """The weights a class makes itself, without those of inner layers."""
    if name in WITHOUT or name in _WRAPPERS or name in _ATTENTION:
        return ()
    bias = ["bias"] if _uses_bias(name, config) else []
    if name in _KERNEL:
        return _slots(["kernel", *bias])
    if name in _SEPARABLE:
        return _slots(["depthwise_kernel", "pointwise_kernel", *bias])
    recurrent = name.removesuffix("Cell")
    if recurrent in RECURRENT_LAYERS:
        if gates and recurrent in _GATES:
            return _slots([f"{role}_{gate}" for gate in _GATES[recurrent] for role in _RECURRENT])
        return _slots(["kernel", "recurrent_kernel", *bias])
    if name in {"BatchNormalization", "SyncBatchNormalization"}:
        renorm = ["moving_stddev", "renorm_mean", "renorm_stddev"] if config.get("renorm") else []
        return (*_affine(config), *_slots(["moving_mean", "moving_variance", *renorm], trainable=False))
    if name in {"LayerNormalization", "GroupNormalization", "InstanceNormalization"}:
        return _affine(config)
    if name == "Normalization":
        given = config.get("mean") is not None
        return () if given else _slots(["mean", "variance", "count"], trainable=False)
    if name == "SpectralNormalization":
        return _slots(["vector_u"], trainable=False)
    if name == "RNN":
        return ()
    if name == "ReversibleEmbedding":
        return _slots(["embeddings"] if config.get("tie_weights", True) else ["embeddings", "reverse_embeddings"])
    if name == "Attention":
        return _slots(
            [*(["scale"] if config.get("use_scale") else []), *_CONCAT.get(str(config.get("score_mode")), ())]
        )
    if name == "AdditiveAttention":
        return _slots(["scale"] if config.get("use_scale", True) else [])
    role = {"Embedding": "embeddings", "PReLU": "alpha", "RMSNormalization": "scale"}.get(name)
    return _slots([role]) if role else None


def _slots(roles: Sequence[str], *, trainable: bool = True) -> tuple[Slot, ...]:
    return tuple(Slot(role, trainable) for role in roles)


def _affine(config: Mapping[str, Any]) -> tuple[Slot, ...]:
    gamma = ["gamma"] if config.get("scale", True) else []
    beta = ["beta"] if config.get("center", True) and not config.get("rms_scaling") else []
    return _slots([*gamma, *beta])


def _uses_bias(name: str, config: Mapping[str, Any]) -> bool:
    if name == "EinsumDense":
        return config.get("bias_axes") is not None
    return bool(config.get("use_bias", config.get("bias", True)))


def _inner_layers(name: str, config: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Prefix of the roles, name in the v3 store, object."""
    layer, cell = config.get("layer"), config.get("cell")
    if name == "Bidirectional" and isinstance(layer, dict):
        backward = config.get("backward_layer")
        yield "forward/", "forward_layer", layer
        yield "backward/", "backward_layer", backward if isinstance(backward, dict) else layer
    elif name in {"RNN", "StackedRNNCells"} or isinstance(config.get("cells"), list):
        cells = config.get("cells")
        if isinstance(cell, dict):
            yield "", "cell", cell
        for number, inner in enumerate(cells if isinstance(cells, list) else ()):
            if isinstance(inner, dict):
                yield f"cells/{number}/", f"cells/{number}", inner
    elif name in _ATTENTION:
        dense = {"class_name": "EinsumDense", "config": {"bias_axes": "b" if config.get("use_bias", True) else None}}
        for role in ("query", "key", "value", "output"):
            yield f"{'attention_output' if role == 'output' else role}/", f"{role}_dense", dense
    elif isinstance(layer, dict) and "class_name" in layer:
        yield "", "layer", layer
    elif isinstance(config.get("layers"), list):  # a model inside a wrapper
        for inner in config["layers"]:
            if isinstance(inner, dict):
                inside = inner.get("config")
                told = inner.get("name") or (inside.get("name") if isinstance(inside, dict) else "")
                yield f"{told}/", f"layers/{told}", inner


_CONCAT = {"concat": ("concat_score_weight",)}
_KERNEL = frozenset(
    """Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D
    DepthwiseConv2D LocallyConnected1D LocallyConnected2D""".split()
)
_SEPARABLE = frozenset({"SeparableConv1D", "SeparableConv2D"})
RECURRENT_LAYERS = frozenset("LSTM GRU SimpleRNN ConvLSTM1D ConvLSTM2D ConvLSTM3D CuDNNLSTM CuDNNGRU".split())
_ATTENTION = frozenset({"MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"})
_WRAPPERS = frozenset({"TimeDistributed", "Bidirectional", "Functional", "Sequential", "Model", "StackedRNNCells"})
WITHOUT = frozenset(
    """InputLayer Activation ReLU LeakyReLU ELU Softmax ThresholdedReLU Flatten Reshape Permute RepeatVector Lambda
    Masking Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge Dropout SpatialDropout1D
    SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization Cropping1D
    Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D UpSampling2D UpSampling3D
    MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    Identity UnitNormalization Rescaling Resizing CenterCrop RandomFlip RandomRotation RandomZoom RandomTranslation
    RandomCrop RandomContrast RandomBrightness RandomHeight RandomWidth""".split()
)
KNOWN = (
    _KERNEL
    | _SEPARABLE
    | RECURRENT_LAYERS
    | _ATTENTION
    | _WRAPPERS
    | WITHOUT
    | {f"{name}Cell" for name in RECURRENT_LAYERS}
    | set("BatchNormalization SyncBatchNormalization LayerNormalization GroupNormalization RMSNormalization".split())
    | set("Normalization SpectralNormalization RNN Embedding ReversibleEmbedding PReLU Attention".split())
    | set("AdditiveAttention StringLookup IntegerLookup TextVectorization Discretization CategoryEncoding".split())
    | set("Hashing HashedCrossing".split())
)
"""Classes of Keras itself."""
