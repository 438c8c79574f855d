# One model in each medium: the page's statistics, the lists that fold where the picture folds, the data.
from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from contract import parse
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from models import model, weight

from modeldiff import compare, render, report, survey
from modeldiff.graph import Call, Graph, Layer, Model, TensorRef
from modeldiff.renderer.outline import Repeat, outline, repeats

GFM = MarkdownIt("commonmark").enable("table")


def blocks(times: int, prefix: str = "") -> str:
    """A stem, `times` residual blocks built alike, a head."""
    lines, before = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8, use_bias=False) <- x"], "stem"
    for number in range(times):
        lines += [f"a{number}: Dense(units=8) <- {before}", f"n{number}: LayerNormalization <- a{number}"]
        lines += [f"s{number}: Add <- n{number}, {before}"]
        before = f"s{number}"
    lines += [f"head: Dense(units=3) <- {before}", "outputs: head"]
    return "\n".join(prefix + line for line in lines)


def flat(text: str) -> list[str | tuple[int, int]]:
    """What the outline of a model tells: names, and how many layers come again how often."""
    return [
        (one.times, len(one.views)) if isinstance(one, Repeat) else one.name
        for one in outline(report.build(model(text)))
    ]


def test_repeated_blocks_are_told_once_and_counted():
    assert flat(blocks(12)) == ["x", "stem", "a0", "n0", "s0", (11, 33), "head"]
    assert flat(blocks(2)) == ["x", "stem", "a0", "n0", "s0", "a1", "n1", "s1", "head"]


def test_a_block_has_its_size():
    built = report.build(model(blocks(12)))
    (repeat,) = repeats(built)
    assert repeat.block == "12 × (3 layers, 72 parameters)"
    assert repeat.words == "×11 more like the 3 layers above"
    assert [view.name for view in repeat.first] == ["a0", "n0", "s0"]
    uneven = replace(repeat, views=(replace(repeat.views[0], parameters=(None, 1)), *repeat.views[1:]))
    assert uneven.block == "12 × (3 layers), 793 parameters together"


def test_repeats_inside_a_sub_model_are_found_and_every_layer_is_told():
    text = f"i: InputLayer(batch_shape=[None, 8])\nenc: Functional <- i\n{blocks(5, '    ')}\ntop: Dense(units=2) <- enc\noutputs: top"
    found = flat(text)
    assert found[:3] == ["i", "enc", "x"]
    assert (4, 12) in found
    assert found[-1] == "top"
    assert sum(one[1] if isinstance(one, tuple) else 1 for one in found) == len(report.build(model(text)).layers)


def test_terminal_and_comment_fold_as_the_picture_does():
    made = model(blocks(60))
    text, comment, picture = (render(made, medium) for medium in ("txt", "md", "svg"))
    assert "×59 more like the 3 layers above" in text
    assert len(text.splitlines()) < 24
    assert "| ×59 more like the 3 layers above | | | | 4,248 |" in comment
    assert "×59 more like above" in picture


@given(st.lists(st.sampled_from(["a|b", "`", "``|``", "<b>", "a\nb", "](x)", "-->", "@all", "x" * 300]), unique=True))
@settings(deadline=None, max_examples=20)
def test_a_table_of_layers_is_well_formed_whatever_the_names(names: list[str]) -> None:
    layers = [Layer("in", "InputLayer", calls=(Call(),))]
    for name in names:
        layers.append(Layer(name, name, {"units": 1}, (Call((TensorRef(layers[-1].name),)),)))
    one = Model("m", "m.h5", "keras-h5", Graph(tuple(layers), (TensorRef("in"),), (TensorRef(layers[-1].name),)))
    text = render(one, "md")
    assert "| layer | class | config | output shape | parameters |" in text
    tokens = GFM.parse(text)
    rows = sum(token.type == "tr_open" for token in tokens)
    assert sum(token.type in {"td_open", "th_open"} for token in tokens) == 5 * rows


def spoilt() -> Model:
    """A kernel with a NaN, another of zeros."""
    made = model("x: InputLayer(batch_shape=[None, 8])\na: Dense(units=9) <- x\nb: Dense(units=9) <- a\noutputs: b")
    x, a, b = made.graph.layers
    kernel = np.random.default_rng(0).standard_normal((8, 9), np.float32)
    kernel[2, 3] = np.nan
    a = replace(a, weights=(weight("kernel", kernel), *a.weights[1:]))
    b = replace(b, weights=(weight("kernel", np.zeros((9, 9), np.float32)), *b.weights[1:]))
    return replace(made, graph=replace(made.graph, layers=(x, a, b)))


@pytest.mark.parametrize("format", ["txt", "md", "html"])
def test_what_is_worth_a_look_is_told_in_every_medium(format):
    text = re.sub(r"<[^>]*>|[`*]|\s+", " ", render(survey(spoilt()), format))
    assert "1 NaN of 72 values" in text
    assert "every entry is 0" in text
    assert "orth a look" in text
    healthy = render(survey(model(blocks(2))), format)
    assert "orth a look" not in healthy
    assert "not read" not in healthy
    assert "The values of the weights were not read" in render(model(blocks(2)), format)


def test_data_of_one_model_has_statistics_where_values_were_read():
    (kernel, bias) = parse(render(survey(spoilt()), "json"))["layers"][1]["weights"]
    assert (kernel["stats"]["nan"], kernel["stats"]["zeros"]) == (1, 0)
    assert set(bias["stats"]) == {"mean", "std", "min", "max", "zeros", "nan", "inf"}
    assert all("stats" not in one for layer in parse(render(spoilt(), "json"))["layers"] for one in layer["weights"])


def test_what_is_small_has_no_tables():
    text = render(survey(model("x: InputLayer(batch_shape=[None, 8])\na: Dense(units=2) <- x\noutputs: a")), "html")
    for title in ("Largest layers", "Layers by class", "Repeated blocks", "Custom classes", "Where the parameters are"):
        assert title not in text
    assert "Search 2 layers" in text


def test_nothing_unchanged_is_not_told():
    text = model("a: Dense(units=2)")
    other = replace(text, graph=replace(text.graph, layers=(replace(text.graph.layers[0], config={"units": 3}),)))
    assert not re.search(r"\b0 layers unchanged", render(compare(text, other), "html"))
