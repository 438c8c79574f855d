"""Mappings of layers, written and read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from models import model

from modeldiff import Options, UsageError, compare
from modeldiff.cli import main
from modeldiff.mapping import pairs_of, text_of

ROOT = Path(__file__).parents[1]
NEW = """
    x: InputLayer(batch_shape=[None, 8])
    lower: Dense(units=4, w=5) <- x
    upper: Dense(units=4, w=6) <- lower
    outputs: upper
"""


def test_what_is_written_is_read_again_and_pins_the_same_pairs() -> None:
    old = model(NEW.replace("lower", "first").replace("upper", "second"))
    new = model(NEW)
    first = compare(old, new, options=Options(pins=(("first", "upper"), ("second", "lower"))))
    pins = pairs_of(text_of(first.matching), "map.json")
    again = compare(old, new, options=Options(pins=pins))
    assert {(match.old, match.new) for match in again.matching.matches} == {
        (match.old, match.new) for match in first.matching.matches
    }


def test_the_form_is_that_of_model_explorers_mapping_upload() -> None:
    data = json.loads(text_of(compare(model(NEW), model(NEW)).matching))
    assert data == {
        "type": "sync_navigation",
        "mapping": {"x": "x", "lower": "lower", "upper": "upper"},
        "disableMappingFallback": True,
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "b", "mapping": "c"}',
        '[["a", "b"], ["mapping", "c"]]',
        '{"type": "sync_navigation", "mapping": {"a": "b", "mapping": "c"}}',
        """{"mappingEntries": [{"leftNodeIds": ["a"], "rightNodeIds": ["b"]},
            {"leftNodeIds": ["mapping"], "rightNodeIds": ["c"]}]}""",
    ],
)
def test_every_form_that_people_have_is_read(text: str) -> None:
    assert pairs_of(text, "map.json") == (("a", "b"), ("mapping", "c"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "null",
        '"a=b"',
        '["a", "b"]',
        '[["a"]]',
        '[["a", 1]]',
        '{"a": 1}',
        '{"a": ["b"]}',
        '{"mappingEntries": [{"leftNodeIds": ["a", "b"], "rightNodeIds": ["c"]}]}',
        '{"mappingEntries": [3]}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused_with_the_file_and_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"map\.json") as caught:
        pairs_of(text, "map.json")
    assert "old/path" in str(caught.value)


def test_the_command_writes_the_pairs_it_found_and_takes_them_again(tmp_path: Path) -> None:
    pair = [str(ROOT / f"samples/layer-renamed/{side}.h5") for side in ("old", "new")]
    written = tmp_path / "map.json"
    assert main([*pair, "-q", "--write-map", str(written)]) == 0
    result = tmp_path / "diff.json"
    assert main([*pair, "-q", "--map", str(written), "-o", str(result)]) == 0
    layers = json.loads(result.read_text(encoding="utf-8"))["layers"]
    pairs = dict(pairs_of(written.read_text(encoding="utf-8"), "map.json"))
    assert {layer["old"]: layer["new"] for layer in layers if layer["match"]} == pairs
    assert {layer["match"]["evidence"] for layer in layers if layer["match"]} == {"user"}


def test_a_mapping_is_written_of_two_models_and_never_over_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model_file = tmp_path / "m.h5"
    shutil.copy(ROOT / "samples/layer-renamed/old.h5", model_file)
    assert main([str(model_file), "--write-map", str(tmp_path / "map.json")]) == 2
    assert main([str(model_file), str(model_file), "--write-map", str(model_file)]) == 2
    assert "overwrite the model" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m.h5"]
