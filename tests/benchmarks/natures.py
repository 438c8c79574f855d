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
from models import weight

from modeldiff.changes import Nature, Options, Outcome
from modeldiff.differ.comparison import compare_values

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


def train(model, task, optimizer, steps, batch=32):
    chunk = next(size for size in (50, 20, 10, 3, 1) if steps % size == 0)
    model.compile(optimizer, "sparse_categorical_crossentropy", steps_per_execution=chunk)
    inputs, labels = task
    order = np.random.default_rng(steps).integers(0, len(inputs), steps * batch)
    model.fit(inputs[order], labels[order], batch_size=batch, verbose=0, shuffle=False)
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
    yield "train on, SGD 1e-1, 50 steps", train(copy(model), same, sgd(1e-1), 50), Nature.FINE_TUNED
    yield "retrain, Adam 3e-3, 500 steps", train(copy(model), other, adam(3e-3), 500), Nature.RETRAINED
    yield "retrain, Adam 1e-2, 500 steps", train(copy(model), other, adam(1e-2), 500), Nature.RETRAINED
    decay = keras.optimizers.AdamW(3e-3, weight_decay=0.1)
    yield "retrain, AdamW 3e-3, 500 steps", train(copy(model), other, decay, 500), Nature.RETRAINED
    fine = train(copy(model), same, adam(1e-4), 100)
    yield (
        "prune 50%, then fine-tune 100 steps",
        masked(train(masked(copy(model), fine), same, adam(1e-4), 100), fine),
        Nature.PRUNED,
    )
    yield "re-initialise", build(), Nature.REINITIALISED
    yield "re-initialise, train 500 steps", train(build(), same, adam(1e-3), 500), Nature.REINITIALISED
    yield "diverge", train(copy(model), same, sgd(1e12), 30), Nature.BROKEN


def masked(model, like):
    """Kernels with the entries at zero where those of `like` are small; the rest as it is."""
    for variable, other in zip(model.weights, like.weights, strict=True):
        values = np.abs(np.asarray(other))
        if values.ndim > 1:
            variable.assign(np.where(values < np.median(values), 0, np.asarray(variable)))
    return model


def decayed(array, steps=200):
    """What weight decay alone leaves."""
    for _ in range(steps):
        array = (array - np.float32(1e-3 * 0.1) * array).astype(np.float32)
    return array


def quantised_by_keras(model):
    """Keras' own quantisation, where the kernel keeps its shape."""
    twin = copy(model)
    twin.quantize("int8")
    for old, new in zip(model.layers, twin.layers, strict=True):
        for role in ("_kernel", "_embeddings"):
            before, after = getattr(old, role, None), getattr(new, role, None)
            if after is not None and after.dtype != before.dtype and after.shape == before.shape:
                yield np.asarray(before), np.asarray(after)


def low_rank(model):
    """Adapters of Keras, trained and merged."""
    for size in (1, 2, 4, 8, 16):
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
    halves = [(a, a.astype(np.float16).astype(np.float32)) for a in arrays]
    yield "round to float16, store float32", halves, Nature.RECAST
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
    yield "decay for 200 steps", [(a, decayed(a)) for a in arrays if a.any()], Nature.SCALED
    folds = [(a, np.random.default_rng(3).uniform(0.5, 2, a.shape[-1]).astype(np.float32)) for a in kernels]
    yield "fold a normalisation", [(a, a * factors) for a, factors in folds if a.shape[-1] > 1], Nature.SCALED
    yield "round to bfloat16, store float32", [(a, rounded(a)) for a in arrays], Nature.RECAST
    thin = [(a, np.arange(a.shape[-1]) % 3 > 0) for a in kernels]
    yield "prune every third unit", [(a, a * kept) for a, kept in thin if a.shape[-1] > 1], Nature.PRUNED
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


def rounded(array):
    """To bfloat16 and back."""
    words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((words + 0x7FFF + ((words >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


# --- the table ------------------------------------------------------------------------------------------------


def cases(seeds):
    """What was done, which nature that is, and a tensor before and after."""
    for seed in range(seeds):
        for build in (dense, convolutional, recurrent):
            keras.backend.clear_session()
            keras.utils.set_random_seed(7 + seed)
            model = train(build(), data(build, 1 + 10 * seed), keras.optimizers.Adam(1e-3), 500)
            base = tensors(model)
            for what, changed, nature in trained(model, build):
                for (_, old), (_, new) in zip(base, tensors(changed), strict=True):
                    yield what, Nature.FINE_TUNED if nature is Nature.PRUNED and old.ndim < 2 else nature, old, new
            for what, pairs, nature in edited([array for _, array in base]):
                for old, new in pairs:
                    yield what, nature, old, new
            for old, new in quantised_by_keras(model):
                yield "model.quantize of Keras", Nature.QUANTISED, old, new
            if build is dense:
                for what, pairs, nature in low_rank(model):
                    for old, new in pairs:
                        yield what, nature, old, new


def tell(found):
    """Print the table of truth and word, then the ranges behind the limits."""
    table, rights, wrongs, ranges = defaultdict(Counter), Counter(), Counter(), defaultdict(list)
    for what, nature, old, new in found:
        verdict = compare_values(weight("w", old), weight("w", new), Options())
        if verdict.outcome is Outcome.IDENTICAL:
            continue
        small = min(old.size, new.size) < SMALL
        table[what, small][verdict.nature] += 1
        either = {nature, Nature.RETRAINED} if what in EITHER else {nature}
        rights[what, small] += verdict.nature in either
        wrongs[what, small] += verdict.nature not in {*either, Nature.UNKNOWN}
        moved = verdict.movement
        measured = (moved.cosine, moved.relative_l2, of_values(old, new)) if moved else (np.nan, np.nan, np.nan)
        if verdict.nature is not nature and "-v" in sys.argv:
            numbers = " ".join(f"{number:.4f}" for number in measured)
            print(f"{what:36} {old.shape!s:16} told {verdict.nature.value:15} {numbers} {dict(verdict.proof)}")
        if moved and nature in DEGREES and not small:
            ranges[what].append(measured)
    natures = list(Nature)
    print(
        f"{'done to the model':36} {'entries':8}" + "".join(f"{nature.value[:8]:>9}" for nature in natures) + "   wrong"
    )
    for key, counts in table.items():
        row = "".join(f"{counts[nature] or '':>9}" for nature in natures)
        print(f"{key[0]:36} {'few' if key[1] else 'many':8}{row}   {wrongs[key] or ''}")
    total = sum(counts.total() for counts in table.values())
    print(
        f"{total} tensors, {rights.total()} named as what was done, {wrongs.total()} named otherwise, the rest not named"
    )
    for what, rows in ranges.items():
        spans = [
            f"{name} {low:7.4f} to {high:7.4f}"
            for name, low, high in zip(MEASURED, np.nanmin(rows, 0), np.nanmax(rows, 0), strict=True)
        ]
        print(f"{what:36} {', '.join(spans)}")


EITHER = {"train on, SGD 1e-1, 50 steps"}
"""Moves kernels by 2 to 44 %: which of two words of degree is right depends on the kernel."""

DEGREES = {Nature.FINE_TUNED, Nature.RETRAINED, Nature.REINITIALISED}
MEASURED = ("cosine", "relative L2", "correlation")


def of_values(old, new):
    """Their correlation."""
    with np.errstate(all="ignore"):
        return float(np.corrcoef(old.ravel().astype(np.float64), new.ravel().astype(np.float64))[0, 1])


if __name__ == "__main__":
    tell(cases(2 if "-v" in sys.argv else 1))
