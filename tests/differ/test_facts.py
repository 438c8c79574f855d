from __future__ import annotations

import numpy as np
from models import weight

from modeldiff.changes import Evidence, Match, Options
from modeldiff.differ import facts, weights
from modeldiff.graph import Layer

RANDOM = np.random.default_rng(0)


def values(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def told(*layers):
    """Facts about pairs of layers of one name."""
    sides = tuple({(layer.name,): layer for layer in side} for side in zip(*layers, strict=True))
    pairs = [(Match((old.name,), (new.name,), Evidence.NAME, 1.0), old, new) for old, new in layers]
    return [(note.about, note.fact, note.text) for note in facts.detect(sides, *weights.detect(pairs, Options()))]


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


def test_frozen_statistics_and_another_dtype_are_no_training():
    frozen = norm("n", values(4), values(4), trainable=False), norm("n", values(4), values(4), trainable=False)
    kernel = values(4, 4)
    recast = dense("a", kernel, trainable=False), dense("a", kernel.astype(np.float16), trainable=False)
    assert told(frozen) == []
    assert told(recast) == []


def test_trainable_yet_still_while_others_moved():
    still = values(4, 4)
    moved = [(dense(name, values(4, 4)), dense(name, values(4, 4))) for name in "bc"]
    assert [fact[:2] for fact in told((dense("a", still), dense("a", still)), *moved)] == [("a", "unmoved")]


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
    assert told(*pairs) == [
        ("a", "reordered", "units in another order, and the inputs of b with them: the same function")
    ]
    alone = (pairs[0], (dense("b", second), dense("b", second[RANDOM.permutation(16)])))
    assert told(*alone) == []
