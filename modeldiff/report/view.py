# What a page, a comment and a terminal show, as data: every renderer reads these and none computes a fact of its
# own, so that all of them say the same. Words from a file are `Code`, ours are `str`: escaping is decided by type.
"""The view-model's dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from modeldiff.changes import DiffResult, Histogram, Impact, Site, Values
from modeldiff.graph import Model, Note


class Code(str):
    """Text that comes from a file (a name, a value): set in monospace and escaped by every renderer."""

    __slots__ = ()


class Strong(str):
    """Words of ours that a glance should catch: bold where a medium has weights of type."""

    __slots__ = ()


Phrase = tuple[str, ...]
"""Words of ours as `str` or `Strong`, words from a file as `Code`, in reading order; the plain text is their join."""


class Status(str, Enum):
    """The weightiest thing that happened to a layer; each layer has exactly one."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    MOVED = "moved"
    UNCHANGED = "unchanged"

    __hash__ = str.__hash__  # that of enums is Python, and the layers of every fold are counted by it

    @property
    def sign(self) -> str:
        """The symbol that stands beside the colour."""
        return {"added": "+", "removed": "−", "changed": "~", "renamed": "→", "moved": "↷", "unchanged": ""}[self.value]


@dataclass(frozen=True, slots=True)
class Link:
    """One neighbour of a layer."""

    address: str
    """Of the layer it points to; "" where that layer is not in the report."""
    label: Phrase
    status: Status
    """ADDED or REMOVED for a connection that only one side has, else UNCHANGED."""


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One key of a config; None where a side lacks it."""

    key: str
    old: str | None
    new: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class WeightView:
    """One tensor."""

    name: str
    shape: str
    """`3×3×3×64`, or `3×3×3×64 → 3×3×3×128`."""
    dtype: str
    size: int
    """Entries, of the new side where there is one."""
    status: Status
    verdict: Phrase
    """`fine-tuned, moved by 1.2 %` · `identical` · `not compared: strings`."""
    stats: tuple[tuple[str, str, str], ...] = ()
    """Rows of label, old, new."""
    histogram: Histogram | None = None
    digest: str = ""
    """`sha256:...` of the values where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerView:
    """One layer of either side, or a pair of them."""

    address: str
    """Unique and stable: `layer=encoder/conv1`, or `old=conv1` for a removed layer; percent-encoded, no spaces."""
    parent: str
    """Address of the sub-model it stands in, "" at the top."""
    status: Status
    impact: Impact | None = None
    old: str | None = None
    """Path text on the old side, None where added (or where only one model is shown)."""
    new: str | None = None
    """Path text on the new side, None where removed."""
    old_name: str | None = None
    """Last name of the old path where it differs from the new one's, else None."""
    name: str
    """Last name of the path."""
    class_name: str
    """The new class, or the old one of a removed layer."""
    summary: str
    """The few config values a person would name: `64 filters, 3×3, stride 2, relu`. May be ""."""
    shape: str
    """Output shape without the batch: `32×32×64`. "" where unknown."""
    old_class: str | None = None
    """The class of the old layer where it differs from the new one's, else None; the next two alike."""
    old_summary: str | None = None
    old_shape: str | None = None
    figure: Phrase
    """The one fact that matters, for the right-hand side: `moved 2.1 %`, `+73,728`, `rewired`. May be ()."""
    lines: tuple[Phrase, ...] = ()
    """What changed, one fact a line, gravest first. Empty where unchanged."""
    warnings: tuple[Phrase, ...]
    """Notes about this layer that a reviewer must see (frozen, yet it moved; weights missing)."""
    config: tuple[ConfigRow, ...]
    weights: tuple[WeightView, ...]
    match: Phrase = ()
    """Why this is a pair, or why there is none; () where one model is shown."""
    inputs: tuple[Link, ...]
    outputs: tuple[Link, ...]
    parameters: tuple[int | None, int | None]
    """Old and new."""
    follows: bool = False
    """Whether all that is functional about it is the shape of its weights, which follows from layers upstream."""
    moved: float | None = None
    """Relative L2 over all its weights together: 0.0 identical, None where nothing could be compared."""
    trainable: bool


@dataclass(frozen=True, slots=True)
class RegionView:
    """Layers that changed together."""

    status: Status
    """ADDED, REMOVED or MOVED; CHANGED where shapes follow."""
    label: Phrase
    """At the frame around them: `residual block of 7 layers, built like b3` · `moved, was after b1_out`."""
    name: Phrase
    """What moved, as the old model calls it, for the place where it was: `b2 (7 layers)`."""
    told: Phrase
    """At each of its layers: `part of the residual block added: b7_conv1 to b7_out (7 layers)`.

    () for a lone layer, and where shapes follow: a line of the layer says that.
    """
    caused: Phrase
    """At each of `rewired`: `rewired because b2 (7 layers) moved`."""
    rows: tuple[str, ...]
    """Addresses of its layers, in the order of the computation."""
    rewired: tuple[str, ...]
    """Addresses of the other layers whose inputs differ for no other reason."""
    links: Mapping[str, str]
    """Paths to addresses, of all that may be named in `told`, in `caused` and in lines about following shapes."""


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that are told together in the list of changes."""

    title: str
    impact: str
    """`interface`, `functional`, `numeric` or `cosmetic`."""
    rows: tuple[str, ...]
    """Addresses."""


@dataclass(frozen=True, slots=True)
class FileCard:
    """One file."""

    side: str
    """`old`, `new`, or "" for one model."""
    name: str
    """Base name of the file."""
    details: str
    """`Keras 2.15.0 · HDF5 · 53 layers`."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the whole model: parameters, bytes."""

    label: str
    old: str
    new: str
    delta: str
    percent: str


@dataclass(frozen=True, slots=True)
class LoadingRow:
    """One layer of the new model that does not simply load."""

    layer: Phrase
    """Its path."""
    outcome: str
    """`loads another`, `skipped`, `shape error`, `not reached`."""
    told: Phrase


@dataclass(frozen=True, slots=True)
class LoadingWay:
    """One way of loading the old file's weights into the new model."""

    title: Phrase
    sentence: Phrase
    rows: tuple[LoadingRow, ...]
    more: int
    """Rows left out."""


@dataclass(frozen=True, slots=True)
class LoadingView:
    """The load forecast."""

    keras: str
    """Whose rules: `Keras 3`."""
    plain: bool
    """Whether every layer loads in every way."""
    ways: tuple[LoadingWay, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """What holds of several layers alike, or all that is said of the same ones."""

    places: tuple[str, ...]
    """Paths of layers or of weights; () for the whole file."""
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """One model at a glance; a part is () where the list of layers says it as plainly."""

    findings: tuple[Remark, ...]
    """Values that are worth a look, by layer and weight."""
    largest: tuple[tuple[str, str, int, str], ...]
    """Address, path, parameters and share of the largest layers."""
    classes: tuple[tuple[str, int, int], ...]
    """Class, layers and parameters."""
    custom: tuple[tuple[str, int, str], ...]
    """Classes of layers that are not Keras' own: name, layers, path of the first one."""


@dataclass(frozen=True, slots=True)
class Report:
    """All the words of one report, in the order in which they are read."""

    subject: DiffResult | Model
    """What is reported, for renderers that write data rather than words."""
    verdict: Phrase
    """One sentence: category, colon, gravest fact."""
    lead: Phrase
    """Architecture, then weights, in numbers. May be ()."""
    facts: tuple[tuple[str, Phrase], ...]
    """Lines with a label: `Callers`, `Frozen`, `Loading`. Only what has something to say."""
    files: tuple[FileCard, ...]
    figures: tuple[Figure, ...]
    statuses: tuple[tuple[Status, int], ...]
    """Layers per status, in the order of `Status`, without UNCHANGED and without zeros."""
    impacts: tuple[tuple[Impact, int], ...]
    """Changed layers per impact, gravest first, without zeros."""
    unchanged: int
    """Layers nothing happened to."""
    groups: tuple[Group, ...]
    """The list of changes; for one model, its layers."""
    layers: tuple[LayerView, ...]
    """Every layer once, in graph order: a sub-model first, then its layers; removed ones at their old place."""
    footnotes: tuple[Phrase, ...]
    """Automatic names renumbered and the like: said once, counted nowhere."""
    notes: tuple[Note, ...]
    """Of both files and of the comparison; `about` says which."""
    loading: LoadingView | None = None
    """None for one model, and where there is no forecast."""
    regions: tuple[RegionView, ...] = ()
    """As in `DiffResult.regions`."""
    overview: Overview | None = None
    """None where two models are compared."""
    values: Mapping[tuple[Site, str], Values] = field(default_factory=dict)
    """Of one model: statistics by layer and weight, for renderers that write data."""
