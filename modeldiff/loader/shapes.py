# Output shapes by rule, from canonical configs, for files that do not hold them (all of Keras 1 and 2, and the last
# layers of Keras 3). One row per class; a class without a row has no shape rather than a guessed one. The
# formulas are those of `compute_output_shape` in keras-team/keras, which did not change between versions.
"""The output shapes of a call: `infer`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modeldiff.graph import Shape
from modeldiff.loader.spatial_shapes import SPATIAL, Config, Rule, channels_first, convolved, is_shape, size_of


def infer(
    class_name: str,
    config: Config,
    inputs: Sequence[Shape | None],
    kwargs: Config | None = None,
    *,
    is_keras3: bool = True,
) -> tuple[Shape, ...] | None:
    """One shape per output of a layer, given the shapes of its tensors in order; None where no rule tells.

    Operations have `op:` before their class: some are called like a layer and do something else.
    """
    rule = _RULES.get(class_name)
    if rule is _einsum and not is_keras3:
        rule = _traced_einsum
    if kwargs and kwargs.get("return_attention_scores"):
        rule = None if is_keras3 else _SCORES.get(class_name)
    if rule is None or not inputs:
        return None
    if kwargs and rule in _WITH_CONSTANTS and any(isinstance(value, list | dict) for value in kwargs.values()):
        return None  # a constant with a shape of its own
    needed = inputs if rule in _ALL_INPUTS else inputs[:1]
    known = [shape for shape in needed if shape is not None]
    if len(known) < len(needed):
        return None
    try:
        shapes = rule(config, known)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError):
        return None  # a config that does not fit its class
    return shapes if shapes and all(is_shape(shape) for shape in shapes) else None


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


def _flatten(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    del config
    rest = inputs[0][1:]
    sizes = [size for size in rest if size is not None]
    return ((inputs[0][0], math.prod(sizes) if len(sizes) == len(rest) else None),)


def _reshape(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape, target = inputs[0], list(config["target_shape"])
    if -1 in target:
        sizes = [size for size in shape[1:] if size is not None]
        rest = math.prod(size_of(size) for size in target if size != -1)
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
    """Keras 3 takes `output_shape` as it is; none where `...` stands for two dimensions or more beside the batch.

    `_analyze_split_string` inserts each of those at 1, so their order in the shape is not that in the tensor.
    """
    terms, _, result = config["equation"].partition("->")
    source, shape, output = terms.partition(",")[0], inputs[0], _written(config)
    named = source.replace("...", "")
    elided = len(shape) - len(named)
    if len(output) != len(result.replace("...", "")) - (not source.startswith("...")):
        return None
    if source.startswith("...") and elided > 0:
        return ((*shape[:elided], *output),) if elided < 3 else None
    if source.endswith("...") and elided >= 0:
        return ((shape[0], *output, *shape[len(named) :]),)
    return None if "." in source or elided else ((shape[0], *output),)


def _traced_einsum(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    """Keras 2 runs the equation: dimensions left open in `output_shape` are those of the input."""
    terms, _, result = config["equation"].partition("->")
    source, shape, output = terms.partition(",")[0], inputs[0], _written(config)
    rest = len(shape) - len(source.replace("...", ""))
    if rest < 0 or ("..." in source) != ("..." in result) or (rest and "..." not in source):
        return None
    source, result = (letters.replace("...", "0" * rest) for letters in (source, result))
    told = dict(zip(result.replace("0", "").removeprefix(source[0]), output, strict=True))
    pairs = list(zip(source, shape, strict=True))
    found = {letter: size if told.get(letter) is None else told[letter] for letter, size in pairs}
    elided = iter([size for letter, size in pairs if letter == "0"])
    return (tuple(next(elided) if one == "0" else found.get(one, told.get(one)) for one in result),)


def _written(config: Config) -> list[int | None]:
    written = config["output_shape"]
    return list(written) if isinstance(written, list) else [written]


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
    if any(one["class_name"] not in _STATES for one in cells):
        return None
    states = [(one["config"]["units"],) for one in cells for _ in range(_STATES[one["class_name"]])]
    (output,) = _recurrent({**config, "return_state": False}, inputs, states[-1:])
    return (output, *((inputs[0][0], *state) for state in states)) if config.get("return_state") else (output,)


_STATES = {"LSTMCell": 2, "GRUCell": 1, "SimpleRNNCell": 1}
"""How many states a cell has."""


def _conv_lstm(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
    shape = inputs[0]
    frame = convolved(config, (shape[0], *shape[2:]), config["filters"])
    output = (frame[0], shape[1], *frame[1:]) if config.get("return_sequences") else frame
    return (output, frame, frame) if config.get("return_state") else (output,)


def _bidirectional(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    layer = config["layer"]
    inner = infer(layer["class_name"], layer["config"], inputs[:1])
    if inner is None:
        return None
    output, states = inner[0], inner[1:]
    mode = config.get("merge_mode")
    channels = 1 if channels_first(layer["config"]) and len(output) > 3 else -1
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


def _multi_head_scores(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    (batch, steps, _), (_, others, _) = inputs[:2]
    if config.get("attention_axes", [1]) != [1]:
        return None
    return (*_multi_head(config, inputs), (batch, config["num_heads"], steps, others))


def _attention_scores(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    return (*(_attention(config, inputs) or ()), (*inputs[0][:-1], inputs[1][-2]))


def _attention(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    del config
    return ((*inputs[0][:-1], inputs[1][-1]),)


def _looked_up(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    return (inputs[0],) if config.get("output_mode", "int") == "int" else None


def _encoded(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    if config.get("output_mode") not in {"multi_hot", "count"} or len(inputs[0]) != 2:
        return None
    return ((inputs[0][0], config["num_tokens"]),)


def _entrywise(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    del config
    return (_broadcast(inputs),)


def _tensorflow_function(config: Config, inputs: Sequence[Shape]) -> tuple[Shape, ...] | None:
    """Functions of TensorFlow (2.4 to 2.15) that work entry by entry and are no operation of Keras 3."""
    return (_broadcast(inputs),) if config["function"].rpartition(".")[2] in _ENTRYWISE else None


_ENTRYWISE = frozenset({"cast", "identity", "softplus", "stop_gradient", "swish"})
_ENTRYWISE_OPS = """Absolute Add Ceil Cos Divide Equal Exp Floor FloorDivide Greater GreaterEqual Less LessEqual Log
LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Multiply Negative NotEqual Power Relu Relu6 Rsqrt Sigmoid Sign Silu
Sin Sqrt Square Subtract Tan Tanh TrueDivide"""

_SAME = """Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU GaussianDropout GaussianNoise
GroupNormalization Identity LayerNormalization LeakyReLU Masking Normalization PReLU RMSNormalization RandomBrightness
RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom ReLU Rescaling Softmax SpatialDropout1D
SpatialDropout2D SpatialDropout3D ThresholdedReLU UnitNormalization RandomHue RandomSaturation RandomSharpness
RandomShear RandomColorJitter RandomPosterization RandomInvert RandomGrayscale Solarization AutoContrast
Equalization Highway ParametricSoftplus SReLU"""

_WITH_CONSTANTS = frozenset({_entrywise, _tensorflow_function})
_SCORES: dict[str, Rule] = {
    "MultiHeadAttention": _multi_head_scores,
    **dict.fromkeys(("Attention", "AdditiveAttention"), _attention_scores),
}
"""Layers called with `return_attention_scores`; Keras 3 takes the steps of the query for those of the key."""
_ALL_INPUTS = _WITH_CONSTANTS | {_multi_head_scores, _attention_scores, _merge, _concatenate, _dot, _attention}

_RULES: dict[str, Rule] = {
    **SPATIAL,
    **{f"op:{name}": _entrywise for name in _ENTRYWISE_OPS.split()},
    "op:Concatenate": _concatenate,
    **{f"ConvLSTM{rank}D": _conv_lstm for rank in "123"},
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merge),
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), _multi_head),
    **dict.fromkeys(("Attention", "AdditiveAttention"), _attention),
    **dict.fromkeys(("LSTM", "CuDNNLSTM"), _lstm),
    **dict.fromkeys(("GRU", "SimpleRNN", "CuDNNGRU"), _recurrent),
    **dict.fromkeys(("StringLookup", "IntegerLookup", "Hashing", "Discretization"), _looked_up),
    "Bidirectional": _bidirectional,
    "CategoryEncoding": _encoded,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dot": _dot,
    "EinsumDense": _einsum,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "MaxoutDense": _dense,
    "Permute": _permute,
    "RNN": _rnn,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
    "SpectralNormalization": _wrapped,
    "TFOpLambda": _tensorflow_function,
    "TimeDistributed": _time_distributed,
}
