# What a person does not want to be told again and again: layers under a path, keys of configs. Hidden after comparing
# and counted by rule, so that nothing vanishes without a trace; what callers must feed or get back is never hidden by
# the name of a layer. Rejected: not comparing what is ignored, which could not be counted.
"""Facts that rules hide: `Hider`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import translate

from modeldiff.changes import (
    Change,
    ConfigChanged,
    Ignore,
    Ignored,
    InterfaceChanged,
    MetadataChanged,
    Outcome,
    Site,
    Subject,
    WeightPair,
    is_incidental,
)
from modeldiff.graph import LayerPath, Model, Note, format_path, parse_path


class Hider:
    """Takes out what the rules hide and counts it."""

    def __init__(self, rules: Iterable[Ignore]) -> None:
        self._rules = [(rule, re.compile(translate(rule.pattern))) for rule in dict.fromkeys(rules)]
        self._found: Counter[Ignore] = Counter()
        self._known: dict[LayerPath, Ignore | None] = {}

    def changes(self, changes: Iterable[Change]) -> list[Change]:
        """Those that no rule hides. What is incidental counts nowhere, hidden or not."""
        kept = []
        for change in changes:
            rule = self._of_change(change)
            if rule is None:
                kept.append(change)
            elif not is_incidental(change):
                self._found[rule] += 1
        return kept

    def notes(self, notes: Iterable[Note]) -> list[Note]:
        """Those about layers that no rule hides; one that states a fact is counted."""
        kept = []
        for note in notes:
            rule = self._of_path(parse_path(note.about)) if note.about else None
            if rule is None:
                kept.append(note)
            elif note.fact is not None:
                self._found[rule] += 1
        return kept

    def pairs(self, pairs: Iterable[WeightPair]) -> list[WeightPair]:
        """All of them; those of hidden layers as not compared."""
        return [
            pair
            if self._of_site(pair.site) is None
            else replace(pair, outcome=Outcome.NOT_COMPARED, reason="ignored by the settings")
            for pair in pairs
        ]

    def model(self, model: Model) -> Model:
        """A model without its notes about hidden layers; the same one where there are none."""
        notes = tuple(self.notes(model.notes))
        return model if len(notes) == len(model.notes) else replace(model, notes=notes)

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """What was hidden by each rule, in the order of the rules."""
        return tuple(Ignored(rule, self._found[rule]) for rule, _ in self._rules if self._found[rule])

    def _of_change(self, change: Change) -> Ignore | None:
        if isinstance(change, InterfaceChanged):
            return None
        if isinstance(change, ConfigChanged | MetadataChanged):
            rule = self._first(Subject.KEY, change.key)
            if rule is not None:
                return rule
        return self._of_site(change.site)

    def _of_site(self, site: Site) -> Ignore | None:
        return (self._of_path(site.new) if site.new else None) or (self._of_path(site.old) if site.old else None)

    def _of_path(self, path: LayerPath) -> Ignore | None:
        """The rule that hides this layer or something around it."""
        if path not in self._known:
            around = self._of_path(path[:-1]) if path[:-1] else None
            self._known[path] = around or self._first(Subject.LAYER, format_path(path))
        return self._known[path]

    def _first(self, subject: Subject, text: str) -> Ignore | None:
        matches = (rule for rule, glob in self._rules if rule.subject is subject and (
            text == rule.pattern or glob.match(text)))  # fmt: skip
        return next(matches, None)
