"""The shapes on the way from the input to the output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from models import model

from modeldiff import load, render, report
from modeldiff.graph import Model, Shape
from modeldiff.report.words import plain

SAMPLE = Path(__file__).parents[2] / "samples" / "pull-request" / "new.h5"


def shaped(text: str, shapes: dict[str, Shape | None]) -> Model:
    """The model with the output shapes that a loader would know."""
    built = model(text)
    layers = tuple(
        replace(layer, output_shapes=None if shapes[layer.name] is None else (shapes[layer.name] or (),))
        for layer in built.graph.layers
    )
    return replace(built, graph=replace(built.graph, layers=layers))


def told(built: Model) -> list[str]:
    return [plain(words) for label, words in report.build(built).facts if label == "Shapes"]


NET = """
    image: InputLayer(batch_shape=[None, 32, 32, 3])
    pad: ZeroPadding2D <- image
    stem: Dense(units=8) <- pad
    a: Dense(units=8) <- stem
    b: Dense(units=8) <- stem
    join: Add <- a, b
    pool: GlobalAveragePooling2D <- join
    head: Dense(units=2) <- pool
    outputs: head
"""
SHAPES: dict[str, Shape | None] = {
    "image": (None, 32, 32, 3),
    "pad": (None, 34, 34, 3),
    "stem": (None, 16, 16, 8),
    "a": (None, 9, 9, 8),
    "b": (None, 8, 8, 8),
    "join": (None, 8, 8, 8),
    "pool": (None, 8),
    "head": (None, 2),
}


def test_a_real_network_is_told_in_one_line_in_every_medium() -> None:
    line = "32×32×3 → 32×32×16 → 16×16×24 → 8×8×48 → 12"
    real = load(SAMPLE)
    assert told(real) == [line]
    for medium in ("txt", "md", "html"):
        assert line in render(real, medium)


def test_branches_padding_and_pooling_are_passed_over() -> None:
    assert told(shaped(NET, SHAPES)) == ["32×32×3 → 16×16×8 → 8×8×8 → 2"]


@pytest.mark.parametrize("unknown", ["stem", "join", "head"])
def test_nothing_is_told_where_a_shape_is_missing(unknown: str) -> None:
    assert told(shaped(NET, {**SHAPES, unknown: None})) == []


def test_what_only_one_branch_makes_need_not_be_known() -> None:
    assert told(shaped(NET, {**SHAPES, "a": None})) == ["32×32×3 → 16×16×8 → 8×8×8 → 2"]


def test_nothing_is_told_of_several_inputs_or_of_two_shapes() -> None:
    second = NET.replace("    pad:", "    mask: InputLayer(batch_shape=[None, 8])\n    pad:").replace(
        "a, b", "a, b, mask"
    )
    assert told(shaped(second, {**SHAPES, "mask": (None, 8)})) == []
    assert told(shaped("x: InputLayer\ny: Dense(units=2) <- x\noutputs: y", {"x": (None, 8), "y": (None, 2)})) == []


def test_a_long_line_leaves_out_its_middle() -> None:
    names = [f"d{index}" for index in range(30)]
    lines = [f"{name}: Dense(units=2) <- {before}" for before, name in zip(["x", *names], names, strict=False)]
    text = "\n".join(["x: InputLayer", *lines, "outputs: d29"])
    (line,) = told(shaped(text, {"x": (None, 99), **{name: (None, index + 1) for index, name in enumerate(names)}}))
    assert line == "99 → 1 → 2 → 3 → 4 → 5 → … → 25 → 26 → 27 → 28 → 29 → 30"
