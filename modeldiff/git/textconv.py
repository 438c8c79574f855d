# For `git log -p` and `git show`, which compare lines: each fact of a model is one line that does not depend on its
# neighbours, and lines are sorted, so that what moved in the file is no difference. git may keep the text for ever
# (`diff.modeldiff.cachetextconv`) and asks again only if the configured command is another one: it carries VERSION,
# which must grow whenever other lines come out of the same file.
"""What `diff.modeldiff.textconv` runs: one file as lines of text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modeldiff.errors import ModelDiffError, NotAModel
from modeldiff.git.apart import apart
from modeldiff.git.content import settled
from modeldiff.git.repository import Repository
from modeldiff.graph import Graph, Layer, Model, TensorRef, Weight, format_path
from modeldiff.renderer.characters import visible

VERSION = 1


def text_of(path: str) -> str:
    """The lines of a model; of anything else, what identifies its bytes. Never raises a `ModelDiffError`."""
    content = settled(Repository(), path, Path(path), "")
    if content.file is None:
        assert content.pointer is not None
        return _text(["Git LFS pointer", f"oid sha256:{content.pointer.oid}", f"size {content.pointer.size}"])
    try:
        from modeldiff.loader import load

        file = content.file
        return apart(lambda: _text(_model(load(file))))
    except NotAModel:
        return _text(["not a Keras model", *_bytes(content.file)])
    except ModelDiffError as error:
        return _text([f"cannot be read as a model: {error.what}", *_bytes(content.file)])


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{visible(line)}\n" for line in lines)


def _bytes(path: Path) -> Iterator[str]:
    hasher, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hasher.update(block)
                size += len(block)
    except OSError as error:
        yield f"cannot be read: {error.strerror}"
        return
    yield from (f"sha256:{hasher.hexdigest()}", f"size {size}")


def _model(model: Model) -> Iterator[str]:
    yield f"model: {model.name} {model.format}"
    for key in sorted(set(model.metadata) - {"bytes"}):
        yield f"model {key} = {_json(model.metadata[key])}"
    yield from _ends(model.graph, "model")
    yield from _weights("model", model.weights)
    if model.optimizer_weights:
        lines = sorted(_weights("", model.optimizer_weights))
        digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
        yield f"optimizer: {len(lines)} tensors sha256:{digest}"
    for path, layer in sorted(model.walk(), key=lambda found: found[0]):
        yield from _layer(f"layer {format_path(path)}", layer)


def _layer(name: str, layer: Layer) -> Iterator[str]:
    yield f"{name}: {layer.class_name}{'' if layer.trainable else ' frozen'}"
    for key in sorted(layer.config):
        yield f"{name} {key} = {_json(layer.config[key])}"
    for number, call in enumerate(layer.calls):
        keywords = call.keywords or ("",) * len(call.inputs)
        inputs = (f"{word}={_ref(ref)}" if word else _ref(ref) for word, ref in zip(keywords, call.inputs, strict=True))
        arguments = (f"{key}={_json(call.kwargs[key])}" for key in sorted(call.kwargs))
        yield f"{name} call {number} <- {', '.join((*inputs, *arguments))}"
    if layer.body is not None:
        yield from _ends(layer.body, name)
    yield from _weights(name, layer.weights)


def _ends(graph: Graph, name: str) -> Iterator[str]:
    if graph.inputs or graph.outputs:
        yield f"{name} inputs {', '.join(map(_ref, graph.inputs))}"
        yield f"{name} outputs {', '.join(map(_ref, graph.outputs))}"


def _weights(name: str, weights: Iterable[Weight]) -> Iterator[str]:
    for weight in sorted(weights, key=lambda weight: (weight.name, weight.stored_as)):
        shape = "x".join(map(str, weight.shape)) or "scalar"
        digest = weight.digest() if weight.source is not None else "no values"
        yield f"{name} weight {weight.name} {shape} {weight.dtype} {digest}"


def _ref(ref: TensorRef) -> str:
    calls = f"[{ref.call}]" if ref.call else ""
    return f"{ref.layer}{calls}{f'.{ref.output}' if ref.output else ''}"


def _json(of: Any) -> str:
    from modeldiff.renderer.json import strict

    return json.dumps(strict(of), ensure_ascii=False, sort_keys=True, allow_nan=False)
