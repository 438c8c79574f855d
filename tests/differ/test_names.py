# Keras' own rule in its three spellings; a name a person chose must never pass for automatic.
from __future__ import annotations

import pytest

from modeldiff.differ.names import is_automatic, stems

AUTOMATIC = [
    ("dense", "Dense"),
    ("dense_12", "Dense"),
    ("conv2d_1", "Conv2D"),
    ("convolution2d_1", "Conv2D"),
    ("conv2d_transpose_3", "Conv2DTranspose"),
    ("deconvolution2d_2", "Conv2DTranspose"),
    ("conv_lst_m2d", "ConvLSTM2D"),
    ("conv_lstm2d_1", "ConvLSTM2D"),
    ("lstm_2", "LSTM"),
    ("re_lu", "ReLU"),
    ("p_re_lu_1", "PReLU"),
    ("max_pooling2d", "MaxPooling2D"),
    ("maxpooling2d_1", "MaxPooling2D"),
    ("batchnormalization_1", "BatchNormalization"),
    ("batch_normalization_v1_2", "BatchNormalization"),
    ("merge_1", "Add"),
    ("merge_1", "Concatenate"),
    ("merge_2", "Merge"),
    ("input_1", "InputLayer"),
    ("input_layer_2", "InputLayer"),
    ("dense_input", "InputLayer"),
    ("dense_1_input", "InputLayer"),
    ("dense_input_input", "InputLayer"),
    ("functional_4", "Functional"),
    ("model_1", "Functional"),
    ("sequential_2", "Sequential"),
    ("tf_op_layer_Mul_1", "TensorFlowOpLayer"),
    ("tf.math.multiply_2", "TFOpLambda"),
    ("tf.__operators__.add", "TFOpLambda"),
    ("tf.__operators__.getitem_1", "SlicingOpLambda"),
    ("get_item", "GetItem"),
    ("add_3", "Add"),
    ("not_equal_1", "NotEqual"),
    ("my_custom_layer_7", "MyCustomLayer"),
    ("private__hidden", "_Hidden"),
    ("meg_net_layer_1", "MEGNetLayer"),
    ("bidirectional_1", "Bidirectional"),
    ("forward_lstm", "LSTM"),
]

CHOSEN = [
    ("dense_one", "Dense"),
    ("dense1", "Dense"),
    ("forward_", "LSTM"),
    ("fc_1", "Dense"),
    ("conv2d_1", "Conv1D"),
    ("image", "InputLayer"),
    ("encoder", "Functional"),
    ("res2a_branch2a", "Conv2D"),
    ("dense_", "Dense"),
    ("Dense_1", "Dense"),
    ("", "Dense"),
    ("tf_like", "TFOpLambda"),
    ("forward", "LSTM"),
]


@pytest.mark.parametrize(("name", "class_name"), AUTOMATIC)
def test_a_counted_name_is_automatic(name: str, class_name: str) -> None:
    assert is_automatic(name, class_name)


@pytest.mark.parametrize(("name", "class_name"), CHOSEN)
def test_a_chosen_name_is_not(name: str, class_name: str) -> None:
    assert not is_automatic(name, class_name)


def test_a_registered_class_counts_under_its_bare_name() -> None:
    assert is_automatic("my_layer_2", "package>MyLayer")
    assert stems("package>MyLayer") == {"my_layer", "mylayer"}
