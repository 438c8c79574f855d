# Files that are not what the writer's own Keras meant: indices of Keras 3.0 and 3.1, and what TensorFlow 2.5 to 2.15
# lose of shared layers. Each config is cut down from what that version wrote.
"""What writers got wrong, and what is made of it."""

from __future__ import annotations

from test_keras_dialects import call3, calls, layer, model, start, tensor

from modeldiff.graph import Call, TensorRef
from modeldiff.loader.keras_config import read


def test_calls_in_other_models_are_not_counted() -> None:
    """Keras 3.1: `d(other); y = d(x); z = d(y)` with outputs y and z."""
    shared = layer("d", inbound=[call3(tensor("x")), call3(tensor("d", 1))])
    found = read(model(start(), shared, outputs=(("d", 0, 0), ("d", 1, 0))), keras_version="3.1.1")
    assert calls(found, "d") == (Call((TensorRef("x"),)), Call((TensorRef("d", 0),)))
    assert found.graph.outputs == (TensorRef("d", 0), TensorRef("d", 1))
    assert found.notes == ()


def test_indices_beyond_the_calls_are_in_the_order_of_the_calls() -> None:
    """Keras 3.1: calls 2 and 5 of the layer are in the model, the others elsewhere."""
    shared = layer("d", inbound=[call3(tensor("x")), call3(tensor("a"))])
    between = layer("a", "Activation", [call3(tensor("d", 2))])
    last = layer("b", "Activation", [call3(tensor("d", 5))])
    found = read(model(start(), shared, between, last, outputs=(("b", 0, 0),)), keras_version="3.1.1")
    assert calls(found, "a") == (Call((TensorRef("d", 0),)),)
    assert calls(found, "b") == (Call((TensorRef("d", 1),)),)
    assert found.notes == ()


def test_a_second_call_that_only_the_output_takes_stays_the_second() -> None:
    """The usual case: nothing was called elsewhere, so `d(d(x))` takes call 0."""
    shared = layer("d", inbound=[call3(tensor("x")), call3(tensor("d", 0))])
    found = read(model(start(), shared, outputs=(("d", 1, 0),)), keras_version="3.1.1")
    assert calls(found, "d") == (Call((TensorRef("x"),)), Call((TensorRef("d", 0),)))


def test_connections_that_a_sub_model_took_the_place_of_are_told_as_lost() -> None:
    """TensorFlow 2.9: `tied` is called on x, and again inside `sub` on a."""
    inside = model(
        start("a"), layer("tied", inbound=[[["a", 0, 0, {}]]]), name="sub", inputs=(("a", 0, 0),),
        outputs=(("tied", 0, 0),),
    )  # fmt: skip
    inside["inbound_nodes"] = [[["tied", 0, 0, {}]]]
    found = read(
        model(start(), layer("tied", inbound=[[["a", 0, 0, {}]]]), inside, outputs=(("sub", 1, 0),)),
        keras_version="2.9.0",
    )
    assert calls(found, "tied") == (Call(),)
    assert [(note.about, note.text) for note in found.notes] == [
        ("tied", "its connections here are not in the file, which repeats those in a sub-model")
    ]


def test_the_outputs_of_a_layer_have_all_their_shapes_or_none() -> None:
    """Keras 3 tells the shape of what another layer takes: here only of the first of two outputs."""
    two = layer("two", "Custom", [call3(tensor("x"))])
    last = layer("d", inbound=[call3(tensor("two", shape=(None, 2)))])
    found = read(model(start(), two, last, outputs=(("d", 0, 0), ("two", 0, 1))), keras_version="3.8.0")
    assert {one.name: one.output_shapes for one in found.graph.layers}["two"] is None


def test_indices_that_keras_lost_are_those_of_the_calls_in_order() -> None:
    """Keras 3.2: `dist([base(x), base(y)])` was written with call 0 twice."""
    shared = layer("base", inbound=[call3(tensor("x")), call3(tensor("y"))])
    last = layer("dist", "Subtract", [call3([tensor("base", 0), tensor("base", 0)])])
    found = read(model(start(), start("y"), shared, last, inputs=(("x", 0, 0), ("y", 0, 0)), outputs=(("dist", 0, 0),)))
    assert calls(found, "dist") == (Call((TensorRef("base", 0), TensorRef("base", 1))),)
    assert [(note.about, note.text) for note in found.notes] == [
        ("base", "Keras 3.2 did not write which of its calls is meant where; they are taken in order")
    ]


def test_outputs_of_one_call_stay_together() -> None:
    shared = layer("l", "LSTM", [call3(tensor("x")), call3(tensor("x"))])
    takers = [layer(name, "Add", [call3([tensor("l", 0), tensor("l", 0, 2)])]) for name in ("a", "b")]
    found = read(model(start(), shared, *takers, outputs=(("a", 0, 0), ("b", 0, 0))))
    assert calls(found, "a") == (Call((TensorRef("l", 0), TensorRef("l", 0, 2))),)
    assert calls(found, "b") == (Call((TensorRef("l", 1), TensorRef("l", 1, 2))),)


def test_where_the_order_tells_nothing_the_first_call_is_shown() -> None:
    shared = layer("d", inbound=[call3(tensor("x")), call3(tensor("x"))])
    takers = [layer(name, "Activation", [call3(tensor("d", 0))]) for name in ("a", "b", "c")]
    found = read(model(start(), shared, *takers, outputs=(("a", 0, 0), ("b", 0, 0), ("c", 0, 0))))
    assert [calls(found, name)[0].inputs for name in "abc"] == [(TensorRef("d", 0),)] * 3
    assert [note.text for note in found.notes] == [
        "Keras 3.2 did not write which of its calls is meant where; the first is shown"
    ]
