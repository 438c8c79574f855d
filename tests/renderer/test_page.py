# The page in a real Chromium. Nothing is skipped where there is none: a page that nobody opened is not tested.
from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from models import model

from modeldiff import compare, diagram, load, render, report, survey
from modeldiff.diagram import Fold
from modeldiff.graph import Note, TensorRef

pytestmark = pytest.mark.browser

OLD = """
    image: InputLayer(batch_shape=[None, 8])
    stem: Dense(units=8, w=1) <- image
    a1: Dense(units=8, w=2) <- stem
    a2: ReLU <- a1
    a_add: Add <- a2, stem
    b1: Dense(units=8, w=3) <- a_add
    b2: ReLU <- b1
    b_add: Add <- b2, a_add
    c1: Dense(units=8, w=4) <- b_add
    c2: Dense(units=8, activation='tanh', w=5) <- c1
    gone: Dropout(rate=0.5) <- c2
    encoder: Functional <- gone
        ex: InputLayer(batch_shape=[None, 8])
        ed: Dense(units=8, w=6) <- ex
        outputs: ed
    head: Dense(units=2, w=7) <- encoder
    outputs: head
"""
NEW = (
    OLD.replace("    gone: Dropout(rate=0.5) <- c2\n", "    fresh: Dense(units=8, activation='elu', w=8) <- c2\n")
    .replace("encoder: Functional <- gone", "encoder: Functional <- fresh")
    .replace("c1: Dense(units=8, w=4)", "c1: Dense(units=8, w=44)")
    .replace("ed: Dense(units=8, w=6)", "ed: Dense(units=8, activation='relu', w=6)")
)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "'\"><svg onload=alert(1)>",
    "${alert(1)}{{7*7}}",
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Written once: the comparison and one model."""
    folder = tmp_path_factory.mktemp("pages")
    result = compare(model(OLD, path="cnn_v1.h5"), model(NEW, path="cnn_v2.h5"))
    (folder / "diff.html").write_text(render(result, "html"), encoding="utf-8")
    (folder / "one.html").write_text(render(result.new, "html"), encoding="utf-8")
    return folder


@pytest.fixture
def opened(chromium, request):
    """Opens a file; at the end there must have been no message, no error and no request."""
    said: list[str] = []
    contexts = []

    def open_(path: Path, hash_: str = "", **options):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda wanted: None if wanted.url.startswith(("file:", "data:")) else said.append(f"request: {wanted.url}"),
        )
        page.goto(path.as_uri() + hash_)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []


HEADING = "document.querySelector('#panel article h3')?.textContent ?? ''"


def shows(page, name: str) -> None:
    """Wait until the panel shows the layer, or nothing for ""; a link's `hashchange` comes after the click."""
    page.wait_for_function(f"name => ({HEADING}) === name", arg=name)


def visible_rows(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('.it')].filter(row => row.checkVisibility()).map(row => row.getAttribute('href').slice(1))"
    )


def test_a_long_line_of_the_head_can_be_read_on(opened, tmp_path):
    folder = Path(__file__).parents[2] / "samples" / "pull-request"
    text = render(compare(load(str(folder / "old.h5")), load(str(folder / "new.h5"))), "html")
    (tmp_path / "sample.html").write_text(text, encoding="utf-8")
    page = opened(tmp_path / "sample.html")
    line = page.locator(".breaks dd", has_text="skip_mismatch")
    before = line.bounding_box()["height"]
    line.locator(".more").click()
    assert line.bounding_box()["height"] > before
    assert not line.locator(".more").is_visible()
    page = opened(tmp_path / "sample.html", viewport={"width": 3000, "height": 900})
    assert page.locator(".breaks dd.cut").count() == 0


# --- what it says ---------------------------------------------------------------------------------------------


def test_it_opens_with_the_verdict_first_and_nothing_from_outside(opened, pages):
    page = opened(pages / "diff.html")
    assert page.inner_text("h1").startswith("Architecture changed:")
    assert "cnn_v1.h5" in page.inner_text(".files")
    words = report.build(compare(model(OLD, path="cnn_v1.h5"), model(NEW, path="cnn_v2.h5")))
    chips = {chip.split()[-1]: int(chip.split()[-2]) for chip in page.locator(".chip").all_inner_texts()}
    assert chips == {status.value: count for status, count in words.statuses} | {
        impact.label: count for impact, count in words.impacts
    }
    assert len(visible_rows(page)) == sum(count for _, count in words.statuses)


def test_the_policy_allows_nothing_but_this_page(pages):
    text = (pages / "diff.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", text)
    assert render(compare(model(OLD, path="cnn_v1.h5"), model(NEW, path="cnn_v2.h5")), "html") == text


def test_one_model_is_an_architecture_review(opened, pages):
    page = opened(pages / "one.html")
    assert page.locator(".chip").count() == 0
    assert page.locator("#graph .sg").count() == 0
    assert page.inner_text("#views") == "Overview\nEverything"
    assert page.inner_text(".grp h3").split("\n")[-1] == "parameters"
    page.click("a.it >> text=stem")
    shows(page, "stem")
    assert "72 parameters" in page.inner_text("#panel")
    page.click("a.it >> text=encoder")
    shows(page, "encoder")
    assert re.search(r"layers · \d+ parameters", page.inner_text("#panel"))
    assert "parameters inside" in page.locator("#strip").get_attribute("aria-valuetext")
    page.click("a.it >> text=stem")
    shows(page, "stem")
    assert "units" in page.inner_text("#panel")


def test_each_side_alone_says_nothing_of_the_other(opened, tmp_path):
    old = """
        x: InputLayer(batch_shape=[None, 8])
        drop: Dropout(rate=0.2) <- x
        enc: Functional <- drop
            ex: InputLayer(batch_shape=[None, 8])
            act: ReLU <- ex
            ed: Dense(units=10, w=6) <- act
            outputs: ed
        soft: Softmax <- enc
        head: Dense(units=2, w=7) <- soft
        outputs: head
    """
    renamed = old.replace("enc", "encoder").replace("act", "relu").replace("head:", "top:").replace(": head", ": top")
    new = renamed.replace("rate=0.2", "rate=0.3").replace("units=10", "units=12").replace("relu: ReLU", "relu: ELU")
    (tmp_path / "page.html").write_text(render(compare(model(old), model(new)), "html"), encoding="utf-8")
    page = opened(tmp_path / "page.html")
    told = {}
    for view in ("old", "new"):
        page.click(f"[data-view={view}]")
        told[view] = " ".join(page.locator("#graph text, #graph title").all_text_contents())
    for mine, others in (("old", "new"), ("new", "old")):
        words = {
            "old": ["rate 0.2", "10 units", "ReLU", "enc ", "act ", "head "],
            "new": ["rate 0.3", "12 units", "ELU", "encoder", "relu ", "top "],
        }
        for word in words[mine]:
            assert word in told[mine]
            assert word not in told[others]
    assert not re.search("rate:|follows|reshaped|retyped", told["old"])  # there are its parameters instead


# --- choosing -------------------------------------------------------------------------------------------------


def test_a_choice_shows_in_list_picture_strip_and_panel(opened, pages):
    page = opened(pages / "diff.html")
    page.click(".it >> text=c1")
    shows(page, "c1")
    assert page.evaluate("location.hash") == "#layer=c1"
    assert page.locator(".it[aria-current]").get_attribute("href") == "#layer=c1"
    assert page.locator("#graph .on").get_attribute("href") == "#layer=c1"
    assert page.locator("#strip").get_attribute("aria-valuetext").startswith("c1: moved")
    assert page.locator("#panel .hist").count() == 1  # the kernel's; eight biases are no distribution
    row, rows = page.locator(".it[aria-current]").bounding_box(), page.locator("#rows").bounding_box()
    assert rows["y"] <= row["y"] <= row["y"] + row["height"] <= rows["y"] + rows["height"] + 1
    page.click("#graph a[href='#layer=fresh']")
    shows(page, "fresh")
    page.keyboard.press("Escape")
    shows(page, "")
    assert page.evaluate("location.hash") == ""


def test_a_removed_layer_has_an_address_of_its_own(opened, pages):
    page = opened(pages / "diff.html", "#old=gone")
    shows(page, "gone")
    assert "removed" in page.inner_text("#panel")


def test_back_and_forward_walk_through_the_choices(opened, pages):
    page = opened(pages / "diff.html")
    page.click(".it >> text=c1")
    shows(page, "c1")
    page.click(".it >> text=fresh")
    shows(page, "fresh")
    page.go_back()
    shows(page, "c1")
    page.go_forward()
    shows(page, "fresh")


def test_links_in_the_panel_lead_to_neighbours(opened, pages):
    page = opened(pages / "diff.html", "#layer=fresh")
    page.click("#panel .nb a >> text=c2")
    shows(page, "c2")


def test_quick_choices_leave_no_pane_behind(opened, pages):
    page = opened(pages / "diff.html")
    rows = visible_rows(page)
    for _ in range(3):
        page.evaluate(
            """rows => new Promise(done => {
                let late = rows.length;
                addEventListener("hashchange", () => { if (!--late) done(); });
                for (const row of rows) location.hash = row;
            })""",
            rows,
        )
        assert page.locator(".it[aria-current]").get_attribute("href") == "#" + rows[-1]
        assert page.locator("#panel article").count() == 1
        assert page.evaluate(HEADING) in rows[-1]


def test_an_address_inside_a_fold_opens_it(opened, pages):
    page = opened(pages / "diff.html", "#layer=a_add")
    row = page.locator("#graph a[href='#layer=a_add']")
    assert row.count() == 1
    assert row.evaluate("row => row.classList.contains('on')")
    shows(page, "a_add")


# --- the list -------------------------------------------------------------------------------------------------


def test_chips_filter_the_list_and_dim_the_picture(opened, pages):
    page = opened(pages / "diff.html")
    page.click(".chip[data-status=added]")
    assert visible_rows(page) == ["layer=fresh"]
    assert page.locator("#graph .dim").count() > 0
    assert page.inner_text("#shown") == "1 of 4 changed layers"
    page.click(".chip[data-status=removed]")
    assert sorted(visible_rows(page)) == ["layer=fresh", "old=gone"]
    page.click(".chip[data-impact=numeric]")
    assert page.inner_text("#shown") == "Nothing matches."
    page.click("#clear")
    assert not page.locator("#clear").is_visible()
    assert page.locator("#graph .dim").count() == 0


def test_search_finds_changed_and_unchanged_layers(opened, pages):
    page = opened(pages / "diff.html")
    page.keyboard.press("/")
    page.keyboard.type("b_ad")
    assert visible_rows(page) == ["layer=b_add"]
    assert page.inner_text("#shown").endswith(", 1 unchanged")
    page.keyboard.press("Enter")
    shows(page, "b_add")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert len(visible_rows(page)) > 1


def test_search_reads_class_values_and_weights_and_lights_what_it_found(opened, pages):
    page = opened(pages / "diff.html")
    page.fill("#q", "dense")
    found = visible_rows(page)
    assert {"layer=stem", "layer=b1", "layer=c1", "layer=head"} <= set(found)  # unchanged ones too
    assert "layer=b_add" not in found
    lit = page.locator("#graph a.r:not(.dim)").evaluate_all(
        "rows => rows.map(row => row.getAttribute('href').slice(1))"
    )
    assert "layer=c1" in lit
    assert set(lit) <= set(found)
    page.fill("#q", "kernel")  # of weights, what happened to them
    assert "layer=c1" in visible_rows(page)


def test_the_keyboard_walks_the_list(opened, pages):
    page = opened(pages / "diff.html")
    rows = visible_rows(page)
    for row in rows:
        page.keyboard.press("j")
        assert page.evaluate("location.hash") == "#" + row
    page.keyboard.press("k")
    assert page.evaluate("location.hash") == "#" + rows[-2]
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.className").startswith("chip")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")


def test_a_sub_model_lists_what_changed_in_it(opened, pages):
    page = opened(pages / "diff.html", "#layer=encoder")
    assert "unchanged itself" in page.inner_text("#panel article")
    page.click("#panel a[href='#layer=encoder/ed']")
    shows(page, "encoder/ed")


def test_the_address_of_an_old_name_leads_to_the_layer_and_an_unknown_one_is_said(opened, tmp_path):
    renamed = model(NEW.replace("c2:", "tail:").replace("<- c2", "<- tail"), path="cnn_v2.h5")
    text = render(compare(model(OLD, path="cnn_v1.h5"), renamed), "html")
    (tmp_path / "renamed.html").write_text(text, encoding="utf-8")
    shows(opened(tmp_path / "renamed.html", "#layer=c2"), "c2 → tail")
    lost = opened(tmp_path / "renamed.html", "#layer=nowhere").locator("#lost")
    assert lost.is_visible()


def test_the_strip_walks_all_layers(opened, pages):
    page = opened(pages / "diff.html")
    page.focus("#strip")
    page.keyboard.press("Home")
    shows(page, "image")
    page.keyboard.press("ArrowRight")
    shows(page, "stem")
    box = page.locator("#strip").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 20)
    shows(page, "head")


# --- the picture ----------------------------------------------------------------------------------------------


def geometry(page):
    """Boxes that overlap, and lines that start or end in the open; of everything displayed."""
    return page.evaluate("""() => {
        const cards = [...document.querySelectorAll('#graph .card > .frame, #graph .fold:not(.open) .pill')].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect());
        let overlaps = 0;
        cards.forEach((a, i) => cards.slice(0, i).forEach(b => { if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) overlaps++; }));
        const slanted = [...document.querySelectorAll('#graph .e')].filter(line => {
            const numbers = (line.getAttribute('d').match(/-?\\d+(\\.\\d+)? -?\\d+(\\.\\d+)?/g) || []).map(pair => pair.split(' ').map(Number));
            return numbers.some(([x, y], i) => i && x !== numbers[i - 1][0] && y !== numbers[i - 1][1]);
        }).length;
        return [overlaps, slanted];
    }""")


def test_a_fold_opens_in_place_and_closes_again(opened, pages):
    page = opened(pages / "diff.html")
    rows = page.locator("#graph a.r").count()
    below = page.locator("#graph a[href='#layer=head'] .b")
    before = below.bounding_box()["y"]
    fold = page.locator("#graph .fold > .tg").first
    inside = int(re.search(r"(\d+) unchanged", fold.get_attribute("aria-label"))[1])
    fold.focus()
    page.keyboard.press("Enter")
    assert fold.get_attribute("aria-expanded") == "true"
    assert page.locator("#graph a.r").count() == rows + inside
    assert below.bounding_box()["y"] > before + 26 * inside
    assert geometry(page) == [0, 0]
    fold.click()
    assert page.locator("#graph a.r").count() == rows
    assert below.bounding_box()["y"] == pytest.approx(before, abs=1)


def test_everything_shows_every_layer_and_changes_goes_back(opened, pages):
    page = opened(pages / "diff.html")
    rows = page.locator("#graph a.r").count()
    page.click("[data-view=all]")
    every = page.evaluate("JSON.parse(document.querySelector('#data').textContent).layers.map(layer => '#' + layer.a)")
    drawn = page.evaluate("[...document.querySelectorAll('#graph a.r')].map(row => row.getAttribute('href'))")
    assert sorted(drawn) == sorted(every)
    assert geometry(page) == [0, 0]
    page.click("[data-view=changes]")
    assert page.locator("#graph a.r").count() == rows


def test_old_and_new_are_pictures_of_their_own(opened, pages):
    result = compare(model(OLD), model(NEW))
    page = opened(pages / "diff.html")
    for view, side in (("old", "old"), ("new", "new"), ("old", "old")):
        page.click(f"[data-view={view}]")
        while (closed := page.locator("#graph .tg[aria-expanded=false]")).count():
            closed.first.dispatch_event("click")
        drawn = page.evaluate(
            "[...document.querySelectorAll('#graph a.r')].map(row => row.getAttribute('href').slice(1))"
        )
        assert sorted(drawn) == sorted(site.address for site in result.sites() if getattr(site, side) is not None)
        assert page.locator("#graph .e.add, #graph .e.del").count() == 0
        assert geometry(page) == [0, 0]
    page.click("[data-view=changes]")
    assert page.locator("#graph .e.add").count() > 0


def test_zoom_and_fit(opened, pages):
    page = opened(pages / "diff.html")
    wide = page.locator("#graph").bounding_box()["width"]
    page.keyboard.press("+")
    assert page.locator("#graph").bounding_box()["width"] > wide
    page.keyboard.press("0")
    box, stage = page.locator("#graph").bounding_box(), page.locator(".scroll").bounding_box()
    assert box["height"] <= stage["height"] + 1


def test_the_picture_is_moved_by_dragging_and_by_the_overview(opened, pages):
    page = opened(pages / "diff.html")
    stage = page.locator(".scroll").bounding_box()
    for _ in range(3):
        page.keyboard.press("+")
    page.evaluate("document.querySelector('.scroll').scrollTop = 0")
    page.mouse.move(stage["x"] + 30, stage["y"] + 300)
    page.mouse.down()
    page.mouse.move(stage["x"] + 30, stage["y"] + 100, steps=4)
    page.mouse.up()
    page.wait_for_function("Math.abs(document.querySelector('.scroll').scrollTop - 200) <= 3")
    page.mouse.click(*[page.locator("#mini").bounding_box()[key] + 8 for key in ("x", "y")])
    page.wait_for_function("document.querySelector('.scroll').scrollTop === 0")


# --- readers and media ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["diff.html", "one.html"])
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (900, "light"), (390, "dark")])
def test_axe_finds_nothing(opened, pages, name, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(
        pages / name, "#layer=c1", viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    for step in ("", "[data-view=all]", "#keys"):
        if step and page.locator(step).is_visible():
            page.click(step)
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("width", [360, 390, 719, 720, 1079, 1080, 1440, 2560, 3840])
def test_nothing_is_wider_than_the_window(opened, pages, width):
    page = opened(pages / "diff.html", viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_follows_the_system_until_chosen(opened, pages):
    page = opened(pages / "diff.html", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.click("#theme")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.click("#theme")
    assert page.evaluate(background) == dark


def test_on_a_phone_one_pane_at_a_time(opened, pages):
    page = opened(pages / "diff.html", viewport={"width": 390, "height": 800}, has_touch=True)
    assert not page.locator(".scroll").is_visible()
    page.click(".it >> text=c1")
    shows(page, "c1")
    assert page.locator("#panel article").is_visible()
    assert page.locator("#panel article").bounding_box()["y"] < 120  # of 800
    assert page.inner_text(".tabs .which") == "Layer"
    page.click("#leave")
    page.locator("#rows").wait_for()
    assert page.inner_text(".tabs .which") == "Overview"
    page.click(".tabs [data-pane=pic]")
    assert page.locator(".scroll").bounding_box()["y"] < 120
    assert page.locator(".scroll").is_visible()
    assert page.locator(".legend").is_visible()


def test_on_a_phone_a_list_is_found_where_it_was_left(opened, tmp_path):
    old = large(80)
    result = compare(model(old), model(re.sub(r"w=(\d+)", lambda found: f"w={int(found[1]) + 9000}", old)))
    (tmp_path / "long.html").write_text(render(result, "html"), encoding="utf-8")
    page = opened(tmp_path / "long.html", viewport={"width": 390, "height": 800}, has_touch=True)
    row = page.locator(".it").nth(30)
    row.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    row.click()
    page.locator("#panel article").wait_for()
    assert page.evaluate("scrollY") < before
    page.go_back()
    page.locator("#rows").wait_for()
    assert page.evaluate("scrollY") == pytest.approx(before, abs=60)


def test_on_a_phone_one_model_begins_with_what_is_worth_a_look(opened, pages):
    page = opened(pages / "one.html", viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.locator(".tabs button").all_inner_texts() == ["Model", "Layers", "Picture"]
    assert page.locator("#overview").is_visible()
    assert not page.locator("#rows").is_visible()


def test_where_the_panel_stands_under_the_picture_a_choice_brings_both_into_view(opened, pages):
    page = opened(pages / "diff.html", viewport={"width": 768, "height": 900})
    page.locator("#graph a.r[href='#layer=c1']").click(position={"x": 60, "y": 10})
    shows(page, "c1")
    assert page.locator("#chosen").bounding_box()["y"] < 860
    assert page.locator("#graph .on").bounding_box()["y"] > 0


def test_a_weight_with_nothing_to_plot_takes_one_line(opened, pages):
    page = opened(pages / "diff.html", "#layer=b1")
    weights = page.locator("#panel .ten").all_inner_texts()
    assert [weight.split("\n")[0] for weight in weights] == ["kernel", "bias"]
    assert all(one.bounding_box()["height"] < 30 for one in page.locator("#panel .ten .tn").all())
    assert all("identical" in weight for weight in weights)


def test_panel_strip_and_list_tell_one_distance(opened, pages):
    page = opened(pages / "diff.html", "#layer=c1")
    far = page.inner_text(".it[aria-current] .v")
    assert re.fullmatch(r"\d{3} %", far)
    assert page.locator("#strip").get_attribute("aria-valuetext") == f"c1: moved {far}"
    assert page.inner_text("#panel h4 >> text=Weights").endswith(f"moved {far} in all")


def test_the_name_of_a_file_breaks_where_a_word_of_it_ends(opened, tmp_path):
    names = ["megnet__eeaea40__log10G-final.hdf5", "<b>_old.h5"]
    (tmp_path / "page.html").write_text(render(compare(*(model(OLD, path=name) for name in names)), "html"))
    page = opened(tmp_path / "page.html")
    assert page.locator(".file .name").all_text_contents() == names
    assert page.locator(".file .name").first.inner_html() == "megnet__<wbr>eeaea40__<wbr>log10G-<wbr>final<wbr>.hdf5"


def test_what_cannot_be_folded_offers_no_views(opened, tmp_path):
    one = model("x: InputLayer(batch_shape=[None, 8])\na: Dense(units=2) <- x\noutputs: a")
    (tmp_path / "small.html").write_text(render(one, "html"))
    page = opened(tmp_path / "small.html")
    assert page.locator("#views").count() == 0
    for key in "ej":
        page.keyboard.press(key)
    shows(page, "x")


def test_on_a_phone_the_filters_take_one_line(opened, tmp_path):
    folder = Path(__file__).parents[2] / "samples" / "pull-request"
    text = render(compare(load(str(folder / "old.h5")), load(str(folder / "new.h5"))), "html")
    (tmp_path / "sample.html").write_text(text, encoding="utf-8")
    page = opened(tmp_path / "sample.html", viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.locator(".bar").bounding_box()["height"] < 60
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_where_no_layer_changed_no_filter_is_blamed(opened, tmp_path):
    (tmp_path / "same.html").write_text(render(compare(model(OLD), model(OLD)), "html"))
    page = opened(tmp_path / "same.html")
    told = page.inner_text("#changes")
    assert "No layer changed." in told
    assert "match" not in told
    assert "connection" not in page.inner_text("#overview")


def test_the_lead_is_read_at_a_glance(opened, pages):
    page = opened(pages / "diff.html")
    bold = page.locator(".lead b").all_inner_texts()
    assert bold == ["1 layer added", "1 layer removed", "6 identical"]
    assert page.locator(".lead").evaluate("lead => getComputedStyle(lead.querySelector('b')).fontWeight") == "650"


def test_without_scripts_it_can_be_read(opened, pages):
    page = opened(pages / "diff.html", java_script_enabled=False)
    assert page.locator("h1").is_visible()
    assert page.locator("#graph").is_visible()
    assert not page.locator("#q").is_visible()
    table = page.locator(".tables article[id='layer=c1']")
    assert table.is_visible()
    assert "kernel" in table.inner_text()
    page.click(".it >> text=c1")
    assert table.bounding_box()["y"] < 900


def test_on_paper_every_changed_layer_is_told(opened, pages):
    page = opened(pages / "diff.html")
    page.emulate_media(media="print")
    assert page.locator(".tables article").count() == len(visible_rows(page))
    assert page.locator(".tables article").first.is_visible()
    assert not page.locator(".pane-head").first.is_visible()
    assert page.pdf()[:4] == b"%PDF"


# --- hostile and large ----------------------------------------------------------------------------------------


def test_hostile_names_are_read_and_do_not_act(opened, tmp_path):
    def hostile(text: str):
        plain = model(text)
        names = dict(zip(("a1", "c1", "fresh", "gone"), HOSTILE, strict=True))

        def rename(layer):
            calls = tuple(
                replace(
                    call,
                    inputs=tuple(
                        TensorRef(names.get(ref.layer, ref.layer), ref.call, ref.output) for ref in call.inputs
                    ),
                )
                for call in layer.calls
            )
            name = names.get(layer.name, layer.name)
            config = {**layer.config, name: name} if name != layer.name else layer.config
            return replace(
                layer,
                name=name,
                class_name=name if layer.name in names else layer.class_name,
                calls=calls,
                config=config,
            )

        graph = replace(plain.graph, layers=tuple(map(rename, plain.graph.layers)), name=HOSTILE[0])
        return replace(
            plain,
            graph=graph,
            name=HOSTILE[1],
            path=f"{HOSTILE[0].replace('/', '')}.h5",
            notes=(Note(HOSTILE[2], HOSTILE[3]),),
        )

    result = compare(hostile(OLD), hostile(NEW))
    for name, subject in (("diff.html", result), ("one.html", result.new)):
        (tmp_path / name).write_text(render(subject, "html"), encoding="utf-8")
        page = opened(tmp_path / name)
        assert page.locator("img, body script[src], svg[onload]").count() == 0
        page.click("[data-view=all]")
        for _ in visible_rows(page):
            page.keyboard.press("j")
            page.wait_for_function(HEADING)
        assert page.locator("img, iframe, svg[onload]").count() == 0
        shown = page.evaluate("document.body.textContent")
        assert HOSTILE[0] in shown


def large(count: int):
    lines, before = ["x: InputLayer(batch_shape=[None, 4])"], "x"
    for index in range(count // 2):
        lines += [
            f"block{index}_fc: Dense(units=4, w={index}) <- {before}",
            f"block{index}_act: Activation(activation='f{index % 7}') <- block{index}_fc",
        ]
        before = f"block{index}_act"
    return "\n".join([*lines, f"outputs: {before}"])


@pytest.mark.parametrize(("count", "limit", "elements"), [(200, 300_000, 3_000), (4000, 3_000_000, 18_000)])
def test_the_page_stays_small_though_every_weight_changed(opened, tmp_path, count, limit, elements):
    old = large(count)
    result = compare(model(old), model(re.sub(r"w=(\d+)", lambda found: f"w={int(found[1]) + 9000}", old)))
    text = render(result, "html")
    assert len(text.encode()) < limit
    (tmp_path / "large.html").write_text(text, encoding="utf-8")
    page = opened(tmp_path / "large.html")
    assert page.evaluate("document.querySelectorAll('*').length") < elements
    assert page.locator(".it").count() == count // 2
    page.keyboard.press("j")  # the one that moved farthest comes first
    shows(page, page.locator(".it .n").first.inner_text())


def test_panning_a_model_of_4000_layers_changes_nothing(opened, tmp_path):
    old = large(4000)
    result = compare(
        model(old), model(old.replace("block9_fc: Dense(units=4", "block9_fc: Dense(units=4, activation='relu'"))
    )
    assert any(isinstance(box, Fold) for box in diagram.build(result).body.boxes)
    (tmp_path / "large.html").write_text(render(result, "html"), encoding="utf-8")
    page = opened(tmp_path / "large.html")
    for _ in range(6):
        page.keyboard.press("+")
    assert page.locator("#graph *").count() < 1000
    moved, *changed = page.evaluate("""new Promise(done => {
        const scroller = document.querySelector('.scroll'), changed = new Set();
        new MutationObserver(records => { for (const record of records) changed.add(`${record.type} ${record.target.id || record.target.className}`); })
            .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
        let turn = 0;
        const step = () => {
            if (turn === 20) return done([scroller.scrollTop, ...changed]);
            scroller.scrollTop = ++turn * 15;
            requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    })""")
    assert (moved, changed) == (300, [])


def test_a_notebook_shows_the_page_in_a_frame_where_links_work(opened, tmp_path):
    result = compare(model(OLD), model(NEW))
    cell = tmp_path / "cell.html"
    cell.write_text(f"<!doctype html><title>cell</title>{result._repr_html_()}", encoding="utf-8")
    frame = opened(cell).frames[1]
    frame.get_by_text("fresh").first.click()
    frame.wait_for_function("document.querySelector('#panel article h3')?.textContent.includes('fresh')")
    frame.locator("body").press("Escape")
    frame.wait_for_function("!document.querySelector('#panel article h3')?.textContent.includes('fresh')")


def test_one_model_shows_the_values_of_a_weight(opened, tmp_path):
    one = compare(model(OLD), model(NEW)).new
    (tmp_path / "survey.html").write_text(render(survey(one), "html"), encoding="utf-8")
    page = opened(tmp_path / "survey.html", "#layer=c1")
    tensor = page.locator(".ten").first
    assert tensor.locator(".hist .o").get_attribute("d").count("M") > 8
    assert tensor.locator(".hist .n").count() == 0
    assert tensor.locator(".hist").get_attribute("aria-label").startswith("Histogram of the values, −")
    assert tensor.locator("thead").count() == 0
    assert {row.split("\t")[0] for row in tensor.locator("tbody tr").all_inner_texts()} == {
        *("mean", "std", "min", "max", "zeros, NaN, Inf")
    }
    assert all(len(row.split("\t")) == 2 for row in tensor.locator("tbody tr").all_inner_texts())


def test_sides_of_other_sizes_are_laid_over_each_other_and_a_lone_one_stands_alone(opened, pages, tmp_path):
    folder = Path(__file__).parents[2] / "samples" / "pull-request"
    text = render(compare(load(str(folder / "old.h5")), load(str(folder / "new.h5"))), "html")
    (tmp_path / "resized.html").write_text(text, encoding="utf-8")
    page = opened(tmp_path / "resized.html", "#layer=predictions")
    tensor = page.locator(".ten").first
    assert tensor.inner_text().count("48×10 → 48×12") == 1
    assert "resized, the overlap is equal" in tensor.inner_text()
    assert tensor.locator(".hist .o").get_attribute("d")
    assert tensor.locator(".hist .n").count() == 1
    assert tensor.locator(".key").inner_text().split("\n") == ["old", "new", "by share of entries"]
    assert tensor.locator("thead th").all_inner_texts() == ["old", "new"]
    page = opened(tmp_path / "resized.html", "#layer=stage3_block2_conv1")
    tensor = page.locator(".ten").first
    assert tensor.locator(".key").inner_text() == "new"
    assert tensor.locator("thead th").all_inner_texts() == ["new"]


def test_paper_tells_repeated_blocks_once(opened, tmp_path):
    lines, before = ["x: InputLayer(batch_shape=[None, 8])"], "x"
    for number in range(30):
        lines += [f"d{number}: Dense(units=8) <- {before}", f"n{number}: LayerNormalization <- d{number}"]
        before = f"n{number}"
    (tmp_path / "long.html").write_text(render(model("\n".join([*lines, f"outputs: {before}"])), "html"))
    page = opened(tmp_path / "long.html")
    assert len(visible_rows(page)) == 61
    page.emulate_media(media="print")
    assert len(visible_rows(page)) < 10
    assert page.locator("#overview", has_text="Repeated blocks").is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('[data-then]')].map(row => getComputedStyle(row, '::after').content)"
    ) == ['"×28 more like the 2 layers above"']
