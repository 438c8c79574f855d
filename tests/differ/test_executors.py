# Whoever runs the work, the result is the same: threads, processes, a Dask cluster. What travels is small (where the
# numbers are, not the numbers), and whole comparisons travel as well.
from __future__ import annotations

import json
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from distributed import Client, LocalCluster

from modeldiff import DiffResult, Options, compare, load

SAMPLES = Path(__file__).parents[2] / "samples"


def compare_files(pair: tuple[str, str]) -> DiffResult:
    """What a user writes to have many comparisons carried by a pool."""
    old, new = map(load, pair)
    return compare(old, new)


@pytest.fixture(scope="module", params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(3) as pool:
            yield pool
    elif request.param == "processes":
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            yield pool
    else:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, protocol="tcp://") as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Every kind of source: plain, chunked, big-endian; every outcome: identical, changed, reshaped, damaged."""
    folder = tmp_path_factory.mktemp("pair")
    names = [f"d{i}" for i in range(12)]
    random = np.random.default_rng(0)
    values = {name: random.standard_normal((300, 200)).astype("f4") for name in names}

    def write(name: str, *, moved: bool) -> str:
        config = [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 300]}}]
        config += [{"class_name": "Dense", "config": {"name": layer, "units": 200}} for layer in names]
        with h5py.File(folder / name, "w") as file:
            net = {"name": "net", "layers": config}
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": net})
            weights = file.create_group("model_weights")
            weights.attrs["layer_names"] = [layer.encode() for layer in names]
            for number, layer in enumerate(names):
                group = weights.create_group(layer)
                group.attrs["weight_names"] = [b"kernel:0"]
                kernel = values[layer] + np.float32(0.01 * moved * (number % 3))
                kernel = kernel[:, :150] if moved and number == 7 else kernel
                kernel = kernel.astype(">f4") if number == 5 else kernel
                packing = {"chunks": (50, 50), "compression": "gzip"} if number == 4 else {}
                group.create_dataset("kernel:0", data=kernel, **packing)
        return str(folder / name)

    return write("old.h5", moved=False), write("new.h5", moved=True)


def test_any_executor_gives_the_same(executor: Executor, pair: tuple[str, str]) -> None:
    old, new = map(load, pair)
    assert repr(compare(old, new, executor=executor)) == repr(compare(old, new))


def test_a_pool_carries_whole_comparisons(executor: Executor, pair: tuple[str, str]) -> None:
    samples = ("layer-added", "weight-changed", "layer-renamed")
    pairs = [pair, *((str(SAMPLES / name / "old.h5"), str(SAMPLES / name / "new.h5")) for name in samples)]
    results = list(executor.map(compare_files, pairs))
    assert list(map(repr, results)) == [repr(compare_files(pair)) for pair in pairs]


def test_what_travels_holds_no_numbers(pair: tuple[str, str]) -> None:
    class Weighing(Executor):
        sizes: list[int] = []  # noqa: RUF012 -- one list for one test

        def submit(self, work: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
            sent = pickle.dumps((work, arguments, options))
            self.sizes.append(len(sent))
            done: Future[Any] = Future()
            work, arguments, options = pickle.loads(sent)
            done.set_result(work(*arguments, **options))
            return done

    old, new = map(load, pair)
    assert repr(compare(old, new, executor=Weighing())) == repr(compare(old, new))
    assert sum(Weighing.sizes) < 20_000


def test_models_and_results_can_be_pickled(pair: tuple[str, str]) -> None:
    old, new = map(load, pair)
    result = compare(old, new, options=Options(rtol=1e-3))
    assert pickle.loads(pickle.dumps(old)) == old
    assert repr(pickle.loads(pickle.dumps(result))) == repr(result)  # NaN is not equal to itself
