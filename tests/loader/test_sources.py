# One law: whatever the layout in the file and whatever the size of the blocks, the numbers are those that h5py
# reads, little-endian, in C order.
"""Reading the values of weights."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5_files import small_h5
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zoo_truth import FILES, needs_zoo

from modeldiff import compare
from modeldiff.changes import WeightChanged
from modeldiff.errors import UnreadableFile
from modeldiff.graph import SAMPLE_RUN, Weight, sample_runs, samples
from modeldiff.loader import load
from modeldiff.loader.archive import members
from modeldiff.loader.hdf5 import Array, Refused, opened
from modeldiff.loader.sources import FlatSource, SlabSource, numpy_dtype
from modeldiff.loader.storage import Stretch, whole_file

RANDOM = np.random.default_rng(7)
VALUES = RANDOM.standard_normal((37, 5, 11)) * 50

LAYOUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "contiguous": (VALUES.astype("f4"), {}),
    "float64": (VALUES, {}),
    "float16": (VALUES.astype("f2"), {}),
    "big-endian": (VALUES.astype(">f4"), {}),
    "big-endian integers": (VALUES.astype(">i8"), {}),
    "int8": (VALUES.astype("i1"), {}),
    "uint32": (np.abs(VALUES).astype("u4"), {}),
    "bool": (VALUES > 0, {}),
    "complex": (VALUES.astype("c8"), {}),
    "opaque": (VALUES.astype("f2").view("V2"), {}),
    "chunked": (VALUES.astype("f4"), {"chunks": (4, 5, 3)}),
    "gzip": (VALUES.astype("f4"), {"chunks": (8, 2, 11), "compression": "gzip"}),
    "gzip big-endian": (VALUES.astype(">f8"), {"chunks": True, "compression": "gzip", "shuffle": True}),
    "lzf checked": (VALUES.astype("f4"), {"compression": "lzf", "shuffle": True, "fletcher32": True}),
    "scalar": (np.float32(3.5), {}),
    "scalar big-endian": (np.array(7, ">i8"), {}),
    "one long row": (VALUES.astype("f4").reshape(1, -1), {"chunks": (1, 100)}),
    "empty": (np.zeros((0, 3), "f4"), {}),
    "empty chunked": (np.zeros((0, 3), "f4"), {"chunks": (1, 3), "maxshape": (None, 3)}),
    "vector": (VALUES.astype("f4").ravel(), {"chunks": (64,)}),
}


@pytest.fixture(params=["plain", "user block", "stored", "deflated"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Stretch:
    """One HDF5 file with every layout, alone, behind a user block, stored in an archive, deflated in one."""
    path = tmp_path / "layouts.h5"
    with h5py.File(path, "w", userblock_size=1024 if request.param == "user block" else 0) as file:
        for name, (values, options) in LAYOUTS.items():
            file.create_dataset(name, data=values, **options)
    if request.param in {"plain", "user block"}:
        return whole_file(str(path), "shown")
    archive = tmp_path / "archive.keras"
    method = zipfile.ZIP_STORED if request.param == "stored" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w", method) as packed:
        packed.writestr("odd", b"x" * 13)
        packed.write(path, "layouts.h5")
    return members(str(archive))["layouts.h5"].stretch


def arrays(stretch: Stretch) -> Iterator[tuple[str, Array, Any]]:
    with opened(stretch) as root:
        found = {name: root.get(name) for name in LAYOUTS}
    for name, array in found.items():
        assert isinstance(array, Array)
        values = np.asarray(LAYOUTS[name][0])
        wanted = values.reshape(-1).view("<u2") if values.dtype.kind == "V" else values.reshape(-1)
        yield name, array, wanted


def sampled(values: Any, count: int) -> Any:
    """The numbers of a sample, little-endian."""
    places = [place for start, stop in sample_runs(values.size, count) for place in range(start, stop)]
    return values[places].astype(values.dtype.newbyteorder("<"))


@given(st.integers(0, 1 << 40), st.integers(1, 5000))
def test_a_sample_is_spread_from_the_first_entry_to_the_last(size: int, count: int) -> None:
    runs = sample_runs(size, count)
    found = sum(stop - start for start, stop in runs)
    assert found == size if size <= count else count - SAMPLE_RUN < found <= count
    assert all(0 <= start < stop <= size for start, stop in runs)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(runs))
    assert not size or runs[0][0] == 0
    assert not size or count < 2 or runs[-1][1] == size


def test_every_layout_gives_the_numbers_that_hdf5_gives(places: Stretch) -> None:
    for name, array, wanted in arrays(places):
        assert array.source is not None, (name, array.refusal)
        assert array.shape == np.shape(LAYOUTS[name][0])
        for entries in (1, 7, 64, 1 << 20):
            got = [block.copy() for block in array.source.blocks(entries)]
            assert all(block.size == entries for block in got[:-1]), name
            assert not got or 0 < got[-1].size <= entries
            whole = np.concatenate([np.empty(0, wanted.dtype), *got])
            assert whole.tobytes() == wanted.astype(wanted.dtype.newbyteorder("<")).tobytes(), (name, entries)
            assert all(block.dtype == numpy_dtype(array.dtype) for block in got), name


def test_samples_are_the_same_positions_whatever_the_layout(places: Stretch) -> None:
    for name, array, wanted in arrays(places):
        assert array.source is not None
        for count in (1, 10, 333, 1 << 20):
            sample = array.source.sample(count)
            assert sample.size <= count
            assert sample.dtype == numpy_dtype(array.dtype)
            assert sample.tobytes() == sampled(wanted, count).tobytes(), (name, count)


@pytest.mark.parametrize("window", [1, 100, 10_000, 1 << 20])
def test_many_samples_at_once_are_those_of_each(places: Stretch, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeldiff.loader.sources._WINDOW", window)
    sources = [array.source for _, array, _ in arrays(places) if array.source is not None]
    for count in (1, 333, 1 << 20):
        alone = [source.sample(count) for source in sources]
        together = samples(sources, count)
        for one, other in zip(alone, together, strict=True):
            assert other is not None
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())


def test_samples_that_cannot_be_read_leave_the_others(tmp_path: Path) -> None:
    paths = [tmp_path / "there", tmp_path / "gone"]
    for path in paths:
        path.write_bytes(np.arange(1000, dtype="<i4").tobytes())
    there, gone = (whole_file(str(path), "shown") for path in paths)
    paths[1].unlink()
    places = [(there, 0, 1000), (gone, 0, 10), (there, 4, 2), (there, 3990, 10), (there, 8, 3), (there, 9999, 1)]
    found = samples([FlatSource(stretch, offset, size, "int32") for stretch, offset, size in places], 1 << 20)
    assert [None if sample is None else sample[:3].tolist() for sample in found] == [
        *([0, 1, 2], None, [1, 2], None, [2, 3, 4], None)
    ]


def test_sources_are_small_and_can_be_sent_to_another_process(places: Stretch) -> None:
    for _, array, wanted in arrays(places):
        sent = pickle.dumps(array.source)
        assert len(sent) < 1000
        assert pickle.loads(sent) == array.source
        again = np.concatenate([np.empty(0, wanted.dtype), *pickle.loads(sent).blocks(50)])
        assert again.size == wanted.size


def test_plain_values_are_mapped_and_only_others_go_through_hdf5(places: Stretch) -> None:
    kinds = {name: type(array.source) for name, array, _ in arrays(places)}
    assert kinds["contiguous"] is kinds["bool"] is kinds["opaque"] is FlatSource
    assert kinds["gzip"] is kinds["chunked"] is kinds["big-endian"] is SlabSource


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    band=st.integers(1, 300),
    entries=st.integers(1, 50),
    data=st.data(),
)
def test_bands_of_any_size_follow_each_other(
    tmp_path: Path, shape: list[int], band: int, entries: int, data: st.DataObject
) -> None:
    from modeldiff.loader import sources

    chunk = tuple(data.draw(st.integers(1, size)) for size in shape)
    values = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    path = tmp_path / "bands.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=values, chunks=chunk)
    with opened(whole_file(str(path), "shown")) as root:
        array = root.get("d")
    assert isinstance(array, Array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_BAND", 4 * band)
        assert array.source is not None
        got = np.concatenate([block.copy() for block in array.source.blocks(entries)])
        assert got.tobytes() == values.tobytes()
        assert array.source.sample(entries).tobytes() == sampled(values.ravel(), entries).tobytes()


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    weight = load(path).graph.layers[1].weights[0]
    assert weight.source is not None
    raw = path.read_bytes()
    path.write_bytes(raw + b"\0")
    with pytest.raises(UnreadableFile, match="changed"):
        next(weight.source.blocks(10))
    os.utime(path, ns=(1, 1))
    with pytest.raises(UnreadableFile, match="changed"):
        weight.source.sample(10)
    path.unlink()
    with pytest.raises(UnreadableFile, match="cannot be read"):
        weight.digest()


def test_a_half_read_source_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=np.zeros((100, 100), "f4"), chunks=(10, 100))
    with opened(whole_file(str(path), "shown")) as root:
        array = root.get("d")
    assert isinstance(array, Array)
    assert array.source is not None
    blocks = array.source.blocks(10)
    next(blocks)
    path.unlink()
    del blocks
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0


def test_damaged_chunks_are_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=RANDOM.standard_normal((100, 100)), chunks=(10, 100), compression="gzip")
        place = file["d"].id.get_chunk_info(0).byte_offset
    raw = bytearray(path.read_bytes())
    raw[place : place + 100] = b"\xff" * 100
    path.write_bytes(raw)
    with opened(whole_file(str(path), "shown")) as root:
        array = root.get("d")
    assert isinstance(array, Array)
    assert array.source is not None
    with pytest.raises(UnreadableFile, match="cannot be read"):
        list(array.source.blocks(1000))


@needs_zoo
@pytest.mark.parametrize("form", ["bfloat16.h5", "bfloat16.keras", "bfloat16.weights.h5"])
@pytest.mark.parametrize("writer", ["2.6.0", "2.15.0", "3.0.5", "3.15.1"])
def test_bfloat16_comes_as_its_bits(writer: str, form: str) -> None:
    model = load(FILES / writer / form)
    weights = [w for _, layer in model.walk() for w in layer.weights if w.dtype == "bfloat16"]
    assert weights
    for weight in weights:
        assert weight.source is not None
        assert weight.source.sample(3).dtype == np.uint16
        assert weight.trainable


@pytest.mark.parametrize(
    ("told", "width", "dtype"),
    [
        ("bfloat16", 2, "bfloat16"),
        ("float8_e4m3fn", 1, "float8_e4m3fn"),
        ("", 2, "bfloat16"),
        ("evil16", 2, "bfloat16"),
    ],
)
def test_opaque_values_are_their_bits(tmp_path: Path, told: str, width: int, dtype: str) -> None:
    path = tmp_path / "opaque.h5"
    with h5py.File(path, "w") as file:
        file["d"] = np.frombuffer(bytes(range(8)), f"V{width}")
        if told:
            file["d"].attrs["dtype"] = told
    with opened(whole_file(str(path), "shown")) as root:
        array = root.get("d")
    assert isinstance(array, Array)
    assert array.dtype == dtype
    assert array.source is not None
    assert array.source.sample(8).tobytes() == bytes(range(8))


@pytest.mark.parametrize("told", ["bfloat16", ""])
def test_a_bfloat16_that_is_a_single_number_is_read_and_compared(tmp_path: Path, told: str) -> None:
    models = []
    for name, bits in (("old", b"\x80\x3f"), ("new", b"\x00\x40")):  # 1 and 2
        path = small_h5(tmp_path / f"{name}.h5")
        with h5py.File(path, "a") as file:
            group = file["model_weights/a"]
            group["scale"] = np.frombuffer(bits, "V2").reshape(())
            if told:
                group["scale"].attrs["dtype"] = told
            group.attrs["weight_names"] = [b"scale"]
        models.append(load(path))
    (weight,) = next(layer for _, layer in models[0].walk() if layer.name == "a").weights
    assert (weight.shape, weight.dtype) == ((), "bfloat16")
    assert weight.source is not None
    assert weight.source.sample(1).tobytes() == b"\x80\x3f"
    assert not compare(models[0], models[0]).changes
    (change,) = compare(*models).changes
    assert isinstance(change, WeightChanged)
    assert (change.movement.old.mean, change.movement.new.mean) == (1.0, 2.0)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 2), "compression": "gzip"}])
def test_every_type_of_number_has_a_digest(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "types.h5"
    kinds = ("f2", "f4", "f8", "g", "c8", "c16", "G", "i1", "u8", "?", ">f4")
    arrays: dict[str, Any] = {kind: np.arange(6).astype(kind) for kind in kinds}
    arrays["V2"] = arrays["f2"].view("V2")
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values.reshape(2, 3), **options)
    with opened(whole_file(str(path), "shown")) as root:
        found = {name: root.get(name) for name in arrays}
    for name, array in found.items():
        assert isinstance(array, Array)
        weight = Weight("kernel", array.shape, array.dtype, array.source)
        little = arrays[name].astype(arrays[name].dtype.newbyteorder("<"))
        assert weight.digest() == f"sha256:{hashlib.sha256(little.tobytes()).hexdigest()}", array.dtype


def test_types_that_nobody_understands_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "opaque.h5"
    with h5py.File(path, "w") as file:
        file["opaque"] = np.zeros(3, "V3")
        file["compound"] = np.zeros(3, [("a", "f4"), ("b", "i4")])
    with opened(whole_file(str(path), "shown")) as root:
        for name in ("opaque", "compound"):
            with pytest.raises(Refused, match="not understood"):
                root.get(name)


def test_strings_have_no_source(tmp_path: Path) -> None:
    path = tmp_path / "strings.h5"
    with h5py.File(path, "w") as file:
        file["fixed"] = np.array([b"a", b"b"])
        file["variable"] = ["a", "b"]
    with opened(whole_file(str(path), "shown")) as root:
        for name in ("fixed", "variable"):
            array = root.get(name)
            assert isinstance(array, Array)
            assert (array.dtype, array.shape, array.source) == ("string", (2,), None)


def test_nothing_stays_open_after_loading(tmp_path: Path) -> None:
    load(small_h5(tmp_path / "model.h5"))
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0
