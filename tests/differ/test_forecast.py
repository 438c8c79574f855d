# The forecast against Keras itself: each pair is built, saved and loaded by real Keras in every way, and every variable
# of the new model must hold what the forecast says, also where Keras raises half-way.
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loading_pairs import PAIRS
from real_loading import Held, build, library, load_into, number, numbers, quiet

from modeldiff import Options, compare, load
from modeldiff.differ.loading import foresee
from modeldiff.differ.match import match
from modeldiff.forecast import Method, Obstacle, Way
from modeldiff.graph import Fact, Graph, Holder, Layer, Model, Weight
from modeldiff.report.loading import line

WAYS = {
    Method.ORDER: {},
    Method.ORDER_SKIP: {"skip_mismatch": True},
    Method.NAME: {"by_name": True},
    Method.NAME_SKIP: {"by_name": True, "skip_mismatch": True},
    Method.PATHS: {},
    Method.PATHS_SKIP: {"skip_mismatch": True},
}
NUMBERED = "carry names that Keras numbered by itself"
FILES = (("old.h5", "new.h5"), ("old.keras", "new.keras"), ("old.weights.h5", "new.keras"), ("old.h5", "new.keras"),
         ("old.keras", "new.h5"))  # fmt: skip


def _saved(folder: Path, writer: str, case: str) -> tuple[dict[str, Model], Any]:
    """The files of both sides by name, loaded; and the new model."""
    files, model = {}, None
    for side, expression, sign in zip(("old", "new"), PAIRS[case], (1, -1), strict=True):
        model = build(writer, expression)
        number(model, sign)
        for suffix in ("h5", "keras", "weights.h5") if side == "old" else ("h5", "keras"):
            path = folder / f"{side}.{suffix}"
            with quiet():
                model.save_weights(path) if suffix == "weights.h5" else model.save(path)
            files[path.name] = load(path)
    return files, model


def _said(way: Way, old: Model, new: Model) -> tuple[bool, Held]:
    numbered = numbers(old), numbers(new)
    held: Held = {}
    for layer in way.layers:
        for weight in layer.weights:
            origin = weight.origin
            held[numbered[1][layer.layer, weight.name]] = (
                None if origin is None else numbered[0].get((origin.layer, origin.weight), -1)
            )
    return way.failure is not None, held


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("writer", ["keras", "tf_keras"])
@pytest.mark.parametrize("case", PAIRS)
def test_every_variable_holds_what_the_forecast_says(case: str, writer: str, tmp_path: Path) -> None:
    if writer == "keras" and case == "a slash in the name":
        pytest.skip("Keras 3 refuses such names")
    files, model = _saved(tmp_path, writer, case)
    done: dict[tuple[str, Method], tuple[bool, Held]] = {}
    for old_name, new_name in FILES:
        old, new = files[old_name], files[new_name]
        forecast = foresee(old, new, match(old, new, Options()))
        assert forecast.ways or forecast.obstacle
        if old_name.removeprefix("old.") == new_name.removeprefix("new."):
            assert forecast.keras == ("3" if writer == "keras" else "2")
        for way in forecast.ways:
            key = old_name, way.method
            if key not in done:
                done[key] = load_into(model, tmp_path / old_name, **WAYS[way.method])
            assert _said(way, old, new) == done[key], (old_name, new_name, way.method, way.failure)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("expressions", "text"),
    [
        (("chain(8, D(8), D(8))", "chain(8, D(8), D(8))"), None),
        (("chain(8, D(8, 'a'), D(8, 'b'))", "chain(8, D(8, 'b'), D(8, 'a'))"), None),
        (
            ("chain(8, D(8), D(8))", "chain(8, D(8), D(8), D(8))"),
            f"3 layers with weights {NUMBERED}: loading by name gives 1 of them another layer's weights and skips 1",
        ),
    ],
)
def test_automatic_names_are_noted_where_they_lead_astray(
    expressions: tuple[str, str], text: str | None, tmp_path: Path
) -> None:
    """The old second layer is the new third: its name now is that of the layer put in between."""
    models = []
    for side, expression in zip(("old", "new"), expressions, strict=True):
        model = build("keras", expression)
        number(model, 1)
        if side == "new" and len(model.layers) > 3:
            old = build("keras", expressions[0])
            number(old, 1)
            number(model, -1)
            for mine, theirs in ((1, 1), (3, 2)):
                model.layers[mine].set_weights(old.layers[theirs].get_weights())
        with quiet():
            model.save(tmp_path / f"{side}.h5")
        models.append(load(tmp_path / f"{side}.h5"))
    result = compare(*models)
    notes = [note.text for note in result.notes if note.fact is Fact.AUTOMATIC_NAMES]
    assert notes == ([text] if text else [])
    told = "".join(line(result))
    assert ("dense_1 of the new model gets dense_1 of the old one, another layer" in told) == bool(text), told


@pytest.mark.parametrize(
    ("sides", "obstacle"),
    [
        ({"new": {"has_config": False}}, Obstacle.NEW_WITHOUT_CONFIG),
        ({"new": {"holders": ()}}, Obstacle.NEW_WITHOUT_WEIGHTS),
        ({"old": {"holders": ()}}, Obstacle.OLD_WITHOUT_WEIGHTS),
        ({"new": {"metadata": {"keras_version": "1.2.2"}}}, Obstacle.NEW_KERAS_1),
        ({"new": {"metadata": {}}}, Obstacle.NEW_KERAS_1),
    ],
)
def test_where_the_files_do_not_tell_there_is_no_forecast(sides: dict[str, Any], obstacle: Obstacle) -> None:
    weight = Weight("kernel", (4, 4), "float32", None, "model_weights/a/kernel")
    layers = (Layer("a", "Dense", weights=(weight,)),)
    holders = (Holder("a", ((weight.stored_as, weight.shape),)),)
    whole = Model("m", "m.h5", "keras-h5", Graph(layers, listed=("a",)), {"keras_version": "3.15.1"}, holders=holders)
    old, new = (replace(whole, **sides.get(side, {})) for side in ("old", "new"))
    forecast = foresee(old, new, match(old, new, Options(weights=False)))
    assert (forecast.ways, forecast.obstacle) == ((), obstacle)


@pytest.mark.parametrize("edit", ["m.get_layer('x').enable_lora(2)", "m.quantize('int8')"])
def test_a_store_does_not_tell_what_legacy_hdf5_holds_of_adapters_and_quantised_kernels(
    edit: str, tmp_path: Path
) -> None:
    plain = "chain(8, D(8, 'x'), D(3, 'y'))"
    for side, expression in (("old", plain), ("new", f"(lambda m: ({edit}, m)[1])({plain})")):
        with quiet():
            made = build("keras", expression)
            for suffix in ("h5", "keras"):
                made.save(tmp_path / f"{side}.{suffix}")
    for names in (("old.h5", "new.keras"), ("old.keras", "new.h5")):
        old, new = (load(tmp_path / name) for name in names)
        assert foresee(old, new, match(old, new, Options(weights=False))).obstacle is Obstacle.NEW_LAYOUT
    old, new = (load(tmp_path / f"{side}.keras") for side in ("old", "new"))
    ways = foresee(old, new, match(old, new, Options(weights=False))).ways
    assert [way.is_plain for way in ways] == ["lora" in edit] * 2  # the store itself holds a kernel and a bias


def test_the_libraries_are_the_real_ones() -> None:
    assert library("keras").__version__.startswith("3.")
    assert library("tf_keras").__version__.startswith("2.")
