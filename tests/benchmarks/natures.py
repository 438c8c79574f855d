# What the natures of changes look like in models that were really trained. Prints a confusion table: one row per
# thing done to a model, one column per nature named; and the measured ranges behind the limits in differ/nature.py.
#
#     python tests/benchmarks/natures.py            about two minutes; needs TensorFlow
from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from models import ArraySource, weight

from modeldiff.changes import Nature, Options
from modeldiff.differ.comparison import compare_values
from modeldiff.graph import Weight

SMALL = 256
"""Tensors of fewer entries are counted apart: most of them prove nothing."""


# --- models and data ------------------------------------------------------------------------------------------


def dense():
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.SeparableConv2D(48, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def recurrent():
    return keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            keras.layers.Embedding(2000, 32),
            keras.layers.LSTM(48),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def data(build, seed, count=2048):
    """Inputs and labels of a random but learnable task."""
    random = np.random.default_rng(seed)
    if build is recurrent:
        inputs = random.integers(0, 2000, (count, 12))
        scores = random.standard_normal((2000, 10))[inputs].sum(axis=1)
    else:
        shape = (64,) if build is dense else (16, 16, 3)
        inputs = random.standard_normal((count, *shape)).astype(np.float32)
        flat = inputs.reshape(count, -1)
        hidden = np.tanh(flat @ random.standard_normal((flat.shape[1], 32)) / np.sqrt(flat.shape[1]))
        scores = hidden @ random.standard_normal((32, 10))
    return inputs, scores.argmax(axis=1)


def train(model, task, optimizer, steps):
    model.compile(optimizer, "sparse_categorical_crossentropy")
    inputs, labels = task
    order = np.random.default_rng(steps).integers(0, len(inputs), (steps, 32))
    for batch in order:
        model.train_on_batch(inputs[batch], labels[batch])
    return model


def copy(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def tensors(model):
    return [
        (variable.path.rpartition("/")[2], np.asarray(variable))
        for variable in model.weights
        if "seed" not in variable.path
    ]


# --- what is done to them -------------------------------------------------------------------------------------


def trained(model, build):
    """Training from a checkpoint, harder and harder."""
    same, other = data(build, 1), data(build, 2)
    adam, sgd = keras.optimizers.Adam, keras.optimizers.SGD
    yield "fine-tune, Adam 1e-5, 50 steps", train(copy(model), same, adam(1e-5), 50), Nature.FINE_TUNED
    yield "fine-tune, Adam 1e-4, 100 steps", train(copy(model), same, adam(1e-4), 100), Nature.FINE_TUNED
    yield "fine-tune, Adam 1e-3, 20 steps", train(copy(model), other, adam(1e-3), 20), Nature.FINE_TUNED
    yield "fine-tune, SGD 1e-3, 100 steps", train(copy(model), same, sgd(1e-3), 100), Nature.FINE_TUNED
    yield "fine-tune, SGD 1e-2, 3 steps", train(copy(model), other, sgd(1e-2), 3), Nature.FINE_TUNED
    yield "retrain, Adam 3e-3, 500 steps", train(copy(model), other, adam(3e-3), 500), Nature.RETRAINED
    yield "retrain, Adam 1e-2, 500 steps", train(copy(model), other, adam(1e-2), 500), Nature.RETRAINED
    yield "re-initialise", build(), Nature.REINITIALISED
    yield "re-initialise, train 500 steps", train(build(), same, adam(1e-3), 500), Nature.REINITIALISED
    yield "diverge", train(copy(model), same, sgd(1e12), 30), Nature.BROKEN


def low_rank(model):
    """Adapters of Keras, trained and merged."""
    for size in (1, 4, 8):
        twin = copy(model)
        for layer in twin.layers:
            if isinstance(layer, keras.layers.Dense | keras.layers.Embedding):
                layer.enable_lora(size)
        train(twin, data(dense, 2), keras.optimizers.Adam(1e-3), 200)
        pairs = [
            (np.asarray(old.kernel), np.asarray(new.kernel))
            for old, new in zip(model.layers, twin.layers, strict=True)
            if isinstance(old, keras.layers.Dense) and min(old.kernel.shape) >= 4 * size
        ]
        yield f"merge an adapter of rank {size}", pairs, Nature.LOW_RANK


def edited(arrays):
    """Operations on the arrays alone."""
    half = lambda a: a.astype(np.float16).astype(np.float32)  # noqa: E731
    yield "round to float16, store float32", [(a, half(a)) for a in arrays], Nature.RECAST
    yield "store as float16", [(a, a.astype(np.float16)) for a in arrays], Nature.RECAST
    yield "store as float64", [(a, a.astype(np.float64)) for a in arrays], Nature.RECAST
    for share in (0.3, 0.8, 0.95):
        cut = [(a, np.where(np.abs(a) < np.quantile(np.abs(a), share), 0, a).astype(np.float32)) for a in arrays]
        yield f"prune {share:.0%} of the entries", [pair for pair in cut if pair[1].any()], Nature.PRUNED
    kernels = [a for a in arrays if a.ndim > 1]
    for bits in (8, 4):
        top = 2 ** (bits - 1) - 1
        for axis, label in ((None, "tensor"), (-1, "unit")):
            axes = None if axis is None else tuple(range(kernels[0].ndim - 1))
            pairs = []
            for a in kernels:
                axes = None if axis is None else tuple(range(a.ndim - 1))
                step = np.abs(a).max(axis=axes, keepdims=True) / top
                pairs.append((a, (np.round(a / step) * step).astype(np.float32)))
            yield f"quantise to {bits} bits per {label}", pairs, Nature.QUANTISED
    yield "multiply by 0.99", [(a, (a * np.float32(0.99)).astype(np.float32)) for a in arrays], Nature.SCALED
    yield "multiply by -3", [(a, a * np.float32(-3)) for a in arrays], Nature.SCALED
    grown = [(a, np.concatenate([a, np.ones_like(a[..., :3])], axis=-1)) for a in arrays]
    yield "add units at the end", grown, Nature.RESIZED
    yield "add inputs at the end", [(a, np.concatenate([a, a[..., :2, :]], axis=-2)) for a in kernels], Nature.RESIZED
    random = np.random.default_rng(0)
    orders = [[random.permutation(n) for n in a.shape[-2:]] for a in arrays]
    yield "reorder units", [(a, a[..., o[-1]]) for a, o in zip(arrays, orders, strict=True)], Nature.PERMUTED
    both = [(a, a[..., o[-1]][..., o[0], :]) for a, o in zip(arrays, orders, strict=True) if a.ndim > 1]
    yield "reorder units and inputs", both, Nature.PERMUTED
    noise = [(a, (a * (1 + 1e-7 * random.standard_normal(a.shape))).astype(np.float32)) for a in arrays]
    yield "rounding noise", noise, Nature.FINE_TUNED
    unrelated = [(a, (a.std() * random.standard_normal(a.shape)).astype(np.float32)) for a in kernels]
    yield "replace by noise", unrelated, Nature.REINITIALISED
    third = [(a, (a + 0.4 * a.std() * random.standard_normal(a.shape)).astype(np.float32)) for a in kernels]
    yield "add noise of 40 %", third, Nature.RETRAINED


def bfloat16(array):
    halves = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return Weight("kernel", array.shape, "bfloat16", ArraySource(halves), "kernel")


# --- the table ------------------------------------------------------------------------------------------------


def main():
    keras.utils.set_random_seed(7)
    table = defaultdict(Counter)
    expected = {}
    ranges = defaultdict(list)

    def tell(what, old, new, nature):
        expected[what] = nature
        verdict = compare_values(weight("w", old), weight("w", new), Options())
        if verdict.outcome.value in {"identical", "not compared"}:
            return
        if verdict.nature not in {nature, Nature.UNKNOWN} and "-v" in sys.argv:
            print(
                "wrong:",
                what,
                old.shape,
                verdict.nature.value,
                dict(verdict.proof),
                verdict.movement and (verdict.movement.cosine, verdict.movement.relative_l2),
            )
        small = min(old.size, new.size) < SMALL
        table[what, small][verdict.nature] += 1
        if (
            verdict.movement is not None
            and nature in {Nature.FINE_TUNED, Nature.RETRAINED, Nature.REINITIALISED}
            and not small
        ):
            ranges[what].append(
                (
                    verdict.movement.cosine,
                    verdict.movement.relative_l2,
                    verdict.proof.get("correlation", np.nan),
                    old.size,
                    str(old.shape),
                    verdict.nature.value,
                )
            )

    for build in (dense, convolutional, recurrent):
        model = train(build(), data(build, 1), keras.optimizers.Adam(1e-3), 500)
        base = tensors(model)
        for what, changed, nature in trained(model, build):
            for (_, old), (_, new) in zip(base, tensors(changed), strict=True):
                tell(what, old, new, nature)
        for what, pairs, nature in edited([array for _, array in base]):
            for old, new in pairs:
                tell(what, old, new, nature)
        if build is dense:
            for what, pairs, nature in low_rank(model):
                for old, new in pairs:
                    tell(what, old, new, nature)

    natures = list(Nature)
    print(
        f"{'done to the model':34} {'entries':8}"
        + "".join(f"{nature.value[:9]:>10}" for nature in natures)
        + "   wrong word"
    )
    wrong = named = total = 0
    for (what, small), counts in table.items():
        bad = sum(n for nature, n in counts.items() if nature not in {expected[what], Nature.UNKNOWN})
        wrong += bad
        total += counts.total()
        named += counts[expected[what]]
        row = "".join(f"{counts[nature] or '':>10}" for nature in natures)
        print(f"{what:34} {'few' if small else 'many':8}{row}   {bad or ''}")
    print(f"{total} tensors, {named} named as what was done, {wrong} named otherwise, the rest not named")
    if "-v" in sys.argv:
        for what, found in ranges.items():
            for cosine, distance, correlation, size, shape, word in found:
                print(
                    f"{what:34} cosine {cosine:8.4f}  relative L2 {distance:8.4f}  correlation {correlation:8.4f}  {size:7} {shape:18} {word}"
                )


if __name__ == "__main__":
    main()
