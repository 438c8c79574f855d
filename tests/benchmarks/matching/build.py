# The only module that knows Keras. Files are kept by the digest of all that went into them, so a second run of the
# benchmark builds nothing and does not import TensorFlow at all.
"""Build a spec with Keras 3 or tf_keras and save it: `Recipe`, `build`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import logging
import operator
import os
import random
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.matching.custom_layers import custom_class
from benchmarks.matching.specs import Node, Ref, Spec
from benchmarks.matching.weights import Plan, values

_OPERATORS: dict[str, Callable[..., Any]] = {
    "op:add": operator.add,
    "op:multiply": operator.mul,
    "op:divide": operator.truediv,
}
"""Classes of nodes that are no layers in the code; Keras makes one of each and names it itself."""

_MERGES = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Concatenate", "Dot", "Attention"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the bytes of one file."""

    spec: Spec
    plan: Plan = field(default_factory=Plan)
    naming: str = "explicit"
    """`explicit`, `automatic` or `mixed` (half of the layers named, chosen by id)."""
    shift: int = 0
    """Layers of each class that the process made before; 0 is a fresh session."""
    writer: str = "keras"
    """`keras` or `tf_keras`."""
    suffix: str = ".h5"

    def digest(self) -> str:
        """The same for the same file."""
        sources = [Path(__file__).with_name(name) for name in ("build.py", "weights.py", "custom_layers.py")]
        code = b"".join(path.read_bytes() for path in sources)
        told = json.dumps(
            {**asdict(self), "plan": [self.plan.state, self.plan.seed, sorted(self.plan.held)]}, default=str
        )
        return hashlib.sha256(code + told.encode()).hexdigest()[:20]

    def is_named(self, node: Node) -> bool:
        """Whether a person gave this layer its name."""
        if node.cls in _OPERATORS:
            return False
        if self.naming == "mixed":
            return hashlib.sha256(node.id.encode()).digest()[0] % 2 == 0
        return self.naming == "explicit"


@dataclass(frozen=True, slots=True)
class Built:
    """A saved model and what is known of it."""

    path: Path
    names: dict[str, str]
    """What each id is called in the file."""
    weights: dict[str, list[tuple[tuple[int, ...], str]]]
    """Shape and digest of every weight, by id; sub-models have none."""


class NotBuildable(Exception):
    """Keras refuses this spec: the edit does not fit the shapes."""


def build(recipe: Recipe, folder: Path) -> Built:
    """The file of `recipe` in `folder`, made where it is not there yet.

    Raises:
        NotBuildable: Keras raised ValueError or TypeError.
    """
    path = folder / f"{recipe.digest()}{recipe.suffix}"
    facts = path.with_suffix(".json")
    if facts.exists():
        told = json.loads(facts.read_text())
        if "refused" in told:
            raise NotBuildable(told["refused"])
    else:
        try:
            told = _save(recipe, path)
        except (ValueError, TypeError) as error:
            facts.write_text(json.dumps({"refused": str(error)[:300]}))
            raise NotBuildable(str(error)) from error
        facts.write_text(json.dumps(told))
    weights = {key: [(tuple(shape), digest) for shape, digest in found] for key, found in told["weights"].items()}
    return Built(path, told["names"], weights)


def _library(writer: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(writer)


def _save(recipe: Recipe, path: Path) -> dict[str, Any]:
    keras = _library(recipe.writer)
    keras.backend.clear_session()
    builder = _Builder(keras, recipe)
    builder.count()
    model = builder.model(recipe.spec)
    told = builder.fill()
    partial = path.with_name(f"partial-{path.name}")
    with warnings.catch_warnings(), open(os.devnull, "w") as quiet, contextlib.redirect_stderr(quiet):  # noqa: PTH123  # a device
        warnings.simplefilter("ignore")
        model.save(partial)
    partial.replace(path)
    return {"names": {identity: layer.name for identity, layer in builder.layers.items()}, "weights": told}


class _Builder:
    def __init__(self, keras: Any, recipe: Recipe) -> None:
        self.keras = keras
        self.recipe = recipe
        self.layers: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}

    def count(self) -> None:
        """Make layers that nobody uses, as other models of the same process would have."""
        if not self.recipe.shift:
            return
        nodes = [node for _, _, node in self.recipe.spec.walk() if node.body is None and node.cls not in _OPERATORS]
        classes = sorted({node.cls: node for node in nodes}.items())
        for cls, node in classes:
            times = random.Random(f"{cls}{self.recipe.shift}").randint(1, 2 + self.recipe.shift)
            for _ in range(times):
                self._layer(node, named=False)

    def _name(self, node: Node) -> dict[str, str]:
        return {"name": node.name} if self.recipe.is_named(node) else {}

    def _layer(self, node: Node, *, named: bool = True) -> Any:
        name = self._name(node) if named else {}
        if node.cls == "InputLayer":
            return self.keras.Input(**node.config, **name)
        if node.cls in _OPERATORS:
            raise ValueError("a Sequential takes no operator")
        return self._class(node.cls)(**self._config(node.config), **name)

    def _class(self, name: str) -> Any:
        return custom_class(self.keras, name) or getattr(self.keras.layers, name)

    def _config(self, config: Any) -> dict[str, Any]:
        made = {}
        for key, value in config.items():
            if isinstance(value, tuple) and value and isinstance(value[0], str):
                made[key] = self._class(value[0])(**self._config(value[1]))
            else:
                made[key] = value
        return made

    def model(self, spec: Spec, node: Node | None = None, shapes: Iterable[Any] = ()) -> Any:
        """The Keras model of a spec. `shapes` are those of the tensors a sub-model is called with."""
        name = self._name(node) if node is not None else {}
        if spec.sequential:
            model = self.keras.Sequential(**name)
            first = spec.nodes[0]
            given = self._input(first, iter(shapes))
            model.add(self.keras.Input(**given, **self._name(first)))
            for inner in spec.nodes[1:]:
                shape = model.output_shape[1:] if model.layers else given["shape"]
                layer = self._layer(inner) if inner.body is None else self._submodel(inner, [shape])
                model.add(layer)
                self._keep(inner, layer)
            return model
        tensors = self._tensors(spec, iter(shapes))
        inputs = [tensors[inner.id, 0, 0] for inner in spec.nodes if inner.cls == "InputLayer"]
        outputs = [tensors[ref] for ref in spec.outputs]
        return self.keras.Model(_one(inputs), _one(outputs), **name)

    def _submodel(self, node: Node, shapes: Iterable[Any] = ()) -> Any:
        assert node.body is not None
        return self.model(node.body, node, shapes)

    def _input(self, node: Node, shapes: Any) -> dict[str, Any]:
        """The arguments of an input; without a shape it takes that of the tensor the sub-model is called with."""
        given = dict(node.config)
        if "shape" not in given:
            given["shape"] = next(shapes)
        return given

    def _keep(self, node: Node, layer: Any) -> None:
        self.layers[node.id] = layer
        self.nodes[node.id] = node

    def _tensors(self, spec: Spec, shapes: Any) -> dict[Ref, Any]:
        tensors: dict[Ref, Any] = {}
        waiting = [(node, index) for node in spec.nodes for index in range(len(node.calls))]
        while waiting:
            left = []
            for node, index in waiting:
                ready = index == 0 or (node.id, index - 1, 0) in tensors
                if ready and all(ref in tensors for ref in node.calls[index]):
                    made = self._call(node, [tensors[ref] for ref in node.calls[index]], shapes)
                    tensors.update({(node.id, index, output): value for output, value in enumerate(made)})
                else:
                    left.append((node, index))
            if len(left) == len(waiting):
                raise ValueError(f"nothing makes the inputs of {left[0][0].id}")
            waiting = left
        return tensors

    def _call(self, node: Node, inputs: list[Any], shapes: Any) -> list[Any]:
        if node.cls == "InputLayer":
            tensor = self.keras.Input(**self._input(node, shapes), **self._name(node))
            self._keep(node, tensor._keras_history[0])
            return [tensor]
        if node.cls in _OPERATORS:
            tensor = _OPERATORS[node.cls](*inputs, *node.config.values())
            self._keep(node, tensor._keras_history[0])
            return [tensor]
        if node.id not in self.layers:
            layer = self._submodel(node, [_shape(x) for x in inputs]) if node.body is not None else self._layer(node)
            self._keep(node, layer)
        layer = self.layers[node.id]
        if node.cls in _MERGES:
            made = layer(inputs)
        elif node.body is not None:
            made = layer(_one(inputs))
        elif len(inputs) > 1 and node.cls in {"LSTM", "GRU", "SimpleRNN"}:
            made = layer(inputs[0], initial_state=inputs[1:])
        else:
            made = layer(*inputs)
        return list(made) if isinstance(made, (list, tuple)) else [made]

    def fill(self) -> dict[str, list[tuple[tuple[int, ...], str]]]:
        """Set the numbers of every layer and tell shape and digest of each."""
        told: dict[str, list[tuple[tuple[int, ...], str]]] = {}
        for identity, layer in self.layers.items():
            node = self.nodes[identity]
            if node.body is not None or node.cls in _OPERATORS:
                continue
            made = []
            for index, weight in enumerate(layer.weights):
                role = weight.name.split("/")[-1].split(":")[0]
                lineage = node.lineage or node.cls
                made.append(values(self.recipe.plan, (identity, lineage), index, role, tuple(weight.shape)))
            if made:
                layer.set_weights(made)
            told[identity] = [(value.shape, hashlib.sha256(value.tobytes()).hexdigest()[:16]) for value in made]
        return told


def _one(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _shape(tensor: Any) -> tuple[int | None, ...]:
    return tuple(tensor.shape)[1:]
