# One case at a time: load both files, compare, and hold what the JSON says against the truth. Counts are kept and
# divided at the end, so that a situation of large models weighs by its layers and the share of cases does not.
"""Score `modeldiff` on a case: `score`, and `Tally`, which adds cases up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.matching.cases import Prepared
from benchmarks.matching.observer import accepted
from benchmarks.matching.truth import Pair, Side, Truth

import modeldiff
from modeldiff.graph import format_path, parse_path


@dataclass(slots=True)
class Tally:
    """Right, told and true for one question."""

    right: int = 0
    told: int = 0
    true: int = 0

    def count(self, told: set[Any], true: set[Any]) -> None:
        """Add one case."""
        self.right += len(told & true)
        self.told += len(told)
        self.true += len(true)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.right, self.told, self.true = self.right + other.right, self.told + other.told, self.true + other.true

    @property
    def precision(self) -> float:
        """Share of what was told that is right."""
        return self.right / self.told if self.told else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was told."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.told + self.true) if self.told + self.true else 1.0


QUESTIONS = ("pairs", "renames", "keys", "rewired", "weights")


@dataclass(slots=True)
class Result:
    """What came out for one case."""

    prepared: Prepared
    tallies: dict[str, Tally] = field(default_factory=lambda: {question: Tally() for question in QUESTIONS})
    scores: list[tuple[float, str, bool]] = field(default_factory=list)
    """Score, evidence and rightness of every pair."""
    faults: list[str] = field(default_factory=list)
    """What is wrong, a line each, in words for whoever mends it."""
    baselines: dict[str, tuple[Tally, bool]] = field(default_factory=dict)
    """Pairs of modeldiff and of every baseline, and whether all are right."""
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Whether every pair is right and none is missing."""
        tally = self.tallies["pairs"]
        return not self.error and tally.right == tally.told == tally.true


def score(prepared: Prepared) -> Result:
    """Compare the two files of a case and judge the JSON that comes out."""
    truth = Truth.of(prepared)
    diff = modeldiff.compare(*(modeldiff.load(built.path) for built in prepared.files))
    said = json.loads(modeldiff.render(diff, "json"))
    result = Result(prepared)
    matches = {pair: layer["match"] for layer in said["layers"] if (pair := _pair(truth, layer)) is not None}
    pairs = accepted(truth, dict(matches.keys()))
    strict = Tally()
    strict.count(set(matches), set(truth.pairs.items()))
    result.baselines = {
        "modeldiff": (result.tallies["pairs"], set(matches) == set(pairs.items())),
        "modeldiff, ties wrong": (strict, set(matches) == set(truth.pairs.items())),
    }
    result.tallies["pairs"].count(set(matches), set(pairs.items()))
    result.scores = [(match["score"], match["evidence"], pair in pairs.items()) for pair, match in matches.items()]
    result.faults = [*_wrong_pairs(truth, pairs, matches), *_unlisted(truth, said)]
    _judge_facts(truth, pairs, said, result)
    return result


def _pair(truth: Truth, site: dict[str, Any]) -> Pair | None:
    if not site["old"] or not site["new"]:
        return None
    return truth.old.ids[parse_path(site["old"])], truth.new.ids[parse_path(site["new"])]


def _unlisted(truth: Truth, said: dict[str, Any]) -> list[str]:
    """Layers that do not stand exactly once in the JSON."""
    lines = []
    for key, side in (("old", truth.old), ("new", truth.new)):
        listed = Counter(layer[key] for layer in said["layers"] if layer[key] is not None)
        if listed != Counter(format_path(path) for path in side.ids):
            lines.append(f"the JSON does not list every {key} layer once")
    return lines


# --- pairs in words -------------------------------------------------------------------------------------------


def _name(side: Side, identity: str) -> str:
    return f"{side.nodes[identity].cls} {format_path(side.paths[identity])}"


def _wrong_pairs(truth: Truth, pairs: dict[str, str], matches: dict[Pair, dict[str, Any]]) -> list[str]:
    told = {old: (new, match) for (old, new), match in matches.items()}
    taken = {new for _, new in matches}
    lines = []
    for old in truth.old.order:
        true, said = pairs.get(old), told.get(old)
        if true == (said[0] if said else None):
            continue
        wanted = "removed"
        if true is not None:
            clues = [
                *(["same weights"] if truth.shares_weights((old, true)) else []),
                *(["same name"] if truth.old.names[old] == truth.new.names[true] and old in truth.old.named else []),
                *(["retyped"] if truth.old.nodes[old].cls != truth.new.nodes[true].cls else []),
                *(["told added"] if true not in taken else []),
            ]
            wanted = _name(truth.new, true) + (f" [{', '.join(clues)}]" if clues else "")
        answer = (
            "removed" if said is None else f"{_name(truth.new, said[0])} ({said[1]['evidence']} {said[1]['score']:.2f})"
        )
        lines.append(f"{_name(truth.old, old)} told {answer}, true {wanted}")
    return lines


# --- facts ----------------------------------------------------------------------------------------------------

_KEYS = {"batch_shape": "shape"}
"""Config keys that a constructor calls otherwise."""


def _judge_facts(truth: Truth, pairs: dict[str, str], said: dict[str, Any], result: Result) -> None:
    """Facts are held against the true pairs: a false pair costs here too.

    A rename counts where the headline tells it. What follows from another class (`lstm` is now `gru`) may be told.
    """
    renamed: set[Any] = set()
    keys: set[Any] = set()
    rewired: set[Any] = set()
    weights: Counter[Pair] = Counter()
    alike = {pair for pair in pairs.items() if truth.old.nodes[pair[0]].cls == truth.new.nodes[pair[1]].cls}
    for change in said["changes"]:
        pair = _pair(truth, change) if change["kind"] == "layer-renamed" else None
        if pair is not None and (pair in alike or not truth.is_renumbered(pair)):
            renamed.add(pair)
    for change in [*said["changes"], *said["incidental"]]:
        pair = _pair(truth, change)
        if pair is None:
            continue
        if change["kind"] == "config-changed" and (pair in alike or pair not in pairs.items()):
            keys.add((pair, _KEYS.get(change["key"], change["key"].split(".")[0])))
        elif change["kind"] == "inputs-rewired":
            rewired.add(pair)
        elif change["kind"] == "weight-changed":
            weights[pair] += 1
    comparable = [pair for pair in pairs.items() if truth.changed_weights(pair) is not None]
    for question, told, true in (
        ("renames", renamed, {pair for pair in pairs.items() if truth.is_renamed(pair)}),
        ("keys", keys, {(pair, key) for pair in pairs.items() for key in truth.changed_keys(pair)}),
        ("rewired", rewired, _rewired(truth, pairs, rewired)),
        (
            "weights",
            {(pair, count) for pair, count in weights.items() if pair not in pairs.items() or pair in comparable},
            {(pair, count) for pair in comparable if (count := truth.changed_weights(pair))},
        ),
    ):
        result.tallies[question].count(told, true)
        if result.is_right:
            result.faults += _told_and_true(truth, question, told, true)


def _rewired(truth: Truth, pairs: dict[str, str], told: set[Any]) -> set[Pair]:
    """Pairs that take other tensors.

    Where only the call of the sub-model around it does, it may be told of the layer inside or not: it takes what its
    sub-model is given, as before, and the sub-model's own call tells the rest.
    """
    found = {pair for pair in pairs.items() if truth.is_rewired(pair, pairs)}
    return {pair for pair in found if pair in told or truth.is_rewired(pair, pairs, walled=True)}


def _told_and_true(truth: Truth, question: str, told: set[Any], true: set[Any]) -> list[str]:
    lines = []
    for verb, wrong in (("told though not true", told - true), ("not told", true - told)):
        if wrong:
            shown = [_fact(truth, fact) for fact in sorted(wrong, key=str)[:3]]
            lines.append(
                f"{question} {verb}: {'; '.join(shown)}{f' and {len(wrong) - 3} more' if len(wrong) > 3 else ''}"
            )
    return lines


def _fact(truth: Truth, fact: Any) -> str:
    pair, extra = (fact[0], f" {fact[1]}") if isinstance(fact[0], tuple) else (fact, "")
    return f"{_name(truth.old, pair[0])} → {format_path(truth.new.paths[pair[1]])}{extra}"
