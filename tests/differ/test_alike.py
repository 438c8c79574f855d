# What is measured for many tensors at once is what is measured for each alone, to the last bit.
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from models import weight

from modeldiff.changes import Options, Outcome
from modeldiff.differ.alike import movements
from modeldiff.differ.comparison import compare_batch, compare_values
from modeldiff.differ.movement import measure

ENTRIES = st.one_of(
    st.floats(width=32),
    st.floats(-2, 2, width=32),
    st.sampled_from([0.0, -0.0, 1.0, 1e-20, 1e20, float("nan"), float("inf")]),
)


def pair(old, new):
    return weight("kernel", old), weight("kernel", new)


def agree(olds, news):
    found = movements(dict(enumerate(zip(olds, news, strict=True))))
    for place, movement in found.items():
        old, new = olds[place], news[place]
        if movement is None:
            assert old.tobytes() == new.tobytes()
        else:
            assert repr(movement) == repr(measure(*pair(old, new))[0])
    return found


@given(st.data(), st.integers(1, 9), st.integers(2, 6))
def test_rows_are_measured_as_each_alone(data, size, count):
    sides = [[data.draw(arrays(np.float32, size, elements=ENTRIES)) for _ in range(count)] for _ in range(2)]
    agree(*sides)


def test_usual_weights_of_every_size_are_taken_to_the_last_bit():
    random = np.random.default_rng(0)
    for size in (1, 2, 3, 8, 17, 64, 255, 576, 1000, 1023):
        olds = [
            (random.standard_normal(size) * scale + shift).astype(np.float32)
            for scale in (1e-3, 0.1, 30)
            for shift in (0, 1, 100)
        ]
        news = [(old + random.standard_normal(size) * 0.01).astype(np.float32) for old in olds]
        assert set(agree(olds, news)) == set(range(len(olds)))


def test_a_batch_tells_what_each_pair_tells():
    random = np.random.default_rng(1)
    tensors = [random.standard_normal(shape).astype(np.float32) for shape in [(3, 3, 4, 8), (8,), (8,), (40, 50)] * 3]
    changed = [tensor if place % 3 else tensor + np.float32(0.01) for place, tensor in enumerate(tensors)]
    batch = [pair(old, new) for old, new in zip(tensors, changed, strict=True)]
    batch += [pair(tensors[0], tensors[1]), (batch[0][0], None), (batch[0][0], batch[0][0])]
    found = compare_batch(batch, Options())
    alone = [
        compare_values(old, new, Options()) if new is not None else compare_batch([(old, new)], Options())[0]
        for old, new in batch
    ]
    assert list(map(repr, found)) == list(map(repr, alone))
    assert {Outcome.CHANGED, Outcome.IDENTICAL, Outcome.RESHAPED} <= {one.outcome for one in found}
