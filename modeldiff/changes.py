# The closed list of what can be said about two models. The differ makes these, the report puts them into words;
# both are checked against the list by the type checker (the one `match` of report/words.py). A change is a fact with
# its evidence and never a sentence. Rejected: one `Change` class with a free dictionary, where a forgotten key
# shows up in a user's report instead of in mypy.
"""Facts about two models: `Change` and its thirteen kinds, `Match`, `Matching`, `DiffResult`, `Options`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from modeldiff.forecast import Forecast
from modeldiff.graph import LayerPath, Model, Note, Shape, format_path
from modeldiff.regions import Region


class Impact(IntEnum):
    """How far a change reaches, ordered."""

    COSMETIC = 0
    """Names and metadata: the same function of the same numbers."""
    NUMERIC = 1
    """Other numbers, the same computation."""
    FUNCTIONAL = 2
    """Another computation."""
    INTERFACE = 3
    """What callers must feed or get back is different."""

    @property
    def label(self) -> str:
        """The word used on the command line and in JSON."""
        return self.name.lower()


class Kind(str, Enum):
    """The thirteen kinds of change."""

    LAYER_ADDED = "layer-added"
    LAYER_REMOVED = "layer-removed"
    LAYER_RENAMED = "layer-renamed"
    LAYER_MOVED = "layer-moved"
    LAYER_RETYPED = "layer-retyped"
    INPUTS_REWIRED = "inputs-rewired"
    INTERFACE_CHANGED = "interface-changed"
    CONFIG_CHANGED = "config-changed"
    WEIGHT_ADDED = "weight-added"
    WEIGHT_REMOVED = "weight-removed"
    WEIGHT_RESHAPED = "weight-reshaped"
    WEIGHT_CHANGED = "weight-changed"
    METADATA_CHANGED = "metadata-changed"


class Evidence(str, Enum):
    """Why two layers are a pair, strong to weak."""

    USER = "user"
    WEIGHTS = "weights"
    NAME = "name"
    SIGNATURE = "signature"
    NEIGHBOURS = "neighbours"
    SIMILARITY = "similarity"


class Nature(str, Enum):
    """In what way the values of a weight changed. Only what is proven is named; else UNKNOWN."""

    RECAST = "recast"
    FINE_TUNED = "fine-tuned"
    RETRAINED = "retrained"
    REINITIALISED = "re-initialised"
    SCALED = "scaled"
    PERMUTED = "permuted"
    PRUNED = "pruned"
    QUANTISED = "quantised"
    RESIZED = "resized"
    LOW_RANK = "low-rank"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class Site(NamedTuple):
    """Where a change is: the layer's path on each side, None where it does not exist, () for the model."""

    old: LayerPath | None
    new: LayerPath | None

    @property
    def address(self) -> str:
        """The part after `#` of a link to this layer: `layer=encoder/conv1`, `old=conv1` where it was removed.

        Percent-encoded, so it can be pasted anywhere. The two words keep the sides apart whatever layers are
        called: no path can start with the other word.
        """
        side, path = ("old", self.old or ()) if self.new is None else ("layer", self.new)
        return _address(side, path)


@lru_cache(1 << 14)
def _address(side: str, path: LayerPath) -> str:
    """Every view of a layer asks for it."""
    return f"{side}={quote(format_path(path), safe='/~', errors='backslashreplace')}"


ROOT = Site((), ())
"""The model itself."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two layers that are the same one, why, and how sure."""

    old: LayerPath
    new: LayerPath
    evidence: Evidence
    score: float
    """In [0, 1], calibrated: of pairs with 0.9 at least nine in ten are right."""

    @property
    def site(self) -> Site:
        """Where a change of this pair is."""
        return Site(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Matching:
    """Every layer of both models exactly once."""

    matches: tuple[Match, ...]
    """In the new model's topological order."""
    removed: tuple[LayerPath, ...]
    """Old layers without a partner, in the old model's order."""
    added: tuple[LayerPath, ...]
    """New layers without a partner, in the new model's order."""
    closest: Mapping[Site, LayerPath] = field(default_factory=dict)
    """Site of a layer without a partner -> path of the layer of the other model that came closest, where one did."""


# --- statistics -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moments:
    """One side of a weight. NaN and infinities are counted and left out of the rest."""

    mean: float
    std: float
    min: float
    max: float
    zeros: int
    nan: int
    inf: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts over shared bins of equal width; `low` and `high` are the outer edges."""

    low: float
    high: float
    old: tuple[int, ...]
    """() where there is no such side."""
    new: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a weight where there is nothing to subtract: it stands alone, or its partner has another shape."""

    old: Moments | None = None
    """None where there is no such side, or it was not read."""
    new: Moments | None = None
    histogram: Histogram | None = None
    """None for few entries, or where all are equal."""
    reason: str = ""
    """Why they were not read: `values not readable`, `strings`."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One model and the statistics of its weights: what a comparison is for two."""

    model: Model
    values: Mapping[tuple[Site, str], Values]
    """By layer and weight; the site has no old side, nor have the values."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How far the values of one weight moved. Entries that are not finite on either side are left out."""

    max_abs: float
    """max |new - old|"""
    mean_abs: float
    """mean |new - old|"""
    relative_l2: float
    """‖new - old‖ / ‖old‖; infinite where old is all zeros."""
    cosine: float
    """<old, new> / (‖old‖ ‖new‖); NaN where a side is all zeros."""
    changed_fraction: float
    """Share of the entries that differ, in [0, 1]."""
    old: Moments
    new: Moments
    histogram: Histogram | None = None


class Outcome(str, Enum):
    """What comparing the values of one weight of a pair gave."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    CHANGED = "changed"
    RESHAPED = "reshaped"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class WeightPair:
    """One weight that stands on both sides, and what comparing it gave. Changed or not: nothing is implied."""

    site: Site
    name: str
    """Its role, as on the new side."""
    outcome: Outcome
    reason: str = ""
    """Why it was not compared: `values not readable`, `strings`, `not asked for`."""


# --- the thirteen kinds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LayerAdded:
    """A layer of the new model without a partner."""

    kind: ClassVar[Kind] = Kind.LAYER_ADDED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    class_name: str


@dataclass(frozen=True, slots=True)
class LayerRemoved:
    """A layer of the old model without a partner."""

    kind: ClassVar[Kind] = Kind.LAYER_REMOVED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    class_name: str


@dataclass(frozen=True, slots=True)
class LayerRenamed:
    """The same layer under another name."""

    kind: ClassVar[Kind] = Kind.LAYER_RENAMED
    impact: ClassVar[Impact] = Impact.COSMETIC
    site: Site
    before: str
    after: str
    renumbered: bool = False
    """Both names are automatic: Keras counted differently, nobody renamed anything."""


@dataclass(frozen=True, slots=True)
class LayerMoved:
    """The same layer in another parent; `before` and `after` are the parents."""

    kind: ClassVar[Kind] = Kind.LAYER_MOVED
    impact: ClassVar[Impact] = Impact.COSMETIC
    site: Site
    before: LayerPath
    after: LayerPath


@dataclass(frozen=True, slots=True)
class LayerRetyped:
    """The same place, another class."""

    kind: ClassVar[Kind] = Kind.LAYER_RETYPED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    before: str
    after: str
    equivalent: bool = False
    """Same weights, config and call: a class that was renamed, or two classes Keras treats alike."""


class Endpoint(NamedTuple):
    """One end of a connection, with the whole path of the layer that makes the tensor."""

    layer: LayerPath
    call: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class InputsRewired:
    """One call of a layer takes other tensors, told by layers and not by names."""

    kind: ClassVar[Kind] = Kind.INPUTS_REWIRED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    call: int
    """Which call: the old one's index, or the new one's where the old layer has fewer calls."""
    before: tuple[Endpoint, ...]
    """Endpoints of the old model; empty where this call is new."""
    after: tuple[Endpoint, ...]
    """Endpoints of the new model; empty where this call is gone."""
    consequence: bool = False
    """Follows from layers added or removed between: told at its cause, not as a change of its own."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of the whole model."""

    layer: LayerPath
    """The layer that makes the tensor."""
    shape: Shape | None
    dtype: str | None
    key: str = ""
    """What callers name it by where the model takes or returns a dict; "" where its place tells."""


@dataclass(frozen=True, slots=True)
class InterfaceChanged:
    """The model's inputs or outputs: their number, order or keys, shapes or dtypes."""

    kind: ClassVar[Kind] = Kind.INTERFACE_CHANGED
    impact: ClassVar[Impact] = Impact.INTERFACE
    site: Site
    """The layer of the port, or the model where ports were added, removed or reordered."""
    role: str
    """`input` or `output`."""
    before: tuple[Port, ...]
    after: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """One key of a layer's canonical config. A missing key has its default where that is known, else `ABSENT`."""

    kind: ClassVar[Kind] = Kind.CONFIG_CHANGED
    site: Site
    key: str
    """Position inside the config, dotted: `filters`, `layer.config.units`, `call[0].training`."""
    before: Any
    after: Any
    impact: Impact = Impact.FUNCTIONAL


class _Absent:
    """The value of a key that is not there; JSON shows null."""

    def __repr__(self) -> str:
        return "absent"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class WeightAdded:
    """A weight that only the new layer has."""

    kind: ClassVar[Kind] = Kind.WEIGHT_ADDED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    weight: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class WeightRemoved:
    """A weight that only the old layer has."""

    kind: ClassVar[Kind] = Kind.WEIGHT_REMOVED
    impact: ClassVar[Impact] = Impact.FUNCTIONAL
    site: Site
    weight: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class WeightReshaped:
    """A weight with another shape or dtype."""

    kind: ClassVar[Kind] = Kind.WEIGHT_RESHAPED
    site: Site
    weight: str
    before: tuple[tuple[int, ...], str]
    """Shape and dtype."""
    after: tuple[tuple[int, ...], str]
    nature: Nature = Nature.UNKNOWN
    """RESIZED where the overlapping block is equal, RECAST where the values are equal in the narrower dtype."""
    proof: Mapping[str, float] = field(default_factory=dict)
    """The numbers that prove `nature`."""
    movement: Movement | None = None
    """Where only the dtype differs and the values do not agree."""

    @property
    def impact(self) -> Impact:
        """Another dtype alone is another number; another shape is another computation."""
        return Impact.NUMERIC if self.before[0] == self.after[0] else Impact.FUNCTIONAL


@dataclass(frozen=True, slots=True)
class WeightChanged:
    """A weight with other values."""

    kind: ClassVar[Kind] = Kind.WEIGHT_CHANGED
    impact: ClassVar[Impact] = Impact.NUMERIC
    site: Site
    weight: str
    shape: tuple[int, ...]
    dtype: str
    movement: Movement
    nature: Nature = Nature.UNKNOWN
    proof: Mapping[str, float] = field(default_factory=dict)
    """The numbers that prove `nature`."""


@dataclass(frozen=True, slots=True)
class MetadataChanged:
    """A fact about the file, the compile settings or the model object: Keras version, optimizer, loss, vocabularies."""

    kind: ClassVar[Kind] = Kind.METADATA_CHANGED
    site: Site
    key: str
    before: Any
    after: Any
    impact: Impact = Impact.COSMETIC
    """FUNCTIONAL for a vocabulary beside the weights and for what a subclassed model's own config computes with."""


ASSETS = "assets."
"""What keys of files beside the weights begin with."""


Change = (
    LayerAdded
    | LayerRemoved
    | LayerRenamed
    | LayerMoved
    | LayerRetyped
    | InputsRewired
    | InterfaceChanged
    | ConfigChanged
    | WeightAdded
    | WeightRemoved
    | WeightReshaped
    | WeightChanged
    | MetadataChanged
)


def is_incidental(change: Change) -> bool:
    """Whether it follows from another change or from Keras' own counting: told once, counted nowhere."""
    if isinstance(change, InputsRewired):
        return change.consequence
    return isinstance(change, LayerRenamed) and change.renumbered


class Subject(str, Enum):
    """What a rule to ignore is about."""

    LAYER = "layer"
    """Layer paths, of either side, and all that is inside them."""
    KEY = "key"
    """Keys of layers' configs and of the file's metadata."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule that hides facts."""

    subject: Subject
    pattern: str
    """A glob: `*` is any text, `/` and `.` too, `?` one character, `[ab]` one of these; or the text itself."""
    origin: str = ""
    """Who says so: the settings file as the user would name it."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """How many facts one rule hid."""

    rule: Ignore
    count: int


@dataclass(frozen=True, slots=True)
class Options:
    """What to compare and what counts as changed."""

    weights: bool = True
    """Compare values; shapes and dtypes are compared in any case."""
    rtol: float = 0.0
    """A weight counts as changed where |new - old| > atol + rtol * |old| in some entry."""
    atol: float = 0.0
    pins: tuple[tuple[str, str], ...] = ()
    """Pairs the user knows: (old path, new path), as `format_path` writes them."""
    ignore: tuple[Ignore, ...] = ()
    """Facts that are not told, and counted in `DiffResult.ignored`."""


@dataclass(frozen=True, slots=True)
class Reordering:
    """A layer whose units are in another order."""

    site: Site
    followers: tuple[LayerPath, ...]
    """New paths of the layers whose weights are proven to be reordered with them."""
    same_function: bool
    """Whether everything that takes these units, up to the model's outputs, is proven to take them in their order."""


@dataclass(frozen=True, slots=True)
class DiffResult:
    """Everything known about two models. No prose, no arrays."""

    old: Model
    new: Model
    matching: Matching
    changes: tuple[Change, ...]
    """In the order of the new model, removed layers at their old place; the model's own facts last."""
    weight_pairs: tuple[WeightPair, ...] = ()
    """Every weight on both sides of a pair, changed or not."""
    notes: tuple[Note, ...] = ()
    """Found by comparing (a sub-model whose connections only one file holds). The models keep their own."""
    options: Options = field(default_factory=Options)
    regions: tuple[Region, ...] = ()
    """Layers that changed together: blocks added, removed and moved, and shapes that follow."""
    forecast: Forecast | None = None
    """What loading the old file's weights into the new model would do; None where that was not asked."""
    ignored: tuple[Ignored, ...] = ()
    """What `Options.ignore` hid: not among the changes, nor the notes."""
    reorderings: tuple[Reordering, ...] = ()
    """Layers whose units are in another order, and whether the function is the same."""
    values: Mapping[tuple[Site, str], Values] = field(default_factory=dict)
    """By layer and weight: what only one side has, and what has another shape there."""

    @property
    def impact(self) -> Impact | None:
        """The gravest impact; None where nothing changed. What is incidental has its weight at its cause."""
        own = (Impact.COSMETIC if is_incidental(change) else change.impact for change in self.changes)
        return max(own, default=None)

    def sites(self) -> Iterator[Site]:
        """Every layer of both models once: the new model's order, removed layers behind their old predecessor."""
        partners = {match.new: match.old for match in self.matching.matches}
        removed = set(self.matching.removed)
        followers: dict[LayerPath | None, list[LayerPath]] = {}
        anchor: LayerPath = ()
        for path, _ in self.old.walk():
            if path in removed:
                followers.setdefault(anchor, []).append(path)
            else:
                anchor = path
        yield from (Site(path, None) for path in followers.get((), ()))
        for path, _ in self.new.walk():
            old = partners.get(path)
            yield Site(old, path)
            if old in followers:
                yield from (Site(follower, None) for follower in followers[old])

    def of(self, kind: Kind) -> Iterator[Change]:
        """The changes of one kind, in order."""
        return (change for change in self.changes if change.kind is kind)

    def _repr_html_(self) -> str:
        """The report, for a notebook."""
        from modeldiff import render

        return render(self, "notebook")
