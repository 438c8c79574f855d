# Which keys of two configs differ. DeepDiff finds where they differ; what is said about it is decided here: a list
# of numbers is one value, another class of a regularizer is one fact and not three, and a pair of classes that
# differ is compared only where both speak of the same thing. `==` comes first: it is free, and most pairs are equal.
# Rejected: DeepDiff's own wording of paths (`root['a'][0]`) and its delta of list elements.
"""Config keys that changed: `detect` for two layers, `differences` for two configs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from modeldiff.changes import ABSENT, ConfigChanged, Impact, Match
from modeldiff.defaults import WITH_DEFAULTS, default_of, default_of_any
from modeldiff.differ.effort import Effort
from modeldiff.differ.signature import is_keras_class
from modeldiff.graph import Layer

_MOST = 5_000
"""Settings of one layer that are told one by one."""

Position = tuple[str | int, ...]
"""Where a value is inside a config: keys, and indices of lists of mappings."""

_LAYER_KEYS = frozenset({"layer", "cell", "cells", "forward_layer", "backward_layer"})
"""Keys under which a wrapper keeps what it wraps: a layer's envelope, looked into also where its class changed."""


def detect(match: Match, old: Layer, new: Layer, effort: Effort | None = None) -> Iterator[ConfigChanged]:
    """One change per key that differs, in the order of the new config; the gravest where effort is at its end.

    Of two layers of different classes only the keys that both have are compared, without initializers and the
    like: how another class of Keras is initialised says nothing. Two custom classes may be one under two names, so
    nothing of theirs is left out.
    """
    classes = {old.canonical_class, new.canonical_class}
    retyped = len(classes) > 1 and any(map(is_keras_class, classes))
    effort = effort or Effort()
    shortened, changes = effort.shortened, list[ConfigChanged]()
    unlike = _changes(_own(old), _own(new), effort) if old.config != new.config else ()
    for key, written, rewritten, position in unlike:
        impact = impact_of(position)
        if retyped and (written is ABSENT or rewritten is ABSENT or impact is not Impact.FUNCTIONAL):
            continue
        before = _default(old, position, rewritten) if written is ABSENT else written
        after = _default(new, position, written) if rewritten is ABSENT else rewritten
        if not same(before, after) and not (position == ("axis",) and _is_one_axis(old, new, before, after)):
            changes.append(ConfigChanged(match.site, key, before, after, impact))
    if effort.shortened > shortened and changes:
        changes = [max(changes, key=lambda change: change.impact)]
    yield from changes
    if old.trainable != new.trainable and old.weights and new.weights:
        yield ConfigChanged(match.site, "trainable", old.trainable, new.trainable, Impact.NUMERIC)


def _is_one_axis(old: Layer, new: Layer, before: Any, after: Any) -> bool:
    """Whether two normalisations count one axis from the end and from the front, which needs the rank.

    A canonical config counts from the end; a file that does not tell the rank counts as it was written, and is taken
    to be of the other's rank.
    """
    ranks = [len(layer.output_shapes[0]) for layer in (old, new) if layer.output_shapes]
    if len(ranks) != 1 or not (isinstance(before, int) and isinstance(after, int)):
        return False
    both = old.canonical_class == new.canonical_class and old.canonical_class.endswith("Normalization")
    return both and ranks[0] > 0 and (before - after) % ranks[0] == 0


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The keys of two nested mappings that differ: dotted key, value before, value after (or `ABSENT`)."""
    return ((key, before, after) for key, before, after, _ in _changes(old, new))


def _default(layer: Layer, position: Position, beside: Any) -> Any:
    """What it means that `layer` has no such key, where that is known; else `ABSENT`. `beside` is the other side's."""
    *inside, key = "config", *position
    if inside[-1] != "config" or not isinstance(key, str):
        return 0 if str(inside[-1]).endswith("regularizer") and key in {"l1", "l2"} else ABSENT
    owner = _class_name(_at({"class_name": layer.canonical_class, "config": layer.config}, tuple(inside[:-1])))
    if not isinstance(owner, str) or not (is_keras_class(owner) or owner in WITH_DEFAULTS):
        return default_of_any(key, ABSENT)
    if key == "dilation_rate":
        return [1] * len(beside) if isinstance(beside, list) else 1
    return default_of(owner, key, ABSENT)


def _own(layer: Layer) -> dict[str, Any]:
    """The config without what `Layer.trainable` says better: it knows the sub-models around the layer."""
    return {key: value for key, value in layer.config.items() if key != "trainable"}


def _changes(
    old: Mapping[str, Any], new: Mapping[str, Any], effort: Effort | None = None
) -> Iterator[tuple[str, Any, Any, Position]]:
    """Key, values and position of each fact; by the first key of each alone where there is no effort left for more."""
    if old == new:
        return
    mine, theirs, count = _unlike(old, new)
    order = {key: place for place, key in enumerate([*new, *(key for key in old if key not in new)])}
    if effort is not None and count > min(effort.settings, _MOST):
        effort.shortened += 1
        positions: set[Position] = {(key,) for key in (*theirs, *mine)}
    else:
        if effort is not None:
            effort.settings -= count
        positions = set(_positions(old, new, mine, theirs))
    for position in sorted(positions, key=lambda position: (order[str(position[0])], format_key(position))):
        before, after = _at(old, position), _at(new, position)
        if not same(before, after):
            yield format_key(position), before, after, position


def _positions(
    old: Mapping[str, Any], new: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[Position]:
    nested = [key for key in mine if key in theirs and _is_nested(mine[key]) and _is_nested(theirs[key])]
    yield from ((key,) for key in {**mine, **theirs} if key not in nested)  # one value for another: a fact as it is
    if not nested:
        return
    from deepdiff import DeepDiff

    found = DeepDiff(
        {key: mine[key] for key in nested},
        {key: theirs[key] for key in nested},
        view="tree",
        ignore_nan_inequality=True,
        zip_ordered_iterables=True,
        threshold_to_diff_deeper=0,
    )
    for levels in found.values():
        for level in levels:
            yield from _facts(old, new, tuple(level.path(output_format="list")))


def _unlike(old: Any, new: Any) -> tuple[Any, Any, int]:
    """Two values without what they have in common, and in how many places they differ.

    A list is one value, and any number stands for it, unless it holds as many configs on both sides.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys: Iterable[Any] = [key for key in {**new, **old} if old.get(key, ABSENT) != new.get(key, ABSENT)]
        one, other = old, new
    elif _alike(old, new):
        keys, one, other = range(len(old)), dict(enumerate(old)), dict(enumerate(new))
    elif isinstance(old, list | tuple) or isinstance(new, list | tuple):
        return 0, 1, 1
    else:
        return old, new, 1
    mine, theirs, count = {}, {}, 0
    for key in keys:
        if key in one and key in other:
            mine[key], theirs[key], more = _unlike(one[key], other[key])
        else:
            (mine if key in one else theirs)[key], more = (one if key in one else other)[key], 1
        count += more
    if isinstance(old, Mapping):
        return mine, theirs, count
    return list(mine.values()), list(theirs.values()), count


def _facts(old: Any, new: Any, path: Position) -> Iterator[Position]:
    """The position of the fact that a difference at `path` belongs to; none where it follows from another fact."""
    for depth, step in enumerate(path):
        here = path[:depth]
        if depth and _class_name(old) != _class_name(new) and _class_name(old) and _class_name(new):
            if not _LAYER_KEYS.intersection(here[-2:]):
                yield here  # another regularizer, another schedule
                return
            shared = _at(old, path[depth:]) is not ABSENT and _at(new, path[depth:]) is not ABSENT
            if step != "class_name" and not shared:
                return
        old, new = _at(old, (step,)), _at(new, (step,))
    yield path


def _class_name(value: Any) -> Any:
    return value.get("class_name") if isinstance(value, Mapping) else None


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _alike(old: Any, new: Any) -> bool:
    both = isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new)
    return both and all(isinstance(value, Mapping) for value in chain(old, new))


def _at(value: Any, position: Position) -> Any:
    for step in position:
        if isinstance(step, int):
            fits = isinstance(value, Sequence) and not isinstance(value, str) and step < len(value)
        else:
            fits = isinstance(value, Mapping) and step in value
        if not fits:
            return ABSENT
        value = value[step]
    return value


def format_key(position: Position) -> str:
    """`("cells", 0, "config", "units")` as `cells[0].config.units`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in position)
    return text.removeprefix(".")


def same(old: Any, new: Any) -> bool:
    """Equality where NaN equals NaN, 1 equals 1.0 and a tuple equals a list."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new) or (old != old and new != new)  # noqa: PLR0124 -- only NaN differs from itself


def impact_of(position: Position) -> Impact:
    """How far a changed key reaches.

    Initial values and seeds are over once a layer has weights: nothing computes with them. Regularizers and
    constraints act on further training only: other numbers, the same computation. What is not known to be
    harmless is another computation.
    """
    for step in position:
        if isinstance(step, str):
            if step.endswith("initializer") or step in {"seed", "name"}:
                return Impact.COSMETIC
            if step.endswith(("_regularizer", "_constraint")) or step == "trainable":
                return Impact.NUMERIC
    return Impact.FUNCTIONAL
