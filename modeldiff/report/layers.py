# The words of one layer: what its row, its box and the inspector show. A result is read once into a `_Ledger`
# (changes and weight pairs by site, neighbours by path), so that building stays linear in the number of layers.
"""`LayerView`s from a comparison or from one model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from modeldiff.changes import (
    Change,
    ConfigChanged,
    DiffResult,
    Impact,
    InputsRewired,
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
from modeldiff.graph import Fact, Layer, Model, Note, digests_of, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report import ports, sharing, tensors
from modeldiff.report.asserted import code_notes
from modeldiff.report.links import Links, link, neighbours
from modeldiff.report.looks import Look, Looks, Rows
from modeldiff.report.natures import is_reset
from modeldiff.report.overview import inside
from modeldiff.report.reasons import Reasons
from modeldiff.report.together import causes
from modeldiff.report.view import ConfigRow, LayerView, Phrase, Status
from modeldiff.report.words import message, signed

_LONGEST_FIGURE = 20
"""Characters that a row of the picture has room for."""


def single(model: Model, values: Mapping[tuple[Site, str], Values], *, digests: bool) -> tuple[LayerView, ...]:
    """Every layer of one model, with nothing to compare it with."""
    inputs, outputs = neighbours(model.graph)
    rows, looks = Rows(), Looks()
    notes = _by_place([*model.notes, *code_notes(model)])
    found = iter(digests_of(weight for _, layer in model.walk() for weight in layer.weights)) if digests else None
    return tuple(
        replace(
            _bare(Site(None, path), layer, looks.of(layer), rows.of(None, layer.config)),
            status=Status.UNCHANGED,
            figure=(f"{parameters:,}",) if (parameters := inside(layer)) else (),
            warnings=tuple((note.text,) for note in notes.get(format_path(path), ())),
            weights=tuple(tensors.stored(Site(None, path), layer, values, found)),
            inputs=tuple(link(end, new=True) for end in inputs.get(path, ())),
            outputs=tuple(link(end, new=True) for end in outputs.get(path, ())),
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


def _bare(site: Site, layer: Layer, looks: Look, config: tuple[ConfigRow, ...]) -> LayerView:
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
        self.changes: dict[Site, list[Change]] = defaultdict(list)
        for change in result.changes:
            self.changes[change.site].append(change)
        self.rows, self.looks = Rows(), Looks()
        self.pairs: dict[Site, list[WeightPair]] = defaultdict(list)
        for pair in result.weight_pairs:
            self.pairs[pair.site].append(pair)
        self.links = Links(result)
        self.places = sharing.told(result, (self.old, self.new), self.links.sides[0])
        following = [region for region in result.regions if region.kind is RegionKind.SHAPES_FOLLOW]
        self.follows = {path: region for region in following for path in region.layers}
        self.reasons = Reasons(result, (self.old, self.new), self.links.sides)
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
            inputs=tuple(self.links.of(site, 0)),
            outputs=tuple(self.links.of(site, 1)),
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
        lines += [self.places[site]] if site in self.places else []
        parameters = inside(layer) if site.old is None else -inside(layer)
        partner = self.links.partners.get(site.old[:-1]) if site.old is not None else None
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
                words = message(change, self.links.partners)
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
