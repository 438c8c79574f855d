# One meaning, one value: how Keras writes numbers, tuples, dtypes, functions and objects differs by version, what
# they mean does not. Objects of layers inside configs (wrapped layers, cells) are handed back to `canonical`.
"""Values of configs without the way they were written."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from modeldiff.defaults import CONSTRAINT_DEFAULTS, INITIALIZER_DEFAULTS
from modeldiff.loader.tables import ACTIVATIONS, INITIALIZER_NAMES, SCALED

DEEPEST = 100
"""Levels of nesting in one layer's config; deeper ones raise ValueError."""

LayerObject = Callable[[str, Mapping[str, Any], int], Any]
"""Makes a nested layer's object canonical: class name, config, depth."""


def bare(name: Any) -> str:
    """A class or function without the package it was registered in (`pkg>Name`); "" where it is no text."""
    return name.rpartition(">")[2] if isinstance(name, str) else ""


@lru_cache(maxsize=4096)
def number(value: float) -> int | float | str:
    """The shortest decimal of the float32 next to `value`, an int where it is whole, "NaN" for not-a-number.

    Keras up to 2.15 wrote floats through float32 (0.009999999776482582), Keras 3 does not (0.01).
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return value
    try:
        single = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        single = value
    if single == 0 and value:
        return value
    if single == int(single):
        return int(single)
    for digits in range(1, 9):
        short = float(f"{single:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == single:
            return short
    return float(f"{single:.9g}")


def plain(value: Any, layer: LayerObject, depth: int = 0) -> Any:
    """A value of no special key.

    Raises:
        ValueError: it is nested too deeply.
    """
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return number(value)
    if depth > DEEPEST:
        raise ValueError("its config is nested too deeply")
    if kind is list or kind is tuple:
        return [plain(item, layer, depth + 1) for item in value]
    if kind is dict:
        return _object(value, layer, depth)
    return value


def _object(value: Mapping[str, Any], layer: LayerObject, depth: int) -> Any:
    class_name = value.get("class_name")
    if not isinstance(class_name, str):
        if value.keys() == {"type", "value"} and value["type"] in {"ndarray", "numpy.ndarray"}:
            return plain(value["value"], layer, depth + 1)
        return {key: plain(item, layer, depth + 1) for key, item in value.items()}
    if class_name in _PYTHON:
        return _PYTHON[class_name](value, layer, depth)
    name = bare(class_name)
    if name.endswith("Policy") or name == "DTypePolicyMap":
        return dtype(value)
    config = value.get("config")
    if name in INITIALIZER_DEFAULTS and name != "Identity":
        return initializer(value, layer, depth)
    if name in _L1L2:
        return regularizer(value, layer, depth)
    if isinstance(config, dict):
        return layer(name, config, depth + 1)
    rest = {key: plain(value[key], layer, depth + 1) for key in value if key not in _ENVELOPE}
    return {"class_name": name, **rest}


def _slice(value: Mapping[str, Any], layer: LayerObject, depth: int) -> Any:
    parts = value.get("config")
    parts = parts if isinstance(parts, dict) else {}
    return {"slice": [plain(parts.get(key), layer, depth + 1) for key in ("start", "stop", "step")]}


def _array(value: Mapping[str, Any], layer: LayerObject, depth: int) -> Any:
    """Its numbers alone, as Keras 2 writes a constant."""
    parts = value.get("config")
    return plain(parts.get("value") if isinstance(parts, dict) else None, layer, depth + 1)


_PYTHON: dict[str, Callable[[Mapping[str, Any], LayerObject, int], Any]] = {
    **dict.fromkeys(
        ("__tuple__", "TensorShape"), lambda value, layer, depth: plain(value.get("items"), layer, depth + 1)
    ),
    **dict.fromkeys(
        ("function", "builtin_function_or_method", "type"), lambda value, _layer, _depth: bare(value.get("config"))
    ),
    "__lambda__": lambda value, layer, depth: code(value.get("config"), layer, depth + 1),
    "__ellipsis__": lambda _value, _layer, _depth: "...",
    "__slice__": _slice,
    **dict.fromkeys(("__numpy__", "__tensor__"), _array),
}
"""Objects of Python that Keras writes with a class name -> what they are."""

_ENVELOPE = frozenset({"class_name", "module", "registered_name", "build_config", "compile_config", "shared_object_id"})


def dtype(value: Any) -> Any:
    """A dtype or policy by its name: `float32`, `mixed_float16`; a map of policies as a dict of names."""
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    config = config if isinstance(config, dict) else {}
    if "policy_map" in config:
        policies = config.get("policy_map")
        policies = policies if isinstance(policies, dict) else {}
        return {"": _policy_name(config.get("default_policy")), **{k: _policy_name(p) for k, p in policies.items()}}
    return _policy_name(value)


def _policy_name(value: Any) -> Any:
    config = value.get("config") if isinstance(value, dict) else None
    if not isinstance(config, dict):
        return value if isinstance(value, str) else None
    name = config.get("name", config.get("source_name"))
    mode = config.get("mode")
    return f"{mode}_from_{name}" if isinstance(mode, str) and isinstance(name, str) and mode not in name else name


def activation(value: Any, layer: LayerObject, depth: int) -> Any:
    """An activation: None is `linear`, and today's name of a function that was renamed."""
    value = plain(value, layer, depth)
    if value is None:
        return "linear"
    if isinstance(value, str):
        return ACTIVATIONS.get(bare(value), bare(value))
    return value


def initializer(value: Any, layer: LayerObject, depth: int) -> Any:
    """An initializer: its name where all arguments are today's defaults, else name and arguments, never the seed."""
    if isinstance(value, str):
        value = {"class_name": value, "config": {}}
    name = value.get("class_name") if isinstance(value, dict) else None
    if not isinstance(name, str) or name in {"function", "__lambda__"}:
        return plain(value, layer, depth)
    name, config = bare(name), value.get("config")
    if name in _USUAL or not isinstance(config, dict):  # most of all: nothing but a seed can be said
        return name
    name = INITIALIZER_NAMES.get(name, name)
    defaults = INITIALIZER_DEFAULTS.get(name)
    if defaults is None:
        kept = {key: item for key, item in config.items() if key not in {"seed", "dtype"}}
    else:
        kept = {key: item for key, item in config.items() if key not in _INITIALIZER_NOISE}
    kept = {key: plain(item, layer, depth + 2) for key, item in kept.items()}
    if name == "VarianceScaling":
        family = (kept.get("scale", 1), kept.get("mode", "fan_in"), kept.get("distribution", "truncated_normal"))
        if all(isinstance(item, str | int | float) for item in family) and family in SCALED:
            return SCALED[family]
    if defaults:
        kept = {key: item for key, item in kept.items() if key not in defaults or item != defaults[key]}
    return {"class_name": name, "config": kept} if kept else name


_USUAL = frozenset(name for name, defaults in INITIALIZER_DEFAULTS.items() if not defaults) - {"VarianceScaling"}
_INITIALIZER_NOISE = frozenset({"seed", "dtype", "input_axes", "output_axes", "partition_info"})


_L1L2 = frozenset({"L1", "L2", "L1L2", "WeightRegularizer", "L1L2Regularizer"})


def regularizer(value: Any, layer: LayerObject, depth: int) -> Any:
    """`{"l2": 0.01}` for the usual ones, whatever class wrote them; None where both factors are 0."""
    if isinstance(value, str) and value in {"l1", "l2", "l1_l2", "L1", "L2", "L1L2"}:
        return {key: 0.01 for key in ("l1", "l2") if key in value.lower()}
    if not isinstance(value, dict):
        return plain(value, layer, depth)
    name = bare(value.get("class_name") or value.get("name"))
    config = value.get("config", value)
    if name not in _L1L2:
        return plain(value, layer, depth)
    if not isinstance(config, dict):
        return name
    factors = {key: plain(config.get(key), layer, depth + 1) for key in ("l1", "l2")}
    return {key: factor for key, factor in factors.items() if factor} or None


def constraint(value: Any, layer: LayerObject, depth: int) -> Any:
    """A constraint: name and arguments; Keras 1 put both in one object."""
    if isinstance(value, str):
        parts = "".join(part[:1].upper() + part[1:] for part in bare(value).split("_"))
        return "NonNeg" if parts.lower() == "nonneg" else parts
    if not isinstance(value, dict):
        return plain(value, layer, depth)
    if "class_name" not in value and isinstance(value.get("name"), str):
        config: Any = {_CONSTRAINT_KEYS.get(key, key): item for key, item in value.items() if key != "name"}
        name = value["name"]
    else:
        name, config = value.get("class_name"), value.get("config")
    if not isinstance(config, dict):
        return plain(value, layer, depth)
    kept = {key: plain(item, layer, depth + 2) for key, item in config.items()}
    kept = {key: item for key, item in kept.items() if item is not None and CONSTRAINT_DEFAULTS.get(key) != item}
    name = bare(name)
    return {"class_name": name, "config": kept} if kept else name


_CONSTRAINT_KEYS = {"m": "max_value", "low": "min_value", "high": "max_value"}


def code(value: Any, layer: LayerObject, depth: int) -> Any:
    """A function: its name, or the digest of its bytecode's text. Bytecode is never decoded.

    `[code, defaults, closure]` up to Keras 2, `{"code", "defaults", "closure"}` in Keras 3, one string in Keras 1.
    """
    if isinstance(value, list | tuple) and value:
        parts = dict(zip(("code", "defaults", "closure"), value, strict=False))
    elif isinstance(value, dict) and "code" in value:
        parts = {key: value.get(key) for key in ("code", "defaults", "closure")}
    elif isinstance(value, str) and not value.isidentifier() and not _dotted(value):
        parts = {"code": value}
    else:
        return bare(value) if isinstance(value, str) else plain(value, layer, depth)
    bytecode = digest(parts.pop("code"))
    kept = {key: plain(item, layer, depth + 1) for key, item in parts.items() if item is not None}
    return {"bytecode": bytecode, **kept}


def digest(stored: Any) -> str:
    """`sha256:` and the digest of stored code as text, which is never decoded.

    Line ends in base64 are left out: some writers break it into lines.
    """
    text = stored if isinstance(stored, str) else _text(stored)
    text = "".join(text.split()) if _BASE64.fullmatch(text) else text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*", re.ASCII)


def _text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (ValueError, RecursionError, TypeError):
        return ""


def _dotted(value: str) -> bool:
    return all(part.isidentifier() for part in bare(value).split("."))
