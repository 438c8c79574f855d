# What a layer looks like from outside: its class, its config, and its neighbourhood to some distance, as numbers that
# are equal exactly where the layers look alike (Weisfeiler-Lehman refinement; for whole cones, a Merkle tree).
# Numbers come from one table for both models: no hash collisions, and numpy compares a layer with thousands at once.
"""Signatures: `Features` of every layer of a flow, comparable between two models."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import COMMUTATIVE, Flow, Node
from modeldiff.differ.names import has_automatic_name
from modeldiff.graph import Layer

Ints = NDArray[np.int64]

_FAMILIES = (
    "LSTM GRU SimpleRNN Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D RNN CuDNNLSTM CuDNNGRU",
    "BatchNormalization LayerNormalization GroupNormalization UnitNormalization RMSNormalization",
    "Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Relu Relu6 Gelu Silu Sigmoid Tanh LeakyRelu Elu Selu",
    "MaxPooling1D AveragePooling1D GlobalMaxPooling1D GlobalAveragePooling1D AdaptiveAveragePooling1D",
    "MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D AdaptiveAveragePooling2D",
    "MaxPooling3D AveragePooling3D GlobalMaxPooling3D GlobalAveragePooling3D AdaptiveAveragePooling3D",
    "GlobalMaxPooling1D GlobalAveragePooling1D Flatten Reshape",
    "GlobalMaxPooling2D GlobalAveragePooling2D Flatten Reshape",
    "GlobalMaxPooling3D GlobalAveragePooling3D Flatten Reshape",
    "Conv1D SeparableConv1D DepthwiseConv1D Conv1DTranspose LocallyConnected1D",
    "Conv2D SeparableConv2D DepthwiseConv2D Conv2DTranspose LocallyConnected2D",
    "Conv3D Conv3DTranspose",
    "Conv1DTranspose UpSampling1D",
    "Conv2DTranspose UpSampling2D Resizing",
    "Conv3DTranspose UpSampling3D",
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout",
    "Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge",
    "Dense EinsumDense",
    "Attention AdditiveAttention MultiHeadAttention GroupedQueryAttention",
    "Functional Sequential",
)
_FAMILY_BITS: dict[str, int] = {}
for _bit, _names in enumerate(_FAMILIES):
    for _name in _names.split():
        _FAMILY_BITS[_name] = _FAMILY_BITS.get(_name, 0) | 1 << _bit
_SIZES = frozenset({"units", "filters", "output_dim", "key_dim", "value_dim", "num_heads", "target_shape"})
"""Config keys that say how wide a layer is."""
_TEXT = json.JSONEncoder(sort_keys=True, default=repr)
_NUMBER = re.compile(r"\d+")
_OPERATION = 1 << len(_FAMILIES)
_CUSTOM = _OPERATION << 1
_OPERATIONS = frozenset(
    {
        *("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty"),
        "Lambda",
    }
)
_ALONE = {
    name: _CUSTOM << bit
    for bit, name in enumerate(
        (
            *("InputLayer", "Embedding", "Masking", "Permute", "RepeatVector", "TimeDistributed", "Rescaling"),
            *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D"),
            *("Normalization", "ActivityRegularization"),
        ),
        start=1,
    )
}


def families(layer: Layer) -> int:
    """Bits of the families this layer belongs to: two layers with a common bit may take each other's place."""
    if not layer.class_name:
        return -1  # weights alone: the file does not say, so anything may be meant
    name = layer.canonical_class
    bits = _FAMILY_BITS.get(name, 0) | _ALONE.get(name, 0) | _inner_families(layer)
    if name in _OPERATIONS:
        return bits | _OPERATION
    if layer.kind == "op":
        return bits | _OPERATION | _FAMILY_BITS["Add"]
    return bits or _CUSTOM


def _inner_families(layer: Layer) -> int:
    """Of the layer that a wrapper is around: a layer and the wrapper around it may take each other's place."""
    inner = layer.config.get("layer")
    name = inner.get("class_name") if isinstance(inner, Mapping) else None
    return _FAMILY_BITS.get(name, 0) if isinstance(name, str) else 0


def is_keras_class(class_name: str) -> bool:
    """Whether this is one of Keras' own classes, as far as the families know."""
    return class_name in _FAMILY_BITS or class_name in _ALONE or class_name in _OPERATIONS


class Numbers(defaultdict[Hashable, int]):
    """One number for every distinct thing seen, in both models."""

    def __init__(self) -> None:
        super().__init__(count().__next__)


def config_key(layer: Layer, *, sized: bool = True) -> str:
    """The config as a text that is equal where configs are; where it is not `sized`, whatever the sizes are."""
    config = layer.config if sized else {key: value for key, value in layer.config.items() if key not in _SIZES}
    return _TEXT.encode(config) if config else ""


def _up(node: Node, labels: Sequence[int]) -> tuple[Any, ...]:
    """The labels of what a node takes, each with which of the outputs it is."""
    if len(node.producers) == 1:  # as most have
        producer, output = node.producers[0]
        return labels[producer], output
    seen = [(labels[producer], output) for producer, output in node.producers]
    return tuple(sorted(seen) if node.layer.canonical_class in COMMUTATIVE else seen)


def _down(node: Node, labels: Sequence[int]) -> tuple[int, ...]:
    """The labels of those that take what a node makes."""
    if len(node.consumers) == 1:
        return (labels[node.consumers[0]],)
    return tuple(sorted([labels[consumer] for consumer in node.consumers]))


def _shapes(layer: Layer, *, sized: bool) -> tuple[Any, ...]:
    return tuple(weight.shape if sized else len(weight.shape) for weight in layer.comparable_weights)


_Step = Callable[[Node, Sequence[int]], tuple[Any, ...]]


class Features:
    """One number per node of a flow, by node index; equal numbers look alike.

    Each feature is worked out when it is first asked for. The same `number` must serve both models. Where they are not
    `sized`, layers that only differ in width look alike.
    """

    def __init__(self, flow: Flow, number: Numbers, *, sized: bool = True) -> None:
        self._flow, self._number, self._sized = flow, number, sized
        self._layers = [node.layer for node in flow.nodes]
        self.automatic = np.array([has_automatic_name(layer) for layer in self._layers], bool)
        """Whether Keras made up the name."""

    def unsized(self) -> Features:
        """The features of the same nodes, whatever their sizes."""
        other = Features(self._flow, self._number, sized=False)
        other.automatic = self.automatic
        return other

    def _numbered(self, about: str, things: Iterable[Hashable]) -> Ints:
        return np.array([self._number[about, thing] for thing in things], np.int64)

    @cached_property
    def name(self) -> Ints:
        """The name."""
        return self._numbered("name", (layer.name for layer in self._layers))

    @cached_property
    def stem(self) -> Ints:
        """The name whatever its numbers."""
        return self._numbered("stem", (_NUMBER.sub("#", layer.name) for layer in self._layers))

    @cached_property
    def family(self) -> Ints:
        """Bits, see `families`."""
        return np.array([families(layer) for layer in self._layers], np.int64)

    @cached_property
    def role(self) -> Ints:
        """What the node is in the flow."""
        return self._numbered("role", (node.role.value for node in self._flow.nodes))

    @cached_property
    def class_(self) -> Ints:
        """The class."""
        return self._numbered("class", (layer.canonical_class for layer in self._layers))

    @cached_property
    def config(self) -> Ints:
        """Class and config."""
        keys = (config_key(layer, sized=self._sized) for layer in self._layers)
        return self._numbered("config", zip(self.class_.tolist(), keys, strict=True))

    @cached_property
    def shapes(self) -> Ints:
        """Shapes of the weights."""
        return self._numbered("shapes", (_shapes(layer, sized=self._sized) for layer in self._layers))

    @cached_property
    def ends(self) -> NDArray[np.bool_]:
        """Whether the model's outputs are made here."""
        return np.array([index in self._flow.ends for index in range(len(self._layers))], bool)

    @cached_property
    def near(self) -> Ints:
        """Class and config of the layer and of its neighbours."""
        return self._refined(self.config)

    @cached_property
    def around(self) -> Ints:
        """The same to a distance of two."""
        return self._refined(self.near)

    @cached_property
    def around_classes(self) -> Ints:
        """Classes alone, to a distance of two."""
        return self._refined(self._refined(self.class_))

    @cached_property
    def before(self) -> Ints:
        """Classes of the producers."""
        labels = self.class_.tolist()
        return self._numbered("before", (_up(node, labels) for node in self._flow.nodes))

    @cached_property
    def after(self) -> Ints:
        """Classes of the consumers."""
        labels = self.class_.tolist()
        return self._numbered("after", (_down(node, labels) for node in self._flow.nodes))

    @cached_property
    def above(self) -> Ints:
        """Everything the layer is computed from."""
        return self._cone(self.config, self._flow.order, _up)

    @cached_property
    def below(self) -> Ints:
        """Everything computed from the layer."""
        return self._cone(self.config, self._flow.order[::-1], _down)

    @cached_property
    def above_classes(self) -> Ints:
        """The classes of all that the layer is computed from."""
        return self._cone(self.class_, self._flow.order, _up)

    @cached_property
    def below_classes(self) -> Ints:
        """The classes of all that is computed from the layer."""
        return self._cone(self.class_, self._flow.order[::-1], _down)

    def _refined(self, known: Ints) -> Ints:
        """What each node and its neighbours are known as."""
        labels = known.tolist()
        beside = (
            (label, _up(node, labels), _down(node, labels))
            for node, label in zip(self._flow.nodes, labels, strict=True)
        )
        return self._numbered("beside", beside)

    def _cone(self, known: Ints, order: Sequence[int], step: _Step) -> Ints:
        """What each node is known as, and all that it leads to."""
        nodes, number, labels = self._flow.nodes, self._number, known.tolist()
        found = [-1] * len(nodes)
        for index in order:
            found[index] = number[step, labels[index], step(nodes[index], found)]
        return np.array(found, np.int64)
