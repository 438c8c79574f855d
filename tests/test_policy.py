# Policies on models in a few lines of text: what meets a term, what cannot be judged, what is no term at all.
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from models import model, weight

from modeldiff import Kind, compare
from modeldiff.changes import Options
from modeldiff.cli import main
from modeldiff.errors import UsageError
from modeldiff.graph import Fact, Note
from modeldiff.policy import Limit, judge, parse, refuse_blind

TEXT = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4{a}) <- x
    b: Dense(units={b}) <- a
    outputs: b
"""
MISSING = Note("a", "its class has 2 weights, the file holds none", Fact.WEIGHTS_MISSING)


def made(a="", b=4, **about):
    return replace(model(TEXT.format(a=a, b=b), path=about.pop("path", "m.h5")), **about)


def lines(old, new, *terms, **options):
    return [one.line for one in judge(compare(old, new, options=Options(**options)), parse(terms))]


# --- words ------------------------------------------------------------------------------------------------------


def test_every_impact_kind_and_fact_is_a_term():
    words = ["any", "cosmetic", "interface", *(kind.value for kind in Kind), *(fact.value for fact in Fact)]
    assert [term.text for term in parse([",".join(words)])] == words


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("params>+5%", Limit("params", above=True, bound=5, relative=True, share=True)),
        ("params<-10%", Limit("params", above=False, bound=-10, relative=True, share=True)),
        ("params > 100_000", Limit("params", above=True, bound=100_000, relative=False, share=False)),
        ("bytes>+1000", Limit("bytes", above=True, bound=1000, relative=True, share=False)),
        ("bytes<0.5", Limit("bytes", above=False, bound=0.5, relative=False, share=False)),
    ],
)
def test_limits(text, limit):
    assert [term.asks for term in parse([text])] == [limit]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("frozen-move", "did you mean 'frozen-moved'?"),
        ("layers-removed", "did you mean 'layer-removed'?"),
        ("everything-at-all", "one of any,"),
        ("params", "quote it"),
        ("params>=5", "is no limit"),
        ("params>5%", "per cent of what"),
        ("params>-5%", "nearly everything"),
        ("params<+5%", "nearly everything"),
        ("bytes>1MB", "is no limit"),
        ("weights>5", "is no limit"),
        ("params>٣", "is no limit"),
        ("", "no policy is named"),
        (" , ", "no policy is named"),
    ],
)
def test_what_is_no_term_is_refused_with_a_hint(text, told):
    with pytest.raises(UsageError, match="--fail-on") as error:
        parse([text])
    assert told in str(error.value)


# --- judging ----------------------------------------------------------------------------------------------------


def test_a_model_compared_with_itself_meets_nothing():
    poor = made(notes=(MISSING, Note("", "the file has 1 weight of 'z'", Fact.ORPHAN_WEIGHTS)))
    terms = ["any", *(kind.value for kind in Kind), *(fact.value for fact in Fact), "params>+0", "bytes<-0"]
    assert lines(poor, poor, *terms) == []


def test_an_impact_is_met_by_graver_ones_and_says_where_and_what():
    old, new = made(), made(a=", use_bias=False")
    assert lines(old, new, "cosmetic")[0] == "--fail-on cosmetic: a: use_bias: True → False"
    assert lines(old, new, "interface") == []
    assert [line.split(": ")[1] for line in lines(old, new, "weight-removed")] == ["a"]


def test_only_counted_names_that_differ_are_a_difference_too():
    text = TEXT.format(a=", w=1", b=4)
    old, new = (model(text.replace("a:", f"{name}:").replace("<- a", f"<- {name}")) for name in ("dense", "dense_7"))
    assert lines(old, new, "any") == ["--fail-on any: dense_7: renumbered, was dense"]
    assert lines(old, new, "numeric") == []


def test_a_fact_is_met_with_its_layer():
    old, new = made(a=", trainable=False, w=1"), made(a=", trainable=False, w=2")
    assert lines(old, new, "frozen-moved") == [
        "--fail-on frozen-moved: a: frozen on both sides, yet kernel and bias changed"
    ]


@pytest.mark.parametrize(
    ("terms", "met"),
    [
        ("params>+5%", True), ("params>+60%", False), ("params>+20", False), ("params>+19", True), ("params>75", True),
        ("params>76", False), ("params<77", True), ("params<-1%", False), ("bytes>+35%", True), ("bytes>+304", False),
    ],
)  # fmt: skip
def test_limits_of_size(terms, met):
    old, new = made(), made(b=8)  # 56 and 76 parameters
    assert bool(lines(old, new, terms)) is met


def test_a_limit_tells_both_sizes():
    assert lines(made(b=8), made(), "params<-10%") == ["--fail-on params<-10%: the model: params: 76 → 56, −26 %"]


def test_growing_from_nothing_is_more_than_any_share():
    text = "x: InputLayer(batch_shape=[None, 8])\n{}outputs: {}"
    old, new = model(text.format("", "x")), model(text.format("a: Dense(units=4) <- x\n", "a"))
    assert lines(old, new, "params>+1000%")


# --- what one file lacks ------------------------------------------------------------------------------------------


def without(name, held):
    """The model whose layer `name` holds its first `held` weights."""
    made_ = made()
    layers = [replace(one, weights=one.weights[:held]) if one.name == name else one for one in made_.graph.layers]
    text = f"its class has 2 weights, the file holds {held or 'none'}"
    return replace(
        made_, graph=replace(made_.graph, layers=tuple(layers)), notes=(Note(name, text, Fact.WEIGHTS_MISSING),)
    )


@pytest.mark.parametrize(
    ("old", "new", "met"),
    [(2, 0, True), (0, 0, False), (1, 0, True), (0, 1, False), (0, 2, False)],
    ids=["lost", "still missing", "lost more", "found some", "found all"],
)
def test_missing_weights_count_where_the_new_side_is_worse(old, new, met):
    sides = [made() if held == 2 else without("a", held) for held in (old, new)]
    assert bool(lines(*sides, "weights-missing")) is met


def test_orphans_of_the_new_file_count():
    note = Note("", "the file has 3 weights of 'z', which is not in the configuration", Fact.ORPHAN_WEIGHTS)
    assert lines(made(), made(notes=(note,)), "orphan-weights") == [
        f"--fail-on orphan-weights: the new file: {note.text}"
    ]
    assert lines(made(notes=(note,)), made(), "orphan-weights") == []


# --- what cannot be judged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term", ["frozen-moved", "broken", "unmoved", "statistics-reset", "reordered", "weight-changed"]
)
def test_what_only_values_tell_is_refused_without_them(term):
    with pytest.raises(UsageError, match=f"--fail-on {term}.*leave out --no-weights"):
        refuse_blind(parse([term]), "--no-weights")
    refuse_blind(parse(["any", "functional", "params>+5%", "code", "weights-missing"]), "--no-weights")


@pytest.mark.parametrize(
    ("term", "about", "why"),
    [
        ("broken", {"has_weights": False}, "holds no weights"),
        ("params>+5%", {"has_weights": False}, "holds no weights"),
        ("frozen-moved", {"has_config": False}, "which layers are trainable"),
        ("weights-missing", {"has_config": False}, "no configuration"),
    ],
)
def test_what_the_files_do_not_hold_cannot_be_judged(term, about, why):
    with pytest.raises(UsageError, match=why):
        lines(made(), made(path="new.h5", **about), term)


def test_a_policy_that_cannot_be_judged_leaves_no_output(tmp_path, capsys):
    sample = Path(__file__).parent.parent / "samples" / "layer-renamed" / "new.h5"
    bare = tmp_path / "model.json"
    with h5py.File(sample) as file:
        bare.write_text(file.attrs["model_config"])
    out = tmp_path / "report.md"
    assert main([str(sample), str(bare), "--fail-on", "broken", "-o", str(out)]) == 2
    assert "model.json holds no weights" in capsys.readouterr().err
    assert not out.exists()


def test_values_that_cannot_be_read_cannot_be_judged():
    unread = made()
    layers = [replace(one, weights=tuple(replace(w, source=None) for w in one.weights)) for one in unread.graph.layers]
    unread = replace(unread, graph=replace(unread.graph, layers=tuple(layers)))
    with pytest.raises(UsageError, match="the values of a/kernel and 3 more were not compared"):
        lines(made(), unread, "broken")
    assert lines(made(b=8), unread, "broken,functional")  # what is met is told all the same


def test_new_layers_with_values_that_are_no_numbers_are_broken():
    def side(*names):
        text = "x: InputLayer(batch_shape=[None, 8])\n" + "".join(f"{name}: Dense(units=4) <- x\n" for name in names)
        return model(text + f"outputs: {names[0]}")

    new = side("a", "b")
    broken = weight("kernel", np.full((8, 4), np.nan, np.float32))
    layers = [replace(one, weights=(broken, *one.weights[1:])) if one.name == "b" else one for one in new.graph.layers]
    new = replace(new, graph=replace(new.graph, layers=tuple(layers)))
    assert lines(side("a"), new, "broken") == ["--fail-on broken: b: kernel holds 32 NaN or infinite values"]
    assert lines(side("a"), side("a", "b"), "broken") == []
