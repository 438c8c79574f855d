# What became of the weights of matched layers: pairs them by role, has their values compared somewhere, and puts
# the verdicts into changes in the given order, whatever order the workers finished in.
# Rejected: pairing by position alone (a bias that is gone shifts all that follow) and one job per weight (a
# process pool would spend its time on biases).
"""Weights of matched layers: `detect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext

from modeldiff.changes import (
    Change,
    Match,
    Options,
    Outcome,
    WeightAdded,
    WeightChanged,
    WeightPair,
    WeightRemoved,
    WeightReshaped,
)
from modeldiff.differ.comparison import Verdict, compare_batch
from modeldiff.graph import Layer, Weight

Pair = tuple[Weight, Weight]

_WORKERS = 2
"""Comparing is bound by memory: two cores saturate it, more only take them from others."""

_PULSE = 0.5
"""Seconds between two reports of progress, at most."""

_BATCH_BYTES = 4 << 20
"""Small weights are compared together until there is work for about a millisecond."""

_BATCH_PAIRS = 64

_ROLES = frozenset(
    {
        *("kernel", "bias", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings"),
        *("gamma", "beta", "moving_mean", "moving_variance", "mean", "variance", "count", "alpha", "scale"),
    }
)
"""Roles with a meaning: a weight of one is never paired with a weight of another."""


def detect(
    pairs: Sequence[tuple[Match, Layer, Layer]],
    options: Options,
    *,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> tuple[list[Change], list[WeightPair]]:
    """The weight changes of matched layers, and what became of every weight that both have, in the given order.

    A side on which no layer has a weight is a file without weights: nothing was added or removed.
    `progress` is called with the bytes compared so far and the bytes in all, of one side. `executor` runs the
    comparisons; all that is submitted can be pickled. Without one, two threads are used.
    """
    sides = [(match, *pair_weights(*_in_one_layout(old, new))) for match, old, new in pairs]
    verdicts = iter(_verdicts([pair for _, both, _, _ in sides for pair in both], options, progress, executor))
    holds = [any(layer.comparable_weights for layer in side) for side in list(zip(*pairs, strict=True))[1:]]
    changes: list[Change] = []
    outcomes: list[WeightPair] = []
    for match, both, removed, added in sides:
        for old, new in both:
            verdict = next(verdicts)
            outcomes.append(WeightPair(match.site, new.name, verdict.outcome, verdict.reason))
            changes.extend(_changes(match, old, new, verdict))
        if holds[1]:
            changes.extend(WeightRemoved(match.site, weight.name, weight.shape, weight.dtype) for weight in removed)
        if holds[0]:
            changes.extend(WeightAdded(match.site, weight.name, weight.shape, weight.dtype) for weight in added)
    return changes, outcomes


def _in_one_layout(old: Layer, new: Layer) -> tuple[Sequence[Weight], Sequence[Weight]]:
    """The weights of both in today's layout, or in the files' own where only one file tells a class to know it by."""
    stored = [[weight.shape for weight in layer.weights] for layer in (old, new)]
    if bool(old.class_name) != bool(new.class_name) and stored[0] == stored[1]:
        return old.weights, new.weights
    return old.comparable_weights, new.comparable_weights


def pair_weights(
    old: Sequence[Weight], new: Sequence[Weight]
) -> tuple[list[Pair], tuple[Weight, ...], tuple[Weight, ...]]:
    """Pairs in the order of `new`, then what only `old` has, then what only `new` has.

    By role; then by the last part of the role and the shape; then, where a role is not known, by shape in order.
    """
    partners: dict[int, int] = {}
    taken: set[int] = set()
    tests: tuple[Callable[[Weight, Weight], bool], ...] = (
        lambda a, b: _role(a) == _role(b) and a.shape == b.shape,
        lambda a, b: a.shape == b.shape and not {_role(a), _role(b)} <= _ROLES,
    )
    by_name = {weight.name: place for place, weight in reversed(list(enumerate(old)))}
    for place, weight in enumerate(new):
        found = by_name.get(weight.name)
        if found is not None and found not in taken:
            partners[place] = found
            taken.add(found)
    for test in tests:
        left = [(i, other) for i, other in enumerate(old) if i not in taken]
        for place, weight in enumerate(new):
            if place not in partners:
                found = next((i for i, other in left if i not in taken and test(other, weight)), None)
                if found is not None:
                    partners[place] = found
                    taken.add(found)
    both = [(old[partners[place]], weight) for place, weight in enumerate(new) if place in partners]
    removed = tuple(weight for place, weight in enumerate(old) if place not in taken)
    added = tuple(weight for place, weight in enumerate(new) if place not in partners)
    return both, removed, added


def _role(weight: Weight) -> str:
    return weight.name.rpartition("/")[2]


def _changes(match: Match, old: Weight, new: Weight, verdict: Verdict) -> Iterator[Change]:
    if (old.shape, old.dtype) != (new.shape, new.dtype):
        yield WeightReshaped(
            match.site,
            new.name,
            (old.shape, old.dtype),
            (new.shape, new.dtype),
            verdict.nature,
            verdict.proof,
            verdict.movement,
        )
    elif verdict.outcome is Outcome.CHANGED and verdict.movement is not None:
        yield WeightChanged(match.site, new.name, new.shape, new.dtype, verdict.movement, verdict.nature, verdict.proof)


def _verdicts(
    pairs: list[Pair],
    options: Options,
    progress: Callable[[int, int], None] | None,
    executor: Executor | None,
) -> list[Verdict]:
    if not options.weights:
        return compare_batch(pairs, options)
    batches = list(_batches(pairs))
    total, done = sum(_bytes(batch) for batch in batches), 0
    with nullcontext(executor) if executor else _threads() as runner:
        jobs = {runner.submit(compare_batch, batch, options): _bytes(batch) for batch in batches}
        left: set[Future[list[Verdict]]] = set(jobs)
        try:
            while left:
                finished, left = wait(left, _PULSE, FIRST_COMPLETED)
                done += sum(jobs[job] for job in finished)
                if progress is not None:
                    progress(done, total)
            return [verdict for job in jobs for verdict in job.result()]
        finally:
            for job in left:  # what was interrupted must not be waited for
                job.cancel()


@contextmanager
def _threads() -> Iterator[Executor]:
    """Two threads; they are not waited for where something was raised."""
    pool = ThreadPoolExecutor(_WORKERS)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _bytes(batch: Sequence[Pair]) -> int:
    return sum(new.nbytes for _, new in batch)


def _batches(pairs: list[Pair]) -> Iterator[list[Pair]]:
    batch: list[Pair] = []
    size = 0
    for pair in pairs:
        batch.append(pair)
        size += pair[1].nbytes
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_PAIRS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
