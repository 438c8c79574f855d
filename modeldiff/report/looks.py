# What is said of a layer by its config alone. Layers built alike share one config object, so it is made once for all of
# them: known by identity, since the models outlive this.
"""What layers are in short, and their configs as rows: `Looks`, `Rows`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from modeldiff.changes import ABSENT, Change, ConfigChanged
from modeldiff.graph import Layer
from modeldiff.report.summaries import summary
from modeldiff.report.view import ConfigRow
from modeldiff.report.words import value_text, without_batch

Look = tuple[str, str, str]
"""Class, summary, and output shapes side by side; a summary that only says the shape is ""."""


class Looks:
    """Layers built alike share one config, and look alike where shapes are equal too."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Look] = {}

    def of(self, layer: Layer) -> Look:
        """What the layer is in short."""
        shapes = layer.output_shapes or ()
        seen = (layer.class_name, layer.canonical_class, id(layer.config), id(layer.body), shapes)
        known = *seen, *(weight.shape for weight in layer.weights[:1])
        if known not in self._known:
            shape = ", ".join(map(without_batch, shapes))
            words = summary(layer)
            self._known[known] = layer.class_name, words if words != shape else "", shape
        return self._known[known]


class Rows:
    """Configs as rows. Layers built alike share one config, and then one tuple of rows."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[ConfigRow, ...]] = {}
        """By identity: the models outlive this."""

    def of(
        self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, facts: Iterable[Change] = ()
    ) -> tuple[ConfigRow, ...]:
        """The rows of both sides; None for one that is not there."""
        if any(isinstance(change, ConfigChanged) for change in facts):
            return tuple(_config_rows(old or {}, new or {}, facts))
        sides = id(old), id(new)
        if sides not in self._known:
            self._known[sides] = tuple(_config_rows(old or {}, new or {}))
        return self._known[sides]


def _config_rows(old: Mapping[str, Any], new: Mapping[str, Any], facts: Iterable[Change] = ()) -> Iterator[ConfigRow]:
    """Every key of either side, changed ones first; a default that `facts` tell stands where a side does not."""
    told = [change for change in facts if isinstance(change, ConfigChanged)]
    old = {**{one.key: one.before for one in told if one.key in new and one.before is not ABSENT}, **old}
    new = {**{one.key: one.after for one in told if one.key in old and one.after is not ABSENT}, **new}
    keys = [*new, *(key for key in old if key not in new)]
    changed = [key for key in keys if key in old and key in new and old[key] != new[key]]
    one_sided = [key for key in keys if (key in old) != (key in new)]
    for key in (*changed, *one_sided, *(key for key in keys if key in old and key in new and key not in changed)):
        before = value_text(old[key]) if key in old else None
        after = value_text(new[key]) if key in new else None
        yield ConfigRow(key, before, after, changed=before != after)
