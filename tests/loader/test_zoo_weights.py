# Every file of the zoo against the live model it came from: which layers have which weights, in which order, with
# which bytes. What no reader can get right is in one table below, each row with its reason.
"""The weights of real files."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest
from zoo_truth import entries, loaded, needs_zoo, truth

from modeldiff.graph import Layer, LayerPath, Model, Weight

pytestmark = needs_zoo

NOT_IN_THE_FILE = {
    r".*/k3_lora\.(keras|weights\.h5)": "the archive holds the kernel with the adapter merged into it",
    r".*_npz\.keras": "npz weights are pickles and are refused",
    r"2\.15\.0/preproc_string_adapted\..*": "the lookup table is no variable and is not in the file",
    r"1\.2\.2/k1_seq_merge_weightsonly\.h5": "the list of layers is flattened, and the Merge is no layer in it",
}
RENAMED = {
    r"(1\.2\.2|2\.0\.9)/nested_seq2\.(h5|keras)": "the name of the innermost Sequential is not in the file",
}
"""Layers are there, under another path."""
MORE_THAN_LISTED = {
    r"1\.2\.2/k1_seq_merge\.(h5|keras)": "the branches of a Merge are layers of their own, which Keras 1 did not list",
}


def listed(table: dict[str, str], path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in table)


def facts(weight: Weight) -> tuple[Any, ...]:
    digest = weight.digest().removeprefix("sha256:") if weight.source else None
    return weight.shape, weight.dtype, digest


def true_layers(key: str) -> dict[LayerPath, list[tuple[Any, ...]]]:
    return {
        tuple(layer["path"]): [(tuple(w["shape"]), w["dtype"], w.get("sha256")) for w in layer["weights"]]
        for layer in truth()[key]["truth"]["layers"]
        if not layer["is_model"] and not layer["already_listed"]
    }


@pytest.mark.parametrize("writer", sorted({key.partition("/")[0] for key in truth()}))
def test_weights_are_those_of_the_live_model(writer: str) -> None:
    wrong = {}
    for key, form, path in entries():
        if key.startswith(f"{writer}/") and form != "to_json" and (difference := compare(key, path)):
            wrong[path] = difference
    assert wrong == {}


def compare(key: str, path: str) -> Any:
    """What differs between the file and the live model."""
    model, wanted = loaded(path), true_layers(key)
    found = {where: [facts(weight) for weight in layer.weights] for where, layer in model.walk()}
    every = [Counter(weight for one in side.values() for weight in one) for side in (found, wanted)]
    if listed(NOT_IN_THE_FILE, path):
        return "nothing is missing, against the table" if every[0] == every[1] else None
    # Without a config there are no paths to compare, and in a nested model no layers: the bytes must all be there.
    if not model.has_config or listed(RENAMED, path):
        return every if every[0] != every[1] else None
    differing = {where: (found.get(where), weights) for where, weights in wanted.items() if found.get(where) != weights}
    extra = [where for where, weights in found.items() if weights and where not in wanted]
    return differing or (extra if bool(extra) != listed(MORE_THAN_LISTED, path) else None)


ROLES_DIFFER = {
    r"b_func_custom_.*": "the v3 store has numbers, and the class is the user's own",
    r"regcon": "one writer has a bias there and the other has not",
    r"k3_lora": "the archive holds the kernel with the adapter merged into it",
    r"rnn": "Keras 1 has no stacked cells: the same name is one LSTM there",
}


def test_a_role_has_one_name_whatever_wrote_it() -> None:
    seen: dict[tuple[str, LayerPath], dict[tuple[str, ...], str]] = defaultdict(dict)
    for key, _form, path in entries("h5", "keras", "keras_v3"):
        model = loaded(path)
        for where, layer in model.walk():
            if layer.comparable_weights and model.has_config:
                roles = tuple(sorted(weight.name for weight in layer.comparable_weights))
                seen[truth()[key]["model_key"], where][roles] = path
    differing = {name for (name, where), roles in seen.items() if len(roles) > 1}
    assert {name for name in differing if not listed(ROLES_DIFFER, name)} == set()


def test_statistics_are_not_trainable_and_parameters_are() -> None:
    for key, _form, path in entries("h5", "keras"):
        true = {
            tuple(layer["path"]): [w.get("trainable") for w in layer["weights"]]
            for layer in truth()[key]["truth"]["layers"]
            if layer["trainable"] and not layer["class"].startswith(("Embedding", "Dense", "EinsumDense"))
        }
        for where, layer in loaded(path).walk():
            if layer.trainable and layer.weights and where in true and len(true[where]) == len(layer.weights):
                assert [weight.trainable for weight in layer.weights] == true[where], (path, where)


@pytest.mark.parametrize("name", ["optstate_adam", "optstate_sgd"])
def test_compile_settings_are_equal_whatever_wrote_them(name: str) -> None:
    told: dict[str, Any] = {}
    for key, _form, path in entries("h5", "keras"):
        if truth()[key]["model_key"] == name and not path.startswith(("1.", "2.0")):  # another epsilon, no metrics
            metadata = loaded(path).metadata
            told[path] = {k: metadata.get(k) for k in ("optimizer", "loss", "metrics", "loss_weights")}
    first = next(iter(told.values()))
    assert all(settings == first for settings in told.values()), told
    assert first["loss"] == "mean_squared_error"
    assert first["metrics"] == ["mean_absolute_error"]


def test_optimizer_state_is_apart_from_the_layers() -> None:
    for _, _form, path in entries("h5", "keras"):
        if "/optstate_adam." in path:
            model = loaded(path)
            assert len(model.optimizer_weights) >= 13, path
            assert len({weight.name for weight in model.optimizer_weights}) == len(model.optimizer_weights)


@pytest.mark.parametrize(
    ("path", "layers", "kernel"),
    [
        ("2.6.0/c_subclassed_weightsonly.h5", ["dense_1", "dense_2", "dense_3"], "kernel"),
        ("3.15.1/c_subclassed.h5", ["dense_1", "dense_2", "dense_3"], "kernel"),
        ("3.15.1/c_subclassed.keras", ["dense_1", "dense_2", "dense_3"], "kernel"),
        ("2.15.0/c_subclassed.weights.h5", ["layers/dense", "layers/dense_1", "layers/dense_2"], "kernel"),
    ],
)
def test_a_subclassed_model_has_layers_and_weights_but_no_connections(
    path: str, layers: list[str], kernel: str
) -> None:
    model = loaded(path)
    assert not model.graph.has_edges
    assert not model.has_config
    assert [layer.name for layer in model.graph.layers] == layers
    assert [layer.weights[0].name for layer in model.graph.layers] == [kernel] * 3
    assert [layer.weights[0].shape for layer in model.graph.layers] == [(5, 8), (8, 6), (6, 3)]
    assert not any(layer.calls for layer in model.graph.layers)


def test_the_settings_of_a_subclassed_model_are_kept() -> None:
    assert loaded("3.15.1/c_subclassed_getconfig.keras").metadata["config"] == {"hidden": 8}
    assert loaded("3.15.1/c_subclassed_getconfig.h5").metadata["config"] == {"hidden": 8}


def test_adapted_vocabularies_are_told_as_assets() -> None:
    assets = loaded("3.15.1/preproc_string_adapted.keras").metadata["assets"]
    assert list(assets) == ["layers/string_lookup/vocabulary.txt"]
    assert assets["layers/string_lookup/vocabulary.txt"]["sha256"].startswith("sha256:")
    assert assets["layers/string_lookup/vocabulary.txt"]["bytes"] > 0


def notes_of(path: str) -> list[str]:
    return [note.text for note in loaded(path).notes]


def test_what_failed_saves_left_behind_is_incomplete() -> None:
    lost = loaded("left_behind/2.15.0__preproc_text_weightsonly.h5")
    assert "incomplete file: 1 of 5 layers have no group: 'text'" in [note.text for note in lost.notes] or [
        note for note in lost.notes if note.about == "text" and "incomplete" in note.text
    ]
    chain = loaded("left_behind/2.0.9__chain300.h5")
    assert len(chain.graph.layers) >= 300
    assert any("incomplete" in note.text for note in chain.notes)
    assert len(chain.notes) < 5


def test_complete_files_have_no_notes_about_weights() -> None:
    telling = re.compile(r"weights?\b|incomplete file|group")
    for _, _form, path in entries("h5", "keras", "keras_v3", "weights.h5", "legacy_weights"):
        if not listed(NOT_IN_THE_FILE, path):
            assert [text for text in notes_of(path) if telling.search(text)] == [], path


def test_json_has_an_architecture_and_no_weights() -> None:
    for _, _form, path in entries("to_json"):
        model = loaded(path)
        assert model.format == "keras-json"
        assert not model.has_weights
        assert model.parameters == 0


def test_formats_are_told_by_content() -> None:
    formats: dict[str, set[str]] = defaultdict(set)
    for _key, form, path in entries():
        formats[path.split("/")[0] + ":" + form].add(loaded(path).format)
    assert formats["2.6.0:keras"] == {"keras-h5"}
    assert formats["2.15.0:keras"] == {"keras-v3"}
    assert formats["2.6.0:weights.h5"] == {"keras-h5-weights"}
    assert formats["2.15.0:weights.h5"] == {"keras-v3-weights"}
    assert formats["3.15.1:h5"] == {"keras-h5"}


def test_stored_as_is_the_path_in_the_file() -> None:
    def first(model: Model) -> Layer:
        return next(layer for layer in model.graph.layers if layer.weights)

    assert first(loaded("2.6.0/optstate_adam.h5")).weights[0].stored_as == "model_weights/d1/d1/kernel:0"
    assert first(loaded("3.6.0/optstate_adam.keras")).weights[0].stored_as == "layers/dense/vars/0"
