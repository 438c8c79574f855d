# Names that Keras numbers by itself say nothing about a layer, yet loading by name goes by them, and a store by the
# numbers alone. Told once, and only where the forecast shows that it matters: else every small model would be warned.
"""The fact about automatic names: `detect`."""

from __future__ import annotations

from collections.abc import Iterator

from modeldiff.differ.names import has_automatic_name
from modeldiff.forecast import Forecast, Loading, Method
from modeldiff.graph import Fact, LayerPath, Model, Note


def detect(forecast: Forecast, new: Model) -> Iterator[Note]:
    """One note at most, about the new model."""
    numbered = {layer.name for layer in new.graph.layers if has_automatic_name(layer)}
    held = {path for path, layer in new.walk() if layer.weights and path[0] in numbered}
    lost: dict[Loading, set[LayerPath]] = {Loading.LOADS_ANOTHER: set(), Loading.SKIPPED: set()}
    by_name = False
    for way in forecast.ways:
        if way.method in {Method.ORDER, Method.ORDER_SKIP}:
            continue
        by_name = way.method in {Method.NAME, Method.NAME_SKIP}
        for layer in way.layers:
            if layer.layer in held and layer.loading in lost and (by_name or layer.loading is Loading.LOADS_ANOTHER):
                lost[layer.loading].add(layer.layer)
    another = len(lost[Loading.LOADS_ANOTHER])
    if not another:
        return
    skipped = len(lost[Loading.SKIPPED] - lost[Loading.LOADS_ANOTHER])
    how = "loading by name" if by_name else "loading from a store, by class and place,"
    told = f"gives {another:,} of them another layer's weights" + (f" and skips {skipped:,}" if skipped else "")
    amount = f"{len(held):,} layer{'s' if len(held) != 1 else ''}"
    text = (
        f"{amount} with weights {'carry names' if len(held) != 1 else 'carries a name'} that Keras numbered by itself"
    )
    yield Note("", f"{text}: {how} {told}", Fact.AUTOMATIC_NAMES)
