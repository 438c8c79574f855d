# The way in: the first bytes of a file say what it is, its name never does (`.keras` was HDF5 for years). Nothing
# heavy is imported here; a reader is imported when its bytes turn up.
# To add a format: a module with `read(path) -> Model` and a row in `_FORMATS`.
"""A model file becomes a `Model`: `load`."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from modeldiff.errors import NotAModel, UnreadableFile
from modeldiff.graph import Model

_FORMATS = (
    (b"\x89HDF\r\n\x1a\n", "keras_hdf5"),
    (b"PK\x03\x04", "keras_archive"),
    (b"{", "keras_json"),
)
"""First bytes -> module with `load(path)`."""


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file, without reading the values of its weights.

    Raises:
        UnreadableFile: missing, damaged, truncated, or not allowed.
        NotAModel: no Keras model, or a form of it that cannot be read without Keras.
    """
    shown = os.fspath(path)
    head = _head(shown)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:8]
    for magic, module in _FORMATS:
        if start.startswith(magic):
            model: Model = importlib.import_module(f"modeldiff.loader.{module}").load(shown)
            return model
    raise NotAModel("this is no Keras model file", where=shown)


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=path) from error
