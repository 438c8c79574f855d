# How long comparing the weights of two large files takes, beside the tools that know nothing of models: `cmp` for
# files of the same bytes, `h5diff -q` for files of which every tensor changed. The pair is made here: dense layers in
# Keras' own HDF5 layout. Each command runs three times on a warm cache; the best counts, and the ratio is the result.
#
#     python tests/benchmarks/weights.py [--gib 1] [--layers 128]         needs `h5diff` (Debian: hdf5-tools)
from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

TARGETS = {"identical": 1.0, "changed": 0.75}
"""Highest ratio that is accepted, of our time to theirs."""

MEMORY = 300
"""Peak resident memory that is accepted, in MB above that of the bare interpreter."""


def write(path, units, layers, *, step):
    """A Sequential of `layers` square Dense layers; `step` is the size of the noise on every entry."""
    random, noise = np.random.default_rng(0), np.random.default_rng(1)
    names = [f"dense_{i}" for i in range(layers)]
    config = [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, units]}}]
    config += [
        {"class_name": "Dense", "config": {"name": name, "units": units, "activation": "relu"}} for name in names
    ]
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "net", "layers": config}}
        )
        file.attrs["keras_version"] = file.attrs["backend"] = "2.15.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            for role, shape in (("kernel", (units, units)), ("bias", (units,))):
                values = random.standard_normal(shape, np.float32) * np.float32(0.03)
                if step:
                    values += noise.standard_normal(shape, np.float32) * np.float32(step)
                group.create_dataset(f"{name}/{role}:0", data=values)


def best(command, runs=3):
    """Seconds of the fastest run, and the peak memory of one run in MB."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak(command):
    """Peak resident memory of a command in MB."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0, help="size of each file")
    parser.add_argument("--layers", type=int, default=128)
    arguments = parser.parse_args()
    units = int((arguments.gib * 2**30 / 4 / arguments.layers) ** 0.5)
    ours = [sys.executable, "-m", "modeldiff"]
    bare = peak([sys.executable, "-c", "pass"])
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, same, moved = (str(folder / f"{part}.h5") for part in ("old", "same", "moved"))
        write(old, units, arguments.layers, step=0)
        shutil.copy(old, same)
        write(moved, units, arguments.layers, step=0.001)
        for title, theirs, new in (("identical", ["cmp"], same), ("changed", ["h5diff", "-q"], moved)):
            if shutil.which(theirs[0]) is None:
                print(f"{title:10} {theirs[0]} is not installed")
                continue
            command = [*ours, old, new, "-o", str(folder / "out.json")]
            mine, other, memory = best(command), best([*theirs, old, new]), peak(command) - bare
            good = mine <= TARGETS[title] * other and memory <= MEMORY
            failed |= not good
            print(
                f"{title:10} modeldiff {mine:5.2f} s   {' '.join(theirs):9} {other:5.2f} s   "
                f"ratio {mine / other:4.2f} (at most {TARGETS[title]})   memory +{memory:3.0f} MB (at most {MEMORY})   "
                f"{'ok' if good else 'MISSED'}"
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
