# What `new_model.load_weights(old_file)` would do. Only names, order and shapes count, so it costs next to nothing; the
# matching says whose weights they should have been. Where a file does not tell, there is no forecast: a guess about
# weights that load silently is worse than none.
"""The load forecast: `foresee`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from modeldiff.graph import LayerPath, Model


def foresee(old: Model, new: Model, matching: Matching) -> Forecast:
    """What loading the weights in `old`'s file into the model `new` would do."""
    obstacle = _obstacle(old, new)
    if obstacle:
        return Forecast("", (), obstacle)
    keras = "3" if _major(new) >= 3 else "2"
    olds, store = units(old), is_store(old)
    news = units(new) if is_store(new) == store else loading_layout.units(new, store=store, keras=keras)
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
    return int(number[:9]) if number.isdecimal() else 3


class _Told:
    """Puts what variables hold into the words of layers that are matched."""

    def __init__(self, old: Model, new: Model, matching: Matching) -> None:
        self.layers = [(path, [(path, weight.name) for weight in layer.weights]) for path, layer in new.walk()]
        self.partners: dict[LayerPath, LayerPath] = {match.new: match.old for match in matching.matches} | {(): ()}
        self.roles = {path: {weight.name for weight in layer.weights} for path, layer in old.walk()}
        self.same: dict[tuple[Loading, LayerPath, tuple[Tensor | None, ...]], LayerForecast] = {}
        """Most ways do the same to most layers."""
        self.run, self.told = Run(), tuple[LayerForecast, ...]()
        """The last run: two ways may be one."""

    def way(self, method: Method, run: Run) -> Way:
        """The outcome of one way, layer by layer."""
        if run is not self.run:
            self.run, self.told = run, tuple(self._layers(run))
        return Way(method, run.failure, self.told)

    def _layers(self, run: Run) -> Iterator[LayerForecast]:
        nothing = run.failure is not None and not run.wanted
        for path, variables in self.layers:
            is_offender = path in run.offenders
            if not variables and not is_offender:
                continue
            held = tuple(map(run.holds.get, variables))
            told = Loading.LOADS
            if is_offender:
                told = Loading.SHAPE_ERROR
            elif None in held:
                missed = (variable for variable, one in zip(variables, held, strict=True) if one is None)
                lost = nothing or (run.failure is not None and not run.wanted.isdisjoint(missed))
                told = Loading.NOT_REACHED if lost else Loading.SKIPPED
            key = told, path, held
            found = self.same.get(key)
            if found is None:
                found = self.same[key] = self._layer(path, told, variables, held)
            yield found

    def _layer(
        self, path: LayerPath, told: Loading, variables: Sequence[Key], held: Sequence[Tensor | None]
    ) -> LayerForecast:
        partner = self.partners.get(path)
        weights, another = [], None
        for (_, name), tensor in zip(variables, held, strict=True):
            origin = None
            if tensor is not None:
                origin, is_own = self._origin(tensor, partner, name)
                another = another if is_own or another else origin
            weights.append(WeightForecast(name, origin))
        if another and told in {Loading.LOADS, Loading.SKIPPED}:
            told = Loading.LOADS_ANOTHER
        return LayerForecast(path, told, tuple(weights), another)

    def _origin(self, held: Tensor, partner: LayerPath | None, role: str) -> tuple[Origin, bool]:
        """The owner that is meant where several layers share the tensor, and whether it is the one it should be."""
        owners: tuple[Key, ...] = held.owners or (((), held.key),)
        for path, name in owners:
            if path == partner and (name == role or role not in self.roles.get(path, ())):
                return Origin(path, name), True
        return Origin(*owners[0]), False
