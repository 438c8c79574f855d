# How fast the page of a large comparison is in Chromium: until it can be used, until a view is shown, and from frame to
# frame while the picture is moved. Residual nets of 1000 and 4000 layers with one change, and with `--keras` large real
# models. Nothing is faked: the command runs as a process, its time stands beside that of `import h5py` in the same run,
# and frames are those that the browser gave to requestAnimationFrame. Software rendering on a machine that does other
# work loses frames that are not the page's fault, so the processor's time a frame of the page's own thread is told too.
#
#     python tests/benchmarks/page.py [--keras] [--cache FOLDER]         needs Chromium; --keras TensorFlow once
from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import applications
import h5py
import numpy as np
from playwright.sync_api import sync_playwright

FRAMES, STEP = 150, 40
"""How long each movement lasts, and its pixels a frame."""
VIEWS = ("changes", "all", "old", "new")
MOVES = {
    "drag": """const box = scroller.getBoundingClientRect(), x = box.left + box.width / 2;
        const send = kind => scroller.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: x, clientY: y, button: 0, buttons: 1, pointerType: 'mouse' }));
        if (!turn) { y = box.bottom - 20; send('pointerdown'); }
        y -= step; send('pointermove');
        if (y < box.top + 20) { send('pointerup'); y = box.bottom - 20; send('pointerdown'); }
        if (turn === frames - 1) send('pointerup');""",
    "wheel": "scroller.scrollBy(0, step);",
    "map": """const map = document.querySelector('#mini'), box = map.getBoundingClientRect();
        map.setPointerCapture = () => {};
        map.dispatchEvent(new PointerEvent(turn ? 'pointermove' : 'pointerdown', { clientX: box.left + 30, clientY: box.top + 8 + box.height * turn / frames, buttons: 1 }));""",
    "zoom": """const box = scroller.getBoundingClientRect();
        scroller.dispatchEvent(new WheelEvent('wheel', { bubbles: true, cancelable: true, ctrlKey: true, deltaY: turn % 80 < 40 ? 9 : -9, clientX: box.left + 300, clientY: box.top + 300 }));""",
}
MOVE = """([frames, step]) => new Promise(done => {
    const scroller = document.querySelector('.scroll'), times = []; let turn = 0, y = 0;
    const next = now => { times.push(now); if (turn < frames) { %s turn++; requestAnimationFrame(next); } else done(times.slice(1).map((time, i) => time - times[i])); };
    requestAnimationFrame(next);
})"""
SWITCH = """view => new Promise(done => {
    const start = performance.now();
    document.querySelector(`[data-view=${view}]`).click();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
})"""
"""Until the frame with the other view was given to the screen."""
READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def write(path: Path, layers: int, activation: str) -> None:
    """Residual blocks of four layers in the words of Keras 3; the one in the middle has this activation."""
    entries, weighted = [], []

    def add(class_name: str, name: str, *inputs: str, **config: object) -> str:
        tensors = [
            {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": [maker, 0, 0]}}
            for maker in inputs
        ]
        nodes = [{"args": tensors if len(tensors) == 1 else [tensors], "kwargs": {}}] if tensors else []
        entry = {"class_name": class_name, "module": "keras.layers", "config": {"name": name, **config}, "name": name}
        entries.append({**entry, "inbound_nodes": nodes})
        return name

    end = add("InputLayer", "x", batch_shape=[None, 8], dtype="float32")
    for index in range(layers // 4):
        own = activation if index == layers // 8 else "relu"
        first = add("Dense", f"b{index}_fc1", end, units=8, activation=own, use_bias=False)
        middle = add("ReLU", f"b{index}_relu", first)
        second = add("Dense", f"b{index}_fc2", middle, units=8, activation="linear", use_bias=False)
        end = add("Add", f"b{index}_add", second, end)
        weighted += [first, second]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[end, 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "net", "trainable": True, "layers": entries, **ends}}
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "3.15.1"
        weights = file.create_group("model_weights")
        for name in weighted:
            weights.create_group(name).attrs["weight_names"] = [f"{name}/kernel".encode()]
            weights[name][f"{name}/kernel"] = random.standard_normal((8, 8), np.float32)


def seconds(*command: str) -> float:
    """Of the processor, for one process; the best of three."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        assert done.returncode < 2, command
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def traced(browser, page, work):
    """What `work` returns, and the milliseconds of the processor that the page's own thread used meanwhile."""
    browser.start_tracing(page=page, categories=["toplevel"])
    found = work()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    tasks = (one for one in events if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) in threads)
    return found, sum(one.get("tdur", 0) for one in tasks) / 1000


def measure(browser, name: str, old: Path, new: Path, views: list[str]) -> None:
    file = old.with_name(f"{name}.html")
    least = seconds(sys.executable, "-c", "import h5py")
    taken = seconds(sys.executable, "-m", "modeldiff", str(old), str(new), "-o", str(file))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(file.as_uri())
    print(
        f"{name}: {file.stat().st_size / 1000:.0f} kB, command {taken:.2f} s = {taken / least:.1f} x import h5py,"
        f" interactive after {page.evaluate(READY):.0f} ms, first scale {page.inner_text('#zoom')}",
        flush=True,
    )
    for view in views:
        shown, busy = traced(browser, page, lambda view=view: page.evaluate(SWITCH, view))
        print(f"  {view}: shown after {shown:.0f} ms ({busy:.0f} ms of the processor)", flush=True)
        page.wait_for_timeout(500)
        for move, code in MOVES.items():
            page.evaluate("document.querySelector('.scroll').scrollTo(0, 300)")
            times, busy = traced(browser, page, lambda code=code: sorted(page.evaluate(MOVE % code, [FRAMES, STEP])))
            print(
                f"    {move:5} {1000 * len(times) / sum(times):3.0f} frames a second, median {statistics.median(times):.0f} ms,"
                f" 95 % within {times[len(times) * 95 // 100]:.0f} ms; processor {busy / len(times):.1f} ms a frame",
                flush=True,
            )
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keras", action="store_true", help="large real models too")
    parser.add_argument("--cache", type=Path, help="a folder where the files of large real models stay")
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--views", nargs="*", default=["changes", "all"], choices=VIEWS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        pairs = {}
        for layers in (1000, 4000):
            pair = [Path(temporary) / f"residual{layers}-{side}.h5" for side in ("old", "new")]
            for path, activation in zip(pair, ("relu", "tanh"), strict=True):
                write(path, layers, activation)
            pairs[f"residual {layers}"] = pair
        if asked.keras:
            folder = asked.cache or Path(temporary)
            names = [name for name in applications.NAMES if not asked.only or name in asked.only]
            subprocess.run([sys.executable, applications.__file__, str(folder), *names], check=True)
            pairs |= {name: [folder / f"{name}-{side}.h5" for side in ("old", "new")] for name in names}
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for name, (old, new) in pairs.items():
            if not asked.only or name in asked.only:
                measure(browser, name, old, new, asked.views)
        browser.close()


if __name__ == "__main__":
    main()
