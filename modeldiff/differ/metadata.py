# Facts about the files and the compile settings. Careful with silence: a file that was never compiled, or that
# holds weights only, has no opinion about the optimizer, so nothing is said about it. What Keras versions write
# of the same settings differs in its keys; a key that only one side can have is left alone.
# Rejected: comparing the raw mappings, which turns every change of the Keras version into ten changes.
"""Metadata that changed: Keras version, backend, compile settings, assets, the optimizer's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from modeldiff.changes import ABSENT, ASSETS, ROOT, Impact, MetadataChanged, Options
from modeldiff.differ import config, optimizer
from modeldiff.differ.names import is_automatic
from modeldiff.graph import Model

_COMPILED = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
"""Settings of `compile` that every Keras knows: missing on one compiled side is none, and that is a fact."""

_WHOLE = frozenset({"keras-h5", "keras-v3", "keras-v3-directory"})
"""Formats that hold the settings of `compile` where the model was compiled."""

_NOT_COMPARED = frozenset({"bytes", "date_saved", "assets", *_COMPILED})

_SAME_CLASS = {"Model": "Functional", "Container": "Functional", "Network": "Functional"}
"""Names of one class in older versions."""


def detect(old: Model, new: Model, *, options: Options | None = None) -> Iterator[MetadataChanged]:
    """One change per fact that both sides state and that differs."""
    for key, before, after in _facts(old, new):
        if not config.same(before, after):
            yield MetadataChanged(ROOT, key, before, after, _impact(key))
    yield from optimizer.detect(old, new, options or Options())


def _impact(key: str) -> Impact:
    """Vocabularies and the config of a subclassed model are part of what is computed; all else is told about it."""
    if key.startswith("config."):
        return config.impact_of((key.removeprefix("config.").partition(".")[0],))
    return Impact.FUNCTIONAL if key.startswith(ASSETS) else Impact.COSMETIC


def _facts(old: Model, new: Model) -> Iterator[tuple[str, Any, Any]]:
    if old.name and new.name and not all(_is_counted(model) for model in (old, new)):
        yield "name", old.name, new.name
    for key in new.metadata:
        if key in old.metadata and key not in _NOT_COMPARED:
            before, after = old.metadata[key], new.metadata[key]
            if key == "class_name":
                before, after = _SAME_CLASS.get(before, before), _SAME_CLASS.get(after, after)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from ((f"{key}.{inner}", *values) for inner, *values in config.differences(before, after))
            else:
                yield key, before, after
    if _is_compiled(old) and _is_compiled(new):
        yield from _settings(old.metadata, new.metadata)
    elif old.format in _WHOLE and new.format in _WHOLE:
        yield "optimizer", _optimizer_class(old), _optimizer_class(new)
        yield "loss", old.metadata.get("loss", ABSENT), new.metadata.get("loss", ABSENT)
    if old.format == new.format:
        yield from _assets(old.metadata.get("assets", {}), new.metadata.get("assets", {}))


def _is_counted(model: Model) -> bool:
    """Whether Keras made up the model's name: `model_1`, `functional`."""
    return is_automatic(model.name, "Functional", "Sequential", str(model.metadata.get("class_name", "Model")))


def _is_compiled(model: Model) -> bool:
    return any(model.metadata.get(key) for key in ("optimizer", "loss"))


def _optimizer_class(model: Model) -> Any:
    optimizer = model.metadata.get("optimizer")
    return optimizer.get("class_name", ABSENT) if isinstance(optimizer, Mapping) else ABSENT


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in _COMPILED:
        before, after = old.get(key), new.get(key)
        if key == "optimizer" and isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _optimizer(before, after)
        else:
            yield key, before, after


def _optimizer(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Its class, and its settings: of two classes only those that both have."""
    classes = old.get("class_name"), new.get("class_name")
    yield "optimizer", *classes
    before, after = ({key: value for key, value in side.items() if key != "class_name"} for side in (old, new))
    for key, one, other in config.differences(before, after):
        if classes[0] == classes[1] or (one is not ABSENT and other is not ABSENT):
            yield f"optimizer.{key}", one, other


def _assets(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Files beside the weights (vocabularies), by their digests; one that went elsewhere as it was is no fact."""
    went = Counter(told["sha256"] for name, told in old.items() if name not in new)
    came = Counter(told["sha256"] for name, told in new.items() if name not in old)
    elsewhere = went & came
    for name in sorted({*old, *new}):
        before, after = ((side[name]["sha256"] if name in side else ABSENT) for side in (old, new))
        if (before is ABSENT or after is ABSENT) and (after if before is ABSENT else before) in elsewhere:
            continue
        yield f"{ASSETS}{name}", before, after
