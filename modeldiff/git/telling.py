# What is said about two contents. Where models cannot be read there is always one sentence instead of a report, because
# git's own output has to go on. Reports carry the names that the repository has for its files: temporary names appear
# nowhere, also not in errors of the loader.
"""Two contents become a report, or one sentence."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from modeldiff.arguments import held_by_both
from modeldiff.changes import Options
from modeldiff.errors import ModelDiffError, NotAModel
from modeldiff.git.apart import apart
from modeldiff.git.changed import ChangedModel, Status
from modeldiff.git.content import Content, opened
from modeldiff.git.repository import Repository
from modeldiff.graph import Model
from modeldiff.loader.pointer import size_text
from modeldiff.output import progress_bar
from modeldiff.report import Report
from modeldiff.report.view import Phrase

_DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to say about one changed file."""

    report: Report | None
    """A comparison; the one model there is, of a file that was added or deleted; None where nothing can be read."""
    sentence: str = ""
    """Instead of a report."""
    trouble: bool = False
    """Whether something should have been compared and could not be: damaged, not fetched, unmerged."""
    is_lost: bool = False
    """Whether the new side is no model any more: no trouble in itself, but a policy cannot be judged."""

    @property
    def verdict(self) -> Phrase:
        """One sentence in any case."""
        return self.report.verdict if self.report is not None else (self.sentence,)


def compared(
    repository: Repository, changed: ChangedModel, options: Options = _DEFAULT, *, quiet: bool = True
) -> Outcome:
    """Open both sides and tell what changed. Reports can be rendered afterwards: no file is needed any more.

    Unless `quiet`, a long comparison shows its progress.
    """
    if changed.status is Status.UNMERGED and not (changed.old or changed.new):
        return Outcome(None, "unmerged", trouble=True)
    if changed.same_content:
        return Outcome(None, "the same content")
    with contextlib.ExitStack() as stack:
        try:
            contents = [
                None if side is None else stack.enter_context(opened(repository, side))
                for side in (changed.old, changed.new)
            ]
        except ModelDiffError as error:
            return Outcome(None, f"cannot read: {error}", trouble=True)
        return tell(contents[0], contents[1], options, quiet=quiet)


def tell(old: Content | None, new: Content | None, options: Options = _DEFAULT, *, quiet: bool = True) -> Outcome:
    """The words about two contents, None being a side that does not exist. Never raises a `ModelDiffError`.

    Pairs of layers in `options` hold for the models that have both.
    """
    sides = [side for side in (old, new) if side is not None]
    pointed = _from_pointers(old, new)
    if pointed is not None:
        return pointed
    others = [side for side in sides if side.file is None]
    if others:
        is_lost = old is not None and old.file is not None
        return Outcome(None, "; ".join(f"{side.shown} is {side.reason}" for side in others), is_lost=is_lost)
    try:
        return Outcome(apart(lambda: _report(old, new, options, quiet=quiet)))
    except NotAModel as error:
        what = "files differ" if len(sides) == 2 else "file added" if old is None else "file deleted"
        is_lost = old is not None and new is not None and str(new.file) in error.where  # the old side is read first
        return Outcome(None, f"not a Keras model: binary {what} ({_named(error.what, sides)})", is_lost=is_lost)
    except ModelDiffError as error:
        return Outcome(None, f"cannot read {_named(str(error), sides)}", trouble=True)


def _report(old: Content | None, new: Content | None, options: Options, *, quiet: bool) -> Report:
    from modeldiff import report as reporting

    if old is not None and new is not None:
        from modeldiff.differ import compare

        models = _model(old), _model(new)
        known = replace(options, pins=held_by_both(models, options.pins))
        with progress_bar(quiet=quiet) as progress:
            words = reporting.build(compare(*models, options=known, progress=progress))
    else:
        from modeldiff.differ import survey

        model = _model(old or new)
        with progress_bar(quiet=quiet) as progress:
            words = reporting.build(survey(model, progress=progress) if options.weights else model)
        words = replace(words, verdict=("Added: " if old is None else "Deleted: ", *words.verdict))
    names = [side.shown for side in (old, new) if side is not None]
    cards = (replace(card, name=name) for card, name in zip(words.files, names, strict=True))
    return replace(words, files=tuple(cards))


def _model(content: Content | None) -> Model:
    from modeldiff.loader import load

    assert content is not None
    assert content.file is not None
    return replace(load(content.file), path=content.shown)


def _named(text: str, sides: list[Content]) -> str:
    """A message of the loader, with the repository's names for the files."""
    for side in sorted(sides, key=lambda side: -len(str(side.file))):  # one path may be the end of the other
        if str(side.file) in text:
            return text.replace(str(side.file), side.shown)
    return text


def _from_pointers(old: Content | None, new: Content | None) -> Outcome | None:
    """What Git LFS pointers tell; None where both sides can be read and may differ."""
    pointers = [side.pointer if side is not None else None for side in (old, new)]
    if old is None or new is None:
        side = old or new
        if side is None or side.file is not None or side.pointer is None:
            return None
        what = "added" if old is None else "deleted"
        size = size_text(side.pointer.size)
        return Outcome(None, f"{what}: {size}, content not here (Git LFS; run: {side.fetch})", trouble=True)
    if pointers[0] is not None and pointers[1] is not None and pointers[0].oid == pointers[1].oid:
        return Outcome(None, f"the same content (Git LFS, {size_text(pointers[0].size)})")
    for pointer, other, when in ((pointers[0], new, "until now"), (pointers[1], old, "from now on")):
        if pointer is not None and other.pointer is None and other.file is not None and pointer.names(other.file):
            return Outcome(None, f"the same content, {when} in Git LFS ({size_text(pointer.size)})")
    absent = [side for side in (old, new) if side.file is None and side.pointer is not None]
    if not absent:
        return None
    commands = " && ".join(dict.fromkeys(side.fetch for side in absent))
    sizes = f"{_size(old)} → {_size(new)}"
    return Outcome(None, f"{sizes}, content not here (Git LFS; run: {commands})", trouble=True)


def _size(side: Content) -> str:
    if side.pointer is not None:
        return size_text(side.pointer.size)
    return size_text(side.file.stat().st_size) if side.file is not None else side.reason
