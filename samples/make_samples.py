# Every sample is built by real Keras, and its numbers come from numpy with a seed per layer: the same name gives the
# same numbers, so a pair differs in what its function changes and in nothing else. Rejected: Keras' initialisers and
# a few steps of training, whose last bits differ between processors and versions.
"""Build the sample models: `python samples/make_samples.py [folder]`.

Needs TensorFlow, Keras 3 and tf_keras. Each function of `PAIRS` returns an old and a new model, which become
`<name>/old.h5` and `<name>/new.h5` in the legacy HDF5 format of `model.save("x.h5")`.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import Input, Model, Sequential, layers

Pair = tuple[Any, Any]

# --- numbers --------------------------------------------------------------------------------------------------


def _values(role: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Numbers as training would leave them: variances are positive, gammas are near one."""
    noise = random.standard_normal(shape)
    if role in {"gamma", "moving_variance"}:
        noise = np.abs(1 + 0.1 * noise)
    elif role in {"beta", "bias", "moving_mean"}:
        noise = 0.05 * noise
    else:
        noise = noise * np.sqrt(2 / max(1, np.prod(shape[:-1])))
    return noise.astype(np.float32)


def fill(model: Any, *, same: Mapping[str, str] | None = None, tuned: tuple[str, ...] = (), step: float = 0.01) -> Any:
    """Set every weight of `model`, Keras 3 or tf_keras, and return it.

    `same` gives a layer the numbers of another name; layers whose name starts with one of `tuned` move, each by its
    own share of their norm between `step` and four times that.
    """
    for layer in model.layers:
        if hasattr(layer, "layers"):
            fill(layer, same=same, tuned=tuned, step=step)
            continue
        identity = (same or {}).get(layer.name, layer.name)
        values = []
        for weight in layer.weights:
            role = weight.name.split("/")[-1].split(":")[0]
            random = np.random.default_rng(zlib.crc32(f"{identity}/{role}".encode()))
            value = _values(role, tuple(weight.shape), random)
            if layer.name.startswith(tuned or ("\0",)):
                share = step * (1 + zlib.crc32(identity.encode()) % 31 / 10)
                value *= (1 + share * random.standard_normal(value.shape)).astype(np.float32)
            values.append(value)
        layer.set_weights(values)
    return model


# --- one pair per kind of change ------------------------------------------------------------------------------


def _mlp(*, name: str = "features", activation: str = "relu", dropout: bool = True) -> Any:
    return Sequential(
        [
            Input((12,), name="measurements"),
            layers.Dense(16, activation=activation, name=name),
            *([layers.Dropout(0.25, name="regularise")] if dropout else []),
            layers.Dense(8, activation="relu", name="summary"),
            layers.Dense(3, activation="softmax", name="classes"),
        ],
        name="classifier",
    )


def layer_added() -> Pair:
    """A dropout is inserted between two dense layers."""
    return fill(_mlp(dropout=False)), fill(_mlp())


def layer_removed() -> Pair:
    """The dropout is taken out again."""
    return fill(_mlp()), fill(_mlp(dropout=False))


def layer_renamed() -> Pair:
    """`features` is called `encoder` from now on."""
    return fill(_mlp()), fill(_mlp(name="encoder"), same={"encoder": "features"})


def layer_moved() -> Pair:
    """The second dense layer goes into the sub-model that holds the first one."""

    def build(*, inside: bool) -> Any:
        image = Input((12,), name="measurements")
        inner = Input((12,), name="encoder_input")
        first = layers.Dense(16, activation="relu", name="first")(inner)
        second = layers.Dense(8, activation="relu", name="second")
        encoder = Model(inner, second(first) if inside else first, name="encoder")
        tensor = encoder(image) if inside else second(encoder(image))
        return fill(Model(image, layers.Dense(3, name="classes")(tensor), name="classifier"))

    return build(inside=False), build(inside=True)


def layer_retyped() -> Pair:
    """Maximum pooling becomes average pooling."""

    def build(pooling: Callable[..., Any]) -> Any:
        image = Input((16, 16, 3), name="image")
        tensor = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
        tensor = layers.Flatten(name="flatten")(pooling(2, name="pool")(tensor))
        return fill(Model(image, layers.Dense(4, name="classes")(tensor), name="classifier"))

    return build(layers.MaxPooling2D), build(layers.AveragePooling2D)


def _blocks(*, skip: str = "block1", embedding: bool = False) -> Any:
    image = Input((16,), name="measurements")
    tensors = {"stem": layers.Dense(16, activation="relu", name="stem")(image)}
    tensors["block1"] = layers.Dense(16, activation="relu", name="block1")(tensors["stem"])
    tensors["block2"] = layers.Dense(16, activation="relu", name="block2")(tensors["block1"])
    merged = layers.Add(name="merge")([tensors["block2"], tensors[skip]])
    score = layers.Dense(2, activation="softmax", name="score")(merged)
    return fill(Model(image, [score, merged] if embedding else score, name="residual"))


def inputs_rewired() -> Pair:
    """The skip connection starts at the stem instead of the first block."""
    return _blocks(), _blocks(skip="stem")


def interface_changed() -> Pair:
    """The tensor before the head becomes a second output."""
    return _blocks(), _blocks(embedding=True)


def config_changed() -> Pair:
    """The first dense layer is activated by GELU."""
    return fill(_mlp()), fill(_mlp(activation="gelu"))


class Calibration(keras.layers.Layer):
    """A custom layer whose code changed while its configuration stayed: it scales, and may shift."""

    shifts = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],))
        if self.shifts:
            self.offset = self.add_weight(name="offset", shape=(input_shape[-1],))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Scale and shift."""
        return inputs * self.scale + (self.offset if self.shifts else 0)


class Codebook(keras.layers.Layer):
    """A custom layer whose number of entries stands in its code and not in its configuration."""

    entries = 8

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the table."""
        self.table = self.add_weight(name="table", shape=(self.entries, input_shape[-1]))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The distance to the nearest entry, in every dimension."""
        return keras.ops.min(keras.ops.abs(inputs[:, None] - self.table[None]), axis=1)


def _custom(layer: Any) -> Any:
    return Sequential(
        [
            Input((12,), name="measurements"),
            layers.Dense(8, activation="relu", name="features"),
            layer,
            layers.Dense(3, activation="softmax", name="classes"),
        ],
        name="classifier",
    )


def _calibrated(*, shifts: bool) -> Any:
    Calibration.shifts = shifts
    return fill(_custom(Calibration(name="calibration")))


def weight_added() -> Pair:
    """A custom layer gets an offset."""
    return _calibrated(shifts=False), _calibrated(shifts=True)


def weight_removed() -> Pair:
    """A custom layer loses its offset."""
    return _calibrated(shifts=True), _calibrated(shifts=False)


def weight_reshaped() -> Pair:
    """A custom layer gets four more entries and keeps the eight it had."""
    models = []
    for entries in (8, 12):
        Codebook.entries = entries
        models.append(fill(_custom(Codebook(name="codebook"))))
    old, new = (model.get_layer("codebook").table for model in models)
    new.assign(np.concatenate([keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new)[8:]]))
    return models[0], models[1]


def weight_changed() -> Pair:
    """Two of three layers are fine-tuned."""
    return fill(_mlp()), fill(_mlp(), tuned=("summary", "classes"))


def metadata_changed() -> Pair:
    """Another loss and another learning rate."""
    models = fill(_mlp()), fill(_mlp())
    models[0].compile(loss="categorical_crossentropy", optimizer=keras.optimizers.SGD(0.1, name="sgd"))
    models[1].compile(loss="kl_divergence", optimizer=keras.optimizers.SGD(0.01, name="sgd"))
    return models


# --- the three ways to write a model --------------------------------------------------------------------------


def tutorial_sequential() -> Pair:
    """A Sequential; the hidden layer is activated by ELU, and the output layer was trained on."""

    def build(activation: str) -> Any:
        return Sequential(
            [
                Input((784,), name="input_layer"),
                layers.Dense(128, activation="relu", name="dense_input"),
                layers.Dense(64, activation=activation, name="dense_hidden"),
                layers.Dense(10, activation="softmax", name="dense_output"),
            ],
            name="sequential_model",
        )

    return fill(build("relu")), fill(build("elu"), tuned=("dense_output",))


class MyCustomLayer(keras.layers.Layer):
    """A dense layer as tutorials write it."""

    def __init__(self, units: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Multiply and add."""
        return keras.ops.matmul(inputs, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "units": self.units}


def tutorial_functional() -> Pair:
    """A Functional model with a custom layer, which becomes wider."""

    def build(units: int) -> Any:
        inputs = Input((784,), name="input_layer")
        tensor = layers.Dense(64, activation="relu", name="dense_1")(inputs)
        tensor = MyCustomLayer(units, name="custom_layer")(tensor)
        outputs = layers.Dense(10, activation="softmax", name="output_layer")(tensor)
        return fill(Model(inputs, outputs, name="functional_model"))

    return build(32), build(48)


def tutorial_subclassed() -> Pair:
    """A subclassed model of tf_keras: HDF5 holds its weights only. The first layer is frozen, the others are tuned."""
    import tf_keras

    class MyModel(tf_keras.Model):
        def __init__(self) -> None:
            super().__init__(name="my_model")
            self.dense_1 = tf_keras.layers.Dense(64, activation="relu", name="dense_1")
            self.dense_2 = tf_keras.layers.Dense(32, activation="relu", name="dense_2")
            self.dense_3 = tf_keras.layers.Dense(10, activation="softmax", name="dense_3")

        def call(self, inputs: Any) -> Any:
            return self.dense_3(self.dense_2(self.dense_1(inputs)))

    models = MyModel(), MyModel()
    for model in models:
        model.build((None, 784))
    return fill(models[0]), fill(models[1], tuned=("dense_2", "dense_3"))


# --- a pull request -------------------------------------------------------------------------------------------


def _block(tensor: Any, name: str, filters: int, strides: int = 1, *, trainable: bool = True) -> Any:
    """Two convolutions and a way around them; a projection where the shape changes."""

    def conv(tensor: Any, label: str, size: int, strides: int = 1) -> Any:
        convolution = layers.Conv2D(
            filters, size, strides, padding="same", use_bias=False, trainable=trainable, name=f"{name}_{label}"
        )
        return layers.BatchNormalization(trainable=trainable, name=f"{name}_{label}_bn")(convolution(tensor))

    around = conv(tensor, "proj", 1, strides) if strides > 1 else tensor
    tensor = layers.ReLU(name=f"{name}_relu1")(conv(tensor, "conv1", 3, strides))
    tensor = layers.Add(name=f"{name}_add")([conv(tensor, "conv2", 3), around])
    return layers.ReLU(name=f"{name}_relu2")(tensor)


def _residual_net(*, stem: str, blocks: Mapping[str, tuple[int, int]], dropout: float, classes: int) -> Any:
    image = Input((32, 32, 3), name="image")
    tensor = layers.Conv2D(16, 3, padding="same", use_bias=False, trainable=False, name=stem)(image)
    tensor = layers.BatchNormalization(trainable=False, name=f"{stem}_bn")(tensor)
    tensor = layers.ReLU(name=f"{stem}_relu")(tensor)
    for name, (filters, strides) in blocks.items():
        tensor = _block(tensor, name, filters, strides, trainable=name.startswith("stage3"))
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    tensor = layers.Dropout(dropout, name="dropout")(tensor)
    return Model(image, layers.Dense(classes, activation="softmax", name="predictions")(tensor), name="residual_net")


def pull_request() -> Pair:
    """A stem renamed, a residual block added, two more classes, the last stage fine-tuned, the rest frozen."""
    blocks = {
        "stage1_block1": (16, 1),
        "stage1_block2": (16, 1),
        "stage2_block1": (24, 2),
        "stage2_block2": (24, 1),
        "stage3_block1": (48, 2),
    }
    old = fill(_residual_net(stem="conv0", blocks=blocks, dropout=0.2, classes=10))
    new = fill(
        _residual_net(stem="stem", blocks={**blocks, "stage3_block2": (48, 1)}, dropout=0.3, classes=12),
        same={f"stem{end}": f"conv0{end}" for end in ("", "_bn")},
        tuned=("stage3",),
    )
    for before, after in zip(old.get_layer("predictions").weights, new.get_layer("predictions").weights, strict=True):
        extra = keras.ops.convert_to_numpy(after)[..., 10:]
        after.assign(np.concatenate([keras.ops.convert_to_numpy(before), extra], axis=-1))
    for model, rate in ((old, 1e-3), (new, 1e-4)):
        model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(rate, name="adam"))
    return old, new


PAIRS: dict[str, Callable[[], Pair]] = {
    "layer-added": layer_added,
    "layer-removed": layer_removed,
    "layer-renamed": layer_renamed,
    "layer-moved": layer_moved,
    "layer-retyped": layer_retyped,
    "inputs-rewired": inputs_rewired,
    "interface-changed": interface_changed,
    "config-changed": config_changed,
    "weight-added": weight_added,
    "weight-removed": weight_removed,
    "weight-reshaped": weight_reshaped,
    "weight-changed": weight_changed,
    "metadata-changed": metadata_changed,
    "tutorial/sequential": tutorial_sequential,
    "tutorial/functional": tutorial_functional,
    "tutorial/subclassed": tutorial_subclassed,
    "pull-request": pull_request,
}


def main(folder: Path) -> None:
    """Write every pair below `folder`."""
    for name, build in PAIRS.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        keras.backend.clear_session()
        for side, model in zip(("old", "new"), build(), strict=True):
            path = target / f"{side}.h5"
            # Keras 3 writes a subclassed model as if it were whole; weights only is what tf_keras did.
            save = model.save_weights if name == "tutorial/subclassed" else model.save
            save(str(path))
            print(f"{path.relative_to(folder)}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
