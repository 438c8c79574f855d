# What follows the headline: the same comparison in numbers, and one labelled line for each question a reviewer asks
# next. A line that has nothing to say is not written.
"""The lead and the labelled lines of a comparison."""

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
    MetadataChanged,
    Nature,
    Outcome,
    Site,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import LayerPath, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report import asserted, loading, natures
from modeldiff.report.gravest import for_training
from modeldiff.report.groups import Block, dissolved, extracted, shells
from modeldiff.report.tensors import span
from modeldiff.report.view import Code, LayerView, Phrase, Status, Strong
from modeldiff.report.words import Partners, counted, is_telling, joined, message, percent


def lead(result: DiffResult, layers: Sequence[LayerView], found: Sequence[Block]) -> Phrase:
    """Architecture, then weights, in numbers; () where the verdict said it all."""
    sentences: list[Phrase] = []
    if parts := [*_shells(result), *_block_counts(result, found), *_kind_counts(result), *_own(result)]:
        sentences.append(("Architecture: ", Strong(parts[0][0]), *parts[0][1:], *_after(parts[1:]), "."))
    grave = _configured(result)
    training = [one for one in result.changes if isinstance(one, ConfigChanged) and one.site not in grave]
    if training:
        sentences.append((f"Training: {for_training(training)}.",))
    if weights := _weight_counts(result, layers):
        sentences.append(weights)
    return joined(sentences, " ")


def _after(parts: Iterable[Phrase]) -> Iterator[str]:
    """The parts that follow another one."""
    for part in parts:
        yield ", "
        yield from part


def _shells(result: DiffResult) -> Iterator[Phrase]:
    for around, word in ((extracted(result), "extracted"), (dissolved(result), "dissolved")):
        if around:
            yield (Strong(f"{counted(len(around), 'sub-model')} {word}"),)


def _block_counts(result: DiffResult, found: Sequence[Block]) -> Iterator[Phrase]:
    for status in (Status.ADDED, Status.REMOVED):
        nouns = Counter[str]()
        sizes = Counter[str]()
        told = shells(result, status)
        for block in found:
            if block.status is status and not told.issuperset(row.address for row in block.rows):
                noun = block.noun if len(block.rows) > 1 else "layer"
                nouns[noun] += block.count
                sizes[noun] += len(block.rows)
        for noun, amount in nouns.items():
            size = f" ({counted(sizes[noun], 'layer')})" if noun != "layer" else ""
            yield Strong(f"{counted(amount, noun)} {status.value}"), size


def _kind_counts(result: DiffResult) -> Iterator[Phrase]:
    sites = {
        kind: {change.site for change in result.of(kind) if not is_incidental(change)}
        for kind in (Kind.LAYER_RETYPED, Kind.INPUTS_REWIRED, Kind.CONFIG_CHANGED, Kind.LAYER_MOVED, Kind.LAYER_RENAMED)
    }
    sites[Kind.CONFIG_CHANGED] = _configured(result)
    moved = [region for region in result.regions if region.kind is RegionKind.BLOCK_MOVED]
    sites[Kind.INPUTS_REWIRED] -= {site for site in sites[Kind.INPUTS_REWIRED] if site.new in _rewired(moved)}
    if moved:
        size = counted(sum(len(one.layers) for one in moved), "layer")
        yield Strong(f"{counted(len(moved), 'block')} moved"), f" ({size})"
    words = ("retyped", "rewired", "configured differently", "moved", "renamed")
    for (kind, places), word in zip(sites.items(), words, strict=True):
        if places:
            yield (f"{counted(len(places), 'layer')} {word}", *(_keys(result) if kind is Kind.CONFIG_CHANGED else ()))


def _own(result: DiffResult) -> Iterator[Phrase]:
    """`2 settings of the model changed (depth, gate)`: what a subclassed model itself computes with."""
    own = [
        change.key.removeprefix("config.")
        for change in result.changes
        if isinstance(change, MetadataChanged)
        and change.impact >= Impact.FUNCTIONAL
        and change.key.startswith("config.")
    ]
    if own:
        names: Phrase = (" (", *joined((Code(key),) for key in own), ")") if len(own) <= _KEYS else ()
        yield (f"{counted(len(own), 'setting')} of the model changed", *names)


def _configured(result: DiffResult) -> set[Site]:
    """Layers whose computation is configured differently, not only how they are trained."""
    return {change.site for change in _settings(result)}


def _settings(result: DiffResult) -> Iterator[ConfigChanged]:
    for change in result.changes:
        if isinstance(change, ConfigChanged) and change.impact >= Impact.FUNCTIONAL:
            yield change


def _keys(result: DiffResult) -> Phrase:
    """` (units, rate)`; () where there are too many to name."""
    keys = list(dict.fromkeys(change.key for change in _settings(result)))
    return (" (", *joined((Code(key),) for key in keys), ")") if len(keys) <= _KEYS else ()


_KEYS = 3
"""Settings that a lead names at most."""


def _rewired(regions: Iterable[Region]) -> set[LayerPath | None]:
    return {path for region in regions for path in region.rewired}


def _weight_counts(result: DiffResult, layers: Sequence[LayerView]) -> Phrase:
    """`Weights, 24 layers compared: 16 identical, 6 fine-tuned (1.2 to 3.6 %), 1 resized.`

    () where nothing was compared, and where the verdict says the same of one sort of change and what stayed.
    """
    changed = natures.moved(result)
    named, reset = natures.of_layers(changed), natures.statistics_reset(changed)
    tolerated = {
        format_path(pair.site.new or ()) for pair in result.weight_pairs if pair.outcome is Outcome.WITHIN_TOLERANCE
    }
    reshaped = {
        format_path(change.site.new or ())
        for change in result.changes
        if isinstance(change, WeightReshaped) and change.before[0] != change.after[0]
    }
    distances: dict[str, list[float]] = {}
    for layer in layers:
        path = layer.new or ""
        if path in reshaped:
            word = "resized" if named.get(path) is Nature.RESIZED else "reshaped"
        elif path in reset:
            word = "with statistics reset"
        elif named.get(path, Nature.UNKNOWN) is not Nature.UNKNOWN:
            word = named[path].value
        elif layer.moved is None:
            continue
        else:
            same = "within the tolerance" if path in tolerated else "identical"
            word = "changed" if layer.moved else same
        distances.setdefault(word, []).append(layer.moved if layer.moved is not None else math.nan)
    total = sum(map(len, distances.values()))
    order = sorted(distances, key=lambda word: (word not in _FIRST, word))
    is_said = result.impact is Impact.NUMERIC and len({*order} - {"identical"}) == 1 and "broken" not in order
    if not total or is_said:
        return ()
    facts: list[Phrase] = []
    for word in order:
        span = (
            by_distance(distances[word]).removeprefix(" by ") if word in {"fine-tuned", "retrained", "changed"} else ""
        )
        amount = f"{len(distances[word]):,}" if len(order) > 1 else "all" if total > 1 else ""
        fact = f"{amount} {word}".lstrip()
        facts.append((Strong(fact) if word in _FIRST else fact, f" ({span})" if span else ""))
    return (f"Weights, {counted(total, 'layer')} compared: ", *joined(facts), ".")


_FIRST = frozenset({"broken", "identical"})
"""What is told first of weights, and strongly."""


def facts(result: DiffResult, partners: Partners, names: Sequence[str]) -> Iterator[tuple[str, Phrase]]:
    """Labelled lines: what callers notice, what notes say, what could not be compared."""
    ports = [change for change in result.changes if isinstance(change, InterfaceChanged)]
    if ports:
        yield "Callers", joined([(*message(change, partners), *_at(change)) for change in ports], "; ")
    for change in result.of(Kind.METADATA_CHANGED):
        if isinstance(change, MetadataChanged) and change.key == "optimizer_state":
            before, after = str(change.before), str(change.after)
            aside = after.removeprefix(before)
            state = f"{before} on both sides{aside}" if aside != after else f"{before} → {after}"
            yield "Optimizer", (f"state: {state}",)
    if told := loading.line(result):
        yield "Loading", told
    yield from _layouts(result)
    yield from asserted.lines(result, names)
    for phrase in lacking(result):
        yield "Not compared", phrase
    yield from asserted.hidden(result)


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


def lacking(result: DiffResult) -> list[Phrase]:
    """What only one file holds, or neither."""
    old, new = result.old, result.new
    is_known = all(model.metadata.get("config") for model in (old, new))  # of a subclassed model, not of its layers
    held = {
        "connections": (old.graph.has_edges, new.graph.has_edges),
        "config of layers" if is_known else "config": (old.has_config, new.has_config),
        "weights": (old.has_weights, new.has_weights),
    }
    found: list[Phrase] = []
    for what, (in_old, in_new) in held.items():
        if not (in_old and in_new):
            side = "the old" if in_new else "the new" if in_old else "either"
            found.append((f"{what} ({side} file has none)" if side != "either" else f"{what} (in neither file)",))
    return found


def by_distance(distances: Iterable[float | None]) -> str:
    """` by 0.4 to 2.8 %`; ` by 0.4 % and more` where some are too far for a share to tell, "" where all are."""
    measured = [distance for distance in distances if distance is not None and not math.isnan(distance)]
    known = sorted(filter(is_telling, measured))
    if not known:
        return ""
    return f" by {percent(known[0])} and more" if len(known) < len(measured) else f" by {span(known[0], known[-1])}"
