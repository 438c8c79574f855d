# Files that were whole until one thing in them was broken. A loader that says it is of no use where a renderer does
# not show it, so each defect is looked for in every format, in one model and in a comparison.
"""What is missing is said, with the layer's name, in every renderer of words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5_files import chain, dense_weights, small_h5, write_h5

from modeldiff import compare, load, render

NAMES = ("first", "second", "third")
DEFECTS = {
    "no group": ("second", "its class has 2 weights, the file holds none", "asks for weights that the file lacks"),
    "no dataset": ("second", "the weight 'second/bias:0' is listed but not in the file", "file lacks"),
    "orphan group": ("orphan", "the file has 1 weight of 'orphan', which is not in the configuration", ""),
    "edge to nowhere": ("third", "takes a tensor of 'gone', which is not in the file", ""),
    "call that is not there": ("third", "takes call 7 of 'second', which the file does not have", ""),
    "name twice": ("second", "two layers are called 'second'; the later one is shown as 'second (2)'", ""),
    "key twice": ("units", "`model_config` has 'units' twice in one object: the last one counts", ""),
}
"""What stands in every renderer: a name, the note, and how several notes of its kind are told in one line."""


def doctored(path: Path, defect: str) -> Path:
    """A chain of three layers with one thing broken."""
    config: Any = chain(*NAMES)
    weights: dict[str, dict[str, Any]] = {"x": {}, **{name: dense_weights(name) for name in NAMES}}
    layers = config["config"]["layers"]
    if defect == "edge to nowhere":
        layers[3]["inbound_nodes"] = [[["gone", 0, 0, {}]]]
    elif defect == "call that is not there":
        layers[2]["inbound_nodes"] *= 2
        layers[3]["inbound_nodes"] = [[["second", 7, 0, {}]]]
    elif defect == "name twice":
        layers.append(layers[2])
    elif defect == "orphan group":
        weights["orphan"] = {"orphan/kernel:0": np.ones((2, 2), "f4")}
    write_h5(path, config, weights)
    with h5py.File(path, "a") as file:
        if defect == "no group":
            del file["model_weights/second"]
        elif defect == "no dataset":
            del file["model_weights/second/second/bias:0"]
        elif defect == "key twice":
            file.attrs["model_config"] = json.dumps(config).replace('"units": 4', '"units": 4, "units": 4')
    return path


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_loader_says_it(defect: str, tmp_path: Path) -> None:
    _, text, _ = DEFECTS[defect]
    assert text in [note.text for note in load(doctored(tmp_path / "m.h5", defect)).notes]


@pytest.mark.parametrize("form", ["html", "json", "md", "txt"])
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_renderer_shows_it(defect: str, form: str, tmp_path: Path) -> None:
    broken, whole = load(doctored(tmp_path / "m.h5", defect)), load(small_h5(tmp_path / "whole.h5", NAMES))
    name, text, together = DEFECTS[defect]
    marks = str.maketrans("", "", "\\`'\"")
    for subject in (broken, compare(whole, broken)):
        shown = " ".join(render(subject, form).replace("&#x27;", "").replace("&#39;", "").split()).translate(marks)
        assert text.translate(marks) in shown or (together and together in shown)
        assert name in shown


@pytest.mark.parametrize("form", ["svg", "dot"])
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_picture_shows_it(defect: str, form: str, tmp_path: Path) -> None:
    broken, whole = load(doctored(tmp_path / "m.h5", defect)), load(small_h5(tmp_path / "whole.h5", NAMES))
    _, text, _ = DEFECTS[defect]
    marks = str.maketrans("", "", "\\`'\"")
    for subject in (broken, compare(whole, broken)):
        drawn = (
            render(subject, form).replace("&#x27;", "").replace("&#39;", "").replace("</text><text", "</text> <text")
        )
        shown = " ".join(re.sub(r"<[^>]*>", "", drawn).split()).translate(marks)
        assert text.translate(marks) in shown
