# The way in: the first bytes of a file say what it is, its name never does (`.keras` was HDF5 for years, and
# `.weights.h5` has two layouts). Nothing heavy is imported here; a reader is imported when its bytes turn up.
# To add a format: a module with `load(path) -> Model` and a row in `_FORMATS`.
"""A model file becomes a `Model`: `load`."""

from __future__ import annotations

import gc
import importlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from modeldiff.beside import beside
from modeldiff.errors import ModelDiffError, UnreadableFile
from modeldiff.graph import Model
from modeldiff.loader.remote import is_url, named
from modeldiff.loader.storage import whole_file

_HDF5 = b"\x89HDF\r\n\x1a\n"
_FORMATS = (
    (_HDF5, "keras_hdf5"),
    (b"PK\x03\x04", "keras_archive"),
    (b"PK\x05\x06", "keras_archive"),  # an empty archive: told there
    (b"{", "keras_json"),
    (b'"', "keras_json"),  # JSON text that was written as JSON once more
)
"""First bytes -> module with `load(path)`."""

_LAYERS, _CALLS, _TENSORS, _NAMES, _SETTINGS = 5_000, 5_000, 8_000, 2_000_000, 300_000
"""What a model may have: layers at all depths, calls of one layer, inputs of all calls, characters in all paths, keys
in all configs. The largest models of Keras Applications have 1,100 layers."""
_LARGE = 1 << 20
"""Bytes of a file that is read in another process: to begin one takes longer than to read a small file."""

__all__ = ["load", "load_pair"]


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file (or in the folder form of `.keras`), without reading the values of its weights.

    `path` may be a URL with `://` that fsspec knows; of such a file only parts are fetched.

    Raises:
        UnreadableFile: missing, damaged, truncated, or not allowed.
        NotAModel: no Keras model, or a form of it that cannot be read without Keras.
        UsageError: a URL that nothing installed can read.
    """
    shown = os.fspath(path)
    if is_url(shown):
        shown = named(shown)  # what is secret in a URL stays behind
    try:
        is_folder = not is_url(shown) and _is_folder(shown)
        size = 0 if is_folder else whole_file(shown, shown).length
        module = "keras_folder" if is_folder else _sniff(shown)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else None
        raise UnreadableFile(f"cannot be read: {reason or error}", where=shown) from error
    with _uncollected():
        model: Model = importlib.import_module(f"modeldiff.loader.{module}").load(shown)
        _check_size(model, shown)
    return replace(model, metadata={"bytes": size, **model.metadata})


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for unused cycles: all that is made here stays, and the more there is, the longer each search.

    It took a quarter of the time for 4000 layers.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check_size(model: Model, shown: str) -> None:
    """Refuse what nobody built: all that follows takes time and memory by these numbers."""
    layers = names = tensors = settings = 0
    for path, layer in model.walk():
        layers += 1
        names += sum(map(len, path))
        tensors += sum(max(1, len(call.inputs)) for call in layer.calls)
        settings += _keys(layer.config)
        if len(layer.calls) > _CALLS:
            what = f"a layer is called more than {_CALLS:,} times"
        elif layers > _LAYERS:
            what = f"it has more than {_LAYERS:,} layers"
        elif names > _NAMES:
            what = f"the names of its layers have more than {_NAMES:,} characters"
        elif tensors > _TENSORS:
            what = f"its layers take more than {_TENSORS:,} tensors"
        elif settings > _SETTINGS:
            what = f"its layers have more than {_SETTINGS:,} settings"
        else:
            continue
        fix = "save its parts as models of their own"
        raise UnreadableFile(f"{what}: no ordinary model is so large", where=shown, fix=fix)


def _keys(config: Mapping[str, Any]) -> int:
    """How many keys a config has at every depth."""
    count, waiting = 0, [config]
    for value in waiting:
        count += len(value)
        for item in value.values():
            if isinstance(item, dict):
                waiting.append(item)
            elif isinstance(item, list) and item and isinstance(item[0], dict):
                waiting.extend(one for one in item if isinstance(one, dict))
    return count


def load_pair(
    old: str | os.PathLike[str], new: str | os.PathLike[str], *, is_same: Callable[[], bool] | None = None
) -> tuple[Model, Model]:
    """Two models to compare; a Git LFS pointer needs no download where the other file has or names the same content.

    `is_same` is asked once the old model is there: where it says that both files hold the same bytes, the new one is
    not read.

    Raises:
        UnreadableFile, NotAModel: as `load`.
    """
    from modeldiff.loader import pointer

    models = pointer.load_pair(os.fspath(old), os.fspath(new), load)
    if models is not None:
        return models
    with beside(partial(load, new), is_worth_it=_is_large(new)) as second:
        first = load(old)
        if is_same is not None and is_same():
            return first, replace(first, path=os.fspath(new))
        return first, second()


def _is_large(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a large HDF5 file; an archive may be unpacked into a folder of the process that reads it."""
    try:
        is_large = not is_url(os.fspath(path)) and Path(path).stat().st_size >= _LARGE
        return is_large and _sniff(os.fspath(path)) == "keras_hdf5"
    except (OSError, ValueError, ModelDiffError):
        return False


def _is_folder(path: str) -> bool:
    kind = Path(path).stat().st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise UnreadableFile("is no regular file", where=path, fix="write it to a file first")
    return stat.S_ISDIR(kind)


def _sniff(path: str) -> str:
    """The module that reads these bytes."""
    whole = whole_file(path, path)
    with whole.open() as file:
        head = file.read(4096) or b""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
        for magic, module in _FORMATS:
            if head.startswith(magic) or (magic in {b"{", b'"'} and start.startswith(magic)):
                return module
        offset = 512  # a file may begin with a block of the user's own: HDF5 then starts at a power of two
        while offset < whole.length:
            file.seek(offset)
            if file.read(len(_HDF5)) == _HDF5:
                return "keras_hdf5"
            offset *= 2
    from modeldiff.loader.foreign import explain

    raise explain(head, path)
