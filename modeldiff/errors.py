# Every error a user can meet. One root, so that the command line needs one `except`; three parts, so that
# no message stops at "invalid file". Foreign exceptions (OSError, KeyError of h5py, ...) are translated in the
# module that imports the foreign library, with `raise ... from error`. Anything else is a bug of ours and
# keeps its traceback.
"""The errors modeldiff raises.

ModelDiffError              what / where / fix
├── UnreadableFile          missing, truncated, refused by HDF5, not allowed
├── NotAModel               readable, but no Keras model; a Git LFS pointer
├── UsageError              an option or argument that makes no sense
├── OutputError             a result that cannot be written
└── RenderError             a picture that cannot be laid out
"""

from __future__ import annotations


class ModelDiffError(Exception):
    """Something a user can understand and mend.

    `what` happened, `where` (the file and the place in it, as the user named it) and how to `fix` it.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.what, self.where, self.fix)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        fix = f" ({self.fix})" if self.fix else ""
        return f"{where}{self.what}{fix}"


def _rebuilt(kind: type[ModelDiffError], what: str, where: str, fix: str) -> ModelDiffError:
    """An error that came from another process."""
    return kind(what, where=where, fix=fix)


class UnreadableFile(ModelDiffError):
    """The file is missing, damaged, or may not be read."""


class NotAModel(ModelDiffError):
    """The file can be read, but no Keras model is in it."""


class UsageError(ModelDiffError):
    """An option or an argument that cannot be followed."""


class OutputError(ModelDiffError):
    """A result that cannot be written where it was asked for."""


class RenderError(ModelDiffError):
    """A picture that cannot be laid out here."""
