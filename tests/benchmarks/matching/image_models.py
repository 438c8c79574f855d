# Networks for images: blocks, skips and branches, and many layers that look alike.
"""Small image models as specs."""

from __future__ import annotations

from benchmarks.matching.specs import Draft, Ref, Spec


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


def _conv_bn(d: Draft, x: Ref, name: str, filters: int, *, size: int = 3, strides: int = 1, act: str = "relu") -> Ref:
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
                x = _conv_bn(d, x, f"{name}_short", filters, size=1, strides=2, act="")
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
            y = _conv_bn(d, y, f"{name}_reduce", filters // 2, size=1, strides=stage if first else 1)
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
        y = _conv_bn(d, x, f"{name}_expand", 8, size=1, act="relu6")
        y = d.add(
            f"{name}_depth_conv", "DepthwiseConv2D", y, kernel_size=3, strides=strides, padding="same", use_bias=False
        )
        y = d.add(f"{name}_depth_bn", "BatchNormalization", y)
        y = d.add(f"{name}_depth_act", "Activation", y, activation="relu6")
        y = _conv_bn(d, y, f"{name}_project", 4, size=1, act="")
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
            x = _conv_bn(d, x, f"transition{stage}", 6, size=1)
            x = d.add(f"transition{stage}_pool", "AveragePooling2D", x, pool_size=2, padding="same")
    x = d.add("gap", "GlobalAveragePooling2D", x)
    return d.spec(d.add("classes", "Dense", x, units=5, activation="softmax"))


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
