"""Whatever JSON a file holds: a graph with notes, or NotAModel, and in time."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeldiff.errors import NotAModel
from modeldiff.loader.keras_config import Architecture, read

_NAMES = """name class_name config layers layer inbound_nodes input_layers output_layers batch_shape args kwargs
keras_history shape dtype axis units mode trainable module build_config cell cells function kernel_initializer
kernel_regularizer Dense Sequential Functional Merge InputLayer TimeDistributed Bidirectional Lambda RNN Conv2D Cast
NotEqual __keras_tensor__ __tuple__ __lambda__ _CONSTANT_VALUE x d relu l2"""
WORDS = st.sampled_from(_NAMES.split()) | st.text(max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=25
)

REAL: dict[str, Any] = {
    "class_name": "Functional",
    "config": {
        "name": "m",
        "layers": [
            {"name": "x", "class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3]}, "inbound_nodes": []},
            {
                "name": "c",
                "class_name": "Conv2D",
                "config": {"filters": 2, "kernel_size": [3, 3], "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}},
                "inbound_nodes": [[["x", 0, 0, {"y": ["x", 0, 0]}]]],
            },
            {
                "name": "n",
                "class_name": "Sequential",
                "config": {"name": "n", "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 3, "dtype": {"class_name": "Policy", "config": {"name": "float16"}}}}]},
                "inbound_nodes": [[["c", 0, 0, {}]]],
            },
            {
                "name": "b",
                "class_name": "Bidirectional",
                "config": {"layer": {"class_name": "LSTM", "config": {"units": 2}}, "merge_mode": "concat"},
                "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": ["n", 0, 0]}}], "kwargs": {"mask": None}}],
            },
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["b", 0, 0]],
    },
}  # fmt: skip


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: its container and key."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        here = stack.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        for key in keys:
            found.append((here, key))
            stack.append(here[key])
    return found


def check(config: Any) -> None:
    try:
        found = read(config)
    except NotAModel:
        return
    assert isinstance(found, Architecture)
    layers = list(found.graph.walk())
    assert len({path for path, _ in layers}) == len(layers)
    assert set(found.raw) >= {path for path, _ in layers}


@given(JSON)
def test_any_json(config: Any) -> None:
    check(config)


@given(JSON, JSON)
def test_any_json_as_layers(layers: Any, more: Any) -> None:
    check({"class_name": "Sequential", "config": layers})
    check({"class_name": "Model", "config": {"layers": layers, "output_layers": more, "input_layers": more}})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_real_config_with_something_else_in_it(data: st.DataObject) -> None:
    config = copy.deepcopy(REAL)
    for _ in range(data.draw(st.integers(1, 3))):
        places = spots(config)
        if places:
            container, key = places[data.draw(st.integers(0, len(places) - 1))]
            container[key] = data.draw(JSON)
    check(config)


def test_the_order_of_keys_and_layers_does_not_matter() -> None:
    turned = json.loads(json.dumps(REAL, sort_keys=True))
    turned["config"]["layers"].reverse()
    assert {layer.name: layer for layer in read(REAL).graph.layers} == {
        layer.name: layer for layer in read(turned).graph.layers
    }


# Depth and size ------------------------------------------------------------------------------------------------------


def nest(step: Callable[[Any], Any], inner: Any, depth: int = 200_000) -> Any:
    for _ in range(depth):
        inner = step(inner)
    return inner


WRAPPINGS: dict[str, Callable[[Any], Any]] = {
    "lists": lambda inner: [inner],
    "dicts": lambda inner: {"a": inner},
    "wrappers": lambda inner: {"class_name": "TimeDistributed", "config": {"layer": inner}},
    "tuples": lambda inner: {"class_name": "__tuple__", "items": inner},
    "models": lambda inner: {"class_name": "Sequential", "config": {"name": "s", "layers": [inner]}},
}
PLACES: list[tuple[Any, ...]] = [
    (), ("layers",), ("output_layers",), ("layers", 1), ("layers", 1, "config"), ("layers", 1, "inbound_nodes"),
    ("layers", 1, "inbound_nodes", 0, 0, 3, "y"), ("layers", 1, "config", "filters"), ("layers", 1, "class_name"),
    ("layers", 1, "config", "kernel_regularizer"), ("layers", 2), ("layers", 2, "config", "layers"),
    ("layers", 3, "config", "layer"), ("layers", 3, "inbound_nodes", 0, "args"), ("layers", 3, "inbound_nodes", 0, "kwargs"),
    ("layers", 3, "inbound_nodes", 0, "args", 0, "config", "keras_history"),
]  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_nesting_without_end(wrapping: str) -> None:
    deep = nest(WRAPPINGS[wrapping], {"class_name": "Dense", "config": {"name": "d"}})
    for place in PLACES:
        config: Any = copy.deepcopy(REAL)
        here = config["config"]
        for key in place[:-1]:
            here = here[key]
        if place:
            here[place[-1]] = deep
        else:
            config = {**REAL, "config": deep}
        read(config)
    deep_parts = [deep]  # taken apart from outside in: Python frees nested containers recursively otherwise
    while deep_parts:
        part = deep_parts.pop()
        if isinstance(part, dict | list):
            deep_parts.extend(part.values() if isinstance(part, dict) else part)
            part.clear()


def chain(count: int, *, names: Callable[[int], str] = str, node: Callable[[int], Any] | None = None) -> dict[str, Any]:
    layers: list[Any] = [copy.deepcopy(REAL["config"]["layers"][0])]
    for index in range(count):
        source = "x" if index == 0 else names(index - 1)
        inbound = node(index) if node else [[[source, 0, 0, {}]]]
        config = {"units": 3, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": index}}}
        layers.append({"name": names(index), "class_name": "Dense", "config": config, "inbound_nodes": inbound})
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[names(count - 1), 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}


@pytest.mark.parametrize(
    "config",
    [
        chain(20_000),
        chain(20_000, names=lambda _: "same"),
        chain(20_000, node=lambda index: [[["gone", index, 0]]]),
        chain(20_000, node=lambda index: [[[str((index + 1) % 20_000), 0, 0]]]),
        chain(2, node=lambda index: [[["x", 0, 0]]] * 20_000 if index == 0 else [[["0", n, 0] for n in range(20_000)]]),
        {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {}}] * 20_000},
        {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "a"}}] * 20_000},
    ],
    ids=["chain", "one name", "missing sources", "one cycle", "a hub", "no names", "shared"],
)
def test_time_grows_with_the_size_of_the_file(config: Any) -> None:
    started = time.perf_counter()
    found = read(config)
    assert time.perf_counter() - started < 20  # 1 to 2 s here; a quadratic step would take minutes
    assert found.graph.layers
