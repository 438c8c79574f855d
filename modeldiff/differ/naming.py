# What names say, and how far they may be believed. A name that a person chose usually stays with its layer; but
# numbered names are counted through when a block goes, and then `block2_conv` is what `block3_conv` was. Where weights
# show that names went to other layers, names are believed less; where they tell nothing, `match` tries both readings.
"""`Naming`: names as evidence."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import Flow
from modeldiff.differ.kinship import Kinship
from modeldiff.differ.signature import Features

Scores = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAME, _CLAIMED, _UNLIKE = 6.0, 3.0, 5.0
_AUTOMATIC = 0.05
"""Names that Keras made up break ties and nothing more."""
_UNTOLD = 0.5
"""Against any two names that differ. Where names are not trusted, names that differ in their numbers do not."""
_GIVEN = 1.0
"""Against a name having been given or taken away: whether a line of code names its layer rarely changes."""
_ENOUGH = 3
_NUMBER = re.compile(r"\d+")


class Naming:
    """The names of two flows."""

    def __init__(self, flows: tuple[Flow, Flow], looks: tuple[Features, Features], kin: Kinship) -> None:
        self.flows, self.looks = flows, looks
        self.claimed = np.zeros(len(flows[0].nodes), bool), np.zeros(len(flows[1].nodes), bool)
        """Chosen names that stand on the other side too: they claim their own partner and speak against others."""
        self.claim(flows[0].order, flows[1].order)
        self.claimed_at_first = self.claimed[0].copy(), self.claimed[1].copy()
        self.trust, self.stable = self._habits(kin)
        """How far an equal name means an equal layer; how rarely names change. Both from 0 to 1."""

    def claim(self, olds: list[int], news: list[int]) -> None:
        """Let the names of these nodes claim their partners, and no others."""
        names = [
            {int(look.name[node]) for node in nodes if not look.automatic[node]}
            for look, nodes in zip(self.looks, (olds, news), strict=True)
        ]
        both = names[0] & names[1]
        for claimed, look, nodes in zip(self.claimed, self.looks, (olds, news), strict=True):
            claimed[:] = False
            claimed[[node for node in nodes if not look.automatic[node] and int(look.name[node]) in both]] = True

    def _habits(self, kin: Kinship) -> tuple[float, float]:
        a, b = self.looks
        sure = [(i, j) for i, j in (*kin.identical, *kin.related) if not (a.automatic[i] or b.automatic[j])]
        if len(sure) < _ENOUGH:
            counts = [
                int((~look.automatic[flow.order]).sum()) for look, flow in zip(self.looks, self.flows, strict=True)
            ]
            return 1.0, float(self.claimed[0].sum()) / min(counts) if min(counts) else 0.0
        kept = sum(bool(a.name[i] == b.name[j]) for i, j in sure)
        lost = sum(bool(a.name[i] != b.name[j] and (self.claimed[0][i] or self.claimed[1][j])) for i, j in sure)
        return max(0.0, 1.0 - 3.0 * lost / len(sure)), kept / len(sure)

    def distrust(self) -> None:
        """Read the names as given anew: equal ones mean nothing, unlike ones neither."""
        self.trust = self.stable = 0.0

    @property
    def is_trusted(self) -> bool:
        """Whether an equal name is reason enough for a pair."""
        return self.trust > 0.7

    def contradicts(self, i: int, j: int) -> bool:
        """Whether a name belongs to somebody else."""
        differ = self.looks[0].name[i] != self.looks[1].name[j]
        return bool(self.is_trusted and differ and (self.claimed[0][i] or self.claimed[1][j]))

    def block(self, olds: Ints, news: Ints) -> Scores:
        """What the names say about old nodes and new nodes; a row for each old one."""
        a, b = self.looks
        i = olds[:, None]
        same = b.name[news] == a.name[i]
        taken = self.trust * self.claimed[1][news]
        made_up = np.where(b.automatic[news], _AUTOMATIC * same, -_GIVEN - 3.7 * taken)
        unlike = np.where(b.automatic[news], -_GIVEN, -_UNTOLD - _UNLIKE * self.stable**2)
        unlike = unlike + np.where(b.stem[news] == a.stem[i], (0.2 + _UNTOLD) * (1.0 - self.trust), 0.0)
        claims = _CLAIMED * (taken + self.trust * self.claimed[0][i])
        return np.where(a.automatic[i], made_up, np.where(same, 0.2 + _SAME * self.trust, unlike - claims))

    def one(self, i: int, j: int) -> float:
        """The same about one pair."""
        a, b = self.looks
        same = a.name[i] == b.name[j]
        taken = self.trust * float(self.claimed[1][j])
        if a.automatic[i]:
            return _AUTOMATIC * float(same) if b.automatic[j] else -_GIVEN - 3.7 * taken
        if same:
            return 0.2 + _SAME * self.trust
        unlike = -_GIVEN if b.automatic[j] else -_UNTOLD - _UNLIKE * self.stable**2
        unlike += (0.2 + _UNTOLD) * (1.0 - self.trust) if b.stem[j] == a.stem[i] else 0.0
        return unlike - _CLAIMED * (taken + self.trust * float(self.claimed[0][i]))

    def likeness(self, i: int, j: int) -> float:
        """What two chosen names that differ have in common, to be added to that."""
        a, b = self.looks
        if a.automatic[i] or b.automatic[j] or a.name[i] == b.name[j] or self.claimed[0][i] or self.claimed[1][j]:
            return 0.0
        names = self.flows[0][i].layer.name, self.flows[1][j].layer.name
        start = _shared(*names)
        end = _shared(*(name[start:][::-1] for name in names))
        alike = (start + end) / max(4, min(len(name) for name in names))
        if _NUMBER.findall(names[0]) != _NUMBER.findall(names[1]):
            alike /= 2.0
        return (2.0 + _UNLIKE * self.stable**2) * min(1.0, max(0.0, 2.0 * alike - 1.0))


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with alike; halving, since names may be long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
