# What a review of one model asks before it asks about a layer: which values look wrong, how large it is and where, and
# which classes it is built of. A part that the list of layers says as plainly is left out: small models have none.
"""One model at a glance: `overview`, `sizes`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from modeldiff.changes import Moments, Site, Values
from modeldiff.graph import CodeKind, Layer, Model, Weight, format_path
from modeldiff.report.remarks import together
from modeldiff.report.view import Code, Figure, LayerView, Overview, Phrase
from modeldiff.report.words import counted, joined, measure, percent

_LARGEST = 5
_SMALL_MODEL = 8
"""Layers with parameters up to which the list itself shows which are the largest."""
_CLASSES = 16

_NEVER_ZERO = ("kernel", "embeddings", "gamma", "variance")
"""Ends of the roles that no default of Keras leaves all zero, nor any training."""
_VARIED = ("kernel", "embeddings")
"""Ends of the roles whose entries no default of Keras makes equal."""


def overview(model: Model, layers: Sequence[LayerView], values: Mapping[tuple[Site, str], Values]) -> Overview:
    """The parts that have something to say."""
    return Overview(
        findings=together(_findings(model, values)),
        largest=tuple(_largest(layers)),
        classes=tuple(_classes(layers)),
        custom=tuple(_custom(model)),
    )


def sizes(model: Model) -> tuple[Figure, ...]:
    """Parameters in total and, where there are others, how many a training changes."""
    weights = {id(weight): (weight, layer) for _, layer in model.walk() for weight in layer.weights}
    moving = sum(weight.size for weight, layer in weights.values() if weight.trainable and layer.trainable)
    moving += sum(weight.size for weight in model.weights if weight.trainable)
    found = [("Parameters", model.parameters)]
    if moving != model.parameters:
        found += [("Trainable", moving), ("Not trainable", model.parameters - moving)]
    return tuple(Figure(label, "", f"{amount:,}", "", "") for label, amount in found)


def unconnected(model: Model) -> Iterator[tuple[str, Phrase]]:
    """The labelled line where the file holds no connections: of the whole model, or of sub-models."""
    if not model.graph.has_edges:
        if len(model.graph.layers) > 1:
            yield "Connections", ("not in the file: layers stand in its order",)
        return
    paths = [path for path, layer in model.walk() if layer.body is not None and not layer.body.has_edges]
    if paths:
        names = joined((Code(format_path(path)),) for path in paths[:_LARGEST])
        more = f" and {len(paths) - _LARGEST:,} more" if len(paths) > _LARGEST else ""
        yield "Connections", ("not in the file inside ", *names, more)


def inside(layer: Layer) -> int:
    """Its parameters, for a sub-model those of everything in it too."""
    return layer.parameters + (layer.body.parameters if layer.body is not None else 0)


# --- values that look wrong ---------------------------------------------------------------------------------------


def _findings(model: Model, values: Mapping[tuple[Site, str], Values]) -> Iterator[tuple[str, str]]:
    """Layer and weight, and what is wrong; gravest first."""
    found: list[tuple[int, str, str]] = []
    for path, layer in model.walk():
        for weight in layer.weights:
            told = values.get((Site(None, path), weight.name))
            if told is not None and told.new is not None:
                place = f"{format_path(path)}/{weight.name}"
                found += ((grade, place, words) for grade, words in _wrong(layer, weight, told.new))
    yield from ((place, words) for _, place, words in sorted(found, key=lambda one: one[0]))


def _wrong(layer: Layer, weight: Weight, moments: Moments) -> Iterator[tuple[int, str]]:
    if moments.nan or moments.inf:
        parts = [f"{moments.nan:,} NaN"] * bool(moments.nan) + [f"{moments.inf:,} infinite"] * bool(moments.inf)
        yield 0, f"{' and '.join(parts)} of {counted(weight.size, 'value')}"
        return
    role = weight.name.rpartition("/")[2]
    if weight.size < 2 or moments.min != moments.max or _starts_equal(layer, role):
        return
    if moments.max == 0 and role.endswith(_NEVER_ZERO):
        yield 1, "every entry is 0"
    elif moments.max != 0 and role.endswith(_VARIED):
        yield 2, f"every entry is {measure(moments.max)}"


def _starts_equal(layer: Layer, role: str) -> bool:
    """Whether the configuration itself asks for equal entries, in the layer or in what it wraps."""
    keys = {f"{role}_initializer", f"{role.removesuffix('_kernel')}_initializer"}
    pending: list[Any] = [layer.config]
    while pending:
        config = pending.pop()
        for key, value in config.items() if isinstance(config, Mapping) else enumerate(config):
            name = value.get("class_name", "") if isinstance(value, Mapping) else value
            if key in keys and str(name).lower() in _EQUAL:
                return True
            if isinstance(value, (Mapping, list, tuple)):
                pending.append(value)
    return False


_EQUAL = frozenset({"zeros", "ones", "constant", "zero", "one"})


# --- where the parameters are -------------------------------------------------------------------------------------


def _largest(layers: Sequence[LayerView]) -> Iterator[tuple[str, str, int, str]]:
    """Address, path, parameters and share of the largest layers."""
    sized = [(view.parameters[1] or 0, view) for view in layers if view.parameters[1]]
    total = math.fsum(size for size, _ in sized)
    if len(sized) <= _SMALL_MODEL:
        return
    for size, view in sorted(sized, key=lambda one: -one[0])[:_LARGEST]:
        yield view.address, view.new or "", size, percent(size / total)


def _classes(layers: Iterable[LayerView]) -> Iterator[tuple[str, int, int]]:
    """Class, layers and parameters, most parameters first; nothing where each class has one layer, or no name."""
    amounts, parameters = Counter[str](), Counter[str]()
    for view in layers:
        if view.class_name:
            amounts[view.class_name] += 1
            parameters[view.class_name] += view.parameters[1] or 0
    if max(amounts.values(), default=0) < 2:
        return
    telling = (name for name in amounts if parameters[name] or amounts[name] > 1)
    names = sorted(telling, key=lambda name: (-parameters[name], -amounts[name], name))
    yield from ((name, amounts[name], parameters[name]) for name in names[:_CLASSES])


def _custom(model: Model) -> Iterator[tuple[str, int, str]]:
    """Classes of layers that are not Keras' own: name with its module or package, layers, path of the first one."""
    places: dict[str, dict[str, None]] = {}
    for ref in model.code:
        if ref.what is CodeKind.CLASS and not ref.key and ref.path:
            name = ".".join(filter(None, (ref.module, ref.name)))
            places.setdefault(name, {})[format_path(ref.path)] = None
    yield from ((name, len(paths), next(iter(paths))) for name, paths in places.items())
