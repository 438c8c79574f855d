# One model at a glance: every part has a case in which it speaks and one in which it would say nothing.
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import model, weight

from modeldiff import compare, report, survey
from modeldiff.graph import CodeKind, CodeRef, Fact, Graph, Layer, Model, Note
from modeldiff.report.remarks import of_notes, phrase
from modeldiff.report.view import Remark
from modeldiff.report.words import plain


def one(*layers, **fields):
    return Model("", "m.h5", "keras-h5", Graph(tuple(layers)), **fields)


def layer(name, class_name="Dense", config=None, body=None, **tensors):
    made = tuple(weight(role, np.asarray(values, np.float32)) for role, values in tensors.items())
    return Layer(name, class_name, config or {}, weights=made, body=body)


def overview(*layers, **fields):
    found = report.build(survey(one(*layers, **fields))).overview
    assert found is not None
    return found


ZEROS = {"class_name": "Zeros", "config": {}}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (layer("a", kernel=[[1, np.nan], [np.inf, 2]]), ("a/kernel", "1 NaN and 1 infinite of 4 values")),
        (layer("a", bias=[np.nan, 1]), ("a/bias", "1 NaN of 2 values")),
        (layer("a", kernel=np.zeros((3, 3))), ("a/kernel", "every entry is 0")),
        (layer("a", gamma=np.zeros(3)), ("a/gamma", "every entry is 0")),
        (layer("a", kernel=np.full((3, 3), 0.5)), ("a/kernel", "every entry is 0.5")),
        (layer("a", gamma=np.ones(3)), None),
        (layer("a", bias=np.zeros(3)), None),
        (layer("a", moving_mean=np.zeros(3), moving_variance=np.ones(3)), None),
        (layer("a", kernel=[[0.0]]), None),
        (layer("a", kernel=[[0, 1]]), None),
        (layer("a", config={"gamma_initializer": ZEROS}, gamma=np.zeros(3)), None),
        (layer("a", config={"recurrent_initializer": ZEROS}, recurrent_kernel=np.zeros((3, 3))), None),
        (layer("a", config={"layer": {"config": {"kernel_initializer": ZEROS}}}, kernel=np.zeros((3, 3))), None),
    ],
)
def test_values_worth_a_look(made, told):
    expected = () if told is None else (Remark((told[0],), (told[1],)),)
    assert overview(made).findings == expected


def test_what_is_wrong_alike_is_told_once_and_the_gravest_first():
    found = overview(*(layer(name, gamma=np.zeros(4)) for name in "abcde"), layer("z", kernel=[[np.nan, 1]]))
    assert [remark.told for remark in found.findings] == [("1 NaN of 2 values",), ("every entry is 0",)]
    assert found.findings[1].places == tuple(f"{name}/gamma" for name in "abcde")
    assert plain(phrase(found.findings[1])) == "a/gamma, b/gamma, c/gamma and 2 more: every entry is 0"


def test_largest_layers_only_where_the_list_does_not_show_them():
    few = [layer(f"d{i}", kernel=np.ones((i + 1, 10))) for i in range(8)]
    assert overview(*few).largest == ()
    found = overview(*few, layer("big", kernel=np.ones((36, 10)))).largest
    assert [(path, size, share) for _, path, size, share in found[:2]] == [("big", 360, "50 %"), ("d7", 80, "11 %")]
    assert len(found) == 5
    assert found[0][0] == "layer=big"


def test_classes_where_one_has_several_layers_and_a_name():
    assert overview(layer("a"), layer("b", "Conv2D")).classes == ()
    assert overview(layer("a", ""), layer("b", "")).classes == ()
    found = overview(layer("a", kernel=[1, 2]), layer("b", kernel=[1]), layer("c", "ReLU")).classes
    assert found == (("Dense", 2, 3),)


def test_custom_classes_are_those_of_layers():
    code = (
        CodeRef(("a",), "", CodeKind.CLASS, "Mine", "my_package"),
        CodeRef(("b",), "", CodeKind.CLASS, "Mine", "my_package"),
        CodeRef(("b",), "activation", CodeKind.FUNCTION, "softplus2"),
    )
    assert overview(layer("a", "Mine"), layer("b", "Mine"), code=code).custom == (("my_package.Mine", 2, "a"),)


def test_a_sub_model_tells_what_is_inside_and_shared_weights_count_once():
    body = Graph((layer("dense", kernel=np.ones((4, 5))), layer("twin")))
    twin = replace(body.layers[1], weights=body.layers[0].weights)
    body = Graph((body.layers[0], twin))
    built = report.build(one(layer("encoder", "Functional", body=body), layer("head", kernel=np.ones((5, 1)))))
    assert {view.new: plain(view.figure) for view in built.layers}["encoder"] == "20"
    assert built.figures[0].new == "25"
    removed = report.build(compare(one(layer("encoder", "Functional", body=body), layer("a")), one(layer("a"))))
    assert {view.old: plain(view.figure) for view in removed.layers}["encoder"] == "−20"


def test_frozen_parameters_are_told_where_there_are_some():
    learned = report.build(one(layer("a", kernel=[1, 2])))
    assert [figure.label for figure in learned.figures] == ["Parameters", "Bytes of weights"]
    frozen = replace(layer("a", kernel=[1, 2]), trainable=False)
    built = report.build(one(frozen, layer("b", kernel=[1])))
    assert [(figure.label, figure.new) for figure in built.figures[:3]] == [
        ("Parameters", "3"),
        ("Trainable", "1"),
        ("Not trainable", "2"),
    ]


def test_unread_values_are_said_to_be_unread():
    subject = one(layer("a", kernel=[1, 2, 3]))
    assert any("not read" in plain(words) for words in report.build(subject).footnotes)
    assert report.build(survey(subject)).footnotes == ()
    assert report.build(one(layer("a"))).footnotes == ()


def test_statistics_of_one_side():
    (kernel, bias) = report.build(survey(one(layer("a", kernel=np.arange(40), bias=np.zeros(3))))).layers[0].weights
    assert ("min", "", "0") in kernel.stats
    assert ("zeros, NaN, Inf", "", "1, 0, 0") in kernel.stats
    assert kernel.histogram is not None
    assert (plain(bias.verdict), bias.stats, bias.histogram) == ("every entry is 0", (), None)


def test_statistics_of_what_is_alone_or_resized_in_a_comparison():
    head = "x: InputLayer(batch_shape=[None, 8])\n"
    old = model(f"{head}gone: Dense(units=9) <- x\nout: Dense(units=5) <- gone\noutputs: out")
    new = model(f"{head}out: Dense(units=7) <- x\nlast: BatchNormalization <- out\noutputs: last")
    views = {view.new or view.old: view for view in report.build(compare(old, new)).layers}
    tensors = {(path, one.name): one for path, view in views.items() for one in view.weights}
    before, after = next((old, new) for label, old, new in tensors["out", "kernel"].stats if label == "std")
    assert before
    assert after
    assert tensors["out", "kernel"].histogram is not None
    assert next((old, new) for label, old, new in tensors["gone", "kernel"].stats if label == "std")[1] == ""
    assert next((old, new) for label, old, new in tensors["last", "gamma"].stats if label == "std")[0] == ""


def test_notes_alike_are_one_remark_and_a_layer_is_named_once():
    notes = [Note(f"l{i}", "holds code: class Mine", Fact.CODE) for i in range(28)]
    notes += [Note("q", text, Fact.CODE) for text in ("class A", "class B")] + [Note("", "about the file")]
    built = replace(report.build(one(layer("a"))), notes=tuple(notes))
    found = of_notes(built)
    assert [(len(remark.places), remark.told) for remark in found] == [
        (28, ("holds code: class Mine",)),
        (1, ("class A", "class B")),
        (0, ("about the file",)),
    ]


def test_the_shape_of_an_input_is_told_once():
    made = layer("x", "InputLayer", {"batch_shape": [None, 3, 4]})
    told = [report.build(one(each)).layers[0] for each in (made, replace(made, output_shapes=((None, 3, 4),)))]
    assert [(view.summary, view.shape) for view in told] == [("3×4", ""), ("", "3×4")]
