# The alignment alone, on letters: what it pairs, that a run stays together, and that a band finds a far shift.
from __future__ import annotations

import numpy as np
import pytest

from modeldiff.differ import align as module
from modeldiff.differ.align import align


def aligned(old: str, new: str, guides: tuple[tuple[int, int], ...] = ()) -> list[tuple[int, int]]:
    letters = np.array(list(new))

    def scores(first: int, last: int, low: int, high: int) -> np.ndarray:
        return np.where(letters[low:high] == np.array(list(old[first:last]))[:, None], 2.0, -5.0)

    return align(len(old), len(new), scores, lambda: guides)


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "axbc", [(0, 0), (1, 2), (2, 3)]),
        ("axbc", "abc", [(0, 0), (2, 1), (3, 2)]),
        ("abc", "xyz", []),
        ("", "abc", []),
        ("abc", "", []),
        ("xab", "ab", [(1, 0), (2, 1)]),
        ("abx", "ab", [(0, 0), (1, 1)]),
        ("ab", "aXYZb", [(0, 0), (1, 4)]),
    ],
)
def test_pairs(old: str, new: str, pairs: list[tuple[int, int]]) -> None:
    assert aligned(old, new) == pairs


def test_a_block_is_one_gap() -> None:
    # conv, norm, act three times; one block more. A gap of three is cheaper than three gaps of one.
    pairs = aligned("cnacna", "cnacnacna")
    missing = sorted(set(range(9)) - {column for _, column in pairs})
    assert len(pairs) == 6
    assert missing == list(range(missing[0], missing[0] + 3))


def test_a_band_follows_its_guides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CELLS", 100)
    monkeypatch.setattr(module, "_BAND", 5)
    old = "".join(chr(0x4E00 + k) for k in range(400))
    new = old[100:] + "".join(chr(0x3040 + k) for k in range(90)) + "z" * 10
    guides = ((150, 50), (300, 200))
    assert aligned(old, new, guides) == [(k, k - 100) for k in range(100, 400)]


def test_a_full_table_and_a_wide_band_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    old = "".join(random.choice(list("abcd"), 60))
    new = old[:20] + "".join(random.choice(list("abcd"), 7)) + old[25:]
    full = aligned(old, new)
    monkeypatch.setattr(module, "_CELLS", 1)
    monkeypatch.setattr(module, "_BAND", 40)
    assert len(aligned(old, new)) == len(full)
