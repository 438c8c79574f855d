# Facts about the files and the compile settings. Careful with silence: a file that was never compiled, or that
# holds weights only, has no opinion about the optimizer, so nothing is said about it. What Keras versions write
# of the same settings differs in its keys; a setting is compared where both sides have it.
# Rejected: comparing the raw mappings, which turns every change of the Keras version into ten changes.
"""Metadata that changed: Keras version, backend, compile settings, assets, the optimizer's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modeldiff.changes import ABSENT, ROOT, MetadataChanged, Options
from modeldiff.differ import config, optimizer
from modeldiff.graph import Model

_COMPILED = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
"""Settings of `compile` that every Keras knows: missing on one compiled side is none, and that is a fact."""

_NOT_COMPARED = frozenset({"bytes", "date_saved", "assets", *_COMPILED})

_SAME_CLASS = {"Model": "Functional", "Container": "Functional", "Network": "Functional"}
"""Names of one class in older versions."""

_OLD_SETTINGS = {"lr": "learning_rate"}
"""Settings of an optimizer under an older name (Keras up to 2.2)."""


def detect(old: Model, new: Model, *, options: Options | None = None) -> Iterator[MetadataChanged]:
    """One change per fact that both sides state and that differs."""
    for key, before, after in _facts(old, new):
        if not config.same(before, after):
            yield MetadataChanged(ROOT, key, before, after)
    yield from optimizer.detect(old, new, options or Options())


def _facts(old: Model, new: Model) -> Iterator[tuple[str, Any, Any]]:
    if old.name and new.name:
        yield "name", old.name, new.name
    for key in new.metadata:
        if key in old.metadata and key not in _NOT_COMPARED:
            before, after = old.metadata[key], new.metadata[key]
            if key == "class_name":
                before, after = _SAME_CLASS.get(before, before), _SAME_CLASS.get(after, after)
            yield key, before, after
    if _is_compiled(old) and _is_compiled(new):
        yield from _settings(old.metadata, new.metadata)
    yield from _assets(old.metadata.get("assets"), new.metadata.get("assets"))


def _is_compiled(model: Model) -> bool:
    return any(model.metadata.get(key) for key in ("optimizer", "loss"))


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in _COMPILED:
        before, after = old.get(key) or None, new.get(key) or None
        if key == "optimizer" and isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _optimizer(before, after)
        else:
            yield key, before, after


def _optimizer(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    yield "optimizer", old.get("class_name"), new.get("class_name")
    before, after = _own_settings(old), _own_settings(new)
    shared = [key for key in after if key in before]
    changed = config.differences({key: before[key] for key in shared}, {key: after[key] for key in shared})
    yield from ((f"optimizer.{key}", *values) for key, *values in changed)


def _own_settings(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    settings = optimizer.get("config", optimizer)
    return {_OLD_SETTINGS.get(key, key): value for key, value in settings.items() if key not in {"name", "class_name"}}


def _assets(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Files beside the weights, as a mapping of name to digest: one fact per file."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield f"assets.{name}", old.get(name, ABSENT), new.get(name, ABSENT)
