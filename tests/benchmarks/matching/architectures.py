# Small copies of what people build, narrow so that Keras makes them fast: what is hard for a matcher is the shape
# of the graph and the repetition, not the width. Ids read like the names a careful person would give.
"""The architectures of the benchmark, by name: `ARCHITECTURES` and `LARGE`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.matching.specs import Draft, Ref, Spec


def mlp() -> Spec:
    """Tabular data, four hidden layers."""
    d = Draft()
    x = d.input("measurements", 12)
    for number, units in enumerate((16, 16, 8, 8), 1):
        x = d.add(f"hidden{number}", "Dense", x, units=units, activation="relu")
        x = d.add(f"drop{number}", "Dropout", x, rate=0.2)
    return d.spec(d.add("score", "Dense", x, units=3, activation="softmax"), sequential=True)


def cnn() -> Spec:
    """A plain sequential image classifier."""
    d = Draft()
    x = d.input("image", 16, 16, 3)
    for number, filters in enumerate((4, 8, 8), 1):
        x = d.add(f"conv{number}", "Conv2D", x, filters=filters, kernel_size=3, padding="same", activation="relu")
        x = d.add(f"pool{number}", "MaxPooling2D", x, pool_size=2)
    x = d.add("flat", "Flatten", x)
    x = d.add("fc1", "Dense", x, units=16, activation="relu")
    x = d.add("fc_drop", "Dropout", x, rate=0.5)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"), sequential=True)


def vgg() -> Spec:
    """Runs of equal convolutions between poolings."""
    d = Draft()
    x = d.input("image", 32, 32, 3)
    for stage, (filters, depth) in enumerate(((4, 2), (6, 2), (8, 3), (8, 3)), 1):
        for number in range(1, depth + 1):
            start = d.mark()
            x = d.add(
                f"block{stage}_conv{number}",
                "Conv2D",
                x,
                filters=filters,
                kernel_size=3,
                padding="same",
                activation="relu",
            )
            if number > 1:
                d.block(start)
        x = d.add(f"block{stage}_pool", "MaxPooling2D", x, pool_size=2)
    x = d.add("flat", "Flatten", x)
    x = d.add("fc1", "Dense", x, units=16, activation="relu")
    x = d.add("fc2", "Dense", x, units=16, activation="relu")
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


def _conv_bn(d: Draft, x: Ref, name: str, filters: int, size: int = 3, strides: int = 1, act: str = "relu") -> Ref:
    x = d.add(
        f"{name}_conv", "Conv2D", x, filters=filters, kernel_size=size, strides=strides, padding="same", use_bias=False
    )
    x = d.add(f"{name}_bn", "BatchNormalization", x)
    return d.add(f"{name}_act", "Activation", x, activation=act) if act else x


def resnet_v1(depths: tuple[int, ...] = (2, 2, 2), classes: int = 5) -> Spec:
    """Activation after the addition."""
    d = Draft()
    x = _conv_bn(d, d.input("image", 16, 16, 3), "stem", 4)
    for stage, depth in enumerate(depths, 1):
        filters = 4 + 2 * (stage - 1)
        for number in range(1, depth + 1):
            start, name = d.mark(), f"stage{stage}_block{number}"
            first = number == 1 and stage > 1
            y = _conv_bn(d, x, f"{name}_a", filters, strides=2 if first else 1)
            y = _conv_bn(d, y, f"{name}_b", filters, act="")
            if first:
                x = _conv_bn(d, x, f"{name}_short", filters, 1, 2, "")
            x = d.add(f"{name}_add", "Add", y, x)
            x = d.add(f"{name}_out", "Activation", x, activation="relu")
            if not first:
                d.block(start)
    x = d.add("gap", "GlobalAveragePooling2D", x)
    return d.spec(d.add("classes", "Dense", x, units=classes, activation="softmax"))


def resnet_v2(depth: int = 3) -> Spec:
    """Normalisation and activation before the convolution, bottlenecks."""
    d = Draft()
    x = d.add("stem_conv", "Conv2D", d.input("image", 16, 16, 3), filters=8, kernel_size=3, padding="same")
    for stage in (1, 2):
        for number in range(1, depth + 1):
            start, name = d.mark(), f"stage{stage}_unit{number}"
            first = number == 1
            filters = 8 * stage
            y = d.add(f"{name}_pre_bn", "BatchNormalization", x)
            y = pre = d.add(f"{name}_pre_act", "ReLU", y)
            y = _conv_bn(d, y, f"{name}_reduce", filters // 2, 1, stage if first else 1)
            y = _conv_bn(d, y, f"{name}_conv", filters // 2)
            y = d.add(f"{name}_expand", "Conv2D", y, filters=filters, kernel_size=1)
            if first:
                x = d.add(f"{name}_short", "Conv2D", pre, filters=filters, kernel_size=1, strides=stage)
            x = d.add(f"{name}_add", "Add", x, y)
            if not first:
                d.block(start)
    x = d.add("post_bn", "BatchNormalization", x)
    x = d.add("post_act", "ReLU", x)
    x = d.add("gap", "GlobalAveragePooling2D", x)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


def unet() -> Spec:
    """Segmentation with concatenated skips."""
    d = Draft()
    x = d.input("image", 16, 16, 2)
    skips = []
    for level in (1, 2, 3):
        x = _conv_bn(d, x, f"down{level}_a", 4 * level)
        start = d.mark()
        x = _conv_bn(d, x, f"down{level}_b", 4 * level)
        d.block(start)
        if level < 3:
            skips.append(x)
            x = d.add(f"down{level}_pool", "MaxPooling2D", x, pool_size=2)
    for level in (2, 1):
        x = d.add(f"up{level}_grow", "Conv2DTranspose", x, filters=4 * level, kernel_size=2, strides=2)
        x = d.add(f"up{level}_join", "Concatenate", x, skips[level - 1])
        x = _conv_bn(d, x, f"up{level}_a", 4 * level)
        start = d.mark()
        x = _conv_bn(d, x, f"up{level}_b", 4 * level)
        d.block(start)
    return d.spec(d.add("mask", "Conv2D", x, filters=1, kernel_size=1, activation="sigmoid"))


def inception(modules: int = 3) -> Spec:
    """Four parallel branches per module."""
    d = Draft()
    x = _conv_bn(d, d.input("image", 16, 16, 3), "stem", 16)
    for number in range(1, modules + 1):
        start, name = d.mark(), f"mixed{number}"
        one = d.add(f"{name}_1x1", "Conv2D", x, filters=4, kernel_size=1, padding="same", activation="relu")
        y = d.add(f"{name}_3x3_reduce", "Conv2D", x, filters=2, kernel_size=1, padding="same", activation="relu")
        three = d.add(f"{name}_3x3", "Conv2D", y, filters=4, kernel_size=3, padding="same", activation="relu")
        y = d.add(f"{name}_5x5_reduce", "Conv2D", x, filters=2, kernel_size=1, padding="same", activation="relu")
        five = d.add(f"{name}_5x5", "Conv2D", y, filters=4, kernel_size=5, padding="same", activation="relu")
        y = d.add(f"{name}_pool", "MaxPooling2D", x, pool_size=3, strides=1, padding="same")
        pooled = d.add(f"{name}_pool_proj", "Conv2D", y, filters=4, kernel_size=1, padding="same", activation="relu")
        x = d.add(f"{name}_join", "Concatenate", one, three, five, pooled)
        d.block(start)
    x = d.add("gap", "GlobalAveragePooling2D", x)
    x = d.add("head_drop", "Dropout", x, rate=0.4)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


def mobilenet() -> Spec:
    """Inverted residuals with depthwise convolutions."""
    d = Draft()
    x = _conv_bn(d, d.input("image", 16, 16, 3), "stem", 4, act="relu6")
    for number, strides in enumerate((1, 1, 2, 1, 1), 1):
        start, name = d.mark(), f"unit{number}"
        y = _conv_bn(d, x, f"{name}_expand", 8, 1, act="relu6")
        y = d.add(
            f"{name}_depth_conv", "DepthwiseConv2D", y, kernel_size=3, strides=strides, padding="same", use_bias=False
        )
        y = d.add(f"{name}_depth_bn", "BatchNormalization", y)
        y = d.add(f"{name}_depth_act", "Activation", y, activation="relu6")
        y = _conv_bn(d, y, f"{name}_project", 4, 1, act="")
        x = d.add(f"{name}_add", "Add", x, y) if strides == 1 else y
        if strides == 1:
            d.block(start)
    x = d.add("gap", "GlobalAveragePooling2D", x)
    x = d.add("head_drop", "Dropout", x, rate=0.2)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


def densenet(depths: tuple[int, ...] = (3, 3)) -> Spec:
    """Every layer sees all before it."""
    d = Draft()
    x = d.add("stem_conv", "Conv2D", d.input("image", 16, 16, 3), filters=6, kernel_size=3, padding="same")
    for stage, depth in enumerate(depths, 1):
        for number in range(1, depth + 1):
            name = f"dense{stage}_layer{number}"
            y = d.add(f"{name}_bn", "BatchNormalization", x)
            y = d.add(f"{name}_act", "ReLU", y)
            y = d.add(f"{name}_conv", "Conv2D", y, filters=3, kernel_size=3, padding="same", use_bias=False)
            x = d.add(f"{name}_join", "Concatenate", x, y)
        if stage < len(depths):
            x = _conv_bn(d, x, f"transition{stage}", 6, 1)
            x = d.add(f"transition{stage}_pool", "AveragePooling2D", x, pool_size=2, padding="same")
    x = d.add("gap", "GlobalAveragePooling2D", x)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


def text_lstm() -> Spec:
    """A text classifier with stacked recurrent layers."""
    d = Draft()
    x = d.add("words", "Embedding", d.input("tokens", 20, dtype="int32"), input_dim=50, output_dim=8)
    x = d.add("words_drop", "SpatialDropout1D", x, rate=0.1)
    x = d.add("reader", "Bidirectional", x, layer=("LSTM", {"units": 6, "return_sequences": True}))
    x = d.add("memory", "LSTM", x, units=8, return_sequences=True)
    x = d.add("summary", "LSTM", x, units=8)
    x = d.add("fc", "Dense", x, units=8, activation="relu")
    x = d.add("fc_drop", "Dropout", x, rate=0.3)
    return d.spec(d.add("sentiment", "Dense", x, units=1, activation="sigmoid"))


def text_gru() -> Spec:
    """Convolutions and recurrence over a sequence, per-step output."""
    d = Draft()
    x = d.input("signal", 20, 4)
    x = d.add("filter1", "Conv1D", x, filters=6, kernel_size=3, padding="same", activation="relu")
    x = d.add("filter2", "Conv1D", x, filters=6, kernel_size=3, padding="same", activation="relu")
    x = d.add("halve", "MaxPooling1D", x, pool_size=2)
    for number in (1, 2, 3):
        start = d.mark()
        x = d.add(f"gru{number}", "GRU", x, units=6, return_sequences=True)
        x = d.add(f"gru{number}_norm", "LayerNormalization", x)
        d.block(start)
    x = d.add("steps", "TimeDistributed", x, layer=("Dense", {"units": 6, "activation": "relu"}))
    return d.spec(d.add("labels", "Dense", x, units=4, activation="softmax"))


def seq2seq() -> Spec:
    """Encoder-decoder that hands over its states."""
    d = Draft()
    source = d.add("source_words", "Embedding", d.input("source", 12, dtype="int32"), input_dim=30, output_dim=6)
    target = d.add("target_words", "Embedding", d.input("target", 10, dtype="int32"), input_dim=30, output_dim=6)
    d.add("encoder", "LSTM", source, units=6, return_sequences=True, return_state=True)
    x = d.add("decoder", "LSTM", target, ("encoder", 0, 1), ("encoder", 0, 2), units=6, return_sequences=True)
    context = d.add("look", "Attention", x, ("encoder", 0, 0))
    x = d.add("join", "Concatenate", x, context)
    x = d.add("mix", "Dense", x, units=8, activation="tanh")
    return d.spec(d.add("next_word", "Dense", x, units=30, activation="softmax"))


def transformer(depth: int = 3) -> Spec:
    """Encoder blocks with attention and a feed-forward part."""
    d = Draft()
    x = d.add("words", "Embedding", d.input("tokens", 12, dtype="int32"), input_dim=40, output_dim=8)
    x = d.add("words_norm", "LayerNormalization", x)
    for number in range(1, depth + 1):
        start, name = d.mark(), f"encoder{number}"
        y = d.add(f"{name}_attention", "MultiHeadAttention", x, x, num_heads=2, key_dim=4)
        y = d.add(f"{name}_attention_drop", "Dropout", y, rate=0.1)
        x = d.add(f"{name}_attention_add", "Add", x, y)
        x = d.add(f"{name}_attention_norm", "LayerNormalization", x)
        y = d.add(f"{name}_wide", "Dense", x, units=16, activation="gelu")
        y = d.add(f"{name}_narrow", "Dense", y, units=8)
        y = d.add(f"{name}_drop", "Dropout", y, rate=0.1)
        x = d.add(f"{name}_add", "Add", x, y)
        x = d.add(f"{name}_norm", "LayerNormalization", x)
        d.block(start)
    x = d.add("average", "GlobalAveragePooling1D", x)
    x = d.add("fc", "Dense", x, units=8, activation="tanh")
    return d.spec(d.add("topic", "Dense", x, units=6, activation="softmax"))


def siamese() -> Spec:
    """Two images through the same layers."""
    d = Draft()
    left, right = d.input("left", 12, 12, 1), d.input("right", 12, 12, 1)
    tower = (
        ("tower_conv1", "Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}),
        ("tower_conv2", "Conv2D", {"filters": 6, "kernel_size": 3, "activation": "relu"}),
        ("tower_pool", "MaxPooling2D", {"pool_size": 2}),
        ("tower_flat", "Flatten", {}),
        ("tower_code", "Dense", {"units": 8}),
    )
    a, b = left, right
    for identity, cls, config in tower:
        a = d.add(identity, cls, a, **config)
        b = d.again(identity, b)
    x = d.add("difference", "Subtract", a, b)
    x = d.add("fc", "Dense", x, units=8, activation="relu")
    return d.spec(d.add("same", "Dense", x, units=1, activation="sigmoid"))


def multi() -> Spec:
    """Image, text and numbers in; a price and a category out."""
    d = Draft()
    x = d.input("photo", 16, 16, 3)
    for number in (1, 2):
        x = d.add(f"photo_conv{number}", "Conv2D", x, filters=4 * number, kernel_size=3, activation="relu")
        x = d.add(f"photo_pool{number}", "MaxPooling2D", x, pool_size=2)
    photo = d.add("photo_flat", "Flatten", x)
    x = d.add("title_words", "Embedding", d.input("title", 10, dtype="int32"), input_dim=40, output_dim=6)
    title = d.add("title_reader", "GRU", x, units=6)
    x = d.add("facts_scale", "BatchNormalization", d.input("facts", 7))
    facts = d.add("facts_fc", "Dense", x, units=6, activation="relu")
    x = d.add("join", "Concatenate", photo, title, facts)
    x = d.add("trunk1", "Dense", x, units=12, activation="relu")
    x = d.add("trunk2", "Dense", x, units=12, activation="relu")
    price = d.add("price_fc", "Dense", x, units=6, activation="relu")
    kind = d.add("category_fc", "Dense", x, units=6, activation="relu")
    price = d.add("price", "Dense", price, units=1)
    return d.spec(price, d.add("category", "Dense", kind, units=4, activation="softmax"))


def autoencoder() -> Spec:
    """An encoder and a decoder, each a model of its own."""
    e = Draft()
    x = e.input("encoder_in", 16, 16, 1)
    for number in (1, 2):
        x = e.add(f"squeeze{number}", "Conv2D", x, filters=4 * number, kernel_size=3, strides=2, padding="same")
        x = e.add(f"squeeze{number}_act", "LeakyReLU", x)
    x = e.add("encoder_flat", "Flatten", x)
    encoder = e.spec(e.add("code", "Dense", x, units=8))
    b = Draft()
    x = b.add("unpack", "Dense", b.input("decoder_in", 8), units=128, activation="relu")
    x = b.add("unflatten", "Reshape", x, target_shape=(4, 4, 8))
    for number in (1, 2):
        x = b.add(f"stretch{number}", "Conv2DTranspose", x, filters=4, kernel_size=3, strides=2, padding="same")
        x = b.add(f"stretch{number}_act", "LeakyReLU", x)
    decoder = b.spec(b.add("pixels", "Conv2D", x, filters=1, kernel_size=3, padding="same", activation="sigmoid"))
    d = Draft()
    x = d.add("encoder", "Functional", d.input("image", 16, 16, 1), body=encoder)
    return d.spec(d.add("decoder", "Functional", x, body=decoder))


def custom() -> Spec:
    """Layers of the project's own."""
    d = Draft()
    x = d.input("series", 10, 6)
    for number in (1, 2, 3):
        start = d.mark()
        y = d.add(f"mix{number}", "GatedUnit", x, units=6)
        y = d.add(f"mix{number}_scale", "Scale", y)
        x = d.add(f"mix{number}_add", "Add", x, y)
        d.block(start)
    x = d.add("attend", "WeightedPool", x)
    x = d.add("fc", "Dense", x, units=8, activation="relu")
    return d.spec(d.add("forecast", "Dense", x, units=2))


def mixer(depth: int) -> Spec:
    """A deep net of equal blocks, two branches each."""
    d = Draft()
    x = d.add("patches", "Dense", d.input("series", 8, 4), units=4)
    for number in range(1, depth + 1):
        start, name = d.mark(), f"mixer{number}"
        y = d.add(f"{name}_norm", "LayerNormalization", x)
        left = d.add(f"{name}_left", "Dense", y, units=4, activation="gelu")
        right = d.add(f"{name}_right", "Dense", y, units=4, activation="sigmoid")
        y = d.add(f"{name}_gate", "Multiply", left, right)
        x = d.add(f"{name}_add", "Add", x, y)
        d.block(start)
    x = d.add("average", "GlobalAveragePooling1D", x)
    return d.spec(d.add("topic", "Dense", x, units=6, activation="softmax"))


ARCHITECTURES: dict[str, Callable[[], Spec]] = {
    "mlp": mlp,
    "cnn": cnn,
    "vgg": vgg,
    "resnet-v1": resnet_v1,
    "resnet-v2": resnet_v2,
    "unet": unet,
    "inception": inception,
    "mobilenet": mobilenet,
    "densenet": densenet,
    "text-lstm": text_lstm,
    "text-gru": text_gru,
    "seq2seq": seq2seq,
    "transformer": transformer,
    "siamese": siamese,
    "multi": multi,
    "autoencoder": autoencoder,
    "custom": custom,
    "resnet-long": partial(resnet_v1, (5, 5, 4)),
}

LARGE: dict[str, Callable[[], Spec]] = {
    "resnet-300": partial(resnet_v1, (15, 14, 14)),
    "densenet-430": partial(densenet, (35, 35, 35)),
    "mixer-1000": partial(mixer, 199),
}
