# What `new_model.load_weights(old_file)` would do. Only names, order and shapes count, so it costs next to nothing; the
# matching says whose weights they should have been. Where a file does not tell, there is no forecast: a guess about
# weights that load silently is worse than none.
"""The load forecast: `foresee`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modeldiff.changes import Matching
from modeldiff.differ import loading_layout
from modeldiff.differ.loading_legacy import Legacy
from modeldiff.differ.loading_rules import Run
from modeldiff.differ.loading_store import Store
from modeldiff.differ.loading_units import Key, Tensor, is_store, units
from modeldiff.forecast import (
    Forecast,
    LayerForecast,
    Loading,
    Method,
    Obstacle,
    Origin,
    Way,
    WeightForecast,
)
from modeldiff.graph import Layer, LayerPath, Model


def foresee(old: Model, new: Model, matching: Matching) -> Forecast:
    """What loading the weights in `old`'s file into the model `new` would do."""
    obstacle = _obstacle(old, new)
    if obstacle:
        return Forecast("", (), obstacle)
    keras = "3" if _major(new) >= 3 else "2"
    olds, store = units(old), is_store(old)
    news = units(new) if is_store(new) == store else loading_layout.units(new, store=store)
    if news is None:
        return Forecast("", (), Obstacle.NEW_LAYOUT)
    loader = Store(new, olds, news, keras) if store else Legacy(old, new, olds, news, keras)
    told = _Told(old, new, matching)
    return Forecast(keras, tuple(told.way(method, run) for method, run in loader.ways()))


def _obstacle(old: Model, new: Model) -> Obstacle | None:
    if not old.holders:
        return Obstacle.OLD_WITHOUT_WEIGHTS
    if not new.has_config:
        return Obstacle.NEW_WITHOUT_CONFIG
    if not new.holders:
        return Obstacle.NEW_WITHOUT_WEIGHTS
    return Obstacle.NEW_KERAS_1 if _major(new) < 2 else None


def _major(model: Model) -> int:
    """The first number of the Keras that wrote the file; the first Keras told none."""
    number = str(model.metadata.get("keras_version", "3" if is_store(model) else "1")).partition(".")[0]
    return int(number) if number.isdecimal() else 3


@dataclass(frozen=True, slots=True)
class _Told:
    """Puts what variables hold into the words of layers that are matched."""

    old: Model
    new: Model
    matching: Matching

    def way(self, method: Method, run: Run) -> Way:
        return Way(method, run.failure, tuple(self._layers(run)))

    def _layers(self, run: Run) -> Iterator[LayerForecast]:
        partners = {match.new: match.old for match in self.matching.matches} | {(): ()}
        roles = {path: {weight.name for weight in layer.weights} for path, layer in self.old.walk()}
        for path, layer in self.new.walk():
            if layer.weights or path in run.offenders:
                yield _layer(path, layer, run, partners.get(path), roles)


def _layer(
    path: LayerPath, layer: Layer, run: Run, partner: LayerPath | None, roles: Mapping[LayerPath, set[str]]
) -> LayerForecast:
    weights, another = [], None
    for weight in layer.weights:
        held = run.holds.get((path, weight.name))
        origin = None if held is None else _origin(held, partner, weight.name, roles)
        weights.append(WeightForecast(weight.name, origin))
        if origin is not None and not _is_own(origin, partner, weight.name, roles):
            another = another or origin
    lost = run.failure is not None and any(one.origin is None and (path, one.name) in run.wanted for one in weights)
    if path in run.offenders:
        loading = Loading.SHAPE_ERROR
    elif lost or (run.failure is not None and not run.wanted):
        loading = Loading.NOT_REACHED
    elif another:
        loading = Loading.LOADS_ANOTHER
    else:
        loading = Loading.SKIPPED if any(one.origin is None for one in weights) else Loading.LOADS
    return LayerForecast(path, loading, tuple(weights), another)


def _origin(held: Tensor, partner: LayerPath | None, role: str, roles: Mapping[LayerPath, set[str]]) -> Origin:
    """The owner that is meant where several layers share the tensor."""
    owners: tuple[Key, ...] = held.owners or (((), held.key),)
    best = next((key for key in owners if _is_own(Origin(*key), partner, role, roles)), owners[0])
    return Origin(*best)


def _is_own(origin: Origin, partner: LayerPath | None, role: str, roles: Mapping[LayerPath, set[str]]) -> bool:
    """The layer it is matched with, and not another weight of it."""
    return origin.layer == partner and (origin.weight == role or role not in roles.get(origin.layer, ()))
