# Files made to read other files, to fill the memory or to crash the reader. Each loads, with the thing refused and
# named, or fails with one of our own errors; the rest of the model is read all the same.
"""HDF5 files nobody vouches for."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5_files import chain, dense, dense_weights, functional, small_h5, write_h5, write_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeldiff.errors import ModelDiffError, NotAModel, UnreadableFile
from modeldiff.graph import Model
from modeldiff.loader import load

SECRET = np.arange(16, dtype="f4").reshape(4, 4) + 1000


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file the model must not read."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = SECRET
        file.create_group("a")["a/kernel:0"] = SECRET
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    return path


def texts(model: Model, about: str | None = None) -> str:
    return " | ".join(note.text for note in model.notes if about in (None, note.about))


def bytes_read(model: Model) -> set[bytes]:
    return {
        weight.source.sample(1 << 20).tobytes()
        for _, layer in model.walk()
        for weight in layer.weights
        if weight.source is not None
    }


def assert_safe(model: Model, refused: str) -> None:
    """Layer `a` is told and not read, layer `b` is read."""
    assert refused in texts(model)
    assert SECRET.tobytes() not in bytes_read(model)
    other = next(layer for layer in model.graph.layers if layer.name == "b")
    assert [weight.name for weight in other.weights] == ["kernel", "bias"]
    assert all(weight.source is not None for weight in other.weights)


@pytest.mark.parametrize(
    ("link", "refused"),
    [
        (h5py.ExternalLink("secret.h5", "/kernel"), "a link to another file"),
        (h5py.SoftLink("/model_weights/b/b/kernel:0"), "a soft link"),
    ],
)
def test_a_linked_weight_is_not_followed(tmp_path: Path, secret: Path, link: object, refused: str) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a/kernel:0"] = link
    model = load(path)
    assert_safe(model, refused)
    assert refused in texts(model, "a")


@pytest.mark.parametrize("place", ["model_weights/a", "model_weights/a/a"])
def test_a_linked_group_on_the_way_is_not_followed(tmp_path: Path, secret: Path, place: str) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file[place]
        file[place] = h5py.ExternalLink("secret.h5", "/a")
    assert_safe(load(path), "a link to another file")


def test_all_weights_behind_a_link_leave_the_architecture(tmp_path: Path, secret: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink("secret.h5", "/")
    model = load(path)
    assert "a link to another file" in texts(model)
    assert [layer.name for layer in model.graph.layers] == ["x", "a", "b"]
    assert not model.has_weights


@pytest.mark.parametrize("name", ["/model_weights/b/b/kernel:0", "../b/b/kernel:0", "a//kernel:0", "", "./kernel:0"])
def test_unsafe_weight_names_are_refused(tmp_path: Path, name: str) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file["model_weights/a"].attrs["weight_names"] = [name.encode(), b"a/bias:0"]
    assert_safe(load(path), "not a plain path" if name else "not")


def test_external_storage_is_not_read(tmp_path: Path, secret: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset(
            "kernel:0", (4, 4), "f4", external=[(str(tmp_path / "secret.bin"), 0, h5py.h5f.UNLIMITED)]
        )
    model = load(path)
    assert_safe(model, "external storage")
    kernel = next(layer for layer in model.graph.layers if layer.name == "a").weights[0]
    assert (kernel.name, kernel.shape, kernel.source) == ("kernel", (4, 4), None)


def test_a_virtual_dataset_is_not_read(tmp_path: Path, secret: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[:] = h5py.VirtualSource(secret, "kernel", (4, 4))
    with h5py.File(path, "a", libver="latest") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_virtual_dataset("kernel:0", layout)
    assert_safe(load(path), "virtual dataset")


def test_a_shape_that_the_file_does_not_hold_is_not_believed(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset("kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))
    assert_safe(load(path), "claims")


def test_a_contiguous_shape_that_was_never_written_is_not_believed(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset("kernel:0", (1 << 20, 1 << 20), "f4")
    assert_safe(load(path), "claims")


def test_chunks_that_make_one_read_of_the_whole_tensor_are_refused(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        values = file["model_weights/a/a"].create_dataset(
            "kernel:0", (70_000, 1000), "f4", chunks=(70_000, 1), compression="gzip"
        )
        column = zlib.compress(bytes(4 * 70_000))
        for number in range(1000):
            values.id.write_direct_chunk((0, number), column)
    assert path.stat().st_size < 1 << 20
    assert_safe(load(path), "chunks that can only be read 267 MiB at once")


def test_packed_values_that_shrink_like_nothing_trained_are_not_unpacked(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        chunk = zlib.compress(bytes(4 << 20))
        values = file["model_weights/a/a"].create_dataset(
            "kernel:0", (160 << 20,), "f4", chunks=(1 << 20,), compression="gzip"
        )
        for number in range(160):
            values.id.write_direct_chunk((number << 20,), chunk)
    assert_safe(load(path), "claims")


def test_many_names_of_the_same_values_are_read_as_far_as_the_file_could_hold(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        group = file["model_weights/a"]
        group["0"] = np.zeros((1 << 20,), "f4")
        for number in range(1, 40):
            group[str(number)] = group["0"]
        group.attrs["weight_names"] = [str(number).encode() for number in range(40)]
    model = load(path)
    assert_safe(model, "all values together claim more than the file holds")
    assert 15 <= sum(weight.source is not None for weight in model.graph.layers[1].weights) < 30


@pytest.mark.parametrize(("kind", "chunks"), [("<f4", (1,) * 32), (">f4", None)], ids=["chunks", "big-endian"])
def test_values_of_too_many_dimensions_are_not_read_in_parts(tmp_path: Path, kind: str, chunks: object) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset("kernel:0", data=np.ones((1,) * 32, kind), chunks=chunks)
    assert_safe(load(path), "it has 32 dimensions")  # picking single entries crashes HDF5 1.14


def test_an_unknown_filter_is_never_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDF5_PLUGIN_PATH", str(tmp_path))
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4, 4))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))  # zstandard, which h5py does not bring
        here = file["model_weights/a/a"].id
        h5py.h5d.create(here, b"kernel:0", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 4)), plan)
    assert_safe(load(path), "filter 32015")


def test_hard_link_cycles_end(tmp_path: Path) -> None:
    path = tmp_path / "cycle.weights.h5"
    with h5py.File(path, "w") as file:
        write_store(file, {"layers/dense": [np.zeros((4, 4), "f4"), np.zeros(4, "f4")]})
        file["layers/dense/again"] = file["layers"]
    model = load(path)
    assert "twice" in texts(model)
    assert [layer.name for layer in model.graph.layers] == ["layers/dense"]


def test_linked_objects_of_a_store_are_not_followed(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "linked.weights.h5"
    with h5py.File(path, "w") as file:
        write_store(file, {"layers/dense": [np.zeros((4, 4), "f4")]})
        file["layers/dense_1"] = h5py.ExternalLink("secret.h5", "/a")
        file["layers/dense/vars/1"] = h5py.ExternalLink("secret.h5", "/kernel")
    model = load(path)
    assert texts(model).count("a link to another file") == 2
    assert SECRET.tobytes() not in bytes_read(model)


def test_groups_nested_beyond_reason(tmp_path: Path) -> None:
    path = tmp_path / "deep.weights.h5"
    with h5py.File(path, "w") as file:
        here = file.create_group("layers")
        for _ in range(3000):
            here = here.create_group("d")
    assert load(path).format == "keras-v3-weights"


@pytest.mark.parametrize("depth", [80, 150])
def test_a_store_of_models_in_models_ends_like_a_config_of_them(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "deep.weights.h5"
    with h5py.File(path, "w") as file:
        write_store(file, {"layers/model/" * depth + "layers/dense": [np.zeros((4, 4), "f4"), np.zeros(4, "f4")]})
        for number in range(1, depth + 1):
            file.create_group("layers/model/" * number + "vars")
    model = load(path)
    assert max(len(path) for path, _ in model.walk()) == min(depth, 100) + 1
    assert ("models nested deeper than 100" in texts(model)) == (depth > 100)
    assert model.parameters == 20


@pytest.mark.parametrize("depth", [200, 5_000, 200_000])
@pytest.mark.parametrize("bracket", ["[", '{"config":', '{"layers":['])
def test_deep_json_is_an_error_and_no_crash(tmp_path: Path, depth: int, bracket: str) -> None:
    path = tmp_path / "deep.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = '{"class_name": "Functional", "config": ' + bracket * depth
    with pytest.raises(ModelDiffError):
        load(path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (chain(*map(str, range(5_001))), "more than 5,000 layers"),
        (chain("a" * 2_000_001), "more than 2,000,000 characters"),
        (functional({**dense("a", "x"), "inbound_nodes": [[["x", 0, 0, {}]]] * 5_001}), "called more than 5,000 times"),
        (functional({**dense("a", "x"), "inbound_nodes": [[["x", 0, 0, {}]] * 8_001]}), "more than 8,000 tensors"),
        (
            functional(
                *({**dense(f"d{n}", "x"), "config": dict.fromkeys(map(str, range(19_500)), 1)} for n in range(16))
            ),
            "more than 300,000 settings",
        ),
    ],
    ids=["layers", "names", "calls", "tensors", "settings"],
)
def test_models_that_nobody_built_are_refused(tmp_path: Path, config: object, words: str) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps(config))
    with pytest.raises(UnreadableFile, match=words):
        load(path)


@pytest.mark.parametrize("piece", ["[],", "0,", '{"":0},'])
def test_json_that_would_fill_the_memory_is_refused_before_it_is_parsed(tmp_path: Path, piece: str) -> None:
    path = tmp_path / "many.json"
    path.write_text('{"class_name": "Sequential", "config": [' + piece * 3_000_000 + "0]}")
    with pytest.raises(UnreadableFile, match="holds more than 3,000,000 values"):
        load(path)


def test_a_config_of_more_keys_than_anybody_reads_is_left_out(tmp_path: Path) -> None:
    config = chain("a", "b")
    config["config"]["layers"][1]["config"]["table"] = [{f"k{number}": number} for number in range(30_000)]
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(config))
    model = load(path)
    assert texts(model, "a") == "config left out: it has more than 20,000 keys"
    assert [bool(layer.config) for layer in model.graph.layers[1:]] == [False, True]


@pytest.mark.parametrize("depth", [80, 150, 3_000])
def test_models_in_models_load_or_are_refused(tmp_path: Path, depth: int) -> None:
    config = chain("a")
    for number in range(depth):
        config = {
            **chain(f"m{number}"),
            "config": {
                **chain(f"m{number}")["config"],
                "layers": [
                    chain("a")["config"]["layers"][0],
                    {**config, "name": f"m{number}", "inbound_nodes": [[["x", 0, 0, {}]]]},
                ],
            },
        }
    text = _dumps(config)
    path = tmp_path / "nested.json"
    path.write_text(text)
    if depth < 1000:
        model = load(path)
        assert max(len(path) for path, _ in model.walk()) == min(depth, 100) + 1
        assert ("models nested deeper than 100 are left out" in texts(model)) == (depth > 100)
    else:
        try:
            load(path)
        except ModelDiffError as error:
            assert "deep" in str(error)  # noqa: PT017 - both ends are right, a crash is not


def _dumps(config: object) -> str:
    import sys

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        return json.dumps(config)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "3", '"text"', "{", '{"a": }', "{}", '{"class_name": 3, "config": {}}', "\x00\xff", "9" * 6000],
)
def test_a_config_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = np.void(text.encode("latin-1") or b"\0")
        file.create_group("model_weights")
    with pytest.raises(ModelDiffError):
        load(path)


@pytest.mark.parametrize("text", ["null", "[]", '{"loss": ', "9" * 6000, '{"loss":' * 100_000])
def test_damaged_compile_settings_are_no_reason_to_refuse_the_model(tmp_path: Path, text: str) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file.attrs.create("training_config", np.array(text, h5py.string_dtype()))
    model = load(path)
    assert "the compile settings are not read: `training_config` is" in texts(model)
    assert [len(layer.weights) for layer in model.graph.layers] == [0, 2, 2]


def test_names_that_look_alike_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    names = [b"\x80", rb"\x80"]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(names, "S4")
        for number, name in enumerate(names):
            layer = file.create_group(name)
            layer.attrs["weight_names"] = [b"kernel:0"]
            layer["kernel:0"] = np.full((4, 4), number, "f4")
    model = load(path)
    assert [layer.name for layer in model.graph.layers] == [r"\x80", r"\x80'"]
    assert len(bytes_read(model)) == 2


def test_attributes_of_every_encoding_are_read(tmp_path: Path) -> None:
    text = json.dumps(chain("a"))
    for number, value in enumerate(
        [
            text,
            text.encode(),
            np.bytes_(text),
            np.void(text.encode()),
            [text],
            np.array([text], "S"),
            np.array(text, "S"),
        ]
    ):
        path = write_h5(tmp_path / f"{number}.h5", chain("a"), {"x": {}, "a": dense_weights("a")})
        with h5py.File(path, "a") as file:
            del file.attrs["model_config"]
            file.attrs["model_config"] = value
        assert [layer.name for layer in load(path).graph.layers] == ["x", "a"], type(value)


@pytest.mark.parametrize(
    "value",
    [3, 2.5, np.arange(3), np.zeros((2, 2)), [b"a", b"b"], np.zeros(1, h5py.opaque_dtype("M8[s]"))],
)
def test_a_config_attribute_that_is_no_text(tmp_path: Path, value: object) -> None:
    path = small_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = value
    model = load(path)
    assert "attribute model_config" in texts(model)
    assert [layer.name for layer in model.graph.layers] == ["x", "a", "b"]
    assert not model.has_config


def test_split_attributes_are_one_list(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5", ("a", "b", "c"))
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        del group.attrs["layer_names"]
        group.attrs["layer_names0"] = [b"x", b"a"]
        group.attrs["layer_names1"] = [b"b", b"c"]
        layer = group["c"]
        del layer.attrs["weight_names"]
        layer.attrs["weight_names0"] = [b"c/kernel:0"]
        layer.attrs["weight_names1"] = [b"c/bias:0"]
    model = load(path)
    assert [[weight.name for weight in layer.weights] for layer in model.graph.layers[1:]] == [["kernel", "bias"]] * 3
    assert not model.notes


def test_what_is_listed_and_missing_is_told(tmp_path: Path) -> None:
    path = small_h5(tmp_path / "model.h5", ("a", "b", "c"))
    with h5py.File(path, "a") as file:
        del file["model_weights/a"]
        del file["model_weights/b/b/bias:0"]
        group = file["model_weights"]
        group.attrs["layer_names"] = [b"x", b"a", b"b", b"c", b"ghost"]
        group.create_group("ghost").attrs["weight_names"] = [b"w"]
        group["ghost/w"] = np.zeros(3, "f4")
    model = load(path)
    assert "incomplete file: 1 of 5 layers have no group" in texts(model, "")
    assert "'ghost', which is not in the configuration" in texts(model, "")
    assert "its class has 2 weights, the file holds none" in texts(model, "a")
    assert "its class has 2 weights, the file holds 1" in texts(model, "b")
    assert "'b/bias:0' is listed but not in the file" in texts(model, "b")
    assert texts(model, "c") == ""


@pytest.mark.parametrize("content", ["empty", "foreign", "config only", "names only"])
def test_hdf5_that_holds_no_model(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        if content == "foreign":
            file["data"] = np.arange(3)
        if content == "config only":
            file.attrs["model_config"] = json.dumps(chain("a"))
        if content == "names only":
            file.create_group("model_weights")
    if content == "config only":
        model = load(path)
        assert not model.has_weights
        assert "incomplete file: it has a configuration but no weights" in texts(model)
    else:
        with pytest.raises(NotAModel):
            load(path)


@pytest.mark.parametrize("reserved", [b"\0\0\0", b"\0\2\0"])
def test_a_heap_that_hdf5_would_walk_forever(tmp_path: Path, reserved: bytes) -> None:
    path = small_h5(tmp_path / "model.h5")
    raw = bytearray(path.read_bytes())
    heap = raw.find(b"GCOL")
    assert heap >= 0
    raw[heap + 5 : heap + 8] = reserved
    size = int.from_bytes(raw[heap + 8 : heap + 16], "little")
    raw[heap + 16 : heap + size] = bytes(size - 16)  # one free piece of no bytes, again and again
    path.write_bytes(raw)
    with pytest.raises(UnreadableFile, match="no end"):
        load(path)


def test_the_mark_of_a_heap_inside_weights_is_no_heap(tmp_path: Path) -> None:
    values = np.frombuffer(b"GCOL\x01\0\0\0" * 8, "f4").reshape(4, 4)
    weights = {"x": {}, "a": {"a/kernel:0": values, "a/bias:0": np.zeros(4, "f4")}}
    model = load(write_h5(tmp_path / "model.h5", chain("a"), weights))
    assert bytes_read(model) == {values.tobytes(), bytes(16)}


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    whole = small_h5(tmp_path / "model.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in sorted({*range(0, 200, 13), *range(200, len(whole), 501), len(whole) - 1}):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableFile if length >= 8 else ModelDiffError):
            load(path)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bytes_load_or_are_refused(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    raw = bytearray(small_h5(tmp_path / "model.h5").read_bytes())
    for place, mask in flips:
        raw[place % len(raw)] ^= mask
    path = tmp_path / "flipped.h5"
    path.write_bytes(raw)
    try:
        model = load(path)
        for _, layer in model.walk():
            for weight in layer.weights:
                if weight.source is not None:
                    weight.digest()
    except ModelDiffError as error:
        assert str(path) in error.where  # noqa: PT017 - both ends are right, a crash is not
