# Pairs that other people and other Kerases wrote.
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from modeldiff import compare, load
from modeldiff.changes import Evidence, Kind, LayerRetyped, Outcome

SHARED = Path(__file__).resolve().parents[3] / "shared"
MODELS, ZOO = SHARED / "models", SHARED / "zoo"


FACE = "face_classification__aa06bfe__fer2013_mini_XCEPTION"


def test_two_checkpoints_of_one_training() -> None:
    diff = compare(load(MODELS / f"{FACE}.99-0.65.hdf5"), load(MODELS / f"{FACE}.100-0.65.hdf5"))
    assert len(diff.matching.matches) == 46
    assert all(match.old == match.new for match in diff.matching.matches)
    kinds = Counter(change.kind for change in diff.changes)
    assert kinds[Kind.WEIGHT_CHANGED] == 80
    assert set(kinds) <= {Kind.WEIGHT_CHANGED, Kind.METADATA_CHANGED}


def test_a_custom_class_renamed() -> None:
    diff = compare(load(MODELS / "megnet__eeaea40__log10G.hdf5"), load(MODELS / "megnet__ed30043__log10G.hdf5"))
    retyped = [change for change in diff.changes if isinstance(change, LayerRetyped)]
    assert [(change.before, change.after, change.equivalent) for change in retyped] == [
        ("MEGNet", "MEGNetLayer", True)
    ] * 3
    kinds = Counter(change.kind for change in diff.changes)
    assert kinds[Kind.LAYER_RENAMED] == 3
    assert set(kinds) == {Kind.LAYER_RENAMED, Kind.LAYER_RETYPED, Kind.CONFIG_CHANGED, Kind.METADATA_CHANGED}
    assert all(pair.outcome is Outcome.IDENTICAL for pair in diff.weight_pairs)
    assert len(diff.weight_pairs) == 105


def test_a_model_cut_after_four_layers() -> None:
    stem = "anomaly-detection-with-keras__762d556__"
    diff = compare(load(MODELS / f"{stem}best_cnn_autoencoder.keras"), load(MODELS / f"{stem}encoder.keras"))
    assert diff.matching.removed == (("conv1d_transpose",), ("conv1d_transpose_1",), ("reconstruction",))
    assert not diff.matching.added
    assert [match.evidence for match in diff.matching.matches].count(Evidence.WEIGHTS) == 3
    kinds = Counter(change.kind for change in diff.changes)
    assert kinds[Kind.LAYER_REMOVED] == 3
    assert kinds[Kind.INTERFACE_CHANGED] == 1
    assert kinds[Kind.WEIGHT_CHANGED] == 0


def test_keras_2_and_keras_3_write_one_architecture() -> None:
    diff = compare(
        load(MODELS / "tiny__5b2315b__pretrainedResnet.h5"), load(MODELS / "tiny__c1e94b9__trainedResnet.h5")
    )
    assert len(diff.matching.matches) == 30
    kinds = Counter(change.kind for change in diff.changes)
    assert set(kinds) == {Kind.LAYER_RENAMED, Kind.WEIGHT_CHANGED, Kind.METADATA_CHANGED}
    assert kinds[Kind.LAYER_RENAMED] == 1


def test_the_lstm_of_keras_1_and_of_keras_2() -> None:
    stem = "dl4j-test-resources__ca38c66__lstm_tensorflow_"
    diff = compare(load(MODELS / f"{stem}1.h5"), load(MODELS / f"{stem}2.h5"))
    assert len(diff.matching.matches) == 1
    kinds = {change.kind for change in diff.changes}
    assert kinds <= {Kind.WEIGHT_CHANGED, Kind.CONFIG_CHANGED, Kind.METADATA_CHANGED}


def _pairs() -> list[dict[str, object]]:
    listed = ZOO / "PAIRS.json"
    return json.loads(listed.read_text()) if listed.exists() else []


def test_one_model_in_two_files_is_one_structure() -> None:
    """A third of the zoo's pairs of files that hold one model: other writer, other container, weights alone."""
    structure = {Kind.LAYER_ADDED, Kind.LAYER_REMOVED, Kind.LAYER_MOVED, Kind.LAYER_RETYPED, Kind.INPUTS_REWIRED}
    wrong = []
    compared = 0
    for pair in _pairs()[::3]:
        if pair["kind"] == "same model, other writer" and not pair["edges_equal"]:
            continue
        if "residual" in str(pair["a"]) and pair["kind"] == "same model, other writer":
            continue  # its code chose the class by what the writing Keras had: Activation or ReLU
        old, new = (load(ZOO / "files" / str(pair[side])) for side in ("a", "b"))
        diff = compare(old, new)
        compared += 1
        wrong += [(pair["a"], pair["b"], change) for change in diff.changes if change.kind in structure]
        if pair["kind"] == "renamed only":
            assert {change.kind for change in diff.changes} <= {Kind.LAYER_RENAMED, Kind.METADATA_CHANGED}
    assert compared > 200
    assert not wrong


@pytest.mark.parametrize("writer", ["2.15.0", "3.0.5"])
def test_a_store_without_names_is_paired_by_keras_own_counter(writer: str) -> None:
    files = SHARED / "zoo" / "files" / writer
    compared = 0
    for store in sorted(files.glob("*.weights.h5")):
        whole = store.with_name(store.name.replace(".weights.h5", ".h5"))
        if not whole.exists() or store.name.startswith(("c_subclassed", "._")):
            continue
        compared += 1
        diff = compare(load(whole), load(store))
        assert not [change for change in diff.changes if change.kind is not Kind.METADATA_CHANGED], store.name
    assert compared > 20
