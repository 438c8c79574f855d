# Compile settings say the same thing in many ways: `mse`, a `MeanSquaredError` object, `Custom>Adam`, a list in a
# list, a wrapper that mixed precision puts around the optimizer. Here they become plain values that are equal where
# the settings are. Left out is what says nothing about the training: names, run-time switches, unset options.
"""`training_config` and `compile_config` -> metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modeldiff.loader.values import bare, number

_DEEPEST = 20
_SWITCHES = {
    "name",
    "dtype",
    "is_legacy_optimizer",
    "jit_compile",
    "fn",
    "module",
    "registered_name",
    "shared_object_id",
}
_OFF: dict[str, Any] = {
    "amsgrad": False,
    "centered": False,
    "decay": 0,
    "momentum": 0,
    "nesterov": False,
    "use_ema": False,
    "reduction": "sum_over_batch_size",
    "from_logits": False,
    "label_smoothing": 0,
    "axis": -1,
}
"""Options that say nothing while they have this value."""
_EMA = {"ema_momentum", "ema_overwrite_frequency"}
_SCALED = re.compile(r"(.*>)?LossScaleOptimizer(V\d)?")
_OPTIMIZERS = {
    name.lower(): name
    for name in (
        *("Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam"),
        *("RMSprop", "SGD"),
    )
}
_SAME = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "cosine": "cosine_similarity",
    "logcosh": "log_cosh",
    "acc": "accuracy",
}
"""Losses and metrics with several names."""


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that mean something: `optimizer`, `loss`, `metrics`, `weighted_metrics`, `loss_weights`."""
    found: dict[str, Any] = {}
    optimizer = _optimizer(config.get("optimizer") or config.get("optimizer_config"))
    if optimizer:
        found["optimizer"] = optimizer
    for key in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        value = _named(config.get(key), 0)
        if key.endswith("metrics"):
            while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
                value = value[0]
        if value not in (None, [], {}):
            found[key] = value
    return found


def _optimizer(told: Any) -> dict[str, Any] | None:
    """One flat object, without the wrapper that mixed precision adds by itself."""
    for _ in range(_DEEPEST):
        config = told.get("config") if isinstance(told, dict) else None
        if not isinstance(config, dict) or not _SCALED.fullmatch(str(told.get("class_name"))):
            break
        told = config.get("inner_optimizer", config.get("optimizer"))
    if isinstance(told, str):
        return {"class_name": _OPTIMIZERS.get(told.lower(), told)}
    if not isinstance(told, dict) or not isinstance(told.get("class_name"), str):
        return None
    name = bare(told["class_name"])
    config = told.get("config")
    options = _options(config, 0) if isinstance(config, dict) else {}
    if "lr" in options:
        options["learning_rate"] = options.pop("lr")
    if "use_ema" not in options:
        options = {key: value for key, value in options.items() if key not in _EMA}
    return {"class_name": _OPTIMIZERS.get(name.lower(), name), **options}


def _options(config: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The options that are set."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        plain = _plain(value, depth + 1)
        if key == "reduction" and plain in ("auto", "sum_over_batch_size", "mean"):
            plain = "sum_over_batch_size"
        if key not in _SWITCHES and plain is not None and not (key in _OFF and plain == _OFF[key]):
            found[key] = plain
    return found


def _named(value: Any, depth: int) -> Any:
    """Losses and metrics: an object without options of its own is its name."""
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, str):
        return _SAME.get(value.lower(), value)
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        return _object(value, depth)
    if isinstance(value, dict):
        return {str(key): _named(one, depth + 1) for key, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return [_named(one, depth + 1) for one in value]
    return _plain(value, depth)


def _object(value: Mapping[str, Any], depth: int) -> Any:
    name, config = bare(value["class_name"]), value.get("config")
    if name == "function" or not isinstance(config, dict):
        return _named(config, depth + 1) if isinstance(config, str) else _name(name)
    if name in {"MeanMetricWrapper", "LossFunctionWrapper", "SumOverBatchSizeMetricWrapper"}:
        told = config.get("name")
        if told in ("accuracy", "acc", "crossentropy", "ce"):  # which one it is, Keras finds out from the shapes
            return _SAME.get(told, told)
        return _named(config.get("fn") or told, depth + 1)
    options = _options(config, depth)
    return {"class_name": _name(name), **options} if options else _name(name)


def _name(class_name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    return _SAME.get(snake, snake)


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):  # a schedule of the learning rate
        config = value.get("config")
        return {
            "class_name": bare(value["class_name"]),
            **(_options(config, depth) if isinstance(config, dict) else {}),
        }
    if isinstance(value, dict):
        return {str(key): _plain(one, depth + 1) for key, one in value.items()}
    return [_plain(one, depth + 1) for one in value] if isinstance(value, (list, tuple)) else value
