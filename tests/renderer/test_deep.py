# Depth comes from a file and must not end the program: 100 nested models is what the loader lets through, and names may
# hold any number of parts.
from __future__ import annotations

import pytest
from models import model

from modeldiff import compare, render
from modeldiff.diagram import Body, Fold, Group, build


def nested(depth, units, scope=""):
    """Models inside each other, a dense layer in the innermost."""
    lines = []
    for level in range(depth):
        rows = "x: InputLayer(batch_shape=[None, 4])", f"{scope}n: ReLU <- x", f"{scope}m: Functional <- {scope}n"
        lines += ["    " * level + row for row in rows]
    inner = "    " * depth
    lines += [f"{inner}x: InputLayer(batch_shape=[None, 4])", f"{inner}d: Dense(units={units}) <- x"]
    lines.append(f"{inner}outputs: d")
    return "\n".join([*lines, *("    " * level + f"outputs: {scope}m" for level in reversed(range(depth)))])


def long_names(depth, units):
    """A chain in which each layer's name has one part more."""
    lines, before = ["in: InputLayer(batch_shape=[None, 4])"], "in"
    for level in range(depth):
        name = "a/" * level + "x"
        lines.append(f"{name}: Dense(units={units}) <- {before}")
        before = name
    return "\n".join([*lines, f"outputs: {before}"])


TEXTS = {
    "models": lambda units: nested(100, units),
    "models-with-scopes": lambda units: nested(100, units, "a/b/c/d/e/f/g/h/i/j/"),
    "names": lambda units: long_names(400, units),
}


@pytest.mark.parametrize("format", ["html", "svg", "dot"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_deep_nesting_is_drawn(text, format):
    result = compare(model(text(4)), model(text(5)))
    assert render(result, format)
    assert render(result.new, format)


def groups(body: Body) -> int:
    """How many groups stand inside each other."""
    inside = [(isinstance(box, Group), box.body) for box in body.boxes if isinstance(box, (Fold, Group))]
    return max((is_group + groups(inner) for is_group, inner in inside), default=0)


def test_scopes_end_where_nobody_could_read_them():
    body = build(model(long_names(40, 4))).body
    assert groups(body) == 8
    assert len(list(body.rows())) == 41
