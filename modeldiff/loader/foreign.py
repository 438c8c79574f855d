# What people hand over by mistake: downloads that failed, pointers, models of other libraries. A message that names
# the thing and the way out is worth more than "invalid file".
"""Bytes and folders that are no Keras model -> the error that says what they are."""

from __future__ import annotations

import re
from collections.abc import Container

from modeldiff.errors import ModelDiffError, NotAModel, UnreadableFile
from modeldiff.loader import pointer

_AGAIN = "download or copy it again"
_SAVE = "load it with Keras and save it as .keras or .h5"

_HEADS: tuple[tuple[bytes, type[ModelDiffError], str, str], ...] = (
    (rb"version https://git-lfs", NotAModel, "a Git LFS pointer, not the model itself", "run: git lfs pull"),
    (rb"(?i)\s*<(!doctype html|html|head|body)", NotAModel, "a web page, not a model", _AGAIN),
    (rb"(?i)\s*<\?xml|\s*<Error>", NotAModel, "an XML document, not a model", _AGAIN),
    (rb"\x1f\x8b", NotAModel, "packed with gzip", "unpack it first"),
    (rb"BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", NotAModel, "a packed file", "unpack it first"),
    (rb".{257}ustar", NotAModel, "a tar archive", "unpack it first"),
    (rb"\x80[\x02-\x05]", NotAModel, "a Python pickle, which is never opened: it can run code", _SAVE),
    (rb"\x93NUMPY", NotAModel, "a numpy array, not a model", _SAVE),
    (rb".{4}TFL3", NotAModel, "a TensorFlow Lite model", "compare the Keras model it was made from"),
    (rb"\x08[\x01-\x20]\x12.{0,40}(pytorch|onnx|tf2onnx|keras2onnx)", NotAModel, "an ONNX model", ""),
    (rb"\x08\x01\x12", NotAModel, "the graph of a SavedModel", _SAVE),
    (rb"(?m)^(backend|class_name|config): ", NotAModel, "a YAML configuration", "save it with model.to_json()"),
    (rb"\x00+$", UnreadableFile, "nothing but zero bytes: a copy that was interrupted", _AGAIN),
)


def explain(head: bytes, path: str) -> ModelDiffError:
    """The error for a file that begins with `head`."""
    if not head:
        return UnreadableFile("the file is empty", where=path, fix=_AGAIN)
    if (found := pointer.parse(head)) is not None:
        return pointer.explain(found, path)
    for pattern, error, what, fix in _HEADS:
        if re.match(pattern, head, re.DOTALL):
            return error(f"this is {what}", where=path, fix=fix)
    return NotAModel(
        f"this is no Keras model file: it begins with {head[:8]!r}",
        where=path,
        fix="give a .keras, .h5 or .weights.h5 file, or the text of model.to_json()",
    )


def explain_folder(names: Container[str], path: str) -> ModelDiffError:
    """The error for a folder with these entries that is no unpacked `.keras`."""
    if "saved_model.pb" in names:
        return NotAModel("this is a SavedModel folder, which only TensorFlow can read", where=path, fix=_SAVE)
    if "checkpoint" in names:
        return NotAModel("this is a folder of TensorFlow checkpoints", where=path, fix=_SAVE)
    return NotAModel("this folder holds no Keras model", where=path, fix="give the model file in it")


def explain_archive(names: Container[str], path: str) -> ModelDiffError:
    """The error for a zip archive with these members that is no `.keras`."""
    listed = list(names) if isinstance(names, (list, dict)) else []
    if any(name.endswith("data.pkl") for name in listed):
        return NotAModel("this is a PyTorch file", where=path)
    if any(name.endswith("saved_model.pb") for name in listed):
        return NotAModel("this is a packed SavedModel folder, which only TensorFlow can read", where=path, fix=_SAVE)
    if listed and all(name.endswith(".npy") for name in listed):
        return NotAModel("this is a numpy archive (.npz), not a model", where=path, fix=_SAVE)
    inside = [name for name in listed if name.endswith((".h5", ".hdf5", ".keras"))]
    if inside:
        return NotAModel(f"this zip archive is no model itself but holds {inside[0]!r}", where=path, fix="unpack it")
    return NotAModel(
        "this zip archive is no Keras model", where=path, fix="a .keras archive holds a config.json at its top"
    )
