# The words about layers that changed together. A block goes by what the names of its layers have in common, as people
# call it; where Keras numbered the layers, by its first layer and its last.
"""Words of regions: `name`, `noun`, `told`, `views`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from modeldiff.changes import DiffResult, Site
from modeldiff.graph import LayerPath, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report.view import Code, Phrase, RegionView, Status
from modeldiff.report.words import counted, joined

SUM = "Add"
"""The class that makes a block a residual one: a gate (`Multiply`) and branches side by side (`Concatenate`) do not."""

_COPIES = 3
"""Of more copies than this, the first and the last are named."""
_CAUSES = 2
"""Of more causes than this, only the number is said."""


def noun(classes: Iterable[str]) -> str:
    """`residual block`, `block`, or the class of a lone layer."""
    listed = list(classes)
    if len(listed) == 1:
        return f"{listed[0]} layer" if listed[0] else "layer"
    return "residual block" if SUM in listed and len(listed) > 2 else "block"


def name(paths: Sequence[LayerPath]) -> Phrase:
    """`stage3_block2`; `conv2d_4` to `add_2` where the names have nothing in common."""
    texts = [format_path(path) for path in paths]
    if len(texts) == 1:
        return (Code(texts[0]),)
    end = _common(texts)
    inside_a_number = any(text[end : end + 1].isdigit() for text in texts)
    shared = texts[0][:end].rstrip("_-./0123456789" if inside_a_number else "_-./")
    counter = re.sub(r"_?\d+$", "", texts[0])
    if len(shared) > 1 and shared != counter:
        return (Code(shared),)
    return (Code(texts[0]), " to ", Code(texts[-1]))


def _common(texts: Sequence[str]) -> int:
    """The length of what all texts begin with."""
    first, last = min(texts), max(texts)
    return next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))


def told(region: Region, classes: Sequence[str]) -> Phrase:
    """One clause about a region; `classes` are those of its layers."""
    what, size = noun(classes), len(region.layers)
    if region.kind is RegionKind.SHAPES_FOLLOW:
        layers = joined((Code(format_path(path)),) for path in region.layers) if size <= _CAUSES else None
        words = ("the shape of ", " follows from ") if size == 1 else ("the shapes of ", " follow from ")
        return (words[0], *(layers or (counted(size, "layer"),)), words[1], *causes(region))
    layers = (f" ({counted(size, 'layer')})",) if size > 1 else ()
    if region.kind is RegionKind.BLOCK_MOVED:
        after: Phrase = (", now after ", Code(format_path(region.after))) if region.after else ()
        before: Phrase = (", was after ", Code(format_path(region.before))) if region.before else ()
        subject = (*name(region.layers),) if size == 1 else (f"{what} ", *name(region.layers))
        return (*subject, *layers, " moved", *after, *before)
    verb = "removed" if region.kind is RegionKind.BLOCK_REMOVED else "added"
    if region.bypass:
        return (*skip(region), f" {verb} (", *name(region.layers), ")")
    if region.copies > 1:
        return (f"{counted(region.copies, what)} ", *_each(region), *layers, f" {verb}", *likeness(region))
    return (f"{what} ", *name(region.layers), *layers, f" {verb}", *likeness(region))


def _each(region: Region) -> Phrase:
    """`b4 and b5`, one name for each copy; what all have in common is also that of blocks which were there before."""
    period = len(region.layers) // region.copies
    names = [name(region.layers[start : start + period]) for start in range(0, len(region.layers), period)]
    if len(names) > _COPIES or any(len(one) > 1 for one in names):
        return (*names[0][:1], " to ", *names[-1][-1:])
    return (*joined(names[:-1]), " and ", *names[-1])


def skip(region: Region) -> Phrase:
    """`skip connection from stem`."""
    return ("skip connection from ", Code(format_path(region.bypass)))


def likeness(region: Region) -> Phrase:
    """`, built like b2`; with its weights it is a copy."""
    if not region.like:
        return ()
    words = ", a copy of " if region.same_weights else ", built like "
    return (words, *name(region.like), " with its weights" if region.same_weights else "")


def causes(region: Region) -> Phrase:
    """What the shapes follow from."""
    if len(region.cause) > _CAUSES:
        return (counted(len(region.cause), "layer"),)
    return joined((Code(format_path(path)),) for path in region.cause)


# --- at the layers themselves ---------------------------------------------------------------------------------

_STATUSES = {
    RegionKind.BLOCK_ADDED: Status.ADDED,
    RegionKind.BLOCK_REMOVED: Status.REMOVED,
    RegionKind.BLOCK_MOVED: Status.MOVED,
    RegionKind.SHAPES_FOLLOW: Status.CHANGED,
}


def views(result: DiffResult) -> Iterator[RegionView]:
    """Every region in the words that stand at its layers."""
    partners = {match.old: match.new for match in result.matching.matches}
    were = {new: old for old, new in partners.items()}
    classes = [{path: layer.class_name for path, layer in side.walk()} for side in (result.old, result.new)]
    for region in result.regions:
        is_old = region.kind is RegionKind.BLOCK_REMOVED
        what = noun(classes[not is_old][path] for path in region.layers)
        yield RegionView(
            status=_STATUSES[region.kind],
            label=_label(region, what),
            name=_sized(tuple(were.get(path, path) for path in region.layers)),
            told=_belongs(region, what),
            caused=("rewired because ", *_sized(region.layers), " moved") if region.rewired else (),
            rows=tuple(_site(path, is_old=is_old).address for path in region.layers),
            rewired=tuple(_site(path, is_old=False).address for path in region.rewired if path not in region.layers),
            links=dict(_links(region, partners, is_old=is_old)),
        )


def _site(path: LayerPath, *, is_old: bool) -> Site:
    return Site(path, None) if is_old else Site(None, path)


def _links(region: Region, partners: Mapping[LayerPath, LayerPath], *, is_old: bool) -> Iterator[tuple[str, str]]:
    for path in (*region.layers, *region.like, *region.cause, region.bypass, region.after):
        if path:
            site = _site(partners.get(path, path), is_old=path not in partners) if is_old else _site(path, is_old=False)
            yield format_path(path), site.address
    if region.before:
        new = partners.get(region.before)
        yield format_path(region.before), _site(new or region.before, is_old=new is None).address


def _sized(paths: Sequence[LayerPath]) -> Phrase:
    """`b2 (7 layers)`."""
    return (*name(paths), f" ({counted(len(paths), 'layer')})") if len(paths) > 1 else name(paths)


def _label(region: Region, what: str) -> Phrase:
    size = counted(len(region.layers), "layer")
    if region.kind is RegionKind.BLOCK_MOVED:
        return ("moved", *((", was after ", Code(format_path(region.before))) if region.before else ()))
    blocks = f"{counted(region.copies, what)}, {size}" if region.copies > 1 else f"{what} of {size}"
    like = (", a copy of " if region.same_weights else ", built like ", *name(region.like)) if region.like else ()
    return (blocks, *like)


def _belongs(region: Region, what: str) -> Phrase:
    """What is said at each layer of a region; the layers that are named can be links."""
    if region.kind is RegionKind.SHAPES_FOLLOW:
        return ()  # a line of the layer's own says it
    if region.kind is RegionKind.BLOCK_MOVED:
        after: Phrase = ("now after ", Code(format_path(region.after))) if region.after else ()
        before: Phrase = ("was after ", Code(format_path(region.before))) if region.before else ()
        places = (*after, *((", ",) if after and before else ()), *before)
        block = ("moved",) if len(region.layers) == 1 else (f"part of the {what} moved: ", *_ends(region.layers))
        return (*block, *((": " if len(region.layers) == 1 else "; ", *places) if places else ()))
    verb = "removed" if region.kind is RegionKind.BLOCK_REMOVED else "added"
    if region.bypass:
        return (*skip(region), f" {verb}")
    if len(region.layers) == 1:
        return ()
    blocks = counted(region.copies, what) if region.copies > 1 else f"the {what}"
    words = ", a copy of " if region.same_weights else ", built like "
    like = (words, *_ends(region.like)) if region.like else ()
    return (f"part of {blocks} {verb}: ", *_ends(region.layers), *like)


def _ends(paths: Sequence[LayerPath]) -> Phrase:
    """`b7_conv1 to b7_out (7 layers)`."""
    size = f" ({counted(len(paths), 'layer')})"
    return (Code(format_path(paths[0])), " to ", Code(format_path(paths[-1])), size)
