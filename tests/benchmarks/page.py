# How fast the page of a large comparison is: until it can be used, and from frame to frame while the picture is moved.
# A chain of dense layers, of which every one changed (the list is long) or one did (the picture is folded).
#
#     python tests/benchmarks/page.py [--layers 4000]         needs Chromium
from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from models import model

from modeldiff import compare, render

LOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
FRAME = """new Promise(done => {
    const scroller = document.querySelector('.scroll'), times = []; let turn = 0;
    const step = now => { times.push(now); scroller.scrollTop = 200 + Math.sin(++turn / 9) * 200;
        if (turn < 90) requestAnimationFrame(step); else done(times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b)[45]); };
    requestAnimationFrame(step);
})"""
"""Median of 90 frames."""


def chain(layers):
    lines, before = ["x: InputLayer(batch_shape=[None, 4])"], "x"
    for index in range(layers // 2):
        lines += [
            f"block{index}_fc: Dense(units=4, w={index}) <- {before}",
            f"block{index}_act: Activation(activation='f{index % 7}') <- block{index}_fc",
        ]
        before = f"block{index}_act"
    return "\n".join([*lines, f"outputs: {before}"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=4000)
    old = chain(parser.parse_args().layers)
    texts = {
        "every weight changed": re.sub(r"w=(\d+)", lambda found: f"w={int(found[1]) + 90_000}", old),
        "one layer changed": old.replace("block9_fc: Dense(units=4", "block9_fc: Dense(units=4, activation='relu'"),
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for name, new in texts.items():
            file = Path(folder) / "page.html"
            file.write_text(render(compare(model(old), model(new)), "html"), encoding="utf-8")
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(file.as_uri())
            loaded = page.evaluate(LOADED)
            for _ in range(6):
                page.keyboard.press("+")
            size = file.stat().st_size / 1e6
            print(f"{name}: {size:.1f} MB, loaded after {loaded:.0f} ms, {page.evaluate(FRAME):.1f} ms a frame")
        browser.close()


if __name__ == "__main__":
    main()
