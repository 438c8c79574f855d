# Why two layers are a pair, or why a layer has no partner, in one sentence. The matcher says which evidence it took
# and how sure it is; what is said here beyond that is looked up in the two files, so a sentence can be short and
# still true: it lists what the layers have in common, what the matcher took first.
"""The words about one match: `Reasons`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from modeldiff.changes import DiffResult, Evidence, Match, Outcome, Site, WeightPair
from modeldiff.graph import Layer, LayerPath, format_path
from modeldiff.report.links import Links
from modeldiff.report.view import Code, Phrase
from modeldiff.report.words import counted, joined

_NAMED = 3
"""Of more config keys that differ than this, only the number is said."""


class Beside(Enum):
    """What two layers share of their direct neighbours; the value is how it is said."""

    BOTH = "same neighbours"
    INPUTS = "same inputs"
    OUTPUTS = "same outputs"
    NONE = ""


Layers = Mapping[LayerPath, Layer]


class Reasons:
    """Why the layers of one comparison are pairs, or have no partner."""

    def __init__(self, result: DiffResult, layers: tuple[Layers, Layers], links: Links) -> None:
        self.layers, self.links = layers, links
        self.closest = result.matching.closest
        self.old = {match.old: match for match in result.matching.matches}
        self.new = {match.new: match for match in result.matching.matches}

    def of(self, site: Site, pairs: Sequence[WeightPair]) -> Phrase:
        """One sentence about the layer or the pair at `site`, whose compared weights are `pairs`."""
        if site.old is not None and site.new is not None:
            match, beside = self.new[site.new], self._beside(site.old, site.new)
            return _of_pair(match, self.layers[0][site.old], self.layers[1][site.new], pairs, beside)
        found = self.closest.get(site)
        if site.old is not None:
            return self._of_lone(self.layers[0][site.old], found, "new", (site.old, found))
        return self._of_lone(self.layers[1][site.new or ()], found, "old", (found, site.new))

    def _of_lone(
        self, lone: Layer, found: LayerPath | None, side: str, sites: tuple[LayerPath | None, LayerPath | None]
    ) -> Phrase:
        """What came closest on the other `side`, and why it is not the same layer."""
        if found is None:
            return (f"no layer of the {side} model near its place could stand for it",)
        nearest: Phrase = (f"closest is {side} ", Code(format_path(found)))
        taken = (self.old if side == "old" else self.new).get(found)
        if taken is not None:
            partner = taken.new if side == "old" else taken.old
            return (*nearest, ", which is paired with ", Code(format_path(partner)))
        other = self.layers[side == "new"][found]
        differences = joined(_differences(lone, other, self._beside(sites[0] or (), sites[1] or ())))
        if not differences:
            return (
                *nearest,
                ", which has no partner either and looks alike, but nothing shows that it is the same one",
            )
        return (*nearest, ", which has no partner either; too little speaks for it: ", *differences)

    def _beside(self, old: LayerPath, new: LayerPath) -> Beside:
        """What two layers share of their neighbours, by the pairs that those are part of."""
        same = []
        for mine, theirs in self.links.sides:
            before = {self.links.partners.get(end.layer) for end in mine.get(old, ())}
            after = {end.layer for end in theirs.get(new, ())}
            same.append(bool(after) and before == after)
        ends = not any(side.get(path) for side, path in zip(self.links.sides[1], (old, new), strict=True))
        if same[0] and (same[1] or ends):
            return Beside.BOTH
        return Beside.INPUTS if same[0] else Beside.OUTPUTS if same[1] else Beside.NONE


def _of_pair(match: Match, old: Layer, new: Layer, pairs: Sequence[WeightPair], beside: Beside) -> Phrase:
    """`dense_4` is old `dense_1`: `kernel` identical, same class and config, same neighbours (score 0.99)."""
    shared = joined(_shared(match, old, new, pairs, beside))
    told = (": ", *shared) if shared else ""
    names: Phrase = (Code(match.new[-1]), " is old ", Code(format_path(match.old)))
    return (*(("paired",) if match.new == match.old else names), *told, f" (score {match.score:.2f})")


def _shared(match: Match, old: Layer, new: Layer, pairs: Sequence[WeightPair], beside: Beside) -> Iterator[Phrase]:
    """What the two have in common: the matcher's evidence first."""
    found: dict[Evidence, Phrase] = {
        Evidence.WEIGHTS: _weights(pairs),
        Evidence.NAME: ("same name",) if old.name == new.name and match.evidence is not Evidence.USER else (),
        Evidence.SIGNATURE: (_config(old, new),),
        Evidence.NEIGHBOURS: (beside.value,) if beside.value else (),
    }
    first: dict[Evidence, Phrase] = {
        Evidence.USER: ("paired by --map",),
        Evidence.WEIGHTS: found[Evidence.WEIGHTS] or ("weights that descend from one another",),
        Evidence.NEIGHBOURS: found[Evidence.NEIGHBOURS] or ("the same place between matched layers",),
        Evidence.SIMILARITY: ("the most alike of those left",),
        Evidence.SIGNATURE: ("same class, config and surroundings",),
    }
    if match.evidence in first:
        yield first[match.evidence]
    elif found.get(match.evidence):
        yield found[match.evidence]
    for evidence, phrase in found.items():
        if "".join(phrase) and evidence is not match.evidence:
            yield phrase


def _weights(pairs: Sequence[WeightPair]) -> Phrase:
    identical = [pair for pair in pairs if pair.outcome is Outcome.IDENTICAL]
    if not identical:
        return ()
    if len(identical) == len(pairs) > 1:
        return ("all weights identical",)
    if len(identical) > 2:
        return (f"{len(identical)} of {len(pairs)} weights identical",)
    return (*joined((Code(pair.name),) for pair in identical), " identical")


def _config(old: Layer, new: Layer) -> str:
    if old.canonical_class != new.canonical_class or not new.class_name:
        return ""
    return "same class and config" if old.config == new.config else "same class"


def _differences(lone: Layer, other: Layer, beside: Beside) -> Iterator[Phrase]:
    if lone.canonical_class != other.canonical_class:
        yield ("it is a ", Code(other.class_name))
    else:
        missing = object()
        keys = [
            key
            for key in dict.fromkeys((*lone.config, *other.config))
            if lone.config.get(key, missing) != other.config.get(key, missing)
        ]
        named = joined((Code(key),) for key in keys) if len(keys) <= _NAMED else (counted(len(keys), "config key"),)
        if keys:
            yield (*named, " differs" if len(keys) == 1 else " differ")
    shapes = [[weight.shape for weight in layer.comparable_weights] for layer in (lone, other)]
    if shapes[0] != shapes[1]:
        yield ("other weight shapes",)
    if beside is Beside.NONE:
        yield ("other neighbours",)
    elif beside is not Beside.BOTH:
        yield (f"only the {beside.value}",)
