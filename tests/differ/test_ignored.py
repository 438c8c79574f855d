# Rules to ignore: which facts a glob hides, and that each is counted.
from __future__ import annotations

import pytest
from models import model

from modeldiff import compare
from modeldiff.changes import Ignore, Options, Outcome, Subject
from modeldiff.graph import Fact

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    stem: Dense(units=8, rate=1) <- x
    enc: Functional <- stem
        ex: InputLayer(batch_shape=[None, 8])
        ed: Dense(units=8, rate=1) <- ex
        outputs: ed
    gone: Dropout(rate=1) <- enc
    head: Dense(units=8) <- gone
    outputs: head
"""
NEW = OLD.replace("rate=1", "rate=2")


def hidden(old, new, *rules):
    result = compare(model(old), model(new), options=Options(ignore=tuple(Ignore(*rule) for rule in rules)))
    told = {"/".join(change.site.new or change.site.old or ()) for change in result.changes}
    return told, [(one.rule.pattern, one.count) for one in result.ignored]


@pytest.mark.parametrize(
    ("pattern", "left", "count"),
    [
        ("stem", {"enc/ed", "gone"}, 1),
        ("enc", {"stem", "gone"}, 1),
        ("enc/*", {"stem", "gone"}, 1),
        ("*e*", set(), 3),
        ("ed", {"stem", "enc/ed", "gone"}, 0),
        ("STEM", {"stem", "enc/ed", "gone"}, 0),
        ("[gs]*", {"enc/ed"}, 2),
    ],
)
def test_layers(pattern, left, count):
    told, counted = hidden(OLD, NEW, (Subject.LAYER, pattern))
    assert told == left
    assert sum(number for _, number in counted) == count


def test_keys_and_the_first_rule_counts():
    told, counted = hidden(OLD, NEW, (Subject.KEY, "ra?e"), (Subject.LAYER, "stem"), (Subject.KEY, "rate"))
    assert told == set()
    assert counted == [("ra?e", 3)]


def test_a_key_with_brackets_may_be_written_as_it_is():
    old = OLD.replace("rate=1", "cells=[{'units': 1}]")
    told, counted = hidden(old, old.replace("'units': 1", "'units': 2"), (Subject.KEY, "cells[0].units"))
    assert (told, counted) == (set(), [("cells[0].units", 3)])


def test_metadata_is_ignored_by_key():
    new = model(OLD)
    new = type(new)(**{name: getattr(new, name) for name in new.__slots__} | {"metadata": {"keras_version": "9"}})
    result = compare(model(OLD), new, options=Options(ignore=(Ignore(Subject.KEY, "keras_*"),)))
    assert (result.changes, result.impact) == ((), None)


def test_what_callers_see_is_never_hidden_by_a_layer():
    told, _ = hidden(
        OLD, OLD.replace("batch_shape=[None, 8])\n    stem", "batch_shape=[None, 9])\n    stem"), (Subject.LAYER, "*")
    )
    assert "x" in told


def test_facts_and_values_of_a_hidden_layer_count_nowhere():
    old, new = (
        OLD.replace("gone: Dropout(rate=1)", f"gone: Dense(units=8, trainable=False, w={seed})") for seed in (1, 2)
    )
    result = compare(model(old), model(new), options=Options(ignore=(Ignore(Subject.LAYER, "gone"),)))
    assert [note for note in result.notes if note.fact is Fact.FROZEN_MOVED] == []
    assert {pair.outcome for pair in result.weight_pairs if pair.site.new == ("gone",)} == {Outcome.NOT_COMPARED}
    assert [one.count for one in result.ignored] == [3]  # kernel, bias, and that the layer is frozen
