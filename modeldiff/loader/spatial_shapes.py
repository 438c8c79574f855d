# Output shapes of layers over space (convolutions, pooling, padding, resizing), and the checks on sizes that all
# shape rules share. Every number of a config is checked before anything is multiplied by it: a config may hold a
# text or a number of a thousand digits where Keras writes 3.
"""Shapes of spatial layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modeldiff.graph import Shape

Config = Mapping[str, Any]
Rule = Callable[[Config, Sequence[Shape]], "tuple[Shape, ...] | None"]


def is_shape(value: Any) -> bool:
    """A tuple of sizes that an array could have, None for free ones."""
    return type(value) is tuple and len(value) <= 32 and all(size is None or _is_size(size) for size in value)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def size_of(value: Any) -> int:
    """Checked before anything is multiplied by it: a config may hold a text or a number of a thousand digits."""
    if not _is_size(value):
        raise ValueError("no size")
    return int(value)


def channels_first(config: Config) -> bool:
    """Where the channels are: the second axis or the last."""
    return config.get("data_format") == "channels_first"


def _per_axis(value: Any, rank: int) -> list[int]:
    return [size_of(item) for item in value] if isinstance(value, list) else [size_of(value)] * rank


def _spatial(config: Config, shape: Shape) -> list[int | None]:
    return list(shape[2:] if channels_first(config) else shape[1:-1])


def _channels(config: Config, shape: Shape) -> int | None:
    return shape[1] if channels_first(config) else shape[-1]


def _image(config: Config, batch: int | None, spatial: Sequence[int | None], channels: int | None) -> Shape:
    return (batch, channels, *spatial) if channels_first(config) else (batch, *spatial, channels)


def _window(size: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    if size is None:
        return None
    if padding in {"same", "causal"}:
        return -(-size // stride)
    return _positive((size - dilation * (kernel - 1) - 1) // stride + 1)


def _positive(size: int) -> int:
    if size <= 0:
        raise ValueError("smaller than its window")
    return size


def _conv(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return (convolved(config, inputs[0], config["filters"]),)


def _depthwise(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    channels = _channels(config, inputs[0])
    multiplied = None if channels is None else channels * size_of(config.get("depth_multiplier", 1))
    return (convolved(config, inputs[0], multiplied),)


def convolved(config: Config, shape: Shape, filters: int | None) -> Shape:
    """The output of one convolution with so many filters."""
    spatial = _spatial(config, shape)
    rank = len(spatial)
    kernel = _per_axis(config["kernel_size"], rank)
    strides = _per_axis(config.get("strides", 1), rank)
    dilation = _per_axis(config.get("dilation_rate", 1), rank)
    padding = config.get("padding", "valid")
    sizes = [_window(*part, padding) for part in zip(spatial, kernel, strides, dilation, strict=True)]
    return _image(config, shape[0], sizes, filters)


def _transposed(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    spatial = _spatial(config, shape)
    rank = len(spatial)
    parts = (config["kernel_size"], config.get("strides", 1), config.get("dilation_rate", 1))
    written = config.get("output_padding")
    more: Sequence[int | None] = [None] * rank if written is None else _per_axis(written, rank)
    kernels, strides, dilations = (_per_axis(part, rank) for part in parts)
    sizes: list[int | None] = []
    for size, kernel, stride, dilation, extra in zip(spatial, kernels, strides, dilations, more, strict=True):
        reach = (kernel - 1) * dilation + 1
        if size is None:
            sizes.append(None)
        elif extra is not None:
            pad = reach // 2 if config.get("padding") == "same" else 0
            sizes.append((size - 1) * stride + reach - 2 * pad + extra)
        elif config.get("padding") == "same":
            sizes.append(size * stride)
        else:
            sizes.append(size * stride + max(reach - stride, 0))
    return (_image(config, shape[0], sizes, config["filters"]),)


def _pool(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    spatial = _spatial(config, shape)
    pool = _per_axis(config["pool_size"], len(spatial))
    strides = _per_axis(config.get("strides", config["pool_size"]), len(spatial))
    padding = config.get("padding", "valid")
    sizes = [_window(size, k, s, 1, padding) for size, k, s in zip(spatial, pool, strides, strict=True)]
    return (_image(config, shape[0], sizes, _channels(config, shape)),)


def _global_pool(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    channels = _channels(config, shape)
    if config.get("keepdims"):
        return (_image(config, shape[0], [1] * (len(shape) - 2), channels),)
    return ((shape[0], channels),)


def _adaptive_pool(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    sizes = _per_axis(config["output_size"], len(shape) - 2)
    return (_image(config, shape[0], sizes, _channels(config, shape)),)


def _resized(change: Callable[[int, Any], int]) -> Rule:
    """Spatial sizes changed axis by axis with `size`, `padding` or `cropping`."""

    def rule(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = inputs[0]
        spatial = _spatial(config, shape)
        amount = config.get("size", config.get("padding", config.get("cropping")))
        parts = [amount] if len(spatial) == 1 else amount if isinstance(amount, list) else [amount] * len(spatial)
        sizes = [
            None if size is None else _positive(change(size, part)) for size, part in zip(spatial, parts, strict=True)
        ]
        return (_image(config, shape[0], sizes, _channels(config, shape)),)

    return rule


def _sides(amount: Any) -> int:
    return sum(map(size_of, amount)) if isinstance(amount, list) else 2 * size_of(amount)


def _times(factor: Any) -> int:
    return size_of(factor[0] if isinstance(factor, list) and len(factor) == 1 else factor)


def _crop_image(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    sizes = [config["height"], config["width"]]
    if len(shape) == 3:
        return ((shape[0], *sizes) if channels_first(config) else (*sizes, shape[-1]),)
    return (_image(config, shape[0], sizes, _channels(config, shape)),)


SPATIAL: dict[str, Rule] = dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), _crop_image)
for _rank in "123":
    SPATIAL |= {
        f"Conv{_rank}D": _conv,
        f"SeparableConv{_rank}D": _conv,
        f"LocallyConnected{_rank}D": _conv,
        f"DepthwiseConv{_rank}D": _depthwise,
        f"Conv{_rank}DTranspose": _transposed,
        f"UpSampling{_rank}D": _resized(lambda size, factor: size * _times(factor)),
        f"ZeroPadding{_rank}D": _resized(lambda size, amount: size + _sides(amount)),
        f"Cropping{_rank}D": _resized(lambda size, amount: size - _sides(amount)),
    }
    for _kind in ("Max", "Average"):
        SPATIAL |= {
            f"{_kind}Pooling{_rank}D": _pool,
            f"Global{_kind}Pooling{_rank}D": _global_pool,
            f"Adaptive{_kind}Pooling{_rank}D": _adaptive_pool,
        }
"""Class -> rule."""
