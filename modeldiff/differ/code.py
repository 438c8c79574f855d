# Which code came with the new model. Within a pair of layers code is paired by what it is, then by where it stands;
# what is left is new. Every new use is told, also of a class that the old model uses elsewhere: it runs in another
# place. Code that is gone runs no more and is told by the change that removed it.
"""Code that is not Keras' own, compared: `detect`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from modeldiff.changes import Matching
from modeldiff.graph import CodeRef, Fact, LayerPath, Model, Note, format_path

_SHOWN = 3


def detect(old: Model, new: Model, matching: Matching) -> Iterator[Note]:
    """One note per piece of code that is new or other, and one for what both models hold."""
    if not new.code:
        return
    before: dict[LayerPath, list[CodeRef]] = defaultdict(list)
    for ref in old.code:
        before[ref.path].append(ref)
    after: dict[LayerPath, list[CodeRef]] = defaultdict(list)
    for ref in new.code:
        after[ref.path].append(ref)
    partners: dict[LayerPath, LayerPath] = {(): (), **{match.new: match.old for match in matching.matches}}
    told_by_old = bool(old.metadata.get("class_name")) or old.has_config
    kept: list[CodeRef] = []
    for path, refs in after.items():
        held = before[partners[path]] if path in partners else []
        fresh = _without_equal(refs, held)
        kept += [ref for ref in refs if ref not in fresh]
        rest = _without_equal(held, refs)
        for ref in fresh:
            former = next((one for one in rest if one.key == ref.key and one.what is ref.what), None)
            if former is not None:
                rest.remove(former)
            yield Note(format_path(path), _told(former, ref, told_by_old=told_by_old), Fact.CODE, ref.key)
    if kept:
        yield Note("", _kept(kept))


def _kept(refs: Sequence[CodeRef]) -> str:
    titles = list(dict.fromkeys(ref.title for ref in refs))
    more = f" and {len(titles) - _SHOWN:,} more" if len(titles) > _SHOWN else ""
    return f"the same code on both sides, not executed: {', '.join(titles[:_SHOWN])}{more}"


def _told(former: CodeRef | None, ref: CodeRef, *, told_by_old: bool) -> str:
    if former is None:
        return f"code {'added' if told_by_old else 'that the old file does not tell'}: {ref.label}"
    return f"code changed: {ref.label}, was {former.label}"


def _without_equal(refs: Sequence[CodeRef], others: Sequence[CodeRef]) -> list[CodeRef]:
    """Those of `refs` that are not among `others`, each of which counts once."""
    left = list(others)
    fresh = []
    for ref in refs:
        equal = next((one for one in left if _same(one, ref)), None)
        if equal is None:
            fresh.append(ref)
        else:
            left.remove(equal)
    return fresh


def _same(old: CodeRef, new: CodeRef) -> bool:
    """Whether two pieces are the same code as far as both files tell: older ones tell no module and no package."""
    names = [ref.name.rpartition(">") for ref in (old, new)]
    return (
        old.what is new.what
        and old.digest == new.digest
        and names[0][2] == names[1][2]
        and _agree(names[0][0], names[1][0])
        and _agree(old.module, new.module)
    )


def _agree(old: str, new: str) -> bool:
    return not old or not new or old == new
