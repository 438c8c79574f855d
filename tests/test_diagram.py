# Laws of the picture, on plain data: nothing here needs Graphviz. Random pairs come from `situations`.
from __future__ import annotations

import pytest
from models import model
from situations import situation

from modeldiff import compare
from modeldiff.changes import DiffResult, is_incidental
from modeldiff.diagram import (
    FEWER,
    OUTSIDE,
    Body,
    Card,
    Fold,
    Folding,
    FoldKind,
    Group,
    Presence,
    Trace,
    build,
    build_side,
)

RESIDUAL = """
    x: InputLayer(batch_shape=[None, 8])
    stem: Dense(units=8) <- x
    a1: Dense(units=8) <- stem
    a2: ReLU <- a1
    a_add: Add <- a2, stem
    b1: Dense(units=8) <- a_add
    b2: ReLU <- b1
    b_add: Add <- b2, a_add
    c1: Dense(units=8) <- b_add
    c2: ReLU <- c1
    c_add: Add <- c2, b_add
    head: Dense(units=2) <- c_add
    outputs: head
"""
GROUPED = """
    x: InputLayer(batch_shape=[None, 8])
    encoder: Functional <- x
        ex: InputLayer(batch_shape=[None, 8])
        e1: Dense(units=8) <- ex
        e2: Dense(units=8) <- e1
        outputs: e2
    head: Dense(units=2) <- encoder
    outputs: head
"""


def diff(old: str, new: str) -> DiffResult:
    return compare(model(old), model(new))


WIDE = Folding(context=99)
"""Every layer of a small picture is near a change."""


def bodies(body: Body):
    yield body
    for box in body.boxes:
        if isinstance(box, (Fold, Group)):
            yield from bodies(box.body)


def boxes(subject, kind, **options):
    return [box for body in bodies(build(subject, **options).body) for box in body.boxes if isinstance(box, kind)]


def names(rows):
    return [row.address.partition("=")[2] for row in rows]


def name(body: Body, end):
    """What one end of a line is called: by its row or its kind of box."""
    if end.box == OUTSIDE:
        return "outside"
    box = body.boxes[end.box]
    return names(box.rows)[end.row] if isinstance(box, Card) else type(box).__name__


def ends(body: Body):
    """Every line as (maker, taker, presence)."""
    return {(name(body, line.source), name(body, line.target), line.presence.value) for line in body.lines}


@pytest.mark.parametrize("seed", range(40))
def test_every_layer_stands_exactly_once(seed):
    pair = situation(seed)
    result = compare(pair.old, pair.new)
    rows = [row.address for row in build(result).body.rows()]
    assert sorted(rows) == sorted(site.address for site in result.sites())
    assert [row.address for row in build(pair.new).body.rows()] != []
    alone = sorted(row.address for row in build(pair.new).body.rows())
    assert alone == sorted("layer=" + row.partition("=")[2] for row in alone)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("side", ["old", "new"])
def test_one_side_has_its_own_layers_under_the_addresses_of_the_comparison(seed, side):
    pair = situation(seed)
    result = compare(pair.old, pair.new)
    picture = build_side(result, side)
    expected = [site.address for site in result.sites() if getattr(site, side) is not None]
    assert sorted(row.address for row in picture.body.rows()) == sorted(expected)
    assert {line.presence for body in bodies(picture.body) for line in body.lines} <= {Presence.KEPT}


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("limit", [320, 4])
def test_a_fold_of_unchanged_layers_hides_no_change(seed, limit):
    pair = situation(seed)
    result = compare(pair.old, pair.new)
    told = {change.site.address for change in result.changes if not is_incidental(change)}
    for fold in boxes(result, Fold, limit=limit):
        if fold.kind is FoldKind.UNCHANGED:
            assert not told & {row.address for row in fold.body.rows()}
            assert all(row.presence is Presence.KEPT and not row.touched for row in fold.body.rows())
    for body in bodies(build(result, limit=limit).body):
        for line in body.lines:
            for end in (line.source, line.target):
                assert end.box == OUTSIDE or 0 <= end.box < len(body.boxes)


def test_nothing_changed_folds_to_one_line_between_input_and_output():
    picture = build(diff(RESIDUAL, RESIDUAL)).body
    assert [type(box) for box in picture.boxes] == [Card, Fold, Card]
    assert len(list(picture.rows())) == 12


def test_a_change_keeps_as_many_neighbours_as_asked():
    result = diff(RESIDUAL, RESIDUAL.replace("head: Dense(units=2)", "head: Dense(units=3)"))
    folded = []
    for context in (0, 1, 3, 99):
        body = build(result, folding=Folding(context=context)).body
        inside = [names(box.body.rows()) for box in body.boxes if isinstance(box, Fold)]
        folded.append(sum(map(len, inside)))
        assert (any("c_add" in fold for fold in inside)) is (context == 0)
        assert len(list(body.rows())) == len(result.new.graph.layers)
    assert folded == sorted(folded, reverse=True)
    assert folded[0] > folded[1]
    assert folded[-1] == 0


def test_groups_are_open_as_deep_as_asked():
    deep = """
        x: InputLayer(batch_shape=[None, 8])
        outer: Functional <- x
            ox: InputLayer(batch_shape=[None, 8])
            inner: Functional <- ox
                ix: InputLayer(batch_shape=[None, 8])
                fc: Dense(units=8) <- ix
                outputs: fc
            outputs: inner
        head: Dense(units=2) <- outer
        outputs: head
    """
    for subject in (model(deep), diff(deep, deep.replace("units=2", "units=3"))):
        for depth in range(4):
            opened = [group.is_open for group in boxes(subject, Group, folding=Folding(depth=depth))]
            assert opened == [depth > 0, depth > 1]


def test_a_straight_run_is_one_card_and_a_skip_ends_at_a_row():
    cards = [names(box.rows) for box in build(model(RESIDUAL)).body.boxes if isinstance(box, Card)]
    assert cards[0] == ["x", "stem"]
    assert cards[1] == ["a1", "a2", "a_add"]
    assert ("stem", "a_add", "kept") in ends(build(model(RESIDUAL)).body)


def test_branches_that_meet_stay_side_by_side():
    text = "x: InputLayer(batch_shape=[None, 8])\nl: Dense(units=8) <- x\nr: Dense(units=8) <- x\nm: Add <- l, r\noutputs: m"
    assert [names(box.rows) for box in build(model(text)).body.boxes] == [["x"], ["l"], ["r"], ["m"]]


def stack(*blocks: int, sep: str = "_") -> str:
    """Residual blocks of three layers, one behind the other."""
    lines, above = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8) <- x"], "stem"
    for block in blocks:
        name = f"b{block}{sep}"
        lines += [
            f"{name}fc: Dense(units=8, activation='relu') <- {above}",
            f"{name}add: Add <- {name}fc, {above}",
            f"{name}out: ReLU <- {name}add",
        ]
        above = f"{name}out"
    return "\n".join([*lines, f"head: Dense(units=2) <- {above}", "outputs: head"])


def test_blocks_built_alike_fold_to_one_and_say_how_many():
    repeat = next(iter(boxes(model(stack(*range(1, 9))), Fold)))
    assert repeat.kind is FoldKind.REPEAT
    assert len(list(repeat.body.rows())) == 3 * repeat.times


@pytest.mark.parametrize("sep", ["_", "/"], ids=["flat", "scopes"])
@pytest.mark.parametrize("removed", [False, True], ids=["added", "removed"])
def test_blocks_of_one_side_fold_to_one_of_them(removed, sep):
    pair = [stack(1, 2, sep=sep), stack(1, *range(11, 15), 2, sep=sep)]
    (fold,) = (box for box in boxes(diff(*(reversed(pair) if removed else pair)), Fold) if box.kind is FoldKind.REPEAT)
    rows = list(fold.body.rows())
    assert (fold.times, len(rows)) == (3, 9)
    assert {row.presence for row in rows} == {Presence.REMOVED if removed else Presence.ADDED}


def frames(subject, **options):
    """Of each frame: the names of its layers, whether it is whole, and how many bodies are around it."""

    def walk(body, depth):
        for frame in body.frames:
            rows = [row for index in frame.boxes for row in Body((body.boxes[index],), ()).rows()]
            yield names(rows), frame.is_whole, depth
        for box in body.boxes:
            if isinstance(box, (Fold, Group)):
                yield from walk(box.body, depth + 1)

    return list(walk(build(subject, **options).body, 0))


def test_a_block_that_came_stands_in_one_frame_and_its_card_ends_there():
    assert frames(diff(stack(1, 2), stack(1, 7, 2))) == [(["b7_fc", "b7_add", "b7_out"], True, 0)]
    assert frames(diff(stack(1, 7, 2), stack(1, 2))) == [(["b7_fc", "b7_add", "b7_out"], True, 0)]
    assert frames(diff(stack(1), stack(1))) == []
    lone = RESIDUAL.replace("c1: Dense(units=8) <- b_add", "c0: ReLU <- b_add\n    c1: Dense(units=8) <- c0")
    assert frames(diff(RESIDUAL, lone)) == []  # its row says it


def test_a_frame_goes_around_groups_that_are_all_of_one_region_and_never_twice_around_a_fold():
    ((rows, is_whole, depth),) = frames(diff(stack(1, 2, sep="/"), stack(1, *range(11, 15), 2, sep="/")))
    assert (len(rows), is_whole, depth) == (12, True, 0)


def test_a_moved_block_is_framed_whatever_is_folded_in_it():
    old, new = stack(1, 2, 3, 4, 5), stack(1, 3, 4, 2, 5)
    ((rows, is_whole, _),) = frames(diff(old, new))
    assert is_whole
    assert {row.split("_")[0] for row in rows} in ({"b2"}, {"b3", "b4"})


def test_each_side_frames_what_it_has_of_what_came_went_or_moved():
    def framed(old, new, side):
        body = build_side(diff(old, new), side, folding=WIDE).body
        return [names(Body((body.boxes[index],), ()).rows()) for frame in body.frames for index in frame.boxes]

    block = ["b7_fc", "b7_add", "b7_out"]
    assert framed(stack(1, 2), stack(1, 7, 2), "new") == [block]
    assert framed(stack(1, 2), stack(1, 7, 2), "old") == []
    assert framed(stack(1, 7, 2), stack(1, 2), "old") == [block]
    for side in ("old", "new"):
        (moved,) = framed(stack(1, 2, 3, 4, 5, 6), stack(1, 3, 4, 5, 2, 6), side)
        assert moved == ["b2_fc", "b2_add", "b2_out"]


def traces(body: Body):
    """The names of the layers that left each place, with what stands before and behind it."""
    found = []
    for inner in bodies(body):
        for index, box in enumerate(inner.boxes):
            if isinstance(box, Trace):
                ends = [
                    (line.source, line.target) for line in inner.lines if index in {line.source.box, line.target.box}
                ]
                named = [name(inner, end) for pair in ends for end in pair if end.box not in {index, OUTSIDE}]
                found.append(([row.partition("=")[2] for row in box.rows], named))
    return found


def test_a_moved_block_leaves_a_trace_and_no_line_across_the_picture():
    old, new = stack(1, 2, 3, 4, 5, 6), stack(1, 3, 4, 5, 2, 6)
    body = build(diff(old, new), folding=WIDE).body
    assert traces(body) == [(["b2_fc", "b2_add", "b2_out"], ["b1_out", "b3_fc"])]
    removed = {(source, target) for source, target, presence in ends(body) if presence == "removed"}
    assert removed == {("b1_out", "Trace"), ("Trace", "b3_fc")}
    added = {(source, target) for source, target, presence in ends(body) if presence == "added"}
    assert {("b1_out", "b3_fc"), ("b5_out", "b2_fc"), ("b2_out", "b6_fc")} <= added


def test_a_moved_layer_leaves_a_trace_where_it_was():
    chain = ["a: Dense(units=8) <- {}", "norm: BatchNormalization <- {}", "act: ReLU <- {}", "b: Dense(units=8) <- {}"]

    def net(order):
        lines, above = ["x: InputLayer(batch_shape=[None, 8])"], "x"
        for layer in (chain[index] for index in order):
            lines.append(layer.format(above))
            above = layer.partition(":")[0]
        return "\n".join([*lines, f"head: Dense(units=2) <- {above}", "outputs: head"])

    (trace,) = traces(build(diff(net([0, 1, 2, 3]), net([0, 2, 3, 1])), folding=WIDE).body)
    assert trace == (["norm"], ["a", "act"])


def test_a_layer_in_another_parent_leaves_a_trace_and_keeps_its_connections():
    out = GROUPED.replace("        e2: Dense(units=8) <- e1\n        outputs: e2", "        outputs: e1").replace(
        "head: Dense(units=2) <- encoder", "e2: Dense(units=8, w=5) <- encoder\n    head: Dense(units=2) <- e2"
    )
    inside = GROUPED.replace("e2: Dense(units=8)", "e2: Dense(units=8, w=5)")
    for old, new, around in ((inside, out, ["encoder/e1"]), (out, inside, ["Group", "head"])):
        body = build(diff(old, new), folding=WIDE).body
        ((rows, named),) = traces(body)
        assert [row.split("/")[-1] for row in rows] == ["e2"]
        assert named == around
        assert all(presence == "kept" for source, target, presence in ends(body) if "Trace" not in {source, target})


def test_layers_that_went_into_a_new_sub_model_leave_no_trace():
    flat = """
        x: InputLayer(batch_shape=[None, 8])
        e1: Dense(units=8, w=1) <- x
        e2: Dense(units=8, w=2) <- e1
        head: Dense(units=2) <- e2
        outputs: head
    """
    nested = GROUPED.replace("e1: Dense(units=8)", "e1: Dense(units=8, w=1)").replace(
        "e2: Dense(units=8)", "e2: Dense(units=8, w=2)"
    )
    for old, new in ((flat, nested), (nested, flat)):
        assert traces(build(diff(old, new)).body) == []


def test_a_region_that_is_in_part_behind_a_bundle_is_not_called_whole():
    found = frames(diff(stack(1, 2), stack(1, *range(11, 60), 2)), limit=FEWER)
    assert found
    assert all(is_whole for _, is_whole, _ in found) is (len(found) == 1)


def repeat_of(text):
    """The first and the last row of a repeat, and how many blocks it holds."""
    (fold,) = (box for box in boxes(model(text), Fold) if box.kind is FoldKind.REPEAT)
    rows = names(fold.body.rows())
    return rows[0], rows[-1], fold.times


def chain(*rows, first=("x: InputLayer(batch_shape=[None, 3])",)):
    lines, above = list(first), "x"
    for row in rows:
        lines.append(f"{row} <- {above}")
        above = row.partition(":")[0]
    return "\n".join([*lines, f"top: Dense(units=2) <- {above}", "outputs: top"])


@pytest.mark.parametrize("named", ["b{0}_{1}", "{1}_{0}"], ids=["block in the name", "names that Keras made up"])
def test_a_repeated_block_begins_where_a_person_says_it_does(named):
    rows = []
    for block in range(1, 9):
        width = "in=3, " if block == 1 else ""
        rows += [f"{named.format(block, 'fc')}: Dense({width}units=8)", f"{named.format(block, 'act')}: ReLU"]
        rows += [f"{named.format(block, 'drop')}: Dropout(rate=0.1)"]
    rows[0] = rows[0].replace("in=3, ", "use_bias=False, ")
    assert repeat_of(chain(*rows)) == (named.format(3, "fc"), named.format(8, "drop"), 6)


def test_a_residual_block_begins_behind_the_layer_that_feeds_the_skip():
    text = stack(*range(1, 9)).replace("b1_add: Add <- b1_fc, stem", "b1_add: Multiply <- b1_fc, stem")
    plain = text
    for block in range(1, 9):
        for part in ("fc", "add", "out"):
            plain = plain.replace(f"b{block}_{part}", f"{part}_{block}")
    assert repeat_of(text) == ("b3_fc", "b8_out", 6)
    assert repeat_of(plain) == ("fc_3", "out_8", 6)


def test_two_blocks_of_one_side_stay_as_they_are():
    kinds = {box.kind for box in boxes(diff(stack(1, 2), stack(1, 11, 12, 2)), Fold)}
    assert FoldKind.REPEAT not in kinds


def test_scopes_that_hold_the_same_layers_wired_otherwise_are_not_alike():
    other = "b12/add: Add <- b12/fc, b12/fc"
    new = stack(1, 11, 12, 13, 2, sep="/").replace("b12/add: Add <- b12/fc, b11/out", other)
    assert not [box for box in boxes(diff(stack(1, 2, sep="/"), new), Fold) if box.kind is FoldKind.REPEAT]


def test_added_and_removed_connections_are_told_by_layers_not_by_names():
    renamed = RESIDUAL.replace("b1", "block_b").replace("a_add", "sum_a")
    body = build(diff(RESIDUAL, renamed), folding=WIDE).body
    assert {presence for _, _, presence in ends(body)} == {"kept"}
    rewired = RESIDUAL.replace("b_add: Add <- b2, a_add", "b_add: Add <- b2, stem")
    found = ends(build(diff(RESIDUAL, rewired), folding=WIDE).body)
    assert ("stem", "b_add", "added") in found
    assert ("a_add", "b_add", "removed") in found


def test_the_way_around_an_inserted_block_is_not_drawn():
    inserted = RESIDUAL.replace(
        "head: Dense(units=2) <- c_add",
        "extra: Dense(units=8, activation='elu') <- c_add\n    head: Dense(units=2) <- extra",
    )
    found = ends(build(diff(RESIDUAL, inserted), folding=WIDE).body)
    assert ("c_add", "extra", "added") in found
    assert ("c_add", "head", "removed") not in found


def test_a_removed_layer_stands_where_it_was():
    removed = RESIDUAL.replace("    a2: ReLU <- a1\n", "").replace("Add <- a2, stem", "Add <- a1, stem")
    found = ends(build(diff(RESIDUAL, removed), folding=WIDE).body)
    assert ("a1", "a2", "removed") in found
    assert ("a2", "a_add", "removed") in found


def test_a_sub_model_is_a_group_and_opens_where_something_is_told_inside():
    unchanged = boxes(diff(GROUPED, GROUPED.replace("units=2", "units=3")), Group)
    assert [group.is_open for group in unchanged] == [False]
    changed = boxes(
        diff(GROUPED, GROUPED.replace("e1: Dense(units=8)", "e1: Dense(units=8, activation='relu')")), Group
    )
    assert [group.is_open for group in changed] == [True]
    assert ends(changed[0].body) >= {("outside", "encoder/ex", "kept"), ("encoder/e2", "outside", "kept")}
    assert [group.is_open for group in boxes(model(GROUPED), Group)] == [True]


def test_layers_that_move_into_a_sub_model_leave_no_false_connections():
    flat = """
        x: InputLayer(batch_shape=[None, 8])
        first: Dense(units=8, w=1) <- x
        second: Dense(units=6, w=2) <- first
        head: Dense(units=2, w=3) <- second
        outputs: head
    """
    nested = """
        x: InputLayer(batch_shape=[None, 8])
        encoder: Functional <- x
            ex: InputLayer(batch_shape=[None, 8])
            first: Dense(units=8, w=1) <- ex
            second: Dense(units=6, w=2) <- first
            outputs: second
        head: Dense(units=2, w=3) <- encoder
        outputs: head
    """
    picture = build(diff(flat, nested), folding=WIDE).body
    presences = {presence for body in bodies(picture) for *_, presence in ends(body)}
    assert "removed" not in presences


def test_names_with_a_scope_are_a_group_where_they_stand_together():
    text = """
        x: InputLayer(batch_shape=[None, 8])
        block/a: Dense(units=8) <- x
        block/b: Dense(units=8) <- block/a
        head: Dense(units=2) <- block/b
        outputs: head
    """
    (group,) = boxes(model(text), Group)
    assert (group.scope, group.row, names(group.body.rows())) == ("block", None, ["block~1a", "block~1b"])


def test_a_shared_layer_is_one_box_with_its_calls_told_apart():
    text = """
        x: InputLayer(batch_shape=[None, 8])
        y: InputLayer(batch_shape=[None, 8])
        shared: Dense(units=4) <- x <- y
        both: Concatenate <- shared, shared@1
        outputs: both
    """
    body = build(model(text)).body
    assert sum(names(box.rows).count("shared") for box in body.boxes if isinstance(box, Card)) == 1
    assert {(line.source_call, line.target_call) for line in body.lines} == {(0, 1), (0, 2), (1, 0), (2, 0)}


def test_a_layer_that_feeds_itself_is_drawn():
    text = "x: InputLayer(batch_shape=[None, 8])\nloop: Dense(units=8) <- x <- loop\nend: Dense(units=2) <- loop@1\noutputs: end"
    body = build(model(text)).body
    assert any(line.source.box == line.target.box for line in body.lines)


def test_a_large_body_is_bundled_and_every_bundle_keeps_its_layers():
    chain = ["x: InputLayer(batch_shape=[None, 4])"]
    before = "x"
    for index in range(400):
        chain.append(f"l{index}: Activation(activation='f{index}') <- {before}")
        before = f"l{index}"
    body = build(model("\n".join([*chain, f"outputs: {before}"]))).body
    assert len(body.boxes) <= 60
    assert len(list(body.rows())) == 401
    assert {box.kind for box in body.boxes if isinstance(box, Fold)} == {FoldKind.BUNDLE}


def test_the_second_try_is_small_at_every_depth():
    lines = ["x: InputLayer(batch_shape=[None, 4])", "d0: Dense(units=4) <- x"]
    for index in range(1, 120):
        lines += [
            f"c{index}: Concatenate <- {', '.join(f'd{i}' for i in range(index))}",
            f"d{index}: Activation(activation='f{index}') <- c{index}",
        ]
    dense = model("\n".join([*lines, "outputs: d119"]))
    for body in bodies(build(dense, limit=FEWER).body):
        assert len(body.boxes) <= 2 * FEWER
    assert len(list(build(dense, limit=FEWER).body.rows())) == 240


def test_without_connections_layers_are_listed():
    from dataclasses import replace

    text = model("a: Dense(units=4)\nb: Dense(units=4)\nc: Dense(units=4)\noutputs: c")
    bare = replace(text, graph=replace(text.graph, has_edges=False, inputs=(), outputs=()))
    body = build(bare).body
    assert body.listed
    assert body.lines == ()
    assert names(body.rows()) == ["a", "b", "c"]
    assert len(body.boxes) == 3  # one card would say that they are connected
