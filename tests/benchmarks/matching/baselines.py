# What one would write first. A score means something only beside these: a benchmark that equal names solve is no
# benchmark. They read the same models through the same loader, know nothing of the truth, and are judged alike.
"""Simple ways to pair layers: `BASELINES`, `judge`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

import numpy as np
from benchmarks.matching.cases import Prepared
from benchmarks.matching.observer import accepted
from benchmarks.matching.score import Tally
from benchmarks.matching.truth import Truth
from numpy.typing import NDArray

import modeldiff
from modeldiff.graph import Layer, LayerPath, Model

Pairs = dict[LayerPath, LayerPath]
Baseline = Callable[[Model, Model, Pairs], Iterator[tuple[LayerPath, LayerPath]]]
"""New pairs, given those that are there."""


def _free(model: Model, taken: set[LayerPath]) -> list[tuple[LayerPath, Layer]]:
    return [(path, layer) for path, layer in model.walk() if path not in taken]


def by_name(old: Model, new: Model, pairs: Pairs) -> Iterator[tuple[LayerPath, LayerPath]]:
    """The same path."""
    there = {path for path, _ in _free(new, set(pairs.values()))}
    yield from ((path, path) for path, _ in _free(old, set(pairs)) if path in there)


def by_weights(old: Model, new: Model, pairs: Pairs) -> Iterator[tuple[LayerPath, LayerPath]]:
    """The same bytes, once on each side."""
    sides = []
    for model, taken in ((old, set(pairs)), (new, set(pairs.values()))):
        digests = {
            path: tuple(w.digest() for w in layer.weights) for path, layer in _free(model, taken) if layer.weights
        }
        counts = Counter(digests.values())
        sides.append({digest: path for path, digest in digests.items() if counts[digest] == 1})
    yield from ((path, sides[1][digest]) for digest, path in sides[0].items() if digest in sides[1])


def by_classes(old: Model, new: Model, pairs: Pairs) -> Iterator[tuple[LayerPath, LayerPath]]:
    """The longest equal runs of classes, as difflib finds them."""
    left, right = _free(old, set(pairs)), _free(new, set(pairs.values()))
    classes = [[layer.canonical_class for _, layer in side] for side in (left, right)]
    matcher = SequenceMatcher(None, classes[0], classes[1], autojunk=False)
    for start, other, size in matcher.get_matching_blocks():
        yield from ((left[start + k][0], right[other + k][0]) for k in range(size))


def by_alignment(old: Model, new: Model, pairs: Pairs) -> Iterator[tuple[LayerPath, LayerPath]]:
    """One global alignment in topological order over class, config, correlation of weights and names."""
    left, right = _free(old, set(pairs)), _free(new, set(pairs.values()))
    similarity = _similarity(left, right)
    rows, columns = similarity.shape
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows):
        # A gap costs nothing: the running maximum along the row is the gap in the new model.
        best[i + 1, 1:] = np.maximum(best[i, 1:], best[i, :-1] + similarity[i])
        best[i + 1] = np.maximum.accumulate(best[i + 1])
    i, j = rows, columns
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            yield left[i][0], right[j][0]


def _similarity(left: list[tuple[LayerPath, Layer]], right: list[tuple[LayerPath, Layer]]) -> NDArray[np.float64]:
    """Class 1, config 1, equal names 1, correlation of the largest weight up to 3; another class never."""
    vectors = [[_vector(layer) for _, layer in side] for side in (left, right)]
    similarity = np.full((len(left), len(right)), -1.0)
    for i, (path, layer) in enumerate(left):
        for j, (other, partner) in enumerate(right):
            if layer.canonical_class != partner.canonical_class:
                continue
            one, two = vectors[0][i], vectors[1][j]
            related = 0.0
            if one is not None and two is not None and one.shape == two.shape:
                related = max(0.0, float(one @ two))
            similarity[i, j] = 1.0 + (layer.config == partner.config) + (path[-1] == other[-1]) + 3 * related
    return similarity


def _vector(layer: Layer) -> NDArray[np.float64] | None:
    largest = max(layer.weights, key=lambda weight: weight.size, default=None)
    if largest is None or largest.source is None:
        return None
    values = np.concatenate(list(largest.source.blocks(1 << 16))).astype(np.float64)
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length else None


BASELINES: dict[str, tuple[Baseline, ...]] = {
    "names": (by_name,),
    "names, weights": (by_name, by_weights),
    "classes": (by_classes,),
    "names, weights, classes": (by_name, by_weights, by_classes),
    "one alignment": (by_alignment,),
}


def judge(prepared: Prepared) -> dict[str, tuple[Tally, bool]]:
    """Every baseline on one case: its pairs, and whether all are right."""
    truth = Truth.of(prepared)
    old, new = (modeldiff.load(built.path) for built in prepared.files)
    found = {}
    for name, passes in BASELINES.items():
        pairs: Pairs = {}
        for one in passes:
            pairs.update(list(one(old, new, pairs)))
        told = {truth.old.ids[before]: truth.new.ids[after] for before, after in pairs.items()}
        tally = Tally()
        tally.count(set(told.items()), set(accepted(truth, told).items()))
        found[name] = (tally, tally.right == tally.told == tally.true)
    return found
