# What people really hand over: pointers, web pages, folders, half a download. Each is named, with the way out.
"""Telling files apart."""

from __future__ import annotations

import gc
import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5_files import chain, small_h5, write_h5
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zoo_truth import MODELS, loaded, needs_zoo

from modeldiff.errors import ModelDiffError, NotAModel, UnreadableFile
from modeldiff.loader import load

BYTES = {
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
    "web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a web page": b"\n  <html><head>",
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "empty": b"",
    "gzip": gzip.compress(b"model"),
    "pickle": pickle.dumps({"a": 1}),
    "numpy array": b"\x93NUMPY\x01\x00v\x00{'descr'",
    "TensorFlow Lite": b"\x1c\x00\x00\x00TFL3\x00\x00",
    "ONNX": b"\x08\x07\x12\x07pytorch\x1a\x031.9",
    "SavedModel": b"\x08\x01\x12\x9a\x01\n",
    "YAML": b"backend: tensorflow\nclass_name: Sequential\nconfig: []\n",
    "zero bytes": b"\0" * 9000,
    "tar": b"model.h5".ljust(257, b"\0") + b"ustar  ",
    "begins with b'hello wo'": b"hello world",
    "TensorFlow.js": b'{"modelTopology": {}, "format": "layers-model"}',
    "JSON is no Keras model": b'{"a": 1}',
    "no valid JSON": b'{"class_name": "Sequential", "config": ',
    "no Keras model": b"[1, 2]",
}


@pytest.mark.parametrize("words", BYTES)
def test_what_is_no_model_is_named(tmp_path: Path, words: str) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(BYTES[words])
    with pytest.raises(ModelDiffError, match=words) as caught:
        load(path)
    assert caught.value.where == str(path)


def test_a_pointer_says_how_to_get_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(BYTES["Git LFS pointer"])
    with pytest.raises(NotAModel) as caught:
        load(path)
    assert "git lfs pull" in caught.value.fix


def test_a_missing_file_names_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableFile, match="No such file") as caught:
        load("models/none.h5")
    assert caught.value.where == "models/none.h5"
    with pytest.raises(UnreadableFile):
        load("a\0b")


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFile, match="regular file"):
        load(tmp_path / "pipe")


def test_a_file_that_the_system_will_not_open(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.symlink_to(path)
    with pytest.raises(UnreadableFile, match="symbolic links"):
        load(path)


@pytest.mark.parametrize("name", ["model.keras", "model.txt", "model", "ünï çødé.h5", "model.zip"])
def test_the_suffix_says_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(small_h5(tmp_path / "small.h5"), path)
    model = load(path)
    assert model.format == "keras-h5"
    assert model.path == str(path)
    assert model.metadata["bytes"] == path.stat().st_size


def test_a_user_block_in_front_of_hdf5(tmp_path: Path) -> None:
    plain = small_h5(tmp_path / "small.h5")
    path = tmp_path / "block.h5"
    with h5py.File(path, "w", userblock_size=2048) as file, h5py.File(plain) as source:
        for key, value in source.attrs.items():
            file.attrs[key] = value
        source.copy("model_weights", file)
    with path.open("r+b") as raw:
        raw.write(b"#!/bin/sh\n")
    model = load(path)
    assert [weight.digest() for _, layer in model.walk() for weight in layer.weights] == [
        weight.digest() for _, layer in load(plain).walk() for weight in layer.weights
    ]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_json_that_was_written_once_or_twice(tmp_path: Path, times: int, mark: bytes) -> None:
    text = json.dumps({**chain("a"), "keras_version": "2.15.0", "backend": "tensorflow"})
    path = tmp_path / "model.json"
    path.write_bytes(mark + (text if times == 1 else json.dumps(text)).encode())
    model = load(path)
    assert model.format == "keras-json"
    assert [layer.name for layer in model.graph.layers] == ["x", "a"]
    assert not model.has_weights
    assert {"keras_version": "2.15.0", "backend": "tensorflow"}.items() <= model.metadata.items()


def test_half_surrogates_become_printable(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(chain("a")).replace('"a"', r'"a\ud800\u00e4"'))
    name = load(path).graph.layers[1].name
    assert name.encode("utf-8").decode() == "a\ufffdä"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.sampled_from(list(BYTES.values())).flatmap(lambda b: st.just(b[:200])))
def test_no_bytes_crash_the_loader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any"
    for start in (b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"{", b'"'):
        path.write_bytes(start + content)
        with pytest.raises(ModelDiffError):
            load(path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.sampled_from(["a", "x", "Dense", "Functional", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "class_name config layers name inbound_nodes input_layers output_layers trainable layer cell cells "
                "dtype optimizer loss metrics weight_map batch_shape units use_bias kwargs args compile_config".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=JSON, layer=JSON)
def test_no_config_crashes_the_loader(tmp_path: Path, config: object, layer: object) -> None:
    path = tmp_path / "any.json"
    whole = chain("a", "b")
    if isinstance(layer, dict):
        whole["config"]["layers"].append(layer)
    for value in (config, {"class_name": "Functional", "config": config}, whole, {**whole, "compile_config": config}):
        path.write_text(json.dumps(value))
        try:
            load(path)
        except ModelDiffError:
            continue


def test_nothing_heavy_is_imported_before_the_first_load() -> None:
    code = "import sys, modeldiff.loader; print([m for m in ('numpy', 'h5py', 'zipfile', 'json') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@needs_zoo
def test_models_of_other_projects_load() -> None:
    names = sorted(path.name for path in MODELS.iterdir() if path.suffix in {".h5", ".hdf5", ".keras"})
    assert len(names) == 15
    for name in names:
        model = load(MODELS / name)
        weights = [weight for _, layer in model.walk() for weight in layer.weights]
        assert weights, name
        assert all(weight.source is not None for weight in weights), name
        assert [note.text for note in model.notes if "weight" in note.text or "incomplete" in note.text] == [], name
        for _, layer in model.walk():
            assert len({weight.name for weight in layer.weights}) == len(layer.weights), name


@needs_zoo
def test_two_checkpoints_of_one_training_have_the_same_roles() -> None:
    stem = "face_classification__aa06bfe__fer2013_mini_XCEPTION."
    old, new = (load(MODELS / f"{stem}{name}-0.65.hdf5") for name in ("99", "100"))
    assert [(path, [weight.name for weight in layer.weights]) for path, layer in old.walk()] == [
        (path, [weight.name for weight in layer.weights]) for path, layer in new.walk()
    ]
    assert len(old.optimizer_weights) == len(new.optimizer_weights) == 105
    changed = [
        one.digest() != other.digest()
        for (_, a), (_, b) in zip(old.walk(), new.walk(), strict=True)
        for one, other in zip(a.weights, b.weights, strict=True)
    ]
    assert (len(changed), all(changed)) == (80, True)


@needs_zoo
def test_an_empty_kernel_is_no_special_case(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/bias:0"]
        file["model_weights/a/a/bias:0"] = np.zeros((0,), "f4")
    bias = load(path).graph.layers[1].weights[1]
    assert bias.size == 0
    assert bias.digest().startswith("sha256:e3b0c442")
    assert loaded("3.15.1/optstate_adam.h5").graph.layers


@pytest.mark.parametrize("is_on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path, is_on):
    (gc.enable if is_on else gc.disable)()
    try:
        load(write_h5(tmp_path / "m.h5", chain("a"), {}))
        assert gc.isenabled() is is_on
        with pytest.raises(UnreadableFile):
            load(tmp_path / "none.h5")
        assert gc.isenabled() is is_on
    finally:
        gc.enable()
