# Each nature with the near-miss beside it: a word that is not proven is not said.
from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import ArraySource, weight

from modeldiff.changes import Nature, Options
from modeldiff.differ.comparison import compare_values
from modeldiff.graph import Weight

RANDOM = np.random.default_rng(0)
KERNEL = (RANDOM.standard_normal((96, 80)) * 0.1).astype(np.float32)
CONV = (RANDOM.standard_normal((3, 3, 24, 32)) * 0.1).astype(np.float32)
BIAS = (RANDOM.standard_normal(10) * 0.1).astype(np.float32)
NOISE = RANDOM.standard_normal(KERNEL.shape).astype(np.float32)


def verdict(old, new):
    sides = [side if isinstance(side, Weight) else weight("kernel", side) for side in (old, new)]
    return compare_values(*sides, Options())


def bfloat16(array):
    """Rounded to nearest and even, as frameworks do."""
    words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype(np.uint16)


def in_bfloat16(array):
    halves = bfloat16(array)
    return Weight("kernel", array.shape, "bfloat16", ArraySource(halves), "kernel")


def rounded_to_bfloat16(array):
    return (bfloat16(array).astype(np.uint32) << 16).view(np.float32)


def changed_at(array, position, value):
    copy = array.copy()
    copy.reshape(-1)[position] = value
    return copy


def pruned(array, share):
    return np.where(np.abs(array) < np.quantile(np.abs(array), share), np.float32(0), array)


def quantised(array, levels, axis):
    step = np.abs(array).max(axis=axis, keepdims=True) / (levels // 2)
    return (np.round(array / step) * step).astype(np.float32)


def adapter(rank, scale=0.1):
    return (RANDOM.standard_normal((96, rank)) @ RANDOM.standard_normal((rank, 80)) * scale).astype(np.float32)


def decayed(array):
    for _ in range(200):
        array = array - np.float32(1e-4) * array
    return array


def codes(array, axis):
    step = np.abs(array).max(axis=axis, keepdims=True) / 127
    return np.clip(np.round(array / step), -127, 127).astype(np.int8)


def forgetting(seed):
    """The bias of an LSTM of 20 units after some training."""
    start = np.repeat(np.array([0, 1, 0, 0], np.float32), 20)
    return start + np.random.default_rng(seed).standard_normal(80).astype(np.float32) * np.float32(0.05)


ROWS, COLUMNS = RANDOM.permutation(96), RANDOM.permutation(80)
GROWN = np.concatenate([KERNEL, NOISE[:, :3]], axis=1)


@pytest.mark.parametrize(
    ("old", "new", "nature"),
    [
        # recast, whole and in all but one entry
        (KERNEL, KERNEL.astype(np.float16), Nature.RECAST),
        (KERNEL.astype(np.float16), KERNEL.astype(np.float16).astype(np.float32), Nature.RECAST),
        (KERNEL, KERNEL.astype(np.float16).astype(np.float32), Nature.RECAST),
        (KERNEL, in_bfloat16(KERNEL), Nature.RECAST),
        (in_bfloat16(KERNEL), rounded_to_bfloat16(KERNEL), Nature.RECAST),
        (KERNEL, rounded_to_bfloat16(KERNEL), Nature.RECAST),
        (KERNEL.astype(np.float64) * 1.1, (KERNEL.astype(np.float64) * 1.1).astype(np.float32), Nature.RECAST),
        (BIAS, BIAS.astype(np.float16), Nature.RECAST),
        (np.zeros(4, np.float32), np.zeros(4, np.float16), Nature.RECAST),
        (KERNEL, changed_at(KERNEL.astype(np.float16), -1, 0.5), Nature.FINE_TUNED),
        # pruned
        (KERNEL, pruned(KERNEL, 0.5), Nature.PRUNED),
        (CONV, pruned(CONV, 0.9), Nature.PRUNED),
        (KERNEL, np.where(pruned(KERNEL, 0.5) == 0, np.float32(-0.0), KERNEL), Nature.PRUNED),
        (KERNEL, changed_at(pruned(KERNEL, 0.5), -1, 0.7), Nature.PRUNED),  # the rest moved a little, which is told
        (KERNEL, pruned(KERNEL, 0.5) * (1 + NOISE * np.float32(0.05)), Nature.PRUNED),
        (KERNEL, pruned(KERNEL, 0.5) * (1 + NOISE * np.float32(0.5)), Nature.RETRAINED),
        (KERNEL, pruned(KERNEL, 0.02) * (1 + NOISE * np.float32(0.05)), Nature.FINE_TUNED),
        (CONV, CONV * (np.arange(32) % 4 > 0).astype(np.float32), Nature.PRUNED),
        # scaled
        (KERNEL, KERNEL * np.float32(0.999), Nature.SCALED),
        (KERNEL, KERNEL * np.float32(-3), Nature.SCALED),
        (BIAS, BIAS * np.float32(2), Nature.SCALED),
        (KERNEL, decayed(KERNEL), Nature.SCALED),
        (BIAS, decayed(BIAS), Nature.SCALED),
        (BIAS[:7], decayed(BIAS[:7]), Nature.FINE_TUNED),
        (KERNEL, KERNEL * NOISE[0], Nature.SCALED),
        (CONV, CONV * NOISE[0, :32], Nature.SCALED),
        (KERNEL, changed_at(KERNEL * (2 + NOISE[0] * np.float32(0.01)), -1, 0.1), Nature.RETRAINED),
        (KERNEL, (KERNEL * (1 + NOISE * np.float32(1e-7))).astype(np.float32), Nature.FINE_TUNED),
        (KERNEL, changed_at(KERNEL * np.float32(0.5), -1, 0.1), Nature.RETRAINED),
        (BIAS[:1], BIAS[:1] * 2, Nature.UNKNOWN),
        # permuted
        (KERNEL, KERNEL[:, COLUMNS], Nature.PERMUTED),
        (KERNEL, KERNEL[ROWS], Nature.PERMUTED),
        (KERNEL, KERNEL[ROWS][:, COLUMNS], Nature.PERMUTED),
        (CONV, CONV[..., RANDOM.permutation(32)], Nature.PERMUTED),
        (BIAS, BIAS[::-1], Nature.PERMUTED),
        (KERNEL, RANDOM.permutation(KERNEL.reshape(-1)).reshape(KERNEL.shape), Nature.REINITIALISED),
        (KERNEL, changed_at(KERNEL[:, COLUMNS], 5, 0.01), Nature.REINITIALISED),
        # quantised
        (KERNEL, quantised(KERNEL, 255, None), Nature.QUANTISED),
        (KERNEL, quantised(KERNEL, 255, 0), Nature.QUANTISED),
        (KERNEL, quantised(KERNEL, 255, 1), Nature.QUANTISED),
        (KERNEL, quantised(KERNEL, 15, None), Nature.QUANTISED),
        (CONV, quantised(CONV, 255, (0, 1, 2)), Nature.QUANTISED),
        (KERNEL, quantised(KERNEL, 255, 0) + NOISE * np.float32(1e-5), Nature.FINE_TUNED),
        # integers that count steps
        (KERNEL, codes(KERNEL, None), Nature.QUANTISED),
        (KERNEL, codes(KERNEL, 0), Nature.QUANTISED),
        (KERNEL, codes(KERNEL, 1), Nature.QUANTISED),
        (CONV, codes(CONV, (0, 1, 2)), Nature.QUANTISED),
        (KERNEL, changed_at(codes(KERNEL, 0), 7, -90), Nature.UNKNOWN),
        (KERNEL, codes(NOISE, 0), Nature.UNKNOWN),
        (codes(KERNEL, 0), KERNEL, Nature.UNKNOWN),
        (KERNEL, np.zeros(KERNEL.shape, np.int8) + np.int8(3), Nature.UNKNOWN),
        # low rank
        (KERNEL, KERNEL + adapter(4), Nature.LOW_RANK),
        (KERNEL, KERNEL + adapter(1), Nature.LOW_RANK),
        (KERNEL, KERNEL + adapter(60, 0.001), Nature.FINE_TUNED),
        # a matter of degree
        (KERNEL, KERNEL + NOISE * np.float32(0.001), Nature.FINE_TUNED),
        (KERNEL, KERNEL + NOISE * np.float32(0.05), Nature.RETRAINED),
        (KERNEL, KERNEL + NOISE * np.float32(0.02), Nature.UNKNOWN),  # 20 % of the spread: between the two words
        (KERNEL, NOISE, Nature.REINITIALISED),
        (KERNEL, np.zeros_like(KERNEL), Nature.REINITIALISED),
        (BIAS, np.ones_like(BIAS), Nature.REINITIALISED),
        (KERNEL > 0, NOISE > 0, Nature.UNKNOWN),
        (KERNEL > 0, KERNEL > 0.1, Nature.PRUNED),
        # little is proven by few entries, and nothing by a constant
        (BIAS, BIAS + NOISE[0, :10] * np.float32(1e-4), Nature.FINE_TUNED),
        (BIAS, NOISE[0, :10], Nature.UNKNOWN),
        (forgetting(0), forgetting(0) * np.float32(1.001) + NOISE[2] * np.float32(1e-4), Nature.FINE_TUNED),
        (forgetting(0), forgetting(1), Nature.UNKNOWN),  # alike in the ones that both started from
        (BIAS[:2], BIAS[:2] + np.float32(1e-3), Nature.UNKNOWN),
        (np.zeros(10, np.float32), BIAS, Nature.UNKNOWN),
        (np.ones(64, np.float32), 1 + NOISE[0, :64] * np.float32(0.01), Nature.UNKNOWN),
        (1 + NOISE[0, :64] * np.float32(0.01), 1 + NOISE[1, :64] * np.float32(0.01), Nature.UNKNOWN),
        (np.array([3]), np.array([4]), Nature.UNKNOWN),
        # broken
        (KERNEL, changed_at(KERNEL, 7, math.nan), Nature.BROKEN),
        (KERNEL, changed_at(KERNEL, 7, math.inf), Nature.BROKEN),
        (changed_at(KERNEL, 7, math.nan), KERNEL, Nature.UNKNOWN),
        # resized
        (KERNEL, GROWN, Nature.RESIZED),
        (GROWN, KERNEL, Nature.RESIZED),
        (KERNEL, np.concatenate([KERNEL, NOISE[:3]]), Nature.RESIZED),
        (CONV, np.pad(CONV, [(0, 0), (1, 0), (0, 5), (0, 2)]), Nature.UNKNOWN),
        (CONV, np.pad(CONV, [(0, 0), (0, 0), (0, 5), (0, 2)]), Nature.RESIZED),
        (BIAS, np.concatenate([BIAS, BIAS]), Nature.RESIZED),
        (KERNEL, changed_at(GROWN, 0, 9), Nature.UNKNOWN),
        (np.zeros((4, 4), np.float32), np.zeros((4, 5), np.float32), Nature.UNKNOWN),
        (KERNEL, KERNEL.T, Nature.UNKNOWN),
        (KERNEL, KERNEL.reshape(2, 48, 80), Nature.UNKNOWN),
    ],
)
def test_what_is_proven_is_named(old, new, nature):
    found = verdict(old, new)
    assert found.nature is nature
    assert bool(found.proof) == (nature is not Nature.UNKNOWN)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e-2, 0.03])
@pytest.mark.parametrize("shape", [(512,), (2048,), (64, 64)])
def test_training_on_from_near_zero_is_no_new_start(shape, size):
    random = np.random.default_rng(1)
    old = random.standard_normal(shape).astype(np.float32) * np.float32(size)
    step = random.standard_normal(shape).astype(np.float32) * np.float32(0.1)
    assert verdict(old, old + step).nature is not Nature.REINITIALISED
    assert verdict(step, old).nature is Nature.REINITIALISED
    if size > 0.02 and shape != (512,):
        assert verdict(old, step).nature is Nature.REINITIALISED


def test_proofs_are_numbers():
    assert verdict(KERNEL, KERNEL.astype(np.float16)).proof == {"bits": 16, "fraction": 10}
    assert verdict(KERNEL, rounded_to_bfloat16(KERNEL)).proof == {"bits": 16, "fraction": 7}
    folded = verdict(KERNEL, KERNEL * np.linspace(0.5, 2, 80, dtype=np.float32)).proof
    assert folded == pytest.approx({"factors": 80, "lowest": 0.5, "highest": 2})
    both = verdict(KERNEL, pruned(KERNEL, 0.5) * np.float32(1.01)).proof
    assert both == pytest.approx({"pruned": 0.5, "zeros": 0.5, "rest": 0.01}, abs=1e-3)
    assert verdict(KERNEL, codes(KERNEL, 0)).proof["axis"] == 1
    heads = KERNEL.reshape(96, 8, 10) * RANDOM.uniform(0.1, 2, (8, 10)).astype(np.float32)
    by_head = verdict(heads, codes(heads, 0))
    assert by_head.nature is Nature.QUANTISED
    assert (by_head.proof["axis"], by_head.proof["axis_to"]) == (1, 2)
    assert verdict(KERNEL, GROWN).proof == {"overlap": 1.0}
    assert verdict(GROWN, KERNEL).proof["overlap"] == pytest.approx(80 / 83)
    assert verdict(KERNEL, KERNEL * np.float32(0.5)).proof["factor"] == pytest.approx(0.5)
    assert verdict(KERNEL, pruned(KERNEL, 0.25)).proof["pruned"] == pytest.approx(0.25, abs=1e-3)
    assert verdict(KERNEL, KERNEL + adapter(4)).proof["rank"] == 4
    coarse = quantised(KERNEL, 15, None)
    assert verdict(KERNEL, coarse).proof == {"levels": np.unique(coarse).size, "entries": coarse.size}


def test_the_order_of_units_is_that_of_the_next_inputs():
    first, second = KERNEL, (RANDOM.standard_normal((80, 12))).astype(np.float32)
    units = verdict(first, first[:, COLUMNS]).proof
    inputs = verdict(second, second[COLUMNS]).proof
    other = verdict(second, second[RANDOM.permutation(80)]).proof
    assert units["order_1"] == inputs["order_0"] != other["order_0"]
    assert units["moved_1"] == 80 - np.count_nonzero(np.arange(80) == COLUMNS)


def test_dead_units_do_not_hide_an_order():
    kernel = KERNEL.copy()
    kernel[:, :5] = 0
    assert verdict(kernel, kernel[:, COLUMNS]).nature is Nature.PERMUTED


@pytest.mark.parametrize("entries", [1, 7, 100])
def test_large_tensors_come_in_blocks(entries, monkeypatch):
    for module in ("overlap", "reorder"):
        monkeypatch.setattr(f"modeldiff.differ.{module}.ENTRIES", entries)
    assert verdict(KERNEL[:12], KERNEL[:12][:, COLUMNS]).nature is Nature.PERMUTED
    assert verdict(CONV[:, :, :2], np.pad(CONV[:, :, :2], [(0, 1), (0, 1), (0, 1), (0, 1)])).nature is Nature.RESIZED


SHAPES = st.sampled_from([(), (1,), (2,), (9,), (64,), (3, 4), (16, 16), (1, 30), (30, 1), (3, 3, 4, 8), (40, 48)])
SIDES = st.sampled_from(["noise", "zeros", "ones", "huge", "tiny", "same", "near", "nan", "inf", "few"])


def made(what, shape, dtype, random, base):
    values = {
        "noise": lambda: random.standard_normal(shape),
        "zeros": lambda: np.zeros(shape),
        "ones": lambda: np.ones(shape),
        "huge": lambda: random.standard_normal(shape) * 1e300,
        "tiny": lambda: random.standard_normal(shape) * 1e-300,
        "same": lambda: base.astype(np.float64),
        "near": lambda: base * 1.001 + random.standard_normal(shape) * 1e-3,
        "nan": lambda: np.where(random.random(shape) < 0.3, math.nan, random.standard_normal(shape)),
        "inf": lambda: np.where(random.random(shape) < 0.3, math.inf, random.standard_normal(shape)),
        "few": lambda: random.integers(0, 3, shape).astype(np.float64),
    }[what]()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(values).astype(dtype)


@settings(max_examples=300, deadline=None)
@given(
    SHAPES,
    st.sampled_from(["float16", "float32", "float64", "int8", "int64", "bool"]),
    SIDES,
    SIDES,
    st.integers(0, 99),
)
def test_nothing_raises_and_swapping_the_files_keeps_the_outcome(shape, dtype, one, other, seed):
    random = np.random.default_rng(seed)
    old = made(one if one not in {"same", "near"} else "noise", shape, dtype, random, None)
    new = made(other, shape, dtype, random, old)
    forth, back = verdict(old, new), verdict(new, old)
    assert forth.outcome is back.outcome
    assert bool(forth.proof) == (forth.nature is not Nature.UNKNOWN)
    assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in forth.proof.values())


STARTS = st.sampled_from(["normal", "uniform", "scale", "bias", "gates", "counts", "heavy"])


def learned(start, shape, random):
    """What a tensor may look like after training from one of Keras' initializers."""
    noise = random.standard_normal(shape)
    gates = np.arange(math.prod(shape)).reshape(shape) // max(1, math.prod(shape) // 4) % 4 == 1
    values = {
        "normal": lambda: noise * 0.05,
        "uniform": lambda: random.uniform(-0.1, 0.1, shape),
        "scale": lambda: 1 + noise * 0.03,
        "bias": lambda: noise * 0.01,
        "gates": lambda: gates + noise * 0.05,
        "counts": lambda: 40 + noise**2,
        "heavy": lambda: noise**3,
    }[start]()
    return np.asarray(values, np.float32)


@settings(max_examples=300, deadline=None)
@given(SHAPES, STARTS, st.integers(0, 9999))
def test_two_trainings_from_different_starts_are_never_called_one(shape, start, seed):
    random = np.random.default_rng(seed)
    found = verdict(learned(start, shape, random), learned(start, shape, random))
    assert found.nature in {Nature.UNKNOWN, Nature.REINITIALISED}


@settings(max_examples=200, deadline=None)
@given(SHAPES, STARTS, st.floats(1e-6, 0.05), st.integers(0, 9999))
def test_a_small_step_is_never_called_a_new_start(shape, start, size, seed):
    random = np.random.default_rng(seed)
    old = learned(start, shape, random)
    spread = float(old.std()) or 1.0
    new = (old + size * spread * random.standard_normal(shape)).astype(np.float32)
    assert verdict(old, new).nature in {Nature.UNKNOWN, Nature.FINE_TUNED}


DTYPES = st.sampled_from(["float16", "float32", "float64", "int8", "uint8", "int32", "bool"])


@settings(max_examples=300, deadline=None)
@given(SHAPES, st.tuples(DTYPES, DTYPES), st.tuples(SIDES, SIDES), st.integers(0, 99))
def test_between_dtypes_nothing_raises_and_integers_have_no_distance(shape, dtypes, sides, seed):
    (one, other), (before, after) = dtypes, sides
    random = np.random.default_rng(seed)
    old = made(before if before not in {"same", "near"} else "noise", shape, one, random, None)
    found = verdict(old, made(after, shape, other, random, old))
    assert bool(found.proof) == (found.nature is not Nature.UNKNOWN)
    assert all(math.isfinite(value) for value in found.proof.values())
    if ("float" in one) != ("float" in other):
        assert found.nature in {Nature.UNKNOWN, Nature.RECAST, Nature.QUANTISED, Nature.BROKEN}


def test_what_float16_cannot_hold_is_broken():
    large = changed_at(KERNEL, 3, 1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        half = large.astype(np.float16)
    assert verdict(large, half).nature is Nature.BROKEN
    tiny = KERNEL * np.float32(1e-42)
    assert verdict(tiny, np.zeros_like(tiny)).nature is not Nature.FINE_TUNED
