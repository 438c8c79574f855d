# The blockwise numbers equal those of plain numpy in float64, whatever the dtype and the size of a block.
from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import ArraySource, weight

from modeldiff.differ.movement import measure
from modeldiff.differ.sides import BINS
from modeldiff.graph import Weight

FLOATS = ["float16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def as_weight(array):
    return weight("kernel", array)


def bfloat16(array):
    """float32 values, cut to the upper half of their bits."""
    halves = np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16
    return Weight("kernel", array.shape, "bfloat16", ArraySource(halves.astype(np.uint16)), "kernel")


def wide(tensor):
    block = next(tensor.source.blocks(max(1, tensor.size)))
    if tensor.dtype == "bfloat16":
        block = (block.astype(np.uint32) << 16).view(np.float32)
    return block.astype(np.float64)


def reference(old, new):
    x, y = wide(old), wide(new)
    finite = np.isfinite(x) & np.isfinite(y)
    a, b = x[finite], y[finite]
    d = b - a
    norm, other = np.linalg.norm(a), np.linalg.norm(b)
    sides = []
    for values in (x, y):
        kept = values[np.isfinite(values)]
        sides.append(
            {
                "mean": kept.mean() if kept.size else math.nan,
                "std": kept.std() if kept.size else math.nan,
                "min": kept.min() if kept.size else math.nan,
                "max": kept.max() if kept.size else math.nan,
                "zeros": int((kept == 0).sum()),
                "nan": int(np.isnan(values).sum()),
                "inf": int(np.isinf(values).sum()),
            }
        )
    return {
        "max_abs": np.abs(d).max() if d.size else 0.0,
        "mean_abs": np.abs(d).mean() if d.size else 0.0,
        "relative_l2": np.linalg.norm(d) / norm if norm else (math.inf if d.any() else 0.0),
        "cosine": float(a @ b / (norm * other)) if norm and other else math.nan,
        "sides": sides,
    }


def assert_agrees(old, new, entries, rel=2e-5):
    movement, _ = measure(old, new, entries=entries)
    expected = reference(old, new)
    scale = max(
        [1e-300, *(abs(side[key]) for side in expected["sides"] for key in ("min", "max") if side[key] == side[key])]
    )
    near = partial(pytest.approx, rel=rel, abs=rel * scale * 1e-2, nan_ok=True)
    assert movement.max_abs == near(expected["max_abs"])
    assert movement.mean_abs == near(expected["mean_abs"])
    if expected["relative_l2"] < 1e10:  # else the old side is next to nothing
        assert movement.relative_l2 == pytest.approx(expected["relative_l2"], rel=rel)
    assert movement.cosine == pytest.approx(expected["cosine"], abs=rel, nan_ok=True)
    for side, numbers in zip((movement.old, movement.new), expected["sides"], strict=True):
        assert (side.zeros, side.nan, side.inf) == (numbers["zeros"], numbers["nan"], numbers["inf"])
        for key in ("mean", "std", "min", "max"):
            assert getattr(side, key) == near(numbers[key]), key
    if movement.histogram is not None:
        for counts, tensor in ((movement.histogram.old, old), (movement.histogram.new, new)):
            values = wide(tensor)
            values = values[np.isfinite(values)]
            assert sum(counts) == values.size
            span = (movement.histogram.low, movement.histogram.high)
            exact = np.histogram(values, bins=BINS, range=span)[0]
            edges = np.linspace(*span, BINS + 1)
            on_edge = (
                np.abs(values[:, None] - edges[None]).min(axis=1) <= (span[1] - span[0]) * 1e-4
                if values.size
                else values
            )
            assert np.abs(np.cumsum(counts) - np.cumsum(exact)).max() <= on_edge.sum()


@st.composite
def pairs(draw):
    """Two arrays of one dtype with everything that floats have."""
    size = draw(st.integers(1, 40))
    dtype = draw(st.sampled_from([*FLOATS, *INTEGERS, "bool"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype in FLOATS:
        magnitude = draw(st.sampled_from([1.0, 0.03, 1e3, *([1e-20, 1e-12, 1e12, 1e18] if dtype != "float16" else [])]))
        offset = draw(st.sampled_from([0.0, 0.0, 1.0, 100.0]))
        arrays = [(random.standard_normal(size) + offset) * magnitude for _ in range(2)]
        if draw(st.booleans()):
            arrays[1] = arrays[0] + random.standard_normal(size) * magnitude * 1e-3
        with np.errstate(over="ignore"):
            arrays = [array.astype(dtype) for array in arrays]
        for array in arrays:
            for value in draw(st.lists(st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]), max_size=4)):
                array[random.integers(size)] = value
    elif dtype == "bool":
        arrays = [random.integers(0, 2, size).astype(bool) for _ in range(2)]
    else:
        limits = np.iinfo(dtype)
        low, high = max(limits.min, -(2**40)), min(limits.max, 2**40)
        arrays = [random.integers(low, high, size, endpoint=True).astype(dtype) for _ in range(2)]
    return arrays


@given(pairs(), st.integers(1, 50))
def test_blocks_do_not_matter(arrays, entries):
    old, new = map(as_weight, arrays)
    assert_agrees(old, new, entries)
    changed = np.frombuffer(arrays[0].tobytes(), f"V{arrays[0].itemsize}") != np.frombuffer(
        arrays[1].tobytes(), f"V{arrays[1].itemsize}"
    )
    assert measure(old, new, entries=entries)[0].changed_fraction == pytest.approx(changed.mean())


@given(pairs(), st.integers(1, 50))
def test_bfloat16(arrays, entries):
    with np.errstate(all="ignore"):
        old, new = (bfloat16(array.astype(np.float32)) for array in arrays)
    assert_agrees(old, new, entries)


@pytest.mark.parametrize(("one", "other"), [("float32", "float16"), ("float64", "float32"), ("int8", "float32")])
def test_two_dtypes(one, other):
    values = np.random.default_rng(0).standard_normal(5000) * 10
    assert_agrees(as_weight(values.astype(one)), as_weight((values * 1.01).astype(other)), 1024)


@pytest.mark.parametrize("dtype", FLOATS)
def test_large_and_long_rows(dtype):
    random = np.random.default_rng(1)
    old = (random.standard_normal(300_001) * 0.03).astype(dtype)
    new = (old + random.standard_normal(old.size) * 0.001).astype(dtype)
    assert_agrees(as_weight(old), as_weight(new), 1 << 16)


def test_a_spread_far_below_the_mean_is_exact():
    random = np.random.default_rng(2)
    old = (1 + random.standard_normal(50_000) * 1e-4).astype(np.float32)
    new = (1 + random.standard_normal(50_000) * 1e-4).astype(np.float32)
    movement, _ = measure(as_weight(old), as_weight(new))
    assert movement.old.std == pytest.approx(old.astype(np.float64).std(), rel=1e-6)


def test_a_tiny_step_has_an_exact_angle():
    random = np.random.default_rng(3)
    old = random.standard_normal(100_000).astype(np.float32)
    new = (old * (1 + 1e-4 * random.standard_normal(old.size))).astype(np.float32)
    movement, _ = measure(as_weight(old), as_weight(new))
    a, b = old.astype(np.longdouble), new.astype(np.longdouble)
    exact = 1 - (a @ b) / np.sqrt((a @ a) * (b @ b))
    assert 1 - movement.cosine == pytest.approx(float(exact), rel=1e-3)


def test_complex_numbers_are_pairs_of_real_ones():
    old, new = np.array([1 + 2j, 3 - 4j], np.complex64), np.array([1 + 2j, 3 - 5j], np.complex64)
    movement, _ = measure(as_weight(old), as_weight(new))
    assert movement.max_abs == 1
    assert movement.relative_l2 == pytest.approx(1 / math.sqrt(30))


@pytest.mark.parametrize(
    ("after", "rtol", "atol", "exceeds"),
    [
        ([1.0, 2.0], 0, 0, False),
        ([1.0, 2.001], 0, 0, True),
        ([1.0, 2.001], 0, 0.01, False),
        ([1.0, 2.001], 0.01, 0, False),
        ([1.0, math.nan], 0.01, 0.01, True),
        ([1.0, math.inf], math.inf, 0.01, True),
    ],
)
def test_tolerance(after, rtol, atol, exceeds):
    old, new = as_weight(np.array([1.0, 2.0])), as_weight(np.array(after))
    assert measure(old, new, rtol=rtol, atol=atol)[1] is exceeds


def test_equal_infinities_and_nans_are_within_any_tolerance():
    old = as_weight(np.array([math.inf, math.nan, 1.0]))
    new = as_weight(np.array([math.inf, math.nan, 1.1]))
    assert measure(old, new, atol=0.2)[1] is False
