# Legacy HDF5: the layers of the root model, by order or by name. A nested model is one such layer, its weights flat in
# it: trainable ones first, so that freezing a layer inside moves them, and by order they then land elsewhere.
"""Loading from legacy HDF5: `ways`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

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
        plain = Policy(counts_first=self.is_two)
        ordered = self._by_order()
        yield Method.ORDER, (run := self._run(ordered, plain))
        if not self.is_two:
            yield Method.ORDER_SKIP, self._skipping(run, ordered, replace(plain, skip=True))
        plain = replace(plain, shapes_first=self.is_two)
        named = self._by_name()
        yield Method.NAME, (run := self._run(named, plain))
        yield Method.NAME_SKIP, self._skipping(run, named, replace(plain, skip=True, skips_counts=True))

    def _skipping(self, plain: Run, steps: list[Step] | Failure, policy: Policy) -> Run:
        """As `_run`; the `plain` run of these steps where skipping makes no difference."""
        return plain if plain.failure is None or isinstance(steps, Failure) else self._run(steps, policy)

    def _run(self, steps: list[Step] | Failure, policy: Policy) -> Run:
        return Run(steps) if isinstance(steps, Failure) else settle([*steps, *self._own()], policy, Run())

    def _by_order(self) -> list[Step] | Failure:
        news = [unit for unit in self.news if unit.tensors]
        olds = [unit for unit in self.olds if unit.tensors]
        if len(news) != len(olds):
            return Failure(Cause.LAYER_COUNT, None, len(news), len(olds))
        return [self._step(new, old) for new, old in zip(news, olds, strict=True)]

    def _by_name(self) -> list[Step]:
        """In the order of the old file."""
        news = {unit.name: unit for unit in self.news}
        return [self._step(news[old.name], old) for old in self.olds if old.name in news]

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
