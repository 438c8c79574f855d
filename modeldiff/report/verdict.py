# The headline. One sentence: a category, a colon, the gravest fact with its layer, the old value last. No adjective
# and no guess: a file knows values, not intentions. Category and fact come from the gravest impact alone.
"""The verdict of a comparison, and of one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from modeldiff.changes import (
    ConfigChanged,
    DiffResult,
    Impact,
    InterfaceChanged,
    LayerRenamed,
    LayerRetyped,
    MetadataChanged,
    Nature,
    Outcome,
    WeightChanged,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import Model, format_path
from modeldiff.report import natures
from modeldiff.report.gravest import architecture_fact, class_renamed, interface_fact, place
from modeldiff.report.groups import Block
from modeldiff.report.lead import by_distance, lacking
from modeldiff.report.view import Code, LayerView, Phrase, Status, Strong
from modeldiff.report.words import (
    Partners,
    counted,
    joined,
    message,
    without_batch,
)


def verdict(result: DiffResult, layers: Sequence[LayerView], found: Sequence[Block], partners: Partners) -> Phrase:
    """One sentence about the whole comparison."""
    impact = result.impact
    if impact is None:
        return _nothing(result)
    if impact is Impact.INTERFACE:
        ports = [change for change in result.changes if isinstance(change, InterfaceChanged)]
        more = len(ports) - _PORTS
        others = f"; {counted(more, 'more input or output', 'more inputs or outputs')} changed" if more > 0 else ""
        return ("Interface changed: ", *joined([interface_fact(one, partners) for one in ports[:_PORTS]], "; "), others)
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
            return class_renamed(result, renamed)
        fact, layers_told = architecture_fact(result, found, partners)
        following = sum(layer.follows for layer in layers)
        more = sum(layer.impact is Impact.FUNCTIONAL and not layer.follows for layer in layers) - layers_told
        others = f", {counted(more, 'more layer')} changed" if more > 0 else ""
        verb = "the shape of 1 layer follows" if following == 1 else f"the shapes of {following:,} layers follow"
        shapes = f", {verb}" if following else ""
        return ("Architecture changed: ", *fact, others, shapes)
    if impact is Impact.NUMERIC:
        return _numeric(result, layers)
    return _cosmetic(result, layers)


_PORTS = 2
"""Inputs and outputs that a headline names at most."""


def _nothing(result: DiffResult) -> Phrase:
    if not result.options.weights:
        return ("Same architecture: no difference in layers, connections and config, weights not compared",)
    if result.ignored:
        return ("No difference beside what is ignored",)
    missing = lacking(result)
    if missing:
        return ("No difference in what both files hold; not compared: ", *joined(missing))
    return ("Same model: no difference in layers, connections, config and weights",)


def _numeric(result: DiffResult, layers: Sequence[LayerView]) -> Phrase:
    weights = list(_weight_facts(result, layers))
    training = sum(1 for change in result.changes if isinstance(change, ConfigChanged))
    if not weights or not any(isinstance(change, (WeightChanged, WeightReshaped)) for change in result.changes):
        first = next(change for change in result.changes if change.impact is Impact.NUMERIC)
        more = f" (and {training - 1} more)" if training > 1 else ""
        return ("Training settings changed: ", *place(first.site.new), " ", *message(first, {}), more)
    return ("Weights only: ", *joined(weights))


def _weight_facts(result: DiffResult, layers: Sequence[LayerView]) -> Iterator[Phrase]:
    """`41 of 52 layers fine-tuned by 0.4 to 2.8 %`, `11 frozen and identical`."""
    changed = natures.moved(result)
    if statistics := natures.statistics_alone(result, changed):
        yield _statistics(statistics, natures.statistics_reset(changed), layers)
        yield ("every other weight identical",)
        return
    named = natures.of_layers(changed)
    weighted = [layer for layer in layers if layer.moved is not None or layer.new in named]
    moved = [layer for layer in weighted if layer.new in named]
    alike = natures.same_function(result)
    if moved and all(layer.new in alike for layer in moved):
        yield (f"same function, units reordered in {_share(len(moved), len(weighted))}",)
    elif moved:
        reset = natures.statistics_reset(changed)
        words = {path: _RESET if path in reset else _word(nature) for path, nature in named.items()}
        yield (f"{_share(len(moved), len(weighted))} {_how(moved, words, natures.too_small(changed))}",)
    same = [layer for layer in weighted if layer.new not in named]
    if same and moved:
        frozen = all(not layer.trainable for layer in same)
        yield (f"{len(same):,} {'frozen and ' if frozen else ''}identical",)


def _statistics(found: Sequence[str], reset: Collection[str], layers: Sequence[LayerView]) -> Phrase:
    """`statistics of 3 normalisation layers reset to the initial values`, `... moved by 0.4 to 12 %`."""
    whose = f"statistics of {counted(len(found), 'normalisation layer')}"
    back = sum(path in reset for path in found)
    if back == len(found):
        return (f"{whose} reset to the initial values",)
    if back:
        return (f"{whose} changed, in {back:,} of them reset to the initial values",)
    return (f"{whose} moved{by_distance(layer.moved for layer in layers if layer.new in found)}",)


_RESET = "with statistics reset"


def _how(moved: Sequence[LayerView], words: Mapping[str, str], small: Collection[str]) -> str:
    """`fine-tuned by 0.4 to 2.8 %`; where some are not named, what can be said of the others."""
    by_word: dict[str, list[LayerView]] = {}
    for layer in moved:
        by_word.setdefault(words[layer.new or ""], []).append(layer)
    unnamed = by_word.pop("", [])
    told = [f"{word}{_far(word, alike)}" for word, alike in by_word.items()]
    if not told:
        return f"changed{by_distance(layer.moved for layer in unnamed)}"
    if not unnamed and len(told) == 1:
        return told[0]
    if len(told) > _NATURES:
        return "changed"
    counts = [f"{len(alike):,} {words}" for alike, words in zip(by_word.values(), told, strict=True)]
    tiny = sum((layer.new or "") in small for layer in unnamed)
    others = [f"{len(unnamed) - tiny:,} in another way"] if len(unnamed) > tiny else []
    others += [f"{tiny:,} too small to judge"] if tiny else []
    return f"changed, {', '.join([*counts, *others])}"


_NATURES = 3
"""Natures that a headline names at most."""


def _word(nature: Nature) -> str:
    return {Nature.LOW_RANK: "changed by a matrix of low rank", Nature.UNKNOWN: ""}.get(nature, nature.value)


def _far(word: str, layers: Sequence[LayerView]) -> str:
    by_degree = word in {Nature.FINE_TUNED.value, Nature.RETRAINED.value}
    return by_distance(layer.moved for layer in layers) if by_degree else ""


def _share(part: int, whole: int) -> str:
    if part == whole:
        return "all " + counted(whole, "layer") if whole > 1 else "1 layer"
    return f"{part:,} of {counted(whole, 'layer')}"


def _cosmetic(result: DiffResult, layers: Sequence[LayerView]) -> Phrase:
    compared = [pair for pair in result.weight_pairs if pair.outcome is not Outcome.NOT_COMPARED]
    outcomes = {pair.outcome for pair in result.weight_pairs}
    same = "within the tolerance" if Outcome.WITHIN_TOLERANCE in outcomes else "identical"
    weights = f", every weight {same}" if compared and len(compared) == len(result.weight_pairs) else ""
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


def single(model: Model) -> Phrase:
    """One sentence about one model."""
    layers = [layer for _, layer in model.walk()]
    kind = str(model.metadata.get("class_name") or "").strip()
    known = {"Model": "functional model", "Functional": "functional model", "Sequential": "sequential model"}
    what = known.get(kind, f"{kind} model") if kind else "model" if model.has_config else "weights without a config"
    name: Phrase = (Code(model.name), ": ") if model.name else ()
    what = what if name else what[:1].upper() + what[1:]
    return (*name, f"{what}, {counted(len(layers), 'layer')}, {counted(model.parameters, 'parameter')}")


def single_lead(model: Model) -> Phrase:
    """What goes in and what comes out."""
    shapes = {layer.name: layer for layer in model.graph.layers}

    def port(name: str, output: int) -> Phrase:
        layer = shapes.get(name)
        known = layer.output_shapes if layer is not None else None
        shape = without_batch(known[output]) if known is not None and output < len(known) else ""
        return (Code(name), " ", Strong(shape) if shape != "?" else shape) if shape else (Code(name),)

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
