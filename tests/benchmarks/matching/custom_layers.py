# Layers of a user's own, made for the Keras at hand: Keras 3 and tf_keras have different base classes.
"""`custom_class` makes the custom layers of the benchmark for one Keras."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def custom_class(keras: Any, name: str) -> Any:
    """The class `name` on top of `keras.layers.Layer`; None where it is not one of ours.

    `GatedLayer` and `GatedUnit` are one class before and after it was renamed.
    """
    if name in {"GatedUnit", "GatedLayer"}:

        class Gated(keras.layers.Layer):  # type: ignore[misc]  # the base is chosen at run time
            def __init__(self, units: int, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.units = units

            def build(self, input_shape: Any) -> None:
                self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
                self.gate = self.add_weight(name="gate", shape=(input_shape[-1], self.units))

            def call(self, inputs: Any) -> Any:
                return (inputs @ self.kernel) * (inputs @ self.gate)

            def get_config(self) -> dict[str, Any]:
                return {**super().get_config(), "units": self.units}

        made = Gated
    elif name == "Scale":

        class Scaling(keras.layers.Layer):  # type: ignore[misc]  # the base is chosen at run time
            def build(self, input_shape: Any) -> None:
                self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

            def call(self, inputs: Any) -> Any:
                return inputs * self.scale

        made = Scaling
    elif name == "WeightedPool":

        class Pool(keras.layers.Layer):  # type: ignore[misc]  # the base is chosen at run time
            def build(self, input_shape: Any) -> None:
                self.kernel = self.add_weight(name="kernel", shape=(input_shape[1], 1))

            def call(self, inputs: Any) -> Any:
                return (inputs * self.kernel)[:, -1]

        made = Pool
    else:
        return None
    made.__name__ = made.__qualname__ = name
    return made
