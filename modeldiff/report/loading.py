# The words of the load forecast: one sentence a way of loading, and a row per layer that does not simply load. A pair
# whose layers are the same in name, place and shape says nothing: that weights load then is what everybody expects.
"""The load forecast in words: `view`, `line`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modeldiff.changes import DiffResult, Kind
from modeldiff.forecast import Cause, Failure, Forecast, LayerForecast, Loading, Method, Obstacle, Way
from modeldiff.graph import format_path
from modeldiff.report.view import Code, LoadingRow, LoadingView, LoadingWay, Phrase, Strong
from modeldiff.report.words import counted, joined

_SKIP = Code("skip_mismatch")
_TITLES: dict[Method, Phrase] = {
    Method.ORDER: ("in order",),
    Method.ORDER_SKIP: ("in order with ", _SKIP),
    Method.NAME: ("by name",),
    Method.NAME_SKIP: ("by name with ", _SKIP),
    Method.PATHS: ("by class and place",),
    Method.PATHS_SKIP: ("by class and place with ", _SKIP),
}
_SKIPPING = {Method.ORDER: Method.ORDER_SKIP, Method.NAME: Method.NAME_SKIP, Method.PATHS: Method.PATHS_SKIP}
_OBSTACLES = {
    Obstacle.OLD_WITHOUT_WEIGHTS: "the old file holds no weights",
    Obstacle.NEW_WITHOUT_WEIGHTS: "the new file holds no weights, so the shapes of its layers are not known",
    Obstacle.NEW_WITHOUT_CONFIG: "the new file does not tell the layers of its model",
    Obstacle.NEW_KERAS_1: "the new file is of Keras 1, whose layouts no later Keras builds",
    Obstacle.NEW_LAYOUT: "the files have two formats, and the new one does not tell its layout in the other",
}
_TELLING = (Kind.LAYER_ADDED, Kind.LAYER_REMOVED, Kind.LAYER_RENAMED, Kind.LAYER_MOVED, Kind.LAYER_RETYPED)
"""Changes after which one asks whether old weights still load."""
ROWS = 30
"""Rows per way in a page."""


def line(result: DiffResult) -> Phrase:
    """What the verdict says of it; () where nothing is worth saying."""
    forecast = result.forecast
    if forecast is None or not forecast.ways:
        return ()
    if all(way.is_plain for way in forecast.ways):
        return ("old weights load into every layer of the new model",) if _is_asked(result) else ()
    found = _merged(_shown(forecast))
    if len(found) == 1:
        return ("old weights into the new model: ", *found[0][1])
    return ("old weights into the new model, ", *joined([(*title, ": ", *words) for title, words in found], "; "))


def _is_asked(result: DiffResult) -> bool:
    """Whether something happened to the name, place or class of a layer with weights."""
    held = [{path for path, layer in side.walk() if layer.weights or layer.body} for side in (result.old, result.new)]
    sites = (change.site for kind in _TELLING for change in result.of(kind))
    return any(site.old in held[0] or site.new in held[1] for site in sites)


def _shown(forecast: Forecast) -> Iterator[Way]:
    """Each way, and the one that skips mismatches where it raises."""
    ways = {way.method: way for way in forecast.ways}
    for method, skipping in _SKIPPING.items():
        if method in ways:
            yield ways[method]
            if ways[method].failure and skipping in ways and not ways[skipping].failure:
                yield ways[skipping]


def _merged(ways: Iterator[Way]) -> list[tuple[Phrase, Phrase]]:
    """Ways of one outcome together."""
    found: dict[Phrase, list[Method]] = {}
    for way in ways:
        found.setdefault(sentence(way), []).append(way.method)
    return [(_title(same), words) for words, same in found.items()]


def _title(same: Sequence[Method]) -> Phrase:
    if len(same) > 1 and set(same) <= set(_SKIPPING.values()):
        return ("with ", _SKIP)
    bare = [method for method in same if method in _SKIPPING]
    if bare and set(same) == {*bare, *(_SKIPPING[method] for method in bare)}:
        return (*_title(bare), ", with or without ", _SKIP)
    return joined([_TITLES[method] for method in same], " and ")


def sentence(way: Way) -> Phrase:
    """`12 layers load, 2 skipped silently, 1 gets another layer's weights`."""
    counts = way.counts
    loads, another = counts.get(Loading.LOADS, 0), counts.get(Loading.LOADS_ANOTHER, 0)
    parts: list[Phrase] = [failure(way.failure, counts.get(Loading.SHAPE_ERROR, 0))] if way.failure else []
    if not loads + another:
        parts.append(("nothing loads",))
    elif way.is_plain:
        parts.append(("every layer loads",) if len(way.layers) != 1 else ("its one layer loads",))
    else:
        parts.append((f"{counted(loads, 'layer')} {'loads' if loads == 1 else 'load'}",))
    if another:
        verb, example = ("gets" if another == 1 else "get"), _example(way)
        parts.append((Strong(f"{another:,} {verb} another layer's weights"), *example))
    if skipped := counts.get(Loading.SKIPPED, 0):
        parts.append((f"{skipped:,} skipped silently",))
    return joined(parts)


def failure(of: Failure, offenders: int = 0) -> Phrase:
    """What Keras raises for, and where."""
    more = f" and {counted(offenders - 1, 'more layer')}" if offenders > 1 else ""
    where: Phrase = (" at ", Code(format_path(of.layer)), more) if of.layer else ()
    if of.cause is Cause.LAYER_COUNT:
        return (_RAISES, f" ({counted(of.expected, 'layer')} with weights, the file has {of.found:,})")
    if of.cause is Cause.WEIGHT_COUNT:
        return (_RAISES, *where, f" ({counted(of.expected, 'weight')}, the file has {of.found:,})")
    if of.cause is Cause.MODEL_WEIGHTS:
        return (_RAISES, f" (the model itself has {counted(of.expected, 'weight')}, the file {of.found:,})")
    why = "other shapes" if of.cause is Cause.SHAPE else "the file's weights cannot be converted"
    return (_RAISES, *where, f" ({why})")


_RAISES = Strong("raises")


def _example(way: Way) -> Phrase:
    first = next((layer for layer in way.layers if layer.loading is Loading.LOADS_ANOTHER), None)
    if first is None or first.another is None:
        return ()
    verb = " gets " if way.counts[Loading.LOADS_ANOTHER] == 1 else " gets those of "
    layer, source = (Code(format_path(path)) for path in (first.layer, first.another.layer))
    if layer == source:  # a name that stands for two layers
        return (" (", layer, " of the new model", verb, source, " of the old one, another layer)")
    return (" (", layer, verb, source or Code(first.another.weight), ")")


def obstacle(of: Forecast) -> str:
    """Why there is no forecast; "" where there is one."""
    return _OBSTACLES[of.obstacle] if of.obstacle else ""


def view(forecast: Forecast | None) -> LoadingView | None:
    """The forecast as a page shows it; None where there is none or where nothing needs saying."""
    if forecast is None or not forecast.ways:
        return None
    alike: dict[tuple[Phrase, tuple[LoadingRow, ...]], list[Method]] = {}
    for way in forecast.ways:
        is_reached = len(way.counts) > 1
        found = (row for layer in way.layers if (row := _row(layer, is_reached=is_reached)) is not None)
        alike.setdefault((sentence(way), tuple(found)), []).append(way.method)
    ways = []
    for (told, rows), same in alike.items():
        first, *rest = _title(same)
        title = (first[0].upper() + first[1:], *rest)
        ways.append(LoadingWay(title, told, rows[:ROWS], max(len(rows) - ROWS, 0)))
    return LoadingView(f"Keras {forecast.keras}", all(way.is_plain for way in forecast.ways), tuple(ways))


def _row(layer: LayerForecast, *, is_reached: bool) -> LoadingRow | None:
    """One layer; None where it simply loads, or where the way reaches no layer at all (`is_reached`)."""
    if layer.loading is Loading.LOADS or (layer.loading is Loading.NOT_REACHED and not is_reached):
        return None
    lost = [weight.name for weight in layer.weights if weight.origin is None]
    return LoadingRow((Code(format_path(layer.layer)),), layer.loading.value.replace("-", " "), _told(layer, lost))


def _told(layer: LayerForecast, lost: Sequence[str]) -> Phrase:
    """What it holds afterwards."""
    kept: Phrase = ("all keep initial values",)
    if 0 < len(lost) < len(layer.weights):
        kept = (*joined([(Code(name),) for name in lost]), " keeps" if len(lost) == 1 else " keep", " initial values")
    if layer.another is None:
        return kept if lost else ("has no weights; the file holds some for it",)
    source = layer.another
    told: Phrase = ("gets ", Code(source.weight), " of ", Code(format_path(source.layer) or "the model"))
    return (*told, "; ", *kept) if lost else told
