# Units in another order, through every kind of layer that may stand behind them: the same function where all weights
# follow, and weaker words at the first one that does not.
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import model, weight

from modeldiff import report
from modeldiff.differ import compare
from modeldiff.graph import Call, Graph, Layer, Model, TensorRef, format_path

RANDOM = np.random.default_rng(0)


def values(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def arrays(layer):
    return {one.name: one.source.array for one in layer.weights}


def with_weights(found, changed, shapes=None):
    """The model with other arrays in some layers, and output shapes."""
    layers = tuple(
        replace(
            layer,
            weights=tuple(weight(name, array) for name, array in changed.get(layer.name, arrays(layer)).items()),
            output_shapes=(shapes[layer.name],) if shapes and layer.name in shapes else layer.output_shapes,
        )
        for layer in found.graph.layers
    )
    return replace(found, graph=replace(found.graph, layers=layers))


def told(old, new):
    """For each reordered layer, who follows, and whether the function is the same."""
    return {
        format_path(one.site.new): (" ".join(map(format_path, one.followers)), one.same_function)
        for one in compare(old, new).reorderings
    }


def units(layer, order):
    """All weights of a Dense or Conv2D with their units reordered."""
    return {name: array[..., order] for name, array in arrays(layer).items()}


def inputs(layer, order):
    return {name: array[..., order, :] if array.ndim > 1 else array for name, array in arrays(layer).items()}


DENSE = model(
    """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=12, activation="relu") <- x
    drop: Dropout(rate=0.5) <- a
    b: Dense(units=6) <- drop
    outputs: b
    """
)
LAYERS = {layer.name: layer for layer in DENSE.graph.layers}
ORDER = RANDOM.permutation(12)


def test_a_hidden_layer_and_the_next_ones_inputs():
    new = with_weights(DENSE, {"a": units(LAYERS["a"], ORDER), "b": inputs(LAYERS["b"], ORDER)})
    assert told(DENSE, new) == {"a": ("b", True)}
    words = report.build(compare(DENSE, new))
    assert "".join(words.verdict) == "Weights only: same function, units reordered in all 2 layers"
    (note,) = compare(DENSE, new).notes
    assert note.text == "same function, units reordered, and b with them"


def touched(weights, name):
    array = weights[name].copy()
    array.reshape(-1)[3] += 0.5
    return {**weights, name: array}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (units(LAYERS["a"], ORDER), arrays(LAYERS["b"])),
        (units(LAYERS["a"], ORDER), inputs(LAYERS["b"], RANDOM.permutation(12))),
        (units(LAYERS["a"], ORDER), touched(inputs(LAYERS["b"], ORDER), "kernel")),
        (units(LAYERS["a"], ORDER), touched(inputs(LAYERS["b"], ORDER), "bias")),
        ({**units(LAYERS["a"], ORDER), "bias": arrays(LAYERS["a"])["bias"]}, inputs(LAYERS["b"], ORDER)),
        (touched(units(LAYERS["a"], ORDER), "bias"), inputs(LAYERS["b"], ORDER)),
    ],
    ids=["not followed", "another order", "kernel moved", "bias moved", "bias stays", "own bias moved"],
)
def test_what_does_not_follow_is_no_proof(a, b):
    new = with_weights(DENSE, {"a": a, "b": b})
    assert not any(same for _, same in told(DENSE, new).values())
    assert "same function" not in "".join(report.build(compare(DENSE, new)).verdict)


def test_outputs_of_the_model_must_keep_their_order():
    new = with_weights(DENSE, {"b": units(LAYERS["b"], RANDOM.permutation(6))})
    assert told(DENSE, new) == {"b": ("", False)}


@pytest.mark.parametrize("activation", ["glu", "my_own"])
def test_an_activation_that_tells_units_apart_is_no_proof(activation):
    old = model(
        f"""
        x: InputLayer(batch_shape=[None, 8])
        a: Dense(units=12) <- x
        act: Activation(activation="{activation}") <- a
        b: Dense(units=6) <- act
        outputs: b
        """
    )
    layers = {layer.name: layer for layer in old.graph.layers}
    new = with_weights(old, {"a": units(layers["a"], ORDER), "b": inputs(layers["b"], ORDER)})
    assert told(old, new) == {"a": ("", False)}


def test_every_consumer_must_follow():
    old = model(
        """
        x: InputLayer(batch_shape=[None, 8])
        a: Dense(units=12) <- x
        b: Dense(units=6) <- a
        c: Dense(units=6) <- a
        outputs: b, c
        """
    )
    layers = {layer.name: layer for layer in old.graph.layers}
    one = {"a": units(layers["a"], ORDER), "b": inputs(layers["b"], ORDER)}
    assert told(old, with_weights(old, one)) == {"a": ("b", False)}
    assert told(old, with_weights(old, one | {"c": inputs(layers["c"], ORDER)})) == {"a": ("b c", True)}


IMAGES = model(
    """
    x: InputLayer(batch_shape=[None, 4, 4, 3])
    a: Conv2D(filters=12, kernel_size=1) <- x
    n: BatchNormalization <- a
    r: ReLU <- n
    c: Conv2D(filters=12, kernel_size=1) <- r
    s: Add <- r, c
    p: MaxPooling2D <- s
    f: Flatten <- p
    d: Dense(units=5) <- f
    outputs: d
    """
)


def images():
    shapes = dict.fromkeys("anrcs", (None, 4, 4, 12)) | {
        "p": (None, 2, 2, 12),
        "f": (None, 48),
        "x": (None, 4, 4, 3),
    }
    known = {layer.name: layer for layer in IMAGES.graph.layers}
    flat = {"kernel": np.random.default_rng(1).standard_normal((48, 5)).astype(np.float32)}
    base = {"d": {**flat, "bias": arrays(known["d"])["bias"]}}
    return known, base, lambda more: with_weights(IMAGES, base | more, shapes)


def test_through_normalisation_a_residual_connection_pooling_and_flatten():
    known, base, made = images()
    rows = (np.arange(4)[:, None] * 12 + ORDER).reshape(-1)
    reordered = {
        "a": units(known["a"], ORDER),
        "n": units(known["n"], ORDER),
        "c": units(
            replace(known["c"], weights=tuple(weight(*one) for one in inputs(known["c"], ORDER).items())), ORDER
        ),
        "d": {**base["d"], "kernel": base["d"]["kernel"][rows]},
    }
    old = made({})
    assert told(old, made(reordered)) == {"a": ("n c d", True), "c": ("d", True)}
    for name in reordered:  # each part is needed
        less = {key: value for key, value in reordered.items() if key != name}
        assert not any(same for _, same in told(old, made(less)).values()), name
    by_channel = {**base["d"], "kernel": base["d"]["kernel"].reshape(12, 4, 5)[ORDER].reshape(48, 5)}
    assert not any(same for _, same in told(old, made(reordered | {"d": by_channel})).values())


def test_gates_of_recurrent_layers():
    def layer(name, kernel, recurrent, bias, before):
        weights = (weight("kernel", kernel), weight("recurrent_kernel", recurrent), weight("bias", bias))
        return Layer(name, "GRU", {"units": 5}, (Call((TensorRef(before),)),), weights)

    def made(*layers, outputs):
        first = Layer("x", "InputLayer", calls=(Call(),))
        return Model("m", "m.h5", "keras-h5", Graph((first, *layers), (TensorRef("x"),), (TensorRef(outputs),)))

    kernel, recurrent, bias = values(4, 15), values(5, 15), values(2, 15)
    head = values(5, 3)
    order = np.array([3, 0, 4, 1, 2])
    gates = (np.arange(3)[:, None] * 5 + order).reshape(-1)

    def pair(*arrays, head):
        dense = Layer("d", "Dense", {"units": 3}, (Call((TensorRef("g"),)),), (weight("kernel", head),))
        return made(layer("g", *arrays, "x"), dense, outputs="d")

    old = pair(kernel, recurrent, bias, head=head)
    new = pair(kernel[:, gates], recurrent[order][:, gates], bias[:, gates], head=head[order])
    assert told(old, new) == {"g": ("d", True)}
    half = pair(kernel[:, gates], recurrent[:, gates], bias[:, gates], head=head[order])
    assert not any(same for _, same in told(old, half).values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=4), st.integers(0, 999), st.booleans())
def test_what_is_called_the_same_function_computes_the_same(widths, seed, spoilt):
    random = np.random.default_rng(seed)
    sizes = [3, *widths, 2]
    text = ["x: InputLayer(batch_shape=[None, 3])"]
    text += [
        f'd{i}: Dense(units={size}, activation="tanh") <- {f"d{i - 1}" if i else "x"}'
        for i, size in enumerate(sizes[1:])
    ]
    old = model("\n".join([*text, f"outputs: d{len(widths)}"]))
    changed, before = {}, np.arange(3)
    for place, layer in enumerate(old.graph.layers[1:]):
        order = random.permutation(sizes[place + 1]) if place < len(widths) else np.arange(2)
        changed[layer.name] = {
            "kernel": arrays(layer)["kernel"][before][:, order],
            "bias": arrays(layer)["bias"][order],
        }
        before = order
    if spoilt:
        kernel = changed[f"d{random.integers(len(sizes) - 1)}"]["kernel"]
        kernel[:] = kernel[random.permutation(kernel.shape[0])]
    new = with_weights(old, changed)

    def run(found):
        row = np.array([[0.5, -1.0, 2.0]])
        for layer in found.graph.layers[1:]:
            row = np.tanh(row @ arrays(layer)["kernel"] + arrays(layer)["bias"])
        return row

    same = "same function" in "".join(report.build(compare(old, new)).verdict)
    assert not same or np.allclose(run(old), run(new), atol=1e-5)
    if not spoilt and not np.array_equal(changed["d0"]["kernel"], arrays(old.graph.layers[1])["kernel"]):
        assert same or not compare(old, new).reorderings
