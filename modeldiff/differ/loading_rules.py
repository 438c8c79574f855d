# What Keras does once it is settled which stored tensor is meant for which variable: the checks, their order, and what
# stays behind when it raises. The four loaders differ in nothing else, so they are one function and four policies.
# Sources: keras/src/legacy/saving/legacy_h5_format.py, keras/src/saving/saving_lib.py, and in tf_keras
# src/saving/legacy/hdf5_format.py, src/saving/saving_lib.py.
"""From pairs of tensors to what the variables hold: `settle`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from modeldiff.differ.loading_units import Key, Tensor, Unit
from modeldiff.forecast import Cause, Failure
from modeldiff.graph import LayerPath


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of the new model and what Keras would put into it."""

    unit: Unit
    pairs: tuple[tuple[Tensor, Tensor], ...] = ()
    """Variable and stored tensor; empty where `failure` says why."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How one loader proceeds."""

    skip: bool = False
    """`skip_mismatch`: wrong shapes are passed over."""
    skips_counts: bool = False
    """Wrong numbers of weights are passed over too."""
    counts_first: bool = False
    """Nothing is assigned before every unit is found to have the right number of weights."""
    shapes_first: bool = False
    """Nothing is assigned before every shape is found to be right."""
    goes_on: bool = False
    """The other units are loaded all the same, and Keras raises in the end."""
    whole_units: bool = False
    """A wrong shape ends its unit; what comes before it in the unit stays loaded."""


@dataclass(slots=True)
class Run:
    """What one call does."""

    failure: Failure | None = None
    """The first one."""
    holds: dict[Key, Tensor] = field(default_factory=dict)
    """What each variable holds afterwards; those that keep their values are left out."""
    wanted: set[Key] = field(default_factory=set)
    """Variables that Keras would load."""
    offenders: set[LayerPath] = field(default_factory=set)
    """Layers at which it raises, or would if it came so far."""

    def fail(self, failure: Failure) -> None:
        """Keep the first failure."""
        self.failure = self.failure or failure


def settle(steps: Sequence[Step], policy: Policy, run: Run) -> Run:
    """Carry out `steps`, unless `run` has failed already: then they are only judged."""
    if policy.counts_first or policy.shapes_first:
        for step in steps:
            misfit = None if policy.skip or not policy.shapes_first else _misfit(step)
            if found := _refused(step, policy) or misfit:
                run.fail(found)
                break
    for step in steps:
        _carry_out(step, policy, run)
    return run


def _carry_out(step: Step, policy: Policy, run: Run) -> None:
    loads = policy.goes_on or run.failure is None
    if refused := _refused(step, policy):
        run.offenders |= _layers(step.unit)
        run.fail(refused)
        return
    for variable, stored in step.pairs:
        if variable.shape == stored.shape:
            run.wanted.update(variable.owners)
            if loads:
                run.holds.update(dict.fromkeys(variable.owners, stored))
            continue
        if not policy.skip:
            failure = _shape_failure(step.unit, variable)
            run.offenders.add(failure.layer or ())
            run.fail(failure)
            loads = loads and not policy.whole_units and run.failure is None
        if policy.whole_units:
            return


def _refused(step: Step, policy: Policy) -> Failure | None:
    """What Keras raises before it looks at shapes; a conversion that fails raises in spite of `skip_mismatch`."""
    passed = policy.skips_counts and step.failure is not None and step.failure.cause is not Cause.CONVERSION
    return None if passed else step.failure


def _misfit(step: Step) -> Failure | None:
    wrong = next((variable for variable, stored in step.pairs if variable.shape != stored.shape), None)
    return None if wrong is None else _shape_failure(step.unit, wrong)


def _shape_failure(unit: Unit, variable: Tensor) -> Failure:
    return Failure(Cause.SHAPE, variable.owners[0][0] if variable.owners else unit.layer)


def _layers(unit: Unit) -> set[LayerPath]:
    """The layers of a unit, or the unit's own where it has no weights."""
    return {owner[0] for one in unit.tensors for owner in one.owners} or {unit.layer}


def miscounted(unit: Unit, found: int) -> Failure:
    """Another number of weights than the unit has."""
    return Failure(Cause.WEIGHT_COUNT, unit.layer, len(unit.tensors), found)


def paired(unit: Unit, stored: Iterable[Tensor]) -> Step:
    """The step for tensors taken by position."""
    taken = tuple(stored)
    if len(taken) != len(unit.tensors):
        return Step(unit, failure=miscounted(unit, len(taken)))
    return Step(unit, tuple(zip(unit.tensors, taken, strict=True)))
