# The one word for a layer and for a model whose weights changed in several ways.
from __future__ import annotations

import numpy as np
import pytest
from models import weight

from modeldiff import report
from modeldiff.changes import Options
from modeldiff.differ import compare
from modeldiff.graph import Graph, Layer, Model

RANDOM = np.random.default_rng(0)
KERNEL = (RANDOM.standard_normal((32, 40)) * 0.1).astype(np.float32)
OTHER = (RANDOM.standard_normal((32, 40)) * 0.1).astype(np.float32)
BIAS = (RANDOM.standard_normal(40) * 0.1).astype(np.float32)
NOISE = RANDOM.standard_normal((32, 40)).astype(np.float32)


def told(*layers):
    """The verdict on layers given as pairs of arrays by role."""
    sides = [
        Model(
            "m",
            f"{side}.h5",
            "keras-h5",
            Graph(
                tuple(
                    Layer(f"l{place}", "Dense", weights=tuple(weight(role, both[turn]) for role, both in one.items()))
                    for place, one in enumerate(layers)
                )
            ),
        )
        for turn, side in enumerate(("old", "new"))
    ]
    pins = tuple((f"l{place}", f"l{place}") for place in range(len(layers)))
    built = report.build(compare(*sides, options=Options(pins=pins)))
    return "".join(built.verdict), ["".join(layer.figure) for layer in built.layers]


NEW = {"kernel": (KERNEL, OTHER), "bias": (BIAS, BIAS[::-1].copy() * np.float32(3) + NOISE[1])}
NEAR = {"kernel": (KERNEL, KERNEL + NOISE * np.float32(0.001)), "bias": (BIAS, np.zeros_like(BIAS))}
SMALL = {"bias": (BIAS, NOISE[0])}
HALF = {"kernel": (KERNEL, KERNEL * np.float32(0.5)), "bias": (BIAS, BIAS * np.float32(0.5))}
CUT = {"kernel": (KERNEL, np.where(np.abs(KERNEL) < 0.05, np.float32(0), KERNEL))}
SAME = {"kernel": (KERNEL, KERNEL)}


@pytest.mark.parametrize(
    ("layers", "verdict"),
    [
        ([NEW, NEW], "all 2 layers re-initialised"),
        ([NEW, NEW, SMALL], "all 3 layers changed, 2 re-initialised, 1 too small to judge"),
        ([NEW, SMALL], "all 2 layers changed, 1 re-initialised, 1 too small to judge"),
        ([HALF, HALF, SAME], "2 of 3 layers scaled, 1 identical"),
        ([CUT, NEW, SAME], "2 of 3 layers changed, 1 pruned, 1 re-initialised, 1 identical"),
        ([CUT, CUT, NEW, SMALL], "all 4 layers changed, 2 pruned, 1 re-initialised, 1 too small to judge"),
    ],
)
def test_a_verdict_names_the_natures(layers, verdict):
    assert told(*layers)[0] == f"Weights only: {verdict}"


def test_a_layer_is_judged_by_its_kernel():
    verdict, (figure,) = told(NEAR)
    assert verdict.startswith("Weights only: 1 layer fine-tuned by ")
    assert figure.startswith("moved ")
    assert told(NEW)[1] == ["re-initialised"]


def test_a_layer_that_left_next_to_nothing_is_not_measured_by_it():
    moved, tiny = (BIAS + NOISE[1] * 0.1).astype(np.float32), NOISE[2] * np.float32(1e-8)
    verdict, figures = told({"beta": (tiny, BIAS)}, {"beta": (BIAS, moved)})
    assert verdict == f"Weights only: all 2 layers changed by {figures[1].removeprefix('moved ')} and more"
    assert figures[0] == "moved"
    assert told({"beta": (tiny, BIAS)})[0] == "Weights only: 1 layer changed"


MEAN, VARIANCE = BIAS, np.abs(BIAS) + np.float32(0.1)
ZERO, ONE = np.zeros_like(BIAS), np.ones_like(BIAS)
RESET = {"gamma": (BIAS, BIAS), "moving_mean": (MEAN, ZERO), "moving_variance": (VARIANCE, ONE)}
DRIFT = {"gamma": (BIAS, BIAS), "moving_mean": (MEAN, MEAN + NOISE[0]), "moving_variance": (VARIANCE, VARIANCE)}
ALONE = "Weights only: statistics of"


@pytest.mark.parametrize(
    ("layers", "verdict"),
    [
        ([RESET, SAME], f"{ALONE} 1 normalisation layer reset to the initial values, every other weight identical"),
        ([RESET, RESET], f"{ALONE} 2 normalisation layers reset to the initial values, every other weight identical"),
        (
            [RESET, DRIFT],
            f"{ALONE} 2 normalisation layers changed, in 1 of them reset to the initial values, every other weight identical",
        ),
        ([RESET, NEW], "Weights only: all 2 layers changed, 1 with statistics reset, 1 re-initialised"),
    ],
)
def test_statistics_are_no_trained_weights(layers, verdict):
    assert told(*layers)[0] == verdict
    assert told(*layers)[1][0] == "statistics reset"


def test_statistics_that_moved_are_told_with_how_far():
    verdict, (figure, _) = told(DRIFT, SAME)
    assert (
        verdict == f"{ALONE} 1 normalisation layer {figure.replace('moved', 'moved by')}, every other weight identical"
    )
