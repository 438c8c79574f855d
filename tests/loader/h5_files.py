# Small legacy and v3 files made by hand, so that a test can bend one thing in them. Real h5py, no Keras.
"""Builders of HDF5 model files for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def dense(name: str, source: str = "", *, units: int = 4) -> dict[str, Any]:
    """A Dense layer's object in the words of Keras 2."""
    inbound = [[[source, 0, 0, {}]]] if source else []
    return {"class_name": "Dense", "name": name, "config": {"name": name, "units": units}, "inbound_nodes": inbound}


def functional(*layers: Mapping[str, Any], name: str = "model") -> dict[str, Any]:
    """A chain with an input `x` in front."""
    start = {
        "class_name": "InputLayer",
        "name": "x",
        "config": {"name": "x", "batch_input_shape": [None, 4], "dtype": "float32"},
        "inbound_nodes": [],
    }
    return {
        "class_name": "Functional",
        "config": {
            "name": name,
            "layers": [start, *layers],
            "input_layers": [["x", 0, 0]],
            "output_layers": [[layers[-1]["name"], 0, 0]],
        },
    }


def chain(*names: str) -> dict[str, Any]:
    """Dense layers of these names, one after another."""
    return functional(*(dense(name, source) for name, source in zip(names, ("x", *names), strict=False)))


def write_h5(path: Path, config: Mapping[str, Any] | None, weights: Mapping[str, Mapping[str, Any]]) -> Path:
    """A legacy file: layer name -> weight name -> values."""
    with h5py.File(path, "w") as file:
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
            file.attrs["keras_version"] = "2.15.0"
            file.attrs["backend"] = "tensorflow"
        group = file.create_group("model_weights") if config is not None else file
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, values in arrays.items():
                layer[weight] = values
    return path


def dense_weights(name: str, seed: int = 0, *, units: int = 4) -> dict[str, Any]:
    """Kernel and bias of a Dense layer on 4 features."""
    random = np.random.default_rng(seed)
    return {
        f"{name}/kernel:0": random.standard_normal((4, units)).astype("f4"),
        f"{name}/bias:0": random.standard_normal(units).astype("f4"),
    }


def small_h5(path: Path, names: Sequence[str] = ("a", "b")) -> Path:
    """A complete legacy model."""
    weights = {"x": {}, **{name: dense_weights(name, number) for number, name in enumerate(names)}}
    return write_h5(path, chain(*names), weights)


def write_store(file: h5py.Group, groups: Mapping[str, Sequence[Any]], names: Mapping[str, str] | None = None) -> None:
    """A v3 store: path of an object -> its arrays; `names`: path -> the object's own name."""
    for path, arrays in groups.items():
        group = file.require_group(f"{path}/vars" if path else "vars")
        for number, values in enumerate(arrays):
            group[str(number)] = values
        if names and path in names:
            group.attrs["name"] = names[path]
