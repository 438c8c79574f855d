# The picture as a file of its own, for a README or a pull request comment: verdict and legend are drawn in, colours
# follow the reader's light or dark theme through the file's own style sheet, and there is no script.
"""The `svg` format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from modeldiff.changes import DiffResult
from modeldiff.diagram import FEWER, LIMIT, NARROWER, Abreast, Diagram, Folding, build
from modeldiff.renderer import palette
from modeldiff.renderer.boxes import CLASSES, Words
from modeldiff.renderer.drawing import Pencil, text
from modeldiff.renderer.layout import BUDGET, Deadline
from modeldiff.renderer.measure import mono, sans, sans_fitting
from modeldiff.renderer.scene import Scene, scene
from modeldiff.report import Code, Phrase, Report, remarks
from modeldiff.report.words import plain

MARGIN = 20
NARROWEST = 700
"""Room for the verdict; GitHub shows about 830."""
BROADEST = 960
"""Of all boxes, unless changes need more: in 830 the names are 9 points high still, and in the page three quarters."""
_NOTES = 3
"""Notes that are drawn in, so that a picture alone hides nothing; the rest are counted."""


def render(report: Report, folding: Folding | None = None) -> str:
    """A standalone SVG document.

    Raises:
        RenderError: there is no Graphviz.
    """
    words = Words(report, compares=isinstance(report.subject, DiffResult))
    drawn, note = picture(words, partial(build, report.subject, folding=folding), tries=NARROWER)
    width = max(NARROWEST, drawn.left + drawn.right + 2 * MARGIN)
    head, top = _head(report, width, note)
    axis = round((width - drawn.left - drawn.right) / 2 + drawn.left)
    height = top + drawn.height + MARGIN
    body = Pencil(words, is_live=False, numbers={}, frames={}, holds={}, parents={}).scene(drawn)
    title = text(plain(report.verdict))
    kind = "g" if words.compares else "g one"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'class="{kind}" role="img" aria-label="{title}"><title>{title}</title><style>{palette.standalone()}</style>'
        f'{palette.ARROWS}<rect class="page" width="{width}" height="{height}"/>{head}'
        f'<g transform="translate({axis} {top})">{body}</g></svg>\n'
    )


_SMALL = 3_000
"""Layers up to which a picture is drawn again until it fits: each time costs as much as the first."""


class Again(Protocol):
    """Builds the same picture, as often as it must be folded further."""

    def __call__(self, *, limit: int = ..., abreast: Abreast | None = ...) -> Diagram:
        """A diagram; the arguments are those of `build`."""


def picture(words: Words, again: Again, *, tries: Sequence[Abreast]) -> tuple[Scene, str]:
    """The scene, and a sentence where the picture is not what was asked for.

    Where it is too wide to be read it is folded until it fits, unless somebody asked for how it is folded; where that
    does not help, its cards are drawn narrower.

    Args:
        words: the texts of the picture.
        again: builds it.
        tries: how to fold it where it is too wide, one after the other.
    """
    diagram = again()
    drawn, finished = scene(diagram, words)
    note, limit = "", LIMIT
    if not finished:
        limit = FEWER
        diagram = again(limit=limit)
        drawn, finished = scene(diagram, words, Deadline(BUDGET / 2))
        note = "Folded further than usual: Graphviz did not finish the whole picture in time."
    if not finished:
        return drawn, "Drawn in one column: Graphviz did not finish in time."
    for abreast in tries if diagram.folding == Folding() and len(words.views) <= _SMALL else ():
        if drawn.left + drawn.right <= BROADEST:
            break
        folded = again(limit=limit, abreast=abreast)
        narrower, finished = scene(folded, words, Deadline(BUDGET / 2))
        if finished and narrower.left + narrower.right < drawn.left + drawn.right:
            drawn, diagram = narrower, folded
    if drawn.left + drawn.right > BROADEST and len(words.views) <= _SMALL:
        closer, finished = scene(diagram, words.closer(), Deadline(BUDGET / 2))
        drawn = closer if finished else drawn
    return drawn, note


def _head(report: Report, width: int, note: str) -> tuple[str, int]:
    """Verdict, lead and legend, and where the picture starts."""
    parts, y = [], MARGIN
    told = [(words, 12.0, "lead") for words in (*remarks.caution(report, _NOTES), (note,))]
    for phrase, size, kind in ((report.verdict, 19.0, "h"), (report.lead, 13.0, "lead"), *told):
        for line in _wrapped(phrase, size, width - 2 * MARGIN) if plain(phrase) else ():
            y += round(size * 1.35)
            spans = "".join(
                f'<tspan class="m">{text(word)}</tspan>' if isinstance(word, Code) else text(word) for word in line
            )
            parts.append(f'<text class="{kind}" x="{MARGIN}" y="{y - 4}">{spans}</text>')
    y += 14
    x = MARGIN
    for status, count in report.statuses:
        label = f"{count} {status.value}"
        kind = CLASSES[status]
        parts.append(
            f'<g class="key {kind}" transform="translate({x} {y})"><rect class="sq" width="18" height="18" rx="3"/>'
            f'<text class="sg" x="9" y="14">{status.sign}</text><text x="24" y="13">{text(label)}</text></g>'
        )
        x += 24 + round(sans(label, 12)) + 18
    if report.statuses and report.unchanged:
        parts.append(f'<text class="key" x="{x}" y="{y + 13}">{report.unchanged} unchanged</text>')
    return "".join(parts), y + (36 if report.statuses else 12)


def _wrapped(phrase: Phrase, size: float, width: float) -> Iterator[Phrase]:
    """The phrase in lines; words of a file are not broken."""
    line: list[str] = []
    used = 0.0
    for piece in phrase:
        is_code = isinstance(piece, Code)
        for word in [piece] if is_code else _split(piece):
            wide = mono(word, size * 0.92) if is_code else sans(word, size, bold=size > 16) * 1.06
            if line and used + wide > width and word.strip():
                yield tuple(line)
                line, used = [], 0.0
                word = word.lstrip() if not is_code else word  # noqa: PLW2901 -- a line starts without its blank
            line.append(Code(sans_fitting(word, size, width)) if is_code else word)
            used += wide
    if line:
        yield tuple(line)


def _split(words: str) -> list[str]:
    """Words with the blank before them."""
    found = words.split(" ")
    return [found[0], *(f" {word}" for word in found[1:])]
