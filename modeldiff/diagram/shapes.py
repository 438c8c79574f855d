# The picture as data. Boxes nest: a fold and a group hold a body of boxes and lines like the picture itself, so one
# rule draws every depth and opening a fold needs no second kind of picture. Rejected: boxes that carry their texts
# (the report has them already, looked up by address) and boxes that carry coordinates (the page moves them).
"""Boxes, lines, groups and folds: `Diagram`, `Body`, `Card`, `Fold`, `Group`, `Trace`, `Line`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Presence(str, Enum):
    """On which sides something stands. Where one model is shown everything is kept."""

    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"

    __hash__ = str.__hash__  # that of enums is Python, and every connection is asked for


class FoldKind(str, Enum):
    """Why layers are folded."""

    UNCHANGED = "unchanged"
    """Nothing happened to any of them."""
    REPEAT = "repeat"
    """Blocks built like the one before them."""
    BUNDLE = "bundle"
    """The picture would be too large to read otherwise."""


class Row(NamedTuple):
    """One layer."""

    address: str
    """`Site.address`: where its words are found."""
    presence: Presence
    touched: bool
    """Whether a change is told at this layer."""


@dataclass(frozen=True, slots=True)
class Card:
    """A straight run of layers, drawn as one box with a row per layer; or inputs that stand side by side."""

    rows: tuple[Row, ...]
    abreast: bool = False
    """They are inputs: no row feeds the next."""


class End(NamedTuple):
    """One end of a line: a box of the same body and a row of it."""

    box: int
    """Index in `Body.boxes`; `OUTSIDE` for what is around the body."""
    row: int = 0
    """Index in `Card.rows`; 0 for a fold or a group."""


OUTSIDE = -1
"""The `End.box` of a line that enters or leaves the body."""


class Line(NamedTuple):
    """One connection between two boxes, from its maker to its taker."""

    source: End
    target: End
    presence: Presence
    source_call: int = 0
    """Which call of a shared layer makes the tensor, from 1; 0 where the layer is not shared."""
    target_call: int = 0
    """Which call of a shared layer takes it, from 1; 0 where the layer is not shared."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Boxes whose layers changed together."""

    region: int
    """Index in `DiffResult.regions`."""
    boxes: tuple[int, ...]
    """Indexes in `Body.boxes`, ascending; other boxes may stand between them."""
    is_whole: bool
    """Whether all of the region is in these boxes."""


@dataclass(frozen=True, slots=True)
class Body:
    """Boxes and lines of one depth."""

    boxes: tuple[Box, ...]
    """In graph order."""
    lines: tuple[Line, ...]
    listed: bool = False
    """The files hold no connections here: boxes stand below each other and say nothing about the flow."""
    frames: tuple[Frame, ...] = ()

    def rows(self) -> Iterator[Row]:
        """Every layer inside, at any depth, in graph order: a sub-model before its layers."""
        for box in self.boxes:
            if isinstance(box, Card):
                yield from box.rows
                continue
            if isinstance(box, Trace):
                continue
            if isinstance(box, Group) and box.row is not None:
                yield box.row
            yield from box.body.rows()


@dataclass(frozen=True, slots=True)
class Fold:
    """Layers behind one line that opens."""

    kind: FoldKind
    body: Body
    times: int = 1
    """REPEAT: how many blocks are inside."""


@dataclass(frozen=True, slots=True)
class Group:
    """A sub-model, or layers whose names share a scope (`block1/...`)."""

    row: Row | None
    """The sub-model itself; None for a scope."""
    scope: str
    """The name of a scope, from the file; "" for a sub-model."""
    body: Body
    is_open: bool
    """Whether the picture shows the inside first."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The place that moved layers left. They stand elsewhere, so nothing is counted here."""

    rows: tuple[str, ...]
    """Their addresses, in the order in which they stood here."""
    region: int | None
    """Index in `DiffResult.regions`; None where they moved to another parent."""


Box = Card | Fold | Group | Trace


@dataclass(frozen=True, slots=True)
class Folding:
    """What a reader wants to see before anything is opened."""

    context: int = 1
    """Unchanged layers around a change, counted in connections."""
    depth: int | None = None
    """How many groups deep the picture is open; None: as far as something changed in them, and room allows."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """The whole picture."""

    body: Body
    compares: bool
    """Two models; False where one is shown."""
    folding: Folding = field(default_factory=Folding)
    """What was asked for, for whoever has to fold further or draws a part again."""
