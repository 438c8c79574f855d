"""What a config means, one row per way of writing it."""

from __future__ import annotations

from typing import Any

import pytest

from modeldiff.loader.canonical import canonical_class, canonical_config


def obj(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


@pytest.mark.parametrize(
    ("class_name", "written", "meant"),
    [
        # numbers, sequences, objects of Python
        ("Dropout", {"rate": 0.30000001192092896}, {"rate": 0.3}),
        ("Dropout", {"rate": 1.0}, {"rate": 1}),
        ("BatchNormalization", {"epsilon": 1e-3}, {"epsilon": 0.001}),
        ("Custom", {"a": float("nan"), "b": 1e300}, {"a": "NaN", "b": 1e300}),
        ("Custom", {"a": {"class_name": "__tuple__", "items": [1, 2.0]}}, {"a": [1, 2]}),
        ("Custom", {"a": {"class_name": "TensorShape", "items": [None, 3]}}, {"a": [None, 3]}),
        ("Custom", {"a": {"class_name": "function", "config": "pkg>named", "module": "builtins"}}, {"a": "named"}),
        ("Custom", {"a": {"type": "ndarray", "value": [1.0]}}, {"a": [1]}),
        ("Custom", {"nothing": None, "name": "c", "trainable": False, "build_config": {}}, {}),
        # dtypes
        ("Dense", {"dtype": "float32"}, {}),
        ("Dense", {"dtype": {**obj("DTypePolicy", name="float32"), "module": "keras"}}, {}),
        ("Dense", {"dtype": obj("Policy", name="mixed_float16")}, {"dtype": "mixed_float16"}),
        ("Dense", {"dtype": "mixed_float16"}, {"dtype": "mixed_float16"}),
        (
            "Dense",
            {"dtype": obj("QuantizedDTypePolicy", mode="int8", source_name="float32")},
            {"dtype": "int8_from_float32"},
        ),
        # initializers
        ("Dense", {"kernel_initializer": "glorot_uniform"}, {"kernel_initializer": "GlorotUniform"}),
        ("Dense", {"kernel_initializer": obj("GlorotUniform", seed=7)}, {"kernel_initializer": "GlorotUniform"}),
        (
            "Dense",
            {"kernel_initializer": obj("VarianceScaling", scale=1.0, mode="fan_avg", distribution="uniform", seed=1)},
            {"kernel_initializer": "GlorotUniform"},
        ),
        (
            "Dense",
            {"kernel_initializer": obj("VarianceScaling", scale=2.0, mode="fan_in", distribution="truncated_normal")},
            {"kernel_initializer": "HeNormal"},
        ),
        (
            "Dense",
            {"kernel_initializer": obj("VarianceScaling", scale=3.0, mode="fan_in", distribution="uniform")},
            {"kernel_initializer": obj("VarianceScaling", scale=3, mode="fan_in", distribution="uniform")},
        ),
        ("GRU", {"recurrent_initializer": obj("OrthogonalInitializer", gain=1.0)}, {"recurrent_initializer": "Orthogonal"}),
        (
            "Embedding",
            {"embeddings_initializer": obj("RandomUniform", minval=-0.05000000074505806, maxval=0.05)},
            {"embeddings_initializer": "RandomUniform"},
        ),
        (
            "Dense",
            {"kernel_initializer": obj("RandomNormal", mean=0.0, stddev=0.2)},
            {"kernel_initializer": obj("RandomNormal", stddev=0.2)},
        ),
        ("Dense", {"bias_initializer": "zeros", "use_bias": True}, {}),
        ("Dense", {"bias_initializer": "ones", "use_bias": False}, {"bias_initializer": "Ones", "use_bias": False}),
        # regularizers and constraints
        ("Dense", {"kernel_regularizer": obj("L2", l2=0.009999999776482582)}, {"kernel_regularizer": {"l2": 0.01}}),
        ("Dense", {"kernel_regularizer": obj("L1L2", l1=0.0, l2=0.01)}, {"kernel_regularizer": {"l2": 0.01}}),
        ("Dense", {"kernel_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}}, {"kernel_regularizer": {"l2": 0.01}}),
        ("Dense", {"kernel_regularizer": obj("L1L2", l1=0.0, l2=0.0)}, {}),
        ("Dense", {"kernel_constraint": {"name": "MaxNorm", "m": 2.0, "axis": 0}}, {"kernel_constraint": obj("MaxNorm", max_value=2)}),
        ("Dense", {"kernel_constraint": obj("MaxNorm", max_value=2, axis=0)}, {"kernel_constraint": obj("MaxNorm", max_value=2)}),
        ("Dense", {"kernel_constraint": {"name": "NonNeg"}}, {"kernel_constraint": "NonNeg"}),
        ("Dense", {"kernel_constraint": obj("NonNeg")}, {"kernel_constraint": "NonNeg"}),
        # activations
        ("Activation", {"activation": None}, {"activation": "linear"}),
        ("Activation", {"activation": "swish"}, {"activation": "silu"}),
        ("Activation", {"activation": {"class_name": "function", "config": "mine"}}, {"activation": "mine"}),
        ("Dense", {"activation": obj("ReLU", name="r", max_value=6.0)}, {"activation": obj("ReLU", max_value=6)}),
        # defaults that some version does not write, against changes that are real
        ("Conv2D", {"groups": 1, "dilation_rate": [1, 1], "data_format": "channels_last", "lora_rank": None}, {}),
        ("Conv2D", {"groups": 2, "dilation_rate": [2, 1]}, {"groups": 2, "dilation_rate": [2, 1]}),
        ("DepthwiseConv2D", {"kernel_initializer": "glorot_uniform", "depth_multiplier": 2}, {"depth_multiplier": 2}),
        ("LSTM", {"implementation": 2, "time_major": False, "recurrent_activation": "hard_sigmoid"}, {"recurrent_activation": "hard_sigmoid"}),
        ("GRU", {"reset_after": False}, {}),
        ("GRU", {"reset_after": True}, {"reset_after": True}),
        ("ReLU", {"negative_slope": None, "threshold": 0.0, "max_value": None}, {}),
        ("LeakyReLU", {"alpha": 0.30000001192092896}, {"negative_slope": 0.3}),
        ("RandomRotation", {"factor": 0.1}, {"factor": [-0.1, 0.1]}),
        ("MultiHeadAttention", {"output_shape": 7, "query_shape": [None, 4]}, {"output_shape": [7]}),
        ("Dense", {"lora_rank": 4, "lora_alpha": 4}, {"lora_rank": 4}),
        ("Rescaling", {"scale": 1}, {"scale": 1}),
        ("InputLayer", {"batch_input_shape": [None, 4], "sparse": False, "ragged": False}, {"batch_shape": [None, 4]}),
        ("Dense", {"batch_input_shape": [None, 4]}, {}),
        ("StringLookup", {"dtype": "int64", "vocabulary_size": 4, "encoding": "utf-8", "mask_token": ""}, {"mask_token": ""}),
        # a custom layer may mean anything by its keys
        ("Custom", {"input_dim": 3, "implementation": 2, "p": 0.5}, {"input_dim": 3, "implementation": 2, "p": 0.5}),
        # Keras 1
        ("Dense", {"output_dim": 3, "init": "he_normal", "W_regularizer": None, "bias": False, "input_dim": 4}, {"units": 3, "kernel_initializer": "HeNormal", "use_bias": False}),
        ("Convolution2D", {"nb_filter": 8, "nb_row": 3, "nb_col": 2, "subsample": [2, 2], "border_mode": "same", "dim_ordering": "tf"}, {"filters": 8, "kernel_size": [3, 2], "strides": [2, 2], "padding": "same"}),
        ("Convolution2D", {"nb_filter": 8, "dim_ordering": "th"}, {"filters": 8, "data_format": "channels_first"}),
        ("Convolution1D", {"filter_length": 3, "subsample_length": 2}, {"kernel_size": [3], "strides": [2]}),
        ("LSTM", {"output_dim": 4, "inner_activation": "hard_sigmoid", "forget_bias_init": "one", "dropout_W": 0.5, "consume_less": "cpu"}, {"units": 4, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": True, "dropout": 0.5}),
        ("Dropout", {"p": 0.5}, {"rate": 0.5}),
        ("MaxPooling1D", {"pool_length": 2, "stride": 2, "border_mode": "valid"}, {"pool_size": [2], "strides": [2], "padding": "valid"}),
        ("ZeroPadding2D", {"padding": [1, 2], "dim_ordering": "tf"}, {"padding": [[1, 1], [2, 2]]}),
        ("Merge", {"mode": "concat", "concat_axis": 1, "dot_axes": -1}, {"axis": 1}),
        ("Merge", {"mode": "cos", "dot_axes": [1, 1]}, {"axes": [1, 1], "normalize": True}),
        ("TensorFlowOpLayer", {"node_def": {"name": "Mul_3", "op": "StridedSlice", "input": ["a"], "attr": {}}, "constants": {"1": 2.0}}, {"node_def": {"op": "StridedSlice", "attr": {}}, "constants": {"1": 2}}),
    ],
)  # fmt: skip
def test_configs(class_name: str, written: Any, meant: Any) -> None:
    assert canonical_config(class_name, written) == meant


@pytest.mark.parametrize(
    ("class_name", "axis", "rank", "meant"),
    [
        ("BatchNormalization", [3], 4, -1),
        ("BatchNormalization", 3, 4, -1),
        ("BatchNormalization", -1, 4, -1),
        ("BatchNormalization", [1], 4, -3),
        ("BatchNormalization", [1], 2, -1),
        ("BatchNormalization", [3], None, -1),
        ("BatchNormalization", [1], None, 1),
        ("LayerNormalization", [1, 2], 3, [-2, -1]),
    ],
)
def test_axes_count_from_the_end(class_name: str, axis: Any, rank: int | None, meant: Any) -> None:
    assert canonical_config(class_name, {"axis": axis}, rank) == {"axis": meant}


@pytest.mark.parametrize(
    ("class_name", "config", "today"),
    [
        ("Convolution2D", {}, "Conv2D"),
        ("Deconvolution2D", {}, "Conv2DTranspose"),
        ("Merge", {"mode": "sum"}, "Add"),
        ("Merge", {"mode": "concat"}, "Concatenate"),
        ("Merge", {"mode": "a function"}, "Lambda"),
        ("BatchNormalizationV1", {}, "BatchNormalization"),
        ("GroupQueryAttention", {}, "GroupedQueryAttention"),
        ("Mine", {}, "Mine"),
    ],
)
def test_classes(class_name: str, config: Any, today: str) -> None:
    assert canonical_class(class_name, config) == today


def test_a_bidirectional_of_keras_3_is_that_of_keras_2() -> None:
    lstm = {"units": 4, "return_sequences": True}
    old = {"layer": obj("LSTM", name="lstm", trainable=True, go_backwards=False, **lstm), "merge_mode": "concat"}
    new = {
        "merge_mode": "concat",
        "layer": {**obj("LSTM", name="forward_lstm", zero_output_for_mask=True, **lstm), "module": "keras.layers"},
        "backward_layer": obj("LSTM", name="backward_lstm", zero_output_for_mask=True, go_backwards=True, **lstm),
    }
    assert canonical_config("Bidirectional", old) == canonical_config("Bidirectional", new)
    other = {**new, "backward_layer": obj("LSTM", go_backwards=True, units=4, return_sequences=True, activation="relu")}
    assert "backward_layer" in canonical_config("Bidirectional", other)


def test_cells_and_wrapped_layers_are_canonical_too() -> None:
    cells = [obj("LSTMCell", name="a", units=3, implementation=2), obj("GRUCell", units=4, reset_after=False)]
    assert canonical_config("RNN", {"cell": obj("StackedRNNCells", cells=cells)}) == {
        "cell": obj("StackedRNNCells", cells=[obj("LSTMCell", units=3), obj("GRUCell", units=4)])
    }
    assert canonical_config("TimeDistributed", {"layer": obj("Convolution1D", nb_filter=3)}) == {
        "layer": obj("Conv1D", filters=3)
    }


def test_bytecode_is_a_digest_and_a_name_is_a_name() -> None:
    keras_2 = canonical_config("Lambda", {"function": ["4wEA\nAAA=\n", None, None], "function_type": "lambda"})
    keras_3 = canonical_config(
        "Lambda",
        {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}},
    )
    assert keras_2 == keras_3
    assert keras_2["function"].keys() == {"bytecode"}
    assert len(keras_2["function"]["bytecode"].removeprefix("sha256:")) == 64
    assert canonical_config("Lambda", {"function": "scale_by", "arguments": {"by": 2.0}}) == {
        "function": "scale_by",
        "arguments": {"by": 2},
    }
    changed = canonical_config("Lambda", {"function": ["4wEAAAB=", [1.0], None]})
    assert changed["function"]["bytecode"] != keras_2["function"]["bytecode"]
    assert changed["function"]["defaults"] == [1]


def test_a_config_nested_too_deeply_is_refused() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        canonical_config("Custom", {"deep": deep})
