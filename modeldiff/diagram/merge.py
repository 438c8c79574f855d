# Two models become one graph: a pair of layers is one node, told by the matching and never by names. An old connection
# is lifted to the depth where both its ends stand today, so a layer that moved into a sub-model does not leave a trail
# of false removals.
"""One graph from two models, or from one: `Level`, `Node`, `Edge`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from modeldiff.changes import DiffResult, InputsRewired, Site, is_incidental
from modeldiff.diagram.shapes import Presence, Row
from modeldiff.graph import Graph, Layer, LayerPath, Model

Key = tuple[str, LayerPath]
"""A layer of the merged graph: ("new", path), or ("old", path) where it was removed."""

ROOT: Key = ("new", ())


@dataclass(frozen=True, slots=True)
class Edge:
    """One connection between two nodes of a level."""

    source: int
    target: int
    presence: Presence
    source_call: int = 0
    target_call: int = 0


@dataclass(slots=True)
class Node:
    """One layer, or one scope of layers, before it is put into a box."""

    row: Row | None
    """None for a scope."""
    signature: Hashable
    """Equal for layers that are built alike, whatever they are called."""
    is_shared: bool = False
    inner: Level | None = None
    scope: str = ""

    @property
    def presence(self) -> Presence:
        """Where it stands; a scope stands on both sides."""
        return Presence.KEPT if self.row is None else self.row.presence

    @property
    def is_touched(self) -> bool:
        """Whether something is told here or inside."""
        own = self.row is not None and (self.row.touched or self.row.presence is not Presence.KEPT)
        return own or (self.inner is not None and self.inner.is_touched)


@dataclass(slots=True)
class Level:
    """The nodes of one depth in graph order, and their connections."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    entries: dict[int, Presence] = field(default_factory=dict)
    """Nodes that take tensors from outside this level."""
    exits: dict[int, Presence] = field(default_factory=dict)
    """Nodes whose tensors leave this level."""
    listed: bool = False
    """No connections are known."""

    @property
    def is_touched(self) -> bool:
        """Whether anything is told in it."""
        return any(edge.presence is not Presence.KEPT for edge in self.edges) or any(
            node.is_touched for node in self.nodes
        )


def merged(subject: DiffResult | Model) -> Level:
    """The merged graph of a comparison, or the graph of one model; sub-models are `Node.inner`."""
    return _Merge(subject).level()


class _Merge:
    """The indexes one merge needs."""

    def __init__(self, subject: DiffResult | Model) -> None:
        self.old: Model | None = None
        self.partners: dict[LayerPath, LayerPath] = {}
        self.silent: set[tuple[LayerPath | None, int]] = set()
        """Calls whose other inputs are told elsewhere."""
        told: set[Site] = set()
        if isinstance(subject, Model):
            self.new = subject
            sites = [Site(None, path) for path, _ in subject.walk()]
        else:
            self.old, self.new, sites = subject.old, subject.new, list(subject.sites())
            self.partners = {match.old: match.new for match in subject.matching.matches}
            told = {change.site for change in subject.changes if not is_incidental(change)}
            rewired = (change for change in subject.changes if isinstance(change, InputsRewired))
            self.silent = {(change.site.new, change.call) for change in rewired if change.consequence}
        self.levels: dict[Key, Level] = defaultdict(Level)
        self.homes: dict[Key, tuple[Key, int]] = {}
        """Every node's level and its index there."""
        self._place(sites, told)

    def _place(self, sites: list[Site], told: set[Site]) -> None:
        """Put every layer into its level."""
        new_layers = dict(self.new.walk())
        old_layers = dict(self.old.walk()) if self.old is not None else {}
        signatures = _Signatures()
        for site in sites:
            layer = new_layers[site.new] if site.new is not None else old_layers[site.old or ()]
            presence = Presence.KEPT
            if self.old is not None and (site.old is None or site.new is None):
                presence = Presence.ADDED if site.old is None else Presence.REMOVED
            key: Key = ("new", site.new) if site.new is not None else ("old", site.old or ())
            home = ROOT if not key[1][:-1] else ("new", key[1][:-1]) if key[0] == "new" else self.key(key[1][:-1])
            level = self.levels[home]
            self.homes[key] = home, len(level.nodes)
            row = Row(site.address, presence, site in told)
            level.nodes.append(Node(row, (signatures.of(layer), presence), is_shared=len(layer.calls) > 1))

    def key(self, old: LayerPath) -> Key:
        """The node an old layer became."""
        return ("new", self.partners[old]) if old in self.partners else ("old", old)

    def level(self) -> Level:
        """The root level with everything in its place."""
        self._connect()
        for key, level in list(self.levels.items()):
            if key != ROOT:
                home, index = self.homes[key]
                self.levels[home].nodes[index].inner = level
        return self.levels[ROOT]

    def _connect(self) -> None:
        """Add the connections of both sides, each once."""
        before: dict[tuple[Key, int, int], list[tuple[int, int, bool]]] = defaultdict(list)
        old_listed: set[Key] = set()
        if self.old is not None:
            for path, graph in _graphs(self.old.graph):
                home = ROOT if not path else self.key(path)
                if not graph.has_edges:
                    old_listed.add(home)
                    self.levels[home].listed = True
                for source, target, calls, call in _connections(graph, path):
                    place = self._common(self.key(source), self.key(target))
                    if place is not None:
                        stays = target in self.partners and source in self.partners
                        silent = stays and (self.partners[target], call) in self.silent
                        before[place].append((*calls, silent))
                self._ports(graph, path, home, is_new=False)
        for path, graph in _graphs(self.new.graph):
            home = ("new", path)
            level = self.levels[home]
            level.listed = not graph.has_edges
            self._ports(graph, path, home, is_new=True)
            for source, target, calls, _ in _connections(graph, path):
                first, last = self.homes["new", source][1], self.homes["new", target][1]
                waiting = before.get((home, first, last), [])
                same = next((edge for edge in waiting if edge[:2] == calls), waiting[0] if waiting else None)
                if same is not None:
                    waiting.remove(same)
                is_kept = same is not None or self.old is None or home in old_listed
                presence = Presence.KEPT if is_kept else Presence.ADDED
                level.edges.append(Edge(first, last, presence, *calls))
        for (home, first, last), waiting in before.items():
            level = self.levels[home]
            presence = Presence.KEPT if level.listed and home[0] == "new" else Presence.REMOVED
            level.edges.extend(Edge(first, last, presence, *calls) for *calls, silent in waiting if not silent)
            level.listed = False

    def _common(self, source: Key, target: Key) -> tuple[Key, int, int] | None:
        """The deepest level that holds both, and who stands for them there; None inside one node."""
        chain: dict[Key, int] = {}
        at: Key = source
        while at in self.homes:
            at, index = self.homes[at]
            chain[at] = index
        at = target
        while at in self.homes:
            at, index = self.homes[at]
            if at in chain:
                return None if chain[at] == index else (at, chain[at], index)
        return None

    def _ports(self, graph: Graph, path: LayerPath, home: Key, *, is_new: bool) -> None:
        """The inputs and outputs of one graph."""
        level = self.levels[home]
        for refs, ports in ((graph.inputs, level.entries), (graph.outputs, level.exits)):
            for ref in refs:
                where = (*path, ref.layer)
                level_key, index = self.homes.get(("new", where) if is_new else self.key(where), (None, 0))
                if level_key != home:
                    continue
                if self.old is None or (is_new and index in ports):
                    ports[index] = Presence.KEPT
                elif is_new:
                    ports[index] = Presence.ADDED
                else:
                    ports.setdefault(index, Presence.REMOVED)


class _Signatures:
    """What a layer is built like, each kind as a small number."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def of(self, layer: Layer) -> int:
        inside: Hashable = ()
        if layer.body is not None:
            numbers = {inner.name: index for index, inner in enumerate(layer.body.layers)}
            inside = tuple(
                (self.of(inner), tuple(numbers.get(ref.layer) for call in inner.calls for ref in call.inputs))
                for inner in layer.body.layers
            )
        shapes = tuple((weight.name, weight.shape, weight.dtype) for weight in layer.weights)
        built = (layer.canonical_class, repr(sorted(layer.config.items())), shapes, inside)
        return self._known.setdefault(built, len(self._known))


def _graphs(graph: Graph, path: LayerPath = ()) -> Iterator[tuple[LayerPath, Graph]]:
    yield path, graph
    for layer in graph.layers:
        if layer.body is not None:
            yield from _graphs(layer.body, (*path, layer.name))


def _connections(graph: Graph, path: LayerPath) -> Iterator[tuple[LayerPath, LayerPath, tuple[int, int], int]]:
    """Source, target, (call of the source, call of the target) with 0 where not shared, and the target's call."""
    layers = {layer.name: layer for layer in graph.layers}
    for layer in graph.layers:
        for index, call in enumerate(layer.calls):
            for ref in call.inputs:
                source = layers.get(ref.layer)
                if source is not None:
                    made = ref.call + 1 if len(source.calls) > 1 else 0
                    taken = index + 1 if len(layer.calls) > 1 else 0
                    yield (*path, source.name), (*path, layer.name), (made, taken), index
