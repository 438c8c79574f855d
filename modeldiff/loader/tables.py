# What Keras renamed, added or wrote for no reason, as tables. Every row is read off the `get_config` methods of
# keras-team/keras 1.0.8 to 3.15.1 and tf_keras 2.16 to 2.21: a key that some version of a class does not write has
# its default here, so that its absence and its default mean the same. Keys that every version writes are kept even
# at their default, because a change is better shown as `linear` to `relu` than as nothing to `relu`.
"""Tables of names, bookkeeping keys and defaults."""

from __future__ import annotations

from typing import Any

from modeldiff.loader.roles import WITHOUT

CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "GroupQueryAttention": "GroupedQueryAttention",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
}
"""Older name of a layer class -> today's."""

BOOKKEEPING = frozenset(
    {
        "name", "trainable", "batch_input_shape", "autocast", "rng_type", "shared_object_id", "build_config",
        "build_input_shape", "compile_config", "module", "registered_name", "__passive_serialization__", "dynamic",
        "input_dtype", "input_spec",
    }
)  # fmt: skip
"""Keys of any layer that never mean anything, or stand elsewhere (`Layer.name`, `Layer.trainable`)."""

_RECURRENT = ("implementation", "consume_less", "use_cudnn", "input_dim", "input_length")
_LOOKUP = ("vocabulary_size", "has_input_vocabulary", "vocabulary_dtype", "dtype", "vocab_size", "input_vocabulary")
_CONVOLUTION = ("input_dim", "input_length", "implementation")
_DEPTHWISE = ("kernel_initializer", "kernel_regularizer", "kernel_constraint", *_CONVOLUTION)

IGNORED: dict[str, frozenset[str]] = {
    name: frozenset(keys)
    for names, keys in (
        ("LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D", _RECURRENT),
        ("CuDNNLSTM CuDNNGRU", _RECURRENT),
        ("StringLookup IntegerLookup TextVectorization IndexLookup", _LOOKUP),
        ("Conv1D Conv2D Conv3D LocallyConnected1D LocallyConnected2D", _CONVOLUTION),
        ("Conv2DTranspose Conv3DTranspose", ("output_shape", *_CONVOLUTION)),
        ("SeparableConv1D SeparableConv2D", _DEPTHWISE),
        ("DepthwiseConv1D DepthwiseConv2D", ("filters", *_DEPTHWISE)),
        ("Dense MaxoutDense Highway", ("input_dim", "input_length")),
        ("Embedding", ("input_length",)),
        ("BatchNormalization", ("fused", "virtual_batch_size", "adjustment")),
        ("MultiHeadAttention GroupedQueryAttention", ("query_shape", "key_shape", "value_shape")),
        (
            "Lambda",
            ("function_type", "module", "output_shape", "output_shape_type", "output_shape_module", "mask_type",
             "mask_module"),
        ),
        ("Discretization", ("dtype",)),
        ("RandomCrop", ("seed",)),  # Keras 3 makes one up and writes it
        ("AdditiveAttention", ("score_mode",)),  # inherited, without effect
    )
    for name in names.split()
}  # fmt: skip
"""Keys of one class that never mean anything there."""

DEFAULTS: dict[str, Any] = {
    "antialias": False,
    "bias_initializer": "Zeros",
    "beta_initializer": "Zeros",
    "causal": False,
    "center": True,
    "crop_to_aspect_ratio": False,
    "data_format": "channels_last",
    "fill_value": 0,
    "gamma_initializer": "Ones",
    "go_backwards": False,
    "groups": 1,
    "idf_weights": None,
    "invert": False,
    "keepdims": False,
    "moving_mean_initializer": "Zeros",
    "moving_variance_initializer": "Ones",
    "num_constants": 0,
    "oov_method": "floormod",
    "optional": False,
    "pad_to_aspect_ratio": False,
    "pad_to_max_tokens": False,
    "ragged": False,
    "renorm": False,
    "renorm_momentum": 0.99,
    "reset_after": False,
    "return_state": False,
    "reverse_state_order": False,
    "rms_scaling": False,
    "robust_masking": False,
    "scale": True,
    "score_mode": "dot",
    "softmax_robust_masking": False,
    "sparse": False,
    "stateful": False,
    "synchronized": False,
    "time_major": False,
    "unroll": False,
    "use_bias": True,
    "use_gate": False,
    "zero_output_for_mask": False,
}
"""What the absence of a key means, where its name means the same in every class. null is absence anywhere."""

DEFAULTS_OF: dict[str, dict[str, Any]] = {
    "Attention": {"dropout": 0},
    "AdditiveAttention": {"dropout": 0},
    "BatchNormalization": {"mode": 0},
    "Discretization": {"output_mode": "int"},
    "ELU": {"alpha": 1},
    "Embedding": {"dropout": 0},
    "Hashing": {"output_mode": "int"},
    "Lambda": {"arguments": {}},
    "RandomContrast": {"value_range": [0, 255]},
    "RandomRotation": {"value_range": [0, 255]},
    "ReLU": {"negative_slope": 0, "threshold": 0},
    "Resizing": {"fill_mode": "constant"},
    "StringLookup": {"encoding": "utf-8"},
    "TextVectorization": {"encoding": "utf-8"},
    "UpSampling2D": {"interpolation": "nearest"},
}
"""What the absence of a key means in one class."""

RENAMED_IN: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
}
"""Keys renamed between Keras 2 and 3: class -> old key -> today's."""

ACTIVATIONS = {"swish": "silu", "hard_swish": "hard_silu"}
"""Older name of an activation function -> today's."""

INITIALIZER_DEFAULTS: dict[str, dict[str, Any]] = {
    "Zeros": {},
    "Ones": {},
    "Constant": {"value": 0},
    "RandomUniform": {"minval": -0.05, "maxval": 0.05},
    "RandomNormal": {"mean": 0, "stddev": 0.05},
    "TruncatedNormal": {"mean": 0, "stddev": 0.05},
    "VarianceScaling": {},
    "GlorotUniform": {},
    "GlorotNormal": {},
    "HeUniform": {},
    "HeNormal": {},
    "LecunUniform": {},
    "LecunNormal": {},
    "Orthogonal": {"gain": 1},
    "Identity": {"gain": 1},
}
"""Today's initializers and their arguments, all written by every version."""

INITIALIZER_NAMES = {
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer": "Identity",
    "uniform": "RandomUniform",
    "normal": "RandomNormal",
    "zero": "Zeros",
    "one": "Ones",
    "zeros": "Zeros",
    "ones": "Ones",
    "constant": "Constant",
    "random_uniform": "RandomUniform",
    "random_normal": "RandomNormal",
    "truncated_normal": "TruncatedNormal",
    "variance_scaling": "VarianceScaling",
    "glorot_uniform": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform",
    "he_normal": "HeNormal",
    "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal",
    "orthogonal": "Orthogonal",
    "identity": "Identity",
}
"""Older names and strings -> today's class."""

SCALED = {
    (scale, mode, distribution): f"{family}{'Uniform' if distribution == 'uniform' else 'Normal'}"
    for family, scale, mode in (("Glorot", 1, "fan_avg"), ("He", 2, "fan_in"), ("Lecun", 1, "fan_in"))
    for distribution in ("uniform", "normal", "truncated_normal")
}
"""VarianceScaling's scale, mode and distribution -> the family it is (Keras 2.0 to 2.3 wrote it so)."""

CONSTRAINT_DEFAULTS: dict[str, Any] = {"axis": 0, "rate": 1, "min_value": 0}
"""Arguments of constraints that some version does not write."""

MODEL_KEYS = frozenset({"layers", "input_layers", "output_layers", "dtype", "build_input_shape"})
"""Keys of a sub-model's config that stand in its graph."""

WEIGHTLESS = WITHOUT | {
    *("CategoryEncoding", "Hashing", "IntegerLookup", "StringLookup"),
    *("ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer"),
}
"""Classes without weights to train: whether they are frozen means nothing, and versions write it differently."""
