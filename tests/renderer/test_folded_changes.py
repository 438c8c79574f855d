# A list of changes folds where rows would say the same, and only there: every changed layer stands in exactly one row.
from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from models import model

from modeldiff import compare, render, report
from modeldiff.renderer.outline import ROWS, Repeat, Run, changes
from modeldiff.report import Report

X = "x: InputLayer(batch_shape=[None, 8])\n"


def chain(*layers: str) -> str:
    """Each layer on the one before."""
    names = [line.partition(":")[0] for line in layers]
    above = ["x", *names]
    return X + "".join(f"{line} <- {before}\n" for line, before in zip(layers, above, strict=False))


def compared(old: str, new: str) -> Report:
    return report.build(compare(model(old), model(new)))


def flat(built: Report) -> list[str]:
    return [
        one.name if not isinstance(one, (Run, Repeat)) else "".join(one.words if isinstance(one, Run) else one.place)
        for _, one in changes(built)
    ]


def dense(*, trainable: bool, **other: str) -> str:
    names = [f"d{index}" for index in range(24)]
    return chain(*(f"{name}: Dense(units=8, trainable={trainable}{other.get(name, '')})" for name in names))


def test_layers_of_which_the_same_is_told_are_one_row():
    built = compared(dense(trainable=True), dense(trainable=False))
    assert flat(built) == ["d0 to d23 (24 layers)"]
    (line,) = [line for line in render(built.subject, "txt").splitlines() if "d0 to" in line]
    assert line.split() == "~ d0 to d23 (24 layers) trainable: True → False frozen".split()


def test_other_words_and_warnings_have_a_row_of_their_own():
    built = compared(dense(trainable=True), dense(trainable=False, d4=", kernel_regularizer='l2'"))
    assert flat(built) == ["d0 to d3 (4 layers)", "d4", "d5 to d23 (19 layers)"]
    frozen = compared(dense(trainable=True), dense(trainable=False))
    warned = [
        replace(layer, warnings=(("frozen, yet it moved",),)) if layer.name in {"d3", "d4", "d5"} else layer
        for layer in frozen.layers
    ]
    found = flat(replace(frozen, layers=tuple(warned)))
    assert found == ["d0 to d2 (3 layers)", "d3", "d4", "d5", "d6 to d23 (18 layers)"]


def test_a_list_that_is_taken_in_at_a_glance_has_a_row_for_each_layer():
    layers = [f"n{index}: Dropout(rate=0.5)" for index in range(ROWS)]
    assert flat(compared(X, chain(*layers))) == [f"n{index}" for index in range(ROWS)]
    assert flat(compared(X, chain(*layers, "last: Dropout(rate=0.5)"))) == ["n0 to last (21 layers)"]


def test_two_alike_are_two_rows_in_a_long_list_too():
    layers = [f"n{index}: Dropout(rate=0.{index // 2 + 1})" for index in range(16)]
    others = [f"d{index}: Dense(units={index + 1})" for index in range(8)]
    names = [line.partition(":")[0] for line in (*layers, *others)]
    assert flat(compared(X, chain(*layers, *others))) == names


def test_blocks_that_come_again_are_told_once_with_their_names():
    layers = [line for n in range(12) for line in (f"a{n}: Dense(units=8)", f"n{n}: LayerNormalization()")]
    built = compared(chain("s: Dense(units=8)"), chain("s: Dense(units=8)", *layers))
    assert flat(built) == ["a0", "n0", "a1 to n11 (22 layers)"]
    comment = render(built.subject, "md")
    assert "|   | ×11 more like the 2 layers above | `a1` to `n11` (22 layers); +792 together | functional |" in comment


@given(st.lists(st.sampled_from("abc"), max_size=40))
@settings(deadline=None, max_examples=50)
def test_every_changed_layer_stands_in_one_row_in_order(kinds: list[str]) -> None:
    built = compared(X, chain(*(f"n{index}: Dropout(rate=0.{ord(kind) - 96})" for index, kind in enumerate(kinds))))
    told = [
        view.address for _, one in changes(built) for view in (one.views if isinstance(one, (Run, Repeat)) else (one,))
    ]
    assert told == [address for group in built.groups for address in group.rows]
