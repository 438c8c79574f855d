# What it means that a config does not hold a key. The loader leaves out what says no more than that, so that versions
# of Keras that write a key and versions that do not agree; the differ says it again where the key is news on one side.
# Every row is read off the `get_config` methods of keras-team/keras 1.0.8 to 3.15.1 and tf_keras 2.16 to 2.21. Keys
# that every version writes are kept even at their default, because they need no table then.
"""Keras' defaults for keys of configs that some version does not write: the tables, and `default_of`."""

from __future__ import annotations

from typing import Any

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
    "RandomErasing": {"fill_value": None},
    "RandomRotation": {"value_range": [0, 255]},
    "ReLU": {"negative_slope": 0, "threshold": 0},
    "Resizing": {"fill_mode": "constant"},
    "StringLookup": {"encoding": "utf-8"},
    "TextVectorization": {"encoding": "utf-8"},
    "UpSampling2D": {"interpolation": "nearest"},
}
"""What the absence of a key means in one class."""

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

CONSTRAINT_DEFAULTS: dict[str, Any] = {"axis": 0, "rate": 1, "min_value": 0}
"""Arguments of constraints that some version does not write."""

_NONE = frozenset(
    {
        "bounding_box_format", "flash_attention", "idf_weights", "logit_soft_cap", "lora_rank", "mask_token",
        "max_tokens", "max_value", "mean", "ngrams", "noise_shape", "num_tokens", "output_padding",
        "output_sequence_length", "renorm_clipping", "salt", "seed", "shared_axes", "sliding_window",
        "value_dim", "variance",
    }
)  # fmt: skip
"""Keys that are None in every class that has them, where nobody set them. null is left out of configs."""


WITH_DEFAULTS = DEFAULTS_OF.keys() | INITIALIZER_DEFAULTS.keys()
"""Classes that the tables name, all of them Keras' own."""


def default_of(class_name: str, key: str, unknown: Any) -> Any:
    """The value of `key` in a config of a class of Keras that does not hold it; `unknown` where no table tells."""
    if key in DEFAULTS_OF.get(class_name, {}):
        return DEFAULTS_OF[class_name][key]
    if class_name in INITIALIZER_DEFAULTS:
        return INITIALIZER_DEFAULTS[class_name].get(key, unknown)
    return None if key in _NONE else default_of_any(key, DEFAULTS.get(key, unknown))


def default_of_any(key: str, unknown: Any) -> Any:
    """The same in a class of whomever: one that has no regularizer or constraint has none."""
    if key == "dtype":
        return "float32"
    return None if key.endswith(("_regularizer", "_constraint")) else unknown
