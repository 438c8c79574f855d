# `python -m benchmarks.matching` with tests/ on the path, or `python tests/benchmarks/matching`: a folder that is
# run as a script has no package around it, so the path is put right first.
"""Measure how well layers are paired: prints tables, and the failing cases on request."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    """Run the benchmark as the arguments say."""
    from benchmarks.matching import table
    from benchmarks.matching.build import NotBuildable
    from benchmarks.matching.cases import SITUATIONS, cases, prepare
    from benchmarks.matching.score import Result, score
    from benchmarks.matching.truth import Truth

    parser = argparse.ArgumentParser(prog="benchmarks.matching", description=__doc__)
    parser.add_argument("--cases", type=int, default=600, help="how many, in rounds over all situations")
    parser.add_argument("--seed", type=int, default=0, help="other cases, of architectures for validation alone")
    parser.add_argument("--situation", choices=list(SITUATIONS), help="only this one")
    parser.add_argument("--cache", type=Path, help="keep the built files here (default: a temporary folder)")
    parser.add_argument("--failures", type=Path, help="write the failing cases to this file")
    parser.add_argument("--no-baselines", action="store_true", help="only modeldiff")
    parser.add_argument("--timing", action="store_true", help="only the timing of matching large models")
    parser.add_argument("--raise", action="store_true", dest="raises", help="stop at the first exception")
    given = parser.parse_args()
    if given.timing:
        from benchmarks.matching.timing import report

        print(report())
        return 0
    folder = given.cache or Path(tempfile.mkdtemp(prefix="matching-"))
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    seconds = 0.0
    for case in cases(given.cases, given.situation, given.seed):
        try:
            prepared = prepare(case, folder)
        except NotBuildable as error:
            print(error)
            continue
        start = time.perf_counter()
        try:
            result = score(prepared)
        except Exception as error:  # a crash is the worst answer and belongs into the list
            if given.raises:
                raise
            result = Result(prepared, error=f"{type(error).__name__}: {error}"[:300])
            result.tallies["pairs"].count(set(), set(Truth.of(prepared).pairs))
        seconds += time.perf_counter() - start
        if not given.no_baselines:
            from benchmarks.matching.baselines import judge

            result.baselines.update(judge(prepared))
        results.append(result)
    print(table.situations(results), end="\n\n")
    print(table.calibration(results), end="\n\n")
    print(table.baselines(results), end="\n\n")
    print(f"{len(results)} cases, {seconds:.0f} s in modeldiff, files in {folder}")
    if given.failures:
        given.failures.write_text(table.failures(results), encoding="utf-8")
    else:
        print(table.failures(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
