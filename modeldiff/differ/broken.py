# Values that are no numbers where there is nothing to compare them with: weights of new layers, new weights, weights
# of another shape. Those with a partner of the same shape are told while they are compared (`facts`).
"""NaN and infinities in weights without a partner: `detect`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modeldiff.changes import Moments, Site, Values
from modeldiff.graph import Fact, Note, format_path


def detect(values: Mapping[tuple[Site, str], Values]) -> Iterator[Note]:
    """One note per weight of the new side that has more such values than the old one."""
    for (site, name), found in values.items():
        count = _count(found.new)
        if count > _count(found.old):
            text = f"{name} holds {count} NaN or infinite value{'s' * (count != 1)}"
            yield Note(format_path(site.new or ()), text, Fact.BROKEN)


def _count(moments: Moments | None) -> int:
    return moments.nan + moments.inf if moments is not None else 0
