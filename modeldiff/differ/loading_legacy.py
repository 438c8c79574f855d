# Legacy HDF5: the layers of the root model, by order or by name. A nested model is one such layer, its weights flat in
# it: trainable ones first, so that freezing a layer inside moves them, and by order they then land elsewhere.
"""Loading from legacy HDF5: `ways`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldiff.differ.loading_conversion import Unconvertible, convert
from modeldiff.differ.loading_rules import Policy, Run, Step, paired, settle
from modeldiff.differ.loading_units import Tensor, Unit
from modeldiff.forecast import Cause, Failure, Method
from modeldiff.graph import Layer, Model


class Legacy:
    """Loading the legacy file `old` into a model made of `news`."""

    def __init__(self, old: Model, new: Model, olds: Sequence[Unit], news: Sequence[Unit], keras: str) -> None:
        self.old, self.new = old, new
        self.olds, self.news, self.is_two = olds, news, keras == "2"
        self.gates = str(old.metadata.get("keras_version", "1")).startswith("1")
        self.layers: Mapping[str, Layer] = {layer.name: layer for layer in new.graph.layers}

    def ways(self) -> Iterator[tuple[Method, Run]]:
        """Each way of loading and what it does."""
        yield Method.ORDER, self._by_order(skip=False)
        if not self.is_two:
            yield Method.ORDER_SKIP, self._by_order(skip=True)
        yield Method.NAME, self._by_name(skip=False)
        yield Method.NAME_SKIP, self._by_name(skip=True)

    def _by_order(self, *, skip: bool) -> Run:
        news = [unit for unit in self.news if unit.tensors]
        olds = [unit for unit in self.olds if unit.tensors]
        if len(news) != len(olds):
            return Run(Failure(Cause.LAYER_COUNT, None, len(news), len(olds)))
        steps = [self._step(new, old) for new, old in zip(news, olds, strict=True)]
        return settle([*steps, *self._own()], Policy(skip=skip, counts_first=self.is_two), Run())

    def _by_name(self, *, skip: bool) -> Run:
        """In the order of the old file."""
        news = {unit.name: unit for unit in self.news}
        steps = [self._step(news[old.name], old) for old in self.olds if old.name in news]
        policy = Policy(skip=skip, skips_counts=skip, counts_first=self.is_two, shapes_first=self.is_two)
        return settle([*steps, *self._own()], policy, Run())

    def _step(self, new: Unit, old: Unit) -> Step:
        stored = list(old.tensors)
        layer = self.layers.get(new.name)
        if self.is_two and layer is not None:
            try:
                stored = convert(layer, stored, [one.shape for one in new.tensors], gates=self.gates)
            except Unconvertible:
                return Step(new, failure=Failure(Cause.CONVERSION, new.layer, len(new.tensors), len(old.tensors)))
        return paired(new, stored)

    def _own(self) -> Iterator[Step]:
        """The weights of the model object itself, which come last."""
        mine, theirs = (
            [Tensor(w.name, w.shape, (((), w.name),)) for w in side.weights] for side in (self.new, self.old)
        )
        if len(mine) == len(theirs):
            yield paired(Unit("", (), tuple(mine)), theirs)
        else:
            yield Step(Unit("", (), ()), failure=Failure(Cause.MODEL_WEIGHTS, None, len(mine), len(theirs)))
