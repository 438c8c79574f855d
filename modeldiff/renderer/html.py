# The page people open: one file, no network, a strict Content-Security-Policy by hashes. The template says what stands
# where; styles and script are files of their own in `templates/` and are put in as they are. All that a reader must
# see stands in static HTML (verdict, list, picture, tables of the gravest layers), so the page is whole without
# JavaScript; the script adds what moves. Opening a fold: the inside of every fold is laid out here and waits in a
# `template` element; the script puts it in and pushes down what is below, because ranks are stacked. The old and the
# new model alone wait in the same way. Rejected: a second layout in the browser, and one layout with everything open,
# which says nothing about where the reader was.
"""The `html` format."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jinja2
from markupsafe import Markup, escape

from modeldiff.beside import beside
from modeldiff.changes import DiffResult
from modeldiff.diagram import NARROWER, Folding, Side, build, build_side
from modeldiff.renderer import palette, templates
from modeldiff.renderer.boxes import CLASSES, Words
from modeldiff.renderer.characters import visible
from modeldiff.renderer.drawing import Pencil
from modeldiff.renderer.island import contents, island
from modeldiff.renderer.outline import repeats
from modeldiff.renderer.scene import Scene
from modeldiff.renderer.strip import strip
from modeldiff.renderer.svg import picture
from modeldiff.report import Code, LayerView, Phrase, Report, Status, Strong
from modeldiff.report.remarks import of_notes
from modeldiff.report.words import is_telling, percent, plain

STYLES = ("page.css", "panes.css", "picture.css", "paper.css")
SCRIPTS = ("words.js", "places.js", "rows.js", "bands.js", "picture.js", "inspector.js", "overview.js", "page.js")
TABLES = 16
"""Changed layers whose tables stand in the static page, gravest first."""
LISTED = 500
"""Rows of the list in the static page; the script adds the rest."""
SIDES: tuple[Side, ...] = ("old", "new")
MANY = 300
"""Layers from which the old and the new model alone are drawn in another process."""
PAD = 20
"""Around the picture."""
TRIES = tuple(abreast for abreast in NARROWER if not abreast[1])
"""A page can be moved: what is told stays outside of folds however wide it is."""


def render(report: Report, folding: Folding | None = None) -> str:
    """The page.

    Raises:
        RenderError: there is no Graphviz, or the templates are missing.
    """
    compares = isinstance(report.subject, DiffResult)
    numbers = {view.address: number for number, view in enumerate(report.layers)}
    with beside(partial(_sides, report, folding, numbers), is_worth_it=compares and len(numbers) >= MANY) as sides:
        words = Words(report, compares=compares)
        drawn, note = picture(words, partial(build, report.subject, folding=folding), tries=TRIES)
        merged = _drawn(drawn, words, numbers)
        data = island(report)
        page = environment(report).get_template("page.html.j2")
        pictures = [merged, *(sides() if compares else ())]
    frames, holds, parents = (
        {name: inside for part in parts for name, inside in part.items()} for parts in zip(*pictures, strict=True)
    )
    style = tight(_lean("\n".join([palette.page(), *map(templates.read, STYLES)])))
    script = _lean("\n".join(["(() => {", *map(templates.read, SCRIPTS), "})();"]))
    box = (-drawn.left - PAD, -PAD, drawn.left + drawn.right + 2 * PAD, drawn.height + 2 * PAD)
    changed = [view for view in report.layers if view.status is not Status.UNCHANGED]
    repeated = repeats(report) if report.overview is not None else []
    return page.render(
        report=report,
        compares=compares,
        title=f"{plain(report.verdict)}",
        style=Markup(style),  # noqa: S704 -- our own files
        script=Markup(script),  # noqa: S704 -- our own files
        style_hash=source_hash(style),
        script_hash=source_hash(script),
        arrows=Markup(palette.ARROWS),  # noqa: S704 -- our own constant
        picture=Markup(frames.pop("")),  # noqa: S704 -- escaped where it is drawn
        frames={name: Markup(inside) for name, inside in frames.items()},  # noqa: S704 -- as above
        box=box,
        note=note,
        data=Markup(data),  # noqa: S704 -- escaped where it is made
        contents=Markup(contents(numbers, holds, parents)),  # noqa: S704 -- as above
        strip=strip(report.layers, compares=compares),
        views={view.address: view for view in report.layers},
        index=numbers,
        changed=changed,
        tables=sorted(changed, key=lambda view: -(view.impact or 0))[:TABLES],
        groups=list(_listed(report)),
        unlisted=max(sum(len(group.rows) for group in report.groups) - LISTED, 0),
        classes=CLASSES,
        together=_together(report),
        moved=_moved_most(report),
        remarks=of_notes(report),
        repeated=repeated,
        after={view.address: repeat.words for repeat in repeated for view in repeat.first[-1:]},
        folded={view.address for repeat in repeated for view in repeat.views},
    )


class Insides(NamedTuple):
    """What a picture holds, by frame; the whole picture is a frame too, "" or the name of its side."""

    frames: dict[str, str]
    """SVG of the closed ones."""
    holds: dict[str, list[str]]
    """The addresses directly inside each."""
    parents: dict[str, str]
    """The frame around each."""


def _drawn(drawn: Scene, words: Words, numbers: Mapping[str, int], name: str = "") -> Insides:
    """A picture that is shown at first, or waits as the frame of this name."""
    insides = Insides({}, {}, {})
    pencil = Pencil(words, is_live=True, numbers=numbers, **insides._asdict(), hidden=int(bool(name)))
    insides.frames[name] = pencil.scene(drawn, name)
    return insides


def _sides(report: Report, folding: Folding | None, numbers: Mapping[str, int]) -> list[Insides]:
    """The pictures of the old and of the new model alone."""
    assert isinstance(report.subject, DiffResult)
    found = []
    for side in SIDES:
        words = Words(report, compares=True, side=side)
        drawn, _ = picture(words, partial(build_side, report.subject, side, folding=folding), tries=TRIES)
        found.append(_drawn(drawn, words, numbers, side))
    return found


def _together(report: Report) -> dict[str, tuple[Phrase, ...]]:
    """What is said of several layers together, by address."""
    found: dict[str, tuple[Phrase, ...]] = {}
    for region in report.regions:
        for told, addresses in ((region.told, region.rows), (region.caused, region.rewired)):
            for address in addresses if told else ():
                found[address] = (*found.get(address, ()), told)
    return found


def _moved_most(report: Report) -> list[LayerView]:
    """The layers whose weights moved furthest, where that is worth a ranking."""
    moved = sorted((view for view in report.layers if view.moved), key=lambda view: -(view.moved or 0))
    return moved[:6] if len(moved) > 2 else []


@dataclass(frozen=True, slots=True)
class Listed:
    """One group of the list: the addresses in the static page, and the numbers of the layers the script adds."""

    title: str
    impact: str
    rows: tuple[str, ...]
    rest: tuple[int, ...]


def _listed(report: Report) -> Iterator[Listed]:
    index = {view.address: number for number, view in enumerate(report.layers)}
    room = LISTED
    for group in report.groups:
        rest = tuple(index[address] for address in group.rows[room:])
        yield Listed(group.title, group.impact, group.rows[:room], rest)
        room = max(room - len(group.rows), 0)


def environment(report: Report | None = None) -> jinja2.Environment:
    """Jinja with our filters; everything is escaped unless it says otherwise. Links lead into the page of `report`."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(templates.read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    places = dict(_places(report)) if report is not None else {}
    environment.filters["phrase"] = lambda phrase: _phrase(phrase, {})
    environment.filters["linked"] = lambda phrase: _phrase(phrase, places)
    environment.filters["place"] = lambda place: _place(place, places)
    environment.filters["plain"] = lambda phrase: visible(plain(phrase))
    environment.filters["visible"] = visible
    environment.filters["breakable"] = _breakable
    environment.filters["far"] = lambda view: percent(view.moved) if is_telling(view.moved) else plain(view.figure)
    environment.filters["about"] = _about
    return environment


def _places(report: Report) -> Iterator[tuple[str, str]]:
    """Addresses by path text; where old and new layers share one, the new layer is meant."""
    for view in report.layers:
        if view.new is None and view.old is not None:
            yield view.old, view.address
    for view in report.layers:
        if view.new is not None:
            yield view.new, view.address


def _phrase(phrase: Phrase, places: dict[str, str]) -> Markup:
    """Words of ours as they are or bold, words from a file as code, and as a link where they name a layer."""
    parts = []
    for word in phrase:
        shown = escape(visible(word))
        if isinstance(word, Code):
            shown = Markup("<code>{}</code>").format(shown)
            if word in places:
                shown = Markup('<a href="#{}">{}</a>').format(places[word], shown)
        elif isinstance(word, Strong):
            shown = Markup("<b>{}</b>").format(shown)
        parts.append(shown)
    return Markup("").join(parts)


def _place(place: str, places: Mapping[str, str]) -> Markup:
    """A path of a layer, or of a weight of it, as a link to the layer."""
    layer = place
    while layer and layer not in places:
        layer = layer.rpartition("/")[0]
    shown = Markup("<code>{}</code>").format(visible(place))
    return Markup('<a href="#{}">{}</a>').format(places[layer], shown) if layer in places else shown


def _breakable(name: str) -> Markup:
    """The name of a file, which a line may break where its words end."""
    return Markup("<wbr>").join(re.split(r"(?<=[_-])(?![_-])|(?=\.)", visible(name)))


def _about(view: LayerView) -> str:
    """Class and summary."""
    return visible(", ".join(filter(None, (view.class_name, view.summary))))


def _lean(code: str) -> str:
    """Without lines that are comments, and without indentation: a tenth of a small page."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not re.fullmatch(r"//.*|/\*.*\*/", line)) + "\n"


def tight(style: str) -> str:
    """A style sheet without blanks that say nothing."""
    return re.sub(r"\s*([{};])\s*|([:,])[ ]+", lambda found: found[1] or found[2], style)


def source_hash(text: str) -> str:
    """The Content-Security-Policy source of an inline element."""
    # The browser hashes what it parsed, where line ends are plain.
    assert not re.search("\r|</(script|style)", text)
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
