from __future__ import annotations

import subprocess
import sys

import pytest
from models import model

from modeldiff import compare, render
from modeldiff.renderer.dot import quoted

TEXT = """
    x: InputLayer(batch_shape=[None, 8])
    enc: Functional <- x
        ex: InputLayer(batch_shape=[None, 8])
        e1: Dense(units=8) <- ex
        outputs: e1
    shared: Dense(units=8) <- enc <- x
    o: Add <- shared, shared@1
    outputs: o
"""


def drawn(dot: str) -> str:
    """What Graphviz makes of it, in a process of its own."""
    code = "import sys, pygraphviz; sys.stdout.buffer.write(pygraphviz.AGraph(string=sys.stdin.read()).draw(format='svg', prog='dot'))"
    done = subprocess.run([sys.executable, "-c", code], input=dot, capture_output=True, text=True, check=True)
    return done.stdout


def test_graphviz_draws_it_with_every_name():
    picture = drawn(
        render(compare(model(TEXT), model(TEXT.replace("e1: Dense(units=8)", "e1: Dense(units=9)"))), "dot")
    )
    for name in ("ex", "e1", "shared", "call 1"):
        assert name in picture


@pytest.mark.parametrize(
    "name", ['a"];evil[label="x', "back\\slash\\N", "<b>bold</b>", "&lt;&amp;", "new\nline", "{a|b}"]
)
def test_a_label_means_itself(name):
    dot = f"digraph {{ n [label={quoted(name, 'second')}]; }}"
    picture = drawn(dot)
    assert picture.count("<g ") == 2
    assert "evil" not in picture or "a&quot;];evil" in picture.replace("&#45;", "-")
    assert "<b>" not in picture
