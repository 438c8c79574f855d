# What Keras renamed or wrote for no reason, as tables. Every row is read off the `get_config` methods of
# keras-team/keras 1.0.8 to 3.15.1 and tf_keras 2.16 to 2.21. What the absence of a key means stands in `defaults`.
"""Tables of names and bookkeeping keys."""

from __future__ import annotations

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

RENAMED_IN: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
}
"""Keys renamed between Keras 2 and 3: class -> old key -> today's."""

ACTIVATIONS = {"swish": "silu", "hard_swish": "hard_silu"}
"""Older name of an activation function -> today's."""

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

MODEL_KEYS = frozenset({"layers", "input_layers", "output_layers", "dtype", "build_input_shape"})
"""Keys of a sub-model's config that stand in its graph."""

WEIGHTLESS = WITHOUT | {
    *("CategoryEncoding", "Hashing", "IntegerLookup", "StringLookup"),
    *("ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer"),
}
"""Classes without weights to train: whether they are frozen means nothing, and versions write it differently."""
