# The words of one change. The only place that turns a fact into English, so that page, comment, terminal and JSON
# agree; forget a new kind here and mypy names it (`_unreachable` takes only NoReturn).
"""Phrases for changes, values, shapes and numbers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn

from modeldiff.changes import (
    ABSENT,
    ASSETS,
    Change,
    ConfigChanged,
    Endpoint,
    InputsRewired,
    InterfaceChanged,
    LayerAdded,
    LayerMoved,
    LayerRemoved,
    LayerRenamed,
    LayerRetyped,
    MetadataChanged,
    Movement,
    Nature,
    Port,
    WeightAdded,
    WeightChanged,
    WeightRemoved,
    WeightReshaped,
)
from modeldiff.graph import LayerPath, Shape, format_path
from modeldiff.report.view import Code, Phrase

_LONGEST_VALUE = 80
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHORT_DIGEST = len("sha256:") + 12


Partners = Mapping[LayerPath, LayerPath]
"""New path of every matched old layer."""


def message(change: Change, partners: Partners) -> Phrase:
    """What happened, without the layer's name: `filters: 64 → 128`."""
    match change:
        case LayerAdded(class_name=name):
            return ("added, ", Code(name)) if name else ("added",)
        case LayerRemoved(class_name=name):
            return ("removed, ", Code(name)) if name else ("removed",)
        case LayerRenamed(before=before, renumbered=renumbered):
            return ("renumbered, was " if renumbered else "renamed, was ", Code(before))
        case LayerMoved():
            return _moved(change)
        case LayerRetyped(before=before, after=after, equivalent=equivalent):
            tail = ", class renamed" if equivalent else ""
            return (Code(before), " → ", Code(after), tail) if tail else (Code(before), " → ", Code(after))
        case InputsRewired():
            return _rewired(change, partners)
        case InterfaceChanged():
            return interface(change)
        case ConfigChanged(key=key, before=before, after=after):
            return (Code(key), ": ", *value(before), " → ", *value(after))
        case MetadataChanged(key=key, before=before, after=after):
            absent: Phrase = ("absent",)
            if key.startswith(ASSETS) and ABSENT not in (before, after):
                return (Code(key.removeprefix(ASSETS)), " has other contents")
            was, now = (absent if one is ABSENT else value(one) for one in (before, after))
            return (Code(key), ": ", *was, " → ", *now)
        case WeightAdded(weight=weight, shape=shape):
            return (Code(weight), f" added, {dimensions(shape)}")
        case WeightRemoved(weight=weight, shape=shape):
            return (Code(weight), f" removed, {dimensions(shape)}")
        case WeightReshaped():
            return (Code(change.weight), ": ", *reshaped(change))
        case WeightChanged():
            return (Code(change.weight), " ", *moved(change))
        case _:
            return _unreachable(change)


def _unreachable(change: NoReturn) -> NoReturn:
    raise AssertionError(f"no words for {change!r}")


# --- values ---------------------------------------------------------------------------------------------------


def plain(phrase: Phrase) -> str:
    """The text of a phrase without its marks."""
    return "".join(phrase)


def value(of: Any) -> Phrase:
    """A config value as a person would write it; long ones are cut."""
    if of is ABSENT:
        return ("default",)  # a key that is not written has its default; canonical configs leave defaults out
    text = value_text(_beginning(of))
    if _DIGEST.fullmatch(text):
        return (Code(text[:_SHORT_DIGEST]),)
    if len(text) > _LONGEST_VALUE and is_object(of):
        return (Code(f"{of['class_name'][: _LONGEST_VALUE - len('(…)')]}(…)"),)
    return (Code(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"),)


def _beginning(of: Any) -> Any:
    """As much of a long list as is shown: each item takes a character at least."""
    return of[:_LONGEST_VALUE] if isinstance(of, (list, tuple)) else of


def value_text(of: Any) -> str:
    """A config value in full, on one line."""
    if isinstance(of, str):
        return of or '""'
    if isinstance(of, bool) or of is None:
        return str(of)
    if isinstance(of, float):
        return number(of)
    if is_object(of):
        config = of.get("config") or {}
        inside = ", ".join(f"{key}={value_text(item)}" for key, item in config.items()) if config else ""
        return f"{of['class_name']}({inside})"
    if _is_slice(of):
        start, stop, step = ("" if item is None else value_text(item) for item in of["slice"])
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if isinstance(of, Mapping):
        return "{" + ", ".join(f"{key}: {value_text(item)}" for key, item in of.items()) + "}"
    if isinstance(of, (list, tuple)):
        return "[" + ", ".join(value_text(item) for item in of) + "]"
    return json.dumps(of, ensure_ascii=False, default=str)


def _is_slice(of: Any) -> bool:
    """Whether these are the start, stop and step of a slice, each of which may be None."""
    ends = of.get("slice") if isinstance(of, Mapping) and len(of) == 1 else None
    return isinstance(ends, (list, tuple)) and len(ends) == 3


def is_object(of: Any) -> bool:
    """Whether this is how Keras writes an object: its class and its config."""
    if not isinstance(of, Mapping) or not set(of) <= {"class_name", "config"}:
        return False
    return isinstance(of.get("class_name"), str) and isinstance(of.get("config") or {}, Mapping)


def number(of: float) -> str:
    """The shortest decimal that float32 would read back as the same number: Keras' settings are float32."""
    if not math.isfinite(of):
        return str(of)
    for digits in range(1, 9):
        text = f"{of:.{digits}g}"
        if math.isclose(float(text), of, rel_tol=6e-8):
            break
    return repr(float(text)).removesuffix(".0")


def measure(of: float) -> str:
    """A statistic with three significant digits."""
    if not math.isfinite(of):
        return {True: "∞", False: "−∞"}[of > 0] if math.isinf(of) else "NaN"
    text = f"{of:.3g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """`0.0123` as `1.2 %`: two digits, never rounded to nought or to all."""
    if not math.isfinite(share):
        return measure(share)
    amount = share * 100
    if amount >= 1000:
        return f"{amount:,.0f} %"
    if amount >= 10:
        return f"{amount:.0f} %"
    if amount >= 0.095:
        return f"{amount:.1f} %"
    return f"{float(f'{amount:.1g}'):.10f}".rstrip("0").rstrip(".") + " %" if amount >= 0.0001 else "<0.0001 %"


def is_telling(distance: float) -> bool:
    """Whether a distance in per cent of the old values says anything: of what was near zero everything is far."""
    return distance < _TELLING


_TELLING = 100.0
"""Relative L2 from which the old values are no measure of the new ones."""

_NEAR_ZERO = 0.01
"""Root mean square of the old values up to which they are near zero, where the new ones are not."""


def far(movement: Movement) -> str:
    """How far values went: `by 1.2 %`, `from near zero`, `from all zeros`, `by 400 times the old size`."""
    distance = movement.relative_l2
    if is_telling(distance):
        return f"by {percent(distance)}"
    if not math.isfinite(distance):
        return "from all zeros"
    near_zero = math.hypot(movement.old.mean, movement.old.std) <= _NEAR_ZERO
    return "from near zero" if near_zero else f"by {measure(distance)} times the old size"


def signed(delta: int) -> str:
    """`+1,024`, `−1,024`, `±0`."""
    return f"{'+' if delta > 0 else '−'}{abs(delta):,}" if delta else "±0"


def dimensions(shape: Sequence[int | None]) -> str:
    """A tensor's shape: `3×3×64`; `?` for a free dimension, `scalar` for none at all."""
    return "×".join(["?" if size is None else str(size) for size in shape]) or "scalar"


def without_batch(shape: Shape) -> str:
    """An output shape without its free first dimension; a lone batch is `scalar`."""
    return dimensions(shape[1:] if shape and shape[0] is None else shape)


def counted(amount: int, singular: str, plural: str = "") -> str:
    """`1 layer`, `2 layers`."""
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"


def joined(phrases: Iterable[Phrase], separator: str = ", ") -> Phrase:
    """Phrases in a row."""
    words: list[str] = []
    for phrase in phrases:
        words += [separator, *phrase] if words else phrase
    return tuple(words)


# --- places ---------------------------------------------------------------------------------------------------


def _moved(change: LayerMoved) -> Phrase:
    if not change.after:
        return ("moved out of ", Code(format_path(change.before)))
    if not change.before:
        return ("moved into ", Code(format_path(change.after)))
    return ("moved from ", Code(format_path(change.before)), " to ", Code(format_path(change.after)))


def endpoint(end: Endpoint) -> Phrase:
    """`conv`, `shared (call 2)`, `lstm (output 1)`."""
    details = [f"call {end.call + 1}"] if end.call else []
    details += [f"output {end.output}"] if end.output else []
    name = Code(end.layer[-1] if end.layer else "input")
    return (name, f" ({', '.join(details)})") if details else (name,)


def _rewired(change: InputsRewired, partners: Partners) -> Phrase:
    call = f"call {change.call + 1}: " if change.call else ""
    before, after = change.before, change.after
    if not before:
        return (f"{call}now also called on ", *joined(map(endpoint, after)))
    if not after:
        return (f"{call}no longer called on ", *joined(map(endpoint, before)))
    translated = [Endpoint(partners.get(end.layer, ("", *end.layer)), end.call, end.output) for end in before]
    shown = {endpoint(end): end for end in after}

    def told(end: Endpoint) -> Phrase:
        """An old input; with what became of it where a new input of another layer has the same name."""
        words = endpoint(end)
        if words not in shown or partners.get(end.layer) == shown[words].layer:
            return words
        now = partners.get(end.layer)
        return (*words, " (now ", Code(now[-1]), ")") if now else (*words, " (removed)")

    was, now = _first(map(told, before), len(before)), _first(map(endpoint, after), len(after))
    if len(before) == len(after) > 1:
        if Counter(translated) == Counter(after):
            return (f"{call}inputs reordered: ", *was, " → ", *now)
        differing = [index for index, end in enumerate(after) if translated[index] != end]
        if len(differing) == 1:
            index = differing[0]
            return (f"{call}input {index + 1}: ", *told(before[index]), " → ", *endpoint(after[index]))
    if min(len(before), len(after)) > 1:  # of many inputs the few that came or went
        came, gone = _beyond(after, translated), _beyond(translated, after)
        if came:
            return (
                *_numbered(f"{call}input", came),
                " added: ",
                *_first((endpoint(after[k]) for k in came), len(came)),
            )
        if gone:
            return (*_numbered(f"{call}input", gone), " removed: ", *_first((told(before[k]) for k in gone), len(gone)))
    return (f"{call}{'inputs' if max(len(before), len(after)) > 1 else 'input'}: ", *was, " → ", *now)


def _beyond(longer: Sequence[Endpoint], shorter: Sequence[Endpoint]) -> list[int]:
    """Where `longer` has more than `shorter`, which it holds in the same order; [] where it does not hold it."""
    more: list[int] = []
    rest = iter(shorter)
    wanted = next(rest, None)
    for position, end in enumerate(longer):
        if end == wanted:
            wanted = next(rest, None)
        else:
            more.append(position)
    return more if wanted is None else []


def _numbered(noun: str, positions: Sequence[int]) -> Phrase:
    """`input 3`, `inputs 3, 5`, `9 inputs`."""
    if len(positions) > _MOST_NUMBERS:
        return (f"{noun.removesuffix('input')}{len(positions):,} inputs",)
    return (f"{noun if len(positions) == 1 else noun + 's'} {', '.join(str(one + 1) for one in positions)}",)


_MOST_NUMBERS = 4
"""Inputs whose places a line tells."""

_MOST_INPUTS = 24
"""Inputs that a line names at most."""


def _first(inputs: Iterable[Phrase], count: int) -> Phrase:
    named = joined(islice(inputs, _MOST_INPUTS))
    return (*named, f" and {count - _MOST_INPUTS:,} more") if count > _MOST_INPUTS else named


def interface(change: InterfaceChanged) -> Phrase:
    """`output shape 10 → 12`; the ports' numbers where there are more or fewer of them."""
    before, after = change.before, change.after
    keys = [[port.key for port in side] for side in (before, after)]
    same_way = any(keys[0]) == any(keys[1])
    if len(before) == len(after) == 1 and same_way:
        return (f"{change.role} ", *_port_change(before[0], after[0]))
    by_layer = sorted(keys[0]) == sorted(keys[1])
    names = [joined(port_name(port, by_layer=by_layer) for port in side) for side in (before, after)]
    if before and after and not same_way:
        how = "now given by key" if any(keys[1]) else "no longer given by key"
        return (f"{change.role}s {how}: ", *names[0], " → ", *names[1])
    if len(before) != len(after):
        return (f"{change.role}s: {len(before)} → {len(after)} (", *names[0], " → ", *names[1], ")")
    return (f"{change.role}s: ", *names[0], " → ", *names[1])


def port_name(port: Port, *, by_layer: bool = False) -> Phrase:
    """What callers call it: its key, else the name of its layer."""
    return (Code("" if by_layer else port.key) or Code(port.layer[-1] if port.layer else "input"),)


def _port_change(before: Port, after: Port) -> Phrase:
    facts: list[Phrase] = []
    if before.key != after.key:
        facts.append(("key ", Code(before.key), " → ", Code(after.key)))
    if before.shape != after.shape:
        facts.append(("shape ", Code(tuple_text(before.shape)), " → ", Code(tuple_text(after.shape))))
    if before.dtype != after.dtype:
        facts.append(("dtype ", Code(before.dtype or "unknown"), " → ", Code(after.dtype or "unknown")))
    return joined(facts) or (
        "is made by ",
        *port_name(after, by_layer=True),
        ", was ",
        *port_name(before, by_layer=True),
    )


def tuple_text(shape: Shape | None) -> str:
    """`(None, 224, 224, 3)`, as Keras prints it."""
    return "unknown" if shape is None else str(tuple(shape)).replace("'", "")


# --- weights --------------------------------------------------------------------------------------------------


_FLOATS = frozenset({"float64", "float32", "float16", "bfloat16"})
"""Dtypes between which a distance has a meaning: integers stand for other numbers."""


def reshaped(change: WeightReshaped) -> Phrase:
    """Shape and dtype, old → new, and what is proven about the values."""
    (old_shape, old_dtype), (new_shape, new_dtype) = change.before, change.after
    facts = [f"{dimensions(old_shape)} → {dimensions(new_shape)}"] if old_shape != new_shape else []
    facts += [f"{old_dtype} → {new_dtype}"] if old_dtype != new_dtype else []
    return (", ".join(filter(None, (*facts, proven(change)))),)


def proven(change: WeightReshaped) -> str:
    """What is proven about the values of a weight that has another shape or dtype; "" where nothing is."""
    if change.nature is Nature.RESIZED:
        return "the overlap is equal"
    if change.nature is Nature.RECAST:
        return "values agree after the cast"
    if change.nature is Nature.QUANTISED:
        return quantised(change.proof)
    if change.movement is not None and {change.before[1], change.after[1]} <= _FLOATS:
        return f"moved {far(change.movement)}"
    return ""


def moved(change: WeightChanged) -> Phrase:
    """The nature of a change with the number that proves it."""
    by, proof = far(change.movement), change.proof
    match change.nature:
        case Nature.RECAST:
            words = f"recast: the old values rounded to {_rounded_to(proof)}"
        case Nature.FINE_TUNED:
            words = f"fine-tuned {by}"
        case Nature.RETRAINED:
            words = f"retrained, moved {by} (correlation {_two_places(proof.get('correlation', math.nan))})"
        case Nature.REINITIALISED:
            words = _reinitialised(proof)
        case Nature.SCALED:
            words = _scaled(proof)
        case Nature.PERMUTED:
            words = "permuted: the same values in another order"
        case Nature.PRUNED:
            words = _pruned(proof)
        case Nature.QUANTISED:
            words = f"{quantised(proof)}, moved {by}"
        case Nature.LOW_RANK:
            words = f"low rank: {_low_rank(proof)} of the change, moved {by}"
        case Nature.BROKEN:
            words = _broken(change)
        case _:
            words = f"moved {by}"
    return (words,)


def quantised(proof: Mapping[str, float]) -> str:
    """How many levels there are, and for what."""
    axes = f"axes {int(proof['axis'])} to {int(proof['axis_to'])}" if "axis_to" in proof else ""
    axes = axes or (f"axis {int(proof['axis'])}" if "axis" in proof else "")
    each = f" for each entry of {axes}" if axes else ""
    return f"quantised to {int(proof.get('levels', 0))} levels{each}"


def _rounded_to(proof: Mapping[str, float]) -> str:
    bits = int(proof.get("bits", 0))
    return "bfloat16" if proof.get("fraction") == 7 else f"float{bits}"


def _scaled(proof: Mapping[str, float]) -> str:
    if "factors" in proof:
        low, high = (measure(proof[key]) for key in ("lowest", "highest"))
        return f"scaled by {low} to {high}, one factor for each of {int(proof['factors']):,} units"
    return f"scaled by {_factor(proof.get('factor', math.nan))}"


def _factor(of: float) -> str:
    """With the digits that tell it from 1."""
    texts = [f"{of:.{digits}g}" for digits in (3, 5, 7)]
    return next((text for text in texts if float(text) != 1), texts[-1]).replace("-", "−")


def _pruned(proof: Mapping[str, float]) -> str:
    rest = f"moved by {percent(proof['rest'])}" if "rest" in proof else "equal"
    return f"pruned: {percent(proof.get('zeros', math.nan))} zeros, the rest {rest}"


def _low_rank(proof: Mapping[str, float]) -> str:
    share = math.floor(proof.get("energy", 0.0) * 1e4) / 100
    return f"rank {int(proof.get('rank', 0))} holds {share:.2f} %"


def _reinitialised(proof: Mapping[str, float]) -> str:
    if "correlation" in proof:
        return f"re-initialised: uncorrelated with the old (correlation {_two_places(proof['correlation'])})"
    return "re-initialised: only zeros and ones now"


def _two_places(of: float) -> str:
    return f"{of:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _broken(change: WeightChanged) -> str:
    old, new = change.movement.old, change.movement.new
    news = [f"{new.nan - old.nan:,} NaN"] if new.nan > old.nan else []
    news += [counted(new.inf - old.inf, "infinity", "infinities")] if new.inf > old.inf else []
    return f"broken: {' and '.join(news) or 'NaN'} that were finite"
