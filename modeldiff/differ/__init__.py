# Two models in, facts out: first who is who (match), then one detector per question, then one order for all facts.
"""The differ: `compare` two models, `survey` one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor

from modeldiff.changes import Change, DiffResult, Evidence, Kind, Match, Matching, Options, Site, Survey
from modeldiff.graph import Layer, LayerPath, Model

_DEFAULT = Options()
_ROOT = Match((), (), Evidence.NAME, 1.0)
"""The models themselves, which may own weights of their own."""
_KINDS = {kind: position for position, kind in enumerate(Kind)}


def compare(
    old: Model,
    new: Model,
    *,
    options: Options = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> DiffResult:
    """Everything that differs between two models.

    `progress` is called with bytes of weights compared and bytes in all. `executor` compares weights, instead of two
    threads: any `concurrent.futures.Executor`, of processes or of a cluster that sees the files. Models and results
    can be pickled, so that it may as well carry whole comparisons:

        def compare_files(pair):
            return compare(*map(load, pair))

        results = list(executor.map(compare_files, pairs))

    Raises:
        UsageError: a pin of `options` names no layer.
        UnreadableFile: the values of a weight cannot be read.
    """
    from modeldiff.differ import (
        bare,
        broken,
        code,
        equivalence,
        facts,
        interface,
        loading_names,
        metadata,
        regions,
        structure,
        weights,
    )
    from modeldiff.differ.config import detect as detect_config
    from modeldiff.differ.effort import Effort
    from modeldiff.differ.flow import flow
    from modeldiff.differ.ignored import Hider
    from modeldiff.differ.loading import foresee
    from modeldiff.differ.match import match as match_layers
    from modeldiff.differ.wiring import Wiring

    effort = Effort()
    flows = flow(old), flow(new)
    matching = match_layers(old, new, options, effort, flows)
    layers = dict(old.walk()), dict(new.walk())
    partners = {(): (), **{match.old: match.new for match in matching.matches}}
    pairs = [(match, layers[0][match.old], layers[1][match.new]) for match in matching.matches]
    wiring = Wiring(old, new, matching)
    changes: dict[LayerPath | None, list[Change]] = defaultdict(list)

    def tell(found: Iterable[Change]) -> None:
        for change in found:
            changes[change.site.new or None].append(change)

    for match, mine, theirs in pairs:
        tell(structure.renamed(match, mine, theirs))
        if bare.has_configs(old, new):
            tell(structure.detect(match, mine, theirs, partners))
            tell(wiring.detect(match))
            tell(detect_config(match, mine, theirs, effort))
    unlisted = bare.listed_elsewhere(matching, wiring.forth)
    gone = bare.worth_telling(matching.removed, layers[0], (old, new), pairs)
    came = bare.worth_telling(matching.added, layers[1], (old, new), pairs)
    removed = {path: structure.removed(path, layers[0][path]) for path in gone if path not in unlisted[0]}
    tell(structure.added(path, layers[1][path]) for path in came if path not in unlisted[1])
    tell(interface.detect(old, new, wiring))
    once = bare.kept_once(pairs, (old, new))
    weighed = [*bare.with_heaps(once), (_ROOT, Layer("", "", weights=old.weights), Layer("", "", weights=new.weights))]
    lone = [(Site(path, None), layers[0][path]) for path in matching.removed]
    lone += [(Site(None, path), layers[1][path]) for path in matching.added]
    found, outcomes, values = weights.detect(weighed, options, lone=lone, progress=progress, executor=executor)
    tell(found)
    settings = metadata.detect(old, new, options=options)
    ordered = [*_ordered(changes, removed, matching, layers), *changes.get(None, ()), *settings]
    reorderings = tuple(equivalence.detect(old, new, matching, [one for each in changes.values() for one in each]))
    notes = [
        *bare.notes(pairs),
        *facts.detect(old, new, found, outcomes, reorderings),
        *code.detect(old, new, matching),
    ]
    notes += broken.detect(values)
    notes += effort.notes()
    hider = Hider(options.ignore)
    ordered, notes, outcomes = hider.changes(ordered), hider.notes(notes), hider.pairs(outcomes)
    together = regions.detect(flows, matching, ordered, options)
    forecast = foresee(old, new, matching)
    notes += loading_names.detect(forecast, new)
    sides = hider.model(old), hider.model(new)
    return DiffResult(
        *sides,
        matching,
        tuple(ordered),
        tuple(outcomes),
        tuple(notes),
        options,
        together,
        forecast,
        hider.ignored,
        reorderings,
        values,
    )


def survey(
    model: Model, *, progress: Callable[[int, int], None] | None = None, executor: Executor | None = None
) -> Survey:
    """One model with the statistics of its weights; what cannot be read says so. Arguments as of `compare`."""
    from modeldiff.differ import weights

    return Survey(model, weights.survey(list(model.walk()), progress=progress, executor=executor))


def _ordered(
    changes: dict[LayerPath | None, list[Change]],
    gone: Mapping[LayerPath, Change],
    matching: Matching,
    layers: tuple[dict[LayerPath, Layer], dict[LayerPath, Layer]],
) -> Iterator[Change]:
    """In the order of the new model; a removed layer after what stood before it."""
    after: dict[LayerPath, list[Change]] = defaultdict(list)
    partners: dict[LayerPath, Match] = {match.old: match for match in matching.matches}
    place: LayerPath = ()
    for path in layers[0]:
        if path in partners:
            place = partners[path].new
        elif path in gone:
            after[place].append(gone[path])
    yield from after.get((), ())
    for path in layers[1]:
        yield from sorted(changes.get(path, ()), key=lambda change: _KINDS[change.kind])
        yield from after.get(path, ())
