# JSON on its own: the text of `model.to_json()`, the `config.json` of an unpacked archive, or the index of a store
# in shards. What it is, the keys tell.
"""JSON files -> `Model`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from modeldiff.errors import NotAModel, UnreadableFile
from modeldiff.graph import Model, Note
from modeldiff.loader import code, json_text, keras_config, shards, training
from modeldiff.loader.assembly import own_config
from modeldiff.loader.storage import whole_file


def load(path: str) -> Model:
    """The model in a JSON file.

    Raises:
        UnreadableFile: damaged.
        NotAModel: other JSON.
    """
    notes: list[Note] = []
    found = _parsed(path, lambda text: notes.append(Note("", text)))
    if isinstance(found.get("weight_map"), dict):
        return shards.load(path, found)
    if "modelTopology" in found:
        raise NotAModel("this is a TensorFlow.js model", where=path, fix="compare the Keras model it was made from")
    if "class_name" not in found or "config" not in found:
        raise NotAModel("this JSON is no Keras model", where=path, fix="give the text of model.to_json()")
    version = found.get("keras_version")
    architecture = keras_config.read(found, keras_version=version if isinstance(version, str) else "")
    metadata = {key: found[key] for key in ("keras_version", "backend") if isinstance(found.get(key), str)}
    compiled = found.get("compile_config")
    return Model(
        name=architecture.graph.name,
        path=path,
        format="keras-json",
        graph=architecture.graph,
        metadata={
            **metadata,
            "class_name": architecture.class_name,
            **own_config(architecture),
            **(training.canonical(compiled) if isinstance(compiled, dict) else {}),
        },
        notes=(*notes, *architecture.notes),
        has_config=architecture.has_graph,
        has_weights=False,
        code=code.collect(architecture.raw, compiled, architecture.alike),
    )


def _parsed(path: str, report: Callable[[str], None]) -> dict[str, Any]:
    try:
        whole = whole_file(path, path)
        if whole.length > json_text.LIMIT:
            raise UnreadableFile(f"the JSON text is larger than {json_text.LIMIT >> 20} MiB", where=path)
        with whole.open() as file:
            text = file.readall()
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=path) from error
    if text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b'"'):  # json.dump(model.to_json(), file)
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NotAModel("this JSON is no Keras model", where=path) from error
        text = inner.encode("utf-8", "backslashreplace")
    return json_text.parse(text, where=path, what="the JSON text", report=report)
