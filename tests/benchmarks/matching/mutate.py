# What an edit with chance is, and how several follow each other. Each function of `names`, `layers`, `blocks`,
# `connections` and `submodels` edits a spec as a person edits code and is one situation of the benchmark; which
# pairs are true follows from the ids. Where a person could honestly read an edit in two ways (a new head: other
# units, or another layer?), the pair is listed as optional: neither demanded nor held against the matcher. Ties
# that come from equal layers are not listed: `observer` works them out for every case alike.
"""Edits with chance: `Change`, `Edit`, `several`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from benchmarks.matching import edits
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.specs import Spec

Random = random.Random


@dataclass(frozen=True, slots=True)
class Change:
    """The edited spec, and what is open about the pairs."""

    spec: Spec
    optional: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """Pairs of (id before, id after) that may be told or not."""


Edit = Callable[[Spec, Random], Change]


def nothing(spec: Spec, rng: Random) -> Change:
    """Saved again, or built again by the same code."""
    return Change(spec)


def somewhere(spec: Spec, rng: Random, edit: Callable[[Spec], Spec]) -> Spec:
    """`edit` on the root graph or inside a sub-model."""
    bodies = [node.id for node in spec.nodes if node.body is not None]
    if bodies and rng.random() < 0.7:
        chosen = rng.choice(bodies)
        return edits.swap(spec, chosen, lambda node: replace(node, body=edit(node.body or spec)))
    return edit(spec)


def some_block(spec: Spec, rng: Random) -> tuple[str, ...]:
    """One of the blocks."""
    if not spec.blocks:
        raise NotApplicable("no block")
    return rng.choice(spec.blocks)


def several(*edit: Edit, count: tuple[int, int] = (2, 4)) -> Edit:
    """Two to four edits, one after the other."""

    def combined(spec: Spec, rng: Random) -> Change:
        optional: frozenset[tuple[str, str]] = frozenset()
        wanted, done = rng.randint(*count), 0
        for one in rng.sample(edit, len(edit)):
            if done == wanted:
                break
            try:
                change = one(spec, rng)
            except NotApplicable:
                continue
            ids = [node.id for _, _, node in change.spec.walk()]
            if len(ids) != len(set(ids)):
                continue
            spec, optional, done = change.spec, optional | change.optional, done + 1
        if done < 2:
            raise NotApplicable("too few edits fit")
        return Change(spec, optional)

    return combined


def following(*edit: Edit) -> Edit:
    """One edit after the other, all of them."""

    def combined(spec: Spec, rng: Random) -> Change:
        optional: frozenset[tuple[str, str]] = frozenset()
        for one in edit:
            change = one(spec, rng)
            spec, optional = change.spec, optional | change.optional
        return Change(spec, optional)

    return combined
