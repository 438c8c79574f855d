# The statistics of a weight alone are those that a comparison tells of that side, whatever the size of a block.
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import ArraySource, model, weight

from modeldiff.changes import Options, Site, Survey
from modeldiff.differ import compare, survey
from modeldiff.differ.movement import measure
from modeldiff.differ.portrait import portray
from modeldiff.differ.sides import BINS
from modeldiff.graph import Weight


def normal(*shape, seed=0, dtype=np.float32):
    return (np.random.default_rng(seed).standard_normal(shape) * 3).astype(dtype)


@given(
    size=st.integers(1, 200),
    entries=st.integers(1, 64),
    dtype=st.sampled_from(["float16", "float32", "float64", "int8", "int64", "bool", "complex64"]),
    spoilt=st.booleans(),
    seed=st.integers(0, 5),
)
def test_one_side_is_told_as_in_a_comparison(size, entries, dtype, spoilt, seed):
    values = normal(size, seed=seed).astype(dtype)
    if spoilt and dtype.startswith("float"):
        values[:: max(1, size // 3)] = [np.nan, np.inf, -np.inf][seed % 3]
    alone = portray(None, weight("kernel", values), entries=entries)
    both, _ = measure(weight("kernel", values), weight("kernel", values), entries=entries)
    assert alone.old is None
    assert alone.new is not None
    for key in ("min", "max", "zeros", "nan", "inf"):
        assert getattr(alone.new, key) == pytest.approx(getattr(both.new, key), nan_ok=True)
    for key in ("mean", "std"):
        assert getattr(alone.new, key) == pytest.approx(getattr(both.new, key), rel=1e-5, abs=1e-6, nan_ok=True)
    if alone.histogram is not None:
        assert both.histogram is not None
        assert (alone.histogram.low, alone.histogram.high) == (both.histogram.low, both.histogram.high)
        assert alone.histogram.new == both.histogram.new
        assert alone.histogram.old == ()


def test_two_shapes_share_their_bins():
    old, new = normal(48, 10), normal(48, 12, seed=1) * 2
    found = portray(weight("kernel", old), weight("kernel", new))
    assert found.histogram is not None
    assert found.histogram.low == min(old.min(), new.min())
    assert found.histogram.high == max(old.max(), new.max())
    for counts, array in ((found.histogram.old, old), (found.histogram.new, new)):
        exact = np.histogram(array, BINS, (found.histogram.low, found.histogram.high))[0]
        assert sum(counts) == array.size
        assert np.abs(np.cumsum(counts) - np.cumsum(exact)).max() <= 1


def test_a_new_side_without_a_finite_entry():
    found = portray(weight("kernel", normal(40)), weight("kernel", np.full(50, np.nan, np.float32)))
    assert found.new is not None
    assert (found.new.nan, math.isnan(found.new.mean)) == (50, True)
    assert found.histogram is not None
    assert (sum(found.histogram.old), sum(found.histogram.new)) == (40, 0)


@pytest.mark.parametrize("values", [np.zeros(0, np.float32), np.full(100, 0.5, np.float32), normal(23)])
def test_no_histogram_where_it_says_nothing(values):
    found = portray(None, weight("kernel", values))
    assert found.new is not None
    assert found.histogram is None


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (Weight("kernel", (3,), "float32"), "values not readable"),
        (Weight("table", (3,), "string", ArraySource(np.zeros(3))), "strings"),
        (Weight("kernel", (3,), "float8_e4m3fn", ArraySource(np.zeros(3, np.uint8))), "float8_e4m3fn are not read"),
        (Weight("kernel", (9,), "float32", ArraySource(np.zeros(3, np.float32))), "fewer values than the shape says"),
    ],
)
def test_what_cannot_be_read_says_why(tensor, reason):
    found = portray(None, tensor)
    assert (found.new, found.histogram) == (None, None)
    assert found.reason.endswith(reason)


HEAD = "x: InputLayer(batch_shape=[None, 8])\nbody: Dense(units=40) <- x\n"


def test_a_survey_has_every_weight_of_one_model():
    found = survey(model(f"{HEAD}head: Dense(units=3) <- body"))
    assert isinstance(found, Survey)
    assert [(site.new, name) for site, name in found.values] == [
        (("body",), "kernel"),
        (("body",), "bias"),
        (("head",), "kernel"),
        (("head",), "bias"),
    ]
    assert all(values.new is not None and values.old is None for values in found.values.values())


def test_a_comparison_has_what_it_could_not_subtract():
    old = model(f"{HEAD}gone: BatchNormalization <- body\nhead: Dense(units=3) <- gone\noutputs: head")
    new = model(f"{HEAD}head: Dense(units=5, use_bias=False) <- body\noutputs: head")
    found = {
        place: (values.old is not None, values.new is not None) for place, values in compare(old, new).values.items()
    }
    head, gone = Site(("head",), ("head",)), Site(("gone",), None)
    assert found[head, "kernel"] == (True, True)
    assert found[head, "bias"] == (True, False)
    assert found[gone, "moving_mean"] == (True, False)
    assert not any(site == Site(("body",), ("body",)) for site, _ in found)
    assert not compare(old, new, options=Options(weights=False)).values
