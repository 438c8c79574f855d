# What people read: one line per situation, calibration, and the failing cases short enough to mend them.
"""Tables and the list of failing cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from benchmarks.matching.score import QUESTIONS, Result, Tally


def _line(name: str, results: Sequence[Result]) -> str:
    tallies = {question: Tally() for question in QUESTIONS}
    for result in results:
        for question, tally in result.tallies.items():
            tallies[question].add(tally)
    right = sum(result.is_right for result in results) / len(results)
    pairs, renames = tallies["pairs"], tallies["renames"]
    numbers = [pairs.precision, pairs.recall, pairs.f1, right, renames.precision, renames.recall]
    numbers += [tallies[question].f1 for question in ("keys", "rewired", "weights")]
    return f"{name:24}{len(results):4} " + "".join(f"{100 * number:7.1f}" for number in numbers)


def situations(results: Sequence[Result]) -> str:
    """Scores by situation, by naming, by weights and in total, in percent."""
    groups: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        case = result.prepared.case
        groups["situation"][case.situation].append(result)
        groups["naming"][case.naming].append(result)
        groups["weights"][case.weights].append(result)
    head = f"{'percent':24}{'n':>4} " + "".join(
        f"{word:>7}" for word in ("pair P", "pair R", "F1", "whole", "name P", "name R", "keys", "wires", "bytes")
    )
    lines = [head]
    for kind in groups.values():
        lines += [_line(name, found) for name, found in kind.items()] + [""]
    return "\n".join([*lines, _line("total", results)])


_BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.01)


def calibration(results: Iterable[Result]) -> str:
    """How often pairs of each score and evidence are right."""
    scores = [score for result in results for score in result.scores]
    lines = ["score            pairs   mean  right %"]
    for low, high in pairwise(_BINS):
        found = [(score, right) for score, _, right in scores if low <= score < high]
        if found:
            mean = sum(score for score, _ in found) / len(found)
            share = 100 * sum(right for _, right in found) / len(found)
            lines.append(
                f"[{low:.3f}, {min(high, 1):.3f}{']' if high > 1 else ')'} {len(found):6} {mean:6.3f} {share:8.1f}"
            )
    sure = [right for score, _, right in scores if score >= 0.9]
    lines.append(f">= 0.9           {len(sure):6}        {100 * sum(sure) / max(1, len(sure)):8.1f}")
    for evidence in sorted({evidence for _, evidence, _ in scores}):
        found = [(score, right) for score, told, right in scores if told == evidence]
        share = 100 * sum(right for _, right in found) / len(found)
        lines.append(f"{evidence:16} {len(found):6} {sum(score for score, _ in found) / len(found):6.3f} {share:8.1f}")
    return "\n".join(lines)


def baselines(results: Sequence[Result]) -> str:
    """Pairs of simple methods on the same cases, in percent."""
    names = list(dict.fromkeys(name for result in results for name in result.baselines))
    lines = [f"{'percent':24}{'n':>4}  pair P  pair R     F1  whole"]
    for name in names:
        total, right, count = Tally(), 0, 0
        for result in results:
            if name in result.baselines:
                tally, is_right = result.baselines[name]
                total.add(tally)
                right, count = right + is_right, count + 1
        numbers = (total.precision, total.recall, total.f1, right / count)
        lines.append(f"{name:24}{count:4} " + "".join(f"{100 * number:7.1f}" for number in numbers))
    return "\n".join(lines)


def failures(results: Sequence[Result], limit: int = 12) -> str:
    """Every case with a fault: what was done, what came out, what is true."""
    lines = []
    for result in results:
        if result.is_right and not result.faults:
            continue
        prepared = result.prepared
        built = f" (built on {prepared.architecture})" if prepared.architecture != prepared.case.architecture else ""
        pairs = result.tallies["pairs"]
        wrong = f"{pairs.told - pairs.right} wrong, {pairs.true - pairs.right} missed of {pairs.true}"
        state = result.error or ("pairs right" if result.is_right else wrong)
        lines.append(f"### {prepared.case.id}{built}: {state}")
        lines.append(f"    {' '.join(str(built.path) for built in prepared.files)}")
        lines += [f"- {fault}" for fault in result.faults[:limit]]
        if len(result.faults) > limit:
            lines.append(f"- and {len(result.faults) - limit} more")
    return "\n".join(lines) + "\n"
