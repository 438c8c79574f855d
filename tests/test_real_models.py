"""Files of other projects: each loads, and the five known pairs read as a person describes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from contract import parse

from modeldiff import DiffResult, Impact, Kind, compare, load, render, report
from modeldiff.changes import ConfigChanged, Outcome, is_incidental
from modeldiff.report.words import plain

MODELS = Path(__file__).parents[2] / "shared" / "models"


def find(pattern: str) -> Path:
    (path,) = MODELS.glob(pattern)
    return path


def diff(old: str, new: str) -> DiffResult:
    return compare(load(find(old)), load(find(new)))


def counts(result: DiffResult) -> Counter[Kind]:
    return Counter(change.kind for change in result.changes if not is_incidental(change))


@pytest.mark.parametrize("name", sorted(path.name for path in MODELS.iterdir() if path.suffix != ".md"))
@pytest.mark.parametrize("suffix", ["txt", "md", "json"])
def test_every_file_is_shown(name: str, suffix: str) -> None:
    model = load(MODELS / name)
    assert model.parameters > 0
    text = render(model, suffix)
    if suffix == "json":
        data = parse(text)
        assert sum(layer["parameters"] for layer in data["layers"]) <= data["model"]["parameters"]
        assert data["model"]["has_graph"] == ("textgenrnn" not in name)
    else:
        assert f"{model.parameters:,}" in text


def test_every_file_is_the_same_as_itself() -> None:
    for path in MODELS.iterdir():
        if path.suffix != ".md":
            result = compare(load(path), load(path))
            assert result.changes == (), path.name
            assert not result.matching.added
            assert not result.matching.removed


def test_two_checkpoints_of_one_training() -> None:
    result = diff("face*.99-*", "face*.100-*")
    assert len(list(result.new.walk())) == 46
    assert len(result.matching.matches) == 46
    assert set(counts(result)) == {Kind.WEIGHT_CHANGED, Kind.METADATA_CHANGED}
    assert counts(result)[Kind.WEIGHT_CHANGED] == 80
    assert len(result.old.optimizer_weights) == len(result.new.optimizer_weights) == 105
    assert result.impact is Impact.NUMERIC
    assert plain(report.build(result).verdict).startswith("Weights only: all 29 layers ")


def test_a_custom_class_that_was_renamed() -> None:
    result = diff("megnet__eea*", "megnet__ed3*")
    assert not result.matching.added
    assert not result.matching.removed
    retyped = list(result.of(Kind.LAYER_RETYPED))
    assert [change.site.new for change in retyped] == [(f"meg_net_layer_{i}",) for i in (1, 2, 3)]
    told = {Kind.LAYER_RETYPED: 3, Kind.LAYER_RENAMED: 3, Kind.CONFIG_CHANGED: 3, Kind.METADATA_CHANGED: 1}
    assert counts(result) == told
    settings = {(change.key, change.impact) for change in result.changes if isinstance(change, ConfigChanged)}
    assert settings == {("kernel_regularizer", Impact.NUMERIC)}
    assert Counter(pair.outcome for pair in result.weight_pairs) == {Outcome.IDENTICAL: 105}
    (loss,) = result.of(Kind.METADATA_CHANGED)
    assert "mean_squared_error_with_scale → mean_squared_error" in " ".join(render(result, "txt").split())
    assert "3 layers went from MEGNet to MEGNetLayer" in render(result, "txt")
    assert loss.kind is Kind.METADATA_CHANGED


def test_a_truncated_model() -> None:
    result = diff("anomaly*best_cnn*", "anomaly*__encoder*")
    removed = [path[-1] for path in result.matching.removed]
    assert sorted(removed) == ["conv1d_transpose", "conv1d_transpose_1", "reconstruction"]
    assert not result.matching.added
    assert Counter(pair.outcome for pair in result.weight_pairs) == {Outcome.IDENTICAL: 6}
    assert result.impact is Impact.INTERFACE


def test_one_architecture_from_two_keras() -> None:
    result = diff("tiny__5b*", "tiny__c1*")
    assert len(result.matching.matches) == 30
    assert counts(result)[Kind.WEIGHT_CHANGED] == 48
    assert result.impact is Impact.NUMERIC
    assert set(counts(result)) == {Kind.WEIGHT_CHANGED, Kind.METADATA_CHANGED}


def test_an_lstm_of_keras_1_and_of_keras_2() -> None:
    result = diff("dl4j*lstm*_1.h5", "dl4j*lstm*_2.h5")
    assert [(match.old, match.new) for match in result.matching.matches] == [(("lstm_1",), ("lstm_1",))]
    assert result.old.parameters == result.new.parameters == 192
    kinds = counts(result)
    assert not {Kind.WEIGHT_ADDED, Kind.WEIGHT_REMOVED, Kind.WEIGHT_RESHAPED} & set(kinds)
    assert {pair.name for pair in result.weight_pairs} == {"kernel", "recurrent_kernel", "bias"}
    assert not [change for change in result.of(Kind.CONFIG_CHANGED) if change.impact is Impact.FUNCTIONAL]
    assert "12 tensors" in render(result, "txt")
