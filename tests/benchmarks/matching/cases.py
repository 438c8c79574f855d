# Situations crossed with architectures, namings and weights, in an order that covers all situations first: the
# first sixty cases are a small benchmark of the same kind. Every choice comes from the case's own seed, so a case
# stays the same when others are added.
"""The cases of the benchmark: `SITUATIONS`, `cases`, `prepare`."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matching import blocks, connections, layers, mutate, names, submodels, throughout
from benchmarks.matching.architectures import ARCHITECTURES, LARGE, UNSEEN
from benchmarks.matching.build import Built, NotBuildable, Recipe, build
from benchmarks.matching.edits import NotApplicable
from benchmarks.matching.mutate import Change, Edit
from benchmarks.matching.specs import Spec
from benchmarks.matching.weights import STATES, TRAINED, Plan

NAMINGS = ("explicit", "automatic", "shifted", "mixed")
"""`shifted` is automatic with other counters on the two sides; `automatic` starts both in a fresh session."""
WEIGHTS = tuple(STATES)

_PLAIN = tuple(ARCHITECTURES)
_BLOCKS = tuple(name for name, make in ARCHITECTURES.items() if len(make().blocks) > 1)
_JOINS = ("unet", "inception", "densenet", "multi", "seq2seq")
_CLASSIFIERS = tuple(name for name in ARCHITECTURES if name not in {"autoencoder", "unet"})
_WRAPPED = ("text-lstm", "text-gru", "transformer", "custom")
_CHAINS = ("mlp", "cnn", "vgg", "text-lstm", "text-gru")

_ACTIVATED = ("mlp", "cnn", "vgg", "inception", "text-lstm", "transformer", "siamese", "multi", "custom")
_NORMALISED = ("resnet-v1", "resnet-v2", "unet", "mobilenet", "densenet", "resnet-long")


@dataclass(frozen=True, slots=True)
class Situation:
    """One line of the list of what must come out right."""

    edit: Edit
    architectures: tuple[str, ...] = _PLAIN
    namings: tuple[str, ...] = NAMINGS
    weights: tuple[str, ...] = WEIGHTS
    backwards: bool = False
    """The edited model is the old one."""
    frozen: bool = False
    """Layers that stand in both keep their numbers, whatever happens to the rest."""
    writers: tuple[str, str] = ("keras", "keras")
    suffixes: tuple[str, str] = (".h5", ".h5")


_MIXTURE = mutate.several(
    names.rename_some,
    layers.insert_near_input,
    layers.insert_in_middle,
    layers.remove_in_middle,
    layers.change_settings,
    layers.change_width,
    layers.swap_class,
    blocks.replace_head,
    blocks.duplicate_block,
    blocks.remove_block,
    connections.reorder_join,
    submodels.extract,
    connections.drop_skip,
)
_SMALL = mutate.several(
    layers.insert_near_input,
    layers.insert_in_middle,
    layers.remove_in_middle,
    layers.change_settings,
    layers.change_width,
    layers.swap_class,
    count=(2, 2),
)
_DEEP = mutate.several(
    names.rename_some,
    layers.insert_in_middle,
    layers.change_settings,
    layers.split_activation,
    layers.exchange_layers,
    layers.swap_class,
    blocks.change_depth,
    blocks.insert_block,
    blocks.reorder_blocks,
    blocks.replace_head,
    connections.drop_branch,
    connections.drop_skip,
    submodels.extract,
    count=(3, 5),
)

SITUATIONS: dict[str, Situation] = {
    "identical-resave": Situation(mutate.nothing, namings=("explicit", "automatic", "mixed"), weights=("identical",)),
    "built-twice": Situation(mutate.nothing, namings=("shifted", "mixed")),
    "retrained": Situation(mutate.nothing, weights=WEIGHTS[1:]),
    "renamed-some": Situation(names.rename_some, namings=("explicit", "mixed")),
    "renamed-all": Situation(names.rename_all, namings=("explicit", "mixed")),
    "names-swapped": Situation(names.swap_names, namings=("explicit",)),
    "settings-changed": Situation(layers.change_settings),
    "inserted-near-input": Situation(layers.insert_near_input),
    "inserted-middle": Situation(layers.insert_in_middle),
    "inserted-near-end": Situation(layers.insert_near_end),
    "removed-near-input": Situation(layers.remove_near_input),
    "removed-middle": Situation(layers.remove_in_middle),
    "removed-near-end": Situation(layers.remove_near_end),
    "block-duplicated": Situation(blocks.duplicate_block, _BLOCKS),
    "block-inserted": Situation(blocks.insert_block, _BLOCKS),
    "block-removed": Situation(blocks.remove_block, _BLOCKS),
    "block-reordered": Situation(blocks.reorder_blocks, _BLOCKS),
    "head-replaced": Situation(blocks.replace_head, _CLASSIFIERS, frozen=True),
    "width-changed": Situation(layers.change_width),
    "class-swapped": Situation(layers.swap_class),
    "skip-added": Situation(connections.add_skip, _BLOCKS),
    "skip-removed": Situation(
        connections.drop_skip,
        ("resnet-v1", "resnet-v2", "unet", "mobilenet", "densenet", "transformer", "custom", "inception"),
    ),
    "join-widened": Situation(connections.widen_join, _JOINS),
    "join-reordered": Situation(connections.reorder_join, _JOINS),
    "chain-extracted": Situation(submodels.extract),
    "chain-inlined": Situation(submodels.extract, backwards=True),
    "sequential-functional": Situation(submodels.sequential_to_functional, _CHAINS),
    "functional-sequential": Situation(submodels.sequential_to_functional, _CHAINS, backwards=True),
    "keras2-keras3": Situation(mutate.nothing, writers=("tf_keras", "keras")),
    "keras2-keras3-edited": Situation(
        mutate.several(
            layers.insert_in_middle, layers.change_settings, layers.remove_near_end, blocks.replace_head, count=(2, 2)
        ),
        writers=("tf_keras", "keras"),
    ),
    "activation-split": Situation(layers.split_activation, _ACTIVATED),
    "activation-merged": Situation(layers.split_activation, _ACTIVATED, backwards=True),
    "layers-exchanged": Situation(layers.exchange_layers, _NORMALISED),
    "input-changed": Situation(layers.change_input),
    "depth-changed": Situation(blocks.change_depth, _BLOCKS),
    "branch-removed": Situation(connections.drop_branch, ("inception", "multi")),
    "branch-added": Situation(connections.drop_branch, ("inception", "multi"), backwards=True),
    "output-removed": Situation(connections.drop_output, ("multi",)),
    "output-added": Situation(connections.drop_output, ("multi",), backwards=True),
    "truncated": Situation(connections.truncate, _CLASSIFIERS),
    "backbone-extracted": Situation(submodels.extract_backbone, _CLASSIFIERS),
    "h5-keras": Situation(mutate.nothing, suffixes=(".h5", ".keras")),
    "shared-edited": Situation(
        mutate.several(layers.insert_in_middle, layers.change_settings, submodels.extract, names.rename_some),
        ("siamese",),
    ),
    "unshared": Situation(submodels.unshare, ("siamese",)),
    "shared": Situation(submodels.unshare, ("siamese",), backwards=True),
    "inserted-throughout": Situation(throughout.insert_throughout),
    "removed-throughout": Situation(throughout.remove_throughout),
    "blocks-thickened": Situation(throughout.thicken_blocks, _BLOCKS),
    "block-replaced": Situation(throughout.replace_block, _BLOCKS),
    "block-moved": Situation(throughout.move_block, _BLOCKS),
    "wrapped": Situation(throughout.wrap, _WRAPPED),
    "unwrapped": Situation(throughout.wrap, _WRAPPED, backwards=True),
    "input-added": Situation(throughout.add_input, _CLASSIFIERS),
    "input-removed": Situation(throughout.add_input, _CLASSIFIERS, backwards=True),
    "input-prepared": Situation(throughout.prepare_input),
    "renamed-all-edited": Situation(mutate.following(names.rename_all, _SMALL), namings=("explicit", "mixed")),
    "combined": Situation(_MIXTURE),
    "combined-backwards": Situation(_MIXTURE, backwards=True),
    "combined-deep": Situation(_DEEP, _BLOCKS),
    "large": Situation(
        mutate.several(
            layers.insert_near_input, blocks.duplicate_block, blocks.remove_block, layers.insert_in_middle, count=(2, 3)
        ),
        tuple(LARGE),
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One pair of models to be."""

    situation: str
    number: int
    architecture: str
    naming: str
    weights: str
    seed: int = 0

    @property
    def id(self) -> str:
        """Says all there is to say about a case."""
        told = f"{self.situation}.{self.number:02d}.{self.architecture}.{self.naming}.{self.weights}"
        return f"{told}.s{self.seed}" if self.seed else told

    def rng(self, attempt: int) -> random.Random:
        """The case's own chance."""
        return random.Random(zlib.crc32(f"{self.id}#{attempt}".encode()))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case with its two files and all that is true of them."""

    case: Case
    architecture: str
    """The one that was built: the case's own, or the next one where the edit has no place in it."""
    old: Recipe
    new: Recipe
    files: tuple[Built, Built]
    optional: frozenset[tuple[str, str]]


def cases(count: int, situation: str | None = None, seed: int = 0) -> Iterator[Case]:
    """The first `count` cases: a round over all situations, then the next.

    Another seed makes other cases, of architectures that those of seed 0 never saw.
    """
    names = [situation] if situation else list(SITUATIONS)
    made = 0
    for number in range(count):
        for name in names:
            if made == count:
                return
            if name == "large" and (number % 3 or seed):
                continue
            yield _case(name, number, seed)
            made += 1


def _case(name: str, number: int, seed: int) -> Case:
    """Namings and weights in every combination before one comes again; architectures go round beside them."""
    told = SITUATIONS[name]
    rng = random.Random(zlib.crc32(f"{name}{seed or ''}".encode()))
    grid = [(naming, weights) for naming in told.namings for weights in told.weights]
    rng.shuffle(grid)
    architectures = list(UNSEEN) if seed else list(told.architectures)
    rng.shuffle(architectures)
    turn = number + number // max(1, len(grid))
    naming, weights = grid[number % len(grid)]
    return Case(name, number, architectures[turn % len(architectures)], naming, weights, seed)


def prepare(case: Case, folder: Path) -> Prepared:
    """Both files of a case in `folder`, built where they are not there yet.

    An edit that does not fit the architecture or its shapes is drawn again, from the next architecture in the end.

    Raises:
        NotBuildable: nothing fitted.
    """
    told = SITUATIONS[case.situation]
    order = [*UNSEEN, *told.architectures] if case.seed else list(told.architectures)
    start = order.index(case.architecture)
    for attempt in range(8 * len(order) if case.seed else 24):
        rng = case.rng(attempt)
        name = order[(start + attempt // 8) % len(order)]
        spec = {**ARCHITECTURES, **LARGE, **UNSEEN}[name]()
        try:
            change = told.edit(spec, rng)
            old, new = _recipes(case, told, spec, change, rng)
            files = build(old, folder), build(new, folder)
        except (NotApplicable, NotBuildable):
            continue
        optional = frozenset((b, a) for a, b in change.optional) if told.backwards else change.optional
        return Prepared(case, name, old, new, files, optional)
    raise NotBuildable(f"nothing fitted {case.id}")


def _recipes(case: Case, told: Situation, spec: Spec, change: Change, rng: random.Random) -> tuple[Recipe, Recipe]:
    naming = "automatic" if case.naming == "shifted" else case.naming
    shifts = {"shifted": rng.choice(((0, 3), (2, 5), (3, 0))), "mixed": rng.choice(((0, 0), (0, 4)))}.get(
        case.naming, (0, 0)
    )
    specs = (change.spec, spec) if told.backwards else (spec, change.spec)
    kept = (
        frozenset(specs[0].listed()) & frozenset(specs[1].listed())
        if told.frozen and rng.random() < 0.7
        else frozenset()
    )
    seed = rng.randrange(1000)
    # A file that was never trained is as likely beside a re-initialised one as a trained one.
    first = (
        Plan(STATES[case.weights], seed + 1000, kept)
        if case.weights == "re-initialised" and seed % 2
        else Plan(TRAINED)
    )
    plans = first, Plan(STATES[case.weights], seed, kept)
    made = [
        Recipe(one, plan, naming, shift, writer, suffix)
        for one, plan, shift, writer, suffix in zip(specs, plans, shifts, told.writers, told.suffixes, strict=True)
    ]
    return made[0], made[1]
