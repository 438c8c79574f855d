from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import model, weight

from modeldiff import compare, report
from modeldiff.changes import ABSENT, Impact, Options
from modeldiff.differ import metadata
from modeldiff.report.words import plain

BASE = model("a: Dense(units=2)")
ADAM = {"class_name": "Adam", "learning_rate": 0.001, "epsilon": 1e-7}
COMPILED = {"optimizer": ADAM, "loss": "mean_squared_error"}


def changes(old, new, **fields):
    sides = [replace(BASE, metadata=values, **fields) for values in (old, new)]
    return [(change.key, change.before, change.after) for change in metadata.detect(*sides)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"keras_version": "2.15.0"}, {"keras_version": "3.0.0"}, [("keras_version", "2.15.0", "3.0.0")]),
        ({"keras_version": "2.15.0"}, {}, []),
        ({"backend": "tensorflow", "bytes": 1}, {"backend": "jax", "bytes": 2}, [("backend", "tensorflow", "jax")]),
        ({"class_name": "Model"}, {"class_name": "Functional"}, []),
        ({"class_name": "Sequential"}, {"class_name": "Functional"}, [("class_name", "Sequential", "Functional")]),
        (COMPILED, {}, [("optimizer", "Adam", ABSENT), ("loss", "mean_squared_error", ABSENT)]),
        ({}, COMPILED, [("optimizer", ABSENT, "Adam"), ("loss", ABSENT, "mean_squared_error")]),
        (COMPILED, {**COMPILED, "loss": "mae"}, [("loss", "mean_squared_error", "mae")]),
        (COMPILED, {**COMPILED, "metrics": ["accuracy"]}, [("metrics", None, ["accuracy"])]),
        (
            COMPILED,
            {**COMPILED, "optimizer": {**ADAM, "learning_rate": 0.1}},
            [("optimizer.learning_rate", 0.001, 0.1)],
        ),
        (COMPILED, {**COMPILED, "optimizer": {**ADAM, "clipnorm": 1.0}}, [("optimizer.clipnorm", ABSENT, 1.0)]),
        (
            COMPILED,
            {**COMPILED, "optimizer": {"class_name": "SGD", "learning_rate": 0.1, "momentum": 0.9}},
            [("optimizer", "Adam", "SGD"), ("optimizer.learning_rate", 0.001, 0.1)],
        ),
        ({"config": {"units": 1}}, {"config": {"units": 2}}, [("config.units", 1, 2)]),
        (
            {"assets": {"v.txt": {"bytes": 3, "sha256": "sha256:1"}}},
            {"assets": {"v.txt": {"bytes": 3, "sha256": "sha256:2"}}},
            [("assets.v.txt", "sha256:1", "sha256:2")],
        ),
        ({}, {"assets": {"v.txt": {"bytes": 3, "sha256": "sha256:2"}}}, [("assets.v.txt", ABSENT, "sha256:2")]),
        (
            {"assets": {"lookup/v.txt": {"bytes": 3, "sha256": "sha256:1"}}},
            {"assets": {"lookup_1/v.txt": {"bytes": 3, "sha256": "sha256:1"}}},
            [],
        ),
    ],
)
def test_what_both_sides_state(old, new, expected):
    assert changes(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "impact", "sentence"),
    [
        (
            {"assets": {"lookup/v.txt": {"sha256": "sha256:1"}}},
            {"assets": {"lookup/v.txt": {"sha256": "sha256:2"}}},
            Impact.FUNCTIONAL,
            "Architecture changed: lookup/v.txt has other contents",
        ),
        (
            {"config": {"rate": 1}},
            {"config": {"rate": 2}},
            Impact.FUNCTIONAL,
            "Architecture changed: rate of the model is 2, was 1",
        ),
        (
            {"backend": "tensorflow"},
            {"backend": "jax"},
            Impact.COSMETIC,
            "Same model, other settings: backend: tensorflow → jax",
        ),
    ],
)
def test_what_a_model_computes_with_is_no_setting(old, new, impact, sentence):
    result = compare(*(replace(BASE, metadata=values) for values in (old, new)))
    assert [change.impact for change in result.changes] == [impact]
    assert plain(report.build(result).verdict) == sentence


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("model", "model_1", False),
        ("model", "functional", False),
        ("unet", "unet_big", True),
        ("model", "unet", True),
        ("", "unet", False),
    ],
)
def test_names_of_models(old, new, told):
    found = list(metadata.detect(replace(BASE, name=old), replace(BASE, name=new)))
    assert [(change.key, change.before, change.after, change.impact) for change in found] == (
        [("name", old, new, Impact.COSMETIC)] if told else []
    )


# --- the optimizer's state ------------------------------------------------------------------------------------


def state(step, *slots):
    scalar = [] if step is None else [weight("iteration", np.array(step, np.int64))]
    return (*scalar, *(weight(f"m{i}", np.full(3, slot, np.float32)) for i, slot in enumerate(slots)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (state(5, 1.0), state(5, 1.0), None),
        (state(5, 1.0), state(5, 2.0), ("step 5", "step 5, other values")),
        (state(5, 1.0), state(9, 2.0), ("step 5", "step 9")),
        (state(5, 1.0), state(0, 0.0), ("step 5", "step 0, restarted")),
        (state(5, 1.0), (), ("step 5", "absent")),
        ((), state(None, 1.0), ("absent", "present")),
        ((), state(0), None),
        (state(None, 1.0), state(None, 2.0), ("present", "present, other values")),
        (state(None, 1.0), state(None, 1.0, 2.0), ("present", "present, other values")),
        ((), (), None),
        (
            (*state(0), weight("learning_rate", np.array(0.1))),
            (*state(0), weight("learning_rate", np.array(0.2))),
            None,
        ),
    ],
)
def test_optimizer_state_in_one_line(old, new, expected):
    sides = [replace(BASE, optimizer_weights=weights) for weights in (old, new)]
    found = [(change.key, change.before, change.after) for change in metadata.detect(*sides)]
    assert found == ([("optimizer_state", *expected)] if expected else [])


def test_between_keras_versions_only_the_steps_count():
    old = replace(BASE, metadata={"keras_version": "2.15.0"}, optimizer_weights=state(5, 1.0))
    new = replace(BASE, metadata={"keras_version": "3.15.0"}, optimizer_weights=state(5, 2.0, 3.0))
    assert [change.key for change in metadata.detect(old, new)] == ["keras_version"]


def test_values_are_left_alone_where_nobody_asked():
    sides = [replace(BASE, optimizer_weights=state(5, slot)) for slot in (1.0, 2.0)]
    assert not list(metadata.detect(*sides, options=Options(weights=False)))
