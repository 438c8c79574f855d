# The tables of defaults against the constructors of the Keras that is installed.
from __future__ import annotations

import inspect

import keras
import pytest

from modeldiff.defaults import _NONE, DEFAULTS, default_of

LAYERS = {name: one for name, one in vars(keras.layers).items() if inspect.isclass(one)}
UNLIKE = {
    "groups": "GroupNormalization writes it always",
    "scale": "of Rescaling and RandomErasing it is another thing, which they write always",
    "fill_value": "MaxNumBoundingBoxes writes it always",
    "reset_after": "a file without it is older than the key",
}
"""Keys whose absence means something else than leaving out the argument, and why."""


def arguments(kind):
    """The defaults of a class's arguments, with those that its bases take."""
    found = {}
    for one in kind.__mro__:
        if one.__module__.startswith("keras") and "__init__" in vars(one):
            for argument in inspect.signature(one).parameters.values():
                found.setdefault(argument.name, argument.default)
    return found


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_default_is_what_leaving_out_the_argument_gives(name):
    for key, value in arguments(LAYERS[name]).items():
        if key in _NONE or key.endswith(("_regularizer", "_constraint")):
            assert value in (None, inspect.Parameter.empty), key
        elif key in DEFAULTS and key not in UNLIKE and value is not None:
            told = default_of(name, key, None)
            assert str(value).lower() == str(told).lower(), key
