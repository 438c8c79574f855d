# What a user pins is final, and a pin that names nothing is told.
from __future__ import annotations

import pytest
from models import model

from modeldiff.changes import Evidence, Options
from modeldiff.differ import compare
from modeldiff.errors import UsageError
from modeldiff.graph import format_path

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    block1_a: Dense(units=8) <- x
    block1_b: Dense(units=8) <- block1_a
    enc: Functional <- block1_b
        p: InputLayer(batch_shape=[None, 8])
        d: Dense(units=8) <- p
        outputs: d
    out: Dense(units=2) <- enc
"""
NEW = """
    x: InputLayer(batch_shape=[None, 8])
    stage1_a: Dense(units=8) <- x
    stage1_b: Dense(units=8) <- stage1_a
    encoder: Functional <- stage1_b
        p: InputLayer(batch_shape=[None, 8])
        d: Dense(units=8) <- p
        outputs: d
    out: Dense(units=2) <- encoder
"""


def pinned(*pins: tuple[str, str]) -> dict[str, str]:
    matching = compare(model(OLD), model(NEW), options=Options(pins=pins)).matching
    return {format_path(m.old): format_path(m.new) for m in matching.matches if m.evidence is Evidence.USER}


@pytest.mark.parametrize(
    ("pin", "pairs"),
    [
        (("block1_a", "stage1_b"), {"block1_a": "stage1_b"}),
        (("out", "stage1_a"), {"out": "stage1_a"}),
        (("block1_*", "stage1_*"), {"block1_a": "stage1_a", "block1_b": "stage1_b"}),
        (("block1_?", "stage1_?"), {"block1_a": "stage1_a", "block1_b": "stage1_b"}),
        (("enc/*", "encoder/*"), {"enc/p": "encoder/p", "enc/d": "encoder/d"}),
        (("enc", "encoder"), {"enc": "encoder"}),
    ],
)
def test_a_pin_is_followed(pin: tuple[str, str], pairs: dict[str, str]) -> None:
    assert pinned(pin) == pairs


@pytest.mark.parametrize(
    "pins",
    [
        (("nobody", "out"),),
        (("out", "nobody"),),
        (("block1_*", "encoder/*"),),
        (("out", "out"), ("out", "stage1_a")),
        (("block1_*", "out"),),
    ],
)
def test_a_pin_that_makes_no_sense_is_told(pins: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(UsageError, match="--map"):
        pinned(*pins)
