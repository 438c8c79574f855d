# The words of one layer: what its row, its box and the inspector show. A result is read once into a `_Ledger`
# (changes and weight pairs by site, neighbours by path), so that building stays linear in the number of layers.
"""`LayerView`s from a comparison or from one model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from modeldiff.changes import (
    Change,
    ConfigChanged,
    DiffResult,
    Impact,
    InputsRewired,
    LayerMoved,
    LayerRenamed,
    LayerRetyped,
    Nature,
    Outcome,
    Site,
    Values,
    WeightChanged,
    WeightPair,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import Fact, Layer, LayerPath, Model, Note, digests_of, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report import ports, sharing, tensors
from modeldiff.report.asserted import code_notes
from modeldiff.report.links import Links, link, neighbours
from modeldiff.report.looks import Looks, Rows
from modeldiff.report.natures import is_reset
from modeldiff.report.overview import inside
from modeldiff.report.reasons import Reasons
from modeldiff.report.together import causes
from modeldiff.report.view import LayerView, Phrase, Status, WeightView
from modeldiff.report.words import message, signed

_LONGEST_FIGURE = 20
"""Characters that a row of the picture has room for."""


def single(model: Model, values: Mapping[tuple[Site, str], Values], *, digests: bool) -> tuple[LayerView, ...]:
    """Every layer of one model, with nothing to compare it with."""
    inputs, outputs = neighbours(model.graph)
    rows, looks = Rows(), Looks()
    notes = _by_place([*model.notes, *code_notes(model)])
    found = iter(digests_of(weight for _, layer in model.walk() for weight in layer.weights)) if digests else None

    def view(path: LayerPath, layer: Layer) -> LayerView:
        site, text = Site(None, path), format_path(path)
        class_name, words, shape = looks.of(layer)
        return LayerView(
            address=site.address,
            parent=_parent(site),
            status=Status.UNCHANGED,
            new=text,
            name=path[-1],
            class_name=class_name,
            summary=words,
            shape=shape,
            figure=(f"{parameters:,}",) if (parameters := inside(layer)) else (),
            warnings=tuple((note.text,) for note in notes.get(text, ())),
            config=rows.of(None, layer.config),
            weights=tuple(tensors.stored(site, layer, values, found)),
            inputs=tuple(link(end, new=True) for end in inputs.get(path, ())),
            outputs=tuple(link(end, new=True) for end in outputs.get(path, ())),
            parameters=(None, layer.parameters),
            trainable=layer.trainable,
        )

    return tuple(view(path, layer) for path, layer in model.walk())


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


def _parent(site: Site) -> str:
    """The address of the sub-model that a layer stands in, "" at the top."""
    path = site.old if site.new is None else site.new
    if path is None or not path[1:]:
        return ""
    return (Site(path[:-1], None) if site.new is None else Site(None, path[:-1])).address


class _Said(NamedTuple):
    """What is said of one layer, beside what it is."""

    status: Status
    weights: tuple[WeightView, ...]
    figure: Phrase = ()
    lines: tuple[Phrase, ...] = ()
    moved: float | None = None


class _Ledger:
    """A result, looked up by site."""

    def __init__(self, result: DiffResult) -> None:
        self.result = result
        self.old = dict(result.old.walk())
        self.new = dict(result.new.walk())
        self.ports = ports.told(result)
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
        self.follows: dict[LayerPath | None, Region] = {path: region for region in following for path in region.layers}
        self.reasons = Reasons(result, (self.old, self.new), self.links)
        self.notes = _by_place(result.old.notes), _by_place((*result.new.notes, *result.notes))

    def view(self, site: Site) -> LayerView:
        """The view of one layer, or of one pair, with the part it has among the model's inputs and outputs."""
        old = self.old[site.old] if site.old is not None else None
        new = self.new[site.new] if site.new is not None else None
        layer = old if new is None else new
        assert layer is not None
        changes, pairs = self.changes.get(site, ()), self.pairs.get(site, ())
        facts = sorted((change for change in changes if not is_incidental(change)), key=lambda change: -change.impact)
        look = class_name, words, shape = self.looks.of(layer)
        before = look if old is None else self.looks.of(old)
        old_class, old_summary, old_shape = (was if was != now else None for was, now in zip(before, look, strict=True))
        old_text = format_path(site.old) if site.old is not None else None
        new_text = format_path(site.new) if site.new is not None else None
        notes = (*self.notes[1].get(new_text, ()), *self.notes[0].get(old_text, ()))
        code = [note for note in notes if note.fact is Fact.CODE]
        ports = self.ports.get(site, ())
        if old is not None and new is not None:
            said = self._pair(site, facts, pairs, code)
        elif changes:
            said = self._alone(site, layer, words, code)
        else:  # an input that only one file lists as a layer is not told as a change
            said = _Said(Status.UNCHANGED, tuple(tensors.stored(site, layer, {})))
        keeps = not ports or said.status in {Status.ADDED, Status.REMOVED}
        return LayerView(
            address=site.address,
            parent=self._parent(site) if changes else _parent(site),
            status=said.status if keeps else Status.CHANGED,
            impact=Impact.INTERFACE if ports else facts[0].impact if facts else None,
            old=old_text,
            new=new_text,
            old_name=old.name if old is not None and old.name != layer.name else None,
            name=layer.name,
            class_name=class_name,
            summary=words,
            shape=shape,
            old_class=old_class,
            old_summary=old_summary,
            old_shape=old_shape,
            figure=said.figure,
            lines=(*ports, *said.lines),
            warnings=tuple((note.text,) for note in notes if note.fact is not Fact.CODE),
            config=self.rows.of(None if old is None else old.config, None if new is None else new.config, facts),
            weights=said.weights,
            match=self._match(site, changes, pairs),
            inputs=tuple(self.links.of(site, 0)),
            outputs=tuple(self.links.of(site, 1)),
            parameters=(None if old is None else old.parameters, None if new is None else new.parameters),
            follows=old is not None and site.new in self.follows,
            moved=said.moved,
            trainable=layer.trainable,
        )

    def _pair(self, site: Site, facts: Sequence[Change], pairs: Sequence[WeightPair], code: Sequence[Note]) -> _Said:
        """A layer that both models have."""
        old, new = self.old[site.old or ()], self.new[site.new or ()]
        far = tensors.distance(facts, pairs)
        weights = tuple(tensors.paired(old, new, pairs, facts, self.result.values))
        following = self.follows.get(site.new)
        figure = ("follows",) if following is not None else _figure(old, new, facts, far, pairs)
        return _Said(status_of(facts), weights, figure, tuple(self._lines(facts, following, code)), far)

    def _alone(self, site: Site, layer: Layer, summary: str, code: Sequence[Note]) -> _Said:
        """A layer without a partner."""
        status = Status.ADDED if site.old is None else Status.REMOVED
        words = layer.class_name + (f", {summary}" if summary else "")
        lines: list[Phrase] = [(words,)] if words else []
        if words and any(not note.key for note in code):
            lines = [(_CODE, words)]
        lines += [(note.text,) for note in code if note.key or not words]
        lines += [self.places[site]] if site in self.places else []
        parameters = inside(layer) if site.old is None else -inside(layer)
        weights = tuple(tensors.lone(site, layer, status, self.result.values))
        return _Said(status, weights, (signed(parameters),) if parameters else (), tuple(lines))

    def _parent(self, site: Site) -> str:
        """As of any layer, but a removed one stands in what its sub-model became."""
        partner = self.links.partners.get((site.old or ())[:-1]) if site.new is None else None
        return _parent(site) if partner is None else Site(None, partner).address

    def _lines(self, facts: Sequence[Change], following: Region | None, code: Sequence[Note]) -> Iterator[Phrase]:
        """One line a fact, but one for all the weights that moved or were reshaped; code is marked where it is told."""
        if not (facts or code or following):
            return
        tellers = [next((change for change in facts if _tells(change, note.key)), None) for note in code]
        for change in facts:
            if isinstance(change, LayerRenamed):  # the row shows both names
                if len(facts) == 1:
                    yield ("renamed",)
            elif not isinstance(change, (WeightChanged, WeightReshaped)):
                words = message(change, self.links.partners)
                yield (_CODE, *words) if change in tellers else words
        yield from ((note.text,) for note, teller in zip(code, tellers, strict=True) if teller is None)
        weights = [one for one in facts if isinstance(one, (WeightChanged, WeightReshaped))]
        told = tensors.told(
            [one for one in weights if not is_reset(one) and one.nature is not Nature.BROKEN]
        )  # warnings
        if following is not None:
            yield ("shape follows from ", *causes(following), ": ", *next(told, ()))
        yield from told

    def _match(self, site: Site, changes: Sequence[Change], pairs: Sequence[WeightPair]) -> Phrase:
        if not changes and (site.old is None or site.new is None):
            return ("the other file does not list it",)
        return self.reasons.of(site, pairs)


def _by_place(notes: Iterable[Note]) -> dict[str | None, tuple[Note, ...]]:
    places: dict[str | None, tuple[Note, ...]] = {}
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


def _figure(old: Layer, new: Layer, facts: Sequence[Change], far: float | None, pairs: Iterable[WeightPair]) -> Phrase:
    if not facts:
        return (signed(new.parameters - old.parameters),) if new.parameters != old.parameters else ()
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
        if {change.key for change in settings} == {"trainable"}:
            return ("unfrozen" if settings[0].after else "frozen",)
        return words if len(settings) == 1 and len("".join(words)) <= _LONGEST_FIGURE else ("config",)
    identical = [pair.outcome is Outcome.IDENTICAL for pair in pairs]
    return ("identical",) if identical and all(identical) else ()
