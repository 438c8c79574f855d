# Which other pairings nobody could tell from the true one. A pairing is accepted instead of the truth where it is
# no worse in any single kind of evidence: as few layers added and removed, classes changed, config keys changed,
# layers moved, inputs rewired, weights reshaped; as many weights that descend from one another; names that a
# person chose, as often equal (less those that stand on one side only) and as similar. Then both files are explained as well by it as by the truth, fact
# for fact, and only the person who made the edit knows better: a block copied behind an equal one, two equal
# branches that were both trained anew, one of a run of equal layers removed. Weighing one kind of evidence
# against another is refused on purpose: it would be a second matcher and not a judge.
"""Accept what no observer could decide: `accepted`."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher

from benchmarks.matching.truth import Pair, Truth


def _cost(truth: Truth, pairs: dict[str, str], olds: set[str]) -> Counter[str]:
    """The cost of what `pairs` says about `olds`."""
    cost: Counter[str] = Counter()
    for old in olds:
        new = pairs.get(old)
        if new is None:
            cost["unpaired"] += 1
            continue
        cost.update(truth.once((old, new), _own_cost))
        moved = [pairs.get(parent) for parent in truth.old.parents[old]] != list(truth.new.parents[new])
        cost["moved"] += moved
        cost["rewired"] += truth.is_rewired((old, new), pairs)
    return cost


def _own_cost(truth: Truth, pair: Pair) -> Counter[str]:
    """What does not depend on other pairs."""
    cost: Counter[str] = Counter()
    old, new = pair
    cost["retyped"] += truth.old.nodes[old].cls != truth.new.nodes[new].cls
    for key in truth.changed_keys(pair):
        cost[f"key {key}"] += 1
    cost["reshaped"] += not truth.has_same_shapes(pair)
    cost["related"] -= truth.shares_weights(pair)
    if old in truth.old.named and new in truth.new.named:
        before, after = truth.old.names[old], truth.new.names[new]
        cost["names"] -= before == after
        cost["like name"] -= round(100 * SequenceMatcher(None, before, after).ratio())
    elif (old in truth.old.named) != (new in truth.new.named):
        cost["names"] += 1
    return cost


def _is_no_worse(cost: Counter[str], reference: Counter[str]) -> bool:
    return all(cost[kind] <= reference[kind] for kind in {*cost, *reference})


def accepted(truth: Truth, told: dict[str, str]) -> dict[str, str]:
    """The pairing to hold against `told`: the truth, with every part of `told` that is as good in its place."""
    pairs = dict(truth.pairs)
    for old, new in truth.optional:
        if told.get(old) == new and old not in pairs and new not in pairs.values():
            pairs[old] = new
    pairs = {old: new for old, new in pairs.items() if (old, new) not in truth.optional or told.get(old) == new}
    if told == pairs:
        return pairs
    for is_wide in (True, False):
        for olds, news in _parts(truth, pairs, told, is_wide=is_wide):
            affected = {old for old in truth.old.nodes if old in olds or truth.depends(old, olds)}
            trial = {old: new for old, new in pairs.items() if old not in olds and new not in news}
            trial.update({old: new for old, new in told.items() if old in olds and new in news})
            if len(set(trial.values())) == len(trial) and _is_no_worse(
                _cost(truth, trial, affected), _cost(truth, pairs, affected)
            ):
                pairs = trial
    return pairs


def _parts(
    truth: Truth, pairs: dict[str, str], told: dict[str, str], *, is_wide: bool
) -> list[tuple[set[str], set[str]]]:
    """What differs, in parts that hang together: by the pairs, and if `is_wide` by the connections too."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(item: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(item, item) != item:
            item = parent[item]
        return item

    different: set[Pair] = set(pairs.items()) ^ set(told.items())
    for old, new in different:
        parent[root(("old", old))] = root(("new", new))
    if is_wide:
        for mark, side in (("old", truth.old), ("new", truth.new)):
            for identity, calls in side.calls.items():
                for ref in (ref for call in calls for ref in call):
                    if (mark, identity) in parent and (mark, ref[0]) in parent:
                        parent[root((mark, identity))] = root((mark, ref[0]))
    groups: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for mark, identity in sorted(parent):
        groups.setdefault(root((mark, identity)), (set(), set()))[mark == "new"].add(identity)
    whole: tuple[set[str], set[str]] = (set(), set())
    for olds, news in groups.values():
        whole[0].update(olds)
        whole[1].update(news)
    return [whole, *groups.values()] if is_wide else list(groups.values())
