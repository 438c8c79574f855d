# The page as it looks, against small grey pictures that a person looked at. Fonts and browsers differ between machines,
# so both pictures are blurred to a grid of cells of 24 pixels before they are compared: what is found is a pane that is
# gone, a column that is elsewhere, a dark page that is light; not a letter. Renew them with --snapshot-update, and look.
from __future__ import annotations

import io
from pathlib import Path

import pytest
from models import model
from PIL import Image, ImageChops, ImageStat

from modeldiff import compare, load, render

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "pull-request"
REFERENCES = ROOT / "tests" / "screenshots"
CELL, SMALLER = 24, 3
"""Pixels of the page in a cell that is compared, and in one of the reference."""
MEAN, FAR, SHARE = 8.0, 48, 0.06
"""Of 255 levels of grey: how far cells may be off on average, and how far all but a share of them."""
SIZES = {1440: 900, 390: 844}


NESTED = """
    left: InputLayer(batch_shape=[None, 8])
    right: InputLayer(batch_shape=[None, 8])
    encoder: Functional <- left <- right
        entry: InputLayer(batch_shape=[None, 8])
        narrow: Dense(units=4, w=1) <- entry
        act: ReLU <- narrow
        outputs: act
    join: Concatenate <- encoder, encoder@1
    top/fc: Dense(units=6, w=2) <- join
    top/act: ReLU <- top/fc
    old_head: Dense(units=2, w=3) <- top/act
    outputs: old_head
"""
CHANGED = (
    NESTED.replace("narrow: Dense(units=4, w=1)", "narrow: Dense(units=4, activation='tanh', w=1)")
    .replace("top/fc: Dense(units=6, w=2)", "top/fc: Dense(units=6, w=9)")
    .replace("old_head", "new_head")
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screenshots")
    old, new = (load(SAMPLE / name) for name in ("old.h5", "new.h5"))
    subjects = {
        "pull-request": compare(old, new),
        "one-model": new,
        "sub-models": compare(model(NESTED), model(CHANGED)),
    }
    for name, subject in subjects.items():
        (folder / f"{name}.html").write_text(render(subject, "html"), encoding="utf-8")
    return folder


def shot(chromium, page_path: Path, width: int, scheme: str) -> bytes:
    context = chromium.new_context(
        viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    taken = page.screenshot()
    context.close()
    return taken


def cells(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.convert("L").resize((size[0] // CELL, size[1] // CELL), Image.Resampling.BOX)


@pytest.mark.parametrize("view", [(width, scheme) for width in SIZES for scheme in ("light", "dark")], ids=str)
@pytest.mark.parametrize("name", ["pull-request", "one-model", "sub-models"])
def test_the_page_looks_as_it_did(chromium, pages, request, name, view):
    width, scheme = view
    taken = shot(chromium, pages / f"{name}.html", width, scheme)
    image = Image.open(io.BytesIO(taken))
    path = REFERENCES / f"{name}-{width}-{scheme}.png"
    if request.config.getoption("update_snapshots"):
        small = image.convert("L").resize((width // SMALLER, SIZES[width] // SMALLER), Image.Resampling.BOX)
        path.parent.mkdir(exist_ok=True)
        small.quantize(16).save(path, optimize=True)
        if path.stem == "pull-request-1440-light":  # the picture in README.md
            image.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
                SAMPLE / "page.png", optimize=True
            )
    off = ImageChops.difference(*(cells(one, image.size) for one in (image, Image.open(path))))
    levels = off.histogram()
    assert ImageStat.Stat(off).mean[0] <= MEAN
    assert sum(levels[FAR:]) <= SHARE * sum(levels)


def test_pictures_that_differ_are_told_apart():
    shapes = {path.stem: Image.open(path).convert("L") for path in REFERENCES.glob("*-1440-*.png")}
    first = shapes["pull-request-1440-light"]
    for name, other in shapes.items():
        off = ImageChops.difference(*(cells(one, (1440, 900)) for one in (first, other)))
        assert (ImageStat.Stat(off).mean[0] <= MEAN / 2) is (name == "pull-request-1440-light")
