# What the numbers of the weights say about who is who. Training keeps a correlation that chance never gives, so two
# layers of the same shapes have a likelihood ratio: how well their correlation fits that of true pairs in this very
# comparison (estimated from pairs that are beyond doubt) against that of strangers, which is noise of size 1/sqrt(n).
# Small layers say little, alone; an alignment adds them up.
"""Weights as evidence: `Kinship` between the layers of two flows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modeldiff.differ.flow import Flow
from modeldiff.differ.prints import Print, prints
from modeldiff.graph import Shape

_BAND = 512
"""Of the many layers with the same shapes, only those are correlated that stand this near in rank."""
_DENSE = 1_000_000
_ROWS = 128
"""Old layers correlated at once: one product of matrices reads the new ones once, and not once a layer."""
_CERTAIN, _MARGIN = 5.0, 5.0
"""A pair is beyond doubt from this log-likelihood ratio on, and the log of how many pairs of its shape chance could
pick from; and this much better than with anybody else. Five nats are one error in 150."""
_CAP = 25.0
_LOOSEST, _CLOSEST = 0.2, 0.9
"""Bounds of the correlation that is expected of true pairs."""
_RARELY = 0.01
"""Even where all numbers were kept, a layer may have been started anew."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Kinship:
    """What the weights say. Nodes are indices of the flows."""

    identical: list[tuple[int, int]] = field(default_factory=list)
    """Pairs with the same distinctive numbers, which nobody else has."""
    related: list[tuple[int, int]] = field(default_factory=list)
    """Pairs that correlate beyond chance, better than with anybody else."""
    rows: dict[int, tuple[Ints, Floats]] = field(default_factory=dict)
    """Old node -> new nodes of the same shapes, and the log-likelihood ratio of each being the same layer."""
    is_initial: bool = False
    """Whether neither model was trained: equal numbers may then mean an equal seed, and not an equal layer."""

    def ratio(self, i: int, j: int) -> float:
        """The log-likelihood ratio of one pair, 0 where the weights say nothing."""
        if i not in self.rows:
            return 0.0
        nodes, ratios = self.rows[i]
        place = int(nodes.searchsorted(j))
        return float(ratios[place]) if place < len(nodes) and nodes[place] == j else 0.0


@dataclass(slots=True)
class _Block:
    """Some old layers, the new ones of the same shapes, and how they correlate; banded where there are many."""

    olds: list[int]
    news: Ints
    count: int
    """New layers of these shapes in all."""
    bands: list[tuple[int, int]]
    """For each old layer the columns that count: first, and one past the last."""
    correlations: Floats
    """Of old layers (rows) with new ones; less than any correlation outside of the bands."""
    entries: Floats
    """How many numbers each correlation rests on; 0 outside of the bands."""


def kinship(old: Flow, new: Flow) -> Kinship:
    """Sample both sides and compare what has the same shapes."""
    found = prints(old, new)
    sides = found[0].layers, found[1].layers
    result = Kinship(identical=list(_identical(sides)), is_initial=found[0].is_initial and found[1].is_initial)
    members: dict[tuple[Shape, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, layers in enumerate(sides):
        for index in sorted(layers):
            members[layers[index].shapes][side].append(index)
    groups = [list(_correlated(olds, news, sides)) for olds, news in members.values() if olds and news]
    blocks = [block for group in groups for block in group]
    expected = _expected(blocks)
    if expected:
        lost = _lost(blocks, expected)
        for group in groups:
            _judge(group, expected, lost, result)
    return result


def _identical(sides: tuple[dict[int, Print], dict[int, Print]]) -> list[tuple[int, int]]:
    counts = [Counter(print_.main for print_ in side.values()) for side in sides]
    owners = {print_.main: index for index, print_ in sides[1].items()}
    return [
        (index, owners[print_.main])
        for index, print_ in sides[0].items()
        if counts[0][print_.main] == counts[1][print_.main] == 1
    ]


def _correlated(olds: list[int], news: list[int], sides: tuple[dict[int, Print], dict[int, Print]]) -> Iterator[_Block]:
    left, right = (np.stack([side[i].vector for i in nodes]) for side, nodes in zip(sides, (olds, news), strict=True))
    sizes = [np.maximum((side * side).sum(1), 1e-9) for side in (left, right)]
    bands = [(0, len(news))] * len(olds)
    if len(olds) * len(news) > _DENSE:
        centres = [row * len(news) // len(olds) for row in range(len(olds))]
        bands = [(max(0, centre - _BAND), min(len(news), centre + _BAND)) for centre in centres]
    for first in range(0, len(olds), _ROWS):
        last = min(first + _ROWS, len(olds))
        start, stop = bands[first][0], bands[last - 1][1]
        mine, theirs = sizes[0][first:last, None], sizes[1][None, start:stop]
        correlations = np.clip(left[first:last] @ right[start:stop].T / np.sqrt(theirs * mine), -0.9999, 0.9999)
        entries = np.minimum(theirs, mine)
        inner = [(low - start, high - start) for low, high in bands[first:last]]
        for row, (low, high) in enumerate(inner):
            for outside in (slice(0, low), slice(high, None)):
                correlations[row, outside] = -1.0
                entries[row, outside] = 0.0
        yield _Block(olds[first:last], np.array(news[start:stop], np.int64), len(news), inner, correlations, entries)


def _expected(blocks: list[_Block]) -> float:
    """The correlation of true pairs, from those that nobody can doubt; 0 where there are none."""
    close: list[float] = []
    for block in blocks:
        best_of_row = np.arange(len(block.olds)), block.correlations.argmax(1)
        found = block.correlations[best_of_row].tolist(), block.entries[best_of_row].tolist()
        for best, entries, (low, high) in zip(*found, block.bands, strict=True):
            surprise = -0.5 * entries * np.log1p(-best * best) - np.log(high - low + 1)
            if best > 0.1 and surprise > 8.0:
                close.append(best)
    moved = sorted([value for value in close if value < 0.999] or close)
    if not moved:
        return 0.0
    median = (moved[(len(moved) - 1) // 2] + moved[len(moved) // 2]) / 2  # np.median would import masked arrays
    return min(max(median, _LOOSEST), _CLOSEST)


def _ratios(block: _Block, expected: float) -> Floats:
    return block.entries * (expected * block.correlations - 0.5 * expected * expected)


def _lost(blocks: list[_Block], expected: float) -> float:
    """The share of layers, among those large enough to tell, whose numbers come from nobody."""
    told = strangers = 0
    for block in blocks:
        tells = block.entries.max(1) * expected * expected >= 24.0
        told += int(tells.sum())
        strangers += int((_ratios(block, expected).max(1)[tells] < 3.0).sum())
    share = strangers / told if told else 0.0
    return max(_RARELY, 2.0 * share - 1.0 if share > 0.5 else _RARELY + 0.2 * share)


def _judge(blocks: list[_Block], expected: float, lost: float, result: Kinship) -> None:
    """What is told of the layers of one shape."""
    judged = []
    for block in blocks:
        raw = np.clip(_ratios(block, expected), -60.0, _CAP)
        ratios = np.log((1.0 - lost) * np.exp(raw) + lost).astype(np.float32)
        for row, (index, (low, high)) in enumerate(zip(block.olds, block.bands, strict=True)):
            result.rows[index] = block.news[low:high], ratios[row, low:high]
        judged.append(ratios)
    if all(high - low == block.count for block in blocks for low, high in block.bands):
        result.related += _related(blocks, np.concatenate(judged))


def _related(blocks: list[_Block], ratios: Floats) -> list[tuple[int, int]]:
    olds, news = [index for block in blocks for index in block.olds], blocks[0].news.tolist()
    certain = _CERTAIN + np.log(len(olds) * len(news))

    def best(matrix: Floats) -> tuple[Ints, Floats]:
        first = matrix.argmax(1)
        values = matrix[np.arange(len(matrix)), first]
        rest = matrix.copy()
        rest[np.arange(len(matrix)), first] = 0.0
        return first, np.where(values > certain, values - rest.max(1), -1.0)

    forth, sure_forth = best(ratios)
    back, sure_back = best(ratios.T)
    return [
        (olds[row], news[column])
        for row, column in enumerate(forth.tolist())
        if back[column] == row and sure_forth[row] > _MARGIN and sure_back[column] > _MARGIN
    ]
