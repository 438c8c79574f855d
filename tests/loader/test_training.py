# One setting, many spellings: equal settings give equal values, other settings other values.
"""Compile settings."""

from __future__ import annotations

from typing import Any

import pytest

from modeldiff.loader.training import canonical

ADAM = {"class_name": "Adam", "learning_rate": 0.001, "beta_1": 0.9}


def optimizer(told: Any) -> Any:
    return canonical({"optimizer_config": told}).get("optimizer")


def adam(class_name: str = "Adam", **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"beta_1": 0.8999999761581421, **config}}


@pytest.mark.parametrize(
    "told",
    [
        adam(lr=0.001, decay=0.0),
        adam("Custom>Adam", name="Adam", learning_rate=0.0010000000474974513, weight_decay=None, jit_compile=True),
        adam("adam", name="adam", learning_rate=0.001, use_ema=False, ema_momentum=0.99, amsgrad=False),
        {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": adam(learning_rate=0.001), "dynamic": True}},
        {"class_name": "LossScaleOptimizerV3", "config": {"inner_optimizer": adam(learning_rate=0.001)}},
    ],
)
def test_one_optimizer_in_many_spellings(told: Any) -> None:
    found = optimizer(told)
    assert found == ADAM


def test_other_settings_stay_other() -> None:
    assert optimizer(adam(learning_rate=0.002)) != ADAM
    assert optimizer(adam(learning_rate=0.001, use_ema=True, ema_momentum=0.99))["ema_momentum"] == 0.99
    schedule = {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.01, "name": "e"}}
    assert optimizer(adam(learning_rate=schedule))["learning_rate"] == {
        "class_name": "ExponentialDecay",
        "initial_learning_rate": 0.01,
    }


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("mse", "mean_squared_error"),
        ({"class_name": "MeanSquaredError", "config": {"name": "m", "reduction": "auto"}}, "mean_squared_error"),
        ({"class_name": "function", "config": "my_loss", "module": "builtins"}, "my_loss"),
        ("my_loss", "my_loss"),
        (
            {"class_name": "BinaryCrossentropy", "config": {"from_logits": True, "fn": "binary_crossentropy"}},
            {"class_name": "binary_crossentropy", "from_logits": True},
        ),
        (["mse", None], ["mean_squared_error", None]),
        ({"a": "mae", "b": "kld"}, {"a": "mean_absolute_error", "b": "kl_divergence"}),
    ],
)
def test_losses(told: Any, found: Any) -> None:
    assert canonical({"loss": told}) == {"loss": found}


@pytest.mark.parametrize(
    "told",
    [
        ["accuracy"],
        ["acc"],
        [["accuracy"]],
        [[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "fn": "categorical_accuracy"}}]],
    ],
)
def test_metrics_in_many_spellings(told: Any) -> None:
    assert canonical({"metrics": told}) == {"metrics": ["accuracy"]}


def test_what_is_not_set_is_absent() -> None:
    unset = {"metrics": [], "loss_weights": None, "weighted_metrics": None, "run_eagerly": False, "jit_compile": "auto"}
    assert canonical({"optimizer": None, "loss": None, **unset}) == {}


def test_nothing_that_a_file_may_say_crashes() -> None:
    deep: Any = "mse"
    for _ in range(500):
        deep = {"class_name": "Wrapper", "config": {"fn": [deep], "x": {"y": deep if _ < 3 else None}}}
    for value in (
        3,
        [],
        {},
        [[]],
        {"class_name": 3},
        {"class_name": "A"},
        {"class_name": "A", "config": 3},
        deep,
        True,
    ):
        canonical(dict.fromkeys(("optimizer", "optimizer_config", "loss", "metrics", "loss_weights"), value))
