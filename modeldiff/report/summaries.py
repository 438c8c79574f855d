# What a person would say about a layer in a few words. A table of keys and not one function per class: a custom
# layer with `units` reads as well as a Dense. Only what the canonical config says; today's defaults stay unsaid.
"""`64 filters, 3×3, stride 2, relu`: the config of a layer in short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modeldiff.graph import Layer
from modeldiff.report.words import dimensions, value_text, without_batch

_LONGEST = 72


def summary(layer: Layer) -> str:
    """The few config values a person would name; may be empty."""
    if layer.body is not None:
        inner = sum(1 for _ in layer.body.walk())
        return f"{inner} layers" if inner != 1 else "1 layer"
    parts = _parts(layer.config)
    if layer.canonical_class.endswith("Normalization") and not parts:
        parts = [f"{weight.shape[0]} channels" for weight in layer.weights[:1] if len(weight.shape) == 1]
    text = ", ".join(parts)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _parts(config: Mapping[str, Any]) -> list[str]:
    found = []
    for key, words in _WORDS.items():
        if key in config:
            said = words(config[key])
            if said:
                found.append(said)
    return found


def _grid(of: Any) -> str:
    """`[3, 3]` as `3×3`."""
    if isinstance(of, (list, tuple)) and of and all(isinstance(item, int) for item in of):
        return dimensions(of)
    return value_text(of)


def _labelled(label: str) -> Callable[[Any], str]:
    return lambda of: f"{label} {_grid(of)}"


def _amount(unit: str) -> Callable[[Any], str]:
    return lambda of: f"{value_text(of)} {unit.removesuffix('s') if of == 1 else unit}"


def _stride(label: str) -> Callable[[Any], str]:
    """One number where all are the same; nothing where it is 1."""

    def words(of: Any) -> str:
        sizes = of if isinstance(of, (list, tuple)) else [of]
        if all(size == 1 for size in sizes):
            return ""
        return f"{label} {value_text(sizes[0]) if len(set(map(str, sizes))) == 1 else _grid(of)}"

    return words


def _activation(of: Any) -> str:
    if isinstance(of, Mapping):
        return str(of.get("class_name", ""))
    return "" if of in (None, "linear") else value_text(of)


def _wrapped(of: Any) -> str:
    if not isinstance(of, Mapping) or not isinstance(of.get("class_name"), str):
        return ""
    config = of.get("config")
    return ", ".join([of["class_name"], *_parts(config if isinstance(config, Mapping) else {})])


def _cells(of: Any) -> str:
    return " + ".join(filter(None, map(_wrapped, of))) if isinstance(of, (list, tuple)) else ""


def _shape(of: Any) -> str:
    return without_batch(tuple(of)) if isinstance(of, (list, tuple)) and of else ""


_WORDS: dict[str, Callable[[Any], str]] = {
    "layer": _wrapped,
    "cell": _wrapped,
    "cells": _cells,
    "batch_shape": _shape,
    "units": _amount("units"),
    "filters": _amount("filters"),
    "input_dim": _labelled("vocabulary"),
    "output_dim": _amount("dimensions"),
    "num_heads": _amount("heads"),
    "key_dim": _labelled("key size"),
    "kernel_size": _grid,
    "pool_size": _grid,
    "size": _grid,
    "target_shape": _grid,
    "strides": _stride("stride"),
    "dilation_rate": _stride("dilation"),
    "groups": _stride("groups"),
    "rate": _labelled("rate"),
    "negative_slope": _labelled("slope"),
    "scale": lambda of: "" if isinstance(of, bool) else f"scale {_grid(of)}",
    "merge_mode": value_text,
    "cropping": _grid,
    "dims": _grid,
    "n": _amount("times"),
    "function": lambda of: of if isinstance(of, str) and len(of) <= 40 else "",
    "activation": _activation,
}
