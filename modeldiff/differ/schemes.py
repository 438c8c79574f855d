# Names that were all changed in one way are as good as names that stayed: `net_conv1` is `conv1`, `Block1Conv` is
# `block1_conv`, and blocks counted from 1 are those that were counted from 0. What most names of one side begin or
# end with and the other side's do not, says nothing about a layer; neither do capitals and separators. A scheme is
# believed only where it makes far more names meet than meet as they are. Rejected: edit distance, which takes
# `block2_conv` for `block1_conv`.
"""`unify`: see through a naming scheme that was changed as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from modeldiff.differ.flow import Flow
from modeldiff.differ.signature import Features, Numbers

_MOST, _FEW = 0.6, 0.1
"""An affix that this share of a side's names has, and at most this one of the other's, belongs to the scheme."""
_HALF, _NEARLY_ALL = 0.5, 0.9
_ENOUGH = 3
_NUMBER = re.compile(r"\d+")
_FIRST = re.compile(r"^[^\W_]+[\W_]+(?=.)")
_LAST = re.compile(r"(?<=.)[\W_]+[^\W_]+$")
_SEPARATORS = re.compile(r"[\W_]+")


Keys = dict[str, str]
"""Name -> what of it says something."""


def unify(flows: tuple[Flow, Flow], looks: tuple[Features, Features], number: Numbers) -> None:
    """Give names that are one but for the scheme the same number in both features."""
    nodes = [[node for node in flow.order if not look.automatic[node]] for flow, look in zip(flows, looks, strict=True)]
    names = [{flow[node].layer.name for node in chosen} for flow, chosen in zip(flows, nodes, strict=True)]
    fewest, equal = min(map(len, names)), len(names[0] & names[1])
    if fewest < _ENOUGH or equal > _NEARLY_ALL * fewest:
        return
    for keys, needed in _schemes(names[0], names[1]):
        met = len({*keys[0].values()} & {*keys[1].values()})
        if met < needed * fewest or met < 2 * equal:
            continue
        for flow, look, chosen, known in zip(flows, looks, nodes, keys, strict=True):
            for node in chosen:
                key = known.get(flow[node].layer.name, ("name", flow[node].layer.name))
                look.name[node] = number["name without its scheme", key]
        return


def _schemes(olds: set[str], news: set[str]) -> Iterator[tuple[tuple[Keys, Keys], float]]:
    """Ways to read the names of both sides, and how large a share of them must meet."""
    yield (_bare(olds, news), _bare(news, olds)), _HALF
    for step in (1, -1):
        yield (_counted(olds, step), _counted(news, 0)), _NEARLY_ALL


def _bare(names: set[str], others: set[str]) -> Keys:
    """What is left of each name without the words that most have here and few there, capitals and separators."""
    prefix, suffix = _common(_FIRST, names, others), _common(_LAST, names, others)
    return _unique(
        {name: _SEPARATORS.sub("", name.removeprefix(prefix).removesuffix(suffix)).casefold() for name in names}
    )


def _counted(names: set[str], step: int) -> Keys:
    """Each name with its numbers counted from elsewhere."""
    return {name: _NUMBER.sub(lambda found: str(int(found.group()) + step), name) for name in names}


def _unique(keys: Keys) -> Keys:
    counts = Counter(keys.values())
    return {name: key for name, key in keys.items() if counts[key] == 1}


def _common(pattern: re.Pattern[str], names: set[str], others: set[str]) -> str:
    """The first or last word of most names here and few there; nothing where there is none."""
    here, there = (
        Counter(found.group() for name in side if (found := pattern.search(name))) for side in (names, others)
    )
    affix, count = max(here.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return affix if count >= _MOST * len(names) and there[affix] <= _FEW * len(others) else ""
