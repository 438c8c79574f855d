# The facts worth asserting as labelled lines: one line a fact and file, however many layers it holds of, so that a
# frozen backbone that moved is one line and not fifty. `_LINES` has every fact; a test checks that none is forgotten.
"""Labelled lines of the facts worth asserting: `lines` of a comparison, `held` by one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modeldiff.changes import DiffResult, Subject
from modeldiff.graph import CodeRef, Fact, Model, Note, format_path
from modeldiff.report.view import Code, Phrase
from modeldiff.report.words import counted, joined

_LINES = {
    Fact.FROZEN_MOVED: ("Frozen", "frozen on both sides, yet their weights changed"),
    Fact.BROKEN: ("Broken", "hold NaN or infinities that were finite"),
    Fact.WEIGHTS_MISSING: ("Missing", "the configuration asks for weights that the file lacks"),
    Fact.ORPHAN_WEIGHTS: ("Orphans", "the file has weights that no layer has"),
    Fact.STATISTICS_RESET: ("Reset", "have statistics that went back to their initial values"),
    Fact.UNMOVED: ("Unmoved", "trainable, yet none of their weights moved while most others did"),
    Fact.REORDERED: ("Reordered", "have their units in another order, and the inputs behind them in the same one"),
    Fact.AUTOMATIC_NAMES: ("Names", "layers carry names that Keras numbered by itself"),
    Fact.CODE: ("Code", "code added or changed, not executed"),
}
"""Fact -> its label, and what is said of several layers."""
_SHOWN = 3


def lines(result: DiffResult, names: Sequence[str]) -> Iterator[tuple[str, Phrase]]:
    """What a reviewer wants asserted, about the comparison and about each file; `names` are those of the files."""
    for fact in _LINES:
        yield from _line(fact, result.notes, "")
        for model, name in zip((result.old, result.new), names, strict=True):
            yield from _line(fact, model.notes, name)


def held(model: Model, name: str) -> Iterator[tuple[str, Phrase]]:
    """The same of one model, and which code it holds."""
    for fact in _LINES:
        yield from _line(fact, model.notes, name)
    if model.code:
        yield _LINES[Fact.CODE][0], (*_pieces(model.code), ": not executed")


def code_notes(model: Model) -> Iterator[Note]:
    """One note per piece of code that a model holds."""
    for ref in model.code:
        yield Note(format_path(ref.path), f"holds code: {ref.label}", Fact.CODE, ref.key)


def hidden(result: DiffResult) -> Iterator[tuple[str, Phrase]]:
    """What rules to ignore hid, in one line: nothing vanishes without a trace."""
    if not result.ignored:
        return
    total = sum(one.count for one in result.ignored)
    origins = joined((Code(name),) for name in dict.fromkeys(one.rule.origin for one in result.ignored) if name)
    words = {Subject.LAYER: "layers ", Subject.KEY: "key "}
    rules = joined((words[one.rule.subject], Code(one.rule.pattern), f" ({one.count:,})") for one in result.ignored)
    yield "Ignored", (counted(total, "fact"), *((", by ", *origins) if origins else ()), ": ", *rules)


def _line(fact: Fact, notes: Iterable[Note], name: str) -> Iterator[tuple[str, Phrase]]:
    notes = [note for note in notes if note.fact is fact]
    label, together = _LINES[fact]
    about = list(dict.fromkeys(note.about for note in notes))
    aside: Phrase = (" in ", Code(name)) if name else ()
    if len(about) == 1:
        texts = "; ".join(dict.fromkeys(note.text for note in notes))
        if fact is Fact.AUTOMATIC_NAMES:
            yield label, (texts,)
            return
        texts += ", not executed" if fact is Fact.CODE else ""
        where: Phrase = (Code(about[0]), *aside) if about[0] else (Code(name) if name else "the model",)
        yield label, (*where, f": {texts}")
    elif about:
        if fact is Fact.REORDERED and all(note.text.startswith("same function") for note in notes):
            together = "same function, units reordered with all that takes them"
        more = f" and {len(about) - _SHOWN:,} more" if len(about) > _SHOWN else ""
        shown = joined((Code(path),) if path else ("the model",) for path in about[:_SHOWN])
        yield label, (*shown, more, *aside, f": {together}")


def _pieces(code: Sequence[CodeRef]) -> Phrase:
    """`class my_module.Mine in 3 layers, class A, payload sha256:0123456789ab in lambda`: a place once."""
    places: dict[str, list[str]] = {}
    for ref in code:
        places.setdefault(ref.title, []).append(format_path(ref.path))
    alike: dict[tuple[str, ...], list[str]] = {}
    for title, paths in list(places.items())[: 2 * _SHOWN]:
        alike.setdefault(tuple(dict.fromkeys(filter(None, paths))), []).append(title)
    told: list[Phrase] = []
    for layers, titles in alike.items():
        where: Phrase = (" in ", Code(layers[0])) if len(layers) == 1 else (f" in {counted(len(layers), 'layer')}",)
        told.append((*joined((Code(title),) for title in titles), *(where if layers else ())))
    more = f" and {len(places) - 2 * _SHOWN:,} more" if len(places) > 2 * _SHOWN else ""
    return (*joined(told), more)
