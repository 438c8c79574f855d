# Which names a person chose and which Keras made up. Keras counts instances per class in one process, so `dense_3`
# says "the fourth Dense of that session" and nothing about the layer. The rule is Keras' own, in its three
# spellings (Keras 1: lower case; Keras 2 and 3: snake case, by two rules). Rejected: a list of known automatic names,
# which custom classes and operations break.
"""Keras' rule for automatic names, in all versions."""

from __future__ import annotations

import re
from functools import lru_cache

from modeldiff.graph import Layer

# Classes whose automatic names come from another word than the class: older class names and Keras' own exceptions.
_OTHER_STEMS: dict[str, tuple[str, ...]] = {
    "InputLayer": ("input",),
    "Conv1D": ("convolution1d", "atrous_convolution1d"),
    "Conv2D": ("convolution2d", "atrous_convolution2d"),
    "Conv3D": ("convolution3d",),
    "Conv2DTranspose": ("deconvolution2d",),
    "Conv3DTranspose": ("deconvolution3d",),
    "SeparableConv2D": ("separable_convolution2d",),
    "BatchNormalization": ("batch_normalization_v1", "batch_normalization_v2"),
    "LayerNormalization": ("layer_norm",),
    "GroupedQueryAttention": ("group_query_attention",),
    "Functional": ("model", "container", "network"),
    "Model": ("functional",),
    "Lambda": ("merge",),
    "CuDNNLSTM": ("cu_dnnlstm",),
    "CuDNNGRU": ("cu_dnngru",),
}
_MERGES = frozenset({"Add", "Multiply", "Concatenate", "Average", "Maximum", "Minimum", "Dot", "Subtract"})
_LAMBDA_OPS = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"})

_WORD = re.compile(r"(.)([A-Z][a-z]+)")
_WORD_OR_DIGIT = re.compile(r"(.)([A-Z][a-z0-9]+)")
_HUMP = re.compile(r"([a-z])([A-Z])")
_COUNTER = re.compile(r"_\d+$")
_WRAPPED_INPUT = re.compile(r"_input$")
_DIRECTION = re.compile(r"^(forward|backward)_(?=.)")
"""What a Bidirectional puts before the name of the layer it wraps."""
_OP_NAME = re.compile(r"tf\.[\w.]+$")


@lru_cache(maxsize=4096)
def stems(class_name: str) -> frozenset[str]:
    """The words that Keras 1, 2 and 3 put before the counter for this class.

    >>> sorted(stems("ConvLSTM2D"))
    ['conv_lst_m2d', 'conv_lstm2d', 'convlstm2d']
    """
    plain = re.sub(r"\W+", "", class_name.rpartition(">")[2])
    found = {plain.lower(), *_OTHER_STEMS.get(class_name, ())}
    for rule in (_WORD, _WORD_OR_DIGIT):
        snake = _HUMP.sub(r"\1_\2", rule.sub(r"\1_\2", plain)).lower()
        found.add(f"private{snake}" if snake.startswith("_") else snake)
    if class_name in _MERGES:
        found.add("merge")
    return frozenset(found)


def is_automatic(name: str, *class_names: str) -> bool:
    """Whether Keras may have made up this name for a layer of these classes (the file's name and today's).

    A person who calls a Dense `dense_1` cannot be told from Keras.
    """
    name = _DIRECTION.sub("", name)
    stem = _COUNTER.sub("", name)
    for class_name in class_names:
        known = stems(class_name)
        if name in known or stem in known:
            return True
        if class_name == "InputLayer" and _WRAPPED_INPUT.search(stem):
            return True
        if class_name in _LAMBDA_OPS and _OP_NAME.match(name):
            return True
        if class_name == "TensorFlowOpLayer" and name.startswith("tf_op_layer_"):
            return True
    return False


def has_automatic_name(layer: Layer) -> bool:
    """Whether Keras may have made up the name of this layer."""
    if not layer.has_name:
        return True
    if layer.body is not None and is_automatic(layer.name, "Functional", "Sequential", "Model"):
        return True
    return is_automatic(layer.name, layer.class_name, layer.canonical_class)
