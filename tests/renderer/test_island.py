from __future__ import annotations

import json
from dataclasses import replace

import pytest
from models import model

from modeldiff import compare, report
from modeldiff.changes import Histogram
from modeldiff.renderer.island import BARS, _histogram, contents, escaped, island
from modeldiff.renderer.strip import SIGNS, SLOTS, strip

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=8, w=1) <- x
    frozen: Dense(units=8, w=2, trainable=False) <- a
    gone: Dense(units=8, w=3) <- frozen
    o: Dense(units=2, w=4) <- gone
    outputs: o
"""
NEW = (
    OLD.replace("    gone: Dense(units=8, w=3) <- frozen\n", "")
    .replace("<- gone", "<- frozen")
    .replace("a: Dense(units=8, w=1)", "a: Dense(units=8, w=11)")
)


def words():
    return report.build(compare(model(OLD), model(NEW)))


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "a&b", "\u2028\u2029", "\ud800", '"\\'])
def test_no_text_can_end_the_script(text):
    found = escaped({"a": text})
    assert not set("<>&\u2028\u2029") & set(found)
    if text != "\ud800":
        assert json.loads(found) == {"a": text}


def test_every_layer_is_there_once_with_its_words():
    built = words()
    data = json.loads(island(built))
    assert [layer["a"] for layer in data["layers"]] == [view.address for view in built.layers]
    (moved,) = [layer for layer in data["layers"] if layer["a"] == "layer=a"]
    assert data["statuses"][moved["s"]] == "changed"
    assert data["texts"][moved["c"]] == "Dense"
    kernel = moved["t"][0]
    assert data["texts"][kernel[0]] == "kernel"
    labels, values = data["texts"][kernel[6][0]].split("\t"), kernel[6][1].split("|")
    assert len(values) == 2 * len(labels) - 2  # no zeros, NaN or infinities on either side: the script writes that
    keys = {data["texts"][row[0]]: data["texts"][row[1]] for row in data["configs"][moved["k"]]}
    assert keys["units"] == "8"


def test_frames_hold_the_numbers_of_layers_and_know_the_frame_around_them():
    numbers, holds = {"layer=a": 0, "layer=b": 1, "layer=c": 2}, {"": ["layer=b"], "f1": [], "f1.0": ["layer=c"]}
    found = json.loads(contents(numbers, holds, {"f1": "", "f1.0": "f1"}))
    assert found == {"": ["", [1]], "f1": ["", []], "f1.0": ["f1", [2]]}


def test_no_number_is_lost_to_strict_json():
    built = words()
    endless = replace(built, layers=tuple(replace(view, moved=float("inf")) for view in built.layers))
    missing = replace(built, layers=tuple(replace(view, moved=float("nan")) for view in built.layers))
    assert all(layer["d"] == 1e9 for layer in json.loads(island(endless))["layers"])
    assert not any("d" in layer for layer in json.loads(island(missing))["layers"])


def test_a_histogram_is_one_character_a_bin_on_one_scale_of_shares():
    low, high, old, new = _histogram(Histogram(-1.0, 1.0, (0, 1, 49) + (0,) * 61, (100,) + (0,) * 63))
    assert (low, high) == (-1.0, 1.0)
    assert (len(old), len(new)) == (32, 32)
    assert new[0] == BARS[-1]
    assert old[0] == BARS[2]
    assert _histogram(Histogram(-1.0, 1.0, (), (1, 3) * 32))[2:] == ["", BARS[-1] * 32]
    assert set(old[2:] + new[1:]) == {"0"}
    empty = _histogram(Histogram(0.0, 0.0, (), (0, 0)))
    assert empty[2:] == ["", "00"]


def test_the_strip_says_what_moved_what_stayed_and_what_is_frozen():
    built = words()
    found = strip(built.layers, compares=True)
    paths = dict(found.paths)
    assert len(built.layers) == 5
    assert found.count == SLOTS  # bars of few layers stay narrow
    assert paths["b"].count("M") == 1
    assert paths["z"].count("M") == 2
    assert paths["frz"] == "M2.1 50H2.9"
    assert [sign for _, _, sign in found.signs] == ["−"]


def test_long_stretches_of_frozen_layers_and_between_them_say_what_became_of_them():
    lines = ["x: InputLayer(batch_shape=[None, 8])"]
    for index in range(30):
        frozen = ", trainable=False" if index < 20 else ""
        lines.append(f"d{index}: Dense(units=8, w={index + 1}{frozen}) <- {f'd{index - 1}' if index else 'x'}")
    old = "\n".join([*lines, "outputs: d29"])
    new = old.replace("w=4,", "w=99,").replace("w=30)", "w=98)")
    found = strip(report.build(compare(model(old), model(new))).layers, compares=True)
    assert found.stretches == ((3.23, "frozen: 19 identical, 1 moved"), (67.74, "trainable: 9 identical, 1 moved"))
    assert strip(words().layers, compares=True).stretches == ()


def test_the_strip_of_many_layers_has_colours_for_signs():
    built = words()
    removed = [view for view in built.layers if view.moved is None and view.status.sign]
    many = strip((*built.layers, *removed * SIGNS), compares=True)
    assert many.count == len(built.layers) + len(removed) * SIGNS
    assert many.signs == ()
    assert dict(many.paths)["f del"].count("M") == SIGNS + 1


def test_one_model_shows_where_its_parameters_are():
    found = strip(report.build(model(OLD)).layers, compares=False)
    assert found.title == "Where the parameters are"
    assert dict(found.paths)["p"].count("M") == 4
    few = "x: InputLayer(batch_shape=[None, 8])\n"
    for trivial in (f"{few}outputs: x", f"{few}a: Dense(units=2) <- x\noutputs: a"):
        assert strip(report.build(model(trivial)).layers, compares=False) is None
