# A scene as SVG: the one place that draws, for the standalone file and for the page. Every box is a group with its
# place in `transform` and small numbers inside, so that the page can move it and the text stays short. All words are
# escaped here, by `text`. Rejected: `foreignObject` (GitHub's image proxy and most editors leave it out).
"""SVG of boxes and lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from modeldiff.diagram import OUTSIDE, Body, Box, Card, Fold, Group, Presence, Row, Trace
from modeldiff.renderer import boxes
from modeldiff.renderer.boxes import CLASSES, GUTTER, ONE_LINE, PAD, Words
from modeldiff.renderer.characters import visible
from modeldiff.renderer.frames import Placement
from modeldiff.renderer.measure import mono_fitting, sans, sans_fitting
from modeldiff.renderer.routes import Placed, Route
from modeldiff.renderer.scene import Scene
from modeldiff.renderer.tags import calls
from modeldiff.report import Status
from modeldiff.report.words import plain

PRESENCES = {Presence.KEPT: "", Presence.ADDED: "add", Presence.REMOVED: "del"}
LINE_CLASSES = {presence: f"e {kind}".rstrip() for presence, kind in PRESENCES.items()}


def text(words: str) -> str:
    """Escaped for XML text and for attributes."""
    return escape(visible(words), quote=True)


@dataclass(slots=True)
class Pencil:
    """Draws scenes; in a page rows are links and folds are buttons."""

    words: Words
    is_live: bool
    """For the page: links, buttons, and the insides of folds apart."""
    numbers: Mapping[str, int]
    """For the page: the number of each address."""
    frames: dict[str, str]
    """The insides of closed folds and groups by frame id, filled while drawing a live scene."""
    holds: dict[str, list[str]]
    """Addresses of the rows directly inside each frame."""
    parents: dict[str, str]
    """The frame around each frame, "" at the top."""

    hidden: int = 0
    """How many closed frames are around what is drawn."""

    def scene(self, scene: Scene, frame: str = "") -> str:
        """Lines first, then boxes, so that no line covers a name."""
        return "".join(self._scene(scene, frame))

    def _scene(self, scene: Scene, frame: str) -> Iterator[str]:
        if self.is_live:
            ranks = " ".join(f"{top} {height}" for top, height in scene.ranks)
            yield f'<g class="lv" data-r="{ranks}" data-x="{scene.left} {scene.right} {scene.height}">'
        for route in scene.routes:
            yield self._line(scene.body, route)
        for x, y, words in calls(scene.routes):
            yield f'<text class="call" x="{x}" y="{y}">{words}</text>'
        for x, y, presence, words in scene.tags:
            yield f'<text class="call tag {PRESENCES[presence]}" x="{x}" y="{y}">{text(words)}</text>'
        for placement in scene.frames:
            yield self._region(scene.body, placement)
        for index, (box, place) in enumerate(zip(scene.body.boxes, scene.placed, strict=True)):
            yield self._box(scene, index, box, place, frame)
        if self.is_live:
            yield "</g>"

    def _line(self, body: Body, route: Route) -> str:
        (x, y), *rest = route.points
        path = f"M{x} {y}"
        for next_x, next_y in rest:
            path += f"V{next_y}" if next_x == x else f"H{next_x}"
            x, y = next_x, next_y
        line = route.line
        data = ""
        if self.is_live:
            data = f' data-e="{line.source.box} {line.target.box}{" s" if route.is_side or route.is_back else ""}"'
        is_left = any(
            end.box != OUTSIDE and isinstance(body.boxes[end.box], Trace) for end in (line.source, line.target)
        )
        kind = "e was x" if is_left else LINE_CLASSES[line.presence] + (" x" if line.target.box == OUTSIDE else "")
        drawn = f'<path class="{kind}" d="{path}"{data}/>'
        if line.presence is not Presence.KEPT and not is_left:
            ends = " to ".join(self.words.end_name(body, end) for end in (line.source, line.target))
            title = f"<title>{line.presence.value} connection, {text(ends)}</title>"
            drawn = f'<path class="{kind}" d="{path}"{data}>{title}</path>'
        return drawn

    def _region(self, body: Body, frame: Placement) -> str:
        """The frame around boxes that changed together, with its label; around a lone card its border is the frame."""
        view = self.words.regions[frame.region]
        left, top, right, bottom = frame.area
        label = visible(plain(view.label))
        if not frame.is_whole:
            label += ", in part"
        if frame.piece:
            label = f"piece {frame.piece + 1} of {frame.pieces}"
        elif frame.pieces > 1:
            label += f", in {frame.pieces} pieces"
        shown = sans_fitting(label, boxes.LABEL * 1.09, right - left - 34)  # it is bold
        title = f"<title>{text(view.status.value)}: {text(label)}</title>" if shown != label else ""
        lone = [body.boxes[index] for index in frame.boxes] if len(frame.boxes) == 1 else []
        bare = (
            " bare"
            if any(isinstance(box, Card) and self._kind(box)[1:] == CLASSES[view.status] for box in lone)
            else ""
        )
        data = f' data-g="{" ".join(map(str, frame.boxes))}"' if self.is_live else ""
        return (
            f'<g class="reg {CLASSES[view.status]}{bare}" transform="translate({left} {top})"{data}>{title}'
            f'<rect width="{right - left}" height="{bottom - top}" rx="8"/>'
            f'<text x="10" y="16"><tspan class="s">{view.status.sign}</tspan> {text(shown)}</text></g>'
        )

    def _box(self, scene: Scene, index: int, box: Box, place: Placed, frame: str) -> str:
        left = place.x - scene.width // 2
        data = f' data-b="{place.x} {place.left} {place.right} {place.height} {place.rank}"' if self.is_live else ""
        where = f'transform="translate({left} {place.y})"{data}'
        if isinstance(box, Card):
            if self.is_live:
                self.holds.setdefault(frame, []).extend(row.address for row in box.rows)
            if self.hidden:  # the script draws these rows when the fold opens, from the words it has anyway
                rows = (f"{self.numbers[row.address]}{self._mark(row)}" for row in box.rows)
                return f'<g class="card{self._kind(box)}" {where} data-i="{scene.width} {" ".join(rows)}"/>'
            return f'<g class="card{self._kind(box)}" {where}>{self._card(box, scene.width)}</g>'
        if isinstance(box, Trace):
            where = f'transform="translate({place.x - place.left} {place.y})"{data}'
            return f'<g class="was" {where}>{self._trace(box)}</g>'
        return self._frame(scene, index, box, frame, where)

    def _trace(self, trace: Trace) -> str:
        """Where layers were that moved, as a link to where they are."""
        width, title = self.words.trace_width(trace), self.words.trace_title(trace)
        shown = sans_fitting(title, boxes.TEXT, width - 30)
        about = f"<title>{text(title)}</title>" if shown != title else ""
        sign = f'<tspan class="s">{Status.MOVED.sign}</tspan>'
        drawn = f'{about}<rect width="{width}" height="{boxes.TRACE}" rx="4"/>'
        drawn += f'<text x="10" y="16">{sign} {text(shown)}</text>'
        return f'<a href="#{text(trace.rows[0])}" tabindex="-1">{drawn}</a>' if self.is_live else drawn

    def _kind(self, box: Card) -> str:
        """The class of a card in which all rows share one status."""
        statuses = {self.words.status(row) for row in box.rows}
        is_loud = len(statuses) == 1 and not any(map(self.words.follows, box.rows))
        return f" {CLASSES[statuses.pop()]}" if is_loud else ""

    def _mark(self, row: Row) -> str:
        """What the script has to know of a row that it draws: two lines, or quiet."""
        return "+" if self.words.height(row) > ONE_LINE else "-" if self.words.follows(row) else ""

    def _card(self, card: Card, width: int) -> str:
        height = sum(self.words.height(row) for row in card.rows)
        parts = [f'<rect class="bg" width="{width}" height="{height}" rx="4"/>']
        if self.words.compares:
            parts.append(f'<path class="well" d="M0 0h{GUTTER}v{height}H0z"/>')
        y, rules = 0, ""
        for row in card.rows:
            parts.append(self.row(row, width, y, self.words.height(row)))
            y += self.words.height(row)
            rules += f"M0 {y - 0.5}h{width}" if y < height else ""
        parts.append(f'<path class="rule" d="{rules}"/>' if rules else "")
        parts.append(f'<rect class="frame" width="{width}" height="{height}" rx="4"/>')
        return "".join(parts)

    def row(self, row: Row, width: int, y: int, height: int, *, room: int = 0) -> str:
        """One layer; `room` is kept free at the right."""
        status = self.words.status(row)
        found = self.words.texts(row, width - room)
        end = width - PAD - room
        start = GUTTER + PAD if self.words.compares else PAD + 2
        parts = [f'<rect class="b" width="{width}" height="{height}"/>']
        if status is not Status.UNCHANGED:
            parts.append(f'<path class="gut" d="M0 0h{GUTTER}v{height}H0z"/>')
            parts.append(f'<text class="sg" x="13" y="{height // 2 + 5}">{status.sign}</text>')
        name = text(found.name)
        if found.old:
            name = f'<tspan class="o">{text(found.old)} → </tspan>{name}'
        line = 19 if height > ONE_LINE else height // 2 + 4
        parts.append(f'<text class="nm" x="{start}" y="{line}">{name}</text>')
        if found.right:
            parts.append(
                f'<text class="{"val" if height > ONE_LINE else "end"}" x="{end}" y="{line}">{text(found.right)}</text>'
            )
        if found.lower:
            parts.append(f'<text x="{start}" y="36">{text(found.lower)}</text>')
        if found.lower_right:
            kind = "val" if self.words.compares and width < boxes.LOW else "end"
            parts.append(f'<text class="{kind}" x="{end}" y="36">{text(found.lower_right)}</text>')
        view = self.words.views[row.address]
        if found.is_cut:
            full = f"{view.old_name} → {view.name}" if view.old_name else view.name
            kind = "" if status is Status.UNCHANGED else f"{status.value} · "
            about = view.class_name + (f" · {view.summary}" if view.summary else "")
            parts.insert(0, f"<title>{text(full)}: {kind}{text(about)}</title>")
        tag, link = ("a", f' href="#{text(row.address)}"') if self.is_live else ("g", "")
        if self.is_live and status is Status.UNCHANGED:
            link += ' tabindex="-1"'
        move = f' transform="translate(0 {y})"' if y else ""
        quiet = " fol" if self.words.follows(row) else ""
        return f'<{tag} class="r {CLASSES[status]}{quiet}"{link}{move}>{"".join(parts)}</{tag}>'

    # --- frames: folds and groups -----------------------------------------------------------------------------

    def _frame(self, scene: Scene, index: int, box: Fold | Group, frame: str, where: str) -> str:
        inside = scene.inner[index]
        is_open = isinstance(box, Group) and box.is_open
        name = f"{frame}.{index}" if frame else f"f{index}"
        head = boxes.FOLD if isinstance(box, Fold) else boxes.HEAD
        axis = scene.width // 2
        self.hidden += not is_open
        body = self.scene(inside, name) if is_open or self.is_live else ""
        self.hidden -= not is_open
        inner = f'<g transform="translate({axis} {head})">{body}</g>' if is_open else ""
        if self.is_live:
            self.parents[name] = frame
            self.holds.setdefault(name, [])
            if isinstance(box, Group) and box.row is not None:
                self.holds.setdefault(frame, []).append(box.row.address)
            if not is_open:
                self.frames[name] = body
            where += f' id="{name}" data-f="{head} {scene.width}"'
        border = ""
        if is_open or self.is_live:
            left, right, height = scene.placed[index].left, scene.placed[index].right, scene.placed[index].height
            border = (
                f'<rect class="grp" x="{axis - left}" width="{left + right}" height="{height}" rx="6"/>'
                if is_open
                else '<rect class="grp" rx="6"/>'
            )
        title = (
            self._fold(box, scene.width, is_open=is_open)
            if isinstance(box, Fold)
            else self._group(box, scene.width, is_open=is_open)
        )
        state = " open" if is_open else ""
        kind = "fold" if isinstance(box, Fold) else "group"
        return f'<g class="fr {kind}{state}" {where}>{border}{title}{inner}</g>'

    def _button(self, inside: str, label: str, *, is_open: bool) -> str:
        if not self.is_live:
            return inside
        state = f'aria-expanded="{"true" if is_open else "false"}" aria-label="{text(label)}"'
        return f'<g class="tg" role="button" tabindex="0" {state}>{inside}</g>'

    def _fold(self, fold: Fold, width: int, *, is_open: bool) -> str:
        told = self.words.fold(fold)
        title = told.title
        counts = "".join(
            f' <tspan class="{CLASSES[status]}">{status.sign}{count}</tspan>' for status, count in told.counts
        )
        plain_counts = "".join(f" {count} {status.value}," for status, count in told.counts)
        used = sans(title, boxes.TEXT, bold=True) + 14.0 * len(told.counts)
        span = self.words.fold_range(told, width - boxes.FOLD_ROOM - used)
        parts = f'<rect class="pill" width="{width}" height="{boxes.FOLD}" rx="16"/>'
        parts += f'<text class="ttl" x="18" y="20">{text(title)}{counts}</text>'
        if span:
            parts += f'<text class="end" x="{width - 18}" y="20">{text(span)}</text>'
        return self._button(parts, f"{title}{',' if plain_counts else ''}{plain_counts.rstrip(',')}", is_open=is_open)

    def _group(self, group: Group, width: int, *, is_open: bool) -> str:
        rows = list(group.body.rows())
        what = self.words.size(rows)
        counts = list(self.words.counts(rows))
        marks = "".join(f' <tspan class="{CLASSES[status]}">{status.sign}{count}</tspan>' for status, count in counts)
        tail = f'<text class="end" x="{width - 30}" y="19">{what}{marks}</text>'
        sign = f'<rect class="b" x="{width - 26}" width="26" height="{boxes.HEAD}"/>'
        sign += f'<path class="tri" d="M{width - 18} 12l5 5 5-5"/>'
        name = group.scope
        status = Status.UNCHANGED
        if group.row is not None:
            view = self.words.views[group.row.address]
            status = view.status
            name = f"{view.old_name} → {view.name}" if view.old_name else view.name
        room = width - GUTTER - 2 * PAD - 30 - sans(what, boxes.TEXT) - 20.0 * len(counts)
        shown = mono_fitting(visible(name), boxes.NAME, room)
        start = GUTTER + PAD if status is not Status.UNCHANGED else PAD + 2
        title = f'<rect class="b" width="{width - 26}" height="{boxes.HEAD}"/>'
        if status is not Status.UNCHANGED:
            title += f'<path class="gut" d="M0 0h{GUTTER}v{boxes.HEAD}H0z"/>'
            title += f'<text class="sg" x="13" y="20">{status.sign}</text>'
        title += f'<text class="nm" x="{start}" y="19">{text(shown)}</text>'
        label = f"{visible(name)}: {what} parameters" if " · " in what else f"{visible(name)}: {what}"
        label += "".join(f", {count} {one.value}" for one, count in counts)
        back = f'<rect class="bg" width="{width}" height="{boxes.HEAD}" rx="4"/>'
        if group.row is not None and self.is_live:
            title = f'<a class="r {CLASSES[status]}" href="#{text(group.row.address)}">{title}</a>'
        elif group.row is not None:
            title = f'<g class="r {CLASSES[status]}">{title}</g>'
        border = f'<rect class="frame" width="{width}" height="{boxes.HEAD}" rx="4"/>'
        return f"{back}{title}{tail}{self._button(sign, label, is_open=is_open)}{border}"
