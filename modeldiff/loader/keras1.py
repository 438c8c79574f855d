# Keras 1 said the same things in other words. The rows follow `keras/legacy/interfaces.py` of Keras 2.0, which made
# the same translation for arguments in code. Only Keras 1 used the old words in these classes, so the dialect needs
# no flag: an old key in a class of the table is Keras 1.
"""Keras 1 configs in the words of Keras 2 and later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SHARED = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "init": "kernel_initializer",
}
_DENSE = {**_SHARED, "output_dim": "units"}
_CONV: Mapping[str, str] = {
    **_SHARED,
    "atrous_rate": "dilation_rate",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
}
_RECURRENT = {
    **_SHARED,
    "U_regularizer": "recurrent_regularizer",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "output_dim": "units",
}
_POOL = {
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "pool_length": "pool_size",
    "stride": "strides",
}

_CONVOLUTIONS = (
    "Convolution1D", "Convolution2D", "Convolution3D", "Deconvolution2D", "AtrousConvolution1D",
    "AtrousConvolution2D", "LocallyConnected1D", "LocallyConnected2D", "SeparableConvolution2D",
)  # fmt: skip
_DROPOUTS = (("", ""), ("Gaussian", ""), ("Spatial", "1D"), ("Spatial", "2D"), ("Spatial", "3D"))

_KEYS: dict[str, Mapping[str, str]] = {
    "Dense": _DENSE,
    "Highway": _DENSE,
    "MaxoutDense": _DENSE,
    "TimeDistributedDense": _DENSE,
    "GRU": _RECURRENT,
    "LSTM": _RECURRENT,
    "SimpleRNN": _RECURRENT,
    **dict.fromkeys(_CONVOLUTIONS, _CONV),
    "ConvLSTM2D": {**_RECURRENT, **_CONV},
    "Embedding": {
        "W_constraint": "embeddings_constraint",
        "W_regularizer": "embeddings_regularizer",
        "init": "embeddings_initializer",
    },
    **{f"{kind}Dropout{rank}": {"p": "rate"} for kind, rank in _DROPOUTS},
    "InputLayer": {"input_dtype": "dtype"},
    "GaussianNoise": {"sigma": "stddev"},
    "PReLU": {"init": "alpha_initializer"},
    **{f"{kind}Pooling{rank}D": _POOL for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{
        f"Global{kind}Pooling{rank}D": {"dim_ordering": "data_format"} for kind in ("Max", "Average") for rank in (2, 3)
    },
    **{f"ZeroPadding{rank}D": {"dim_ordering": "data_format"} for rank in (2, 3)},
    **{f"Cropping{rank}D": {"dim_ordering": "data_format"} for rank in (2, 3)},
    "UpSampling1D": {"length": "size"},
    **{f"UpSampling{rank}D": {"dim_ordering": "data_format"} for rank in (2, 3)},
}

_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_LISTS = ("pool_size", "kernel_size", "strides", "dilation_rate")

MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}


ORDERED = frozenset(f"{kind}{rank}D" for kind in ("Cropping", "UpSampling", "ZeroPadding") for rank in (2, 3))
"""Classes of which Keras 1 does not write where the channels are (`layers/convolutional.py` of 1.0 to 1.2)."""


def ordering(configs: Iterable[Mapping[str, Any]]) -> str:
    """The `dim_ordering` that all layers tell which tell one: it is one setting of Keras, and rarely of a layer."""
    told = {str(config["dim_ordering"]) for config in configs if "dim_ordering" in config}
    return told.pop() if len(told) == 1 else ""


def lacks_ordering(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether the file leaves it open where the channels are."""
    return class_name in ORDERED and config.keys().isdisjoint({"dim_ordering", "data_format"})


def modern(class_name: str, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Class and config with the keys of Keras 2 where they are of Keras 1; unchanged otherwise."""
    if class_name == "Merge" and "mode" in config:
        return _merge(config)
    keys = _KEYS.get(class_name)
    if keys is None:
        return class_name, config
    if keys.keys().isdisjoint(config):
        return class_name, _padding(class_name, config)
    new = {keys.get(key, key): value for key, value in config.items() if key not in keys or keys[key] not in config}
    for names in _SIZES:
        if names[0] in new:
            new["kernel_size"] = [new.pop(name, None) for name in names]
    if class_name.endswith("1D"):
        new.update({key: [new[key]] for key in _LISTS if isinstance(new.get(key), int)})
    if "data_format" in new:
        new["data_format"] = "channels_first" if new["data_format"] in ("th", "channels_first") else "channels_last"
    if class_name == "SeparableConvolution2D" and "kernel_initializer" in new:
        new["depthwise_initializer"] = new["pointwise_initializer"] = new.pop("kernel_initializer")
    if "forget_bias_init" in new:
        forget = new.pop("forget_bias_init")
        new["unit_forget_bias"] = True if forget in ("one", "ones") else forget
    return class_name, _padding(class_name, new)


def _padding(class_name: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Zero padding as one pair per dimension, as Keras 2 writes it."""
    padding = config.get("padding")
    if not class_name.startswith("ZeroPadding"):
        return config
    if isinstance(padding, int):
        return {**config, "padding": [padding, padding]}
    if class_name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4:
        return {**config, "padding": [padding[:2], padding[2:]]}
    if class_name != "ZeroPadding1D" and isinstance(padding, list) and all(isinstance(side, int) for side in padding):
        return {**config, "padding": [[side, side] for side in padding]}
    return config


def _merge(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    mode = config["mode"]
    name = MERGES.get(mode) if isinstance(mode, str) else None
    if name is None:
        return "Lambda", {"function": mode, "arguments": config.get("arguments") or {}}
    if name == "Concatenate":
        return name, {"axis": config.get("concat_axis", -1)}
    if name == "Dot":
        axes = config.get("dot_axes", -1)
        return name, {"axes": axes, "normalize": mode == "cos"}
    return name, {}
