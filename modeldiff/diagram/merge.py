# Two models become one graph: a pair of layers is one node, told by the matching and never by names. An old connection
# is lifted to the depth where both its ends stand today, so a layer that moved into a sub-model does not leave a trail
# of false removals.
"""One graph from two models, or from one: `Level`, `Node`, `Edge`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from modeldiff.changes import DiffResult, InputsRewired, Site, is_incidental
from modeldiff.diagram.shapes import Presence, Row, Trace
from modeldiff.diagram.traces import Left, traces
from modeldiff.diagram.wires import Wire, graphs, wires
from modeldiff.graph import Graph, Layer, LayerPath, Model

Key = tuple[str, LayerPath]
"""A node of the merged graph: ("new", path), ("old", path) of a removed layer, ("trace", number)."""

Side = Literal["old", "new"]

Waiting = dict[tuple[Key, int, int], list[tuple[int, int, bool]]]
"""Old connections by level, source and target."""

ROOT: Key = ("new", ())


class Edge(NamedTuple):
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
    """None for a scope and for a trace."""
    signature: Hashable
    """Equal for layers that are built alike, whatever they are called."""
    name: str = ""
    """As the layer's own side calls it; "" for a scope and for a trace."""
    class_name: str = ""
    is_shared: bool = False
    inner: Level | None = None
    scope: str = ""
    region: int | None = None
    """Index in `DiffResult.regions` of the block it came, went or moved with."""
    trace: Trace | None = None
    """It is no layer but the place that moved layers left."""

    @property
    def presence(self) -> Presence:
        """Where it stands; a scope stands where all of its layers do."""
        if self.row is not None:
            return self.row.presence
        found = {node.presence for node in self.inner.nodes} if self.inner is not None else set()
        return found.pop() if len(found) == 1 else Presence.KEPT

    @property
    def size(self) -> int:
        """How many layers it is or holds."""
        return (self.row is not None) + (sum(node.size for node in self.inner.nodes) if self.inner is not None else 0)

    @property
    def is_touched(self) -> bool:
        """Whether something is told here or inside."""
        own = self.row is not None and (self.row.touched or self.row.presence is not Presence.KEPT)
        return own or self.trace is not None or (self.inner is not None and self.inner.is_touched)


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
    if isinstance(subject, DiffResult):
        told = {change.site.address for change in subject.changes if not is_incidental(change)}
        return _Merge(subject.new, list(subject.sites()), told, subject).level()
    return _Merge(subject, [Site(None, path) for path, _ in subject.walk()], set()).level()


def one_side(result: DiffResult, side: Side) -> Level:
    """The graph of one side of a comparison; its layers have the addresses of the comparison."""
    told = {change.site.address for change in result.changes if not is_incidental(change)}
    addresses: dict[LayerPath, str] = {}
    for site in result.sites():
        path = site.old if side == "old" else site.new
        if path is not None:
            addresses[path] = site.address
            if site.old is None or site.new is None:
                told.add(site.address)
    model = result.old if side == "old" else result.new
    return _Merge(model, [Site(None, path) for path, _ in model.walk()], told, addresses=addresses).level()


class _Merge:
    """The indexes one merge needs."""

    def __init__(
        self,
        new: Model,
        sites: list[Site],
        told: set[str],
        result: DiffResult | None = None,
        *,
        addresses: Mapping[LayerPath, str] | None = None,
    ) -> None:
        self.new, self.told, self.addresses = new, told, addresses or {}
        self.old: Model | None = None
        self.partners: dict[LayerPath, LayerPath] = {}
        self.silent: set[tuple[LayerPath | None, int]] = set()
        """Calls whose other inputs are told elsewhere."""
        if result is not None:
            self.old = result.old
            self.partners = {match.old: match.new for match in result.matching.matches}
            rewired = (change for change in result.changes if isinstance(change, InputsRewired))
            self.silent = {(change.site.new, change.call) for change in rewired if change.consequence}
        self.levels: dict[Key, Level] = defaultdict(Level)
        self.homes: dict[Key, tuple[Key, int]] = {}
        """Every node's level and its index there."""
        self.old_listed: set[Key] = set()
        """Levels whose connections the old file does not hold."""
        self.unlisted: set[tuple[Key, int]] = set()
        """Inputs that only one file lists as layers (a Sequential's are none): alone, and nothing is told of them."""
        self.moved: set[tuple[Key, int]] = set()
        """Pairs that stood in another parent."""
        self.old_layers = dict(self.old.walk()) if self.old is not None else {}
        self.traces = traces(result) if result is not None else ()
        self.left = {path: number for number, left in enumerate(self.traces) for path in left.layers}
        """The trace of each old layer that left its place."""
        self.parted = frozenset(pair for left in self.traces for pair in left.parted)
        self._place(sites)

    def _place(self, sites: list[Site]) -> None:
        """Put every layer into its level."""
        new_layers = dict(self.new.walk())
        signatures = _Signatures()
        behind = self._behind(sites)
        self._place_traces(behind[None])
        for site in sites:
            layer = new_layers[site.new] if site.new is not None else self.old_layers[site.old or ()]
            presence = Presence.KEPT
            address = self.addresses[site.new] if self.addresses and site.new is not None else site.address
            is_told = address in self.told
            is_alone = self.old is not None and (site.old is None or site.new is None)
            if is_alone and is_told:
                presence = Presence.ADDED if site.old is None else Presence.REMOVED
            key: Key = ("new", site.new) if site.new is not None else ("old", site.old or ())
            parent = key[1][:-1]
            home = ROOT if not parent else ("new", parent) if key[0] == "new" else self.key(parent)
            level = self.levels[home]
            self.homes[key] = place = home, len(level.nodes)
            if is_alone and presence is Presence.KEPT:
                self.unlisted.add(place)
            if site.old is not None and site.new is not None and self._old_home(site.old) != home:
                self.moved.add(place)
            signature, is_shared = (signatures.of(layer), presence), len(layer.calls) > 1
            row = Row(address, presence, is_told)
            level.nodes.append(Node(row, signature, key[1][-1], layer.canonical_class, is_shared))
            if site.old is not None:
                self._place_traces(behind.get(site.old, ()))

    def _behind(self, sites: Iterable[Site]) -> dict[LayerPath | None, list[int]]:
        """The traces that stand behind each old layer: the last of those that fed them."""
        fed: dict[LayerPath, list[int]] = defaultdict(list)
        for number, left in enumerate(self.traces):
            for path in left.sources:
                fed[path].append(number)
        last: dict[int, LayerPath | None] = dict.fromkeys(range(len(self.traces)))
        for site in sites if fed else ():
            if site.old is not None:
                last.update(dict.fromkeys(fed.get(site.old, ()), site.old))
        behind: dict[LayerPath | None, list[int]] = defaultdict(list)
        for number, place in last.items():
            behind[place].append(number)
        return behind

    def _place_traces(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            left = self.traces[number]
            home = self._old_home(left.layers[0])
            level = self.levels[home]
            self.homes[_trace(number)] = home, len(level.nodes)
            rows = tuple(Site(None, self.partners[path]).address for path in left.layers)
            level.nodes.append(Node(None, ("trace", number), trace=Trace(rows, left.region)))

    def _old_home(self, path: LayerPath) -> Key:
        """The level an old layer stood in, as it is called today."""
        return self.key(path[:-1]) if path[1:] else ROOT

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
        for number, left in enumerate(self.traces):
            self._connect_trace(number, left)
        waiting = self._old_connections()
        for path, graph in graphs(self.new.graph):
            self._new_connections(path, graph, waiting)
        for (home, first, last), edges in waiting.items():
            level = self.levels[home]
            is_kept = (level.listed and home[0] == "new") or (home, first) in self.unlisted
            presence = Presence.KEPT if is_kept else Presence.REMOVED
            level.edges.extend(Edge(first, last, presence, *calls) for *calls, silent in edges if not silent)
            level.listed = False
        for key, level in self.levels.items():
            for ports in (level.entries, level.exits):
                self._settle(key, level, ports)

    def _connect_trace(self, number: int, left: Left) -> None:
        """Lead what the layers took and fed through the place that they left."""
        ways = [(self._stood(path), _trace(number)) for path in left.sources]
        ways += [(_trace(number), self.key(path)) for path in left.takers if path not in self.left]
        for source, target in dict.fromkeys(ways):
            place = self._common(source, target)
            if place is not None:
                home, first, last = place
                self.levels[home].edges.append(Edge(first, last, Presence.REMOVED))

    def _told_by_trace(self, wire: Wire) -> bool:
        """Whether the move of a block says of an old connection that it is gone.

        What layers in another parent took and fed is drawn at the depth where both ends stand today.
        """
        ends = self.left.get(wire.source), self.left.get(wire.target)
        of_a_block = any(end is not None and self.traces[end].region is not None for end in ends)
        return (ends[0] != ends[1] and of_a_block) or (wire.source, wire.target) in self.parted

    def _stood(self, path: LayerPath) -> Key:
        """The node at the place where an old layer stood."""
        return _trace(self.left[path]) if path in self.left else self.key(path)

    def _old_connections(self) -> Waiting:
        """The old connections, lifted to where both ends stand today: (call made, call taken, told elsewhere)."""
        waiting: Waiting = defaultdict(list)
        for path, graph in graphs(self.old.graph) if self.old is not None else ():
            home = self.key(path) if path else ROOT
            if not graph.has_edges:
                self.levels[home].listed = True
                self.old_listed.add(home)
            self._ports(graph, path, home, is_new=False)
            for wire in wires(graph, path):
                source = self._maker(wire)
                place = self._common(self.key(source), self.key(wire.target))
                if place is not None:
                    stays = wire.target in self.partners and source in self.partners
                    silent = stays and (self.partners[wire.target], wire.call) in self.silent
                    silent = silent or (bool(self.traces) and self._told_by_trace(wire))
                    waiting[place].append((*wire.calls, silent))
        return waiting

    def _new_connections(self, path: LayerPath, graph: Graph, waiting: Waiting) -> None:
        """The new connections of one graph; each takes its old counterpart out of `waiting`."""
        home: Key = ("new", path)
        level = self.levels[home]
        level.listed = not graph.has_edges
        self._ports(graph, path, home, is_new=True)
        places = {layer.name: self.homes["new", (*path, layer.name)][1] for layer in graph.layers}
        for wire in wires(graph, path):
            first, last, calls = places[wire.source[-1]], places[wire.target[-1]], wire.calls
            is_kept = self.old is None or home in self.old_listed or (home, first) in self.unlisted
            if edges := waiting.get((home, first, last)):
                is_kept = True
                edges.remove(next((edge for edge in edges if edge[:2] == calls), edges[0]))
            level.edges.append(Edge(first, last, Presence.KEPT if is_kept else Presence.ADDED, *calls))

    def _settle(self, key: Key, level: Level, ports: dict[int, Presence]) -> None:
        """Forget ports whose part went to a layer that moved in."""
        if any((key, index) in self.moved for index in ports):
            for index in [index for index, presence in ports.items() if presence is Presence.REMOVED]:
                if level.nodes[index].presence is Presence.KEPT:
                    del ports[index]

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

    def _maker(self, wire: Wire) -> LayerPath:
        """Which old layer makes the tensor: one inside a sub-model if the taker is in it or the maker has left it."""
        source, output = wire.source, wire.output
        while (body := self.old_layers[source].body) is not None and output < len(body.outputs):
            made = body.outputs[output]
            inside, here = (*source, made.layer), self.key(source)
            stays = self._holds(here, self.key(inside)) and not self._holds(here, self.key(wire.target))
            if stays or inside not in self.old_layers:
                break
            source, output = inside, made.output
        return source

    def _holds(self, outer: Key, inner: Key) -> bool:
        """Whether one node stands inside another."""
        at = inner
        while at in self.homes:
            at = self.homes[at][0]
            if at == outer:
                return True
        return False

    def _ports(self, graph: Graph, path: LayerPath, home: Key, *, is_new: bool) -> None:
        """The inputs and outputs of one graph."""
        level = self.levels[home]
        for refs, ports in ((graph.inputs, level.entries), (graph.outputs, level.exits)):
            for ref in refs:
                where = (*path, ref.layer)
                level_key, index = self.homes.get(("new", where) if is_new else self.key(where), (None, 0))
                if level_key != home:
                    continue
                if self.old is None or (is_new and (index in ports or (home, index) in self.moved)):
                    ports[index] = Presence.KEPT
                elif is_new:
                    ports[index] = Presence.ADDED
                else:
                    ports.setdefault(index, Presence.REMOVED)


def _trace(number: int) -> Key:
    return "trace", (str(number),)


class _Signatures:
    """What a layer is built like, each kind as a small number."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._configs: dict[int, str] = {}
        """By identity: layers alike share one config, and the models outlive this."""

    def of(self, layer: Layer) -> int:
        inside: Hashable = ()
        if layer.body is not None:
            numbers = {inner.name: index for index, inner in enumerate(layer.body.layers)}
            inside = tuple(
                (self.of(inner), tuple(numbers.get(ref.layer) for call in inner.calls for ref in call.inputs))
                for inner in layer.body.layers
            )
        shapes = tuple([(weight.name, weight.shape, weight.dtype) for weight in layer.weights])
        config = self._configs.get(id(layer.config))
        if config is None:
            config = self._configs[id(layer.config)] = repr(sorted(layer.config.items()))
        built = (layer.canonical_class, config, shapes, inside)
        return self._known.setdefault(built, len(self._known))
