# A layer as the tree of what it is made of: a wrapper has its inner layers as parts, a model inside a wrapper its
# layers. One tree serves both formats: flattened it is the order of the legacy format, walked by attribute it is the
# v3 store.
"""Layers and their inner layers: `part_of`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modeldiff.graph import LayerPath
from modeldiff.loader.canonical import bare, canonical_class
from modeldiff.loader.keras_config import Architecture
from modeldiff.loader.roles import ATTENTION, Slot, own_slots

_DEEPEST = 50
"""Wrappers in wrappers."""


@dataclass(slots=True)
class Part:
    """A layer with what it is made of."""

    class_name: str
    """Today's."""
    config: Mapping[str, Any]
    own: tuple[Slot, ...] | None
    """Its own weights in the order they were made; None where the class is not known."""
    parts: list[tuple[str, str, Part]] = field(default_factory=list)
    """Inner layers: the prefix of their roles, their place in the v3 store, the layer."""
    _slots: tuple[Slot, ...] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def trainable(self) -> bool:
        """Its own flag."""
        return self.config.get("trainable", True) is not False

    @property
    def is_known(self) -> bool:
        """Whether all its weights are known."""
        return self.own is not None and (not self.parts or all(part.is_known for _, _, part in self.parts))

    def slots(self) -> tuple[Slot, ...]:
        """All weights in the order of the legacy format: trainable ones first, the rest after them."""
        if self._slots is None:  # asked for by every layer that is alike
            self._slots = (*self.listed("trainable"), *self.listed("rest"))
        return self._slots

    def listed(self, what: str) -> list[Slot]:
        """Keras' `trainable_weights`, or the `rest`; a frozen layer lists what would be trainable before the rest."""
        if what == "trainable":
            return self._tier("trainable") if self.trainable else []
        return self._tier("rest") if self.trainable else [*self._tier("trainable"), *self._tier("rest")]

    def _tier(self, what: str) -> list[Slot]:
        own = [slot for slot in self.own or () if slot.trainable == (what == "trainable")]
        inner = [Slot(prefix + slot.role, slot.trainable) for prefix, _, p in self.parts for slot in p.listed(what)]
        return own + inner


class Parts:
    """The parts of a model's layers, found once for layers that are alike."""

    def __init__(self, architecture: Architecture) -> None:
        self._raw, self._alike = architecture.raw, architecture.alike
        self._found: dict[tuple[int, bool], Part] = {}

    def of(self, path: LayerPath, *, gates: bool = False) -> Part:
        """See `part_of`."""
        kind = id(self._alike[path]), gates
        if kind not in self._found:
            self._found[kind] = part_of(self._raw[path], gates=gates)
        return self._found[kind]


def part_of(raw: Mapping[str, Any], *, gates: bool = False, depth: int = 0) -> Part:
    """The parts of a layer object. `gates`: the file has the separate gates of Keras 1."""
    config = raw.get("config")
    config = config if isinstance(config, dict) else {}
    class_name = canonical_class(bare(str(raw.get("class_name", ""))), config)
    if depth >= _DEEPEST:
        return Part(class_name, config, None)
    inner = [
        (prefix, place, part_of(layer, gates=gates, depth=depth + 1))
        for prefix, place, layer in _inner_layers(class_name, config)
    ]
    return Part(class_name, config, own_slots(class_name, config, gates=gates), inner)


def _inner_layers(name: str, config: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Prefix of the roles, place in the v3 store, object."""
    layer, cell, cells = config.get("layer"), config.get("cell"), config.get("cells")
    if name in ATTENTION:
        dense = {"class_name": "Dense", "config": {"use_bias": config.get("use_bias", True)}}
        for role, place in (("query", "query"), ("key", "key"), ("value", "value"), ("attention_output", "output")):
            yield f"{role}/", f"{place}_dense", dense
    elif name == "Bidirectional" and isinstance(layer, dict):
        backward = config.get("backward_layer")
        yield "forward/", "forward_layer", layer
        yield "backward/", "backward_layer", backward if isinstance(backward, dict) else layer
    elif isinstance(cell, dict):
        yield "", "cell", cell
    elif isinstance(cells, list):
        for number, inner in enumerate(cells):
            if isinstance(inner, dict):
                yield f"cells/{number}/", f"cells/{number}", inner
    elif isinstance(layer, dict) and "class_name" in layer:
        yield "", "layer", layer
    elif isinstance(config.get("layers"), list):
        yield from _model_layers(config["layers"])


def _model_layers(layers: list[Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The layers of a model inside a wrapper."""
    for inner in layers:
        if isinstance(inner, dict):
            config = inner.get("config")
            name = inner.get("name") or (config.get("name") if isinstance(config, dict) else None)
            yield f"{name}/", f"layers/{name}", inner
