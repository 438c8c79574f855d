# The words of one layer: what its row, its box and the inspector show. A result is read once into a `_Ledger`
# (changes and weight pairs by site, neighbours by path), so that building stays linear in the number of layers.
"""`LayerView`s from a comparison or from one model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modeldiff.changes import (
    ABSENT,
    Change,
    ConfigChanged,
    DiffResult,
    Endpoint,
    Impact,
    InputsRewired,
    Kind,
    LayerMoved,
    LayerRenamed,
    LayerRetyped,
    Outcome,
    Site,
    Values,
    WeightChanged,
    WeightPair,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import Fact, Graph, Layer, LayerPath, Model, Note, digests_of, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report import ports, tensors
from modeldiff.report.asserted import code_notes
from modeldiff.report.natures import is_reset
from modeldiff.report.overview import inside
from modeldiff.report.reasons import Reasons
from modeldiff.report.summaries import summary
from modeldiff.report.together import causes
from modeldiff.report.view import ConfigRow, LayerView, Link, Phrase, Status
from modeldiff.report.words import endpoint, message, signed, value_text, without_batch

_LONGEST_FIGURE = 20
"""Characters that a row of the picture has room for."""

Neighbours = Mapping[LayerPath, tuple[Endpoint, ...]]


def single(model: Model, values: Mapping[tuple[Site, str], Values], *, digests: bool) -> tuple[LayerView, ...]:
    """Every layer of one model, with nothing to compare it with."""
    inputs, outputs = _neighbours(model.graph)
    rows, looks = _Rows(), _Looks()
    notes = _by_place([*model.notes, *code_notes(model)])
    found = iter(digests_of(weight for _, layer in model.walk() for weight in layer.weights)) if digests else None
    return tuple(
        replace(
            _bare(Site(None, path), layer, looks.of(layer), rows.of(None, layer.config)),
            status=Status.UNCHANGED,
            figure=(f"{parameters:,}",) if (parameters := inside(layer)) else (),
            warnings=tuple((note.text,) for note in notes.get(format_path(path), ())),
            weights=tuple(tensors.stored(Site(None, path), layer, values, found)),
            inputs=tuple(_link(end, new=True) for end in inputs.get(path, ())),
            outputs=tuple(_link(end, new=True) for end in outputs.get(path, ())),
        )
        for path, layer in model.walk()
    )


def compared(result: DiffResult) -> tuple[LayerView, ...]:
    """Every layer of both sides once, in the order of `DiffResult.sites`."""
    ledger = _Ledger(result)
    return tuple(ledger.view(site) for site in result.sites())


def status_of(changes: Iterable[Change]) -> Status:
    """The weightiest status of a pair of layers."""
    facts = [change for change in changes if not is_incidental(change)]
    if any(not isinstance(change, (LayerRenamed, LayerMoved)) for change in facts):
        return Status.CHANGED
    if any(isinstance(change, LayerMoved) for change in facts):
        return Status.MOVED
    return Status.RENAMED if facts else Status.UNCHANGED


def _bare(site: Site, layer: Layer, looks: _Look, config: tuple[ConfigRow, ...]) -> LayerView:
    """What a layer is, before anything is said about what happened to it."""
    path = site.new if site.new is not None else site.old
    assert path is not None
    added = site.old is None
    class_name, words, shape = looks
    return LayerView(
        address=site.address,
        parent=replace(site, **{"new" if added else "old": path[:-1]}).address if path[:-1] else "",
        status=Status.ADDED if added else Status.REMOVED,
        impact=None,
        old=None if site.old is None else format_path(site.old),
        new=None if site.new is None else format_path(site.new),
        old_name=None,
        name=path[-1],
        class_name=class_name,
        summary=words,
        shape=shape,
        old_class=None,
        old_summary=None,
        old_shape=None,
        figure=(),
        lines=(),
        warnings=(),
        config=config,
        weights=(),
        match=(),
        inputs=(),
        outputs=(),
        parameters=(None, layer.parameters) if added else (layer.parameters, None),
        follows=False,
        moved=None,
        trainable=layer.trainable,
    )


class _Ledger:
    """A result, looked up by site."""

    def __init__(self, result: DiffResult) -> None:
        self.result = result
        self.old = dict(result.old.walk())
        self.new = dict(result.new.walk())
        self.ports = ports.told(result)
        self.matches = {match.site for match in result.matching.matches}
        self.partners = {match.old: match.new for match in result.matching.matches}
        self.changes: dict[Site, list[Change]] = defaultdict(list)
        for change in result.changes:
            self.changes[change.site].append(change)
        self.matched = set(self.partners.values())
        self.rewired = {change.site.new for change in result.of(Kind.INPUTS_REWIRED)} | set(result.matching.added)
        self.rows, self.looks = _Rows(), _Looks()
        self.pairs: dict[Site, list[WeightPair]] = defaultdict(list)
        for pair in result.weight_pairs:
            self.pairs[pair.site].append(pair)
        self.links = tuple(
            (old, new) for old, new in zip(_neighbours(result.old.graph), _neighbours(result.new.graph), strict=True)
        )
        following = [region for region in result.regions if region.kind is RegionKind.SHAPES_FOLLOW]
        self.follows = {path: region for region in following for path in region.layers}
        self.reasons = Reasons(result, (self.old, self.new), self.links)
        self.notes = _by_place((*result.new.notes, *result.notes)), _by_place(result.old.notes)

    def view(self, site: Site) -> LayerView:
        """The view of one layer, or of one pair, with the part it has among the model's inputs and outputs."""
        view, told = self._view(site), self.ports.get(site)
        if told is None:
            return view
        kept = view.status in {Status.ADDED, Status.REMOVED}
        return replace(
            view,
            status=view.status if kept else Status.CHANGED,
            impact=Impact.INTERFACE,
            lines=(*told, *view.lines),
        )

    def _view(self, site: Site) -> LayerView:
        facts = sorted(
            (change for change in self.changes[site] if not is_incidental(change)), key=lambda change: -change.impact
        )
        layer = self.new[site.new] if site.new is not None else self.old[site.old or ()]
        notes = self._notes(site)
        code = [note for note in notes if note.fact is Fact.CODE]
        old_config = self.old[site.old].config if site.old is not None else None
        new_config = self.new[site.new].config if site.new is not None else None
        view = replace(
            _bare(
                site if site.new is None else Site(None, site.new),
                layer,
                self.looks.of(layer),
                self.rows.of(old_config, new_config, facts),
            ),
            impact=max((change.impact for change in facts), default=None),
            match=self._match(site),
            warnings=tuple((note.text,) for note in notes if note.fact is not Fact.CODE),
            inputs=tuple(self._links(site, 0)),
            outputs=tuple(self._links(site, 1)),
        )
        if site.old is None or site.new is None:
            return self._alone(view, site, layer, code)
        old, new = self.old[site.old], self.new[site.new]
        pairs = self.pairs[site]
        far = tensors.distance(facts, pairs)
        before = zip(self.looks.of(old), (view.class_name, view.summary, view.shape), strict=True)
        old_class, old_summary, old_shape = (was if was != now else None for was, now in before)
        return replace(
            view,
            old=format_path(site.old),
            old_name=old.name if old.name != new.name else None,
            old_class=old_class,
            old_summary=old_summary,
            old_shape=old_shape,
            status=status_of(facts),
            figure=("follows",) if site.new in self.follows else _figure(old, new, facts, far, pairs),
            lines=tuple(self._lines(facts, self.follows.get(site.new), code)),
            follows=site.new in self.follows,
            weights=tuple(tensors.paired(old, new, pairs, facts, self.result.values)),
            parameters=(old.parameters, new.parameters),
            moved=far,
        )

    def _alone(self, view: LayerView, site: Site, layer: Layer, code: Sequence[Note]) -> LayerView:
        """A layer without a partner; an input that only one file lists as a layer is not told as a change."""
        if not self.changes[site]:
            return replace(view, status=Status.UNCHANGED, weights=tuple(tensors.stored(site, layer, {})))
        words = layer.class_name + (f", {view.summary}" if view.summary else "")
        lines: list[Phrase] = [(words,)] if words else []
        if words and any(not note.key for note in code):
            lines = [(_CODE, words)]
        lines += [(note.text,) for note in code if note.key or not words]
        parameters = inside(layer) if site.old is None else -inside(layer)
        partner = self.partners.get(site.old[:-1]) if site.old is not None else None
        return replace(
            view,
            parent=Site(None, partner).address if partner else view.parent,
            figure=(signed(parameters),) if parameters else (),
            lines=tuple(lines),
            weights=tuple(tensors.lone(site, layer, view.status, self.result.values)),
        )

    def _lines(self, facts: Sequence[Change], following: Region | None, code: Sequence[Note]) -> Iterator[Phrase]:
        """One line a fact, but one for all the weights that moved or were reshaped; code is marked where it is told."""
        tellers = [next((change for change in facts if _tells(change, note.key)), None) for note in code]
        for change in facts:
            if isinstance(change, LayerRenamed):  # the row shows both names
                if len(facts) == 1:
                    yield ("renamed",)
            elif not isinstance(change, (WeightChanged, WeightReshaped)):
                words = message(change, self.partners)
                yield (_CODE, *words) if change in tellers else words
        yield from ((note.text,) for note, teller in zip(code, tellers, strict=True) if teller is None)
        values = [one for one in facts if isinstance(one, (WeightChanged, WeightReshaped)) and not is_reset(one)]
        told = tensors.told(values)  # that statistics were reset is a warning
        if following is not None:
            yield ("shape follows from ", *causes(following), ": ", *next(told, ()))
        yield from told

    def _notes(self, site: Site) -> tuple[Note, ...]:
        new, old = self.notes
        found = new.get(format_path(site.new), ()) if site.new is not None else ()
        return found + (old.get(format_path(site.old), ()) if site.old is not None else ())

    def _match(self, site: Site) -> Phrase:
        if site not in self.matches and not self.changes[site]:
            return ("the other file does not list it",)
        return self.reasons.of(site, self.pairs[site])

    def _links(self, site: Site, direction: int) -> Iterator[Link]:
        """Neighbours of both sides: those both have first, in the new order, then those only one has.

        What only one side lists is a connection added or removed only where the layer it leads to was rewired:
        a layer that moved into a sub-model has other neighbours in its graph, and the same tensors.
        """
        old_links, new_links = self.links[direction]
        before = {
            (self.partners.get(end.layer, end.layer), end.layer in self.partners, end.call, end.output): end
            for end in (old_links.get(site.old, ()) if site.old is not None else ())
        }
        for end in new_links.get(site.new, ()) if site.new is not None else ():
            kept = before.pop((end.layer, end.layer in self.matched, end.call, end.output), None)
            target = site.new if direction == 0 else end.layer
            added = kept is None and site.old is not None and target in self.rewired
            yield _link(end, new=True, status=Status.ADDED if added else Status.UNCHANGED)
        for end in before.values():
            partner = self.partners.get(end.layer)
            target = site.new if direction == 0 else partner
            if site.new is None or target is None or target in self.rewired:
                status = Status.REMOVED if site.new is not None else Status.UNCHANGED
                shown = end if partner is None else replace(end, layer=partner)
                yield _link(shown, new=partner is not None, status=status)


def _link(end: Endpoint, *, new: bool, status: Status = Status.UNCHANGED) -> Link:
    site = Site(None, end.layer) if new else Site(end.layer, None)
    return Link(site.address, endpoint(end), status)


def _neighbours(graph: Graph, prefix: LayerPath = ()) -> tuple[Neighbours, Neighbours]:
    """What each layer takes, and which layers take what it makes; within its own graph, in order, each once."""
    inputs: dict[LayerPath, dict[Endpoint, None]] = defaultdict(dict)
    outputs: dict[LayerPath, dict[Endpoint, None]] = defaultdict(dict)
    stack = [(graph, prefix)]
    while stack:
        inside, parent = stack.pop()
        known = {layer.name for layer in inside.layers}
        for layer in inside.layers:
            path = (*parent, layer.name)
            for index, call in enumerate(layer.calls):
                for ref in call.inputs:
                    if ref.layer in known:
                        producer = (*parent, ref.layer)
                        inputs[path][Endpoint(producer, ref.call, ref.output)] = None
                        outputs[producer][Endpoint(path, index)] = None
            if layer.body is not None:
                stack.append((layer.body, path))
    return _frozen(inputs), _frozen(outputs)


def _frozen(found: Mapping[LayerPath, Mapping[Endpoint, None]]) -> Neighbours:
    return {path: tuple(ends) for path, ends in found.items()}


def _by_place(notes: Iterable[Note]) -> dict[str, tuple[Note, ...]]:
    places: dict[str, tuple[Note, ...]] = {}
    for note in notes:
        if note.about:
            places[note.about] = (*places.get(note.about, ()), note)
    return places


_CODE = "code: "
"""Marks a line that tells of code; that it was not executed is said once, in the labelled line."""


def _tells(change: Change, key: str) -> bool:
    """Whether a change says already that there is other code at `key` of the layer's config, "" for its class."""
    if isinstance(change, LayerRetyped):
        return not key
    if not isinstance(change, ConfigChanged) or not key:
        return False
    inside = change.key in {key, f"{key}.class_name", f"{key}.bytecode"}
    return inside or key.startswith(f"{change.key}.")


_Look = tuple[str, str, str]
"""Class, summary, and output shapes side by side; a summary that only says the shape is ""."""


class _Looks:
    """Layers built alike share one config, and look alike where shapes are equal too."""

    def __init__(self) -> None:
        self._known: dict[Hashable, _Look] = {}

    def of(self, layer: Layer) -> _Look:
        """What the layer is in short."""
        shapes = layer.output_shapes or ()
        seen = (layer.class_name, layer.canonical_class, id(layer.config), id(layer.body), shapes)
        known = *seen, *(weight.shape for weight in layer.weights[:1])
        if known not in self._known:
            shape = ", ".join(map(without_batch, shapes))
            words = summary(layer)
            self._known[known] = layer.class_name, words if words != shape else "", shape
        return self._known[known]


class _Rows:
    """Configs as rows. Layers built alike share one config, and then one tuple of rows."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[ConfigRow, ...]] = {}
        """By identity: the models outlive this."""

    def of(
        self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, facts: Iterable[Change] = ()
    ) -> tuple[ConfigRow, ...]:
        """The rows of both sides; None for one that is not there."""
        if any(isinstance(change, ConfigChanged) for change in facts):
            return tuple(_config_rows(old or {}, new or {}, facts))
        sides = id(old), id(new)
        if sides not in self._known:
            self._known[sides] = tuple(_config_rows(old or {}, new or {}))
        return self._known[sides]


def _config_rows(old: Mapping[str, Any], new: Mapping[str, Any], facts: Iterable[Change] = ()) -> Iterator[ConfigRow]:
    """Every key of either side, changed ones first; a default that `facts` tell stands where a side does not."""
    told = [change for change in facts if isinstance(change, ConfigChanged)]
    old = {**{one.key: one.before for one in told if one.key in new and one.before is not ABSENT}, **old}
    new = {**{one.key: one.after for one in told if one.key in old and one.after is not ABSENT}, **new}
    keys = [*new, *(key for key in old if key not in new)]
    changed = [key for key in keys if key in old and key in new and old[key] != new[key]]
    one_sided = [key for key in keys if (key in old) != (key in new)]
    for key in (*changed, *one_sided, *(key for key in keys if key in old and key in new and key not in changed)):
        before = value_text(old[key]) if key in old else None
        after = value_text(new[key]) if key in new else None
        yield ConfigRow(key, before, after, changed=before != after)


def _figure(old: Layer, new: Layer, facts: Iterable[Change], far: float | None, pairs: Iterable[WeightPair]) -> Phrase:
    facts = list(facts)
    if any(isinstance(change, LayerRetyped) for change in facts):
        return ("retyped",)
    if any(isinstance(change, InputsRewired) for change in facts):
        return ("rewired",)
    weights = tensors.headline(facts, far)
    if not old.trainable and not new.trainable and weights.startswith("moved") and far:
        return (f"frozen, {weights}",)
    if weights and far != 0.0:
        return (weights,)
    if new.parameters != old.parameters:
        return (signed(new.parameters - old.parameters),)
    settings = [change for change in facts if isinstance(change, ConfigChanged)]
    if settings:
        words = message(settings[0], {})
        return words if len(settings) == 1 and len("".join(words)) <= _LONGEST_FIGURE else ("config",)
    identical = [pair.outcome is Outcome.IDENTICAL for pair in pairs]
    return ("identical",) if facts and identical and all(identical) else ()
