# Pictures that would be too wide fold what stands side by side. Plain data first, then the size of the drawn file.
from __future__ import annotations

import re

import pytest
from models import model
from situations import situation

from modeldiff import compare, diagram, render
from modeldiff.changes import is_incidental
from modeldiff.diagram import NARROWER, OUTSIDE, Body, Card, Fold, Folding, FoldKind, Group, build


def wide(branches: int, *, units: int = 8) -> str:
    """A layer, many branches of two layers, and where they meet."""
    lines = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8) <- x"]
    for branch in range(branches):
        lines.append(f"b{branch}_fc: Dense(units={units if branch == 1 else 8}) <- stem")
        lines.append(f"b{branch}_act: ReLU <- b{branch}_fc")
    met = ", ".join(f"b{branch}_act" for branch in range(branches))
    return "\n".join([*lines, f"met: Concatenate <- {met}", "head: Dense(units=2) <- met", "outputs: head"])


INPUTS = """
    i1: InputLayer(batch_shape=[None, 8])
    i2: InputLayer(batch_shape=[None, 8])
    i3: InputLayer(batch_shape=[None, 8])
    i4: InputLayer(batch_shape=[None, 8])
    first: Concatenate <- i1, i2, i3, i4
    fc: Dense(units=8) <- first
    second: Concatenate <- fc, i1, i2, i3, i4
    outputs: second
"""


def names(rows):
    return [row.address.partition("=")[2] for row in rows]


def bodies(body: Body):
    yield body
    for box in body.boxes:
        if isinstance(box, (Fold, Group)):
            yield from bodies(box.body)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("abreast", NARROWER)
def test_folding_for_width_loses_no_layer_and_hides_no_change(seed, abreast):
    pair = situation(seed)
    result = compare(pair.old, pair.new)
    told = {change.site.address for change in result.changes if not is_incidental(change)}
    picture = build(result, abreast=abreast).body
    assert sorted(row.address for row in picture.rows()) == sorted(site.address for site in result.sites())
    for body in bodies(picture):
        for box in body.boxes:
            if isinstance(box, Fold) and box.kind is FoldKind.UNCHANGED:
                assert not told & {row.address for row in box.body.rows()}
        for line in body.lines:
            assert all(end.box == OUTSIDE or 0 <= end.box < len(body.boxes) for end in (line.source, line.target))
    alone = build(pair.new, abreast=abreast).body
    assert len(list(alone.rows())) == len(list(build(pair.new).body.rows()))


def test_parallel_branches_are_one_line_that_counts_them():
    boxes = build(model(wide(7)), abreast=(3, False)).body.boxes
    assert [type(box) for box in boxes] == [Card, Fold, Card]
    assert (boxes[1].kind, len(list(boxes[1].body.rows()))) == (FoldKind.BUNDLE, 14)
    assert len(build(model(wide(3)), abreast=(3, False)).body.boxes) == 5


def test_a_changed_branch_stands_beside_the_fold_of_the_others():
    result = compare(model(wide(7)), model(wide(7, units=9)))
    body = build(result, folding=Folding(context=2), abreast=(3, False)).body
    folds = [box for box in body.boxes if isinstance(box, Fold)]
    assert [(fold.kind, len(list(fold.body.rows()))) for fold in folds] == [(FoldKind.UNCHANGED, 12)]
    assert "b1_fc" in {name for box in body.boxes if isinstance(box, Card) for name in names(box.rows)}


def test_changes_are_folded_only_where_nothing_else_helps():
    result = compare(model(wide(9)), model(wide(9).replace("units=8", "units=9")))
    shown = {
        abreast: sum(len(box.rows) for box in build(result, abreast=abreast).body.boxes if isinstance(box, Card))
        for abreast in NARROWER
    }
    assert min(shown[abreast] for abreast in NARROWER if not abreast[1]) > 9
    assert shown[2, True] < 9


def test_inputs_that_feed_the_same_layers_share_a_card_and_its_lines():
    body = build(model(INPUTS)).body
    assert names(body.boxes[0].rows) == ["i1", "i2", "i3", "i4"]
    assert (body.boxes[0].abreast, len(body.lines)) == (True, 8)
    assert render(model(INPUTS), "svg").count('<path class="e') == 2
    dot = render(model(INPUTS), "dot")
    assert (dot.count(" -> n_1_0"), dot.count(" -> n_1_2"), dot.count("-> n_0_")) == (4, 5, 0)
    one_less = INPUTS.replace("fc, i1, i2, i3, i4", "fc, i1, i2, i3")
    apart = [names(box.rows)[:2] for box in build(model(one_less)).body.boxes]
    assert apart == [["i1", "i2"], ["i4", "first"]]
    narrow = build(model(one_less), abreast=(3, False)).body
    assert names(narrow.boxes[0].rows) == ["i1", "i2", "i3", "i4"]


def test_inputs_of_different_calls_of_a_shared_layer_stay_apart():
    text = """
        a: InputLayer(batch_shape=[None, 8])
        b: InputLayer(batch_shape=[None, 8])
        c: InputLayer(batch_shape=[None, 8])
        shared: Dense(units=4) <- a <- b <- c
        outputs: shared, shared@1, shared@2
    """
    assert [names(box.rows) for box in build(model(text)).body.boxes][:3] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("subject", ["one", "pair", "all changed", "outputs"])
def test_a_wide_model_is_drawn_so_that_its_names_can_be_read(subject):
    new = wide(12).replace("ReLU", "ELU") if subject == "all changed" else wide(12, units=9)
    if subject == "outputs":
        heads = [f"h{head}: Dense(units=2) <- stem" for head in range(14)]
        outputs = ", ".join(f"h{head}" for head in range(14))
        new = "\n".join([*wide(1).splitlines()[:2], *heads, f"outputs: {outputs}"])
    drawn = render(model(new) if subject in {"one", "outputs"} else compare(model(wide(12)), model(new)), "svg")
    width = int(re.search(r'viewBox="0 0 (\d+) ', drawn)[1])
    assert width <= 1000
    assert 12.5 * min(1, 830 / width) >= 9


def test_who_asks_for_context_gets_it_however_wide_it_is():
    result = compare(model(wide(12)), model(wide(12, units=9)))
    picture = diagram.build(result, folding=Folding(context=99))
    width = int(re.search(r'viewBox="0 0 (\d+) ', render(result, "svg", folding=picture.folding))[1])
    assert width > 2000
