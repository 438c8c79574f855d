# `.keras` archives as users really have them, and as nobody should.
"""Zip archives."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5_files import chain, write_store
from zoo_truth import FILES, needs_zoo

from modeldiff.errors import ModelDiffError, NotAModel, UnreadableFile
from modeldiff.graph import Model
from modeldiff.loader import keras_archive, load

KERNEL, BIAS = np.arange(16, dtype="f4").reshape(4, 4), np.arange(4, dtype="f4")


def store() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_store(file, {"": [], "layers/dense": [KERNEL, BIAS], "layers/input_layer": []})
    return buffer.getvalue()


def contents(**changed: bytes | None) -> dict[str, bytes]:
    """The members of a small model."""
    found: dict[str, bytes | None] = {
        "metadata.json": b'{"keras_version": "3.3.0", "date_saved": "2026-01-01@00:00:00"}',
        "config.json": json.dumps(chain("a")).encode(),
        "model.weights.h5": store(),
        **changed,
    }
    return {name: data for name, data in found.items() if data is not None}


def pack(path: Path, found: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return path


def assert_read(model: Model) -> None:
    layer = next(layer for layer in model.graph.layers if layer.name == "a")
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]
    for weight, values in zip(layer.weights, (KERNEL, BIAS), strict=True):
        assert weight.source is not None
        assert weight.source.sample(100).tobytes() == values.tobytes()
    assert model.metadata["keras_version"] == "3.3.0"
    assert "date_saved" not in model.metadata


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
@pytest.mark.parametrize("folder", ["", "my_model/", "a/b/"])
def test_archives_that_users_packed_again(tmp_path: Path, method: int, folder: str) -> None:
    found = {folder + name: data for name, data in contents().items()}
    assert_read(load(pack(tmp_path / "model.keras", found, method)))


def test_a_member_in_front_and_things_that_do_not_belong(tmp_path: Path) -> None:
    found = {"__MACOSX/._config.json": b"junk", ".DS_Store": b"junk", "README.md": b"# hi", **contents()}
    assert_read(load(pack(tmp_path / "model.keras", found)))


def test_backslashes_between_folders(tmp_path: Path) -> None:
    found = contents() | {"assets\\layers\\lookup\\vocabulary.txt": b"\na\nb\n"}
    model = load(pack(tmp_path / "model.keras", found))
    assert_read(model)
    assert model.metadata["assets"]["layers/lookup/vocabulary.txt"]["bytes"] == 5


def test_a_vocabulary_that_is_saved_twice_is_one_asset(tmp_path: Path) -> None:
    own, inner = "layers/text_vectorization/vocabulary.txt", "layers/text_vectorization/_lookup_layer/vocabulary.txt"
    for other, names in ((b"a\nb\n", {own}), (b"a\nc\n", {own, inner})):
        found = contents() | {f"assets/{own}": b"a\nb\n", f"assets/{inner}": other}
        assert load(pack(tmp_path / "model.keras", found)).metadata["assets"].keys() == names
    found = contents() | {f"assets/{inner}": b"a\nb\n"}
    assert load(pack(tmp_path / "model.keras", found)).metadata["assets"].keys() == {inner}


def test_assets_are_read_as_far_as_one_budget_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_archive, "_ASSETS", 3 << 20)
    found = contents() | {f"assets/{name}.bin": bytes(size << 20) for name, size in (("a", 2), ("b", 2), ("c", 1))}
    model = load(pack(tmp_path / "model.keras", found, zipfile.ZIP_DEFLATED))
    assert_read(model)
    read = {name: told["sha256"].startswith("sha256:") for name, told in model.metadata["assets"].items()}
    assert read == {"a.bin": True, "b.bin": False, "c.bin": True}
    assert model.metadata["assets"]["b.bin"]["sha256"] == "not read (2097152 bytes)"
    assert [note.text for note in model.notes] == [
        "1 of 3 assets are compared by size only: together they have more than 3 MiB"
    ]


def test_bytes_before_the_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "model.keras", contents())
    # The first bytes still say zip: an empty archive's worth of junk in front of a whole one.
    path.write_bytes(b"PK\x03\x04junk" + path.read_bytes())
    assert_read(load(path))


def test_names_are_only_compared(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    found = contents() | {"../outside.txt": b"x", "/etc/passwd2": b"x", "assets/../../outside.txt": b"x"}
    assert_read(load(pack(tmp_path / "model.keras", found)))
    assert not outside.exists()


def test_the_folder_form(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "assets" / "layers" / "lookup").mkdir(parents=True)
    for name, data in contents().items():
        (folder / name).write_bytes(data)
    (folder / "README.md").write_text("# a model")
    (folder / "assets" / "layers" / "lookup" / "vocabulary.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    model = load(folder)
    assert_read(model)
    assert model.format == "keras-v3-directory"
    assert model.metadata["bytes"] == sum(len(data) for data in contents().values()) + len("# a model") + len("a")
    assert list(model.metadata["assets"]) == ["layers/lookup/vocabulary.txt"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_links_in_a_folder_are_not_followed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for member, data in contents().items():
        (folder / member).write_bytes(data)
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(UnreadableFile, match="symbolic link"):
        load(folder)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="no Keras model"):
        load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01\x12")
    with pytest.raises(NotAModel, match="SavedModel"):
        load(tmp_path)


def test_npz_weights_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    found = contents(**{"model.weights.h5": None, "model.weights.npz": b"\x80pickle"})
    model = load(pack(tmp_path / "model.keras", found))
    assert [layer.name for layer in model.graph.layers] == ["x", "a"]
    assert not model.has_weights
    assert any("pickles" in note.text for note in model.notes)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    model = load(pack(tmp_path / "model.keras", contents(**{"model.weights.h5": None})))
    assert not model.has_weights
    assert [note.text for note in model.notes] == ["incomplete file: no model.weights.h5"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"a.txt": b"x"}, "no Keras model"),
        ({"archive/data.pkl": b"x", "archive/version": b"3"}, "PyTorch"),
        ({"a.npy": b"x", "b.npy": b"y"}, "npz"),
        ({"m/saved_model.pb": b"x"}, "SavedModel"),
        ({"inner/model.h5": b"x"}, "holds 'inner/model.h5'"),
        ({}, "no Keras model"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, found: dict[str, bytes], words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        load(pack(tmp_path / "other.keras", found))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "model.keras", contents())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", json.dumps(chain("other")))
    with pytest.raises(UnreadableFile, match="twice"):
        load(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    raw = bytearray(pack(tmp_path / "model.keras", contents()).read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(magic)
        while start >= 0:
            raw[start + place] |= 1
            start = raw.find(magic, start + 1)
    path = tmp_path / "locked.keras"
    path.write_bytes(raw)
    with pytest.raises(UnreadableFile, match="encrypted"):
        load(path)


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    found = contents(**{"model.weights.h5": b"\0" * (100 << 20)})
    path = pack(tmp_path / "bomb.keras", found, zipfile.ZIP_DEFLATED)
    with pytest.raises(UnreadableFile, match="not HDF5"):
        load(path)
    big = contents(**{"config.json": b" " * (65 << 20)})
    with pytest.raises(UnreadableFile, match="larger than"):
        load(pack(tmp_path / "config.keras", big, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("claimed", [10, 1 << 40])
def test_a_member_that_lies_about_its_size(tmp_path: Path, claimed: int) -> None:
    path = pack(tmp_path / "model.keras", contents(), zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    place = raw.rfind(b"PK\x01\x02", 0, raw.rfind(b"model.weights.h5"))
    raw[place + 24 : place + 28] = min(claimed, 0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(UnreadableFile):
        load(path)


def test_unknown_compression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="method 12"):
        load(pack(tmp_path / "model.keras", contents(), zipfile.ZIP_BZIP2))


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    whole = pack(tmp_path / "model.keras", contents()).read_bytes()
    path = tmp_path / "cut.keras"
    for length in range(1, len(whole), 397):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelDiffError):
            load(path)


FORK = """
import multiprocessing, sys
from modeldiff.loader import load

def child(ready, path):
    ready.wait()
    load(path).graph.layers[1].weights[0].digest()

context = multiprocessing.get_context("fork")
ready = context.Event()
load(sys.argv[1])
process = context.Process(target=child, args=(ready, sys.argv[2]))
process.start()
model = load(sys.argv[3])
ready.set()
process.join()
print(process.exitcode, model.graph.layers[1].weights[0].digest())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_inflates_into_a_folder_of_its_own(tmp_path: Path) -> None:
    paths = [str(pack(tmp_path / f"{n}.keras", contents(), zipfile.ZIP_DEFLATED)) for n in range(3)]
    folder = tmp_path / "temporary"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FORK, *paths],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["0", f"sha256:{hashlib.sha256(KERNEL.tobytes()).hexdigest()}"], done.stderr
    assert list(folder.iterdir()) == []


@needs_zoo
def test_a_deflated_archive_reads_like_the_stored_one(tmp_path: Path) -> None:
    source = FILES / "3.15.1" / "nested_func2.keras"
    with zipfile.ZipFile(source) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    packed = load(pack(tmp_path / "packed.keras", found, zipfile.ZIP_DEFLATED))
    plain = load(source)
    both = zip(plain.walk(), packed.walk(), strict=True)
    for (path, old), (other, new) in both:
        assert path == other
        assert [weight.digest() for weight in old.weights] == [weight.digest() for weight in new.weights]
    assert plain.parameters == packed.parameters > 0
