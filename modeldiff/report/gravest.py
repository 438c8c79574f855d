# The facts a headline is made of: one phrase for the gravest change of an interface or an architecture, told in the
# order new value, old value, as a reviewer asks.
"""The gravest fact of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

from modeldiff.changes import (
    ABSENT,
    ASSETS,
    Change,
    ConfigChanged,
    DiffResult,
    Impact,
    InterfaceChanged,
    Kind,
    LayerRetyped,
    MetadataChanged,
    Nature,
    Port,
    WeightAdded,
    WeightChanged,
    WeightRemoved,
    WeightReshaped,
    is_incidental,
)
from modeldiff.graph import LayerPath, format_path
from modeldiff.regions import RegionKind
from modeldiff.report.groups import Block, dissolved, extracted, shells
from modeldiff.report.together import likeness, skip, told
from modeldiff.report.view import Code, Phrase, Status
from modeldiff.report.words import (
    Partners,
    counted,
    dimensions,
    interface,
    joined,
    message,
    port_name,
    value,
    without_batch,
)


def interface_fact(change: InterfaceChanged, partners: Partners) -> Phrase:
    """`output predictions has 12 values, was 10`."""
    if len(change.before) == len(change.after) == 1 and change.before[0].key == change.after[0].key:
        before, after = change.before[0], change.after[0]
        name = Code(after.layer[-1] if after.layer else change.role)
        known = before.layer in partners or after.layer in partners.values()  # a Sequential's input is no layer
        if known and partners.get(before.layer) != after.layer:
            was = Code(before.layer[-1])
            return (f"{change.role} is ", name, f" {_size(after)}, was ", was, f" {_size(before)}")
        if before.shape != after.shape and before.shape is not None and after.shape is not None:
            return (f"{change.role} ", name, *_shape_fact(before, after))
    elif len(change.before) != len(change.after):
        names = joined(map(port_name, change.after))
        return (f"{counted(len(change.after), change.role)} (", *names, f"), was {len(change.before)}")
    return interface(change)


def _size(port: Port) -> str:
    return f"({without_batch(port.shape)})" if port.shape is not None else "(shape unknown)"


def _shape_fact(before: Port, after: Port) -> Phrase:
    was, now = without_batch(before.shape or ()), without_batch(after.shape or ())
    if len(before.shape or ()) == len(after.shape or ()) == 2 and was.isdigit() and now.isdigit():
        return (f" has {now} values, was {was}",)
    return (f" is {now}, was {was}",)


def class_renamed(result: DiffResult, changes: Sequence[LayerRetyped]) -> Phrase:
    """A class under another name: nothing in the file tells whether its code is still the same."""
    before, after = changes[0].before, changes[0].after
    alike = all((change.before, change.after) == (before, after) for change in changes)
    classes: Phrase = (" from ", Code(before), " to ", Code(after)) if alike else ()
    sites = {change.site for change in changes}
    settings = [one for one in result.changes if isinstance(one, ConfigChanged) and one.site in sites]
    moved = any(isinstance(one, WeightChanged) and one.site in sites for one in result.changes)
    identical = " and ".join(["config"] * (not settings) + ["weights"] * (result.options.weights and not moved))
    facts = [f"{counted(len(changes), 'layer')} went", *classes]
    facts += [f", {identical} identical"] if identical else []
    return ("Class renamed: ", *facts, *([f", {for_training(settings)}"] if settings else []))


def for_training(settings: Sequence[ConfigChanged]) -> str:
    """`3 layers with other settings for training`: changes that no computation of the model sees."""
    frozen = {change.key for change in settings} == {"trainable"}
    layers = counted(len({change.site for change in settings}), "layer")
    if not frozen:
        return f"{layers} with other settings for training"
    ways = {change.after is False for change in settings}
    return f"{layers} {'frozen or unfrozen' if len(ways) > 1 else 'now frozen' if True in ways else 'no longer frozen'}"


def architecture_fact(result: DiffResult, found: Sequence[Block], partners: Partners) -> tuple[Phrase, int]:
    """The gravest fact about layers and connections, and how many layers whose computation changed it tells.

    A sub-model, a block, a layer, in this order.
    """
    if around := extracted(result):
        members = {path for paths in around.values() for path in paths}
        moved = {change.site.new for change in result.changes if isinstance(change, WeightChanged)}
        same = "" if members & moved else ", every weight identical"
        names, verb, them = _shells(around)
        words = f" {verb} now {them[0]}, {counted(len(members), 'layer')} moved into {them[1]}{same}"
        return (*names, words), len(shells(result, Status.ADDED))
    if around := dissolved(result):
        names, verb, them = _shells(around)
        amount = counted(sum(map(len, around.values())), "layer")
        words = f" {verb} no {them[0].removeprefix('a ')} any more, {amount} moved out of {them[1]}"
        return (*names, words), len(shells(result, Status.REMOVED))
    if found:
        largest = max(found, key=lambda one: len(one.rows))
        alike = [one for one in found if (one.noun, one.status) == (largest.noun, largest.status)]
        return _blocks(largest, alike), sum(len(one.rows) for one in alike)
    for region in result.regions:
        if region.kind is RegionKind.BLOCK_MOVED:
            classes = {path: layer.class_name for path, layer in result.new.walk()}
            return told(region, [classes[path] for path in region.layers]), len(region.rewired)
    changes = [one for one in result.changes if one.impact is Impact.FUNCTIONAL and not is_incidental(one)]
    settings = [one for one in changes if isinstance(one, ConfigChanged)]
    kinds = [kind for kind in _ORDER if any(change.kind is kind for change in changes)]
    first = next(change for change in changes if not kinds or change.kind is kinds[0])
    if isinstance(first, LayerRetyped):
        was = first.before, first.after
        went = [one for one in changes if isinstance(one, LayerRetyped) and (one.before, one.after) == was]
        if len(went) > 1:
            return (f"{len(went):,} layers went from ", Code(first.before), " to ", Code(first.after)), len(went)
    if isinstance(first, ConfigChanged):
        first = min(settings, key=_rank(changes))
        same_key = [one for one in settings if one.key == first.key]
        if len(same_key) > 1:
            return _throughout(first, same_key), len({one.site for one in same_key})
    return _single(first, partners), 1


def _shells(paths: Collection[LayerPath]) -> tuple[Phrase, str, tuple[str, str]]:
    """`a`, is, a sub-model, it · `a`, `b` and 2 more, are, sub-models, them."""
    first = [(Code(format_path(path)),) for path in islice(paths, _NAMED)]
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    several = len(paths) > 1
    return (
        (*joined(first, ", " if more else " and "), *([more] if more else [])),
        "are" if several else "is",
        ("sub-models", "them") if several else ("a sub-model", "it"),
    )


_NAMED = 2
"""Sub-models that a headline names at most."""


def _throughout(first: ConfigChanged, alike: Sequence[ConfigChanged]) -> Phrase:
    """`filters changed in 9 layers, 8 → 16 in stem`."""
    layers = counted(len({one.site for one in alike}), "layer")
    same = all((one.before, one.after) == (first.before, first.after) for one in alike)
    values = (*value(first.before), " → ", *value(first.after))
    if _is_code(first):
        return (f"the code of {layers} changed",)
    if same:
        return (Code(first.key), f" changed in {layers} (", *values, ")")
    return (Code(first.key), f" changed in {layers} (", *values, " in ", *place(first.site.new), ")")


def _rank(changes: Iterable[Change]) -> Callable[[ConfigChanged], int]:
    """What comes first of settings: what changed weights, then code; last what only training sees."""
    reshaped = {change.site for change in changes if isinstance(change, (WeightReshaped, WeightAdded, WeightRemoved))}

    def rank(change: ConfigChanged) -> int:
        if change.site in reshaped:
            return 0
        return 1 if _is_code(change) else 3 if change.key in _WHILE_TRAINING else 2

    return rank


_WHILE_TRAINING = frozenset({"rate", "dropout", "recurrent_dropout", "stddev", "momentum", "noise_shape"})
"""Settings that do nothing when the model is used."""


_ORDER = (Kind.LAYER_RETYPED, Kind.INPUTS_REWIRED, Kind.CONFIG_CHANGED)
"""What is told first where no layer came or went."""


def _blocks(block: Block, alike: Sequence[Block]) -> Phrase:
    total = sum(len(one.rows) for one in alike)
    size = f" ({counted(total, 'layer')})" if total > len(alike) else ""
    if len(alike) > 1:
        return (f"{counted(sum(one.count for one in alike), block.noun)} {block.status.value}{size}",)
    where: Phrase = (" after ", Code(block.after)) if block.after else ()
    if len(block.rows) == 1:
        row = block.rows[0]
        if block.region is not None and block.region.bypass:
            named = f", {row.class_name}" if row.class_name else ""
            return (*skip(block.region), f" {block.status.value} (", Code(row.name), f"{named})")
        named = f" ({row.class_name})" if row.class_name else ""
        return (Code(row.name), f"{named} {block.status.value}", *where)
    like = likeness(block.region) if block.region is not None else ()
    return (f"{counted(block.count, block.noun)} {block.status.value}", *where, size, *like)


def _single(change: Change, partners: Partners) -> Phrase:
    layer = place(change.site.new or change.site.old)
    if isinstance(change, ConfigChanged) and _is_code(change):
        return ("the code of ", *layer, " changed")
    if isinstance(change, ConfigChanged):
        return (Code(change.key), " of ", *layer, " is ", *value(change.after), ", was ", *value(change.before))
    if isinstance(change, (WeightAdded, WeightRemoved)):
        verb = " added to " if isinstance(change, WeightAdded) else " removed from "
        return ("weight ", Code(change.weight), f" ({dimensions(change.shape)})", verb, *layer)
    if isinstance(change, WeightReshaped):
        return ("weight ", Code(change.weight), " of ", *layer, " is ", *_resize(change))
    if isinstance(change, MetadataChanged) and change.key.startswith(ASSETS):
        return message(change, partners)
    if isinstance(change, MetadataChanged):
        was, now = value(change.before), value(change.after)
        return (Code(change.key.removeprefix("config.")), " of the model is ", *now, ", was ", *was)
    return (*layer, ": ", *message(change, partners))


def _is_code(change: ConfigChanged) -> bool:
    """Whether a function in a config has other bytecode: a digest tells a reader nothing."""
    return change.key.rpartition(".")[2] == "bytecode" and ABSENT not in (change.before, change.after)


def _resize(change: WeightReshaped) -> Phrase:
    overlap = ", the overlap is equal" if change.nature is Nature.RESIZED else ""
    return (f"{dimensions(change.after[0])}, was {dimensions(change.before[0])}{overlap}",)


def place(path: LayerPath | None) -> Phrase:
    """A layer by its path, or the model."""
    return (Code(format_path(path)),) if path else ("the model",)
