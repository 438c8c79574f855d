# Large real models and an edited copy of each, for what is timed. A program of its own, because TensorFlow is slow to
# start and must not be in the process that measures.
#
#     python tests/benchmarks/applications.py FOLDER [NAME...]         needs TensorFlow
from __future__ import annotations

import argparse
from pathlib import Path

NAMES = ("ResNet152", "EfficientNetB7", "DenseNet201", "InceptionResNetV2", "NASNetLarge")


def edited(keras, model):
    """With a block of five layers put in behind 60 % of the layers, and another head."""
    late = model.layers[int(len(model.layers) * 0.6) :]
    place = next(layer.name for layer in late if type(layer).__name__ in {"Add", "Concatenate", "Activation"})

    def call(layer, *inputs, **kwargs):
        result = layer(*inputs, **kwargs)
        if layer.name == place:
            channels = result.shape[-1]
            extra = keras.layers.Conv2D(channels // 4, 1, name="extra_conv1")(result)
            extra = keras.layers.BatchNormalization(name="extra_bn")(extra)
            extra = keras.layers.Activation("relu", name="extra_relu")(extra)
            extra = keras.layers.Conv2D(channels, 1, name="extra_conv2")(extra)
            result = keras.layers.Add(name="extra_add")([result, extra])
        return result

    copy = keras.models.clone_model(model, call_function=call)
    copies = {layer.name: layer for layer in copy.layers}
    for layer in model.layers:
        same = copies.get(layer.name, layer)  # an input may be called otherwise
        if [tuple(weight.shape) for weight in same.weights] == [tuple(weight.shape) for weight in layer.weights]:
            same.set_weights(layer.get_weights())
    head = keras.layers.Dense(512, activation="relu", name="head_dense")(copy.layers[-2].output)
    head = keras.layers.Dropout(0.3, name="head_drop")(head)
    head = keras.layers.Dense(10, activation="softmax", name="head")(head)
    return keras.Model(copy.input, head, name=model.name)


def build(folder: Path, names: tuple[str, ...] = NAMES) -> None:
    """Write what is missing as `<name>-old.h5` and `<name>-new.h5`."""
    names = tuple(name for name in names if not (folder / f"{name}-new.h5").exists())
    if not names:
        return
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        keras.backend.clear_session()
        model = getattr(keras.applications, name)(weights=None)
        model.save(folder / f"{name}-old.h5")
        edited(keras, model).save(folder / f"{name}-new.h5")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES)
    asked = parser.parse_args()
    build(asked.folder, tuple(asked.names))
