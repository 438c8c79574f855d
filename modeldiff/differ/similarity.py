# How much speaks for two layers being the same one: a sum of log-likelihood ratios, one for each witness (class and
# config, name, weights, neighbourhood, parent), so that witnesses may contradict each other and the stronger wins.
# Scores of many old layers with many new ones are one numpy expression: alignment asks for millions of them.
"""`Scorer`: the evidence for pairs of layers, in nats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import ROOT, Flow
from modeldiff.differ.kinship import Kinship
from modeldiff.differ.naming import Naming
from modeldiff.differ.signature import Features, Numbers
from modeldiff.graph import Layer

Scores = NDArray[np.float64]
Ints = NDArray[np.int64]

_VARIANTS = 200_000
"""So many pairs of unlike configs are compared key by key; beyond, all count alike."""
_KEYS = 6_000_000
"""And so many keys of theirs, where configs are large."""
_DEMOTED = 4.0
"""Against an output of the model having become a hidden layer of another size: its size was what the model gave."""

NEVER = -1e6
"""Classes that cannot be the same layer."""


class Scorer:
    """Scores pairs of nodes of two flows. What is already paired counts as a witness."""

    def __init__(self, old: Flow, new: Flow, looks: tuple[Features, Features], kin: Kinship) -> None:
        self.old, self.new, self.looks, self.kin = old, new, looks, kin
        self.partner: list[dict[int, int]] = [{}, {}]
        """Old node -> new node, and back."""
        counts = Counter(looks[0].config[old.order].tolist())
        total = max(1, len(old.order))
        rarity = {label: 0.3 * np.log(total / count) for label, count in counts.items()}
        self.rarity = np.array([rarity.get(label, 0.0) for label in looks[1].config.tolist()], np.float64)
        self.naming = Naming((old, new), looks, kin)
        parents = Numbers()
        self.parent_key = tuple(
            np.array(
                [parents[side.nodes[n.parent].layer.name if n.parent != ROOT else ""] for n in side.nodes], np.int64
            )
            for side in (old, new)
        )
        self.column = np.full(len(new.nodes), -1, np.int64)
        both = [np.stack([look.config, look.shapes], 1) for look in looks]
        _, firsts, places = np.unique(both[1], axis=0, return_index=True, return_inverse=True)
        self.examples: list[int] = firsts.tolist()
        """One new node for every config with its shapes."""
        self.variants = np.unique(both[0], axis=0, return_inverse=True)[1].reshape(-1), places.reshape(-1)
        self._by_variant: dict[int, Scores] = {}
        self._keys = _KEYS
        self._unlike = np.full(len(self.examples), -0.5)
        """Of a config with each of the examples, where that is not looked at."""

    def block(self, olds: Ints, news: Ints) -> Scores:
        """The scores of old nodes with new nodes; a row for each old one."""
        total: Scores = self.intrinsic(olds, news) + self.context(olds[:, None], news)
        return total

    def are_related(self, i: int, j: int) -> bool:
        """Whether the classes may be the same layer."""
        a, b = self.looks
        return bool(a.class_[i] == b.class_[j] or a.family[i] & b.family[j])

    def intrinsic(self, olds: Ints, news: Ints) -> Scores:
        """What the layers themselves say, without their surroundings; a row for each old one."""
        a, b = self.looks
        i = olds[:, None]
        same_class = b.class_[news] == a.class_[i]
        same_config = b.config[news] == a.config[i]
        related = (b.family[news] & a.family[i]) != 0
        changed = np.stack([self._known(node) for node in olds.tolist()])[:, self.variants[1][news]]
        score: Scores = np.where(
            same_config,
            2.0 + self.rarity[news],
            np.where(same_class, changed, np.where(related, -2.0, NEVER)),
        )
        score += np.where(b.role[news] == a.role[i], 0.0, -0.3)
        same_shapes = b.shapes[news] == a.shapes[i]
        score += np.where(same_shapes, 0.4, -0.4)
        score -= np.where(same_shapes | (b.ends[news] == a.ends[i]), 0.0, _DEMOTED)
        score += self.naming.block(olds, news) + np.where(self.parent_key[1][news] == self.parent_key[0][i], 0.6, -0.4)
        self._kin(olds, news, score)
        return score

    def alone(self, i: int, j: int) -> float:
        """The same about one pair, to the last bit."""
        a, b = self.looks
        changed = self._known(i)[self.variants[1][j]]
        if b.config[j] == a.config[i]:
            score = 2.0 + float(self.rarity[j])
        elif b.class_[j] == a.class_[i]:
            score = float(changed)
        else:
            score = -2.0 if b.family[j] & a.family[i] else NEVER
        score += 0.0 if b.role[j] == a.role[i] else -0.3
        same_shapes = b.shapes[j] == a.shapes[i]
        score += 0.4 if same_shapes else -0.4
        score -= 0.0 if same_shapes or b.ends[j] == a.ends[i] else _DEMOTED
        score += self.naming.one(i, j) + (0.6 if self.parent_key[1][j] == self.parent_key[0][i] else -0.4)
        return score + self.kin.ratio(i, j)

    def context(self, i: int | Ints, j: int | Ints) -> Scores:
        """What the surroundings say, whatever is paired: of one pair, or of any that numpy broadcasts."""
        a, b = self.looks
        score: Scores = (
            0.8 * (b.near[j] == a.near[i])
            + 0.6 * (b.around[j] == a.around[i])
            + 0.5 * (b.before[j] == a.before[i])
            + 0.4 * (b.after[j] == a.after[i])
            + 1.2 * (b.above[j] == a.above[i])
            + 1.2 * (b.below[j] == a.below[i])
            + 0.4 * (b.above_classes[j] == a.above_classes[i])
            + 0.4 * (b.below_classes[j] == a.below_classes[i])
        )
        return score

    def _known(self, i: int) -> Scores:
        """What speaks for the config of an old node and each of the examples."""
        kind = int(self.variants[0][i])
        known = self._by_variant.get(kind)
        if known is None:
            layer, class_ = self.old[i].layer, self.looks[0].class_[i]
            known = self._unlike
            if len(self._by_variant) * len(self.examples) < _VARIANTS and self._keys > 0:
                known = known.copy()
                for position, example in enumerate(self.examples):
                    if self.looks[1].class_[example] == class_:
                        known[position] = _changed(layer, self.new[example].layer)
                        self._keys -= len(layer.config)
            self._by_variant[kind] = known
        return known

    def _kin(self, olds: Ints, news: Ints, score: Scores) -> None:
        """Weights that descend from one another."""
        column = self.column
        column[news] = np.arange(len(news))
        for row, i in zip(score, olds.tolist(), strict=True):
            if i in self.kin.rows:
                nodes, ratios = self.kin.rows[i]
                places = column[nodes]
                row[places[places >= 0]] += ratios[places >= 0]
        column[news] = -1

    def beside_paired(self, olds: Ints, news: Ints) -> Scores:
        """What the pairing of direct neighbours adds to the scores; a row for each old node."""
        score, column = np.zeros((len(olds), len(news))), self.column
        column[news] = np.arange(len(news))
        for row, i in zip(score, olds.tolist(), strict=True):
            for nodes, worth in self._suggested(i):
                places = column[list(nodes)]
                row[places[places >= 0]] += worth
        column[news] = -1
        return score

    def _suggested(self, i: int) -> Iterator[tuple[Sequence[int], float]]:
        """The new nodes that stand below and above the partners of an old node's neighbours, and what that is worth."""
        forth, (old_below, old_above), (below, above) = self.partner[0], self.old.beside, self.new.beside
        yield from ((below[forth[maker]], 2.0) for maker in old_above[i] if maker in forth)
        yield from ((above[forth[taker]], 1.5) for taker in old_below[i] if taker in forth)

    def name_score(self, i: int, j: int) -> float:
        """What the names alone say."""
        return self.naming.one(i, j)

    def pair(self, i: int, j: int) -> float:
        """The score of one pair."""
        return self.alone(i, j) + float(self.context(i, j))


def _changed(old: Layer, new: Layer) -> float:
    """What speaks for one class with two configs: equal values, and a dimension that stayed."""
    keys = old.config.keys() | new.config.keys()
    missing = object()
    same = sum(old.config.get(key, missing) == new.config.get(key, missing) for key in keys)
    score: float = -2.0 + 2.5 * same / max(1, len(keys))
    if old.weights and new.weights:
        one, other = old.weights[0].shape, new.weights[0].shape
        if len(one) == len(other) > 1 and not any(a == b for a, b in zip(one[-2:], other[-2:], strict=True)):
            score -= 1.5
    return score
