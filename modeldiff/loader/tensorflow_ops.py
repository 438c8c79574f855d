# `x * 2` in a functional model is a layer TFOpLambda in TensorFlow 2.4 to 2.15 and an operation Multiply in Keras 3.
# What plain arithmetic means is the same, so it is told in the words of Keras 3; functions whose arguments moved
# from the call into the config (reshape, concat, reductions) stay what they are.
"""TensorFlow functions that are operations of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeldiff.graph import Call
from modeldiff.loader.values import plain

_OPERATIONS = {
    "__operators__.add": "Add",
    "__operators__.getitem": "GetItem",
    "linalg.matmul": "Matmul",
    "math.abs": "Absolute",
    "math.add": "Add",
    "math.ceil": "Ceil",
    "math.cos": "Cos",
    "math.divide": "Divide",
    "math.equal": "Equal",
    "math.exp": "Exp",
    "math.floor": "Floor",
    "math.floordiv": "FloorDivide",
    "math.floormod": "Mod",
    "math.greater": "Greater",
    "math.greater_equal": "GreaterEqual",
    "math.less": "Less",
    "math.less_equal": "LessEqual",
    "math.log": "Log",
    "math.logical_and": "LogicalAnd",
    "math.logical_not": "LogicalNot",
    "math.logical_or": "LogicalOr",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.multiply": "Multiply",
    "math.negative": "Negative",
    "math.not_equal": "NotEqual",
    "math.pow": "Power",
    "math.rsqrt": "Rsqrt",
    "math.sigmoid": "Sigmoid",
    "math.sign": "Sign",
    "math.sin": "Sin",
    "math.sqrt": "Sqrt",
    "math.square": "Square",
    "math.subtract": "Subtract",
    "math.tan": "Tan",
    "math.tanh": "Tanh",
    "math.truediv": "TrueDivide",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.silu": "Silu",
}
_NODES = {
    "Abs": "Absolute",
    "Add": "Add",
    "AddV2": "Add",
    "Div": "TrueDivide",
    "FloorDiv": "FloorDivide",
    "FloorMod": "Mod",
    "Mul": "Multiply",
    "Neg": "Negative",
    "Pow": "Power",
    "RealDiv": "TrueDivide",
    "Sub": "Subtract",
    **{
        name: name
        for name in (
            *("Ceil", "Cos", "Equal", "Exp", "Floor", "Greater", "GreaterEqual", "Less", "LessEqual", "Log"),
            *("LogicalAnd", "LogicalNot", "LogicalOr", "Maximum", "Minimum", "NotEqual", "Relu", "Relu6", "Rsqrt"),
            *("Sigmoid", "Sign", "Sin", "Sqrt", "Square", "Tan", "Tanh"),
        )
    },
}
"""The `op` of a TensorFlowOpLayer (TensorFlow 1.15 to 2.3)."""
_SECOND = frozenset({"y", "b", "slice_spec"})
"""Keywords of the second argument, which Keras 3 passes by position."""


def operation(class_name: str, config: Mapping[str, Any]) -> str:
    """The class of the same operation in Keras 3, "" where there is none."""
    if class_name == "TensorFlowOpLayer":
        node = config.get("node_def")
        name = node.get("op") if isinstance(node, dict) else None
        return _NODES.get(name, "") if isinstance(name, str) else ""
    if class_name not in {"TFOpLambda", "SlicingOpLambda"}:
        return ""
    function = config.get("function")
    return _OPERATIONS.get(function, "") if isinstance(function, str) else ""


def by_position(call: Call, config: Mapping[str, Any]) -> Call:
    """The call of such a function with its second argument by position; a node has its constants in its config."""
    constants = config.get("constants")
    if isinstance(constants, dict):
        return Call(call.inputs, (), {key: _constant(constants[key]) for key in sorted(constants)})
    keywords = tuple("" if keyword in _SECOND else keyword for keyword in call.keywords)
    kwargs = {"1" if key in _SECOND else key: _slices(value) for key, value in call.kwargs.items() if key != "name"}
    return Call(call.inputs, keywords if any(keywords) else (), kwargs)


def _constant(value: Any) -> Any:
    try:
        return plain(value, lambda class_name, _config, _depth: class_name)
    except ValueError:  # nested deeper than any array
        return "..."


def _slices(value: Any) -> Any:
    if isinstance(value, list):
        return [_slices(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"start", "stop", "step"}:
        return {"slice": [value["start"], value["stop"], value["step"]]}
    return value
