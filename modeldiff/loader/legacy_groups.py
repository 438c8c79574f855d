# The groups of the legacy format, read without ever failing as a whole: what is missing or refused becomes a note at
# the layer it belongs to, and the rest is read. Groups are found through the list `layer_names`, never by listing a
# group: layer names may contain `/`, and HDF5 sorts by name.
"""Groups of legacy HDF5 -> the weights stored in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modeldiff.graph import Fact, LayerPath, Note, format_path
from modeldiff.loader.hdf5_objects import Array, Group, Refused, printable


class Stored(NamedTuple):
    """One dataset with its name in `weight_names`."""

    name: str
    path: str
    array: Array


class Groups:
    """Reads groups and attributes; keeps `notes` of what could not be read."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, text: str, about: LayerPath = (), fact: Fact | None = None) -> None:
        """Something the file lacks, or that was refused."""
        self.notes.append(Note(printable(format_path(about)), printable(text), fact))

    def text(self, group: Group, name: str) -> str | None:
        """A text attribute; None where it is missing or refused."""
        try:
            return group.text(name)
        except Refused as refusal:
            self.note(str(refusal))
            return None

    def texts(self, group: Group, name: str, about: LayerPath = ()) -> list[str] | None:
        """A list of texts; None where it is missing or refused."""
        try:
            return group.texts(name)
        except Refused as refusal:
            self.note(str(refusal), about)
            return None

    def group(self, parent: Group, name: str, about: LayerPath = ()) -> tuple[Group | None, bool]:
        """A group, and whether it was refused."""
        try:
            return parent.group(name), False
        except Refused as refusal:
            self.note(str(refusal), about)
            return None, True

    def layers(self, group: Group, names: Sequence[str]) -> dict[str, list[Stored]]:
        """The weights of every layer of `layer_names`."""
        stored: dict[str, list[Stored]] = {}
        missing: list[str] = []
        for name in names:
            layer, refused = self.group(group, name, (name,))
            if layer is None and not refused:
                missing.append(name)
            if layer is not None or refused:
                stored[name] = self.weights(layer, (name,)) if layer else []
        if missing:
            shown = ", ".join(map(repr, missing[:3])) + (", ..." if len(missing) > 3 else "")
            text = f"incomplete file: {len(missing)} of {len(names)} layers have no group: {shown}"
            self.note(text, fact=Fact.WEIGHTS_MISSING)
        return stored

    def weights(self, group: Group, about: LayerPath) -> list[Stored]:
        """The weights of one group in the order of `weight_names`."""
        names = self.texts(group, "weight_names", about)
        if names is None:
            self.note("incomplete file: no `weight_names`", about, Fact.WEIGHTS_MISSING)
        return [one for name in names or () if (one := self._weight(group, name, about))]

    def _weight(self, group: Group, name: str, about: LayerPath) -> Stored | None:
        try:
            array = group.get(name)
        except Refused as refusal:
            self.note(str(refusal), about)
            return None
        if not isinstance(array, Array):
            self.note(f"the weight {name!r} is listed but not in the file", about, Fact.WEIGHTS_MISSING)
            return None
        if array.refusal:
            self.note(f"the values of {name!r} are not read: {array.refusal}", about)
        return Stored(name, "/".join((*group.path, name)), array)
