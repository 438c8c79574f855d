# Networks for everything else: recurrence with states, attention, shared layers, several inputs, layers of one's own.
"""Small models of text, series, tables and several of them."""

from __future__ import annotations

from typing import Any

from benchmarks.matching.specs import Draft, Spec


def mlp() -> Spec:
    """Tabular data, four hidden layers."""
    d = Draft()
    x = d.input("measurements", 12)
    for number, units in enumerate((16, 16, 8, 8), 1):
        x = d.add(f"hidden{number}", "Dense", x, units=units, activation="relu")
        x = d.add(f"drop{number}", "Dropout", x, rate=0.2)
    return d.spec(d.add("score", "Dense", x, units=3, activation="softmax"), sequential=True)


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
    tower: tuple[tuple[str, str, dict[str, Any]], ...] = (
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


def operations() -> Spec:
    """Arithmetic written with operators, which Keras makes layers of; nobody can name these."""
    d = Draft()
    x = d.add("normalise", "op:divide", d.input("image", 12, 12, 3), by=255.0)
    x = d.add("conv1", "Conv2D", x, filters=6, kernel_size=3, padding="same", activation="relu")
    for number in (1, 2, 3):
        start = d.mark()
        y = d.add(f"gate{number}_value", "Conv2D", x, filters=6, kernel_size=3, padding="same")
        z = d.add(f"gate{number}_weight", "Conv2D", x, filters=6, kernel_size=1, padding="same", activation="sigmoid")
        y = d.add(f"gate{number}_product", "op:multiply", y, z)
        x = d.add(f"gate{number}_sum", "op:add", x, y)
        d.block(start)
    x = d.add("gap", "GlobalAveragePooling2D", x)
    x = d.add("temperature", "op:divide", d.add("classes", "Dense", x, units=5), by=2.0)
    return d.spec(d.add("odds", "Activation", x, activation="softmax"))


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
