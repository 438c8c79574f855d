# What became of the weights of matched layers: pairs them by role, has their values compared somewhere, and puts
# the verdicts into changes in the given order, whatever order the workers finished in.
# Rejected: pairing by position alone (a bias that is gone shifts all that follow) and one job per weight (a
# process pool would spend its time on biases).
"""Weights of matched layers: `detect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice

from modeldiff.beside import beside
from modeldiff.changes import (
    Change,
    Match,
    Options,
    Outcome,
    Site,
    Values,
    WeightAdded,
    WeightChanged,
    WeightPair,
    WeightRemoved,
    WeightReshaped,
)
from modeldiff.differ.comparison import Pair, Verdict, compare_batch
from modeldiff.differ.structure import seem_equal
from modeldiff.graph import Layer, LayerPath, Weight

Place = tuple[Site, str]
"""A layer and the name of its weight."""

_WORKERS = 2
"""Comparing is bound by memory: two cores saturate it, more only take them from others."""

_PULSE = 0.5
"""Seconds between two reports of progress, at most."""

_BATCH_BYTES = 4 << 20
"""Small weights are compared together until there is work for about a millisecond."""

_BATCH_PAIRS = 512

_WORTH = 1 << 20
"""Bytes of a batch from which another thread is worth it: calls about less only take turns at the interpreter."""

_FEW = 64
"""Weights of one shape in a layer whose values are looked at to tell which is which."""

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
    lone: Sequence[tuple[Site, Layer]] = (),
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> tuple[list[Change], list[WeightPair], dict[Place, Values]]:
    """The weight changes of matched layers, and what became of every weight that both have, in the given order.

    Last the statistics of weights that have another shape, or stand on one side only: those of `lone` layers too.

    A side on which no layer has a weight is a file without weights: nothing was added or removed.
    `progress` is called with the bytes compared so far and the bytes in all, of one side. `executor` runs the
    comparisons; all that is submitted can be pickled. Without one, two threads are used.
    """
    sides = [(match, *pair_weights(*_in_one_layout(old, new), reads=options.weights)) for match, old, new in pairs]
    holds = [any(layer.comparable_weights for layer in side) for side in list(zip(*pairs, strict=True))[1:]]
    alone = dict(_alone(sides, holds, lone)) if options.weights else {}
    matched = [pair for _, both, _, _ in sides for pair in both]
    verdicts = iter(_verdicts([*matched, *alone.values()], options, progress, executor))
    changes: list[Change] = []
    outcomes: list[WeightPair] = []
    values: dict[Place, Values] = {}
    for match, both, removed, added in sides:
        site = match.site
        for old, new in both:
            verdict = next(verdicts)
            outcomes.append(WeightPair(site, new.name, verdict.outcome, verdict.reason))
            if verdict.values is not None:
                values[site, new.name] = verdict.values
            changes.extend(_changes(site, old, new, verdict))
        if holds[1]:
            changes.extend(WeightRemoved(site, weight.name, weight.shape, weight.dtype) for weight in removed)
        if holds[0]:
            changes.extend(WeightAdded(site, weight.name, weight.shape, weight.dtype) for weight in added)
    values.update((place, found) for place in alone if (found := next(verdicts).values) is not None)
    return changes, outcomes, values


def survey(
    layers: Sequence[tuple[LayerPath, Layer]],
    *,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> dict[Place, Values]:
    """The statistics of all weights of one model, as the file stores them; arguments as of `detect`."""
    places = {(Site(None, path), weight.name): weight for path, layer in layers for weight in layer.weights}
    once: dict[int, Pair] = {id(weight): (None, weight) for weight in places.values()}  # layers may share theirs
    verdicts = dict(zip(once, _verdicts(list(once.values()), Options(), progress, executor), strict=True))
    return {place: verdicts[id(weight)].values or Values() for place, weight in places.items()}


def _alone(
    sides: Sequence[tuple[Match, Sequence[object], tuple[Weight, ...], tuple[Weight, ...]]],
    holds: Sequence[bool],
    lone: Sequence[tuple[Site, Layer]],
) -> Iterator[tuple[Place, Pair]]:
    """Weights without a partner: of pairs of layers, where the other file has weights at all, and of `lone` layers."""
    for match, _, removed, added in sides:
        yield from (((match.site, weight.name), (weight, None)) for weight in removed if holds[1])
        yield from (((match.site, weight.name), (None, weight)) for weight in added if holds[0])
    for site, layer in lone:
        for weight in layer.comparable_weights:
            yield (site, weight.name), ((weight, None) if site.new is None else (None, weight))


def _in_one_layout(old: Layer, new: Layer) -> tuple[Sequence[Weight], Sequence[Weight]]:
    """The weights of both in today's layout, or in the files' own where only one file tells a class to know it by."""
    if bool(old.class_name) != bool(new.class_name):
        stored = [[weight.shape for weight in layer.weights] for layer in (old, new)]
        if stored[0] == stored[1]:
            return old.weights, new.weights
    return old.comparable_weights, new.comparable_weights


def pair_weights(
    old: Sequence[Weight], new: Sequence[Weight], *, reads: bool = False
) -> tuple[list[tuple[Weight, Weight]], tuple[Weight, ...], tuple[Weight, ...]]:
    """Pairs in the order of `new`, then what only `old` has, then what only `new` has.

    By role; then by the last part of the role and the shape; then, where a role is not known, by shape in order. Of a
    few that fit, which happens where one file names the objects in a custom layer and the other their attributes, the
    one with the same values goes first where `reads`.
    """
    names = [weight.name for weight in new]
    if names == [weight.name for weight in old] and len(set(names)) == len(names):  # as nearly always
        return list(zip(old, new, strict=True)), (), ()
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
    for test, by_value in [(test, by_value) for test in tests for by_value in ((True, False) if reads else (False,))]:
        left = [(i, other) for i, other in enumerate(old) if i not in taken]
        for place, weight in enumerate(new):
            if place not in partners:
                fitting = list(islice((i for i, other in left if i not in taken and test(other, weight)), _FEW + 1))
                if by_value:
                    fitting = [i for i in fitting if 1 < len(fitting) <= _FEW and seem_equal(old[i], weight)]
                if fitting:
                    partners[place] = fitting[0]
                    taken.add(fitting[0])
    both = [(old[partners[place]], weight) for place, weight in enumerate(new) if place in partners]
    removed = tuple(weight for place, weight in enumerate(old) if place not in taken)
    added = tuple(weight for place, weight in enumerate(new) if place not in partners)
    return both, removed, added


def _role(weight: Weight) -> str:
    return weight.name.rpartition("/")[2]


def _changes(site: Site, old: Weight, new: Weight, verdict: Verdict) -> Iterator[Change]:
    if (old.shape, old.dtype) != (new.shape, new.dtype):
        yield WeightReshaped(
            site,
            new.name,
            (old.shape, old.dtype),
            (new.shape, new.dtype),
            verdict.nature,
            verdict.proof,
            verdict.movement,
        )
    elif verdict.outcome is Outcome.CHANGED and verdict.movement is not None:
        yield WeightChanged(site, new.name, new.shape, new.dtype, verdict.movement, verdict.nature, verdict.proof)


def _verdicts(
    pairs: list[Pair],
    options: Options,
    progress: Callable[[int, int], None] | None,
    executor: Executor | None,
) -> list[Verdict]:
    if not options.weights:
        return compare_batch(pairs, options)
    batches, sizes = _batches(pairs)
    total, done = sum(sizes), 0
    found: dict[int, list[Verdict]] = {}

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    with nullcontext(executor) if executor else _threads() as runner:
        apart = [place for place, size in enumerate(sizes) if executor or size >= _WORTH]
        jobs = {runner.submit(compare_batch, batches[place], options): place for place in apart}
        left: set[Future[list[Verdict]]] = set(jobs)
        try:
            small = sorted(set(range(len(batches))).difference(apart))
            mine, theirs = small[::2], small[1::2]
            half = partial(_compared, [batches[place] for place in theirs], options)
            with beside(half, is_worth_it=bool(theirs)) as other_half:
                for place in mine:
                    found[place] = compare_batch(batches[place], options)
                    tell(sizes[place])
                found.update(zip(theirs, other_half(), strict=True))
                tell(sum(sizes[place] for place in theirs))
            while left:
                finished, left = wait(left, _PULSE, FIRST_COMPLETED)
                tell(sum(sizes[jobs[job]] for job in finished))
            found.update((place, job.result()) for job, place in jobs.items())
            return [verdict for place in range(len(batches)) for verdict in found[place]]
        finally:
            for job in left:  # what was interrupted must not be waited for
                job.cancel()


def _compared(batches: Sequence[list[Pair]], options: Options) -> list[list[Verdict]]:
    return [compare_batch(batch, options) for batch in batches]


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


def _size(pair: Pair) -> int:
    """The bytes of one side, the new one where it is there."""
    old, new = pair
    weight = old if new is None else new
    return weight.nbytes if weight is not None else 0


def _batches(pairs: list[Pair]) -> tuple[list[list[Pair]], list[int]]:
    """What is compared together, and the bytes of each."""
    batches: list[list[Pair]] = []
    sizes: list[int] = []
    for pair in pairs:
        if not batches or sizes[-1] >= _BATCH_BYTES or len(batches[-1]) >= _BATCH_PAIRS:
            batches.append([])
            sizes.append(0)
        batches[-1].append(pair)
        sizes[-1] += _size(pair)
    return batches, sizes
