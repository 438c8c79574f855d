# What makes a comparison fail: a list of terms, each an impact, a kind of change, a fact or a limit of size. A policy
# is judged on what the change brings: a file compared with itself meets none, and what the old side lacked already
# (weights that are missing) is told and does not fail. A check that cannot be made is refused, never passed: a gate
# that is silently open is worse than none.
"""The policy of `--fail-on`: `parse`, `refuse_blind`, `judge`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modeldiff.changes import DiffResult, Impact, Kind, Outcome, is_incidental
from modeldiff.errors import UsageError
from modeldiff.graph import Fact, LayerPath, Model, Note, format_path
from modeldiff.report.words import message, percent, plain

Measure = str
"""`params` or `bytes`."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of the new model's size: `params>100000`, or of how it changed: `params>+5%`, `bytes<-1000`."""

    measure: Measure
    above: bool
    """Met above the limit, else below."""
    bound: float
    relative: bool
    """A difference from the old side, else the new side's own number."""
    share: bool
    """`bound` counts per cent of the old side."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a policy."""

    text: str
    """As it was written."""
    asks: Impact | Kind | Fact | Limit


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that meets a term."""

    term: str
    where: str
    """A layer path, or what it is about where it is no layer."""
    what: str

    @property
    def line(self) -> str:
        """One line for a person: `--fail-on frozen-moved: encoder/conv1: frozen on both sides, yet ...`."""
        return f"--fail-on {self.term}: {self.where}: {self.what}"


MEASURES = ("params", "bytes")
_LIMIT = re.compile(rf"({'|'.join(MEASURES)})\s*([<>])\s*([+-]?)\s*(\d[\d_]*(?:\.\d+)?)\s*(%?)", re.ASCII)
_GRAMMAR = "write params>+5% (grew by more), params<-10% (shrank by more) or params>100000 (is more), also with bytes"
_WORDS: dict[str, Impact | Kind | Fact] = {
    "any": Impact.COSMETIC,
    **{impact.label: impact for impact in Impact},
    **{kind.value: kind for kind in Kind},
    **{fact.value: fact for fact in Fact},
}
_OF_VALUES = frozenset(
    {Kind.WEIGHT_CHANGED, Fact.FROZEN_MOVED, Fact.UNMOVED, Fact.BROKEN, Fact.STATISTICS_RESET, Fact.REORDERED}
)
"""What only the values of weights tell."""
_OF_FLAGS = frozenset({Fact.FROZEN_MOVED, Fact.UNMOVED})
"""What needs to know which layers are trainable, on both sides."""
_OF_FILE = frozenset({Fact.WEIGHTS_MISSING, Fact.ORPHAN_WEIGHTS})
"""What loading one file tells."""


Found = tuple[str, str]
"""Where and what."""


def parse(texts: Sequence[str], where: str = "--fail-on") -> tuple[Term, ...]:
    """The terms of a policy; each text is one or several of them, separated by commas.

    Raises:
        UsageError: a term is not known, or none is given.
    """
    terms = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    if not terms:
        raise UsageError("no policy is named", where=where, fix="name an impact, a kind of change, a fact or a limit")
    return tuple(Term(text, _WORDS[text] if text in _WORDS else _limit(text, where)) for text in dict.fromkeys(terms))


def _limit(text: str, where: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        if text.startswith(MEASURES) or set(text) & set("<>=%"):
            quoted = "; quote it, as the shell takes > for itself" if text in MEASURES else ""
            raise UsageError(f"{text!r} is no limit", where=where, fix=_GRAMMAR + quoted)
        near = difflib.get_close_matches(text, _WORDS, 1, 0.6)
        fix = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(_WORDS)}, or a limit such as params>+5%"
        raise UsageError(f"nothing is called {text!r}", where=where, fix=fix)
    measure, compared, sign, digits, share = found.groups()
    if share and not sign:
        raise UsageError(f"{text!r} does not say per cent of what", where=where, fix=_GRAMMAR)
    if sign and (sign == "+") != (compared == ">"):
        raise UsageError(f"{text!r} is met by nearly everything", where=where, fix=_GRAMMAR)
    bound = float(f"{sign}{digits}")
    return Limit(measure, compared == ">", bound, relative=bool(sign), share=bool(share))


def refuse_blind(terms: Sequence[Term], why: str) -> None:
    """Refuse the terms that need the values of weights, which are not read because of `why` (an option).

    Raises:
        UsageError: there is such a term.
    """
    for term in terms:
        if term.asks in _OF_VALUES:
            raise UsageError(
                "only the values of weights tell that", where=f"--fail-on {term.text}", fix=f"leave out {why}"
            )


def judge(result: DiffResult, terms: Sequence[Term]) -> tuple[Violation, ...]:
    """Everything that meets a term, in the order of the terms.

    Raises:
        UsageError: nothing is met, and a term cannot be judged: the files do not hold what tells it.
    """
    violations = tuple(Violation(term.text, *found) for term in terms for found in met(result, term.asks))
    if not violations:
        for term in terms:
            blind = _blind(result, term.asks)
            if blind:
                raise UsageError(f"cannot be judged: {blind}", where=f"--fail-on {term.text}")
    return violations


def met(result: DiffResult, asks: Impact | Kind | Fact | Limit) -> Iterator[Found]:
    """Where it is so, and what is."""
    if isinstance(asks, Limit):
        return _of_size(result, asks)
    if isinstance(asks, Fact):
        return _of_file(result, asks) if asks in _OF_FILE else _of_notes(result.notes, asks)
    return _of_changes(result, asks)


def _of_changes(result: DiffResult, asks: Impact | Kind) -> Iterator[Found]:
    """Where only Keras' own counting differs, that is a difference too, of the least impact."""
    partners = {match.old: match.new for match in result.matching.matches}
    own = [change for change in result.changes if not is_incidental(change)]
    for change in own or result.changes:
        impact = change.impact if own else Impact.COSMETIC
        if impact >= asks if isinstance(asks, Impact) else change.kind is asks:
            yield _place(change.site.new or change.site.old), plain(message(change, partners))


def _place(path: LayerPath | None) -> str:
    return format_path(path) if path else "the model"


def _of_notes(notes: Sequence[Note], fact: Fact) -> Iterator[Found]:
    return ((note.about or "the model", note.text) for note in notes if note.fact is fact)


def _of_file(result: DiffResult, fact: Fact) -> Iterator[Found]:
    """What is so on the new side, and was not so, or less so, on the old one."""
    partners = {format_path(match.new): format_path(match.old) for match in result.matching.matches}
    before = {(note.about, note.text) for note in result.old.notes if note.fact is fact}
    held = [
        {format_path(path): len(layer.weights) for path, layer in model.walk()} for model in (result.old, result.new)
    ]
    for note in result.new.notes:
        if note.fact is not fact:
            continue
        partner = partners.get(note.about, note.about)
        same = (partner, note.text) in before
        as_bad = any(about == partner for about, _ in before) and note.about in held[1]
        if not same and not (as_bad and held[1][note.about] >= held[0].get(partner, 0)):
            yield note.about or "the new file", note.text


def _of_size(result: DiffResult, limit: Limit) -> Iterator[Found]:
    old, new = (_size(model, limit.measure) for model in (result.old, result.new))
    if not limit.relative:
        number: float = new
    elif limit.share:
        number = 100 * (new - old) / old if old else float("inf") if new else 0.0
    else:
        number = new - old
    if number > limit.bound if limit.above else number < limit.bound:
        sign = "+" if new > old else "−"
        share = f", {sign}{percent(abs(new - old) / old)}" if old and new != old else ""
        yield "the model", f"{limit.measure}: {old:,} → {new:,}{share}"


def _size(model: Model, measure: Measure) -> int:
    if measure == "params":
        return model.parameters
    own = sum(weight.nbytes for weight in model.weights)
    return own + sum(weight.nbytes for _, layer in model.walk() for weight in layer.weights)


def _blind(result: DiffResult, asks: Impact | Kind | Fact | Limit) -> str:
    """Why a term cannot be judged, "" where it can."""
    models = (result.old, result.new)
    if isinstance(asks, Limit) or asks in _OF_VALUES:
        for model in models:
            if not model.has_weights:
                return f"{model.path} holds no weights"
    if asks in _OF_FLAGS:
        for model in models:
            if not model.has_config:
                return f"{model.path} does not tell which layers are trainable"
    if asks in _OF_FILE and not result.new.has_config:
        return f"{result.new.path} has no configuration to ask for weights"
    if asks in _OF_VALUES:
        hidden = [pair for pair in result.weight_pairs if _is_unread(pair.outcome, pair.reason)]
        if hidden:
            first = f"{_place(hidden[0].site.new)}/{hidden[0].name}"
            more = f" and {len(hidden) - 1:,} more" if len(hidden) > 1 else ""
            return f"the values of {first}{more} were not compared"
    return ""


def _is_unread(outcome: Outcome, reason: str) -> bool:
    return outcome is Outcome.NOT_COMPARED and reason.startswith(("values not readable", "other bytes"))
