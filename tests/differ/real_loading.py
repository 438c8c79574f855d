# Real Keras, asked what `load_weights` does: every variable of both models gets numbers of its own, so that whatever
# stands in the new model afterwards tells where it came from. Weights of a file are known by the same numbers.
"""Build pairs of models, load one's file into the other, and see which variable holds what."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from modeldiff.graph import LayerPath, Model

STRIDE = 1 << 12
"""Numbers per variable; float32 keeps twice as many of them apart as any pair here needs."""
Held = dict[int, int | None]
"""New variable -> old variable whose values it holds; None where it kept its own."""


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def library(name: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    with quiet():
        return importlib.import_module(name)


@cache
def words(name: str) -> dict[str, Any]:
    """What the expressions of a case are made of."""
    keras = library(name)
    layers = keras.layers

    def chain(shape: Any, *steps: Any, name: str | None = None) -> Any:
        start = keras.Input(shape if isinstance(shape, tuple) else (shape,))
        tensor = start
        for step in steps:
            tensor = step(tensor)
        return keras.Model(start, tensor, name=name)

    def seq(shape: Any, *steps: Any, name: str | None = None) -> Any:
        return keras.Sequential([keras.Input(shape if isinstance(shape, tuple) else (shape,)), *steps], name=name)

    def join(one: Any, other: Any, *steps: Any) -> Any:
        """Two inputs of eight numbers, each through its own layer."""
        starts = [keras.Input((8,)), keras.Input((8,))]
        tensor = layers.Concatenate()([one(starts[0]), other(starts[1])])
        for step in steps:
            tensor = step(tensor)
        return keras.Model(starts, tensor)

    def frozen(layer: Any) -> Any:
        layer.trainable = False
        return layer

    def compiled(model: Any) -> Any:
        model.compile("adam", "mse", metrics=["mae"])
        return model

    def trained(model: Any) -> Any:
        """With the state an optimizer has from its first step on."""
        compiled(model).optimizer.build(model.trainable_variables)
        return model

    @keras.saving.register_keras_serializable("forecast")
    class Scale(layers.Layer):  # type: ignore[misc]  # Keras has no types
        """A layer of nobody's: weights of its own, and a layer inside."""

        def __init__(self, units: int = 4, *, inner: bool = False, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.inner = units, inner
            self.project = layers.Dense(units) if inner else None

        def build(self, shape: Any) -> None:
            self.rate = self.add_weight(name="rate", shape=(shape[-1], self.units), initializer="ones")
            self.seen = self.add_weight(name="seen", shape=(self.units,), trainable=False)
            if self.project is not None:
                self.project.build((None, self.units))
            super().build(shape)

        def call(self, inputs: Any) -> Any:
            made = inputs @ self.rate + self.seen
            return made if self.project is None else self.project(made)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units, "inner": self.inner}

    @keras.saving.register_keras_serializable("forecast")
    class Scales(Scale):
        """The same under another class name."""

    def ordered(base: Callable[..., Any], *keys: str) -> Callable[..., Any]:
        """A layer from its arguments in order, the last of them its name."""

        def make(*values: Any, **more: Any) -> Any:
            return base(**dict(zip((*keys, "name"), values, strict=False)), **more)

        return make

    return {
        "keras": keras,
        "L": layers,
        "D": ordered(layers.Dense, "units"),
        "B": ordered(layers.BatchNormalization),
        "C": ordered(layers.Conv2D, "filters", "kernel_size"),
        "C1": ordered(layers.Conv1D, "filters", "kernel_size"),
        "E": ordered(layers.Embedding, "input_dim", "output_dim"),
        "R": ordered(layers.LSTM, "units"),
        "G": ordered(layers.GRU, "units"),
        "Flat": ordered(layers.Flatten),
        "Drop": ordered(layers.Dropout, "rate"),
        "Scale": ordered(Scale, "units"),
        "Scales": ordered(Scales, "units"),
        "chain": chain,
        "seq": seq,
        "join": join,
        "frozen": frozen,
        "compiled": compiled,
        "trained": trained,
    }


def build(writer: str, expression: str) -> Any:
    """The model of an expression, as the first one of its process."""
    with quiet():
        backend = library(writer).backend  # counts names anew, as a new process; collecting garbage is most of the cost
        backend.reset_uids() if writer == "tf_keras" else backend.clear_session(free_memory=False)
        return eval(expression, dict(words(writer)))


def number(model: Any, sign: int) -> None:
    """Give each variable its own numbers: +1·STRIDE.. for the old model, -1·STRIDE.. for the new one."""
    for place, variable in enumerate(model.weights, 1):
        size = int(np.prod(variable.shape))
        assert size < STRIDE
        values = sign * (place * STRIDE + np.arange(size)).reshape(tuple(variable.shape))
        variable.assign(values.astype(np.float32))


def told(values: Any) -> int:
    """The signed number of the variable whose values these are, in whatever order; 0 where they are a mixture."""
    array = np.asarray(values, np.float64).reshape(-1)
    found = np.unique(np.sign(array) * (np.abs(array) // STRIDE))
    return int(found[0]) if len(found) == 1 else 0


def load_into(model: Any, file: Path, **how: bool) -> tuple[bool, Held]:
    """Whether loading `file` raises, and what each variable of `model` then holds."""
    number(model, -1)
    raised = False
    with quiet():
        try:
            model.load_weights(str(file), **how)
        except Exception:  # noqa: BLE001 - whatever Keras raises
            raised = True
    held: Held = {}
    for place, variable in enumerate(model.weights, 1):
        found = told(np.asarray(variable))
        assert found, "a mixture of two variables"
        held[place] = found if found > 0 else None
    return raised, held


def numbers(model: Model) -> Mapping[tuple[LayerPath, str], int]:
    """The number of each weight in a file."""
    found = {}
    for path, layer in model.walk():
        for weight in layer.weights:
            assert weight.source is not None
            found[path, weight.name] = abs(told(weight.source.sample(STRIDE)))
    return found
