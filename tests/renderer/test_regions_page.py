# What changed together, in a real browser: frames stay around their boxes when folds open, a trace leads to the layer.
from __future__ import annotations

import pytest
from models import model

from modeldiff import compare, render

pytestmark = pytest.mark.browser


def stack(*blocks: int) -> str:
    """Residual blocks of three layers, one behind the other."""
    lines, above = ["x: InputLayer(batch_shape=[None, 8])", "stem: Dense(units=8) <- x"], "stem"
    for block in blocks:
        lines += [
            f"b{block}_fc: Dense(units=8, activation='relu') <- {above}",
            f"b{block}_add: Add <- b{block}_fc, {above}",
            f"b{block}_out: ReLU <- b{block}_add",
        ]
        above = f"b{block}_out"
    return "\n".join([*lines, f"head: Dense(units=2) <- {above}", "outputs: head"])


@pytest.fixture
def opened(chromium, tmp_path):
    def page_of(old: str, new: str):
        path = tmp_path / "page.html"
        path.write_text(render(compare(model(old), model(new)), "html"), encoding="utf-8")
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        assert errors == []
        return page

    return page_of


def edges(locator) -> tuple[float, float, float, float]:
    box = locator.bounding_box()
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def test_a_frame_stays_around_its_boxes_when_a_fold_in_it_opens(opened):
    page = opened(stack(1, 2), stack(1, *range(11, 21), 2))
    before = edges(page.locator("#graph .reg > rect"))
    page.locator(".fold", has_text="×9 more").locator(".tg").click()
    left, top, right, bottom = edges(page.locator("#graph .reg > rect"))
    assert bottom - top > 2 * (before[3] - before[1])
    for name in ("b11_fc", "b12_fc", "b20_out"):
        row = edges(page.locator(f'#graph a.r[href="#layer={name}"] > .b'))
        assert left < row[0] < row[2] < right
        assert top < row[1] < row[3] < bottom
    for name in ("b1_out", "b2_fc"):
        row = edges(page.locator(f'#graph a.r[href="#layer={name}"] > .b'))
        assert row[3] < top or bottom < row[1]


def test_a_trace_leads_to_the_layer_and_takes_no_focus(opened):
    page = opened(stack(1, 2, 3, 4, 5, 6), stack(1, 3, 4, 5, 2, 6))
    trace = page.locator("#graph .was a")
    assert trace.get_attribute("tabindex") == "-1"
    assert "b2 (3 layers) was here" in trace.text_content()
    trace.click()
    assert page.locator("#chosen").inner_text() == "b2_fc"


def told(page) -> str:
    return page.locator(".facts").inner_text()


def test_the_panel_says_which_block_a_layer_is_part_of_and_leads_to_its_ends(opened):
    page = opened(stack(1, 2), stack(1, 7, 2))
    page.goto(f"{page.url}#layer=b7_add")
    assert "part of the residual block added: b7_fc to b7_out (3 layers), built like b" in told(page)
    page.locator(".facts a", has_text="b7_fc").click()
    assert page.locator("#chosen").inner_text() == "b7_fc"
    page.locator(".facts a", has_text="b7_out").click()
    assert page.locator("#chosen").inner_text() == "b7_out"


def test_the_panel_says_of_a_moved_block_where_it_was_and_of_a_rewired_layer_why(opened):
    page = opened(stack(1, 2, 3, 4, 5, 6), stack(1, 3, 4, 5, 2, 6))
    page.goto(f"{page.url}#layer=b2_add")
    assert "part of the residual block moved: b2_fc to b2_out (3 layers); now after b5_out, was after b1_out" in told(
        page
    )
    page.goto(page.url.replace("b2_add", "b3_fc"))
    assert "rewired because b2 (3 layers) moved" in told(page)


def test_the_panel_links_what_a_shape_follows_from(opened):
    old = (
        stack(1)
        .replace("stem: Dense(units=8)", "stem: Dense(units=8, use_bias=True)")
        .replace("Add <- b1_fc, stem", "ReLU <- b1_fc")
    )
    page = opened(old, old.replace("stem: Dense(units=8", "stem: Dense(units=12"))
    page.goto(f"{page.url}#layer=b1_fc")
    assert "follows from stem" in told(page)
    page.locator(".facts a", has_text="stem").click()
    assert page.locator("#chosen").inner_text() == "stem"


def test_a_row_whose_shape_follows_is_quiet_and_drawn_alike_by_the_script(opened):
    old = """
        x: InputLayer(batch_shape=[None, 8])
        a: Dense(units=8, w=1) <- x
        b: Dense(units=8, w=2) <- a
        o: Dense(units=2, w=3) <- b
        outputs: o
    """
    page = opened(old, old.replace("a: Dense(units=8", "a: Dense(units=12"))
    rows = {}
    for view in ("changes", "new"):
        page.locator(f'[data-view="{view}"]').click()
        row = page.locator('#graph a.r[href="#layer=b"]')
        rows[view] = (
            row.get_attribute("class"),
            row.locator("text").all_text_contents(),
            edges(row)[3] - edges(row)[1],
        )
        assert page.locator("#graph a.r.fol").count() == 1
    assert rows["changes"] == rows["new"]
    assert rows["new"][:2] == ("r chg fol", ["~", "b", "shape follows from a"])


def branches(count: int, seed: int) -> str:
    """Branches with long names side by side."""
    lines = ["image: InputLayer(batch_shape=[None, 8])"]
    names = [f"mixed_branch{index}_convolution" for index in range(count)]
    lines += [f"{name}: Dense(units=8, w={seed + index}) <- image" for index, name in enumerate(names)]
    return "\n".join([*lines, f"mixed: Concatenate <- {', '.join(names)}", "outputs: mixed"])


@pytest.mark.parametrize("count", [3, 4])
def test_changed_branches_side_by_side_fit_the_window_and_are_drawn_alike_by_the_script(opened, count):
    page = opened(branches(count, 1), branches(count, 91))
    across = page.locator(".scroll").evaluate("pane => [pane.scrollWidth, pane.clientWidth]")
    assert across[0] <= across[1]
    rows = {}
    for view in ("changes", "new"):
        page.locator(f'[data-view="{view}"]').click()
        row = page.locator('#graph a.r[href="#layer=mixed_branch1_convolution"]')
        rows[view] = [
            (one.get_attribute("class"), one.get_attribute("y"), one.text_content().partition("…")[0].rstrip())
            for one in row.locator("text:not(.nm)").all()
        ]
        assert "mixed_branch1_convolution" in row.text_content().replace("…", "") or row.locator("title").count() == 1
    assert rows["changes"] == rows["new"]
    figure = next(one for one in rows["new"] if one[0] == "val")
    assert figure[1] == ("36" if count == 4 else "19")
    assert figure[2].startswith("moved ")


def test_the_tables_for_paper_say_it_too():
    html = render(compare(model(stack(1, 2)), model(stack(1, 7, 2))), "html")
    tables = html.partition('<section class="tables"')[2].partition("</section>")[0]
    assert tables.count("part of the residual block added: <code>b7_fc</code> to <code>b7_out</code> (3 layers)") == 3


def test_it_is_explained_what_the_picture_shows_and_nothing_else(opened):
    moved = opened(stack(1, 2, 3, 4, 5), stack(1, 3, 4, 5, 2))
    told = moved.inner_text("#overview .how")
    assert "a frame around layers that came, went or moved together" in told
    assert "where layers stood that have moved" in told
    assert "call 2" not in told
    moved.close()
    plain = opened(stack(1), stack(1).replace("units=2", "units=3"))
    told = plain.inner_text("#overview .how")
    assert "a frame around" not in told
    assert "stood" not in told
    plain.close()
    shared = "x: InputLayer(batch_shape=[None, 8])\nboth: Dense(units=8{}) <- x <- both\nsum: Add <- both, both@1\noutputs: sum"
    assert "a shared layer is one box" in opened(shared.format(""), shared.format(", w=9")).inner_text("#overview .how")


def test_a_healthy_weight_says_that_it_is(opened):
    page = opened(stack(1), stack(1).replace("stem: Dense(units=8)", "stem: Dense(units=8, w=4)"))
    page.goto(f"{page.url.partition('#')[0]}#layer=stem")
    row = page.locator("#panel .ten tbody tr", has_text="NaN").first
    assert row.inner_text().split("\t") == ["zeros, NaN, Inf", "0, 0, 0", "0, 0, 0"]
