"""The words of values, numbers and changes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from modeldiff.changes import (
    ABSENT,
    ConfigChanged,
    Endpoint,
    InputsRewired,
    InterfaceChanged,
    LayerMoved,
    MetadataChanged,
    Moments,
    Movement,
    Nature,
    Port,
    Site,
    WeightChanged,
    WeightReshaped,
)
from modeldiff.report import words
from modeldiff.report.words import message, plain

HERE = Site(("a",), ("a",))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0123, "1.2 %"),
        (0.126, "13 %"),
        (0.0012, "0.1 %"),
        (0.00012, "0.01 %"),
        (0.99996, "100 %"),
        (1e-9, "<0.0001 %"),
        (42.0, "4,200 %"),
        (math.inf, "∞"),
    ],
)
def test_a_share_is_told_with_two_digits(share: float, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.999999747378752e-05, "0.0001"),
        (0.30000001192092896, "0.3"),
        (1.0, "1"),
        (0.1234567, "0.1234567"),
        (float("nan"), "nan"),
    ],
)
def test_a_setting_is_told_as_it_was_typed(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        ("", '""'),
        ([3, 3], "[3, 3]"),
        ({"class_name": "L2", "config": {"l2": 0.01}}, "L2(l2=0.01)"),
        ({"a": {"b": 1}}, "{a: {b: 1}}"),
        ({"class_name": "Sequential", "config": [1]}, "{class_name: Sequential, config: [1]}"),
        ({"class_name": "Odd", "config": 3}, "{class_name: Odd, config: 3}"),
        ({"class_name": "Zeros", "config": None}, "Zeros()"),
        ([{"slice": [None, None, None]}, -1], "[:, -1]"),
        ({"slice": [1, None, 2]}, "1::2"),
        ({"slice": [0, 3, None]}, "0:3"),
        ({"slice": [0]}, "{slice: [0]}"),
    ],
)
def test_a_config_value_reads_like_python(value: object, text: str) -> None:
    assert words.value_text(value) == text


def test_a_long_value_is_cut_in_a_sentence_and_whole_in_the_table() -> None:
    long = list(range(100))
    assert len(plain(words.value(long))) == 80
    assert words.value_text(long).endswith("98, 99]")
    assert plain(words.value({"class_name": "Quantizer", "config": {"range": long}})) == "Quantizer(…)"


def test_a_key_that_is_not_written_has_its_default_and_a_setting_that_is_not_there_is_absent() -> None:
    assert plain(message(ConfigChanged(HERE, "groups", ABSENT, None), {})) == "groups: default → None"
    assert plain(message(MetadataChanged(HERE, "loss", ABSENT, "mse"), {})) == "loss: absent → mse"


def ends(*names: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint((name,)) for name in names)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (("a",), ("b",), "input: a → b"),
        (("a", "b"), ("a", "c"), "input 2: b → c"),
        (("a", "b"), ("b", "a"), "inputs reordered: a, b → b, a"),
        (("a",), ("a", "b"), "inputs: a → a, b"),
        (("a", "b"), ("a", "b", "c"), "input 3 added: c"),
        (("a", "b", "c", "a"), ("b", "c"), "inputs 1, 4 removed: a, a"),
        (("was", "b"), ("now", "a", "b"), "input 2 added: a"),
        (("was", "b"), ("was", "now", "b"), "input 1 added: was"),
        (("was", "b", "c"), ("b", "now"), "inputs: was, b, c → b, now"),
        (("a", "b"), tuple("aabccabb"), "6 inputs added: a, c, c, a, b, b"),
        (("was", "b"), ("now", "c"), "input 2: b → c"),
        ((), ("a",), "now also called on a"),
        (("a",), (), "no longer called on a"),
    ],
)
def test_only_the_input_that_changed_is_named(before: tuple[str, ...], after: tuple[str, ...], text: str) -> None:
    partners = {(name,): (name,) for name in "abc"} | {("was",): ("now",)}
    change = InputsRewired(HERE, 0, ends(*before), ends(*after))
    assert plain(message(change, partners)) == text


def test_a_later_call_is_named() -> None:
    change = InputsRewired(HERE, 1, ends("a"), ends("b"))
    assert plain(message(change, {})) == "call 2: input: a → b"


def test_ports_are_told_with_keras_shapes() -> None:
    before, after = (Port(("x",), (None, 10), "float32"), Port(("x",), (None, 12), "float32"))
    text = plain(message(InterfaceChanged(HERE, "output", (before,), (after,)), {}))
    assert text == "output shape (None, 10) → (None, 12)"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [((), ("e",), "moved into e"), (("e",), (), "moved out of e"), (("e",), ("f", "g"), "moved from e to f/g")],
)
def test_a_move_names_the_parents(before: tuple[str, ...], after: tuple[str, ...], text: str) -> None:
    assert plain(message(LayerMoved(HERE, before, after), {})) == text


def movement(relative_l2: float = 0.0123, **new: int) -> Movement:
    moments = {"mean": 0.0, "std": 1.0, "min": -1.0, "max": 1.0, "zeros": 0, "nan": 0, "inf": 0}
    return Movement(0.1, 0.01, relative_l2, 0.001, 0.75, Moments(**moments), Moments(**{**moments, **new}))


@pytest.mark.parametrize(
    ("nature", "proof", "text"),
    [
        (Nature.FINE_TUNED, {}, "kernel fine-tuned by 1.2 %"),
        (
            Nature.REINITIALISED,
            {"correlation": 0.001},
            "kernel re-initialised: uncorrelated with the old (correlation 0.00)",
        ),
        (Nature.REINITIALISED, {"zeros": 1.0}, "kernel re-initialised: only zeros and ones now"),
        (Nature.PRUNED, {"zeros": 0.75}, "kernel pruned: 75 % zeros, the rest equal"),
        (Nature.PRUNED, {"zeros": 0.5, "rest": 0.012}, "kernel pruned: 50 % zeros, the rest moved by 1.2 %"),
        (Nature.SCALED, {"factor": 0.5}, "kernel scaled by 0.5"),
        (Nature.SCALED, {"factor": 0.99998}, "kernel scaled by 0.99998"),
        (
            Nature.SCALED,
            {"factors": 16, "lowest": 0.5, "highest": 2},
            "kernel scaled by 0.5 to 2, one factor for each of 16 units",
        ),
        (Nature.RECAST, {"bits": 16, "fraction": 10}, "kernel recast: the old values rounded to float16"),
        (Nature.RECAST, {"bits": 16, "fraction": 7}, "kernel recast: the old values rounded to bfloat16"),
        (Nature.QUANTISED, {"levels": 16}, "kernel quantised to 16 levels, moved by 1.2 %"),
        (
            Nature.LOW_RANK,
            {"rank": 4, "energy": 0.99996},
            "kernel low rank: rank 4 holds 99.99 % of the change, moved by 1.2 %",
        ),
        (
            Nature.RETRAINED,
            {"correlation": 0.834},
            "kernel retrained, moved by 1.2 % (correlation 0.83)",
        ),
        (Nature.UNKNOWN, {}, "kernel moved by 1.2 %"),
        (Nature.BROKEN, {}, "kernel broken: 3 NaN that were finite"),
    ],
)
def test_a_nature_comes_with_its_number(nature: Nature, proof: dict[str, float], text: str) -> None:
    moved = movement(nan=3) if nature is Nature.BROKEN else movement()
    change = WeightChanged(HERE, "kernel", (2, 2), "float32", moved, nature, proof)
    assert plain(message(change, {})) == text


def test_a_weight_that_was_all_zeros_has_no_relative_distance() -> None:
    change = WeightChanged(HERE, "bias", (2,), "float32", movement(math.inf))
    assert plain(message(change, {})) == "bias moved from all zeros"


def test_a_resized_weight_says_what_is_proven() -> None:
    change = WeightReshaped(HERE, "kernel", ((4, 10), "float32"), ((4, 12), "float32"), Nature.RESIZED)
    assert plain(message(change, {})) == "kernel: 4×10 → 4×12, the overlap is equal"


def test_a_view_of_a_resized_weight_tells_its_shape_once() -> None:
    change = WeightReshaped(HERE, "kernel", ((4, 10), "float32"), ((4, 12), "float32"), Nature.RESIZED)
    assert words.proven(change) == "the overlap is equal"
    assert words.proven(replace(change, nature=Nature.UNKNOWN)) == ""


@pytest.mark.parametrize(
    ("distance", "old_std", "text"),
    [
        (99.0, 1e-6, "bias moved by 9,900 %"),
        (4.2e7, 1e-9, "bias moved from near zero"),
        (math.inf, 0.0, "bias moved from all zeros"),
        (400.0, 1.0, "bias moved by 400 times the old size"),
    ],
)
def test_a_distance_from_next_to_nothing_is_told_without_per_cent(distance: float, old_std: float, text: str) -> None:
    moved = movement(distance)
    moved = replace(moved, old=replace(moved.old, std=old_std))
    assert plain(message(WeightChanged(HERE, "bias", (2,), "float32", moved), {})) == text
