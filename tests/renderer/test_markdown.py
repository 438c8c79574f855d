"""The comment: within its budget and well formed, whatever the names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from models import model

from modeldiff import Layer, compare, render
from modeldiff.graph import Call, Graph, Model, TensorRef
from modeldiff.renderer.markdown import BUDGET, code

GFM = MarkdownIt("commonmark").enable("table")
HOSTILE = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "a|b",
        "`",
        "``|``",
        "<script>alert(1)</script>",
        "a\nb",
        "\x1b[31m",
        "\\",
        "a\\|b",
        "](x)",
        "-->",
        "@all",
        "\u202e",
    ]
)


def chain(names: list[str], *, different: int = 9999) -> Model:
    """Something else is told of each of the first `different` layers, and the same of all that follow."""
    layers = [Layer("x", "InputLayer", calls=(Call(),))]
    for name in names:
        units = min(len(layers), different)
        layers.append(Layer(name, "Dense", {"units": units}, (Call((TensorRef(layers[-1].name),)),)))
    graph = Graph(tuple(layers), (TensorRef("x"),), (TensorRef(layers[-1].name),))
    return Model("m", "m.h5", "keras-h5", graph)


@given(HOSTILE)
def test_a_code_span_shows_any_text_as_one_span(text: str) -> None:
    (paragraph,) = [token for token in GFM.parse(code(text)) if token.type == "inline"]
    assert [token.type for token in paragraph.children or []] == ["code_inline"]


@given(st.lists(HOSTILE.filter(bool), unique=True, min_size=1, max_size=30))
@settings(deadline=None)
def test_tables_are_well_formed_whatever_the_names(names: list[str]) -> None:
    names = [name for name in names if name != "x"]
    text = render(compare(chain([]), chain(names)), "md")
    assert "\x1b" not in text
    tokens = GFM.parse(text)
    rows = [token for token in tokens if token.type == "tr_open"]
    cells = [token for token in tokens if token.type in {"td_open", "th_open"}]
    assert len(cells) == 4 * len(rows)
    assert len(rows) - text.count("| impact |") == len(names)


@given(st.lists(HOSTILE.filter(lambda name: name not in {"", "x"}), unique=True, min_size=21, max_size=24))
@settings(deadline=None)
def test_rows_that_say_the_same_are_one_well_formed_row(names: list[str]) -> None:
    text = render(compare(chain([]), chain(names, different=1)), "md")
    assert f" ({len(names)} layers) | Dense, 1 unit | functional |" in text
    tokens = GFM.parse(text)
    assert sum(token.type == "tr_open" for token in tokens) == 2
    assert sum(token.type in {"td_open", "th_open"} for token in tokens) == 8


def test_folds_are_counted_by_their_layers() -> None:
    names = [f"n{index}" for index in range(35)]
    text = render(compare(chain([]), chain(names, different=31)), "md")
    assert "<summary>15 more layers" in text
    assert "| + | `n30` to `n34` (5 layers) | Dense, 31 units | functional |" in text


@pytest.mark.parametrize(("layers", "length"), [(3000, 10), (400, 3000)])
def test_the_budget_holds_for_any_model(layers: int, length: int) -> None:
    names = [f"{'n' * length}{index}" for index in range(layers)]
    text = render(compare(chain([]), chain(names)), "md")
    assert len(text) <= BUDGET
    assert "more in the report" in text


def test_the_comment_says_the_verdict_first_and_carries_its_marker() -> None:
    old = model("x: InputLayer(batch_shape=[None, 4])\na: Dense(units=4) <- x")
    new = model("x: InputLayer(batch_shape=[None, 4])\na: Dense(units=4, activation='relu') <- x")
    lines = render(compare(old, new), "md").splitlines()
    assert lines[0].startswith("<!-- modeldiff: ")
    assert lines[1] == "**Architecture changed: `activation` of `a` is `relu`, was default**"


def test_our_own_words_never_notify_or_link_what_a_file_says() -> None:
    built = chain(["a"])
    hostile = "@octocat https://evil.example www.evil.example *x*"
    layers = (*built.graph.layers, Layer("b", hostile, calls=(Call((TensorRef("a"),)),)))
    text = render(compare(built, Model("m", "m.h5", "keras-h5", Graph(layers, (TensorRef("x"),)))), "md")
    outside = re.sub(r"(`+).*?\1", "", text)
    assert "octocat" in text
    assert not re.search(r"@\w|://|www\.", outside)
