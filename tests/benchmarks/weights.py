# How long comparing the weights of two large files takes, beside the tools that know nothing of models: `cmp` for
# files of the same bytes, `h5diff -q` for files of which every tensor changed; and beside itself, for layers that
# were renamed. The files are made here: dense layers in Keras' own HDF5 layout. Runs alternate on a warm cache, and
# the medians are compared, as time and as processor time (which a busy machine disturbs less).
# Memory is the sum over all processes of the command, as the system counts it while it runs: `anonymous` is what the
# command holds, `file` are pages of programs and files, which the system may take back at any time.
#
#     python tests/benchmarks/weights.py [--gib 1] [--layers 128]         needs `h5diff` (Debian: hdf5-tools)
from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).parents[2]

MEMORY = 300
"""Peak resident memory that is accepted, in MB above that of the bare interpreter."""


def write(path, units, layers, *, step=0.0, prefix="dense", comment="", **packing):
    """A Sequential of `layers` square Dense layers; `step` is the size of the noise on every entry."""
    random, noise = np.random.default_rng(0), np.random.default_rng(1)
    names = [f"{prefix}_{i}" for i in range(layers)]
    config = [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, units]}}]
    config += [
        {"class_name": "Dense", "config": {"name": name, "units": units, "activation": "relu"}} for name in names
    ]
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "net", "layers": config}}
        )
        file.attrs["keras_version"] = file.attrs["backend"] = "2.15.0"
        file.attrs["comment"] = comment
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            for role, shape in (("kernel", (units, units)), ("bias", (units,))):
                values = random.standard_normal(shape, np.float32) * np.float32(0.03)
                if step:
                    values += noise.standard_normal(shape, np.float32) * np.float32(step)
                group.create_dataset(f"{name}/{role}:0", data=values, **(packing if role == "kernel" else {}))
    return path


@dataclass(frozen=True)
class Run:
    seconds: float
    processor: float


def run(command, environment):
    """One run, and what it took; its results are removed, as a first run has none to replace."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    for target in command[1:]:
        if str(target).endswith(".json"):
            Path(target).unlink(missing_ok=True)
    return Run(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def family(process):
    """A process and all that it started."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def memory(command, environment):
    """Peak of (anonymous, file) resident memory in MB, over all processes of a command together. Linux."""
    peaks = [0, 0]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            sums = [0, 0]
            try:
                for one in family(process.pid):
                    for line in Path(f"/proc/{one}/status").read_text().splitlines():
                        for place, name in enumerate(("RssAnon:", "RssFile:")):
                            if line.startswith(name):
                                sums[place] += int(line.split()[1])
            except OSError:
                continue  # it ended meanwhile
            peaks = list(map(max, peaks, sums))
            time.sleep(0.004)
    return [peak / 1024 for peak in peaks]


def warm(paths):
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0, help="size of each file")
    parser.add_argument("--layers", type=int, default=128)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-packed", action="store_true", help="leave out the files packed with gzip, which are slow")
    arguments = parser.parse_args()
    units = int((arguments.gib * 2**30 / 4 / arguments.layers) ** 0.5)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As installed: with byte code, which some environments do not keep for a checkout.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "code"), "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def make(part, **how):
            return write(folder / f"{part}.h5", units, arguments.layers, **how)

        old = make("old")
        files = {
            "same": Path(shutil.copy(old, folder / "same.h5")),
            "saved": make("saved", comment="the same weights in other bytes"),
            "moved": make("moved", step=0.001),
            "named": make("named", prefix="block"),
            "named-moved": make("named-moved", prefix="block", step=0.001),
        }

        def ours(new, old=old):
            return [sys.executable, "-m", "modeldiff", "-q", old, new, "-o", folder / "out.json"]

        commands = {
            "cmp": ["cmp", old, files["same"]],
            "h5diff": ["h5diff", "-q", old, files["moved"]],
            **{part: ours(path) for part, path in files.items()},
        }
        commands = {part: command for part, command in commands.items() if shutil.which(command[0])}
        warm([old, *files.values()])
        run(commands["same"], environment)
        runs = {part: [] for part in commands}
        for _ in range(arguments.runs):
            for part, command in commands.items():
                runs[part].append(run(command, environment))
        seconds = {part: statistics.median(one.seconds for one in found) for part, found in runs.items()}
        processor = {part: statistics.median(one.processor for one in found) for part, found in runs.items()}
        for title, part, other, limit in (
            ("identical files", "same", "cmp", 1.0),
            ("identical weights, other bytes", "saved", "cmp", None),
            ("every tensor changed", "moved", "h5diff", 0.75),
            ("layers renamed, identical", "named", "saved", 1.5),
            ("layers renamed and changed", "named-moved", "moved", 1.5),
        ):
            if other not in seconds:
                print(f"{title:32} {other} is not installed")
                continue
            ratio = seconds[part] / seconds[other]
            missed = limit is not None and ratio > limit
            failed |= missed
            print(
                f"{title:32} {seconds[part]:5.2f} s, {other} {seconds[other]:5.2f} s: ratio {ratio:4.2f} "
                f"(processor time {processor[part]:5.2f} s, {processor[other]:5.2f} s: {processor[part] / processor[other]:4.2f})"
                + ("" if limit is None else f"   at most {limit}: {'MISSED' if missed else 'ok'}")
            )
        for path in files.values():
            if path.stem not in {"same", "moved"}:
                path.unlink()
        bare = memory([sys.executable, "-c", "import time; time.sleep(0.5)"], environment)
        pairs = {"identical files": ours(files["same"]), "every tensor changed": ours(files["moved"])}
        if not arguments.no_packed:
            side = units // 4
            packing = {"chunks": (side, side), "compression": "gzip", "compression_opts": 1}
            packed = [folder / "packed.h5", folder / "packed-moved.h5"]
            threads = [
                threading.Thread(target=make, args=(path.stem,), kwargs={"step": step, **packing})
                for path, step in zip(packed, (0, 0.001), strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            pairs["gzip, every tensor changed"] = ours(packed[1], packed[0])
        for title, command in pairs.items():
            start = time.perf_counter()
            peaks = memory(command, environment)
            above = sum(peaks) - sum(bare)
            failed |= above > MEMORY
            print(
                f"{title:32} {time.perf_counter() - start:5.1f} s, memory anonymous {peaks[0]:3.0f} MB, file {peaks[1]:3.0f} MB: "
                f"{above:+4.0f} MB above Python   at most {MEMORY}: {'MISSED' if above > MEMORY else 'ok'}"
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
