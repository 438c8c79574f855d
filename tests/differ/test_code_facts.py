# Which code came with the new model: added, changed, or told by one file only.
from __future__ import annotations

from dataclasses import replace

import pytest
from models import model

from modeldiff import compare
from modeldiff.graph import CodeKind, CodeRef, Fact

TEXT = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    f: Lambda <- a
    outputs: f
"""
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def ref(path="f", key="function", what=CodeKind.PAYLOAD, **about):
    return CodeRef((path,) if path else (), key, what, **about)


def told(old, new, *, text=TEXT, **about):
    sides = [replace(model(TEXT), code=tuple(old), **about), replace(model(text), code=tuple(new))]
    return [(note.about, note.text) for note in compare(*sides).notes if note.fact is Fact.CODE]


def test_the_same_code_is_one_quiet_note():
    sides = [replace(model(TEXT), code=(ref(digest=A),)) for _ in range(2)]
    (note,) = compare(*sides).notes
    assert (note.about, note.fact) == ("", None)
    assert note.text == f"the same code on both sides, not executed: payload {A[:19]}"


def test_another_payload_is_changed_code():
    assert told([ref(digest=A)], [ref(digest=B)]) == [
        ("f", f"code changed: payload {B[:19]} in function, was payload {A[:19]} in function")
    ]


def test_code_that_came_is_added_and_code_that_went_is_not_told():
    assert told([], [ref(digest=A)]) == [("f", f"code added: payload {A[:19]} in function")]
    assert told([ref(digest=A)], []) == []


def test_another_module_is_changed_code():
    old, new = (ref(key="", what=CodeKind.CLASS, name="Mine", module=module) for module in ("one", "two"))
    assert told([old], [new]) == [("f", "code changed: class two.Mine, was class one.Mine")]


@pytest.mark.parametrize(
    ("old", "new"),
    [({"name": "Mine"}, {"name": "pkg>Mine", "module": "place"}), ({"name": "pkg>Mine"}, {"name": "pkg>Mine", "module": "m"})],
)  # fmt: skip
def test_what_an_older_writer_does_not_tell_is_no_change(old, new):
    before, after = (ref(key="", what=CodeKind.CLASS, **about) for about in (old, new))
    assert told([before], [after]) == []
    assert told([after], [before]) == []


def test_code_at_another_place_of_the_same_layer_is_the_same():
    metrics = [ref("", f"compile.metrics[{place}]", CodeKind.FUNCTION, name="mine") for place in range(2)]
    assert told(metrics[:1], metrics[1:]) == []
    assert told(metrics[:1], metrics) == [("", "code added: function mine in compile.metrics[1]")]


def test_a_renamed_layer_keeps_its_code():
    text = TEXT.replace("f:", "g:").replace("outputs: f", "outputs: g")
    assert told([ref(digest=A)], [ref("g", digest=A)], text=text) == []


def test_code_that_the_old_file_cannot_tell():
    ((_, text),) = told([], [ref(digest=A)], has_config=False, metadata={})
    assert text.startswith("code that the old file does not tell: payload")
