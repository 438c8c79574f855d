# The `.keras` format of Keras 3: a zip of config.json, metadata.json, the weight store and assets. Users zip again:
# with compression, with a folder around it, with backslashes. The same files in a plain folder are another form.
"""`.keras` archives -> `Model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeldiff.graph import Fact, Model, Note
from modeldiff.loader import code, json_text, keras_config, keras_v3, shards, training
from modeldiff.loader.archive import Member, members
from modeldiff.loader.assembly import own_config
from modeldiff.loader.foreign import explain_archive
from modeldiff.loader.hdf5_file import opened
from modeldiff.loader.store_tree import Node, read_tree

CONFIG, METADATA, WEIGHTS, NPZ = "config.json", "metadata.json", "model.weights.h5", "model.weights.npz"
SHARDS = "model.weights.json"
_ASSETS = 256 << 20
"""Bytes of all assets together that are read: a model is compared, not its data."""


def load(path: str) -> Model:
    """The model in a zip archive.

    Raises:
        UnreadableFile: damaged, encrypted, a bomb.
        NotAModel: an archive without a Keras model.
    """
    found = _without_folder(members(path))
    if CONFIG not in found:
        raise explain_archive(list(found), path)
    return read(found, path, "keras-v3")


def _without_folder(found: Mapping[str, Member]) -> dict[str, Member]:
    """The members as seen from the folder that holds the config: the topmost one."""
    configs = sorted((name for name in found if name.rpartition("/")[2] == CONFIG), key=lambda name: name.count("/"))
    folder = configs[0].removesuffix(CONFIG) if configs else ""
    return {name.removeprefix(folder): one for name, one in found.items() if name.startswith(folder)}


def read(found: Mapping[str, Member], path: str, form: str) -> Model:
    """The model in the files of an archive or folder, by their names in it."""
    notes: list[Note] = []
    config = _json(found[CONFIG], path, notes)
    about = _json(found[METADATA], path) if METADATA in found else {}
    version = str(about.get("keras_version") or "")
    refused: list[Note] = []
    tree = _tree(found, path, refused)
    names = keras_v3.told_names(tree, config) if tree is not None else ()
    architecture = keras_config.read(config, keras_version=version, layer_names=names)
    notes += [*architecture.notes, *refused]
    contents = keras_v3.fill(tree, architecture) if tree is not None else None
    assets = _assets(found, notes)
    metadata: dict[str, Any] = {"keras_version": version} if version else {}
    metadata |= {"class_name": architecture.class_name, **own_config(architecture)}
    compiled = config.get("compile_config")
    if isinstance(compiled, dict):
        metadata |= training.canonical(compiled)
    if assets:
        metadata["assets"] = assets
    return Model(
        name=architecture.graph.name or (contents.name if contents else ""),
        path=path,
        format=form,
        graph=contents.graph if contents else architecture.graph,
        metadata=metadata,
        weights=contents.weights if contents else (),
        optimizer_weights=contents.optimizer_weights if contents else (),
        notes=(*notes, *(contents.notes if contents else ())),
        has_config=architecture.has_graph,
        has_weights=contents is not None,
        code=code.collect(architecture.raw, compiled, architecture.alike),
        holders=contents.holders if contents else (),
    )


def _assets(found: Mapping[str, Member], notes: list[Note]) -> dict[str, dict[str, Any]]:
    """The files beside the weights (vocabularies) with their digests, as far as the budget goes."""
    told: dict[str, dict[str, Any]] = {}
    left, unread = _ASSETS, 0
    for name, one in sorted(found.items()):
        if name.startswith("assets/"):
            is_read = one.size <= left
            left -= one.size if is_read else 0
            unread += not is_read
            digest = one.digest() if is_read else f"not read ({one.size} bytes)"
            told[name.removeprefix("assets/")] = {"bytes": one.size, "sha256": digest}
    if unread:
        text = f"{unread} of {len(told)} assets are compared by size only: together they have more than"
        notes.append(Note("", f"{text} {_ASSETS >> 20} MiB"))
    return {name: one for name, one in told.items() if not _is_copy(name, told)}


def _is_copy(name: str, told: Mapping[str, Any]) -> bool:
    """Whether the layer around it holds the same file.

    A TextVectorization saves its vocabulary as its own and once more as that of the lookup in it (`_lookup_layer`).
    """
    folder, _, file = name.rpartition("/")
    around, _, inner = folder.rpartition("/")
    is_read = str(told[name]["sha256"]).startswith("sha256:")
    return inner.startswith("_") and is_read and told.get(f"{around}/{file}") == told[name]


def _json(member: Member, path: str, notes: list[Note] | None = None) -> dict[str, Any]:
    report = None if notes is None else lambda text: notes.append(Note("", text))
    return json_text.parse(member.read(json_text.LIMIT), where=path, what=member.name, report=report)


def _tree(found: Mapping[str, Member], path: str, notes: list[Note]) -> Node | None:
    if WEIGHTS in found:
        with opened(found[WEIGHTS].stretch) as root:
            return read_tree(root, notes)
    if SHARDS in found:
        index = _json(found[SHARDS], path)
        if isinstance(index.get("weight_map"), dict):
            return shards.tree(index, path, lambda name: found[name].stretch if name in found else None, notes)
    if NPZ in found:
        notes.append(Note("", f"{NPZ} is not read: it holds Python pickles, which can run code"))
    else:
        notes.append(Note("", f"incomplete file: no {WEIGHTS}", Fact.WEIGHTS_MISSING))
    return None
