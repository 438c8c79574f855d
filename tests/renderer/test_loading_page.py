# The load forecast in every medium: one line, a table, data; hostile names stay text.
from __future__ import annotations

import re
from dataclasses import replace

from contract import parse

from modeldiff import compare, render
from modeldiff.changes import DiffResult
from modeldiff.graph import Graph, Holder, Layer, Model, Weight
from modeldiff.report.loading import ROWS

HOSTILE = "<b>|`x`</b>"


def file(*names: str, units: int = 4, version: str = "3.15.1") -> Model:
    """A legacy file of Dense layers."""
    layers, holders = [], []
    for name in names:
        weights = tuple(
            Weight(role, shape, "float32", None, f"model_weights/{name}/{role}")
            for role, shape in (("kernel", (units, units)), ("bias", (units,)))
        )
        layers.append(Layer(name, "Dense", weights=weights))
        holders.append(Holder(name, tuple((weight.stored_as, weight.shape) for weight in weights)))
    graph = Graph(tuple(layers), has_edges=False, listed=names)
    return Model("m", "m.h5", "keras-h5", graph, {"keras_version": version}, holders=tuple(holders))


def facts(diff: DiffResult, medium: str) -> str:
    return " ".join(render(diff, medium).split())


def test_what_everybody_expects_is_not_said() -> None:
    diff = compare(file("a", "b"), file("a", "b"))
    assert "old weights" not in facts(diff, "txt")
    assert parse(render(diff, "json"))["forecast"]["ways"][0]["counts"] == {"loads": 2}
    assert "Every layer loads." in render(diff, "html")


def test_the_line_tells_each_way() -> None:
    diff = compare(file("a", "b"), file("a", HOSTILE))
    told = "old weights into the new model, in order: every layer loads; by name: 1 layer loads, 1 skipped silently"
    assert told in facts(diff, "txt")
    assert told in facts(diff, "md")


def test_the_data_say_whose_weights_a_layer_gets() -> None:
    old, new = file("a", "b"), file("b", "a")
    diff = compare(old, new)
    forecast = parse(render(diff, "json"))["forecast"]
    by_order = {layer["layer"]: layer for layer in forecast["ways"][0]["layers"]}
    assert by_order["b"]["outcome"] == "loads-another"
    assert by_order["b"]["weights"][0] == {"weight": "kernel", "from": {"layer": "a", "weight": "kernel"}}


def test_no_forecast_is_told_as_such() -> None:
    bare = replace(file("a"), has_config=False, format="keras-h5-weights")
    diff = compare(file("a"), bare)
    forecast = parse(render(diff, "json"))["forecast"]
    assert forecast["ways"] is None
    assert forecast["reason"] == "the new file does not tell the layers of its model"
    assert "old weights" not in facts(diff, "txt")


def test_the_page_lists_what_does_not_simply_load_and_no_more() -> None:
    names = [f"{HOSTILE}{number}" for number in range(4000)]
    page = render(compare(file(*names), file(*names, units=5)), "html")
    tables = re.findall(r'<details class="load">.*?</details>', page, re.DOTALL)
    titles = [re.sub(r"<[^>]*>", "", table).partition(":")[0] for table in tables]
    assert titles == ["In order and by name", "With skip_mismatch"]  # ways of one outcome are told together
    assert [table.count('<tr><th scope="row">') for table in tables] == [ROWS] * 2
    assert f"{4000 - ROWS:,} more" in tables[0]
    assert "<b>|" not in page
    assert sum(map(len, tables)) < 100_000


def test_a_way_that_skipping_does_not_change_is_told_once() -> None:
    page = render(compare(file("a", "b"), file("a", "b", "c")), "html")
    told = re.sub(r"<[^>]*>", "", page.partition("Old weights into")[2].partition("</section>")[0])
    assert "In order, with or without skip_mismatch: raises (3 layers with weights, the file has 2)" in told
    assert "By name, with or without skip_mismatch: 2 layers load, 1 skipped silently" in told
