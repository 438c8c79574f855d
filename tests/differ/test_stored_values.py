# From the bytes of a file to the verdict: whatever the dtype, the byte order and the storage, the verdict is that on
# the same numbers in memory, which test_movement.py measures against plain numpy. And nobody keeps a block longer than
# it is valid: sources read every block into the same buffer.
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import ArraySource, weight
from numpy.typing import NDArray

from modeldiff.changes import Nature, Options, Outcome
from modeldiff.differ.comparison import Verdict, compare_values
from modeldiff.graph import Weight
from modeldiff.loader.hdf5 import Array, opened
from modeldiff.loader.storage import whole_file

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16"]
STORAGE: dict[str, dict[str, Any]] = {
    "plain": {},
    "chunked": {"chunks": True},
    "gzip": {"chunks": True, "compression": "gzip", "shuffle": True},
    "checked": {"chunks": True, "fletcher32": True},
}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays of one shape and dtype: equal, near, or strangers; scalars, empty ones, NaN and infinities."""
    shape = tuple(draw(st.lists(st.integers(0, 7), max_size=3)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES))).newbyteorder(draw(st.sampled_from("<>")))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    old = random.standard_normal(shape) * draw(st.sampled_from([1e-3, 1.0, 50.0]))
    noise = random.standard_normal(shape) * draw(st.sampled_from([0.0, 1e-3, 10.0]))
    sides = [np.array(old), np.array(old + noise)]
    if dtype.kind in "fc":
        for side in sides:
            for value in draw(st.lists(st.sampled_from([math.nan, math.inf, -math.inf, -0.0]), max_size=3)):
                side.flat[random.integers(side.size) if side.size else slice(0)] = value
    if dtype.kind == "u":
        sides = [np.abs(side) for side in sides]
    with np.errstate(all="ignore"):
        return sides[0].astype(dtype), sides[1].astype(dtype)


def stored(path: Path, arrays: list[NDArray[Any]], options: dict[str, Any]) -> list[Weight]:
    with h5py.File(path, "w") as file:
        for name, array in zip("ab", arrays, strict=True):
            file.create_dataset(name, data=array, **(options if array.size and array.shape else {}))
    with opened(whole_file(str(path), "shown")) as root:
        found = [root.get(name) for name in "ab"]
    weights = []
    for array in found:
        assert isinstance(array, Array)
        weights.append(Weight("w", array.shape, array.dtype, array.source))
    return weights


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs(), st.sampled_from(sorted(STORAGE)), st.sampled_from([Options(), Options(rtol=1e-2, atol=1e-2)]))
def test_storage_does_not_matter(
    tmp_path: Path, arrays: tuple[NDArray[Any], NDArray[Any]], storage: str, options: Options
) -> None:
    little = [array.astype(array.dtype.newbyteorder("<")) for array in arrays]
    inner = [Weight("w", array.shape, str(array.dtype), ArraySource(array)) for array in little]
    outer = stored(tmp_path / "pair.h5", list(arrays), STORAGE[storage])
    assert [(one.shape, one.dtype) for one in outer] == [(one.shape, one.dtype) for one in inner]
    verdict = compare_values(outer[0], outer[1], options)
    assert repr(verdict) == repr(compare_values(inner[0], inner[1], options))
    same = arrays[0].tobytes() == arrays[1].tobytes()
    assert (verdict.outcome is Outcome.IDENTICAL) == same


@dataclass(frozen=True)
class FleetingSource:
    """Every block in the same place, as sources of files have them; what was there before is gone."""

    array: NDArray[Any]
    is_costly: bool = False

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        flat = self.array.reshape(-1)
        buffer = np.empty(min(entries, flat.size), flat.dtype)
        for start in range(0, flat.size, entries):
            buffer.view(np.uint8)[:] = 0x5A
            block = buffer[: min(entries, flat.size - start)]
            block[:] = flat[start : start + entries]
            yield block

    def sample(self, count: int) -> NDArray[Any]:
        return ArraySource(self.array).sample(count)


def situations() -> dict[Nature, tuple[NDArray[Any], NDArray[Any]]]:
    """Tensors of several blocks, one pair for each nature."""
    random = np.random.default_rng(0)
    old = (random.standard_normal((800, 700)) * 0.05).astype("f4")
    noise = random.standard_normal(old.shape).astype("f4")
    adapter = random.standard_normal((800, 4)) @ random.standard_normal((4, 700)) * 1e-3
    broken = old.copy()
    broken[700, 3] = math.nan
    step = np.float32(np.abs(old).max() / 100)
    return {
        Nature.RECAST: (old, old.astype("f2").astype("f4")),
        Nature.FINE_TUNED: (old, old + noise * np.float32(1e-3)),
        Nature.REINITIALISED: (old, noise * np.float32(0.05)),
        Nature.SCALED: (old, old * np.float32(1.5)),
        Nature.PERMUTED: (old, old[:, random.permutation(700)]),
        Nature.PRUNED: (old, np.where(np.abs(old) < 0.02, np.float32(0), old)),
        Nature.QUANTISED: (old, np.round(old / step) * step),
        Nature.RESIZED: (old, np.vstack([old, noise[:50]])),
        Nature.LOW_RANK: (old, (old + adapter).astype("f4")),
        Nature.BROKEN: (old, broken),
    }


@pytest.mark.parametrize("nature", list(situations()))
@pytest.mark.parametrize("is_costly", [False, True], ids=["plain", "costly"])
def test_nobody_keeps_a_block(nature: Nature, *, is_costly: bool) -> None:
    arrays = situations()[nature]

    def verdict(source: type[ArraySource | FleetingSource]) -> Verdict:
        sides = [replace(weight("w", array), source=source(np.ascontiguousarray(array), is_costly)) for array in arrays]
        return compare_values(sides[0], sides[1], Options())

    assert verdict(ArraySource).nature is nature
    assert repr(verdict(FleetingSource)) == repr(verdict(ArraySource))
