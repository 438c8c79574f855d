# The labelled lines of facts: one a fact and a file, names as code.
from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from models import model

from modeldiff import compare, load, render
from modeldiff.graph import CodeKind, CodeRef, Fact, Note
from modeldiff.report import asserted, build

SHARED = Path(__file__).parents[2].parent / "shared"
TEXT = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    b: Dense(units=4) <- a
    outputs: b
"""


def test_every_fact_has_its_line_and_stands_in_the_schema():
    assert set(asserted._LINES) == set(Fact)
    schema = json.loads(files("modeldiff.renderer").joinpath("schema.json").read_text(encoding="utf-8"))
    assert schema["$defs"]["fact"]["enum"] == [fact.value for fact in Fact]


def facts(report):
    return [(label, "".join(words)) for label, words in report.facts]


def test_what_a_file_lacks_is_told_with_the_file():
    note = Note("a", "its class has 2 weights, the file holds none", Fact.WEIGHTS_MISSING)
    old, new = model(TEXT, path="old.h5"), replace(model(TEXT, path="new.h5"), notes=(note,))
    assert facts(build(compare(old, new))) == [("Missing", "a in new.h5: its class has 2 weights, the file holds none")]
    assert facts(build(new)) == [("Missing", "a in new.h5: its class has 2 weights, the file holds none")]


def test_many_layers_are_one_line():
    notes = tuple(Note(f"l{place}", "none", Fact.WEIGHTS_MISSING) for place in range(7))
    ((label, line),) = facts(build(replace(model(TEXT, path="new.h5"), notes=notes)))
    assert label == "Missing"
    assert line == "l0, l1, l2 and 4 more in new.h5: the configuration asks for weights that the file lacks"


def test_one_model_says_which_code_it_holds():
    mine = [CodeRef((name,), "", CodeKind.CLASS, "Mine", "place") for name in "ab"]
    held = replace(model(TEXT), code=(*mine, CodeRef((), "compile.loss", CodeKind.FUNCTION, "my_loss")))
    assert facts(build(held)) == [("Code", "class place.Mine in 2 layers, function my_loss: not executed")]
    data = json.loads(render(held, "json"))
    assert data["model"]["code"][0] == {"layer": "a", "key": "", "kind": "class", "name": "Mine", "module": "place"}
    assert {note["fact"] for note in data["notes"]} == {"code"}


def lines(old, new):
    return {row.name: ["".join(line) for line in row.lines] for row in build(compare(old, new)).layers if row.lines}


def custom(class_name, name="b", text=TEXT):
    built = model(text.replace("b: Dense", f"b: {class_name}"))
    weights = {layer.name: layer.weights for layer in model(TEXT).graph.layers}
    layers = tuple(replace(layer, weights=weights.get(layer.name, ())) for layer in built.graph.layers)
    graph = replace(built.graph, layers=layers)
    return replace(built, graph=graph, code=(CodeRef((name,), "", CodeKind.CLASS, class_name),))


def test_code_that_a_row_tells_is_told_once_and_the_caution_too():
    old, new = custom("Mine"), custom("Yours")
    assert lines(old, new) == {"b": ["code: Mine → Yours, class renamed"]}
    assert not [row.warnings for row in build(compare(old, new)).layers if row.warnings]
    assert ("Code", "b: code changed: class Yours, was class Mine, not executed") in facts(build(compare(old, new)))
    assert render(compare(old, new), "md").count("not executed") == 1
    assert lines(custom("Dense"), custom("Mine"))["b"][0].startswith("code: Dense → Mine")


def test_code_of_a_new_layer_and_of_a_function_is_told_once():
    payloads = [f"sha256:{digit * 64}" for digit in "ab"]
    old, new = (
        replace(
            model(TEXT.replace("b: Dense(units=4)", f"b: Lambda(function={{'bytecode': '{payload}'}})")),
            code=(CodeRef(("b",), "function", CodeKind.PAYLOAD, digest=payload),),
        )
        for payload in payloads
    )
    assert lines(old, new) == {"b": [f"code: function.bytecode: {payloads[0][:19]} → {payloads[1][:19]}"]}
    added = custom("Mine", "c", TEXT.replace("outputs: b", "c: Mine <- b\n    outputs: c"))
    assert lines(model(TEXT), added)["c"] == ["code: Mine"]


def test_code_that_no_line_tells_has_a_line():
    old, new = (replace(custom("Mine"), code=(CodeRef(("b",), "", CodeKind.CLASS, "Mine", m),)) for m in ("one", "two"))
    assert lines(old, new) == {"b": ["code changed: class two.Mine, was class one.Mine"]}


def test_a_real_incomplete_file_is_told():
    assert "Missing" in dict(facts(build(load(SHARED / "zoo/files/left_behind/2.0.9__chain300.h5"))))
