# The same layer from two writers gives the same class and the same config. What is dropped or renamed stands in
# `tables`, `defaults` and `keras1`; here are only the rules that need more than one key or the rank of the input.
"""Canonical classes and configs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from modeldiff.defaults import DEFAULTS, DEFAULTS_OF
from modeldiff.loader import keras1, values
from modeldiff.loader.tables import BOOKKEEPING, CLASSES, IGNORED, RENAMED_IN
from modeldiff.loader.tensorflow_ops import operation
from modeldiff.loader.values import bare

__all__ = ["bare", "canonical_class", "canonical_config"]

_NOTHING: frozenset[str] = frozenset()
_NO_DEFAULTS: dict[str, Any] = {}
_ABSENT = object()


def canonical_class(class_name: str, config: Mapping[str, Any]) -> str:
    """Today's name of a layer class; a Merge of Keras 1 by its mode, arithmetic of TensorFlow by its operation."""
    if class_name == "Merge":
        class_name, _ = keras1.modern(class_name, config)
    if name := operation(class_name, config):
        return name
    return CLASSES.get(class_name, class_name)


def canonical_config(
    class_name: str, config: Mapping[str, Any], rank: int | None = None, depth: int = 0
) -> dict[str, Any]:
    """What a layer's config means, without how it was written; absent keys have today's default.

    `rank` counts the dimensions of the first input, with the batch; it tells a positive axis from the last.

    Raises:
        ValueError: the config is nested too deeply.
    """
    class_name, config = keras1.modern(class_name, config)
    if class_name == "SyncBatchNormalization":
        config = {**config, "synchronized": True}
    class_name = CLASSES.get(class_name, class_name)
    ignored = IGNORED.get(class_name, _NOTHING)
    own_defaults = DEFAULTS_OF.get(class_name, _NO_DEFAULTS)
    renamed = RENAMED_IN.get(class_name, _NO_DEFAULTS)
    special = _SPECIAL.get(class_name)
    result: dict[str, Any] = {}
    for written_key, written in config.items():
        if written_key in BOOKKEEPING or written_key in ignored:
            continue
        kind = type(written)
        if kind is bool or kind is int:
            value = written
        elif kind is float:
            value = values.number(written)
        else:
            value = _reader(written_key, class_name)(written, _layer_object, depth)
            if value is None:
                continue
        key = renamed.get(written_key, written_key)
        default = own_defaults[key] if key in own_defaults else DEFAULTS.get(key, _ABSENT)
        if value != default or type(value) is not type(default):
            result[key] = value
    if special is not None:
        special(result, config, rank)
    return result


def _layer_object(class_name: str, config: Mapping[str, Any], depth: int) -> Any:
    class_name = bare(class_name)
    return {
        "class_name": canonical_class(class_name, config),
        "config": canonical_config(class_name, config, depth=depth + 1),
    }


@lru_cache(maxsize=4096)
def _reader(key: str, class_name: str) -> Callable[[Any, values.LayerObject, int], Any]:
    """What the name of a key says about its value."""
    if key in {"activation", "recurrent_activation"}:
        return values.activation
    if class_name == "Lambda" and key in {"function", "mask"}:
        return values.code
    if key == "dtype":
        return _dtype
    for ending in ("initializer", "regularizer", "constraint"):
        if key.endswith(ending):
            return getattr(values, ending)  # type: ignore[no-any-return]  # three functions of one signature
    return values.plain


def _dtype(written: Any, layer: values.LayerObject, depth: int) -> Any:
    del layer, depth
    name = values.dtype(written)
    return None if name == "float32" else name


# Rules of one class: they change the canonical config in place -----------------------------------------------------


def _input_layer(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del rank
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is not None:
        result["batch_shape"] = values.plain(shape, _layer_object)


def _adapted(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    """Today's defaults that follow from other keys: of LoRA from its rank, of quantization from the dtype policy."""
    del config, rank
    if result.get("lora_alpha") is not None and result.get("lora_alpha") == result.get("lora_rank"):
        del result["lora_alpha"]
    quantization = _inner_config(result.get("quantization_config"))
    if quantization is not None and not quantization:
        del result["quantization_config"]


def _convolution(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    _adapted(result, config, rank)
    _dilation(result, config, rank)


def _dilation(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del config, rank
    rate = result.get("dilation_rate")
    if rate == 1 or (isinstance(rate, list) and all(item == 1 for item in rate)):
        del result["dilation_rate"]


def _last_axis(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    """`[3]`, 3 and -1 are one axis of four. An unknown rank leaves 1 alone, which may be the channels."""
    del config
    axis = result.get("axis")
    axes: list[Any] = axis if isinstance(axis, list) else [axis]
    if not all(type(item) is int for item in axes):
        return
    if rank is not None:
        axes = [item - rank if item >= 0 else item for item in axes]
    elif len(axes) == 1 and axes[0] >= 2:
        axes = [-1]
    result["axis"] = axes[0] if len(axes) == 1 else axes


def _attention(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del config
    if isinstance(result.get("output_shape"), int):
        result["output_shape"] = [result["output_shape"]]
    if rank is not None and result.get("attention_axes") == list(range(1, rank - 1)):
        del result["attention_axes"]


def _rotation(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del config, rank
    factor = result.get("factor")
    if isinstance(factor, int | float) and not isinstance(factor, bool):
        result["factor"] = [-factor, factor]


def _contrast(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del config, rank
    factor = result.get("factor")
    if isinstance(factor, int | float) and not isinstance(factor, bool):
        result["factor"] = [0, factor]


def _tensorflow_op(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    """The operation of the node, not the names TensorFlow gave its tensors."""
    del rank
    if operation("TensorFlowOpLayer", config):  # is told by the class, and the constants by the call
        for key in ("node_def", "constants", "dtype"):
            result.pop(key, None)
        return
    node = result.get("node_def")
    if isinstance(node, dict):
        result["node_def"] = {key: value for key, value in node.items() if key not in {"name", "input"}}


def _tensorflow_function(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    del rank
    result.pop("dtype", None)  # a policy without effect: such a layer casts nothing
    if operation("TFOpLambda", config):  # is told by the class
        result.pop("function", None)


def _bidirectional(result: dict[str, Any], config: Mapping[str, Any], rank: int | None) -> None:
    """Keras 3 writes the backward layer that Keras 2 makes itself; both set flags of the inner layers."""
    del config, rank
    forward, backward = (_inner_config(result.get(key)) for key in ("layer", "backward_layer"))
    for inner in (forward, backward):
        if inner is not None:
            inner.pop("zero_output_for_mask", None)
    if forward is None or backward is None:
        return
    if result["layer"].get("class_name") != result["backward_layer"].get("class_name"):
        return
    mirrored = {**forward, "go_backwards": not forward.get("go_backwards", False)}
    if {**backward, "go_backwards": backward.get("go_backwards", False)} == mirrored:
        del result["backward_layer"]


def _inner_config(value: Any) -> dict[str, Any] | None:
    config = value.get("config") if isinstance(value, dict) else None
    return config if isinstance(config, dict) else None


_SPECIAL: dict[str, Callable[[dict[str, Any], Mapping[str, Any], int | None], None]] = {
    "InputLayer": _input_layer,
    **dict.fromkeys(("Dense", "EinsumDense", "Embedding", "ReversibleEmbedding"), _adapted),
    "BatchNormalization": _last_axis,
    "LayerNormalization": _last_axis,
    "GroupNormalization": _last_axis,
    "UnitNormalization": _last_axis,
    "Normalization": _last_axis,
    "RMSNormalization": _last_axis,
    "MultiHeadAttention": _attention,
    "RandomContrast": _contrast,
    "RandomRotation": _rotation,
    "SlicingOpLambda": _tensorflow_function,
    "TFOpLambda": _tensorflow_function,
    "TensorFlowOpLayer": _tensorflow_op,
    "Bidirectional": _bidirectional,
    **{
        f"{kind}{rank}D{transpose}": _convolution
        for kind in ("Conv", "SeparableConv", "DepthwiseConv", "ConvLSTM")
        for rank in (1, 2, 3)
        for transpose in ("", "Transpose")
    },
}
