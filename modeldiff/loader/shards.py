# A large store in several files with an index. The index is only believed for the names of the files: it omits parts
# in some versions (3.10 names one file for a layer that lies in two), so the groups of all files are united, and the
# numbered files that it forgot follow from the pattern, as long as bytes are missing from the total it tells. Only
# plain names beside the index are opened.
"""Sharded weight stores: `tree`, `load`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modeldiff.errors import UnreadableFile
from modeldiff.graph import Model, Note, itemsize
from modeldiff.loader import keras_v3
from modeldiff.loader.hdf5_file import opened
from modeldiff.loader.remote import is_url, sibling
from modeldiff.loader.remote_errors import Missing
from modeldiff.loader.storage import Stretch, whole_file
from modeldiff.loader.store_tree import Node, read_tree

_PLAIN = re.compile(r"[^/\\:\0]+")
_SHARD = re.compile(r"(?P<base>.*)_(?P<number>\d{5})(?P<end>\.weights\.h5)")
_MOST = 10_000


def load(path: str, index: Mapping[str, Any]) -> Model:
    """The weights of which `path` is the index.

    Raises:
        UnreadableFile: a shard is missing or damaged, or the index names files elsewhere.
    """
    notes: list[Note] = []
    read: dict[str, Stretch] = {}
    contents = keras_v3.fill(tree(index, path, _beside(path, read), notes), None)
    return Model(
        name=contents.name,
        path=path,
        format="keras-v3-sharded",
        graph=contents.graph,
        metadata={"bytes": sum(one.length for one in read.values())},
        weights=contents.weights,
        optimizer_weights=contents.optimizer_weights,
        notes=(*notes, *contents.notes),
        has_config=False,
        holders=contents.holders,
    )


def _beside(path: str, read: dict[str, Stretch]) -> Callable[[str], Stretch | None]:
    """Finds shards beside the index, and keeps those that were found."""

    def find(name: str) -> Stretch | None:
        if is_url(path):
            with suppress(Missing):
                place = sibling(path, name)
                if place is not None:
                    read[name] = whole_file(place, place)
            return read.get(name)
        file = Path(path).parent / name
        try:
            if name and file.is_file() and not file.is_symlink():
                read[name] = whole_file(str(file), str(file))
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror or error}", where=str(file)) from error
        return read.get(name)

    return find


def tree(index: Mapping[str, Any], path: str, find: Callable[[str], Stretch | None], notes: list[Note]) -> Node:
    """The groups of all shards together. `find` gives the bytes of a shard by its plain name.

    Raises:
        UnreadableFile: a shard is missing or damaged, or the index names files elsewhere.
    """
    top = Node()
    names = _names(index, path)
    for name in names:
        stretch = find(name)
        if stretch is None:
            raise UnreadableFile(f"the shard {name!r} is missing", where=path, fix="put it beside the index")
        with opened(stretch) as root:
            read_tree(root, notes, top)
    about = index.get("metadata")
    total = about.get("total_size") if isinstance(about, dict) else None
    while isinstance(total, (int, float)) and _bytes(top) < total and len(names) < _MOST:
        names.append(_next(names[-1]))
        stretch = find(names[-1])
        if stretch is None:
            break
        with opened(stretch) as root:
            read_tree(root, notes, top)
    return top


def _bytes(top: Node) -> int:
    return sum(math.prod(array.shape) * itemsize(array.dtype) for node in top.walk() for array in node.arrays.values())


def _next(name: str) -> str:
    """The shard after this one."""
    found = _SHARD.fullmatch(name)
    return f"{found['base']}_{int(found['number']) + 1:05}{found['end']}" if found else ""


def _names(index: Mapping[str, Any], path: str) -> list[str]:
    """The shards that the index names, and those between them that it forgot."""
    told: set[str] = set()
    for value in index["weight_map"].values():
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or name in {".", ".."} or not _PLAIN.fullmatch(name):
                raise UnreadableFile(f"the index names {name!r}, which is no file beside it", where=path)
            told.add(name)
    numbered = [found for name in told if (found := _SHARD.fullmatch(name))]
    if numbered and len({(found["base"], found["end"]) for found in numbered}) == 1:
        last = max(int(found["number"]) for found in numbered)
        told |= {f"{numbered[0]['base']}_{number:05}{numbered[0]['end']}" for number in range(min(last, _MOST) + 1)}
    if len(told) > _MOST:
        raise UnreadableFile(f"more than {_MOST} shards", where=path)
    return sorted(told)
