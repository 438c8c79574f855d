# A package and not one module, because it holds four ideas: the data (`view`), the words of one change (`words`,
# with the one `match` that ends in `assert_never`), the words of one layer (`layers`) and the headline (`verdict`).
"""The view-model: every English sentence about a model or a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from modeldiff.changes import ASSETS, DiffResult, Impact, LayerRenamed, MetadataChanged, Survey
from modeldiff.graph import Model, Note
from modeldiff.report import asserted, lead, loading, overview, stages, together, verdict
from modeldiff.report.groups import blocks, by_parent, grouped
from modeldiff.report.layers import compared, single
from modeldiff.report.view import (
    Code,
    ConfigRow,
    Figure,
    FileCard,
    Group,
    LayerView,
    Link,
    Phrase,
    Report,
    Status,
    Strong,
    WeightView,
)
from modeldiff.report.words import counted, joined, message, percent, signed

__all__ = [
    "Code",
    "ConfigRow",
    "Figure",
    "FileCard",
    "Group",
    "LayerView",
    "Link",
    "Phrase",
    "Report",
    "Status",
    "Strong",
    "WeightView",
    "build",
    "file_names",
]

_LONGEST_VERSION = 40
"""Characters of a version: what a file says of itself may be anything."""


def build(subject: DiffResult | Survey | Model, *, digests: bool = False) -> Report:
    """All the words about a comparison, or about one model: with statistics of its weights where they were surveyed.

    Nothing is read but the `digests` of one model.
    """
    if isinstance(subject, DiffResult):
        return _comparison(subject)
    survey = Survey(subject, {}) if isinstance(subject, Model) else subject
    return _single(survey, is_read=isinstance(subject, Survey), digests=digests)


def _comparison(result: DiffResult) -> Report:
    layers = compared(result)
    found = blocks(layers, result.regions)
    partners = {match.old: match.new for match in result.matching.matches}
    statuses = Counter(layer.status for layer in layers)
    impacts = Counter(layer.impact for layer in layers if layer.status is not Status.UNCHANGED)
    names = file_names(result.old.path, result.new.path)
    return Report(
        subject=result,
        verdict=verdict.verdict(result, layers, found, partners),
        lead=lead.lead(result, layers, found),
        facts=tuple(lead.facts(result, partners, names)),
        files=tuple(
            FileCard(side, name, _details(model))
            for side, name, model in zip(("old", "new"), names, (result.old, result.new), strict=True)
        ),
        figures=(
            _figure("Parameters", result.old.parameters, result.new.parameters),
            _figure("Bytes of weights", _nbytes(result.old), _nbytes(result.new)),
        ),
        statuses=tuple((status, statuses[status]) for status in Status if status in statuses and status.sign),
        impacts=tuple((impact, impacts[impact]) for impact in sorted(Impact, reverse=True) if impacts[impact]),
        unchanged=statuses[Status.UNCHANGED],
        groups=grouped(result, layers, found),
        layers=layers,
        footnotes=tuple(_footnotes(result)),
        notes=(*_about(names[0], result.old), *_about(names[1], result.new), *result.notes),
        loading=loading.view(result.forecast),
        regions=tuple(together.views(result)),
    )


def _single(survey: Survey, *, is_read: bool, digests: bool) -> Report:
    model = survey.model
    layers = single(model, survey.values, digests=digests)
    (name,) = file_names(model.path)
    return Report(
        subject=model,
        verdict=verdict.single(model),
        lead=verdict.single_lead(model),
        facts=(*stages.line(model.graph), *asserted.held(model, name), *overview.unconnected(model)),
        files=(FileCard("", name, _details(model)),),
        figures=(*overview.sizes(model), Figure("Bytes of weights", "", f"{_nbytes(model):,}", "", "")),
        statuses=(),
        impacts=(),
        unchanged=len(layers),
        groups=by_parent(layers),
        layers=layers,
        footnotes=() if is_read or not model.parameters else (_UNREAD,),
        notes=(*_about(name, model), *asserted.code_notes(model)),
        overview=overview.overview(model, layers, survey.values),
        values=survey.values,
    )


_UNREAD: Phrase = ("The values of the weights were not read",)


def file_names(*paths: str) -> tuple[str, ...]:
    """What to call the files: as few last components as tell them apart, never an absolute path."""
    parts = [[part for part in path.replace("\\", "/").split("/") if part not in {"", "."}] for path in paths]
    different = len({tuple(path) for path in parts})
    depth = 1
    while len({tuple(path[-depth:]) for path in parts}) < different:
        depth += 1
    return tuple("/".join(path[-depth:]) for path in parts)


def _details(model: Model) -> str:
    version = str(model.metadata.get("keras_version") or "")[:_LONGEST_VERSION]
    layers = sum(1 for _ in model.walk())
    container = {"keras-h5": "HDF5", "keras-h5-weights": "HDF5, weights only", "keras-v3": ".keras"}
    words = [f"Keras {version}" if version else "", container.get(model.format, model.format), counted(layers, "layer")]
    return " · ".join(filter(None, words))


def _nbytes(model: Model) -> int:
    return sum(weight.nbytes for _, layer in model.walk() for weight in layer.weights) + sum(
        weight.nbytes for weight in model.weights
    )


def _figure(label: str, old: int, new: int) -> Figure:
    share = percent((new - old) / old) if old and new > old else percent((old - new) / old) if old else ""
    sign = "+" if new > old else "−"
    return Figure(
        label,
        f"{old:,}",
        f"{new:,}",
        signed(new - old) if new != old else "",
        f"{sign}{share}" if share and new != old else "",
    )


def _footnotes(result: DiffResult) -> Iterator[Phrase]:
    renumbered = [change for change in result.changes if isinstance(change, LayerRenamed) and change.renumbered]
    if renumbered:
        examples = joined([(Code(change.before), " → ", Code(change.after)) for change in renumbered[:3]])
        more = f" and {len(renumbered) - 3:,} more" if len(renumbered) > 3 else ""
        yield (f"{counted(len(renumbered), 'automatic name')} renumbered: ", *examples, more)
    facts = [
        change
        for change in result.changes
        if isinstance(change, MetadataChanged) and change.key != "optimizer_state"  # a line of its own
    ]
    assets = [change for change in facts if change.key.startswith(ASSETS)]
    settings = [change for change in facts if change not in assets]
    for label, found in (("Files beside the weights", assets), ("File and training settings", settings)):
        if found:
            yield (f"{label}: ", *joined([message(change, {}) for change in found], "; "))


def _about(name: str, model: Model) -> Iterator[Note]:
    for note in model.notes:
        yield replace(note, about=f"{name}: {note.about}" if note.about else name)
