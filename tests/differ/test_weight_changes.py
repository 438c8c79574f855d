from __future__ import annotations

import math
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from models import ArraySource, model, weight

from modeldiff.changes import Evidence, Kind, Match, Nature, Options, Outcome
from modeldiff.differ import weights
from modeldiff.errors import UnreadableFile
from modeldiff.graph import Layer, Weight


def layer(*tensors):
    return Layer("a", "Dense", weights=tensors)


def detect(old, new, **options):
    pairs = [(Match(("a",), ("a",), Evidence.NAME, 1.0), old, new)]
    return weights.detect(pairs, Options(**options))


def array(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def kinds(found):
    return [change.kind for change in found[0]]


def outcomes(found):
    return [(pair.name, pair.outcome, pair.reason) for pair in found[1]]


# --- pairing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "both", "removed", "added"),
    [
        (["kernel", "bias"], ["kernel", "bias"], [("kernel", "kernel"), ("bias", "bias")], [], []),
        (["kernel", "bias"], ["bias", "kernel"], [("bias", "bias"), ("kernel", "kernel")], [], []),
        (["kernel", "bias"], ["kernel"], [("kernel", "kernel")], ["bias"], []),
        (["kernel"], ["kernel", "bias"], [("kernel", "kernel")], [], ["bias"]),
        (["forward/kernel", "backward/kernel"], ["kernel"], [("forward/kernel", "kernel")], ["backward/kernel"], []),
        (["gamma"], ["bias"], [], ["gamma"], ["bias"]),
        (["0", "1"], ["kernel", "bias"], [("0", "kernel"), ("1", "bias")], [], []),
        (["w"], ["v"], [("w", "v")], [], []),
    ],
)
def test_pairing_by_role(old, new, both, removed, added):
    mine, theirs = ([weight(name, np.zeros(3)) for name in names] for names in (old, new))
    found = weights.pair_weights(mine, theirs)
    names = [(a.name, b.name) for a, b in found[0]], [w.name for w in found[1]], [w.name for w in found[2]]
    assert names == (both, removed, added)


def test_unknown_roles_pair_by_shape():
    old = [weight("0", np.zeros((2, 3))), weight("1", np.zeros(3))]
    new = [weight("a", np.zeros(3)), weight("b", np.zeros((2, 3)))]
    assert [(a.name, b.name) for a, b in weights.pair_weights(old, new)[0]] == [("1", "a"), ("0", "b")]


def test_of_weights_that_fit_the_one_with_the_same_values_goes_first():
    """A custom layer's inner layers: by name in one file, by attribute in the other."""
    old = [weight("att/query/kernel", array(2, 3, seed=1)), weight("att/key/kernel", array(2, 3, seed=2))]
    new = [weight("mha/key/kernel", array(2, 3, seed=2)), weight("mha/query/kernel", array(2, 3, seed=1))]
    both = weights.pair_weights(old, new, reads=True)[0]
    assert [(a.name, b.name) for a, b in both] == [
        ("att/key/kernel", "mha/key/kernel"),
        ("att/query/kernel", "mha/query/kernel"),
    ]
    assert kinds(detect(layer(*old), layer(*new))) == []
    changed = [weight("mha/query/kernel", array(2, 3, seed=3)), new[0]]
    assert kinds(detect(layer(*old[::-1]), layer(*changed))) == [Kind.WEIGHT_CHANGED]


# --- outcomes -------------------------------------------------------------------------------------------------


def test_identical():
    found = detect(layer(weight("kernel", array(4, 5))), layer(weight("kernel", array(4, 5))))
    assert kinds(found) == []
    assert outcomes(found) == [("kernel", Outcome.IDENTICAL, "")]


def test_one_bit_is_a_change():
    values = array(4, 5)
    other = values.copy()
    other[3, 4] = np.nextafter(other[3, 4], np.float32(9))
    found = detect(layer(weight("kernel", values)), layer(weight("kernel", other)))
    assert kinds(found) == [Kind.WEIGHT_CHANGED]
    assert found[0][0].movement.changed_fraction == 1 / 20


def test_the_sign_of_zero_is_a_change_and_nan_is_itself():
    old, new = np.array([0.0, math.nan, 1.0]), np.array([-0.0, math.nan, 1.0])
    assert kinds(detect(layer(weight("w", old)), layer(weight("w", new)))) == [Kind.WEIGHT_CHANGED]
    assert kinds(detect(layer(weight("w", old)), layer(weight("w", old.copy())))) == []


def test_within_tolerance():
    values = array(4, 5)
    found = detect(layer(weight("kernel", values)), layer(weight("kernel", values + np.float32(1e-6))), atol=1e-5)
    assert kinds(found) == []
    assert outcomes(found) == [("kernel", Outcome.WITHIN_TOLERANCE, "")]


def test_another_shape():
    found = detect(layer(weight("kernel", array(4, 5))), layer(weight("kernel", array(4, 6, seed=1))))
    (change,) = found[0]
    assert (change.kind, change.nature, change.movement) == (Kind.WEIGHT_RESHAPED, Nature.UNKNOWN, None)
    assert (change.before, change.after) == (((4, 5), "float32"), ((4, 6), "float32"))
    assert outcomes(found) == [("kernel", Outcome.RESHAPED, "")]


def test_another_dtype_with_other_values_is_measured():
    values = array(4, 5)
    found = detect(layer(weight("kernel", values)), layer(weight("kernel", (values * 2).astype(np.float16))))
    (change,) = found[0]
    assert change.kind is Kind.WEIGHT_RESHAPED
    assert change.movement.relative_l2 == pytest.approx(1, rel=1e-2)


@dataclass(frozen=True)
class Damaged:
    """A file that is no longer whole."""

    is_costly = False

    def blocks(self, entries):  # noqa: ARG002 -- there are none
        raise UnreadableFile("the file is truncated")

    sample = blocks


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (Weight("w", (3,), "float32"), "values not readable"),
        (Weight("w", (3,), "string", ArraySource(np.zeros(3))), "strings"),
        (Weight("w", (3,), "float32", Damaged()), "values not readable: the file is truncated"),
        (
            Weight("w", (3,), "float32", ArraySource(np.zeros(2, np.float32))),
            "values not readable: fewer values than the shape says",
        ),
    ],
)
def test_what_cannot_be_read_is_not_compared(tensor, reason):
    found = detect(layer(tensor), layer(replace(tensor)))
    assert kinds(found) == []
    assert outcomes(found) == [("w", Outcome.NOT_COMPARED, reason)]


def test_without_values_shapes_are_still_compared():
    old = layer(weight("kernel", array(4, 5)), weight("bias", array(5)))
    new = layer(weight("kernel", array(4, 6)), weight("bias", array(5, seed=1)))
    found = detect(old, new, weights=False)
    assert kinds(found) == [Kind.WEIGHT_RESHAPED]
    assert outcomes(found)[1] == ("bias", Outcome.NOT_COMPARED, "not asked for")


def test_numbers_nobody_can_read_are_compared_as_bytes():
    codes = [np.array(values, np.uint8) for values in ([1, 2], [1, 2], [1, 3])]
    one, same, other = (Weight("w", (2,), "float8_e4m3fn", ArraySource(values)) for values in codes)
    assert outcomes(detect(layer(one), layer(same))) == [("w", Outcome.IDENTICAL, "")]
    reason = "other bytes, but numbers of type float8_e4m3fn are not read"
    assert outcomes(detect(layer(one), layer(other))) == [("w", Outcome.NOT_COMPARED, reason)]


def test_a_file_without_weights_removed_none():
    whole, bare = layer(weight("kernel", array(4, 5))), layer()
    assert kinds(detect(whole, bare)) == kinds(detect(bare, whole)) == []
    match = Match(("b",), ("b",), Evidence.NAME, 1.0)
    found = weights.detect([(match, whole, whole), (match, whole, bare), (match, bare, whole)], Options())
    assert kinds(found) == [Kind.WEIGHT_REMOVED, Kind.WEIGHT_ADDED]


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_scalars_and_empty_tensors(shape):
    found = detect(layer(weight("w", np.zeros(shape))), layer(weight("w", np.zeros(shape))))
    assert outcomes(found) == [("w", Outcome.IDENTICAL, "")]
    found = detect(layer(weight("w", np.zeros(shape))), layer(weight("w", np.ones(shape))))
    assert kinds(found) == ([Kind.WEIGHT_CHANGED] if shape == () else [])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "complex64", "float16", "longdouble"])
def test_every_dtype_is_compared(dtype):
    old = weight("w", np.array([0, 1, 1, 0]).astype(dtype))
    new = weight("w", np.array([0, 1, 0, 1]).astype(dtype))
    (change,) = detect(layer(old), layer(new))[0]
    assert change.movement.changed_fraction == 0.5
    assert change.movement.max_abs == 1


# --- many weights, elsewhere ----------------------------------------------------------------------------------


def many(count, change):
    old = [
        (Match((str(i),), (str(i),), Evidence.NAME, 1.0), layer(weight("kernel", array(20, 30, seed=i))))
        for i in range(count)
    ]
    new = [layer(weight("kernel", array(20, 30, seed=i) + (np.float32(i % 3) if change else 0))) for i in range(count)]
    return [(match, mine, theirs) for (match, mine), theirs in zip(old, new, strict=True)]


def test_order_and_progress():
    seen = []
    changes, pairs, _ = weights.detect(
        many(200, change=True), Options(), progress=lambda done, total: seen.append((done, total))
    )
    assert [pair.site.new for pair in pairs] == [(str(i),) for i in range(200)]
    assert [change.site.new for change in changes] == [(str(i),) for i in range(200) if i % 3]
    assert seen[-1] == (200 * 2400, 200 * 2400)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_any_executor_gives_the_same():
    pairs = many(70, change=True)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        elsewhere = weights.detect(pairs, Options(), executor=executor)
    assert repr(elsewhere) == repr(weights.detect(pairs, Options()))


def test_verdicts_can_be_pickled():
    changes, _, _ = weights.detect(many(3, change=True), Options())
    assert pickle.loads(pickle.dumps(changes)) == changes


def test_shared_text_models_have_no_changes():
    one, other = (
        model("x: InputLayer(batch_shape=[None, 8])\na: Dense(units=4) <- x\nb: BatchNormalization <- a")
        for _ in range(2)
    )
    pairs = [(Match(p, p, Evidence.NAME, 1.0), a, b) for (p, a), (_, b) in zip(one.walk(), other.walk(), strict=True)]
    changes, outcomes, _ = weights.detect(pairs, Options())
    assert changes == []
    assert {pair.outcome for pair in outcomes} == {Outcome.IDENTICAL}
