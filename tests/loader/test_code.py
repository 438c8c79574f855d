# Code in configs, found at any depth and in every dialect, and never decoded.
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from modeldiff import load
from modeldiff.graph import CodeKind
from modeldiff.loader import code, keras_config

SHARED = Path(__file__).parents[2].parent / "shared"
PAYLOAD = "4wEAAAAAAAAAAAAAAAEAAAABAAAAQwAAAHMEAAAAfABTAA==\n"
MODERN = {"class_name": "__lambda__", "config": {"code": PAYLOAD, "defaults": None, "closure": None}}


def layer(class_name, config=None, **envelope):
    return {"class_name": class_name, "config": {"name": "x", "trainable": True, **(config or {})}, **envelope}


def found(*layers, compiled=None, **root):
    """Kind, module and name (or place) of the code in a Sequential of these layers."""
    named = [{**one, "config": {**one["config"], "name": f"l{place}"}} for place, one in enumerate(layers)]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": named}, **root}
    refs = code.collect(keras_config.read(config, keras_version="2.15.0").raw, compiled)
    return [
        ("/".join(ref.path), ref.key, ref.what.value, ".".join(filter(None, (ref.module, ref.name)))) for ref in refs
    ]


OWN = {
    "layers of every version": [layer("Dense", {"activation": "relu", "kernel_initializer": "glorot_uniform"}),
                                layer("Convolution2D", {"init": "uniform", "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0}}),
                                layer("TFOpLambda", {"function": "math.multiply"}), layer("SlicingOpLambda", {"function": "__operators__.getitem"})],
    "objects with modules": [layer("Dense", {"kernel_initializer": layer("HeNormal", module="keras.initializers", registered_name=None),
                                             "dtype": layer("DTypePolicy", module="keras", registered_name=None)},
                                   module="keras.layers", registered_name=None)],
    "functions by name": [layer("Activation", {"activation": {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}})],
    "internal modules": [layer("Functional", {"layers": []}, module="keras.src.engine.functional", registered_name="Functional")],
    "an operation without a module": [layer("NotEqual")],
    "wrappers and cells": [layer("Bidirectional", {"layer": layer("LSTM", {"recurrent_activation": "hard_sigmoid"})}),
                           layer("RNN", {"cell": layer("StackedRNNCells", {"cells": [layer("GRUCell")]})})],
}  # fmt: skip


@pytest.mark.parametrize("layers", OWN.values(), ids=OWN)
def test_what_is_keras_own_is_no_code(layers):
    assert found(*layers) == []


def test_compile_settings_of_keras_are_no_code():
    compiled = {
        "optimizer_config": {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}},
        "optimizer": {"module": "keras.optimizers", "class_name": "Adam", "config": {}, "registered_name": None},
        "loss": {"out": "mse", "aux": "SparseCategoricalCrossentropy"},
        "metrics": [["accuracy", "AUC"], {"class_name": "MeanMetricWrapper", "config": {"name": "mine", "fn": "mean_absolute_error"}}],
        "loss_weights": {"my_output": 1.0},
    }  # fmt: skip
    assert found(compiled=compiled) == []


CODE = {
    "lambda of Keras 3": (layer("Lambda", {"function": MODERN}), ("function", "payload", "")),
    "lambda of Keras 2": (layer("Lambda", {"function": [PAYLOAD, None, None], "function_type": "lambda"}), ("function", "payload", "")),
    "lambda of Keras 1": (layer("Lambda", {"function": "c\x01\x00 \x00", "function_type": "lambda"}), ("function", "payload", "")),
    "shape by a lambda": (layer("Merge", {"mode": "sum", "output_shape": [PAYLOAD, None], "output_shape_type": "lambda"}), ("output_shape", "payload", "")),
    "function by name": (layer("Lambda", {"function": "mine", "function_type": "function", "module": "my.place"}), ("function", "function", "my.place.mine")),
    "registered function": (layer("Dense", {"activation": {"module": "builtins", "class_name": "function", "config": "pkg>mine", "registered_name": "function"}}), ("activation", "function", "pkg>mine")),
    "activation by name": (layer("Dense", {"activation": "softplus2"}), ("activation", "function", "softplus2")),
    "layer class": (layer("Mine"), ("", "class", "Mine")),
    "class with a module": (layer("Dense", module="my.place", registered_name=None), ("", "class", "my.place.Dense")),
    "registered class": (layer("Mine", module="my.place", registered_name="pkg>Mine"), ("", "class", "my.place.pkg>Mine")),
    "registered class of Keras 2": (layer("pkg>Mine"), ("", "class", "pkg>Mine")),
    "wrapped": (layer("TimeDistributed", {"layer": layer("Mine")}), ("layer", "class", "Mine")),
    "cell in cells": (layer("RNN", {"cell": layer("StackedRNNCells", {"cells": [layer("GRUCell"), layer("Mine")]})}), ("cell.config.cells[1]", "class", "Mine")),
    "lambda in a wrapper": (layer("TimeDistributed", {"layer": layer("Lambda", {"function": MODERN})}), ("layer.config.function", "payload", "")),
    "initializer": (layer("Dense", {"kernel_initializer": {"class_name": "Mine", "config": {}}}), ("kernel_initializer", "class", "Mine")),
    "regularizer by name": (layer("Dense", {"kernel_regularizer": "mine"}), ("kernel_regularizer", "function", "mine")),
    "a function of Keras that models are not made of": (layer("Dense", {"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"}}), ("activation", "function", "keras.utils.get_file")),
    "a class out of the standard library": (layer("Popen", module="subprocess", registered_name=None), ("", "class", "subprocess.Popen")),
    "pickled module": (layer("TorchModuleWrapper", {"module": "UEsDBA=="}, module="keras.layers"), ("module", "payload", "")),
    "saved model": (layer("TFSMLayer", {"filepath": "/tmp/other"}, module="keras.layers"), ("filepath", "file", "/tmp/other")),
}  # fmt: skip


@pytest.mark.parametrize(("one", "expected"), CODE.values(), ids=CODE)
def test_code_is_found_where_it_stands(one, expected):
    assert found(layer("Dense"), one) == [("l1", *expected)]


@pytest.mark.parametrize(
    ("compiled", "key"),
    [
        ({"loss": "my_loss"}, "loss"),
        ({"loss": {"out": "mse", "aux": "my_loss"}}, "loss.aux"),
        ({"metrics": [["mae"], ["my_loss"]]}, "metrics[1][0]"),
        ({"optimizer_config": {"class_name": "my_loss", "config": {}}}, "optimizer_config"),
        ({"optimizer": {"class_name": "my_loss", "config": {}, "module": None, "registered_name": None}}, "optimizer"),
    ],
)
def test_code_in_the_compile_settings(compiled, key):
    ((path, place, _, name),) = found(layer("Dense"), compiled=compiled)
    assert (path, place, name) == ("", f"compile.{key}", "my_loss")


def test_a_sub_model_tells_its_code_at_its_own_layers():
    inner = layer("Sequential", {"layers": [layer("Lambda", {"name": "deep", "function": MODERN})]})
    assert [one[:2] for one in found(inner)] == [("l0/deep", "function")]


def test_a_payload_is_digested_as_the_text_it_is():
    (ref,) = code.collect({("l",): layer("Lambda", {"function": MODERN})})
    assert ref.digest == f"sha256:{hashlib.sha256(PAYLOAD.strip().encode()).hexdigest()}"
    raw = [layer("Lambda", {"function": f"c\x01{char}\x00", "function_type": "lambda"}) for char in " \n"]
    assert len({code.collect({("l",): one})[0].digest for one in raw}) == 2


def test_a_config_deeper_than_python_may_recurse():
    deep = layer("Dense")
    for _ in range(5000):
        deep = layer("TimeDistributed", {"layer": deep})
    assert code.collect({("l",): deep}) == ()


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("models/dl4j-test-resources__ca38c66__model_lambda.h5", [("payload", ""), ("payload", "")]),
        ("zoo/files/1.2.2/b_func_custom_config.h5", [("class", "MyCustomLayerCfg")]),
        ("zoo/files/2.15.0/b_func_custom_registered.h5", [("class", "my_pkg>MyCustomLayerReg")]),
        ("zoo/files/3.15.1/b_func_custom_registered.keras", [("class", "my_pkg>MyCustomLayerReg")]),
        ("zoo/files/3.15.1/c_subclassed.keras", [("class", "MyModel")]),
    ],
)
def test_real_files(file, what):
    assert [(ref.what.value, ref.name) for ref in load(SHARED / file).code] == what


def test_real_models_of_keras_own_layers_hold_no_code():
    custom = {"b_func_custom", "c_subclassed", "k3_optional_input", "custom", "left_behind"}
    told = {
        path.relative_to(SHARED).as_posix(): [ref.label for ref in model.code]
        for path in sorted((SHARED / "zoo/files").glob("*/*.h5"))
        if not any(word in path.as_posix() for word in custom)
        for model in [load(path)]
        if any(ref.what is not CodeKind.PAYLOAD for ref in model.code)
    }
    assert told == {}
