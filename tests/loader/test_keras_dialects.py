"""One rule of a dialect per test, from configs written here."""

from __future__ import annotations

from typing import Any

import pytest

from modeldiff.errors import NotAModel
from modeldiff.graph import Call, TensorRef
from modeldiff.loader.keras_config import Architecture, read


def layer(name: str, class_name: str = "Dense", inbound: Any = (), **config: Any) -> dict[str, Any]:
    defaults = {"units": 3} if class_name == "Dense" else {}
    return {
        "name": name,
        "class_name": class_name,
        "config": {"name": name, "trainable": True, **defaults, **config},
        "inbound_nodes": list(inbound),
    }


def start(name: str = "x", shape: Any = (None, 4)) -> dict[str, Any]:
    return {
        "name": name,
        "class_name": "InputLayer",
        "config": {"name": name, "batch_input_shape": list(shape), "dtype": "float32"},
        "inbound_nodes": [],
    }


def model(*layers: Any, inputs: Any = (("x", 0, 0),), outputs: Any = (("d", 0, 0),), name: str = "m") -> dict[str, Any]:
    ends = {"input_layers": [list(end) for end in inputs], "output_layers": [list(end) for end in outputs]}
    return {"class_name": "Functional", "config": {"name": name, "layers": list(layers), **ends}, "name": name}


def sequential(*layers: Any, name: str = "s", **more: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers), **more}}


def tensor(name: str, node: int = 0, output: int = 0, shape: Any = (None, 4), dtype: str = "float32") -> dict[str, Any]:
    config = {"shape": list(shape), "dtype": dtype, "keras_history": [name, node, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def call3(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs}


def op(name: str, class_name: str, *args: Any, **config: Any) -> dict[str, Any]:
    return {"name": name, "class_name": class_name, "config": config, "inbound_nodes": [call3(*args)]}


def calls(read_in: Architecture, name: str) -> tuple[Call, ...]:
    return next(found.calls for found in read_in.graph.layers if found.name == name)


def names(read_in: Architecture) -> list[str]:
    return [found.name for found in read_in.graph.layers]


def refs(*found: Any) -> tuple[TensorRef, ...]:
    return tuple(TensorRef(*ref) if isinstance(ref, tuple) else TensorRef(ref) for ref in found)


# Forms of inbound nodes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inbound",
    [
        [[["x", 0, 0]]],
        [[["x", 0, 0, {}]]],
        [["x", 0, 0, {"name": None}]],
        [call3(tensor("x"))],
        [call3(inputs=tensor("x"))],
        [call3({"class_name": "__tuple__", "items": [tensor("x")]})],
    ],
    ids=["keras 1", "keras 2", "TFOpLambda", "keras 3", "first argument by keyword", "tuple"],
)
def test_one_tensor(inbound: Any) -> None:
    assert calls(read(model(start(), layer("d", inbound=inbound))), "d") == (Call(refs("x")),)


def test_a_shared_layer_has_one_call_per_node() -> None:
    shared = layer("d", inbound=[[["x", 0, 0, {}]], [["d", 0, 0, {}]]])
    found = read(model(start(), shared, outputs=[("d", 1, 0)]))
    assert calls(found, "d") == (Call(refs("x")), Call(refs("d")))
    assert found.graph.outputs == refs(("d", 1))


def test_keyword_tensors_of_keras_2_are_told_from_lists_by_the_layers_of_the_model() -> None:
    inbound = [[["x", 0, 0, {"value": ["v", 0, 0], "axes": ["other", 0, 0]}]]]
    found = read(model(start(), start("v"), layer("d", "Custom", inbound)))
    assert calls(found, "d") == (Call(refs("x", "v"), ("", "value"), {"axes": ["other", 0, 0]}),)


def test_keywords_are_sorted() -> None:
    for inbound in (
        [[["x", 0, 0, {"z": ["v", 0, 0], "a": ["x", 0, 0]}]]],
        [call3(tensor("x"), z=tensor("v"), a=tensor("x"))],
    ):
        found = read(model(start(), start("v"), layer("d", "Custom", inbound)))
        assert calls(found, "d") == (Call(refs("x", "x", "v"), ("", "a", "z")),)


def test_nested_structures_are_flat_in_keras_order() -> None:
    inbound = [[{"b": ["v", 0, 0, {}], "a": [["x", 0, 0, {}]]}]]
    found = read(model(start(), start("v"), layer("d", "Custom", inbound)))
    assert calls(found, "d")[0].inputs == refs("x", "v")


def test_constants_keep_their_position() -> None:
    found = read(
        model(
            start(),
            layer("before", "TFOpLambda", [["_CONSTANT_VALUE", -1, 2.0, {"y": ["x", 0, 0], "name": None}]]),
            layer("after", "TFOpLambda", [["before", 0, 0, {"y": 1.0, "name": None}]]),
            layer("d", inbound=[[["after", 0, 0, {}]]]),
        )
    )
    assert calls(found, "before") == (Call(refs("x"), ("y",), {"0": 2}),)
    assert calls(found, "after") == (Call(refs("before"), (), {"y": 1}),)


def test_a_layer_that_does_not_write_whether_it_is_trainable_is_a_layer_also_inside_a_sub_model() -> None:
    """SpatialDropout of Keras 3 writes its config by itself; in the root model `layer_names` has it."""
    drop = {"class_name": "SpatialDropout1D", "config": {"rate": 0.1, "name": "d", "dtype": "float32"}, "name": "d"}
    drop["inbound_nodes"] = [{"args": [tensor("x")], "kwargs": {}}]
    inner = model(start(), drop, outputs=(("d", 0, 0),))
    found = read(inner, keras_version="3.15.0").graph.layers[1]
    assert (found.kind, found.config) == ("layer", {"rate": 0.1})


def test_operations_of_keras_3_are_layers_of_kind_op() -> None:
    found = read(
        model(
            start(),
            op("subtract", "Subtract", 1.0, tensor("x")),
            op("get_item", "GetItem", tensor("subtract"), [{"class_name": "__slice__", "config": {}}, 0]),
            layer("d", inbound=[call3(tensor("get_item"))]),
        )
    )
    assert [(found.name, found.kind) for found in found.graph.layers] == [
        ("x", "layer"), ("subtract", "op"), ("get_item", "op"), ("d", "layer"),
    ]  # fmt: skip
    assert calls(found, "subtract")[0].kwargs == {"0": 1}
    assert calls(found, "get_item")[0].kwargs == {"1": [{"slice": [None, None, None]}, 0]}
    assert found.file_order[()] == ("x", "d")


def test_arithmetic_of_tensorflow_is_that_of_keras_3() -> None:
    old = read(
        model(
            start(),
            layer("tf.math.multiply", "TFOpLambda", [["x", 0, 0, {"y": 2.0, "name": None}]], function="math.multiply"),
            layer("tf.math.subtract", "TFOpLambda", [["_CONSTANT_VALUE", -1, 1.0, {"y": ["tf.math.multiply", 0, 0]}]], function="math.subtract"),
            layer("tf.__operators__.getitem", "SlicingOpLambda", [["tf.math.subtract", 0, 0, {"slice_spec": [{"start": None, "stop": 3, "step": None}, 0]}]], function="__operators__.getitem"),
            layer("d", inbound=[[["tf.__operators__.getitem", 0, 0, {}]]]),
        )
    )  # fmt: skip
    new = read(
        model(
            start(),
            op("multiply", "Multiply", tensor("x"), 2.0),
            op("subtract", "Subtract", 1.0, tensor("multiply")),
            op("get_item", "GetItem", tensor("subtract"), [{"class_name": "__slice__", "config": {"stop": 3}}, 0]),
            layer("d", inbound=[call3(tensor("get_item"))]),
        )
    )
    for before, after in zip(old.graph.layers[1:4], new.graph.layers[1:4], strict=True):
        assert (before.canonical_class, before.kind, before.config) == (after.canonical_class, "op", after.config)
        assert before.calls[0].kwargs == after.calls[0].kwargs
        assert before.calls[0].keywords == after.calls[0].keywords
    assert old.file_order[()] == ("x", "tf.math.multiply", "tf.math.subtract", "tf.__operators__.getitem", "d")


def test_a_custom_layer_that_forgets_trainable_is_no_operation_where_the_file_lists_it() -> None:
    custom = {"name": "c", "class_name": "Mine", "config": {"size": 1}, "inbound_nodes": [call3(tensor("x"))]}
    config = model(start(), custom, layer("d", inbound=[call3(tensor("c"))]))
    assert read(config, layer_names=["x", "c", "d"]).graph.layers[1].kind == "layer"


@pytest.mark.parametrize(
    ("outputs", "expected", "keys"),
    [
        ([["d", 0, 0]], refs("d"), ()),
        ([["d", 0, 0], ["x", 0, 0]], refs("d", "x"), ()),
        (["d", 0, 0], refs("d"), ()),
        ({"b": ["x", 0, 0], "a": [["d", 0, 0]]}, refs("d", "x"), ("a", "b")),
        ([["d", 0, 0], {"k": ["d", 0, 1]}], refs("d", ("d", 0, 1)), ("0", "1.k")),
        ({"k": [["d", 0, 0], ["d", 0, 1]]}, refs("d", ("d", 0, 1)), ("k.0", "k.1")),
    ],
    ids=["list", "list of two", "bare triple", "dict", "nest", "list in a dict"],
)
def test_forms_of_outputs(outputs: Any, expected: Any, keys: tuple[str, ...]) -> None:
    config = model(start(), layer("d", inbound=[[["x", 0, 0, {}]]]))
    config["config"]["output_layers"] = outputs
    graph = read(config).graph
    assert (graph.outputs, graph.output_keys) == (expected, keys)


# Node indices of nested models ----------------------------------------------------------------------------------------


def _nested(first: int, *, modern: bool, end: int, inner: dict[str, Any]) -> dict[str, Any]:
    def inbound(name: str, node: int) -> Any:
        return call3(tensor(name, node)) if modern else [[name, node, 0, {}]]

    inner = {**inner, "name": "n", "inbound_nodes": [inbound("x", 0), inbound("n", first)]}
    return model(start(), inner, layer("d", inbound=[inbound("n", first + 1)]), outputs=[("n", end, 0), ("d", 0, 0)])


INNER = model(start("i"), layer("o", inbound=[[["i", 0, 0, {}]]]), inputs=[("i", 0, 0)], outputs=[("o", 0, 0)])
INNER_SEQUENTIAL = sequential(start("i"), layer("o"))


@pytest.mark.parametrize(
    "config",
    [
        _nested(1, modern=False, end=2, inner=INNER),
        _nested(1, modern=False, end=2, inner=INNER_SEQUENTIAL),
        _nested(0, modern=False, end=1, inner=sequential(layer("o"))),  # built by its first call: no node before
        _nested(0, modern=True, end=2, inner=INNER),
        _nested(0, modern=True, end=1, inner=INNER_SEQUENTIAL),
    ],
    ids=["2 functional", "2 sequential", "2 deferred sequential", "3 functional", "3 sequential"],
)
def test_calls_of_nested_models_count_from_zero(config: Any) -> None:
    found = read(config)
    assert calls(found, "n") == (Call(refs("x")), Call(refs("n")))
    assert calls(found, "d") == (Call(refs(("n", 1))),)
    assert found.graph.outputs == refs(("n", 1), "d")
    assert not found.notes


def test_a_node_that_only_another_model_has_is_the_only_call() -> None:
    """Keras 3.0 and 3.1 count calls made outside of the model."""
    shared = layer("s", inbound=[call3(tensor("x"))])
    found = read(model(start(), shared, layer("d", inbound=[call3(tensor("s", 1))])))
    assert calls(found, "d") == (Call(refs("s")),)
    assert not found.notes


# Sequential -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "version", "name"),
    [
        ({"class_name": "Sequential", "config": [layer("a", batch_input_shape=[None, 4]), layer("b")]}, "1.2.2", "dense_input_1"),
        ({"class_name": "Sequential", "config": [layer("a", batch_input_shape=[None, 4]), layer("b")]}, "2.1.6", "a_input"),
        (sequential(layer("a", batch_input_shape=[None, 4]), layer("b")), "2.3.1", "a_input"),
        (sequential(start("a_in"), layer("a", batch_input_shape=[None, 4]), layer("b")), "2.15.0", "a_in"),
        (sequential(layer("a"), layer("b"), build_input_shape=[None, 4]), "3.6.0", "input_layer"),
    ],
    ids=["1", "2.1", "2.3", "2.15", "3 deferred"],
)  # fmt: skip
def test_the_input_of_a_sequential_is_no_layer(config: Any, version: str, name: str) -> None:
    found = read(config, keras_version=version)
    assert names(found) == ["a", "b"]
    assert found.graph.inputs == refs(name)
    assert found.graph.input_shapes == ((None, 4),)
    assert found.graph.input_dtypes == ("float32",)
    assert calls(found, "a") == (Call(refs(name)),)
    assert found.graph.outputs == refs("b")
    assert found.graph.layers[1].output_shapes == ((None, 3),)
    assert found.file_order == {(): ("a", "b")}


def test_a_nested_sequential_without_a_name_takes_it_from_layer_names() -> None:
    inner = {"class_name": "Sequential", "config": [layer("a")]}
    config = {"class_name": "Sequential", "config": [inner, layer("b")]}
    assert names(read(config, layer_names=["encoder", "b"])) == ["encoder", "b"]
    assert names(read(config)) == ["sequential", "b"]


def test_a_sequential_of_keras_3_does_not_count_its_input_among_the_names() -> None:
    start = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4]}}
    nameless = {"class_name": "Mine", "config": {"units": 2}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [start, nameless]}}
    assert names(read(config, layer_names=["head"])) == ["head"]


def test_a_class_is_called_what_it_was_registered_as() -> None:
    """All that the legacy format tells is `pkg>Affine`, whatever Python calls the class."""
    one = {
        "class_name": "Mine",
        "registered_name": "pkg>Affine",
        "module": "my.code",
        "name": "a",
        "config": {"name": "a"},
    }
    config = {"class_name": "Functional", "config": {"layers": [one], "input_layers": [], "output_layers": []}}
    (layer,) = read(config).graph.layers
    assert (layer.class_name, layer.canonical_class) == ("Mine", "Affine")


def test_a_layer_added_twice_to_a_sequential_of_keras_1_is_shared() -> None:
    found = read({"class_name": "Sequential", "config": [layer("a"), layer("b"), layer("a")]})
    assert names(found) == ["a", "b"]
    assert calls(found, "a") == (Call(refs("a_input")), Call(refs("b")))
    assert found.graph.outputs == refs(("a", 1))


def test_a_merge_at_the_start_of_a_sequential_has_its_branches_before_it() -> None:
    branches = [{"class_name": "Sequential", "config": [layer(name, batch_input_shape=[None, 4])]} for name in "lr"]
    merge = layer("merge", "Merge", mode="concat", concat_axis=-1, layers=branches)
    found = read({"class_name": "Sequential", "config": [merge, layer("d")]}, keras_version="1.2.2")
    assert names(found) == ["sequential", "sequential_1", "merge", "d"]
    assert calls(found, "merge") == (Call(refs("sequential", "sequential_1")),)
    assert len(found.graph.inputs) == 2
    assert found.graph.layers[2].canonical_class == "Concatenate"
    assert found.graph.layers[2].output_shapes == ((None, 6),)


# What kind of model --------------------------------------------------------------------------------------------------


def test_a_subclass_is_recognised_by_its_structure() -> None:
    inner = {**INNER, "class_name": "my_pkg>MyModel", "name": "n", "inbound_nodes": [[["x", 0, 0, {}]]]}
    found = read(model(start(), inner, layer("d", inbound=[[["n", 1, 0, {}]]])))
    nested = found.graph.layers[1]
    assert (nested.class_name, nested.canonical_class) == ("MyModel", "Functional")
    assert nested.body is not None
    assert [inside.name for inside in nested.body.layers] == ["i", "o"]
    assert set(found.raw) == {(), ("x",), ("n",), ("n", "i"), ("n", "o"), ("d",)}


def test_a_subclassed_model_without_layers_has_no_graph() -> None:
    found = read({"class_name": "MyModel", "config": {"units": 3, "layers": [64, 32]}})
    assert not found.has_graph
    assert not found.graph.has_edges
    assert found.class_name == "MyModel"


def test_a_wrapped_model_is_the_body_of_its_wrapper() -> None:
    wrapper = layer("td", "TimeDistributed", [[["x", 0, 0, {}]]], layer=INNER)
    found = read(model(start(shape=(None, 7, 4)), wrapper, layer("d", inbound=[[["td", 0, 0, {}]]])))
    wrapped = found.graph.layers[1]
    assert wrapped.config == {"layer": "Functional"}
    assert wrapped.body is not None
    assert [inside.name for inside in wrapped.body.layers] == ["i", "o"]
    assert wrapped.output_shapes == ((None, 7, 3),)
    assert ("td",) not in found.file_order  # no model in `model.layers`


@pytest.mark.parametrize("config", [None, [], "text", {}, {"class_name": "Model"}, {"class_name": 3, "config": {}}])
def test_what_is_no_model(config: Any) -> None:
    with pytest.raises(NotAModel):
        read(config)


# What Keras adds on its own ------------------------------------------------------------------------------------------


def test_masks_that_keras_computes_are_dropped() -> None:
    config = model(
        start("t"),
        layer("e", "Embedding", [call3(tensor("t"))], mask_zero=True, input_dim=9, output_dim=4),
        op("not_equal", "NotEqual", tensor("t"), 0),
        op("any", "Any", tensor("not_equal"), axis=-1),
        layer("d", "LSTM", [call3(tensor("e"), mask=tensor("any"), training=False)], units=2),
        inputs=[("t", 0, 0)],
    )
    found = read(config)
    assert names(found) == ["t", "e", "d"]
    assert calls(found, "d") == (Call(refs("e")),)


def test_masks_that_a_person_computes_stay() -> None:
    config = model(
        start("t"),
        start("m"),
        op("cast", "Cast", tensor("m"), dtype="bool"),
        layer("d", "LSTM", [call3(tensor("t"), mask=tensor("cast"))], units=2),
    )
    assert calls(read(config), "d") == (Call(refs("t", "cast"), ("", "mask")),)


def test_a_mask_that_is_used_otherwise_stays() -> None:
    config = model(
        start("t"),
        layer("e", "Embedding", [call3(tensor("t"))], mask_zero=True),
        op("not_equal", "NotEqual", tensor("t"), 0),
        layer("l", "LSTM", [call3(tensor("e"), mask=tensor("not_equal"))], units=2),
        op("sum", "Sum", tensor("not_equal")),
        layer("d", inbound=[call3(tensor("sum"))]),
    )
    assert "not_equal" in names(read(config))


def test_casts_of_mixed_precision_are_connected_through() -> None:
    half = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    config = model(
        start(),
        op("cast", "Cast", tensor("x"), dtype="float16"),
        layer("a", inbound=[call3(tensor("cast", dtype="float16"))], dtype=half),
        op("cast_1", "Cast", tensor("a", dtype="float16"), dtype="float32"),
        layer("d", inbound=[call3(tensor("cast_1"))]),
    )
    found = read(config)
    assert names(found) == ["x", "a", "d"]
    assert calls(found, "d") == (Call(refs("a")),)


@pytest.mark.parametrize(("source", "target"), [("int32", "float32"), ("float32", "float16")])
def test_casts_that_no_layer_asks_for_stay(source: str, target: str) -> None:
    cast = op("cast", "Cast", tensor("x", dtype=source), dtype=target)
    assert "cast" in names(read(model(start(), cast, layer("d", inbound=[call3(tensor("cast"))]))))


@pytest.mark.parametrize(
    ("class_name", "kwargs", "kept"),
    [
        ("Dropout", {"training": False}, {}),
        ("Dropout", {"training": True}, {"training": True}),
        ("BatchNormalization", {"training": False, "mask": None}, {"training": False}),
        ("RandomFlip", {"training": True}, {}),
        ("RandomFlip", {"training": False}, {"training": False}),
        ("Attention", {"mask": [None, None], "use_causal_mask": True}, {"use_causal_mask": True}),
        ("Custom", {"mask": {"a": None}, "level": 0.30000001192092896}, {"level": 0.3}),
    ],
)
def test_call_arguments(class_name: str, kwargs: Any, kept: Any) -> None:
    for inbound in ([[["x", 0, 0, kwargs]]], [call3(tensor("x"), **kwargs)]):
        assert calls(read(model(start(), layer("d", class_name, inbound))), "d") == (Call(refs("x"), (), kept),)


def test_training_of_a_nested_model_stays() -> None:
    inner = {**INNER, "name": "n", "inbound_nodes": [call3(tensor("x"), training=False)]}
    found = read(model(start(), inner, layer("d", inbound=[call3(tensor("n"))])))
    assert calls(found, "n") == (Call(refs("x"), (), {"training": False}),)


@pytest.mark.parametrize(
    ("class_name", "keras_2", "keras_3"),
    [
        ("MultiHeadAttention", [["x", 0, 0, {"value": ["v", 0, 0]}]], call3(tensor("x"), tensor("v"))),
        ("LSTM", [["x", 0, 0, {}], ["v", 0, 0, {}]], call3(tensor("x"), initial_state=[tensor("v")])),
    ],
)
def test_arguments_are_labelled_alike(class_name: str, keras_2: Any, keras_3: Any) -> None:
    old, new = (
        calls(read(model(start(), start("v"), layer("d", class_name, [inbound]))), "d")
        for inbound in (keras_2, keras_3)
    )
    assert old == new
    assert old[0].keywords[1] != ""


# Order ---------------------------------------------------------------------------------------------------------------


def test_layers_follow_what_feeds_them_and_ties_keep_the_order_of_the_file() -> None:
    found = read(
        model(
            layer("d", "Add", [[["b", 0, 0, {}], ["a", 0, 0, {}]]]),
            layer("b", inbound=[[["x", 0, 0, {}]]]),
            layer("a", inbound=[[["x", 0, 0, {}]]]),
            start(),
        )
    )
    assert names(found) == ["x", "b", "a", "d"]


def test_a_shared_layer_stands_where_its_first_call_does() -> None:
    shared = layer("s", inbound=[[["late", 0, 0, {}]], [["x", 0, 0, {}]]])
    found = read(
        model(start(), shared, layer("late", inbound=[[["x", 0, 0, {}]]]), layer("d", inbound=[[["s", 1, 0]]]))
    )
    assert names(found) == ["x", "late", "s", "d"]


# Frozen layers -------------------------------------------------------------------------------------------------------


def test_a_frozen_model_freezes_what_has_weights() -> None:
    """The same for the versions that write only the model's flag, only its layers' flags, or both."""

    def frozen(*, flag: bool, inner: bool) -> dict[str, bool]:
        body = model(
            start("i"),
            layer("o", inbound=[[["i", 0, 0, {}]]], trainable=inner),
            layer("r", "Activation", [[["o", 0, 0, {}]]], trainable=inner, activation="relu"),
            inputs=[("i", 0, 0)],
            outputs=[("r", 0, 0)],
        )
        body["config"]["trainable"] = flag
        body |= {"name": "n", "inbound_nodes": [[["x", 0, 0, {}]]]}
        found = read(model(start(), body, layer("d", inbound=[[["n", 1, 0, {}]]])))
        return {"/".join(path): found.trainable for path, found in found.graph.walk()}

    expected = {"x": True, "n": False, "n/i": True, "n/o": False, "n/r": True, "d": True}
    assert (
        frozen(flag=False, inner=True) == frozen(flag=True, inner=False) == frozen(flag=False, inner=False) == expected
    )
    assert frozen(flag=True, inner=True) == dict.fromkeys(expected, True)


@pytest.mark.parametrize("class_name", ["RandomWidth", "Dropout", "StringLookup", "TFOpLambda"])
def test_what_has_nothing_to_train_is_never_frozen(class_name: str) -> None:
    found = read(model(start(), layer("d", class_name, [[["x", 0, 0, {}]]], trainable=False)))
    assert found.graph.layers[1].trainable


# Broken files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inbound", "text"),
    [
        ([[["gone", 0, 0, {}]]], "takes a tensor of 'gone', which is not in the file"),
        ([[["x", 7, 0, {}]], [["d", 5, 0, {}]]], "takes call 5 of 'd', which the file does not have"),
        ([[3]], "connections unreadable: int instead of a tensor"),
        ([[["_CONSTANT_VALUE", -1, "ij,jk->ik", {}]]], "connections incomplete in the file"),
    ],
)
def test_broken_connections_are_noted_at_their_layer(inbound: Any, text: str) -> None:
    found = read(model(start(), layer("d", inbound=inbound)))
    assert names(found) == ["x", "d"]
    assert ("d", text) in [(note.about, note.text) for note in found.notes]


def test_a_cycle_is_cut_and_noted() -> None:
    found = read(model(start(), layer("a", inbound=[[["d", 0, 0]]]), layer("d", inbound=[[["a", 0, 0]]])))
    assert names(found) == ["x", "a", "d"]
    assert [note.text for note in found.notes] == ["the connections form a cycle, entered at a"]


def test_later_layers_of_one_name_are_shown_and_noted() -> None:
    found = read(model(start(), layer("d", inbound=[[["x", 0, 0]]]), layer("d", inbound=[[["d", 0, 0]]])))
    assert names(found) == ["x", "d", "d (2)"]
    assert [note.text for note in found.notes] == ["two layers are called 'd'; the later one is shown as 'd (2)'"]


def test_entries_that_are_no_layers_are_counted() -> None:
    found = read(sequential(layer("a"), 3, {"class_name": None}))
    assert names(found) == ["a"]
    assert [note.text for note in found.notes] == ["2 of 3 entries in `layers` are no layers"]


def test_shapes_the_file_tells_win_and_pass_through_custom_layers() -> None:
    found = read(
        model(
            start(shape=(None, 5, 4)),
            layer("c", "Custom", [call3(tensor("x", shape=(None, 5, 4)))]),
            layer("bn", "BatchNormalization", [call3(tensor("c", shape=(None, 8)))], axis=1),
            layer("d", inbound=[call3(tensor("bn", shape=(None, 8)))]),
        )
    )
    assert [found.output_shapes for found in found.graph.layers] == [
        ((None, 5, 4),),
        ((None, 8),),
        ((None, 8),),
        ((None, 3),),
    ]
    assert found.graph.layers[2].config["axis"] == -1


def test_every_call_of_a_shared_layer_passes_shapes_on() -> None:
    shared = layer("s", "Flatten", [[["x", 0, 0]], [["y", 0, 0]]])
    found = read(
        model(start(), start("y", (None, 2, 3)), shared, layer("d", "Activation", [[["s", 1, 0]]], activation="relu"))
    )
    assert found.graph.layers[-1].output_shapes == ((None, 6),)


@pytest.mark.parametrize(
    ("told", "padded", "written"),
    [("th", (None, 3, 6, 8), "channels_first"), ("tf", (None, 5, 8, 4), None), (None, None, None)],
)
def test_keras_1_padding_has_its_channels_where_the_others_have_them(told: Any, padded: Any, written: Any) -> None:
    """`ZeroPadding2D` of Keras 1 does not say where the channels are; without a layer that does, no shape is told."""
    first = layer("c", "MaxPooling2D", [[["x", 0, 0]]], pool_size=[1, 1], strides=[1, 1], border_mode="valid")
    if told:
        first["config"]["dim_ordering"] = told
    pad = layer("p", "ZeroPadding2D", [[["x", 0, 0]]], padding=[1, 2])
    shapes = read(model(start(shape=(None, 3, 4, 4)), first, pad, outputs=(("p", 0, 0),)), keras_version="1.2.2")
    found = next(one for one in shapes.graph.layers if one.name == "p")
    assert found.output_shapes == (padded and (padded,))
    assert found.config.get("data_format") == written


@pytest.mark.parametrize(("function", "name"), [("math.greater", "Greater"), ("math.floormod", "Mod")])
def test_a_function_of_tensorflow_is_the_operation_of_keras_3(function: str, name: str) -> None:
    """Also with a constant array, which Keras 3 writes as an object, and under a policy, which it does not obey."""
    policy = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}
    old = layer("o", "TFOpLambda", [["x", 0, 0, {"y": [1, 2, 3, 4], "name": None}]], function=function, dtype=policy)
    constant = {"class_name": "__numpy__", "config": {"value": [1, 2, 3, 4], "dtype": "int32"}}
    new = op("o", name, tensor("x"), constant)
    (first,), (second,) = (
        read(model(start(), made, outputs=(("o", 0, 0),)), keras_version=version).graph.layers[1:]
        for made, version in ((old, "2.9.0"), (new, "3.8.0"))
    )
    assert (first.canonical_class, first.config, first.calls) == (second.canonical_class, second.config, second.calls)
    assert second.calls[0].kwargs == {"1": [1, 2, 3, 4]}


def test_a_node_of_tensorflow_2_3_is_the_operation_of_keras_3() -> None:
    """Its constants stand in the config, by position: `2 - x`."""
    node = {"name": "Sub", "op": "Sub", "input": ["Sub/x", "x"], "attr": {"T": {"type": "DT_FLOAT"}}}
    old = layer("o", "TensorFlowOpLayer", [[["x", 0, 0, {}]]], node_def=node, constants={"0": 2.0}, dtype="float32")
    new = op("o", "Subtract", 2.0, tensor("x"))
    (first,), (second,) = (
        read(model(start(), made, outputs=(("o", 0, 0),)), keras_version=version).graph.layers[1:]
        for made, version in ((old, "2.3.0-tf"), (new, "3.8.0"))
    )
    assert (first.canonical_class, first.config, first.calls) == (second.canonical_class, second.config, second.calls)
    assert (first.kind, first.output_shapes) == ("op", ((None, 4),))
