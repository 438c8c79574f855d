# That ports came, went or changed places is a fact about the model. A reviewer still wants to go to the layers behind
# them, so each such layer is told its part: else a report could say "Interface changed" and list no row for it.
"""What the layers behind the model's ports became: `told`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from modeldiff.changes import DiffResult, InterfaceChanged, Port, Site
from modeldiff.graph import LayerPath
from modeldiff.report.view import Code, Phrase
from modeldiff.report.words import joined


def told(result: DiffResult) -> dict[Site, tuple[Phrase, ...]]:
    """A phrase for each layer that became, stopped being, or is another input or output of the model."""
    found: dict[Site, tuple[Phrase, ...]] = defaultdict(tuple)
    partners = {match.old: match.new for match in result.matching.matches}
    for change in result.changes:
        if isinstance(change, InterfaceChanged) and partners.get(change.site.old or ()) != change.site.new:
            for site, phrase in _of(change.role, change.before, change.after, partners):
                found[site] = (*found[site], phrase)
    return found


def _of(
    role: str, before: Sequence[Port], after: Sequence[Port], partners: Mapping[LayerPath, LayerPath]
) -> Iterator[tuple[Site, Phrase]]:
    sources = {new: old for old, new in partners.items()}
    port = f"an {role} of the model"
    for new in dict.fromkeys(port.layer for port in after):
        old = sources.get(new)
        was, now = _places(before, old), _places(after, new)
        if not was:
            instead: Phrase = (
                (", was ", Code(before[0].layer[-1])) if len(before) == len(after) == 1 and before[0].layer else ()
            )
            yield Site(old, new), (f"now {port}", *instead)
        elif was != now:
            yield Site(old, new), (f"{role} ", *was, " → ", *now, " of the model")
    ends = {port.layer for port in after}
    for old in dict.fromkeys(port.layer for port in before):
        if partners.get(old) not in ends:
            yield Site(old, partners.get(old)), (f"no longer {port}",)


def _places(ports: Sequence[Port], layer: LayerPath | None) -> Phrase:
    """The keys, or counted from 1 as Keras lists them: `2`, `1, 3`; () for none."""
    return joined((Code(port.key) if port.key else str(at),) for at, port in enumerate(ports, 1) if port.layer == layer)
