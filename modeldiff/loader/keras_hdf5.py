# One HDF5 file can be four things; the names at its root tell which.
"""HDF5 -> the reader of the layout in it."""

from __future__ import annotations

from modeldiff.errors import NotAModel
from modeldiff.graph import Model
from modeldiff.loader import keras_h5
from modeldiff.loader.hdf5 import opened
from modeldiff.loader.storage import whole_file


def load(path: str) -> Model:
    """The model in an HDF5 file.

    Raises:
        UnreadableFile: damaged.
        NotAModel: not a Keras file.
    """
    with opened(whole_file(path, path)) as root:
        if keras_h5.is_legacy(root):
            return keras_h5.read(root, path)
        raise NotAModel("this HDF5 file is no Keras model", where=path)
