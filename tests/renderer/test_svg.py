from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from models import model

from modeldiff import compare, diagram, render, report
from modeldiff.renderer import scene as scenes
from modeldiff.renderer import svg
from modeldiff.renderer.boxes import LABEL, Words
from modeldiff.renderer.drawing import Pencil
from modeldiff.renderer.layout import TooSlow
from modeldiff.renderer.measure import sans
from modeldiff.renderer.scene import scene
from modeldiff.renderer.tags import width
from modeldiff.report import Code

SVG = "{http://www.w3.org/2000/svg}"
OLD = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=8, w=1) <- x
    b: Dense(units=8, w=2) <- a
    j: Add <- b, a
    gone: Dense(units=8, w=3) <- j
    o: Dense(units=2, w=4) <- gone
    outputs: o
"""
NEW = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=8, w=1) <- x
    b: Dense(units=8, w=22) <- a
    fresh: Dense(units=8, activation='elu', w=5) <- b
    j: Add <- fresh, a
    o: Dense(units=3, w=4) <- j
    outputs: o
"""
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>&amp;<!--",
    "a\x00b\x1b[31m\u202e",
    "</style></svg>",
    "{{ 7*7 }}",
    "url(#x);}",
]


def texts(document: str) -> str:
    return " ".join("".join(element.itertext()) for element in ET.fromstring(document).iter(f"{SVG}text"))


def overlaps(drawn) -> list[tuple[int, int]]:
    """Pairs of boxes of one scene that cover each other."""
    found = []
    for i, a in enumerate(drawn.placed):
        for j, b in enumerate(drawn.placed[:i]):
            if (
                a.x - a.left < b.x + b.right
                and b.x - b.left < a.x + a.right
                and a.y < b.y + b.height
                and b.y < a.y + a.height
            ):
                found.append((i, j))
    return found


def crossings(drawn) -> list[str]:
    """Lines that run through a box they neither leave nor enter."""
    found = []
    for route in drawn.routes:
        for (x1, y1), (x2, y2) in zip(route.points, route.points[1:], strict=False):
            for index, box in enumerate(drawn.placed):
                inside_x = max(x1, x2) > box.x - box.left + 1 and min(x1, x2) < box.x + box.right - 1
                inside_y = max(y1, y2) > box.y + 1 and min(y1, y2) < box.y + box.height - 1
                if inside_x and inside_y and index not in {route.line.source.box, route.line.target.box}:
                    found.append(f"{route.line} through {index}")
    return found


def test_the_picture_is_valid_and_says_what_changed():
    document = render(compare(model(OLD), model(NEW)), "svg")
    assert ET.fromstring(document).tag == f"{SVG}svg"
    words = texts(document)
    assert "fresh" in words
    assert "gone" in words
    assert "1 added" in words
    assert "1 removed" in words
    assert "<script" not in document
    assert " style=" not in document
    assert "prefers-color-scheme:dark" in document
    assert "var(" not in document


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_nothing_else(name):
    harmless = NEW.replace("fresh", "HOSTILE")
    result = compare(model(OLD), model(harmless))
    hostile = model(harmless.replace("HOSTILE", "placeholder"))
    from dataclasses import replace

    from modeldiff.graph import TensorRef

    def renamed(text):
        return name if text == "placeholder" else text

    layers = tuple(
        replace(
            layer,
            name=renamed(layer.name),
            class_name=name if layer.name == "placeholder" else layer.class_name,
            calls=tuple(
                replace(call, inputs=tuple(TensorRef(renamed(ref.layer), ref.call, ref.output) for ref in call.inputs))
                for call in layer.calls
            ),
        )
        for layer in hostile.graph.layers
    )
    hostile = replace(hostile, graph=replace(hostile.graph, layers=layers))
    plain, acted = render(result, "svg"), render(compare(model(OLD), hostile), "svg")
    tags = [element.tag for element in ET.fromstring(acted).iter()]
    assert {tag.removeprefix(SVG) for tag in tags} <= {
        *(element.tag.removeprefix(SVG) for element in ET.fromstring(plain).iter()),
        "title",
    }
    assert not re.search("[\x00-\x08\x1b\u202e]", acted)


@pytest.mark.parametrize("text", [OLD, NEW])
def test_same_inputs_same_bytes(text):
    assert render(model(text), "svg") == render(model(text), "svg")


@pytest.mark.parametrize("seed", range(12))
def test_boxes_stand_apart_and_lines_run_around_them(seed):
    from situations import situation

    pair = situation(seed)
    result = compare(pair.old, pair.new)
    for picture in (diagram.build(result, folding=diagram.Folding(context=99)), diagram.build(pair.new)):
        words = Words(report.build(result if picture.compares else pair.new), compares=picture.compares)
        drawn, finished = scene(picture, words)
        assert finished
        assert overlaps(drawn) == []
        assert crossings(drawn) == []


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_frame_holds_its_boxes_and_no_other(seed):
    from situations import situation

    pair = situation(seed)
    result = compare(pair.old, pair.new)
    picture = diagram.build(result)
    drawn, _ = scene(picture, Words(report.build(result), compares=True))
    framed = {box for frame in picture.body.frames for box in frame.boxes}
    assert sorted(framed) == sorted({box for frame in drawn.frames for box in frame.boxes})
    for frame in drawn.frames:
        left, top, right, bottom = frame.area
        (boxes,) = (one.boxes for one in picture.body.frames if one.region == frame.region)
        for index, box in enumerate(drawn.placed):
            edges = (box.x - box.left, box.y, box.x + box.right, box.y + box.height)
            if index in frame.boxes:
                assert left < edges[0]
                assert top < edges[1]
                assert edges[2] < right
                assert edges[3] < bottom
            elif index not in boxes:
                assert edges[2] <= left or right <= edges[0] or edges[3] <= top or bottom <= edges[1]


def test_a_block_of_one_side_or_moved_is_framed_and_named():
    one = OLD.replace("gone: Dense(units=8, w=3) <- j", "gone: ReLU <- j")
    two = one.replace(
        "gone: ReLU <- j",
        "b2: Dense(units=8, w=2) <- j\n    j2: Add <- b2, j\n    gone2: ReLU <- j2\n    gone: ReLU <- gone2",
    )
    added, removed = (render(compare(*map(model, pair)), "svg") for pair in ((one, two), (two, one)))
    assert "+ residual block of 3 layers" in texts(added)
    assert "− residual block of 3 layers" in texts(removed)


def deep(join: str) -> str:
    """A chain of eight pairs of branches, and a sum that takes its end and one layer above."""
    lines, above = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8, w=1) <- x"], "stem"
    for step in range(8):
        lines += [f"l{step}: Dense(units=8, w={step + 2}) <- {above}", f"r{step}: ReLU <- {above}"]
        lines.append(f"m{step}: Add <- l{step}, r{step}")
        above = f"m{step}"
    return "\n".join([*lines, f"join: Add <- m7, {join}", "outputs: join"])


def test_a_long_changed_connection_says_at_both_ends_where_the_other_is():
    result = compare(model(deep("m6")), model(deep("stem")))
    document = svg.render(report.build(result), diagram.Folding(context=99))
    assert "+ from stem" in texts(document)
    assert "+ to join" in texts(document)
    assert "− from" not in texts(document)  # that one is short
    assert "from" not in texts(render(model(deep("stem")), "svg"))


@pytest.mark.parametrize("seed", range(0, 80, 2))
def test_words_on_a_line_cover_no_box_and_no_other_line(seed):
    from situations import situation

    pair = situation(seed)
    result = compare(pair.old, pair.new)
    drawn, _ = scene(
        diagram.build(result, folding=diagram.Folding(context=99)), Words(report.build(result), compares=True)
    )
    for x, y, _, told in drawn.tags:
        left, right, top = x - width(told) / 2, x + width(told) / 2, y - 10
        for box in drawn.placed:
            assert box.x + box.right <= left or right <= box.x - box.left or box.y + box.height <= top or y <= box.y
        for route in drawn.routes:
            for (x1, y1), (x2, y2) in zip(route.points, route.points[1:], strict=False):
                if x1 == x2 and x1 != x:
                    assert not (left < x1 < right and min(y1, y2) < y and top < max(y1, y2))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_frames_traces_and_words_on_lines_are_text(name):
    block = "fresh: Dense(units=8, w=77) <- m2\nact: ReLU <- fresh\nsum: Add <- act, m2\nr3: ReLU <- sum"
    result = compare(model(deep("m6")), model(deep("stem").replace("r3: ReLU <- m2", block)))
    built = report.build(result)
    hostile = replace(
        built,
        layers=tuple(replace(view, name=name) for view in built.layers),
        regions=tuple(replace(region, label=("like ", Code(name)), name=(Code(name),)) for region in built.regions),
    )
    document = svg.render(hostile, diagram.Folding(context=99))
    assert "like" in texts(document)
    assert "+ from" in texts(document)
    assert not [element for element in ET.fromstring(document).iter() if element.tag in {f"{SVG}script", f"{SVG}img"}]


def test_a_row_is_quiet_only_where_all_that_is_told_is_a_shape_that_follows():
    old = """
        x: InputLayer(batch_shape=[None, 8])
        a: Dense(units=8, w=1) <- x
        b: Dense(units=8, w=2) <- a
        c: Dense(units=8, activation='relu', w=3) <- a
        m: Add <- b, c
        o: Dense(units=2, w=4) <- m
        outputs: o
    """
    new = old.replace("a: Dense(units=8", "a: Dense(units=12").replace("'relu'", "'elu'")
    result = compare(model(old), model(new))
    words = Words(report.build(result), compares=True)
    rows = {row.address: row for row in diagram.build(result).body.rows()}
    assert words.follows(rows["layer=b"]) == "shape follows from a"
    assert [words.follows(rows[f"layer={name}"]) for name in "acmox"] == [""] * 5
    assert words.height(rows["layer=b"]) < words.height(rows["layer=c"])


def test_a_skip_connection_ends_at_its_row():
    result = model(OLD)
    words = Words(report.build(result), compares=False)
    drawn, _ = scene(diagram.build(result), words)
    (side,) = [route for route in drawn.routes if route.is_side]
    card = drawn.placed[side.line.target.box]
    assert card.y < side.points[-1][1] < card.y + card.height
    assert side.points[-1][0] in {card.x - card.left, card.x + card.right}


def test_a_layout_that_does_not_finish_is_folded_and_says_so(monkeypatch):
    def slow(graphs, deadline):
        raise TooSlow

    monkeypatch.setattr(scenes, "columns", slow)
    document = render(compare(model(OLD), model(NEW)), "svg")
    assert "Drawn in one column" in texts(document)
    result = compare(model(OLD), model(NEW))
    drawn, finished = scene(diagram.build(result), Words(report.build(result), compares=True))
    assert not finished
    assert overlaps(drawn) == []


def test_two_hundred_layers_stay_small():
    lines, before = ["x: InputLayer(batch_shape=[None, 8])"], "x"
    for index in range(200):
        lines.append(f"stage_{index}_dense: Dense(units=8, activation='f{index}', w={index}) <- {before}")
        before = f"stage_{index}_dense"
    old = "\n".join([*lines, f"outputs: {before}"])
    new = re.sub(r"w=(\d+)", lambda found: f"w={int(found[1]) + 1000}", old)
    assert len(render(compare(model(old), model(new)), "svg")) < 200_000


def test_a_model_without_layers_is_a_picture_too():
    from modeldiff.graph import Graph, Model

    empty = Model("m", "m.h5", "keras-h5", Graph())
    assert ET.fromstring(render(empty, "svg")).tag == f"{SVG}svg"
    assert ET.fromstring(render(compare(empty, empty), "svg")).tag == f"{SVG}svg"


def test_a_fold_may_hold_nothing_but_places_that_layers_left():
    """Where a large picture is cut into stretches, one of them may have only such places."""

    def stack(*blocks: int) -> str:
        lines, above = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8) <- x"], "stem"
        for block in blocks:
            lines += [f"b{block}_fc: Dense(units=8) <- {above}", f"b{block}_add: Add <- b{block}_fc, {above}"]
            above = f"b{block}_add"
        return "\n".join([*lines, f"head: Dense(units=2) <- {above}", "outputs: head"])

    diff = compare(model(stack(1, 2, 3, 4, 5, 6)), model(stack(1, 3, 4, 5, 2, 6)))
    traces = tuple(box for box in diagram.build(diff).body.boxes if isinstance(box, diagram.Trace))
    assert traces
    inner = diagram.Fold(diagram.FoldKind.BUNDLE, diagram.Body(traces, ()))
    fold = diagram.Fold(diagram.FoldKind.BUNDLE, diagram.Body((*traces, inner), ()))
    told = Words(report.build(diff), compares=True)
    placed, _ = scene(diagram.Diagram(diagram.Body((fold,), ()), compares=True), told)
    drawn = Pencil(told, is_live=False, numbers={}, frames={}, holds={}, parents={}).scene(placed)
    assert "2 places of layers that moved" in drawn
    assert "b2_fc" in drawn


def called(document: str) -> dict[int, list[tuple[int, int, str]]]:
    """Start, end and text of the names of calls, by their base line."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    for x, y, told in re.findall(r'<text class="call" x="(-?\d+)" y="(-?\d+)">([^<]+)', document):
        found.setdefault(int(y), []).append((int(x), int(x) + round(sans(told, LABEL)), told))
    return {y: sorted(row) for y, row in found.items()}


def test_calls_of_old_and_new_connections_are_named_once_and_not_over_each_other():
    before = """
        left: InputLayer(batch_shape=[None, 8])
        right: InputLayer(batch_shape=[None, 8])
        tower: Functional <- left <- right
            inside: InputLayer(batch_shape=[None, 8])
            embedding: Dense(units=4, w=1) <- inside
            outputs: embedding
        difference: Subtract <- tower, tower@1
        same: Dense(units=1, w=2) <- difference
        outputs: same
    """
    after = before.replace("difference: Subtract", "cosine: Dot(axes=1)").replace("<- difference", "<- cosine")
    after = after.replace(
        "            outputs: embedding", "            norm: UnitNormalization <- embedding\n            outputs: norm"
    )
    rows = called(render(compare(model(before), model(after)), "svg"))
    assert [[told for *_, told in row] for row in rows.values()] == [["call 1", "call 2"]] * 2
    assert all(first[1] < second[0] for first, second in rows.values())


@pytest.mark.parametrize("times", [2, 9, 30])
def test_many_calls_of_one_layer_are_named_as_far_as_there_is_room(times):
    ports = [f"i{at}: InputLayer(batch_shape=[None, {8 if at else 4}])" for at in range(times)]
    makers = [f"a{at}: Activation(activation='f{at}') <- i{at}" for at in range(times)]
    shared = "shared: Dense(units=4) " + " ".join(f"<- a{at}" for at in range(times))
    join = "both: Concatenate <- " + ", ".join(f"shared@{at}" for at in range(times))
    text = "\n".join([*ports, *makers, shared, join, "outputs: both"])
    rows = called(render(model(text), "svg"))
    assert len(rows) == 2
    for row in rows.values():
        assert row[-1][2].startswith("call ")
        assert len(row) >= min(times, 8)
        assert all(first[1] < second[0] for first, second in pairwise(row))
