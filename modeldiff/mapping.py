# Pairs of layers as a file: written to be read again (`--map FILE`), corrected by hand, or given to Model Explorer,
# whose node-mapping upload has this very form (its interface SyncNavigationData). So there is one form to write and
# no converter; what people type by hand, a plain object or a list of pairs, is read as well.
"""Write and read the pairing of two models: `text_of`, `pairs_of`."""

from __future__ import annotations

import json
from typing import Any

from modeldiff.changes import Matching
from modeldiff.errors import UsageError
from modeldiff.graph import format_path

Pairs = tuple[tuple[str, str], ...]
"""(old path, new path), as `format_path` writes them."""

_FORMS = 'write {"old/path": "new/path"}, [["old/path", "new/path"]], or what --write-map wrote'


def text_of(matching: Matching) -> str:
    """The pairs as JSON, in the new model's order: Model Explorer's left side is old, its right side new."""
    data = {
        "type": "sync_navigation",
        "mapping": {format_path(match.old): format_path(match.new) for match in matching.matches},
        "disableMappingFallback": True,  # an equal name alone is no pair
    }
    return json.dumps(data, ensure_ascii=True, indent=1) + "\n"


def pairs_of(text: str, where: str) -> Pairs:
    """The pairs in a mapping file; `where` names it in errors.

    Raises:
        UsageError: this is no JSON, or none of the forms that a mapping has.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("this is not JSON", where=where, fix=_FORMS) from error
    pairs = _entries(content)
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs) or not all(
        isinstance(name, str) for pair in pairs for name in pair
    ):
        raise UsageError("this is no mapping of old to new layers", where=where, fix=_FORMS)
    return tuple((old, new) for old, new in pairs)


def _entries(content: Any) -> list[Any]:
    if not isinstance(content, dict):
        return content if isinstance(content, list) else [None]
    if isinstance(content.get("mappingEntries"), list):  # Model Explorer's form of many to many: pairs alone are pairs
        return [_single(entry) for entry in content["mappingEntries"]]
    mapping = content.get("mapping")
    return list((mapping if isinstance(mapping, dict) else content).items())


def _single(entry: Any) -> list[Any]:
    """An entry of one node on each side as a pair."""
    sides = [entry.get(key) if isinstance(entry, dict) else None for key in ("leftNodeIds", "rightNodeIds")]
    return [side[0] for side in sides if isinstance(side, list) and len(side) == 1]
