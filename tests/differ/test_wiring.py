# Connections told by layers: consequences, keywords, call arguments, and the model's ports.
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from models import FLAT, NESTED, model

from modeldiff.changes import ROOT, ConfigChanged, InputsRewired, InterfaceChanged, Kind
from modeldiff.differ import compare
from modeldiff.graph import Graph, Layer, Model, TensorRef
from modeldiff.report.words import message

CHAIN = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=8) <- x
    b: Dense(units=8) <- a
    c: Dense(units=8) <- b
    out: Dense(units=2) <- c
"""
ATTENTION = """
    q: InputLayer(batch_shape=[None, 8])
    v: InputLayer(batch_shape=[None, 8])
    att: Attention <- q, v
    out: Dense(units=2) <- att
"""


def rewired(old: str, new: str) -> dict[str, bool]:
    """Layer -> whether it only follows from layers that came or went."""
    changes = compare(model(old), model(new)).changes
    return {
        change.site.new[-1]: change.consequence
        for change in changes
        if isinstance(change, InputsRewired) and change.site.new
    }


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (CHAIN.replace("c: Dense(units=8) <- b", "n: Dropout(rate=0.5) <- b\n    c: Dense(units=8) <- n"), {"c": True}),
        (CHAIN.replace("    b: Dense(units=8) <- a\n", "").replace("<- b", "<- a"), {"c": True}),
        (CHAIN.replace("c: Dense(units=8) <- b", "c: Dense(units=8) <- a"), {"c": False}),
        (
            CHAIN.replace("c: Dense(units=8) <- b", "n: Add <- b, x\n    c: Dense(units=8) <- n"),
            {"c": True},
        ),
        (
            CHAIN.replace("c: Dense(units=8) <- b", "n: Dropout(rate=0.5) <- a\n    c: Dense(units=8) <- n"),
            {"c": False},
        ),
    ],
    ids=["inserted", "removed", "another tensor", "a new Add on the way", "a new layer from elsewhere"],
)  # fmt: skip
def test_consequences(new: str, expected: dict[str, bool]) -> None:
    assert rewired(CHAIN, new) == expected
    assert rewired(new, CHAIN) == expected


TOWER = """
    a: InputLayer(batch_shape=[None, 4])
    b: InputLayer(batch_shape=[None, 4])
    tower: Functional <- a <- b
        t: InputLayer(batch_shape=[None, 4])
        d: Dense(units=3) <- t
        outputs: d
    diff: Subtract <- tower, tower@1
    outputs: diff
"""


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("tower@1, tower", {"diff": False}),
        ("tower, tower", {"diff": False}),
        ("tower, tower@1", {}),
    ],
)
def test_two_calls_of_a_sub_model_make_two_tensors(after: str, expected: dict[str, bool]) -> None:
    new = TOWER.replace("Subtract <- tower, tower@1", f"Subtract <- {after}")
    assert rewired(TOWER, new) == expected
    assert rewired(new, TOWER) == expected


def test_the_outputs_of_two_calls_of_a_sub_model_are_two() -> None:
    old = TOWER.replace("outputs: diff", "outputs: tower, tower@1")
    new = TOWER.replace("outputs: diff", "outputs: tower@1, tower")
    assert [change.kind for change in compare(model(old), model(new)).changes] == [Kind.INTERFACE_CHANGED]


def test_a_chain_cut_into_two_sub_models_is_not_rewired() -> None:
    assert not rewired(FLAT, NESTED)
    assert not rewired(NESTED, FLAT)


def _changed(one: Model, name: str, **fields: Any) -> Model:
    def change(layer: Layer) -> Layer:
        return replace(layer, calls=(replace(layer.calls[0], **fields),)) if layer.name == name else layer

    return replace(one, graph=replace(one.graph, layers=tuple(map(change, one.graph.layers))))


def test_another_generation_of_keras_may_name_an_argument_that_the_other_leaves_at_its_place() -> None:
    plain = model(ATTENTION)
    named = _changed(plain, "att", keywords=("", "value"))
    earlier = replace(named, metadata={**named.metadata, "keras_version": "2.15.0"})
    assert not list(compare(earlier, plain).of(Kind.INPUTS_REWIRED))
    swapped = model(ATTENTION.replace("Attention <- q, v", "Attention <- v, q"))
    assert list(compare(earlier, swapped).of(Kind.INPUTS_REWIRED))


def test_a_keyword_is_part_of_a_connection() -> None:
    plain = model(ATTENTION)
    named = _changed(plain, "att", keywords=("", "value"))
    (change,) = compare(plain, named).changes
    assert isinstance(change, InputsRewired)
    assert not change.consequence
    assert not compare(named, named).changes


def test_a_call_argument_is_a_key_of_its_call() -> None:
    plain = model(ATTENTION)
    (change,) = compare(plain, _changed(plain, "att", kwargs={"training": False})).changes
    assert isinstance(change, ConfigChanged)
    assert change.key == "call[0].training"
    assert change.after is False


def _with_ports(shape: tuple[int | None, ...] | None, dtype: str = "float32") -> Model:
    one = model(CHAIN)
    layers = tuple(
        replace(layer, output_shapes=None if shape is None else (shape,)) if layer.name == "out" else layer
        for layer in one.graph.layers
    )
    return replace(one, graph=replace(one.graph, layers=layers, input_shapes=((None, 8),), input_dtypes=(dtype,)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (_with_ports((None, 2)), _with_ports((None, 2)), 0),
        (_with_ports((None, 2)), _with_ports((16, 2)), 0),
        (_with_ports((None, 2)), _with_ports(None), 0),
        (_with_ports((None, 2)), _with_ports((None, 3)), 1),
        (_with_ports((None, 2)), _with_ports((None, None)), 1),
        (_with_ports((None, 2)), _with_ports((None, 2, 1)), 1),
        (_with_ports((None, 2)), _with_ports((None, 2), "int32"), 1),
    ],
    ids=["same", "batch", "unknown", "size", "free", "rank", "dtype"],
)
def test_ports(old: Model, new: Model, told: int) -> None:
    found = [change for change in compare(old, new).changes if change.kind is Kind.INTERFACE_CHANGED]
    assert len(found) == told


def _outputs(graph: Graph, *names: str) -> Graph:
    return replace(graph, outputs=tuple(map(TensorRef, names)))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(("b", "out"), ("b", "out"), 0), (("b", "out"), ("out", "b"), 1), (("out",), ("b", "out"), 1)],
    ids=["same", "order", "number"],
)
def test_the_order_of_outputs(before: tuple[str, ...], after: tuple[str, ...], told: int) -> None:
    one = model(CHAIN)
    diff = compare(replace(one, graph=_outputs(one.graph, *before)), replace(one, graph=_outputs(one.graph, *after)))
    found = [change for change in diff.changes if isinstance(change, InterfaceChanged)]
    assert len(found) == told
    assert all(change.site == ROOT and change.role == "output" for change in found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"p": "b", "q": "out"}, {"p": "b", "q": "out"}, []),
        ({"p": "b", "q": "out"}, {"p": "b", "r": "out"}, ["outputs: p, q → p, r"]),
        ({"p": "b", "q": "out"}, {"p": "out", "q": "b"}, ["outputs: b, out → out, b"]),
        ({"p": "out"}, {"r": "out"}, ["output key p → r"]),
        ({"q": "out"}, {"p": "b", "q": "out"}, ["outputs: 1 → 2 (q → p, q)"]),
        ({"": "out"}, {"p": "out"}, ["outputs now given by key: out → p"]),
        ({"p": "out"}, {"": "out"}, ["outputs no longer given by key: p → out"]),
    ],
)
def test_callers_know_the_outputs_of_a_dict_by_key(
    before: dict[str, str], after: dict[str, str], told: list[str]
) -> None:
    one = model(CHAIN)

    def made(ends: dict[str, str]) -> Model:
        keys = tuple(ends) if any(ends) else ()
        return replace(one, graph=replace(_outputs(one.graph, *ends.values()), output_keys=keys))

    diff = compare(made(before), made(after))
    assert ["".join(message(change, {})) for change in diff.changes] == told


def test_keys_that_only_another_generation_of_keras_writes_are_no_change() -> None:
    one = model(CHAIN)
    keyed = replace(one, graph=replace(one.graph, output_keys=("p",)))
    assert list(compare(one, keyed).of(Kind.INTERFACE_CHANGED))
    earlier = replace(one, metadata={**one.metadata, "keras_version": "2.15.0"})
    assert not list(compare(earlier, keyed).of(Kind.INTERFACE_CHANGED))


def test_an_input_listed_on_one_side_only_is_no_added_layer() -> None:
    functional = model(CHAIN)
    sequential = replace(
        functional,
        graph=replace(functional.graph, layers=functional.graph.layers[1:], inputs=(TensorRef("a_input"),)),
    )
    layers = tuple(
        replace(layer, calls=(replace(layer.calls[0], inputs=(TensorRef("a_input"),)),)) if layer.name == "a" else layer
        for layer in sequential.graph.layers
    )
    sequential = replace(sequential, graph=replace(sequential.graph, layers=layers))
    assert not compare(sequential, functional).changes
    assert not compare(functional, sequential).changes


def test_weights_alone_say_nothing_of_the_structure() -> None:
    whole = model(CHAIN)
    layers = tuple(Layer(layer.name, "", weights=layer.weights) for layer in whole.graph.layers if layer.weights)
    bare = Model("", "w.h5", "keras-h5-weights", Graph(layers, has_edges=False), whole.metadata, has_config=False)
    for old, new in ((whole, bare), (bare, whole)):
        diff = compare(old, new)
        assert {change.kind for change in diff.changes} <= {Kind.METADATA_CHANGED}
        assert len(diff.weight_pairs) == 8


def test_another_operation_is_told_by_its_own_name_and_not_by_the_class_of_all() -> None:
    text = """
        a: InputLayer(batch_shape=[None, 4])
        b: InputLayer(batch_shape=[None, 4])
        op: Maximum <- a, b
        outputs: op
    """

    def made(operation: str) -> Model:
        one = model(text)
        layers = (
            *one.graph.layers[:2],
            replace(one.graph.layers[2], class_name="TFOpLambda", canonical_class=operation),
        )
        return replace(one, graph=replace(one.graph, layers=layers))

    (change,) = compare(made("Maximum"), made("Minimum")).changes
    assert "".join(message(change, {})) == "Maximum → Minimum"
