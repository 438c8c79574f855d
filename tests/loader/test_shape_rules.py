"""Output shapes by rule, as Keras gives them."""

from __future__ import annotations

from typing import Any

import pytest

from modeldiff.loader.shapes import infer

IMAGE = (None, 16, 15, 3)
STEPS = (None, 10, 4)


@pytest.mark.parametrize(
    ("class_name", "config", "inputs", "outputs"),
    [
        ("Dense", {"units": 5}, [(None, 7, 4)], [(None, 7, 5)]),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3]}, [IMAGE], [(None, 14, 13, 8)]),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3], "padding": "same", "strides": [2, 2]}, [IMAGE], [(None, 8, 8, 8)]),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3], "dilation_rate": [2, 2]}, [IMAGE], [(None, 12, 11, 8)]),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3], "data_format": "channels_first"}, [(None, 3, 16, 15)], [(None, 8, 14, 13)]),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3]}, [(None, None, 15, 3)], [(None, None, 13, 8)]),
        ("Conv1D", {"filters": 8, "kernel_size": [3], "padding": "causal"}, [STEPS], [(None, 10, 8)]),
        ("DepthwiseConv2D", {"kernel_size": [3, 3], "depth_multiplier": 2}, [IMAGE], [(None, 14, 13, 6)]),
        ("Conv2DTranspose", {"filters": 8, "kernel_size": [3, 3], "strides": [2, 2]}, [IMAGE], [(None, 33, 31, 8)]),
        ("Conv2DTranspose", {"filters": 8, "kernel_size": [3, 3], "strides": [2, 2], "padding": "same"}, [IMAGE], [(None, 32, 30, 8)]),
        ("Conv1DTranspose", {"filters": 8, "kernel_size": [3], "strides": [2], "padding": "same", "output_padding": [1]}, [STEPS], [(None, 20, 8)]),
        ("MaxPooling2D", {"pool_size": [2, 2], "padding": "valid"}, [IMAGE], [(None, 8, 7, 3)]),
        ("AveragePooling1D", {"pool_size": [3], "strides": [2], "padding": "same"}, [STEPS], [(None, 5, 4)]),
        ("GlobalMaxPooling2D", {}, [IMAGE], [(None, 3)]),
        ("GlobalAveragePooling2D", {"keepdims": True}, [IMAGE], [(None, 1, 1, 3)]),
        ("UpSampling2D", {"size": [2, 3]}, [IMAGE], [(None, 32, 45, 3)]),
        ("UpSampling1D", {"size": 2}, [STEPS], [(None, 20, 4)]),
        ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}, [IMAGE], [(None, 19, 22, 3)]),
        ("ZeroPadding1D", {"padding": [1, 2]}, [STEPS], [(None, 13, 4)]),
        ("Cropping2D", {"cropping": [[1, 1], [2, 0]]}, [IMAGE], [(None, 14, 13, 3)]),
        ("Flatten", {}, [IMAGE], [(None, 720)]),
        ("Flatten", {}, [(None, None, 3)], [(None, None)]),
        ("Reshape", {"target_shape": [-1, 5]}, [STEPS], [(None, 8, 5)]),
        ("Reshape", {"target_shape": [-1, 5]}, [(None, None, 4)], [(None, None, 5)]),
        ("Permute", {"dims": [2, 1]}, [STEPS], [(None, 4, 10)]),
        ("RepeatVector", {"n": 3}, [(None, 4)], [(None, 3, 4)]),
        ("Embedding", {"output_dim": 6}, [(None, 7)], [(None, 7, 6)]),
        ("LSTM", {"units": 5}, [STEPS], [(None, 5)]),
        ("LSTM", {"units": 5, "return_sequences": True, "return_state": True}, [STEPS], [(None, 10, 5), (None, 5), (None, 5)]),
        ("GRU", {"units": 5, "return_state": True}, [STEPS, None], [(None, 5), (None, 5)]),
        ("RNN", {"cell": {"class_name": "StackedRNNCells", "config": {"cells": [{"class_name": "GRUCell", "config": {"units": 2}}, {"class_name": "LSTMCell", "config": {"units": 6}}]}}}, [STEPS], [(None, 6)]),
        ("ConvLSTM2D", {"filters": 2, "kernel_size": [3, 3], "return_sequences": True}, [(None, 5, 8, 8, 1)], [(None, 5, 6, 6, 2)]),
        ("Bidirectional", {"layer": {"class_name": "LSTM", "config": {"units": 5}}, "merge_mode": "concat"}, [STEPS], [(None, 10)]),
        ("Bidirectional", {"layer": {"class_name": "LSTM", "config": {"units": 5}}, "merge_mode": "sum"}, [STEPS], [(None, 5)]),
        ("Bidirectional", {"layer": {"class_name": "LSTM", "config": {"units": 5}}}, [STEPS], [(None, 5), (None, 5)]),
        ("TimeDistributed", {"layer": {"class_name": "Dense", "config": {"units": 5}}}, [(None, 7, 4)], [(None, 7, 5)]),
        ("Add", {}, [(None, 4), (None, 1)], [(None, 4)]),
        ("Concatenate", {"axis": -1}, [(None, 4), (None, 3)], [(None, 7)]),
        ("Concatenate", {"axis": 1}, [(None, None, 3), (None, 2, 3)], [(None, None, 3)]),
        ("Dot", {"axes": 1}, [(None, 4), (None, 4)], [(None, 1)]),
        ("Dot", {"axes": [2, 2]}, [(None, 5, 4), (None, 6, 4)], [(None, 5, 6)]),
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, [(None, 4, 6), (None, 5, 6)], [(None, 4, 6)]),
        ("RNN", {"cell": {"class_name": "LSTMCell", "config": {"units": 2}}, "return_state": True, "return_sequences": True}, [STEPS], [(None, STEPS[1], 2), (None, 2), (None, 2)]),
        ("Attention", {}, [(None, 4, 6), (None, 5, 7)], [(None, 4, 7)]),
        ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 4]}, [(None, 6, 8)], [(None, None, 4)]),
        ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5}, [(None, 4, 8)], [(None, 4, 5)]),
        ("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 5}, [(None, 4, 3)], [(None, 5, 3)]),
        ("Resizing", {"height": 8, "width": 9}, [IMAGE], [(None, 8, 9, 3)]),
        ("BatchNormalization", {}, [IMAGE], [IMAGE]),
    ],
)  # fmt: skip
def test_shapes(class_name: str, config: Any, inputs: Any, outputs: Any) -> None:
    assert infer(class_name, config, inputs) == tuple(outputs)


def test_keras_2_runs_the_equation() -> None:
    config = {"equation": "abc,cd->abd", "output_shape": [None, 4]}
    assert infer("EinsumDense", config, [(None, 6, 8)], is_keras3=False) == ((None, 6, 4),)
    config = {"equation": "...x,xy->...y", "output_shape": 5}
    assert infer("EinsumDense", config, [(None, 4, 3, 8)], is_keras3=False) == ((None, 4, 3, 5),)


@pytest.mark.parametrize(
    ("class_name", "config", "inputs"),
    [
        ("Custom", {"units": 3}, [(None, 4)]),  # no rule
        ("RNN", {"cell": {"class_name": "Custom", "config": {"units": 3}}}, [(None, 5, 4)]),
        ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5}, [(None, 4, 3, 8)]),  # Keras 3 says (3, 4)
        ("Dense", {"units": 3}, [None]),  # nothing to start from
        ("Add", {}, [(None, 4), None]),
        ("Dense", {}, [(None, 4)]),  # not a config of its class
        ("Dense", {"units": -3}, [(None, 4)]),
        ("Conv2D", {"filters": 8, "kernel_size": [30, 30]}, [IMAGE]),  # larger than the image
        ("Add", {}, [(None, 4), (None, 3)]),
        ("UpSampling2D", {"size": ["a" * 1000] * 2}, [(None, 10**9, 10**9, 3)]),
        ("UpSampling2D", {"size": [10**4000, 2]}, [IMAGE]),
        ("Permute", {"dims": [9]}, [IMAGE]),
    ],
)
def test_no_shape_is_better_than_a_guess(class_name: str, config: Any, inputs: Any) -> None:
    assert infer(class_name, config, inputs) is None


def test_attention_scores_are_an_output() -> None:
    config, kwargs = {"num_heads": 2, "key_dim": 3}, {"return_attention_scores": True}
    inputs = [(None, 4, 6), (None, 5, 6)]
    told = ((None, 4, 6), (None, 2, 4, 5))
    assert infer("MultiHeadAttention", config, inputs, kwargs, is_keras3=False) == told
    assert infer("MultiHeadAttention", config, inputs, kwargs) is None  # Keras 3 says (None, 2, 4, 4)
    assert infer("Attention", {}, inputs, kwargs, is_keras3=False) == ((None, 4, 6), (None, 4, 5))
