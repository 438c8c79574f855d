# One table of tiny pairs: the old text, the new text, and what is told (kind and where), with near-misses that must
# stay silent. Weights follow the path of a layer, so an equal path has equal numbers; `w=` gives a layer the numbers
# of another one. Consequences, weight values and configs are told elsewhere and left out here.
from __future__ import annotations

from dataclasses import dataclass

import pytest
from models import model

from modeldiff.changes import Change, InputsRewired, Kind, LayerRenamed
from modeldiff.differ import compare
from modeldiff.graph import LayerPath, format_path

STRUCTURE = {
    Kind.LAYER_ADDED,
    Kind.LAYER_REMOVED,
    Kind.LAYER_RENAMED,
    Kind.LAYER_MOVED,
    Kind.LAYER_RETYPED,
    Kind.INPUTS_REWIRED,
    Kind.INTERFACE_CHANGED,
}


@dataclass(frozen=True)
class Pair:
    """Two models in words, and what must be told."""

    about: str
    old: str
    new: str
    told: tuple[str, ...] = ()


def _where(path: LayerPath | None) -> str:
    return "-" if path is None else format_path(path) or "model"


def _told(change: Change) -> str:
    old, new = _where(change.site.old), _where(change.site.new)
    return f"{change.kind.value} {old}" if old == new else f"{change.kind.value} {old} > {new}"


def told(old: str, new: str) -> list[str]:
    """What is said about the structure of two models, without consequences and renumbering."""
    diff = compare(model(old), model(new))
    return sorted(
        _told(change)
        for change in diff.changes
        if change.kind in STRUCTURE
        and not (isinstance(change, InputsRewired) and change.consequence)
        and not (isinstance(change, LayerRenamed) and change.renumbered)
    )


CHAIN = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=16) <- x
    b: Dense(units=16) <- a
    c: Dense(units=16) <- b
    out: Dense(units=3) <- c
"""
AUTOMATIC = """
    input_layer: InputLayer(batch_shape=[None, 8])
    dense: Dense(units=16, w=1) <- input_layer
    dense_1: Dense(units=16, w=2) <- dense
    dense_2: Dense(units=16, w=3) <- dense_1
    dense_3: Dense(units=3, w=4) <- dense_2
"""
RESIDUAL = """
    x: InputLayer(batch_shape=[None, 8, 8, 4])
    stem: Conv2D(filters=4) <- x
    one_a: Conv2D(filters=4) <- stem
    one_r: ReLU <- one_a
    one_b: Conv2D(filters=4) <- one_r
    one_add: Add <- one_b, stem
    two_a: Conv2D(filters=4) <- one_add
    two_r: ReLU <- two_a
    two_b: Conv2D(filters=4) <- two_r
    two_add: Add <- two_b, one_add
    pool: GlobalAveragePooling2D <- two_add
    out: Dense(units=2) <- pool
"""

PAIRS = [
    Pair("the same", CHAIN, CHAIN),
    Pair(
        "built twice: only counters differ",
        AUTOMATIC,
        """
        input_layer_1: InputLayer(batch_shape=[None, 8])
        dense_4: Dense(units=16, w=1) <- input_layer_1
        dense_5: Dense(units=16, w=2) <- dense_4
        dense_6: Dense(units=16, w=3) <- dense_5
        dense_7: Dense(units=3, w=4) <- dense_6
        """,
    ),
    Pair(
        "one layer near the input shifts every automatic name",
        AUTOMATIC,
        """
        input_layer: InputLayer(batch_shape=[None, 8])
        dense: Dense(units=8, w=9) <- input_layer
        dense_1: Dense(units=16, w=1) <- dense
        dense_2: Dense(units=16, w=2) <- dense_1
        dense_3: Dense(units=16, w=3) <- dense_2
        dense_4: Dense(units=3, w=4) <- dense_3
        """,
        ("layer-added - > dense",),
    ),
    Pair(
        "the same with other numbers everywhere: sizes tell",
        """
        input_layer: InputLayer(batch_shape=[None, 8])
        dense: Dense(units=16, w=1) <- input_layer
        dense_1: Dense(units=32, w=2) <- dense
        dense_2: Dense(units=3, w=4) <- dense_1
        """,
        """
        input_layer: InputLayer(batch_shape=[None, 8])
        dense: Dense(units=8, w=11) <- input_layer
        dense_1: Dense(units=16, w=12) <- dense
        dense_2: Dense(units=32, w=13) <- dense_1
        dense_3: Dense(units=3, w=14) <- dense_2
        """,
        ("layer-added - > dense",),
    ),
    Pair(
        "every name another, the numbers the same",
        CHAIN,
        """
        in: InputLayer(batch_shape=[None, 8])
        first: Dense(units=16) <- in
        second: Dense(units=16) <- first
        third: Dense(units=16) <- second
        head: Dense(units=3) <- third
        """,
        (
            "layer-renamed a > first",
            "layer-renamed b > second",
            "layer-renamed c > third",
            "layer-renamed out > head",
            "layer-renamed x > in",
        ),
    ),
    Pair(
        "two layers swapped names, told by their numbers",
        CHAIN,
        """
        x: InputLayer(batch_shape=[None, 8])
        a: Dense(units=16) <- x
        c: Dense(units=16, w=22) <- a
        b: Dense(units=16, w=33) <- c
        out: Dense(units=3) <- b
        """.replace("w=22", "w=2").replace("w=33", "w=3"),
        ("layer-renamed b > c", "layer-renamed c > b"),
    ),
    Pair(
        "two layers of unlike size swapped names, numbers all new",
        """
        x: InputLayer(batch_shape=[None, 8])
        wide: Dense(units=64, w=1) <- x
        slim: Dense(units=4, w=2) <- wide
        out: Dense(units=3, w=3) <- slim
        """,
        """
        x: InputLayer(batch_shape=[None, 8])
        slim: Dense(units=64, w=4) <- x
        wide: Dense(units=4, w=5) <- slim
        out: Dense(units=3, w=6) <- wide
        """,
        ("layer-renamed slim > wide", "layer-renamed wide > slim"),
    ),
    Pair(
        "a block in between, with names a person chose",
        RESIDUAL,
        RESIDUAL.replace("two_a: Conv2D(filters=4) <- one_add", "two_a: Conv2D(filters=4) <- mid_add")
        .replace("two_add: Add <- two_b, one_add", "two_add: Add <- two_b, mid_add")
        .replace(
            "    two_a:",
            """    mid_a: Conv2D(filters=4) <- one_add
    mid_r: ReLU <- mid_a
    mid_b: Conv2D(filters=4) <- mid_r
    mid_add: Add <- mid_b, one_add
    two_a:""",
        ),
        ("layer-added - > mid_a", "layer-added - > mid_add", "layer-added - > mid_b", "layer-added - > mid_r"),
    ),
    Pair(
        "a skip connection goes",
        RESIDUAL,
        RESIDUAL.replace("    two_add: Add <- two_b, one_add\n", "").replace("<- two_add", "<- two_b"),
        ("layer-removed two_add > -",),
    ),
    Pair(
        "a skip connection leads elsewhere",
        RESIDUAL,
        RESIDUAL.replace("two_add: Add <- two_b, one_add", "two_add: Add <- two_b, stem"),
        ("inputs-rewired two_add",),
    ),
    Pair(
        "the inputs of an Add change places: nothing",
        RESIDUAL,
        RESIDUAL.replace("Add <- one_b, stem", "Add <- stem, one_b"),
    ),
    Pair(
        "the inputs of a Concatenate change places",
        RESIDUAL.replace("one_add: Add", "one_add: Concatenate"),
        RESIDUAL.replace("one_add: Add <- one_b, stem", "one_add: Concatenate <- stem, one_b"),
        ("inputs-rewired one_add",),
    ),
    Pair(
        "Subtract is not commutative",
        RESIDUAL.replace("one_add: Add", "one_add: Subtract"),
        RESIDUAL.replace("one_add: Add <- one_b, stem", "one_add: Subtract <- stem, one_b"),
        ("inputs-rewired one_add",),
    ),
    Pair(
        "another class in the same place, under its own name",
        RESIDUAL,
        RESIDUAL.replace("one_r: ReLU", "one_r: LeakyReLU"),
        ("layer-retyped one_r",),
    ),
    Pair(
        "another class in the same place, counted anew",
        RESIDUAL.replace("one_r", "re_lu"),
        RESIDUAL.replace("one_r: ReLU", "leaky_re_lu: LeakyReLU").replace("<- one_r", "<- leaky_re_lu"),
        ("layer-retyped re_lu > leaky_re_lu",),
    ),
    Pair(
        "a pooling becomes another",
        RESIDUAL.replace("pool:", "global_average_pooling2d:").replace("<- pool", "<- global_average_pooling2d"),
        RESIDUAL.replace("pool: GlobalAverage", "global_max_pooling2d: GlobalMax").replace(
            "<- pool", "<- global_max_pooling2d"
        ),
        (
            "layer-retyped global_average_pooling2d > global_max_pooling2d",
        ),
    ),
    Pair(
        "an unlike class in the same place is no pair",
        CHAIN.replace("b: Dense(units=16)", "b: Dropout(rate=0.5)"),
        CHAIN.replace("b: Dense(units=16)", "other: BatchNormalization").replace("<- b", "<- other"),
        ("layer-added - > other", "layer-removed b > -"),
    ),
    Pair(
        "a layer goes into a wrapper, counted anew",
        CHAIN.replace("b: Dense(units=16)", "lstm: LSTM(units=16)").replace("<- b", "<- lstm"),
        CHAIN.replace(
            "b: Dense(units=16)", "bidirectional: Bidirectional(layer={'class_name': 'LSTM', 'config': {'units': 16}})"
        ).replace("<- b\n", "<- bidirectional\n"),
        ("layer-retyped lstm > bidirectional",),
    ),
    Pair(
        "a layer goes into a wrapper of no kin of its own",
        CHAIN.replace("b: Dense(units=16)", "dropout: Dropout(rate=0.5)").replace("<- b", "<- dropout"),
        CHAIN.replace(
            "b: Dense(units=16)",
            "time_distributed: TimeDistributed(layer={'class_name': 'Dropout', 'config': {'rate': 0.5}})",
        ).replace("<- b\n", "<- time_distributed\n"),
        ("layer-retyped dropout > time_distributed",),
    ),
    Pair(
        "a wrapper around something else is no pair",
        CHAIN.replace("b: Dense(units=16)", "dropout: Dropout(rate=0.5)").replace("<- b", "<- dropout"),
        CHAIN.replace(
            "b: Dense(units=16)",
            "time_distributed: TimeDistributed(layer={'class_name': 'Dense', 'config': {'units': 16}})",
        ).replace("<- b\n", "<- time_distributed\n"),
        ("layer-added - > time_distributed", "layer-removed dropout > -"),
    ),
    Pair(
        "the head is replaced, the body kept",
        CHAIN,
        CHAIN.replace(
            "    out: Dense(units=3) <- c",
            """    fc: Dense(units=20) <- c
    drop: Dropout(rate=0.5) <- fc
    classes: Dense(units=7) <- drop""",
        ),
        (
            "layer-added - > classes",
            "layer-added - > drop",
            "layer-added - > fc",
            "layer-removed out > -",
        ),
    ),
    Pair(
        "an output and the hidden layer of another size that came in front are no pair",
        CHAIN.replace("out: Dense(units=3)", 'dense_3: Dense(units=3, activation="softmax", use_bias=True, w=4)'),
        CHAIN.replace(
            "    out: Dense(units=3) <- c",
            """    dense_3: Dense(units=20, activation="relu", use_bias=True, w=5) <- c
    dropout: Dropout(rate=0.5) <- dense_3
    dense_4: Dense(units=7, activation="softmax", use_bias=True, w=6) <- dropout""",
        ),
        ("layer-added - > dense_3", "layer-added - > dropout"),
    ),
    Pair(
        "an output that gives its activation to a layer of its own is still itself",
        CHAIN.replace("out: Dense(units=3)", 'dense: Dense(units=3, activation="softmax", w=4)'),
        CHAIN.replace(
            "    out: Dense(units=3) <- c",
            """    dense: Dense(units=3, activation="linear", w=4) <- c
    activation: Activation(activation="softmax") <- dense""",
        ),
        ("layer-added - > activation",),
    ),
    Pair("more units and what follows from them", CHAIN, CHAIN.replace("b: Dense(units=16)", "b: Dense(units=24)")),
    Pair(
        "two blocks change places",
        RESIDUAL,
        """
        x: InputLayer(batch_shape=[None, 8, 8, 4])
        stem: Conv2D(filters=4) <- x
        two_a: Conv2D(filters=4) <- stem
        two_r: ReLU <- two_a
        two_b: Conv2D(filters=4) <- two_r
        two_add: Add <- two_b, stem
        one_a: Conv2D(filters=4) <- two_add
        one_r: ReLU <- one_a
        one_b: Conv2D(filters=4) <- one_r
        one_add: Add <- one_b, two_add
        pool: GlobalAveragePooling2D <- one_add
        out: Dense(units=2) <- pool
        """,
        (
            "inputs-rewired one_a",
            "inputs-rewired one_add",
            "inputs-rewired pool",
            "inputs-rewired two_a",
            "inputs-rewired two_add",
        ),
    ),
    Pair(
        "a chain goes into a sub-model",
        CHAIN,
        """
        x: InputLayer(batch_shape=[None, 8])
        enc: Functional <- x
            p: InputLayer(batch_shape=[None, 8])
            a: Dense(units=16, w=1) <- p
            b: Dense(units=16, w=2) <- a
            outputs: b
        c: Dense(units=16) <- enc
        out: Dense(units=3) <- c
        """,
        ("layer-added - > enc", "layer-added - > enc/p", "layer-moved a > enc/a", "layer-moved b > enc/b"),
    ),
    Pair(
        "a renamed sub-model renames no child",
        """
        x: InputLayer(batch_shape=[None, 8])
        enc: Functional <- x
            p: InputLayer(batch_shape=[None, 8])
            a: Dense(units=16, w=1) <- p
            outputs: a
        out: Dense(units=3, w=2) <- enc
        """,
        """
        x: InputLayer(batch_shape=[None, 8])
        encoder: Functional <- x
            p: InputLayer(batch_shape=[None, 8])
            a: Dense(units=16, w=1) <- p
            outputs: a
        out: Dense(units=3, w=2) <- encoder
        """,
        ("layer-renamed enc > encoder",),
    ),
    Pair(
        "a shared layer loses a call",
        """
        x: InputLayer(batch_shape=[None, 8])
        y: InputLayer(batch_shape=[None, 8])
        s: Dense(units=4) <- x <- y
        t: Dense(units=4) <- y
        out: Concatenate <- s, s@1
        """,
        """
        x: InputLayer(batch_shape=[None, 8])
        y: InputLayer(batch_shape=[None, 8])
        s: Dense(units=4) <- x
        t: Dense(units=4) <- y
        out: Concatenate <- s, t
        """,
        ("inputs-rewired out", "inputs-rewired s"),
    ),
    Pair(
        "the calls of a shared layer in another order",
        """
        x: InputLayer(batch_shape=[None, 8])
        y: InputLayer(batch_shape=[None, 8])
        s: Dense(units=4) <- x <- y
        out: Concatenate <- s, s@1
        """,
        """
        x: InputLayer(batch_shape=[None, 8])
        y: InputLayer(batch_shape=[None, 8])
        s: Dense(units=4) <- y <- x
        out: Concatenate <- s@1, s
        """,
    ),
    Pair(
        "an input more",
        CHAIN,
        CHAIN.replace(
            "    a: Dense", "    y: InputLayer(batch_shape=[None, 8])\n    both: Add <- x, y\n    a: Dense"
        ).replace("<- x\n    b", "<- both\n    b"),
        ("interface-changed model", "layer-added - > both", "layer-added - > y"),
    ),
    Pair("the batch is free or not: nothing", CHAIN, CHAIN.replace("[None, 8]", "[32, 8]")),
    Pair("another input shape", CHAIN, CHAIN.replace("[None, 8]", "[None, 9]"), ("interface-changed x",)),
    Pair("an input renamed is the same port", CHAIN, CHAIN.replace("x:", "image:").replace("<- x", "<- image"), ("layer-renamed x > image",)),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.about)
def test_what_is_told(pair: Pair) -> None:
    # Dense layers of the chain keep their numbers where the text says `w=`; see the head of tests/models.py.
    numbered = {"a": 1, "b": 2, "c": 3, "out": 4}
    old, new = (_numbered(text, numbered) for text in (pair.old, pair.new))
    assert told(old, new) == sorted(pair.told)


def _numbered(text: str, numbers: dict[str, int]) -> str:
    """The numbers of a Dense follow its name, also where it stands in a sub-model or is renamed in the table."""
    aliases = {"first": 1, "second": 2, "third": 3, "head": 4}
    lines = []
    for line in text.splitlines():
        name = line.strip().partition(":")[0]
        number = numbers.get(name, aliases.get(name))
        plain = number is not None and "Dense(" in line and "w=" not in line
        lines.append(line.replace("Dense(", f"Dense(w={number}, ") if plain else line)
    return "\n".join(lines)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.about)
def test_swapping_sides_mirrors(pair: Pair) -> None:
    forth, back = compare(model(pair.old), model(pair.new)), compare(model(pair.new), model(pair.old))
    assert forth.matching.added == back.matching.removed
    assert forth.matching.removed == back.matching.added
    assert {(m.old, m.new) for m in forth.matching.matches} == {(m.new, m.old) for m in back.matching.matches}


@pytest.mark.parametrize("policy", ["int8_from_{}", "int4/128_from_{}", "float8_from_{}"])
def test_a_quantised_layer_puts_out_the_dtype_it_did(policy: str) -> None:
    quantised = [CHAIN.replace("units=3", f"units=3, dtype='{policy.format(source)}'") for source in _SOURCES]
    assert [told(CHAIN, text) for text in quantised] == [[], ["interface-changed out"]]


_SOURCES = ("float32", "mixed_float16")
