# One pair of models, several readings: which one is believed, with near-misses that must be read the other way.
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from models import model, weight

from modeldiff.changes import Options
from modeldiff.differ import compare
from modeldiff.graph import Layer, Model, format_path


def told(old: Model, new: Model, *, weights: bool = True) -> dict[str, str]:
    """Old path -> new path of all pairs."""
    matching = compare(old, new, options=Options(weights=weights)).matching
    return {format_path(match.old): format_path(match.new) for match in matching.matches}


# --- equal numbers: one layer, or one seed? ---------------------------------------------------------------------


def tower(depth: int, *, names: dict[str, str] | None = None, is_trained: bool = False) -> Model:
    """Three blocks of equal layers, their numbers drawn one after the other from one seed."""
    lines, before = ["image: InputLayer(batch_shape=[None, 8])"], "image"
    for block in (1, 2, 3):
        for name in [f"block{block}_fc{number}" for number in range(1, depth + 1)]:
            lines.append(f"{name}: Dense(units=8) <- {before}")
            before = name
        lines.append(f"block{block}_drop: Dropout(rate=0.{block}) <- {before}")
        before = f"block{block}_drop"
    text = "\n".join(lines)
    for one, other in (names or {}).items():
        text = text.replace(f"{one}:", f"{other}:").replace(f"<- {one}\n", f"<- {other}\n")
    built = model(text)
    drawn = iter(range(100))

    def initial(layer: Layer) -> Layer:
        if not layer.weights:
            return layer
        random = np.random.default_rng(next(drawn))
        kernel = random.standard_normal((8, 8)).astype(np.float32)
        bias = random.standard_normal(8).astype(np.float32) if is_trained else np.zeros(8, np.float32)
        return replace(layer, weights=(weight("kernel", kernel), weight("bias", bias)))

    layers = tuple(initial(layer) for layer in built.graph.layers)
    return replace(built, graph=replace(built.graph, layers=layers))


def test_equal_numbers_of_untrained_models_mean_an_equal_seed() -> None:
    old, new = tower(3), tower(4)
    for one, other in ((old, new), (new, old)):
        pairs = told(one, other)
        assert len(pairs) == 13
        assert all(before == after for before, after in pairs.items())


def test_equal_numbers_of_trained_models_mean_an_equal_layer() -> None:
    pairs = told(tower(3, is_trained=True), tower(4, is_trained=True))
    assert pairs["block1_fc3"] == "block1_fc3"
    assert pairs["block2_fc1"] == "block1_fc4"
    assert pairs["block3_fc3"] == "block3_fc1"


def test_untrained_layers_that_swapped_names_follow_their_numbers() -> None:
    swapped = {"block1_fc2": "block2_fc3", "block2_fc3": "block1_fc2"}
    pairs = told(
        tower(3),
        tower(3, names={**{one: f"{one}!" for one in swapped}, **{f"{one}!": two for one, two in swapped.items()}}),
    )
    assert {before: after for before, after in pairs.items() if before != after} == swapped


# --- sizes: other layers, or all scaled? ------------------------------------------------------------------------


def staged(widths: tuple[int, ...], *, first: int = 0, depth: int = 3) -> Model:
    """Stages of equal layers under counted names, each wider than the one before."""
    lines, before, count = [f"input_layer_{first}: InputLayer(batch_shape=[None, 6])"], f"input_layer_{first}", first
    for width in widths:
        for _ in range(depth):
            lines.append(f"dense_{count}: Dense(units={width}, activation='relu', w={count + 50}) <- {before}")
            lines.append(f"batch_normalization_{count}: BatchNormalization <- dense_{count}")
            before, count = f"batch_normalization_{count}", count + 1
    return model("\n".join(lines))


def test_all_widths_doubled_are_changes_of_width() -> None:
    pairs = told(staged((8, 16, 32)), staged((16, 32, 64), first=30))
    assert len(pairs) == 19
    assert pairs["dense_0"] == "dense_30"
    assert pairs["dense_8"] == "dense_38"


def test_a_stage_less_is_a_stage_less_whatever_the_widths() -> None:
    pairs = told(staged((8, 16, 32)), staged((16, 32), first=30))
    assert len(pairs) == 13
    assert pairs["dense_3"] == "dense_30"
    assert pairs["dense_8"] == "dense_35"


# --- names: stayed, or given anew? ------------------------------------------------------------------------------


def partly_named(blocks: tuple[int, ...]) -> Model:
    """Blocks whose names count from 1, whatever they were; which of its layers are named tells each block."""
    lines, before, counts = (
        ["image: InputLayer(batch_shape=[None, 8])"],
        "image",
        {"dense": 0, "dropout": 0, "re_lu": 0},
    )
    for number, block in enumerate(blocks, 1):
        for part, (stem, line) in enumerate(
            (("dense", "Dense(units=8)"), ("re_lu", "ReLU"), ("dropout", "Dropout(rate=0.2)"))
        ):
            name = f"block{number}_part{part}" if part == block else f"{stem}_{counts[stem]}"
            counts[stem] += part != block
            lines.append(f"{name}: {line.replace('8)', f'8, w={100 * block + len(blocks)})')} <- {before}")
            before = name
    return model("\n".join(lines))


def test_blocks_are_known_by_which_of_their_layers_have_names() -> None:
    pairs = told(partly_named((0, 1, 2)), partly_named((1, 2)), weights=False)
    assert pairs["block2_part1"] == "block1_part1"
    assert pairs["block3_part2"] == "block2_part2"
    assert "block1_part0" not in pairs


# --- names: the same but for the scheme? ------------------------------------------------------------------------


def layered(*names: str, seed: int) -> Model:
    """Equal layers under these names, numbers of their own."""
    lines, before = ["dense_input: InputLayer(batch_shape=[None, 8])"], "dense_input"
    for place, name in enumerate(names):
        lines.append(f"{name}: Dense(units=8, activation='relu', w={seed + place}) <- {before}")
        before = name
    return model("\n".join(lines))


PLAIN = ("stem", "block1_a", "block1_b", "block2_a", "block2_b", "head")


@pytest.mark.parametrize(
    "renamed",
    [
        lambda name: f"net_{name}",
        lambda name: f"{name}_v2",
        lambda name: "".join(part.capitalize() for part in name.split("_")),
    ],
    ids=["prefix", "suffix", "capitals"],
)
@pytest.mark.parametrize("gone", range(1, 6))
def test_a_scheme_changed_as_a_whole_keeps_its_layers(renamed: Callable[[str], str], gone: int) -> None:
    new = [renamed(name) for place, name in enumerate(PLAIN) if place != gone]
    pairs = told(layered(*PLAIN, seed=1), layered(*new, seed=50))
    expected = {name: renamed(name) for place, name in enumerate(PLAIN) if place != gone}
    assert {before: after for before, after in pairs.items() if before in PLAIN} == expected


def test_a_word_that_some_names_share_is_no_scheme() -> None:
    pairs = told(layered(*PLAIN, seed=1), layered(*(f"{name}_v2" for name in PLAIN[:3]), *PLAIN[3:], seed=50))
    assert pairs["block2_a"] == "block2_a"
    assert pairs["block1_a"] == "block1_a_v2"
