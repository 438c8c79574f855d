# What a layer looks like from outside: its class, its config, and its neighbourhood to some distance, as numbers that
# are equal exactly where the layers look alike (Weisfeiler-Lehman refinement; for whole cones, a Merkle tree).
# Numbers come from one table for both models: no hash collisions, and numpy compares a layer with thousands at once.
"""Signatures: `Features` of every layer of a flow, comparable between two models."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
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
    return json.dumps(config, sort_keys=True, default=repr) if config else ""


@dataclass(frozen=True, slots=True)
class Features:
    """One number per node of a flow, by node index; equal numbers look alike."""

    name: Ints
    stem: Ints
    """The name whatever its numbers."""
    automatic: NDArray[np.bool_]
    family: Ints
    role: Ints
    class_: Ints
    config: Ints
    """Class and config."""
    shapes: Ints
    """Shapes of the weights."""
    ends: NDArray[np.bool_]
    """Whether the model's outputs are made here."""
    near: Ints
    """Class and config of the layer and of its neighbours."""
    around: Ints
    """The same to a distance of two."""
    around_classes: Ints
    """Classes alone, to a distance of two."""
    before: Ints
    """Classes of the producers."""
    after: Ints
    """Classes of the consumers."""
    above: Ints
    """Everything the layer is computed from."""
    below: Ints
    """Everything computed from the layer."""
    above_classes: Ints
    below_classes: Ints


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


def features(flow: Flow, number: Numbers, *, sized: bool = True) -> Features:
    """The features of every node. The same `number` must serve both models.

    Where they are not `sized`, layers that only differ in width look alike.
    """
    nodes = flow.nodes
    layers = [node.layer for node in nodes]
    classes = [number["class", layer.canonical_class] for layer in layers]
    configs = [number[label, config_key(layer, sized=sized)] for layer, label in zip(layers, classes, strict=True)]

    def beside(labels: list[int]) -> list[tuple[tuple[Any, ...], tuple[int, ...]]]:
        return [(_up(node, labels), _down(node, labels)) for node in nodes]

    def refined(labels: list[int], around: list[tuple[tuple[Any, ...], tuple[int, ...]]], about: str) -> list[int]:
        return [number[about, label, sides] for label, sides in zip(labels, around, strict=True)]

    def cones(labels: list[int], about: str) -> tuple[list[int], list[int]]:
        above, below = [-1] * len(nodes), [-1] * len(nodes)
        for i in flow.order:
            above[i] = number[about, "above", labels[i], _up(nodes[i], above)]
        for i in reversed(flow.order):
            below[i] = number[about, "below", labels[i], _down(nodes[i], below)]
        return above, below

    near = refined(configs, beside(configs), "near")
    classes_beside = beside(classes)
    near_classes = refined(classes, classes_beside, "near")
    above, below = cones(configs, "config")
    above_classes, below_classes = cones(classes, "class")
    array = np.array
    return Features(
        name=array([number["name", layer.name] for layer in layers], np.int64),
        stem=array([number["stem", _NUMBER.sub("#", layer.name)] for layer in layers], np.int64),
        automatic=array([has_automatic_name(layer) for layer in layers], bool),
        family=array([families(layer) for layer in layers], np.int64),
        role=array([number["role", node.role] for node in nodes], np.int64),
        class_=array(classes, np.int64),
        config=array(configs, np.int64),
        shapes=array([number["shapes", _shapes(layer, sized=sized)] for layer in layers], np.int64),
        ends=array([i in flow.ends for i in range(len(nodes))], bool),
        near=array(near, np.int64),
        around=array(refined(near, beside(near), "around"), np.int64),
        around_classes=array(refined(near_classes, beside(near_classes), "around"), np.int64),
        before=array([number["before", up] for up, _ in classes_beside], np.int64),
        after=array([number["after", down] for _, down in classes_beside], np.int64),
        above=array(above, np.int64),
        below=array(below, np.int64),
        above_classes=array(above_classes, np.int64),
        below_classes=array(below_classes, np.int64),
    )
