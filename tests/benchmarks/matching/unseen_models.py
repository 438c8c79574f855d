# Networks that no threshold was tuned on: other shapes of graph, other repetition. They are used with a seed of its
# own (`--seed`), to see whether what was learnt on the others is true of models and not of cases.
"""Small models for validation as specs."""

from __future__ import annotations

from benchmarks.matching.specs import Draft, Ref, Spec


def senet(depth: int = 3) -> Spec:
    """Residual blocks that weigh their channels."""
    d = Draft()
    x = d.add("stem", "Conv2D", d.input("image", 16, 16, 3), filters=8, kernel_size=3, padding="same")
    x = d.add("stem_norm", "BatchNormalization", x)
    for number in range(1, depth + 1):
        start, name = d.mark(), f"res{number}"
        y = d.add(f"{name}_conv1", "Conv2D", x, filters=8, kernel_size=3, padding="same", activation="relu")
        y = d.add(f"{name}_conv2", "Conv2D", y, filters=8, kernel_size=3, padding="same")
        y = d.add(f"{name}_norm", "BatchNormalization", y)
        s = d.add(f"{name}_squeeze", "GlobalAveragePooling2D", y)
        s = d.add(f"{name}_shape", "Reshape", s, target_shape=(1, 1, 8))
        s = d.add(f"{name}_down", "Dense", s, units=4, activation="relu")
        s = d.add(f"{name}_up", "Dense", s, units=8, activation="sigmoid")
        y = d.add(f"{name}_scale", "Multiply", y, s)
        y = d.add(f"{name}_sum", "Add", y, x)
        x = d.add(f"{name}_relu", "ReLU", y)
        d.block(start)
    x = d.add("pool", "GlobalAveragePooling2D", x)
    return d.spec(d.add("labels", "Dense", x, units=5, activation="softmax"))


def convnext(depths: tuple[int, ...] = (2, 3)) -> Spec:
    """Depthwise convolutions, normalised, and two dense layers a block."""
    d = Draft()
    x = d.add("patches", "Conv2D", d.input("image", 16, 16, 3), filters=4, kernel_size=2, strides=2)
    for stage, depth in enumerate(depths, 1):
        width = 4 * stage
        if stage > 1:
            x = d.add(f"down{stage}_norm", "LayerNormalization", x)
            x = d.add(f"down{stage}", "Conv2D", x, filters=width, kernel_size=2, strides=2)
        for number in range(1, depth + 1):
            start, name = d.mark(), f"s{stage}b{number}"
            y = d.add(f"{name}_dw", "DepthwiseConv2D", x, kernel_size=5, padding="same")
            y = d.add(f"{name}_ln", "LayerNormalization", y)
            y = d.add(f"{name}_grow", "Dense", y, units=4 * width, activation="gelu")
            y = d.add(f"{name}_shrink", "Dense", y, units=width)
            x = d.add(f"{name}_add", "Add", y, x)
            d.block(start)
    x = d.add("pool", "GlobalAveragePooling2D", x)
    x = d.add("head_norm", "LayerNormalization", x)
    return d.spec(d.add("labels", "Dense", x, units=6, activation="softmax"))


def vit(depth: int = 4) -> Spec:
    """Patches, attention before which is normalised, dropout inside."""
    d = Draft()
    x = d.add("embed", "Conv2D", d.input("image", 16, 16, 3), filters=8, kernel_size=4, strides=4)
    x = d.add("tokens", "Reshape", x, target_shape=(16, 8))
    for number in range(1, depth + 1):
        start, name = d.mark(), f"layer{number}"
        y = d.add(f"{name}_norm1", "LayerNormalization", x)
        y = d.add(f"{name}_attn", "MultiHeadAttention", y, y, num_heads=2, key_dim=4)
        x = d.add(f"{name}_add1", "Add", x, y)
        y = d.add(f"{name}_norm2", "LayerNormalization", x)
        y = d.add(f"{name}_mlp1", "Dense", y, units=16, activation="gelu")
        y = d.add(f"{name}_drop1", "Dropout", y, rate=0.1)
        y = d.add(f"{name}_mlp2", "Dense", y, units=8)
        y = d.add(f"{name}_drop2", "Dropout", y, rate=0.1)
        x = d.add(f"{name}_add2", "Add", x, y)
        d.block(start)
    x = d.add("norm", "LayerNormalization", x)
    x = d.add("flat", "Flatten", x)
    return d.spec(d.add("labels", "Dense", x, units=4, activation="softmax"))


def tcn() -> Spec:
    """Dilated convolutions over a series."""
    d = Draft()
    x = d.add("project", "Conv1D", d.input("series", 24, 3), filters=6, kernel_size=1)
    for number in (1, 2, 3, 4):
        start, name = d.mark(), f"level{number}"
        y = x
        for part in ("a", "b"):
            y = d.add(
                f"{name}_{part}",
                "Conv1D",
                y,
                filters=6,
                kernel_size=3,
                padding="causal",
                dilation_rate=2 ** (number - 1),
            )
            y = d.add(f"{name}_{part}_act", "Activation", y, activation="relu")
            y = d.add(f"{name}_{part}_drop", "SpatialDropout1D", y, rate=0.1)
        x = d.add(f"{name}_add", "Add", y, x)
        d.block(start)
    x = d.add("last", "GlobalAveragePooling1D", x)
    return d.spec(d.add("next", "Dense", x, units=1))


def wide_deep() -> Spec:
    """Categories and numbers, a straight way and a deep one."""
    d = Draft()
    codes = []
    for number in (1, 2, 3):
        x = d.input(f"category{number}", 1, dtype="int32")
        x = d.add(f"table{number}", "Embedding", x, input_dim=20, output_dim=4)
        codes.append(d.add(f"flat{number}", "Flatten", x))
    facts = d.input("facts", 6)
    every = d.add("everything", "Concatenate", *codes, facts)
    x = every
    for number, units in enumerate((16, 16, 8), 1):
        x = d.add(f"deep{number}", "Dense", x, units=units, activation="relu")
        x = d.add(f"deep{number}_norm", "BatchNormalization", x)
        x = d.add(f"deep{number}_drop", "Dropout", x, rate=0.2)
    deep = d.add("deep_score", "Dense", x, units=1)
    wide = d.add("wide_score", "Dense", every, units=1)
    x = d.add("total", "Add", deep, wide)
    return d.spec(d.add("chance", "Activation", x, activation="sigmoid"))


def generator() -> Spec:
    """From noise to an image."""
    d = Draft()
    x = d.add("seed_fc", "Dense", d.input("noise", 8), units=64, use_bias=False)
    x = d.add("seed_shape", "Reshape", x, target_shape=(2, 2, 16))
    for number, filters in enumerate((8, 8, 4), 1):
        x = d.add(
            f"grow{number}",
            "Conv2DTranspose",
            x,
            filters=filters,
            kernel_size=4,
            strides=2,
            padding="same",
            use_bias=False,
        )
        x = d.add(f"grow{number}_bn", "BatchNormalization", x)
        x = d.add(f"grow{number}_leaky", "LeakyReLU", x)
    return d.spec(d.add("picture", "Conv2D", x, filters=3, kernel_size=5, padding="same", activation="tanh"))


def tagger() -> Spec:
    """A label for every word, read both ways."""
    d = Draft()
    x = d.add("lookup", "Embedding", d.input("words", 14, dtype="int32"), input_dim=40, output_dim=8)
    for number in (1, 2, 3):
        x = d.add(f"both{number}", "Bidirectional", x, layer=("GRU", {"units": 4, "return_sequences": True}))
        x = d.add(f"both{number}_drop", "Dropout", x, rate=0.2)
    x = d.add("each", "TimeDistributed", x, layer=("Dense", {"units": 8, "activation": "relu"}))
    return d.spec(d.add("tags", "Dense", x, units=7, activation="softmax"), sequential=True)


def plain_deep() -> Spec:
    """Equal layers in a row and nothing else to go by."""
    d = Draft()
    x = d.input("numbers", 10)
    for number in range(1, 7):
        x = d.add(f"fc{number}", "Dense", x, units=10)
        x = d.add(f"bn{number}", "BatchNormalization", x)
        x = d.add(f"act{number}", "Activation", x, activation="relu")
        x = d.add(f"drop{number}", "Dropout", x, rate=0.3)
    return d.spec(d.add("value", "Dense", x, units=2), sequential=True)


def pyramid() -> Spec:
    """Features of three sizes, joined from the top, an output for each."""
    d = Draft()
    x = d.input("image", 16, 16, 3)
    levels: list[Ref] = []
    for number in (1, 2, 3):
        x = d.add(f"c{number}_conv", "Conv2D", x, filters=4 * number, kernel_size=3, strides=2, padding="same")
        x = d.add(f"c{number}_bn", "BatchNormalization", x)
        x = d.add(f"c{number}_act", "Activation", x, activation="relu")
        start = d.mark()
        y = d.add(f"c{number}_more", "Conv2D", x, filters=4 * number, kernel_size=3, padding="same", activation="relu")
        x = d.add(f"c{number}_add", "Add", y, x)
        d.block(start)
        levels.append(x)
    top, made = None, []
    for number in (3, 2, 1):
        x = d.add(f"p{number}_side", "Conv2D", levels[number - 1], filters=6, kernel_size=1)
        if top is not None:
            up = d.add(f"p{number}_up", "UpSampling2D", top, size=2)
            x = d.add(f"p{number}_add", "Add", x, up)
        top = x
        made.append(d.add(f"p{number}_out", "Conv2D", x, filters=2, kernel_size=3, padding="same"))
    return d.spec(*made)


def parts() -> Spec:
    """Three equal sub-models in a row, and a head."""
    d = Draft()
    x = d.add("entry", "Dense", d.input("vector", 8), units=8)
    for number in (1, 2, 3):
        b = Draft()
        start = b.input(f"part{number}_in", 8)
        y = b.add(f"part{number}_norm", "LayerNormalization", start)
        y = b.add(f"part{number}_wide", "Dense", y, units=12, activation="relu")
        y = b.add(f"part{number}_slim", "Dense", y, units=8)
        body = b.spec(b.add(f"part{number}_sum", "Add", start, y))
        x = d.add(f"part{number}", "Functional", x, body=body)
    x = d.add("end_drop", "Dropout", x, rate=0.2)
    return d.spec(d.add("answer", "Dense", x, units=3, activation="softmax"))


def ensemble() -> Spec:
    """Equal towers beside each other."""
    d = Draft()
    source = d.input("image", 12, 12, 2)
    votes = []
    for number in (1, 2, 3):
        name = f"tower{number}"
        x = d.add(f"{name}_conv", "Conv2D", source, filters=4, kernel_size=3, activation="relu")
        x = d.add(f"{name}_pool", "MaxPooling2D", x, pool_size=2)
        x = d.add(f"{name}_flat", "Flatten", x)
        x = d.add(f"{name}_fc", "Dense", x, units=8, activation="relu")
        votes.append(d.add(f"{name}_vote", "Dense", x, units=3, activation="softmax"))
    return d.spec(d.add("verdict", "Average", *votes))


def xception(depth: int = 3) -> Spec:
    """Separable convolutions, with a shortcut around two."""
    d = Draft()
    x = d.add("stem", "Conv2D", d.input("image", 16, 16, 3), filters=6, kernel_size=3, padding="same", use_bias=False)
    x = d.add("stem_bn", "BatchNormalization", x)
    for number in range(1, depth + 1):
        start, name = d.mark(), f"middle{number}"
        y = x
        for part in (1, 2):
            y = d.add(f"{name}_act{part}", "ReLU", y)
            y = d.add(
                f"{name}_sep{part}", "SeparableConv2D", y, filters=6, kernel_size=3, padding="same", use_bias=False
            )
            y = d.add(f"{name}_bn{part}", "BatchNormalization", y)
        x = d.add(f"{name}_sum", "Add", y, x)
        d.block(start)
    y = d.add("exit_sep", "SeparableConv2D", x, filters=8, kernel_size=3, strides=2, padding="same")
    x = d.add("exit_short", "Conv2D", x, filters=8, kernel_size=1, strides=2, padding="same")
    x = d.add("exit_sum", "Add", y, x)
    x = d.add("pool", "GlobalAveragePooling2D", x)
    return d.spec(d.add("labels", "Dense", x, units=5, activation="softmax"))
