# What loading costs beside what it cannot do without: opening the file and parsing its JSON. Everything else `load`
# does (graph, canonical configs, shapes, every weight found and checked) is the ratio. Times are of the processor and the
# best of several runs, taken in turns, so that a busy machine changes them little. Told twice: in a process that has
# imported everything, where the work alone counts, and for whole processes with all their imports, as a user waits.
"""Time `modeldiff.load`, without values: `python tests/benchmarks/load.py [FILE ...] [--keras]`."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np

from modeldiff import load

KERAS = """
import sys, keras
model = keras.applications.ResNet152(weights=None)
for form in ("h5", "keras", "weights.h5"):
    path = f"{sys.argv[1]}/resnet152.{form}"
    model.save_weights(path) if form == "weights.h5" else model.save(path)
"""


def write(path, layers):
    """A chain of Dense layers in the words of Keras 3, as its `.h5` files have them."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
    initializers = {
        key: {"module": "keras.initializers", "class_name": name, "config": config, "registered_name": None}
        for key, name, config in (
            ("kernel_initializer", "GlorotUniform", {"seed": None}),
            ("bias_initializer", "Zeros", {}),
        )
    }
    common = {"trainable": True, "dtype": policy, "units": 16, "activation": "relu", "use_bias": True, **initializers}
    common |= dict.fromkeys(("kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint"))
    names = [f"dense_{number}" for number in range(layers)]
    start = {"batch_shape": [None, 16], "dtype": "float32", "name": "x"}
    entries = [
        {"module": "keras.layers", "class_name": "InputLayer", "name": "x", "config": start, "inbound_nodes": []}
    ]
    for name, source in zip(names, ["x", *names], strict=False):
        config = {"shape": [None, 16], "dtype": "float32", "keras_history": [source, 0, 0]}
        node = {"args": [{"class_name": "__keras_tensor__", "config": config}], "kwargs": {}}
        entry = {"module": "keras.layers", "class_name": "Dense", "name": name, "registered_name": None}
        entries.append({**entry, "config": {"name": name, **common}, "inbound_nodes": [node]})
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[names[-1], 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "net", "trainable": True, "layers": entries, **ends}}
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "3.15.1", "tensorflow"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in ["x", *names]]
        weights.create_group("x").attrs["weight_names"] = []
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{role}".encode() for role in ("kernel", "bias")]
            group[f"{name}/kernel"] = random.standard_normal((16, 16), np.float32)
            group[f"{name}/bias"] = np.zeros(16, np.float32)


ALONE = """
import sys, modeldiff
modeldiff.load(sys.argv[1])
"""
LEAST = """
import json, sys, zipfile
if zipfile.is_zipfile(sys.argv[1]):
    with zipfile.ZipFile(sys.argv[1]) as archive:
        json.loads(archive.read("config.json"))
else:
    import h5py
    with h5py.File(sys.argv[1], "r") as file:
        json.loads(file.attrs.get("model_config", "{}"))
"""


def parse(path):
    """Open it and parse its JSON; nothing to parse in a file of weights."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            json.loads(archive.read("config.json"))
        return
    with h5py.File(path, "r") as file:
        json.loads(file.attrs.get("model_config", "{}"))


def listing(path):
    """Every group and dataset as h5py lists them, with shapes and types."""

    def look(_name, one):
        if isinstance(one, h5py.Dataset):
            _ = one.shape, one.dtype

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            path = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(path, "r") as file:
        file.visititems(look)


def seconds(works, path, runs):
    """Of the fastest run of each."""
    best = [float("inf")] * len(works)
    for _ in range(runs):
        for place, work in enumerate(works):
            start = time.process_time()
            work(path)
            best[place] = min(best[place], time.process_time() - start)
    return best


def processes(programs, path, runs):
    """Of the fastest run of each as a process of its own, compiled modules at hand."""
    best = [float("inf")] * len(programs)
    keeping = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(runs):
        for place, program in enumerate(programs):
            before = os.times()
            subprocess.run([sys.executable, "-c", program, path], check=True, env=keeping)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            best[place] = min(best[place], spent)
    return best


def report(path, runs):
    mine, least, listed = (1000 * one for one in seconds((load, parse, listing), path, runs))
    alone, bare = (1000 * one for one in processes((ALONE, LEAST), path, runs))
    print(
        f"{Path(path).name:24} in process: load {mine:6.1f} ms, open and parse {least:5.1f} ms ({mine / least:4.1f} x), "
        f"list {listed:6.1f} ms ({mine / listed:4.2f} x)   "
        f"whole process: load {alone:4.0f} ms, open and parse {bare:4.0f} ms ({alone / bare:3.1f} x)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="models of your own")
    parser.add_argument("--keras", action="store_true", help="also ResNet152, written by the Keras that is installed")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for layers in (1000, 4000):
            path = f"{folder}/dense-{layers}.h5"
            write(path, layers)
            report(path, arguments.runs)
        if arguments.keras:
            quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run([sys.executable, "-c", KERAS, folder], check=True, env=quiet, stdout=subprocess.DEVNULL)
            for path in sorted(Path(folder).glob("resnet152.*")):
                report(str(path), arguments.runs)
    for path in arguments.files:
        report(path, arguments.runs)


if __name__ == "__main__":
    main()
