# What holds of many layers is said once: of 28 layers that hold the same class of somebody's own, a reader wants one
# line that opens, and of a layer with five such facts its name once.
"""Notes and findings, gathered by what they say and then by whom they say it of: `together`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modeldiff.report.view import Code, Phrase, Remark, Report
from modeldiff.report.words import counted

_SHOWN = 3


def together(facts: Iterable[tuple[str, str]]) -> tuple[Remark, ...]:
    """Pairs of a place (a path, "" for the whole file) and a text, in the order of their first texts."""
    places: dict[str, dict[str, None]] = {}
    for place, text in facts:
        places.setdefault(text, {})[place] = None
    texts: dict[tuple[str, ...], list[str]] = {}
    for text, about in places.items():
        texts.setdefault(tuple(filter(None, about)), []).append(text)
    return tuple(Remark(about, tuple(told)) for about, told in texts.items())


def of_notes(report: Report, *, with_facts: bool = True) -> tuple[Remark, ...]:
    """The notes; in front of a path the name of the only file says nothing. Labelled lines tell those with a fact."""
    name = report.files[0].name if len(report.files) == 1 else ""
    notes = (note for note in report.notes if with_facts or not note.fact)
    return together(
        ("" if note.about == name else note.about.removeprefix(f"{name}: ") if name else note.about, note.text)
        for note in notes
    )


def below(report: Report) -> tuple[Phrase, ...]:
    """Footnotes and the notes that no labelled line tells, one phrase each: what stands below everything else."""
    return (*report.footnotes, *map(phrase, of_notes(report, with_facts=False)))


def caution(report: Report, most: int) -> tuple[Phrase, ...]:
    """The first notes, for a picture that has room for a few lines; the last one counts the rest."""
    told = list(map(phrase, of_notes(report)))
    more = len(told) - most
    return (*told[:most], *([(f"{counted(more, 'more note')} in the report",)] if more > 0 else ()))


def findings(report: Report) -> Iterator[tuple[str, Phrase]]:
    """Values of one model that are worth a look, as labelled lines: the gravest few."""
    found = report.overview.findings if report.overview is not None else ()
    for remark in found[:_SHOWN]:
        yield "Worth a look", phrase(remark)


def phrase(remark: Remark) -> Phrase:
    """On one line: the first places, what is said of them."""
    told = "; ".join(remark.told)
    if not remark.places:
        return (told,)
    shown: list[str] = []
    for place in remark.places[:_SHOWN]:
        shown += [", ", Code(place)] if shown else [Code(place)]
    more = len(remark.places) - _SHOWN
    return (*shown, *((f" and {more:,} more",) if more > 0 else ()), ": ", told)
