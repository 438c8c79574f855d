# `save(dir, zipped=False)` and the Hugging Face layout: the members of a `.keras` archive as plain files.
"""The folder form of `.keras` -> `Model`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from modeldiff.errors import UnreadableFile
from modeldiff.graph import Model
from modeldiff.loader import keras_archive
from modeldiff.loader.archive import Member
from modeldiff.loader.foreign import explain_folder
from modeldiff.loader.storage import whole_file

_ASSETS = 100_000


def load(path: str) -> Model:
    """The model in a folder.

    Raises:
        UnreadableFile: a file in it cannot be read.
        NotAModel: the folder is something else.
    """
    try:
        names = {entry.name for entry in Path(path).iterdir()}
        if keras_archive.CONFIG not in names or "saved_model.pb" in names:
            raise explain_folder(names, path)
        found = {name: Member(name, whole_file(str(file), path)) for name, file in _files(Path(path))}
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=path) from error
    model = keras_archive.read(found, path, "keras-v3-directory")
    return replace(model, metadata={**model.metadata, "bytes": sum(member.size for member in found.values())})


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a model in `folder` by their names in the archive form. Links may lead out of it: not followed."""
    for file in sorted(folder.iterdir()):
        if file.is_symlink():
            if file.suffix in {".json", ".h5", ".npz"}:
                raise UnreadableFile(
                    "a symbolic link, which is not followed", where=str(file), fix="copy the folder with: cp -rL"
                )
        elif file.is_file():
            yield file.name, file
    count = 0
    for parent, folders, names in os.walk(folder / "assets"):
        folders.sort()
        for name in sorted(names):
            file = Path(parent) / name
            count += 1
            if count > _ASSETS:
                raise UnreadableFile(f"more than {_ASSETS} assets", where=str(folder))
            if not file.is_symlink():
                yield file.relative_to(folder).as_posix(), file
