# Two readers of one format must not be told apart: everything the small one says is compared with what the HDF5 library
# says, on every real file and on damaged ones; what it does not understand it must leave to the library.
"""Ordinary HDF5 files without the library."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5_files import chain, dense_weights, small_h5, write_h5, write_store
from zoo_truth import FILES, needs_zoo

from modeldiff.errors import ModelDiffError
from modeldiff.loader import hdf5, hdf5_file, load, plain_hdf5
from modeldiff.loader.hdf5_objects import Array, Group, Refused
from modeldiff.loader.storage import whole_file


@contextmanager
def library_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_hdf5, "root", lambda *_: None)
        yield


@contextmanager
def no_library() -> Iterator[None]:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the library was asked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5, "opened", fail)
        yield


def told(path: Path) -> Any:
    try:
        return load(path)
    except ModelDiffError as error:
        return type(error), error.args


def inside(group: Group, name: str) -> Group:
    """A group that is there."""
    one = group.group(name)
    assert one is not None
    return one


def tree(group: Group) -> dict[str, Any]:
    """Everything below a group."""
    found: dict[str, Any] = {}
    stack = [group]
    while stack:
        here = stack.pop()
        for name in here.names():
            path = "/".join((*here.path, name))
            try:
                one = here.get(name)
            except Refused as refusal:
                found[path] = str(refusal)
                continue
            if isinstance(one, Group):
                stack.append(one)
                found[path] = [key for key in ("one", "many", "none", "numbers") if one.has_attribute(key)]
            else:
                found[path] = one
    return found


@needs_zoo
def test_every_real_file_reads_alike() -> None:
    files = sorted(file for file in FILES.rglob("*") if file.suffix in {".h5", ".keras", ".hdf5"})
    assert len(files) > 900
    # Every third one: a change to a reader is worth a run over all of them.
    for file in files[::3]:
        plain = told(file)
        with library_only():
            assert plain == told(file), file


@needs_zoo
@pytest.mark.parametrize("name", ["chain300.h5", "convnet.keras", "a_mlp.weights.h5", "bfloat16.h5"])
def test_what_keras_writes_needs_no_library(name: str) -> None:
    files = sorted(FILES.rglob(name))
    assert files
    with no_library():
        assert all(load(file).has_weights for file in files)


def test_an_ordinary_model_is_loaded_without_h5py(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    script = f"import sys, modeldiff; modeldiff.load({str(path)!r}); print('h5py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_types_are_those_of_the_library() -> None:
    kinds = {name: name for name in ("float16", "float32", "float64")}
    kinds |= {f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    kinds["bfloat16"] = "V2"
    stored = {name: h5py.h5t.py_create(np.dtype(kind)).encode()[2:] for name, kind in kinds.items()}
    assert {name: raw for raw, name in plain_hdf5._TYPES.items()} == stored


@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
def test_groups_of_any_size_and_objects_of_any_kind(tmp_path: Path, libver: str) -> None:
    path = tmp_path / "all.h5"
    with h5py.File(path, "w", libver=libver) as file:
        large = file.create_group("large")
        for number in range(1000):
            large.create_group(f"layer_{number}")["kernel"] = np.full((number % 7 + 1, 2), number, "f4")
        odd = file.create_group("odd")
        odd["chunked"] = np.zeros((4, 4), "f4")
        odd.create_dataset("packed", data=np.zeros((40, 4)), compression="gzip")
        odd["big"] = np.zeros(3, ">f4")
        odd["bool"] = np.zeros(3, "?")
        odd["half"] = np.zeros(3, "V2")
        odd["text"] = ["a", "b"]
        odd["scalar"] = np.float32(3)
        odd["nothing"] = h5py.Empty("f4")
        odd["none"] = np.zeros((0, 3), "f4")
        odd["ä\u0301"] = np.zeros(2)
        odd["soft"] = h5py.SoftLink("/large")
        odd["elsewhere"] = h5py.ExternalLink("other.h5", "/")
        odd["again"] = file["large/layer_1"]
        for key, value in {"one": "ä", "many": [b"a", b"bb"], "none": [], "numbers": [1, 2]}.items():
            odd.attrs[key] = value
            file["large/layer_3"].attrs[key] = value
        many = file.create_group("many")
        for number in range(100):
            many.attrs[f"texts{number}"] = [b"x" * number, b"yy"]
        many.attrs["padded"] = np.array([b"a\0b", b"c"], "S5")
        many.attrs["variable"] = ["", "ab", "c" * 5000]
    stretch = whole_file(str(path), "shown")
    with hdf5_file.opened(stretch) as root, hdf5.opened(stretch) as library:
        assert isinstance(root, plain_hdf5.PlainGroup) == (libver == "earliest")
        assert tree(root) == tree(library)
        for name in ("odd", "large/layer_3", "many"):
            one, other = inside(root, name), inside(library, name)
            for key in ("one", "many", "none", "padded", "variable", "texts7", "texts99", "absent"):
                assert one.attribute(key) == other.attribute(key), (name, key)
        for group in (root, library):
            with pytest.raises(Refused, match="no text"):
                inside(group, "odd").attribute("numbers")
            assert inside(group, "odd/again").address() == inside(group, "large/layer_1").address()
            for name in ("", "/large", "large//layer_1", "../odd", "odd/soft/layer_1", "odd/./scalar"):
                with pytest.raises(Refused):
                    group.get(name)
            for name in ("absent", "large/absent", "absent/kernel", "odd/scalar/kernel"):
                assert group.get(name) is None


@pytest.mark.parametrize("form", ["legacy", "store"])
def test_damage_ends_in_an_error_or_in_a_model(tmp_path: Path, form: str) -> None:
    path = tmp_path / "model.h5"
    if form == "legacy":
        write_h5(path, chain("a", "b"), {name: dense_weights(name) for name in "ab"})
    else:
        with h5py.File(path, "w") as file:
            write_store(file, {f"layers/dense_{number}": [np.ones((2, 2), "f4")] for number in range(20)})
    raw = path.read_bytes()
    dice = random.Random(form)
    damaged = 0
    for _ in range(600):
        bent = bytearray(raw)
        for _ in range(dice.choice((1, 3))):
            bent[dice.randrange(96, min(len(raw), 6000))] = dice.choice((0, 1, 2, 255, dice.randrange(256)))
        path.write_bytes(bent)
        stretch = whole_file(str(path), "shown")
        try:
            with stretch.open() as file:
                root = plain_hdf5.root(hdf5_file.Pages(file, stretch), stretch, _ask)
                arrays = [one for one in tree(root).values() if isinstance(one, Array)] if root else []
        except _Asked:
            damaged += 1
            continue
        for one in arrays:
            assert one.source is not None
            list(one.source.blocks(1 << 20))
    assert damaged


class _Asked(Exception):
    """The library was asked."""


def _ask() -> Group:
    raise _Asked


def test_what_is_read_again_and_again_is_left_to_the_library(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("g")
        group.attrs["a"] = np.array([b"x" * 30_000])
        for number in range(5000):
            file[f"again_{number}"] = group
    stretch = whole_file(str(path), "shown")
    with stretch.open() as file:
        root = plain_hdf5.root(hdf5_file.Pages(file, stretch), stretch, _ask)
        assert root is not None
        with pytest.raises(_Asked):
            list(map(root.group, root.names()))
