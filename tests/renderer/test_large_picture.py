# Everything of a large model in a real Chromium: what is far away costs nothing, and yet can be found, focused, linked to
# and printed. How fast that is on a machine is measured by tests/benchmarks/page.py.
from __future__ import annotations

import pytest
from models import model

from modeldiff import compare, render

pytestmark = pytest.mark.browser

BLOCKS = 260
LAST = f"b{BLOCKS - 1}_add"
IN_VIEW = """name => {
    const row = [...document.querySelectorAll('#graph a.r')].find(row => row.getAttribute('href') === '#layer=' + name);
    const view = document.querySelector('.scroll').getBoundingClientRect(), box = row && row.getBoundingClientRect();
    return Boolean(row) && box.top >= view.top && box.bottom <= view.bottom && row.checkVisibility({ contentVisibilityAuto: true });
}"""
DRAWN = "document.querySelectorAll('#graph a.r').length"
LAYERS = 4 * BLOCKS + 1


def residual(activation: str) -> str:
    lines, before = ["x: InputLayer(batch_shape=[None, 8])"], "x"
    for index in range(BLOCKS):
        own = activation if index == BLOCKS // 2 else "relu"
        lines += [
            f"b{index}_fc1: Dense(units=8, activation='{own}', w={index}) <- {before}",
            f"b{index}_bn: BatchNormalization <- b{index}_fc1",
            f"b{index}_fc2: Dense(units=8, w={index + 5000}) <- b{index}_bn",
            f"b{index}_add: Add <- b{index}_fc2, {before}",
        ]
        before = f"b{index}_add"
    return "\n".join([*lines, f"outputs: {before}"])


def inception(units: int) -> str:
    lines, before = ["x: InputLayer(batch_shape=[None, 8])"], "x"
    for index in range(24):
        branches = [f"c{index}_{branch}" for branch in "abcd"]
        lines += [f"{name}: Dense(units=8, w={index}) <- {before}" for name in branches]
        lines.append(f"c{index}: Add <- {', '.join(branches)}")
        before = f"c{index}"
    lines += [f"side: Dense(units={units}, w=99) <- x", f"end: Add <- {before}, side", "outputs: end"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.html"
    path.write_text(render(compare(model(residual("relu")), model(residual("tanh"))), "html"), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium, file):
    """Everything, as soon as it is shown."""
    said: list[str] = []
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.click("[data-view=all]")
    yield page
    page.close()
    assert said == []


def all_drawn(page) -> None:
    page.wait_for_function(f"() => {DRAWN} === {LAYERS}")


def test_what_is_far_away_is_drawn_later_and_never_laid_out(page):
    all_drawn(page)
    shown = page.evaluate(
        "[...document.querySelectorAll('#graph .nm')].filter(text => text.checkVisibility({ contentVisibilityAuto: true })).length"
    )
    assert 0 < shown < 200
    assert page.locator("#graph [data-i]").count() == 0


def test_every_layer_and_line_stands_in_its_band(page):
    all_drawn(page)
    outside = page.evaluate("""() => {
        let outside = 0;
        for (const band of document.querySelectorAll('#graph .band')) {
            const own = band.getBoundingClientRect();
            for (const part of band.querySelectorAll('.card, .tg, .e')) {
                const box = part.getBoundingClientRect();
                if (box.top < own.top - 1 || box.bottom > own.bottom + 1) outside++;
            }
        }
        return outside;
    }""")
    assert outside == 0
    assert page.locator("#graph > svg:first-child .card").count() == 0  # no box between two bands


def test_a_link_leads_to_a_layer_far_away(page):
    page.evaluate(f"location.hash = '#layer={LAST}'")
    page.wait_for_function(IN_VIEW, arg=LAST)
    assert page.locator("#graph .on").get_attribute("href") == f"#layer={LAST}"


def test_the_search_of_the_browser_finds_a_layer_far_away(page):
    all_drawn(page)
    assert page.evaluate(f"find('{LAST}')")
    found = page.evaluate("getSelection().anchorNode.parentNode.closest('a').getAttribute('href')")
    assert found == f"#layer={LAST}"


def test_the_keyboard_reaches_what_is_far_away(page):
    all_drawn(page)
    page.evaluate(f"document.querySelector(\"#graph a[href='#layer={LAST}']\").focus()")
    page.wait_for_function(IN_VIEW, arg=LAST)


def test_the_small_map_leads_far_away_where_rows_are_drawn_at_once(page):
    box = page.locator("#mini").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 8)
    page.wait_for_function(IN_VIEW, arg=LAST)


def test_filters_dim_rows_that_are_drawn_later(page):
    page.click(".chip[data-status=changed]")
    all_drawn(page)
    assert page.locator("#graph a.r:not(.dim)").count() == 1


def test_a_fold_closes_and_opens_by_keyboard_and_keeps_the_focus(page):
    all_drawn(page)
    fold = page.locator("#graph .fold > .tg").first
    fold.focus()
    for is_open in ("false", "true"):
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == is_open
    all_drawn(page)


def test_on_paper_all_of_it_is_there(page):
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(DRAWN) == LAYERS
    assert page.locator("#graph .band").count() == 0
    assert page.pdf()[:4] == b"%PDF"
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#graph .band").count() > 1


def test_the_wheel_stretches_and_then_gives_true_sizes(page):
    box = page.locator(".scroll").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    spot = "(() => { const box = document.querySelector('#graph a.r').getBoundingClientRect(); return [box.left, box.top]; })()"
    page.keyboard.down("Control")
    page.mouse.wheel(0, 60)
    page.keyboard.up("Control")
    page.wait_for_function("() => document.querySelector('#graph').style.transform !== ''")
    stretched = page.evaluate(spot)
    page.wait_for_function("() => document.querySelector('#graph').style.transform === ''")
    assert page.evaluate(spot) == pytest.approx(stretched, abs=1.5)


def test_frames_below_each_other_do_not_push_the_rest_away_twice(chromium, tmp_path):
    path = tmp_path / "wide.html"
    path.write_text(render(compare(model(inception(8)), model(inception(9))), "html"), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(path.as_uri())
    page.click("[data-view=all]")
    assert float(page.evaluate("document.querySelector('#graph > svg').getAttribute('viewBox').split(' ')[2]")) < 4000
    page.close()
