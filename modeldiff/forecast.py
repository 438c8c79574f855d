# What `new_model.load_weights(old_file)` would do, as data: computed by the differ from names, order and shapes alone,
# put into words by the report. A module of its own, since it is no change: nothing happened yet. Rejected: one answer
# per layer, because every way of loading gives another one, and "raises" without what Keras leaves behind.
"""The load forecast: `Forecast`, `Way`, `LayerForecast`, `WeightForecast`, `Failure`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from modeldiff.graph import LayerPath


class Method(str, Enum):
    """The ways of loading. The old file's format decides which of them there are."""

    ORDER = "order"
    """Legacy HDF5: `load_weights(file)`, layer by layer in the order of `model.layers`."""
    ORDER_SKIP = "order-skip-mismatch"
    """Legacy HDF5: the same with `skip_mismatch=True`, which Keras 2 refuses."""
    NAME = "name"
    """Legacy HDF5: `by_name=True`."""
    NAME_SKIP = "name-skip-mismatch"
    """Legacy HDF5: `by_name=True, skip_mismatch=True`."""
    PATHS = "paths"
    """A v3 weight store: by class and counter, `layers/dense_1`."""
    PATHS_SKIP = "paths-skip-mismatch"
    """A v3 weight store with `skip_mismatch=True`."""


class Loading(str, Enum):
    """What becomes of one layer."""

    LOADS = "loads"
    """It gets its own weights: those of the layer it is matched with."""
    LOADS_ANOTHER = "loads-another"
    """It gets weights of a layer it is not matched with, or of another weight of its own."""
    SKIPPED = "skipped"
    """It keeps initial values, some or all, and Keras does not raise."""
    SHAPE_ERROR = "shape-error"
    """Keras raises at it: other shapes, or another number of weights."""
    NOT_REACHED = "not-reached"
    """Keras raises before it, so it keeps initial values."""


class Cause(str, Enum):
    """Why Keras raises."""

    LAYER_COUNT = "layer-count"
    WEIGHT_COUNT = "weight-count"
    SHAPE = "shape"
    CONVERSION = "conversion"
    """Keras 2 converts recurrent and convolution weights before it compares shapes, and fails at it."""
    MODEL_WEIGHTS = "model-weights"
    """The number of weights that the model object itself owns."""


class Obstacle(str, Enum):
    """Why there is no forecast."""

    OLD_WITHOUT_WEIGHTS = "old-without-weights"
    NEW_WITHOUT_WEIGHTS = "new-without-weights"
    """Without weights a file does not tell their shapes."""
    NEW_WITHOUT_CONFIG = "new-without-config"
    """Weights only, or a subclassed model: the new file does not tell the model's layers."""
    NEW_KERAS_1 = "new-keras-1"
    """No Keras that is left builds the layout of these weights."""
    NEW_LAYOUT = "new-layout"
    """The files have two formats, and the new one does not tell how its layers stand in the other."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing Keras raises for."""

    cause: Cause
    layer: LayerPath | None = None
    """Of the new model; None where it is about the whole model."""
    expected: int = 0
    """What the new model has, where something is counted."""
    found: int = 0
    """What the old file has, where something is counted."""


class Origin(NamedTuple):
    """One weight of the old model."""

    layer: LayerPath
    weight: str


class WeightForecast(NamedTuple):
    """One weight of the new model after the call, also where it raised."""

    name: str
    origin: Origin | None
    """Whose values it holds then; None where it keeps its initial ones."""


class LayerForecast(NamedTuple):
    """One layer of the new model."""

    layer: LayerPath
    loading: Loading
    weights: tuple[WeightForecast, ...]
    another: Origin | None = None
    """Where it loads another layer's weights: the first of them."""


@dataclass(frozen=True, slots=True)
class Way:
    """What one way of loading does."""

    method: Method
    failure: Failure | None
    """None where the call does not raise."""
    layers: tuple[LayerForecast, ...]
    """Every layer of the new model that has weights, in its order."""

    @property
    def counts(self) -> Mapping[Loading, int]:
        """Layers per outcome, in the order of `Loading`."""
        found = Counter(layer.loading for layer in self.layers)
        return {loading: found[loading] for loading in Loading if found[loading]}

    @property
    def is_plain(self) -> bool:
        """Whether every layer gets its own weights and nothing raises."""
        return self.failure is None and all(layer.loading is Loading.LOADS for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What loading the old file's weights into the new model would do."""

    keras: str
    """Whose rules: those of the Keras that wrote the new file, "2" or "3"; "" where there is no forecast."""
    ways: tuple[Way, ...] = ()
    """Empty where there is no forecast."""
    obstacle: Obstacle | None = None
    """Why there is none."""
