# One HDF5 file can be a whole model, its weights only, or a weight store; the names at its root tell which, and
# neither the file's suffix nor the Keras version does (`.weights.h5` has two layouts).
"""HDF5 -> the reader of the layout in it."""

from __future__ import annotations

from modeldiff.errors import NotAModel
from modeldiff.graph import Model, Note
from modeldiff.loader import keras_h5, keras_v3
from modeldiff.loader.hdf5_file import opened
from modeldiff.loader.storage import whole_file
from modeldiff.loader.store_tree import Node, read_tree


def load(path: str) -> Model:
    """The model in an HDF5 file.

    Raises:
        UnreadableFile: damaged.
        NotAModel: not a Keras file.
    """
    with opened(whole_file(path, path)) as root:
        if keras_h5.is_legacy(root):
            return keras_h5.read(root, path)
        notes: list[Note] = []
        tree = read_tree(root, notes)
        if keras_v3.is_store(tree):
            return _weights_only(tree, notes, path)
        if not root.names():
            raise NotAModel(
                "this HDF5 file is empty", where=path, fix="a save that failed leaves such a file; save the model again"
            )
        raise NotAModel(
            "this HDF5 file is no Keras model", where=path, fix="a Keras file has `model_weights`, `layers` or `vars`"
        )


def _weights_only(tree: Node, notes: list[Note], path: str) -> Model:
    contents = keras_v3.fill(tree, None)
    return Model(
        name=contents.name,
        path=path,
        format="keras-v3-weights",
        graph=contents.graph,
        weights=contents.weights,
        optimizer_weights=contents.optimizer_weights,
        notes=(*notes, *contents.notes),
        has_config=False,
        holders=contents.holders,
    )
