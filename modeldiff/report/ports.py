# That ports came, went or changed places is a fact about the model. A reviewer still wants to go to the layers behind
# them, so each such layer is told its part: else a report could say "Interface changed" and list no row for it.
"""What the layers behind the model's ports became: `told`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from modeldiff.changes import DiffResult, InterfaceChanged, Site
from modeldiff.graph import LayerPath
from modeldiff.report.view import Code, Phrase


def told(result: DiffResult) -> dict[Site, tuple[Phrase, ...]]:
    """A phrase for each layer that became, stopped being, or is another input or output of the model."""
    found: dict[Site, tuple[Phrase, ...]] = defaultdict(tuple)
    partners = {match.old: match.new for match in result.matching.matches}
    for change in result.changes:
        if isinstance(change, InterfaceChanged) and partners.get(change.site.old or ()) != change.site.new:
            before, after = ([port.layer for port in side] for side in (change.before, change.after))
            for site, phrase in _of(change.role, before, after, partners):
                found[site] = (*found[site], phrase)
    return found


def _of(
    role: str, before: Sequence[LayerPath], after: Sequence[LayerPath], partners: Mapping[LayerPath, LayerPath]
) -> Iterator[tuple[Site, Phrase]]:
    sources = {new: old for old, new in partners.items()}
    port = f"an {role} of the model"
    for new in dict.fromkeys(after):
        old = sources.get(new)
        was, now = _positions(before, old), _positions(after, new)
        if not was:
            instead: Phrase = (", was ", Code(before[0][-1])) if len(before) == len(after) == 1 and before[0] else ()
            yield Site(old, new), (f"now {port}", *instead)
        elif was != now:
            yield Site(old, new), (f"{role} {was} → {now} of the model",)
    for old in dict.fromkeys(before):
        if partners.get(old) not in after:
            yield Site(old, partners.get(old)), (f"no longer {port}",)


def _positions(ports: Sequence[LayerPath], layer: LayerPath | None) -> str:
    """Counted from 1, as Keras lists them: `2`, `1, 3`; "" for none."""
    return ", ".join(str(number) for number, path in enumerate(ports, 1) if path == layer)
