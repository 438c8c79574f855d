"""What is told of a layer that stands where a shared one was called, and of its contrary."""

from __future__ import annotations

import pytest
from models import model

from modeldiff import compare, report
from modeldiff.report.words import plain

SHARED = """
    a: InputLayer(batch_shape=[None, 8])
    b: InputLayer(batch_shape=[None, 8])
    c: InputLayer(batch_shape=[None, 8])
    tower: Dense(units=8, w=1) <- a <- b
    join: Concatenate <- tower, tower@1
    head: Dense(units=2, w=7) <- join
    outputs: head
"""
APART = (
    SHARED.replace("<- a <- b", "<- a")
    .replace("tower@1", "second")
    .replace("    join", "    second: Dense(units=8, w=2) <- b\n    join")
)


def lines(old: str, new: str, name: str = "second") -> list[str]:
    (found,) = (one for one in report.build(compare(model(old), model(new))).layers if one.name == name)
    return [plain(line) for line in found.lines]


def test_it_is_told_that_a_layer_is_no_longer_shared_and_that_it_is_now() -> None:
    assert lines(SHARED, APART) == ["Dense, 8 units", "in place of call 2 of tower, which is no longer shared"]
    assert lines(APART, SHARED) == ["Dense, 8 units", "its place is taken by call 2 of tower, which is shared now"]


def test_a_layer_that_is_still_shared_is_not_said_to_be_otherwise() -> None:
    old = SHARED.replace("<- a <- b", "<- a <- b <- c").replace("tower@1", "tower@1, tower@2")
    new = old.replace("<- a <- b <- c", "<- a <- c").replace("tower@1, tower@2", "second, tower@1")
    new = new.replace("    join", "    second: Dense(units=8, w=2) <- b\n    join")
    (told,) = lines(old, new)[1:]
    assert told.startswith("in place of call ")
    assert told.endswith(" of tower")


@pytest.mark.parametrize(
    ("place", "other"),
    [
        ("second: Dense(units=8, w=2) <- b", "second: Dense(units=8, w=2) <- c"),
        ("second: Dense(units=8, w=2) <- b", "second: ReLU <- b"),
        (
            "second: Dense(units=8, w=2) <- b",
            "third: Dense(units=8, w=3) <- b\n    second: Dense(units=8, w=2) <- b\n    sum: Add <- second, third",
        ),
    ],
    ids=["other input", "other class", "two candidates"],
)
def test_nothing_is_told_that_the_files_do_not_show(place: str, other: str) -> None:
    assert not any("place" in line for line in lines(SHARED, APART.replace(place, other)))
