# The headline. One sentence: a category, a colon, the gravest fact with its layer, the old value last. No adjective
# and no guess: a file knows values, not intentions. Category and fact come from the gravest impact alone.
"""The verdict, the lead and the labelled lines of a comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from modeldiff.changes import (
    ConfigChanged,
    DiffResult,
    Impact,
    InterfaceChanged,
    Kind,
    LayerRenamed,
    LayerRetyped,
    MetadataChanged,
    Nature,
    Outcome,
    Port,
    WeightAdded,
    WeightChanged,
    WeightRemoved,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import LayerPath, Model, format_path
from modeldiff.report.groups import Block, extracted
from modeldiff.report.tensors import span
from modeldiff.report.view import Code, LayerView, Phrase, Status
from modeldiff.report.words import (
    Partners,
    counted,
    dimensions,
    interface,
    joined,
    message,
    without_batch,
)

_ORDER = (Kind.LAYER_RETYPED, Kind.INPUTS_REWIRED, Kind.CONFIG_CHANGED)


def verdict(result: DiffResult, layers: Sequence[LayerView], found: Sequence[Block], partners: Partners) -> Phrase:
    """One sentence about the whole comparison."""
    impact = result.impact
    if impact is None:
        return _nothing(result)
    if impact is Impact.INTERFACE:
        first = next(change for change in result.changes if isinstance(change, InterfaceChanged))
        return ("Interface changed: ", *_interface_fact(first))
    broken = [
        change for change in result.changes if isinstance(change, WeightChanged) and change.nature is Nature.BROKEN
    ]
    if broken:
        tensors = counted(len(broken), "tensor has", "tensors have")
        where = Code(format_path(broken[0].site.new or ()))
        return (f"Weights broken: {tensors} NaN or infinities that were finite, first in ", where)
    if impact is Impact.FUNCTIONAL:
        grave = [change for change in result.changes if change.impact is impact and not is_incidental(change)]
        renamed = [change for change in grave if isinstance(change, LayerRetyped) and change.equivalent]
        if len(renamed) == len(grave):
            return _class_renamed(renamed)
        return ("Architecture changed: ", *_architecture_fact(result, found, partners))
    if impact is Impact.NUMERIC:
        return _numeric(result, layers)
    return _cosmetic(result, layers)


def _class_renamed(changes: Sequence[LayerRetyped]) -> Phrase:
    """A class under another name: nothing in the file tells whether its code is still the same."""
    before, after = changes[0].before, changes[0].after
    alike = all((change.before, change.after) == (before, after) for change in changes)
    count = counted(len(changes), "layer")
    classes: Phrase = (" from ", Code(before), " to ", Code(after)) if alike else ()
    return ("Class renamed: ", f"{count} went", *classes, ", config and weights identical")


def _nothing(result: DiffResult) -> Phrase:
    if not result.options.weights:
        return ("Same architecture: no difference in layers, connections and config, weights not compared",)
    lacking = _lacking(result)
    if lacking:
        return ("No difference in what both files hold; not compared: ", *joined(lacking))
    return ("Same model: no difference in layers, connections, config and weights",)


def _interface_fact(change: InterfaceChanged) -> Phrase:
    """`output predictions has 12 values, was 10`."""
    if len(change.before) == len(change.after) == 1:
        before, after = change.before[0], change.after[0]
        name = Code(after.layer[-1] if after.layer else change.role)
        if before.shape != after.shape and before.shape is not None and after.shape is not None:
            return (f"{change.role} ", name, *_shape_fact(before, after))
    elif len(change.before) != len(change.after):
        names = joined((Code(port.layer[-1] if port.layer else change.role),) for port in change.after)
        return (f"{counted(len(change.after), change.role)} (", *names, f"), was {len(change.before)}")
    return interface(change)


def _shape_fact(before: Port, after: Port) -> Phrase:
    was, now = without_batch(before.shape or ()), without_batch(after.shape or ())
    if len(before.shape or ()) == len(after.shape or ()) == 2 and was.isdigit() and now.isdigit():
        return (f" has {now} values, was {was}",)
    return (f" is {now}, was {was}",)


def _architecture_fact(result: DiffResult, found: Sequence[Block], partners: Partners) -> Phrase:
    for path, members in extracted(result).items():
        moved = {change.site.new for change in result.changes if isinstance(change, WeightChanged)}
        same = "" if any(member in moved for member in members) else ", every weight identical"
        return (
            Code(format_path(path)),
            f" is now a sub-model, {counted(len(members), 'layer')} moved into it{same}",
        )
    if found:
        block = max(found, key=lambda one: len(one.rows))
        alike = [one for one in found if (one.noun, one.status) == (block.noun, block.status)]
        if len(alike) > 1:
            total = sum(len(one.rows) for one in alike)
            return (f"{counted(len(alike), block.noun)} {block.status.value} ({counted(total, 'layer')})",)
        where: Phrase = (" after ", Code(block.after)) if block.after else ()
        if len(block.rows) == 1:
            return (Code(block.rows[0].name), f" ({block.rows[0].class_name}) {block.status.value}", *where)
        return (f"1 {block.noun} {block.status.value}", *where, f" ({counted(len(block.rows), 'layer')})")
    for kind in _ORDER:
        for change in result.of(kind):
            if change.impact is Impact.FUNCTIONAL and not is_incidental(change):
                if isinstance(change, ConfigChanged):
                    before, after = message(change, partners)[2:-1], message(change, partners)[-1]
                    was = next((word for word in before if isinstance(word, Code)), "absent")
                    return (Code(change.key), " of ", *_place(change.site.new), " is ", after, ", was ", was)
                return (*_place(change.site.new), ": ", *message(change, partners))
    first = next(change for change in result.changes if change.impact is Impact.FUNCTIONAL)
    layer = _place(first.site.new or first.site.old)
    if isinstance(first, (WeightAdded, WeightRemoved)):
        verb = " added to " if isinstance(first, WeightAdded) else " removed from "
        return ("weight ", Code(first.weight), f" ({dimensions(first.shape)})", verb, *layer)
    if isinstance(first, WeightReshaped):
        return ("weight ", Code(first.weight), " of ", *layer, " is ", *_resize(first))
    return (*layer, ": ", *message(first, partners))


def _resize(change: WeightReshaped) -> Phrase:
    overlap = ", the overlap is equal" if change.nature is Nature.RESIZED else ""
    return (f"{dimensions(change.after[0])}, was {dimensions(change.before[0])}{overlap}",)


def _place(path: LayerPath | None) -> Phrase:
    return (Code(format_path(path)),) if path else ("the model",)


def _numeric(result: DiffResult, layers: Sequence[LayerView]) -> Phrase:
    weights = list(_weight_facts(result, layers))
    training = sum(1 for change in result.changes if isinstance(change, ConfigChanged))
    if not weights or not any(isinstance(change, (WeightChanged, WeightReshaped)) for change in result.changes):
        first = next(change for change in result.changes if change.impact is Impact.NUMERIC)
        more = f" (and {training - 1} more)" if training > 1 else ""
        return ("Training settings changed: ", *_place(first.site.new), " ", *message(first, {}), more)
    return ("Weights only: ", *joined(weights))


def _weight_facts(result: DiffResult, layers: Sequence[LayerView]) -> Iterator[Phrase]:
    """`41 of 52 layers fine-tuned by 0.4 to 2.8 %`, `11 frozen and identical`."""
    weighted = [layer for layer in layers if layer.moved is not None]
    moved = [layer for layer in weighted if layer.moved]
    natures = _natures(result)
    if moved:
        common = {natures.get(layer.new or "") for layer in moved}
        word = {frozenset({Nature.FINE_TUNED}): "fine-tuned", frozenset({Nature.REINITIALISED}): "re-initialised"}.get(
            frozenset(nature for nature in common if nature is not None), "changed"
        )
        yield (f"{_share(len(moved), len(weighted))} {word}{_span(layer.moved for layer in moved)}",)
    same = [layer for layer in weighted if not layer.moved]
    if same and moved:
        frozen = all(not layer.trainable for layer in same)
        yield (f"{len(same):,} {'frozen and ' if frozen else ''}identical",)


def _share(part: int, whole: int) -> str:
    if part == whole:
        return "all " + counted(whole, "layer") if whole > 1 else "1 layer"
    return f"{part:,} of {counted(whole, 'layer')}"


def _span(distances: Iterable[float | None]) -> str:
    """` by 0.4 to 2.8 %`, over what is finite."""
    known = sorted(distance for distance in distances if distance is not None and math.isfinite(distance))
    if not known:
        return ""
    return f" by {span(known[0], known[-1])}"


def _natures(result: DiffResult) -> dict[str, Nature]:
    """The gravest nature of each layer's weights, by new path."""
    rank = list(Nature)
    found: dict[str, Nature] = {}
    for change in result.changes:
        if isinstance(change, (WeightChanged, WeightReshaped)) and change.nature is not Nature.UNKNOWN:
            path = format_path(change.site.new or ())
            if path not in found or rank.index(change.nature) > rank.index(found[path]):
                found[path] = change.nature
    return found


def _cosmetic(result: DiffResult, layers: Sequence[LayerView]) -> Phrase:
    compared = [pair for pair in result.weight_pairs if pair.outcome is not Outcome.NOT_COMPARED]
    weights = ", every weight identical" if compared and len(compared) == len(result.weight_pairs) else ""
    statuses = Counter(layer.status for layer in layers)
    if statuses[Status.RENAMED] or statuses[Status.MOVED]:
        words = [f"{counted(statuses[status], 'layer')} {status.value}" for status in (Status.RENAMED, Status.MOVED)]
        words = [word for word, status in zip(words, (Status.RENAMED, Status.MOVED), strict=True) if statuses[status]]
        label = "Moved only" if not statuses[Status.RENAMED] else "Renamed only"
        if sum(statuses.values()) - statuses[Status.UNCHANGED] == 1:
            only = next(layer for layer in layers if layer.status is not Status.UNCHANGED)
            return (f"{label}: ", Code(only.old or ""), " is now ", Code(only.new or ""), weights)
        return (f"{label}: {', '.join(words)}{weights}",)
    if statuses[Status.CHANGED]:
        return (f"Names and settings only: {counted(statuses[Status.CHANGED], 'layer')}{weights}",)
    renumbered = sum(1 for change in result.changes if isinstance(change, LayerRenamed))
    if renumbered:
        return (f"Same model: {counted(renumbered, 'automatic name')} renumbered{weights}",)
    settings = [change for change in result.changes if isinstance(change, MetadataChanged)]
    facts = joined([message(change, {}) for change in settings[:2]])
    return ("Same model, other settings: ", *facts)


def lead(result: DiffResult, layers: Sequence[LayerView], found: Sequence[Block]) -> Phrase:
    """Architecture, then weights, in numbers; () where the verdict said it all."""
    sentences: list[Phrase] = []
    parts = [*_block_counts(found), *_kind_counts(result)]
    if parts:
        sentences.append((f"Architecture: {', '.join(parts)}.",))
    weights = _weight_counts(result, layers)
    if weights:
        sentences.append((weights,))
    return joined(sentences, " ")


def _block_counts(found: Sequence[Block]) -> Iterator[str]:
    for status in (Status.ADDED, Status.REMOVED):
        nouns = Counter[str]()
        sizes = Counter[str]()
        for block in found:
            if block.status is status:
                noun = block.noun if len(block.rows) > 1 else "layer"
                nouns[noun] += 1
                sizes[noun] += len(block.rows)
        for noun, amount in nouns.items():
            size = f" ({counted(sizes[noun], 'layer')})" if noun != "layer" else ""
            yield f"{counted(amount, noun)} {status.value}{size}"


def _kind_counts(result: DiffResult) -> Iterator[str]:
    sites = {
        kind: {change.site for change in result.of(kind) if not is_incidental(change)}
        for kind in (Kind.LAYER_RETYPED, Kind.INPUTS_REWIRED, Kind.CONFIG_CHANGED, Kind.LAYER_MOVED, Kind.LAYER_RENAMED)
    }
    words = ("retyped", "rewired", "configured differently", "moved", "renamed")
    for (_, places), word in zip(sites.items(), words, strict=True):
        if places:
            yield f"{counted(len(places), 'layer')} {word}"


def _weight_counts(result: DiffResult, layers: Sequence[LayerView]) -> str:
    """`Weights, 24 layers compared: 16 identical, 6 fine-tuned (1.2 to 3.6 %), 1 resized.`"""
    natures = _natures(result)
    reshaped = {format_path(change.site.new or ()) for change in result.of(Kind.WEIGHT_RESHAPED)}
    distances: dict[str, list[float]] = {}
    for layer in layers:
        path = layer.new or ""
        if path in reshaped:
            word = "resized" if natures.get(path) is Nature.RESIZED else "reshaped"
        elif layer.moved is None:
            continue
        else:
            word = natures[path].value if path in natures else "changed" if layer.moved else "identical"
        distances.setdefault(word, []).append(layer.moved if layer.moved is not None else math.nan)
    total = sum(map(len, distances.values()))
    if not total:
        return ""
    order = sorted(distances, key=lambda word: (word != "identical", word))
    facts = []
    for word in order:
        span = _span(distances[word]).removeprefix(" by ") if word in {"fine-tuned", "retrained", "changed"} else ""
        facts.append(f"{len(distances[word]):,} {word}" + (f" ({span})" if span else ""))
    return f"Weights, {counted(total, 'layer')} compared: {', '.join(facts)}."


def facts(result: DiffResult, partners: Partners) -> Iterator[tuple[str, Phrase]]:
    """Labelled lines: what callers notice, what notes say, what could not be compared."""
    ports = [change for change in result.changes if isinstance(change, InterfaceChanged)]
    if ports:
        yield "Callers", joined([(*message(change, partners), *_at(change)) for change in ports], "; ")
    for change in result.changes:
        if isinstance(change, MetadataChanged) and change.key == "optimizer_state":
            yield "Optimizer", ("state: ", *message(change, partners)[2:])
    yield from _layouts(result)
    for note in result.notes:
        if note.about:
            yield "Note", (Code(note.about), f" {note.text}")
        else:
            yield "Note", (note.text,)
    for phrase in _lacking(result):
        yield "Not compared", phrase


def _layouts(result: DiffResult) -> Iterator[tuple[str, Phrase]]:
    """Weights that one side stores in an older layout: the same numbers, cut another way."""
    old, new = dict(result.old.walk()), dict(result.new.walk())
    for match in result.matching.matches:
        before, after = old[match.old], new[match.new]
        if (before.modern_weights is None) != (after.modern_weights is None):
            sizes = [counted(len(layer.weights), "tensor") for layer in (before, after)]
            yield "Layout", (Code(format_path(match.new)), f" is stored as {sizes[1]}, was {sizes[0]}, compared alike")


def _at(change: InterfaceChanged) -> Phrase:
    path = change.site.new or change.site.old
    return (" at ", Code(format_path(path))) if path else ()


def _lacking(result: DiffResult) -> list[Phrase]:
    """What only one file holds, or neither."""
    old, new = result.old, result.new
    held = {
        "connections": (old.graph.has_edges, new.graph.has_edges),
        "config": (old.has_config, new.has_config),
        "weights": (old.has_weights, new.has_weights),
    }
    found: list[Phrase] = []
    for what, (in_old, in_new) in held.items():
        if not (in_old and in_new):
            side = "the old" if in_new else "the new" if in_old else "either"
            found.append((f"{what} ({side} file has none)" if side != "either" else f"{what} (in neither file)",))
    return found


def single(model: Model) -> Phrase:
    """One sentence about one model."""
    layers = [layer for _, layer in model.walk()]
    kind = str(model.metadata.get("class_name") or "").strip()
    what = f"{kind} model" if kind else "model" if model.has_config else "weights without a config"
    name: Phrase = (Code(model.name), ": ") if model.name else ()
    return (*name, f"{what}, {counted(len(layers), 'layer')}, {counted(model.parameters, 'parameter')}")


def single_lead(model: Model) -> Phrase:
    """What goes in and what comes out."""
    shapes = {layer.name: layer for layer in model.graph.layers}

    def port(name: str, output: int) -> Phrase:
        layer = shapes.get(name)
        known = layer.output_shapes if layer is not None else None
        shape = without_batch(known[output]) if known is not None and output < len(known) else ""
        return (Code(name), f" {shape}") if shape else (Code(name),)

    parts = []
    for label, ends in (("Input", model.graph.inputs), ("Output", model.graph.outputs)):
        if ends:
            parts.append(
                (f"{label if len(ends) == 1 else label + 's'} ", *joined(port(end.layer, end.output) for end in ends))
            )
    tensors = counted(sum(len(layer.weights) for _, layer in model.walk()), "weight")
    frozen = sum(1 for _, layer in model.walk() if layer.weights and not layer.trainable)
    parts.append((f"{tensors}{f', {frozen} layers frozen' if frozen else ''}",))
    return (*joined(parts, " · "),)
