# Output shapes by rule, from canonical configs, for files that do not hold them (all of Keras 1 and 2, and the last
# layers of Keras 3). One row per class; a class without a row has no shape rather than a guessed one. The
# formulas are those of `compute_output_shape` in keras-team/keras, which did not change between versions.
"""The output shapes of a call: `infer`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modeldiff.graph import Shape

Config = Mapping[str, Any]
Rule = Callable[[Config, Sequence[Shape]], "tuple[Shape, ...] | None"]


def infer(
    class_name: str, config: Config, inputs: Sequence[Shape | None], kwargs: Config | None = None
) -> tuple[Shape, ...] | None:
    """One shape per output of a layer, given the shapes of its tensors in order; None where no rule tells."""
    rule = _RULES.get(class_name)
    if rule is None or not inputs or (kwargs and kwargs.get("return_attention_scores")):
        return None
    needed = inputs if rule in _ALL_INPUTS else inputs[:1]
    known = [shape for shape in needed if shape is not None]
    if len(known) < len(needed):
        return None
    try:
        shapes = rule(config, known)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError):
        return None  # a config that does not fit its class
    return shapes if shapes and all(is_shape(shape) for shape in shapes) else None


def is_shape(value: Any) -> bool:
    """A tuple of sizes that an array could have, None for free ones."""
    return type(value) is tuple and len(value) <= 32 and all(size is None or _is_size(size) for size in value)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _size(value: Any) -> int:
    """Checked before anything is multiplied by it: a config may hold a text or a number of a thousand digits."""
    if not _is_size(value):
        raise ValueError("no size")
    return int(value)


# Small parts --------------------------------------------------------------------------------------------------------


def _first(config: Config) -> bool:
    return config.get("data_format") == "channels_first"


def _per_axis(value: Any, rank: int) -> list[int]:
    return [_size(item) for item in value] if isinstance(value, list) else [_size(value)] * rank


def _spatial(config: Config, shape: Shape) -> list[int | None]:
    return list(shape[2:] if _first(config) else shape[1:-1])


def _channels(config: Config, shape: Shape) -> int | None:
    return shape[1] if _first(config) else shape[-1]


def _image(config: Config, batch: int | None, spatial: Sequence[int | None], channels: int | None) -> Shape:
    return (batch, channels, *spatial) if _first(config) else (batch, *spatial, channels)


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


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    rank = max(map(len, shapes))
    result: list[int | None] = []
    for column in zip(*(((1,) * (rank - len(shape)) + shape) for shape in shapes), strict=True):
        sizes = {size for size in column if size != 1}
        if len(sizes - {None}) > 1:
            raise ValueError("shapes do not fit")
        known = sizes - {None}
        result.append(known.pop() if known else (None if sizes else 1))
    return tuple(result)


# Rules --------------------------------------------------------------------------------------------------------------


def _same(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    del config
    return (inputs[0],)


def _dense(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return ((*inputs[0][:-1], config["units"]),)


def _embedding(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return ((*inputs[0], config["output_dim"]),)


def _conv(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return (_convolved(config, inputs[0], config["filters"]),)


def _depthwise(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    channels = _channels(config, inputs[0])
    multiplied = None if channels is None else channels * _size(config.get("depth_multiplier", 1))
    return (_convolved(config, inputs[0], multiplied),)


def _convolved(config: Config, shape: Shape, filters: int | None) -> Shape:
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
        amount = next(config[key] for key in ("size", "padding", "cropping") if key in config)
        parts = [amount] if len(spatial) == 1 else amount if isinstance(amount, list) else [amount] * len(spatial)
        sizes = [
            None if size is None else _positive(change(size, part)) for size, part in zip(spatial, parts, strict=True)
        ]
        return (_image(config, shape[0], sizes, _channels(config, shape)),)

    return rule


def _sides(amount: Any) -> int:
    return sum(map(_size, amount)) if isinstance(amount, list) else 2 * _size(amount)


def _times(factor: Any) -> int:
    return _size(factor[0] if isinstance(factor, list) and len(factor) == 1 else factor)


def _flatten(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    del config
    rest = inputs[0][1:]
    sizes = [size for size in rest if size is not None]
    return ((inputs[0][0], math.prod(sizes) if len(sizes) == len(rest) else None),)


def _reshape(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape, target = inputs[0], list(config["target_shape"])
    if -1 in target:
        sizes = [size for size in shape[1:] if size is not None]
        rest = math.prod(_size(size) for size in target if size != -1)
        known = len(sizes) == len(shape) - 1 and rest > 0
        target[target.index(-1)] = math.prod(sizes) // rest if known else None
    return ((shape[0], *target),)


def _permute(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return ((inputs[0][0], *(inputs[0][axis] for axis in config["dims"])),)


def _repeat(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    batch, features = inputs[0]
    return ((batch, config["n"], features),)


def _merge(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    del config
    return (_broadcast(inputs),)


def _concatenate(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = list(inputs[0])
    axis = config.get("axis", -1)
    sizes = [other[axis] for other in inputs]
    merged = [next((s[i] for s in inputs if s[i] is not None), None) for i in range(len(shape))]
    merged[axis] = None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None)
    return (tuple(merged),)


def _dot(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    first, second = inputs
    axes = config.get("axes", -1)
    one, two = axes if isinstance(axes, list) else (axes, axes)
    left = [size for index, size in enumerate(first) if index != one % len(first)]
    right = [size for index, size in enumerate(second) if index != two % len(second)][1:]
    return (tuple(left + right) if len(left + right) > 1 else (*left, *right, 1),)


def _einsum(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    terms, _, result = str(config["equation"]).partition("->")
    source = terms.partition(",")[0]
    written = config["output_shape"]
    output = list(written) if isinstance(written, list) else [written]
    shape = inputs[0]
    if source.startswith("..."):
        elided = len(shape) - len(source.removeprefix("..."))
        return ((*shape[:elided], *output),)
    if "." in source or "." in result:
        return None
    sizes = dict(zip(source, shape, strict=True))
    if len(output) != len(result) - 1:
        return None
    kept = [sizes.get(letter) if size is None else size for letter, size in zip(result[1:], output, strict=True)]
    return ((shape[0], *kept),)


def _recurrent(config: Config, inputs: Sequence[Shape], units: Sequence[Shape] | None = None) -> tuple[Shape, ...]:
    """`units`: the shape of every state without the batch."""
    batch, steps = inputs[0][:2]
    states = units or [(config["units"],)]
    output = (batch, steps, *states[0]) if config.get("return_sequences") else (batch, *states[0])
    return (output, *((batch, *state) for state in states)) if config.get("return_state") else (output,)


def _lstm(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    return _recurrent(config, inputs, [(config["units"],)] * 2)


def _rnn(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    cell = config["cell"]
    cells = cell["config"].get("cells", [cell])
    units = cells[-1]["config"].get("units")
    if units is None or config.get("return_state"):
        return None
    return _recurrent(config, inputs, [(units,)])


def _conv_lstm(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    frame = _convolved(config, (shape[0], *shape[2:]), config["filters"])
    output = (frame[0], shape[1], *frame[1:]) if config.get("return_sequences") else frame
    return (output, frame, frame) if config.get("return_state") else (output,)


def _bidirectional(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    layer = config["layer"]
    inner = infer(layer["class_name"], layer["config"], inputs[:1])
    if inner is None:
        return None
    output, states = inner[0], inner[1:]
    mode = config.get("merge_mode")
    channels = 1 if _first(layer["config"]) and len(output) > 3 else -1
    if mode == "concat":
        size = output[channels]
        sizes = list(output)
        sizes[channels] = None if size is None else 2 * size
        merged: tuple[Shape, ...] = (tuple(sizes),)
    else:
        merged = (output,) if mode is not None else (output, output)
    return (*merged, *states, *states)


def _time_distributed(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    shape, layer = inputs[0], config["layer"]
    inner = infer(layer["class_name"], layer.get("config", {}), [(shape[0], *shape[2:])])
    return None if inner is None else tuple((out[0], shape[1], *out[1:]) for out in inner)


def _wrapped(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    layer = config["layer"]
    return infer(layer["class_name"], layer["config"], inputs)


def _multi_head(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    query = inputs[0]
    width = config.get("output_shape", query[-1])
    return ((*query[:-1], *width) if isinstance(width, list) else (*query[:-1], width),)


def _attention(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    del config
    return ((*inputs[0][:-1], inputs[1][-1]),)


def _crop_image(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    sizes = [config["height"], config["width"]]
    if len(shape) == 3:
        return ((shape[0], *sizes) if _first(config) else (*sizes, shape[-1]),)
    return (_image(config, shape[0], sizes, _channels(config, shape)),)


_SAME = """Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU GaussianDropout GaussianNoise
GroupNormalization Identity LayerNormalization LeakyReLU Masking Normalization PReLU RMSNormalization RandomBrightness
RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom ReLU Rescaling Softmax SpatialDropout1D
SpatialDropout2D SpatialDropout3D ThresholdedReLU UnitNormalization RandomHue RandomSaturation RandomSharpness
RandomShear RandomColorJitter RandomPosterization RandomInvert RandomGrayscale Solarization AutoContrast
Equalization"""

_ALL_INPUTS = frozenset({_merge, _concatenate, _dot, _attention})

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merge),
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), _multi_head),
    **dict.fromkeys(("Attention", "AdditiveAttention"), _attention),
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), _crop_image),
    **dict.fromkeys(("LSTM", "CuDNNLSTM"), _lstm),
    **dict.fromkeys(("GRU", "SimpleRNN", "CuDNNGRU"), _recurrent),
    "Bidirectional": _bidirectional,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dot": _dot,
    "EinsumDense": _einsum,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "Permute": _permute,
    "RNN": _rnn,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
    "SpectralNormalization": _wrapped,
    "TimeDistributed": _time_distributed,
}
for _rank in "123":
    _RULES |= {
        f"Conv{_rank}D": _conv,
        f"SeparableConv{_rank}D": _conv,
        f"LocallyConnected{_rank}D": _conv,
        f"DepthwiseConv{_rank}D": _depthwise,
        f"Conv{_rank}DTranspose": _transposed,
        f"ConvLSTM{_rank}D": _conv_lstm,
        f"UpSampling{_rank}D": _resized(lambda size, factor: size * _times(factor)),
        f"ZeroPadding{_rank}D": _resized(lambda size, amount: size + _sides(amount)),
        f"Cropping{_rank}D": _resized(lambda size, amount: size - _sides(amount)),
    }
    for _kind in ("Max", "Average"):
        _RULES |= {
            f"{_kind}Pooling{_rank}D": _pool,
            f"Global{_kind}Pooling{_rank}D": _global_pool,
            f"Adaptive{_kind}Pooling{_rank}D": _adaptive_pool,
        }
