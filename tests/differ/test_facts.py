from __future__ import annotations

import numpy as np
import pytest
from models import model, weight

from modeldiff.changes import Options
from modeldiff.differ import compare
from modeldiff.graph import CodeKind, CodeRef, Fact, Graph, Layer, Model

RANDOM = np.random.default_rng(0)


def values(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def told(*layers, version="3.15.1", **about):
    """Facts about pairs of layers of one name."""
    sides = [
        Model("m", f"{side}.h5", "keras-h5", Graph(found), {"keras_version": version}, **about)
        for side, found in zip(("old", "new"), zip(*layers, strict=True), strict=True)
    ]
    pins = tuple((old.name, new.name) for old, new in layers)
    notes = compare(*sides, options=Options(pins=pins)).notes
    return [(note.about, note.fact, note.text) for note in notes if note.fact]


def dense(name, kernel, *, trainable=True, bias=None):
    extra = () if bias is None else (weight("bias", bias),)
    return Layer(name, "Dense", weights=(weight("kernel", kernel), *extra), trainable=trainable)


def norm(name, mean, variance, *, trainable=True):
    statistics = (weight("moving_mean", mean, trainable=False), weight("moving_variance", variance, trainable=False))
    return Layer(name, "BatchNormalization", weights=statistics, trainable=trainable)


def test_frozen_yet_moved():
    old, new = dense("a", values(4, 4), trainable=False), dense("a", values(4, 4), trainable=False)
    assert told((old, new)) == [("a", "frozen-moved", "frozen on both sides, yet kernel changed")]


def test_frozen_and_still_or_frozen_since_is_nothing():
    kernel = values(4, 4)
    assert told((dense("a", kernel, trainable=False), dense("a", kernel, trainable=False))) == []
    assert told((dense("a", kernel), dense("a", values(4, 4), trainable=False))) == []


def test_frozen_and_another_dtype_is_no_training():
    kernel = values(4, 4)
    assert told((dense("a", kernel, trainable=False), dense("a", kernel.astype(np.float16), trainable=False))) == []


@pytest.mark.parametrize(
    ("version", "facts"), [("3.15.1", ["frozen-moved"]), ("2.2.4-tf", ["frozen-moved"]), ("1.2.2", [])]
)
def test_frozen_statistics_move_in_the_first_versions_only(version, facts):
    frozen = norm("n", values(4), values(4), trainable=False), norm("n", values(4), values(4), trainable=False)
    found = told(frozen, version=version)
    assert [fact for _, fact, _ in found] == facts
    assert not facts or found[0][2] == "frozen on both sides, yet moving_mean and moving_variance changed"


def test_statistics_of_a_trainable_layer_may_move():
    assert told((norm("n", values(4), values(4)), norm("n", values(4), values(4)))) == []


def test_what_no_file_tells_is_no_fact():
    """Files of weights alone do not say what is trainable."""
    moved = [(dense(name, values(4, 4)), dense(name, values(4, 4))) for name in "bc"]
    still = values(4, 4)
    frozen = dense("a", values(4, 4), trainable=False), dense("a", values(4, 4), trainable=False)
    assert told(frozen, has_config=False) == []
    assert told((dense("a", still), dense("a", still)), *moved, has_config=False) == []


def test_a_frozen_model_freezes_all_inside():
    text = """
        x: InputLayer(batch_shape=[None, 8])
        enc: Functional <- x
            ex: InputLayer(batch_shape=[None, 8])
            ed: Dense(units=2, trainable=False, w={}) <- ex
            outputs: ed
        outputs: enc
    """
    notes = compare(model(text.format(1)), model(text.format(2))).notes
    assert [(note.about, note.fact) for note in notes] == [("enc/ed", Fact.FROZEN_MOVED)]


def test_trainable_yet_still_while_others_moved():
    still = values(4, 4)
    moved = [(dense(name, values(4, 4)), dense(name, values(4, 4))) for name in "bc"]
    assert [fact[:2] for fact in told((dense("a", still), dense("a", still)), *moved)] == [("a", "unmoved")]


def test_scales_of_a_model_begun_anew_are_not_unmoved():
    ones = np.ones(40, np.float32)
    scale = Layer("n", "LayerNormalization", weights=(weight("gamma", ones),))
    anew = [(dense(name, values(40, 40)), dense(name, values(40, 40))) for name in "bc"]
    still = values(40, 40)
    assert told((scale, scale), *anew) == []
    assert [fact[:2] for fact in told((dense("a", still), dense("a", still)), *anew)] == [("a", "unmoved")]
    trained = [(dense(name, values(4, 4)), dense(name, values(4, 4))) for name in "bc"]
    assert [fact[:2] for fact in told((scale, scale), *trained)] == [("n", "unmoved")]


def test_what_was_frozen_on_a_side_or_is_not_known_to_be_trained_is_not_unmoved():
    still = values(4, 4)
    moved = [(dense(name, values(4, 4)), dense(name, values(4, 4))) for name in "bc"]
    assert told((dense("a", still, trainable=False), dense("a", still)), *moved) == []
    mean = values(4)
    assert told((norm("n", mean, mean), norm("n", mean, mean)), *moved) == []
    custom = CodeRef(("a",), "", CodeKind.CLASS, "Mine")
    assert [fact for _, fact, _ in told((dense("a", still), dense("a", still)), *moved, code=(custom,))] == []


def test_statistics_alone_moved():
    kernel = values(4, 4)
    layers = [
        Layer("n", "BatchNormalization", weights=(*norm("n", values(4), values(4)).weights, weight("gamma", kernel[0])))
        for _ in "on"
    ]
    both = [
        Model("m", f"{side}.h5", "keras-h5", Graph((layer, dense("a", kernel))))
        for side, layer in zip("on", layers, strict=True)
    ]
    (note,) = compare(*both).notes
    assert (note.fact, note.text) == (
        None,
        "only normalisation statistics moved, in 1 layer; every trainable weight is identical",
    )


def test_a_new_head_on_a_still_body_is_nothing():
    body = [(dense(name, kernel), dense(name, kernel)) for name, kernel in (("a", values(4, 4)), ("b", values(4, 4)))]
    assert told(*body, (dense("c", values(4, 4)), dense("c", values(4, 4)))) == []


def test_new_nan():
    kernel = values(4, 4)
    broken = kernel.copy()
    broken[0, :3] = np.nan, np.inf, np.nan
    assert told((dense("a", kernel), dense("a", broken))) == [
        ("a", "broken", "kernel now holds 3 NaN or infinite values")
    ]


def test_statistics_back_at_their_initial_values():
    old = norm("n", values(8), np.abs(values(8)))
    new = norm("n", np.zeros(8, np.float32), np.ones(8, np.float32))
    assert told((old, new)) == [
        ("n", "statistics-reset", "moving_mean and moving_variance went back to the initial value")
    ]
    assert told((new, old)) == []


def test_units_reordered_with_the_inputs_of_the_next_layer():
    order = RANDOM.permutation(16)
    first, bias, second = values(8, 16), values(16), values(16, 4)
    pairs = (
        (dense("a", first, bias=bias), dense("a", first[:, order], bias=bias[order])),
        (dense("b", second), dense("b", second[order])),
    )
    assert told(*pairs) == [("a", "reordered", "units in another order, and the inputs of b with them")]
    alone = (pairs[0], (dense("b", second), dense("b", second[RANDOM.permutation(16)])))
    assert told(*alone) == []
