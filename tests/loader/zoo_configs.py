# The configs of the zoo, read with h5py, zipfile and json alone: what these tests are about is `keras_config`, so
# nothing else of the loader stands between the file and it.
"""Configs of real files, the architectures read from them, and the edges of both sides in one form."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import h5py
from zoo_truth import FILES, truth

from modeldiff.graph import Graph, LayerPath
from modeldiff.loader.keras_config import Architecture, read

Edge = tuple[LayerPath, str, int, int, str, int, int]
"""In which model, source layer, call and output, target layer, call and flat argument."""


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def raw_config(path: Path) -> tuple[dict[str, Any], str, list[str]] | None:
    """The config object, the writer's version and `layer_names`; None where the file has no config."""
    if path.is_dir():
        version = json.loads((path / "metadata.json").read_text())["keras_version"]
        return json.loads((path / "config.json").read_text()), version, []
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"\x89HDF"):
        with h5py.File(path, "r", locking=False) as store:
            if "model_config" not in store.attrs:
                return None
            names = store["model_weights"].attrs.get("layer_names", []) if "model_weights" in store else []
            version = _text(store.attrs.get("keras_version", ""))
            return json.loads(_text(store.attrs["model_config"])), version, [_text(name) for name in names]
    if start.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            return json.loads(archive.read("config.json")), version, []
    parsed = json.loads(path.read_text())
    return (parsed, "", []) if "config" in parsed else None


@cache
def architecture(path: str) -> Architecture | None:
    """What `keras_config` makes of one file of the zoo."""
    found = raw_config(FILES / path)
    return None if found is None else read(found[0], keras_version=found[1], layer_names=found[2])


def config_files() -> list[str]:
    """Every file of the zoo that should hold a config."""
    forms = {"h5", "keras", "keras_v3", "keras_npz", "keras_dir", "to_json"}
    return [file["path"] for entry in truth().values() for form, file in entry["files"].items() if form in forms]


@cache
def _owners() -> dict[str, str]:
    return {file["path"]: key for key, entry in truth().items() for file in entry["files"].values()}


def entry_of(path: str) -> tuple[str, dict[str, Any]]:
    """The key in TRUTH.json and the truth of one file."""
    key = _owners()[path]
    return key, truth()[key]["truth"]


def graphs(graph: Graph, path: LayerPath = ()) -> Iterator[tuple[LayerPath, Graph]]:
    yield path, graph
    for layer in graph.layers:
        if layer.body is not None:
            yield from graphs(layer.body, (*path, layer.name))


def edges(graph: Graph) -> set[Edge]:
    """All edges, at every depth; the hidden input of a Sequential is called `<input>`."""
    return {
        (path, "<input>" if ref.layer not in names else ref.layer, ref.call, ref.output, layer.name, number, argument)
        for path, inner in graphs(graph)
        for names in [{layer.name for layer in inner.layers}]
        for layer in inner.layers
        for number, call in enumerate(layer.calls)
        for argument, ref in enumerate(call.inputs)
    }
