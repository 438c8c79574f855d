# What one layer's object tells by itself, without its model: its class today, its dtype, the shapes written in it.
"""Facts of one layer object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeldiff.graph import Shape
from modeldiff.loader import values
from modeldiff.loader.canonical import canonical_class
from modeldiff.loader.connections import as_shape
from modeldiff.loader.keras_names import is_class
from modeldiff.loader.model_objects import Entry
from modeldiff.loader.tensorflow_ops import operation


def class_of(entry: Entry) -> str:
    """Today's name of its class; that of a model, whatever a person called the subclass."""
    if entry.is_model:
        return model_class(entry.raw)
    return canonical_class(_registered(entry) or entry.class_name, entry.config)


def _registered(entry: Entry) -> str:
    """The name a person registered a class under, which is all that the legacy format tells: `pkg>Affine`."""
    package, mark, name = str(entry.raw.get("registered_name") or "").rpartition(">")
    return name if mark and package and not is_class(entry.class_name) else ""


def model_class(raw: Mapping[str, Any]) -> str:
    """`Sequential` or `Functional`."""
    config = raw.get("config")
    functional = isinstance(config, dict) and "output_layers" in config
    name = values.bare(raw.get("class_name"))
    return "Functional" if functional or name in {"Model", "Functional", "Container", "Network"} else "Sequential"


def is_operation(entry: Entry) -> bool:
    """An operation that is no layer, in Keras 3 or in meaning."""
    return entry.is_op or bool(operation(entry.class_name, entry.config))


def batch_shape(config: Mapping[str, Any]) -> Shape | None:
    """The shape of an InputLayer, or of the input that an older Sequential writes into its first layer."""
    shape = as_shape(config.get("batch_shape"))
    return shape if shape is not None else as_shape(config.get("batch_input_shape"))


def build_shape(entry: Entry) -> Shape | None:
    """What the layer was built for (`build_config`, from Keras 2.12)."""
    built = entry.raw.get("build_config")
    return as_shape(built.get("input_shape")) if isinstance(built, dict) else None


def dtype_of(config: Mapping[str, Any]) -> str:
    """Of an input."""
    name = values.dtype(config.get("dtype", config.get("input_dtype")))
    return name.removeprefix("mixed_") if isinstance(name, str) else "float32"


def is_unfrozen(config: Mapping[str, Any], depth: int = 0) -> bool:
    """Its own flag and those of what it wraps: a wrapper has no weights of its own, and is frozen where all inside is.

    `Bidirectional` has two layers inside, an RNN a cell or a list of cells.
    """
    if config.get("trainable") is False:
        return False
    cells = config.get("cells")
    wrapped = [config.get(key) for key in ("layer", "backward_layer", "cell")]
    inner = [one["config"] for one in [*wrapped, *(cells if isinstance(cells, list) else ())] if _has_config(one)]
    return depth >= values.DEEPEST or not inner or any(is_unfrozen(one, depth + 1) for one in inner)


def _has_config(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("config"), dict)
