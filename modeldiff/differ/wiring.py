# Connections told by layers: two tensors are the same one where the layers that make them are a pair, whatever they
# are called and whether or not the border of a sub-model lies between. A layer inserted on a connection rewires its
# consumer too, but that is a consequence and is marked as one.
"""Rewired inputs and changed call arguments: `Wiring`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from modeldiff.changes import ConfigChanged, Endpoint, InputsRewired, Match, Matching
from modeldiff.differ.config import differences
from modeldiff.differ.flow import COMMUTATIVE
from modeldiff.graph import Call, Graph, Layer, LayerPath, Model

_PERMUTED = 5
"""Up to this many changed inputs of a commutative layer every order is tried."""


_GONE = -1
"""The call that an old call without a partner is paired with."""


class Tensor(NamedTuple):
    """One tensor of a whole model."""

    layer: LayerPath
    call: int
    output: int

    @property
    def endpoint(self) -> Endpoint:
        """The same as a fact to be told."""
        return Endpoint(*self)


class _Side:
    """One model's tensors."""

    def __init__(self, model: Model, partners: Mapping[LayerPath, LayerPath]) -> None:
        self.partners = partners
        self.layers = dict(model.walk())
        self.graphs: dict[LayerPath, Graph] = {(): model.graph}
        self.graphs.update((path, layer.body) for path, layer in self.layers.items() if layer.body is not None)

    def inputs(self, path: LayerPath, call: Call) -> tuple[Tensor, ...]:
        return tuple(Tensor((*path[:-1], ref.layer), ref.call, ref.output) for ref in call.inputs)

    def aliases(self, tensor: Tensor) -> Iterator[Tensor]:
        """The same tensor as seen from inside and outside of sub-models, the nearest first."""
        waiting, seen = [tensor], {tensor}
        for known in waiting:
            yield known
            fresh = [other for other in (self._inside(known), self._outside(known)) if other is not None]
            waiting.extend(other for other in fresh if other not in seen)
            seen.update(fresh)

    def _inside(self, tensor: Tensor) -> Tensor | None:
        """What a sub-model returns as this output."""
        graph = self.graphs.get(tensor.layer)
        if graph is None or tensor.output >= len(graph.outputs):
            return None
        ref = graph.outputs[tensor.output]
        return Tensor((*tensor.layer, ref.layer), ref.call, ref.output)

    def _outside(self, tensor: Tensor) -> Tensor | None:
        """What a sub-model is called with, for the tensor of one of its inputs."""
        parent = tensor.layer[:-1]
        if not parent or parent not in self.layers:
            return None
        slot = next((k for k, ref in enumerate(self.graphs[parent].inputs) if ref.layer == tensor.layer[-1]), None)
        calls = self.layers[parent].calls
        if slot is None or not calls or (len(calls) > 1 and parent in self.partners) or slot >= len(calls[0].inputs):
            return None
        return self.inputs(parent, calls[0])[slot]

    def origins(self, tensor: Tensor) -> set[Tensor]:
        """The nearest tensors of paired layers it is made from, looking back through layers without a partner."""
        found: set[Tensor] = set()
        waiting, seen = [tensor], {tensor}
        while waiting:
            aliases = list(self.aliases(waiting.pop()))
            nearest = next((alias for alias in aliases if alias.layer in self.partners), None)
            if nearest is not None:
                found.add(nearest)
                continue
            for alias in aliases:
                layer = self.layers.get(alias.layer)
                if layer is None or layer.body is not None:
                    continue
                for call in layer.calls:
                    fresh = [source for source in self.inputs(alias.layer, call) if source not in seen]
                    seen.update(fresh)
                    waiting.extend(fresh)
        return found


class Wiring:
    """The connections of two models, compared through a matching."""

    def __init__(self, old: Model, new: Model, matching: Matching) -> None:
        forth = {match.old: match.new for match in matching.matches}
        forth.update(_unlisted_inputs(old, new, forth))
        self.forth = forth
        self.old = _Side(old, forth)
        self.new = _Side(new, {there: here for here, there in forth.items()})
        self.other_writer = _generation(old) != _generation(new)
        self._calls: dict[tuple[LayerPath, int], int] = {}
        self._paired: dict[LayerPath, list[tuple[int | None, int | None]]] = {}
        for match in matching.matches:
            self._pair_calls(match)

    def same(self, old: Tensor, new: Tensor) -> bool:
        """Whether two tensors are the same one."""
        if self._equal(old, new):
            return True
        if self.forth.get(old.layer) == new.layer and self._call(old) != new.call:
            return False  # two calls of a sub-model: the tensors inside it are those of every call
        news = list(self.new.aliases(new))
        return any(self._equal(mine, theirs) for mine in self.old.aliases(old) for theirs in news)

    def _equal(self, old: Tensor, new: Tensor) -> bool:
        return self.forth.get(old.layer) == new.layer and old.output == new.output and self._call(old) == new.call

    def _call(self, old: Tensor) -> int:
        """Which call of the new layer makes what this call of the old one makes."""
        return self._calls.get((old.layer, old.call), old.call)

    def detect(self, match: Match) -> Iterator[InputsRewired | ConfigChanged]:
        """What changed in the calls of one pair."""
        old, new = self.old.layers[match.old], self.new.layers[match.new]
        for mine, theirs in self._paired[match.old]:
            if mine is None or theirs is None:
                index = theirs if mine is None else mine
                assert index is not None
                before = () if mine is None else self._ends(self.old, match.old, old.calls[mine])
                after = () if theirs is None else self._ends(self.new, match.new, new.calls[theirs])
                yield InputsRewired(match.site, index, before, after)
                continue
            yield from self._rewired(match, old, mine, theirs)
            for key, before_value, after_value in differences(old.calls[mine].kwargs, new.calls[theirs].kwargs):
                yield ConfigChanged(match.site, f"call[{mine}].{key}", before_value, after_value)

    def _ends(self, side: _Side, path: LayerPath, call: Call) -> tuple[Endpoint, ...]:
        return tuple(tensor.endpoint for tensor in side.inputs(path, call))

    def _rewired(self, match: Match, old: Layer, mine: int, theirs: int) -> Iterator[InputsRewired]:
        calls = old.calls[mine], self.new.layers[match.new].calls[theirs]
        before, after = self.old.inputs(match.old, calls[0]), self.new.inputs(match.new, calls[1])
        is_like = len(before) == len(after) and calls[0].keywords == calls[1].keywords
        if is_like and all(map(self._equal, before, after)):  # as nearly always
            return
        labels = [_labels(call, commutative=is_commutative(old)) for call in calls]
        if self.other_writer:
            labels = _as_both_write(*labels)
        rest = self._unlike(list(zip(labels[0], before, strict=True)), list(zip(labels[1], after, strict=True)))
        if rest is None:
            return
        yield InputsRewired(
            match.site,
            mine,
            tuple(tensor.endpoint for tensor in before),
            tuple(tensor.endpoint for tensor in after),
            consequence=self._follows(*rest),
        )

    def _unlike(
        self, before: list[tuple[str, Tensor]], after: list[tuple[str, Tensor]]
    ) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]] | None:
        """What is left of two lists of inputs without the equal ones; None where nothing is."""
        left, right = [], list(after)
        for label, tensor in before:
            found = next((k for k, (other, end) in enumerate(right) if label == other and self.same(tensor, end)), None)
            if found is None:
                left.append((label, tensor))
            else:
                del right[found]
        return (left, right) if left or right else None

    def _follows(self, left: list[tuple[str, Tensor]], right: list[tuple[str, Tensor]]) -> bool:
        """Whether every difference comes from layers added or removed on the way."""
        if len(left) != len(right):
            return False
        orders = permutations(right) if len(right) <= _PERMUTED else iter([tuple(right)])
        return any(
            all(
                mine == theirs and self._reaches(old, new)
                for (mine, old), (theirs, new) in zip(left, order, strict=True)
            )
            for order in orders
        )

    def _reaches(self, old: Tensor, new: Tensor) -> bool:
        news = self.new.origins(new)
        return any(self.same(mine, theirs) for mine in self.old.origins(old) for theirs in news)

    # --- calls of shared layers --------------------------------------------------------------------------------------

    def _pair_calls(self, match: Match) -> None:
        old, new = self.old.layers[match.old], self.new.layers[match.new]
        pairs: list[tuple[int | None, int | None]] = []
        if not self._has_calls(match.old, old, self.old) or not self._has_calls(match.new, new, self.new):
            self._paired[match.old] = pairs
            return
        if len(old.calls) == len(new.calls) == 1:
            pairs.append((0, 0))
        else:
            pairs.extend(self._assign(match, old, new))
        self._paired[match.old] = pairs
        for mine, theirs in pairs:
            if mine is not None:
                self._calls[match.old, mine] = _GONE if theirs is None else theirs

    def _has_calls(self, path: LayerPath, layer: Layer, side: _Side) -> bool:
        return bool(layer.calls) and side.graphs[path[:-1]].has_edges

    def _assign(self, match: Match, old: Layer, new: Layer) -> list[tuple[int | None, int | None]]:
        """Calls with the same producers first, then those that share most, then in order."""
        sources = [self.old.inputs(match.old, call) for call in old.calls]
        targets = [self.new.inputs(match.new, call) for call in new.calls]
        free = dict.fromkeys(range(len(targets)))
        pairs: dict[int, int] = {}
        for index, source in enumerate(sources):
            around = [*([index] if index in free else ()), *sorted(free.keys() - {index})]
            found = next((k for k in around if self._shared(source, targets[k]) == (len(source), len(source))), None)
            if found is not None:
                pairs[index] = found
                del free[found]
        ranked = sorted(
            (-self._shared(sources[i], targets[k])[0], abs(i - k), i, k)
            for i in range(len(sources))
            if i not in pairs
            for k in free
        )
        for _, _, i, k in ranked:
            if i not in pairs and k in free:
                pairs[i] = k
                del free[k]
        return [*((i, pairs.get(i)) for i in range(len(sources))), *((None, k) for k in free)]

    def _shared(self, old: Sequence[Tensor], new: Sequence[Tensor]) -> tuple[int, int]:
        """How many inputs agree, and how many there are to agree."""
        return sum(self.same(a, b) for a, b in zip(old, new, strict=False)), max(len(old), len(new))


def is_commutative(layer: Layer) -> bool:
    """Whether the order of its inputs means nothing."""
    function = str(layer.config.get("function", "")).rpartition(".")[2]
    return layer.canonical_class in COMMUTATIVE or (
        layer.canonical_class == "TFOpLambda" and function in {"add", "multiply", "maximum", "minimum"}
    )


def _labels(call: Call, *, commutative: bool) -> list[str]:
    """Which argument each input is: its keyword, else its position where that means something."""
    keywords = call.keywords or ("",) * len(call.inputs)
    return [keyword or ("" if commutative else str(position)) for position, keyword in enumerate(keywords)]


def _as_both_write(old: list[str], new: list[str]) -> list[list[str]]:
    """Labels without the keyword that only one generation writes: `layer(a, b)` is `layer(a, b=b)` for tf.keras."""
    if len(old) != len(new):
        return [old, new]
    pairs = [
        (a, b) if a.isdigit() == b.isdigit() else (str(k), str(k))
        for k, (a, b) in enumerate(zip(old, new, strict=True))
    ]
    return [[a for a, _ in pairs], [b for _, b in pairs]]


def _generation(model: Model) -> bool:
    """Whether Keras 3 wrote it."""
    major = str(model.metadata.get("keras_version") or "").partition(".")[0]
    return major.isdecimal() and len(major) < 4 and int(major) >= 3


def _unlisted_inputs(old: Model, new: Model, forth: Mapping[LayerPath, LayerPath]) -> dict[LayerPath, LayerPath]:
    """Inputs that at least one side does not list as a layer (a Sequential's), paired by position."""
    found = {}
    layers = dict(old.walk()), dict(new.walk())
    for here, there in [((), ()), *forth.items()]:
        left = old.graph if not here else layers[0][here].body
        right = new.graph if not there else layers[1][there].body
        if left is None or right is None or len(left.inputs) != len(right.inputs):
            continue
        for mine, theirs in zip(left.inputs, right.inputs, strict=True):
            ends = (*here, mine.layer), (*there, theirs.layer)
            if (ends[0] not in layers[0] or ends[1] not in layers[1]) and ends[0] not in forth:
                found[ends[0]] = ends[1]
    return found
