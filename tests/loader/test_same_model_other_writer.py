"""The same code saved by two versions of Keras: equal configs, calls and frozen layers, but for real changes."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from zoo_configs import Edge, architecture, config_files, edges, entry_of
from zoo_truth import SHARED, needs_zoo

from modeldiff.graph import LayerPath
from modeldiff.loader.keras_config import Architecture

pytestmark = needs_zoo

# Real changes: (class, key) -> why the same code does not mean the same in another version of Keras.
CHANGED_DEFAULTS = {
    ("LSTM", "recurrent_activation"): "hard_sigmoid up to 2.2",
    ("GRU", "recurrent_activation"): "hard_sigmoid up to 2.2",
    ("Bidirectional", "layer"): "recurrent_activation of the LSTM inside",
    ("GRU", "reset_after"): "True from tf.keras 2 on: another shape of the bias",
    ("RNN", "cell"): "cells: nothing but their names in 2.0, reset_after from tf.keras 2 on",
    ("Dense", "activity_regularizer"): "not written by 3.0 to 3.3",
    ("MyCustomLayer", "units"): "a layer without get_config: not written up to 2.3",
}
# The zoo's scripts themselves differ where a version has no such argument or class: (model, layer).
OTHER_CODE = {
    ("residual", "res0_relu1"): "Activation up to 2.2, which has no ReLU layer",
    ("residual", "res1_relu1"): "Activation up to 2.2, which has no ReLU layer",
    ("regcon", "r_l1l2"): "written otherwise for Keras 1",
    ("regcon", "r_nonneg"): "written otherwise for Keras 1",
    ("regcon", "r_str"): "written otherwise for Keras 1",
    ("convnet_seq", "dr"): "Keras 1 has no seed",
    ("rnn", "stack"): "Keras 1 has no cells",
    ("applications_mobilenet", "Conv1"): "another version of the application",
    ("k3_optional_input", "b"): "not written before 3.13",
}
# Automatic names: the same name is another layer in another version.
AUTOMATIC = {"autonames", "autonames_offset"}
# Freezing a sub-model left no trace in the file up to 2.3.1.
FROZEN_UNSEEN = {("frozen", "1.2.2"), ("frozen", "2.0.9"), ("frozen", "2.3.1")}


def _pairs() -> list[tuple[str, str]]:
    """Every two writers of each model, through one file of each."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for path in config_files():
        read = architecture(path)
        if read is not None and read.has_graph:
            writer, _, model = entry_of(path)[0].partition("/")
            files[model].setdefault(writer, path)
    return [
        (old, new)
        for model, by_writer in sorted(files.items())
        if model not in AUTOMATIC
        for index, old in enumerate(by_writer.values())
        for new in list(by_writer.values())[index + 1 :]
    ]


def _calls(read: Architecture) -> dict[LayerPath, list[Any]]:
    hidden = {ref.layer for _, graph in _graphs(read) for ref in graph.inputs} - {
        path[-1] for path, _ in read.graph.walk()
    }
    return {
        path: [
            ([("<input>" if ref.layer in hidden else ref.layer, ref.call, ref.output) for ref in call.inputs],
             call.keywords, call.kwargs)
            for call in layer.calls
        ]
        for path, layer in read.graph.walk()
    }  # fmt: skip


def _graphs(read: Architecture) -> list[tuple[LayerPath, Any]]:
    return [((), read.graph), *((path, layer.body) for path, layer in read.graph.walk() if layer.body is not None)]


@pytest.mark.parametrize(("old_path", "new_path"), _pairs())
def test_configs_and_calls_are_equal(old_path: str, new_path: str) -> None:
    (old_key, _), (new_key, _) = entry_of(old_path), entry_of(new_path)
    model = old_key.partition("/")[2]
    old, new = architecture(old_path), architecture(new_path)
    assert old is not None
    assert new is not None
    before, after = dict(old.graph.walk()), dict(new.graph.walk())
    before_calls, after_calls = _calls(old), _calls(new)
    for path in before.keys() & after.keys():
        a, b = before[path], after[path]
        if (model, path[-1]) in OTHER_CODE:
            continue
        assert a.canonical_class == b.canonical_class
        different = {key for key in a.config.keys() | b.config.keys() if a.config.get(key) != b.config.get(key)}
        assert {key for key in different if (a.canonical_class, key) not in CHANGED_DEFAULTS} == set(), path
        if not {(model, key.partition("/")[0]) for key in (old_key, new_key)} & FROZEN_UNSEEN:
            assert a.trainable == b.trainable, path
        if "nested_seq2" not in model and before.keys() == after.keys():
            assert before_calls[path] == after_calls[path], path


def _listed_pairs() -> list[dict[str, Any]]:
    file = SHARED / "zoo" / "PAIRS.json"
    pairs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return [pair for pair in pairs if pair["kind"] == "same model, other writer"]


@pytest.mark.parametrize("pair", _listed_pairs(), ids=lambda pair: f"{pair['a']}-{pair['b']}")
def test_edges_are_equal(pair: dict[str, Any]) -> None:
    old, new = architecture(pair["a"]), architecture(pair["b"])
    assert old is not None
    assert new is not None
    if pair["model"] in {"activations", "convnet"}:  # layers that the older version does not have
        return
    assert _unnamed(edges(old.graph)) == _unnamed(edges(new.graph))


def _unnamed(found: set[Edge]) -> set[Any]:
    """Keras up to 2.1 does not name the innermost Sequential of `nested_seq2`."""
    return {tuple(_same_name(part) for part in edge) for edge in found}


def _same_name(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(_same_name(name) for name in part)
    return "inner_seq" if part == "sequential" else part
