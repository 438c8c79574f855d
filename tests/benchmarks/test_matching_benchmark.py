# The benchmark is code that judges code, so a few of its cases run with the tests: it must build what it says, know
# the truth about it, accept what nobody could decide and nothing more, and find modeldiff good.
from __future__ import annotations

from importlib.util import find_spec

import pytest
from benchmarks.matching.build import NotBuildable, Recipe, build
from benchmarks.matching.cases import SITUATIONS, Case, cases, prepare
from benchmarks.matching.observer import accepted
from benchmarks.matching.score import score
from benchmarks.matching.specs import Draft
from benchmarks.matching.timing import measure
from benchmarks.matching.truth import Truth

import modeldiff

needs_keras = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="models are built by Keras, which needs TensorFlow"
)

CASES = [
    Case("built-twice", 0, "mlp", "shifted", "re-initialised"),
    Case("inserted-near-input", 0, "cnn", "automatic", "fine-tuned"),
    Case("names-swapped", 0, "text-lstm", "explicit", "identical"),
    Case("class-swapped", 0, "text-gru", "shifted", "re-initialised"),
    Case("chain-extracted", 0, "custom", "mixed", "identical"),
    Case("sequential-functional", 0, "mlp", "explicit", "heavily-trained"),
    Case("combined", 1, "siamese", "explicit", "fine-tuned"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@needs_keras
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.situation)
def test_the_truth_knows_every_layer_of_both_files(case, folder):
    prepared = prepare(case, folder)
    truth = Truth.of(prepared)
    for built, side in zip(prepared.files, (truth.old, truth.new), strict=True):
        assert {path for path, _ in modeldiff.load(built.path).walk()} == set(side.ids)


@needs_keras
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.situation)
def test_modeldiff_pairs_the_layers_of_a_simple_case(case, folder):
    result = score(prepare(case, folder))
    assert result.is_right, result.faults


@needs_keras
def test_a_case_is_the_same_every_time(folder, tmp_path):
    one, two = (prepare(CASES[1], place) for place in (folder, tmp_path))
    assert (one.old, one.new) == (two.old, two.new)
    assert [built.weights for built in one.files] == [built.weights for built in two.files]


def pairings(naming, weights, folder):
    """The truth about a block copied behind an equal one, and the same pairing with the copy for the original."""
    case = Case("block-duplicated", 0, "text-gru", naming, weights)
    for number in range(20):
        prepared = prepare(Case(case.situation, number, case.architecture, naming, weights), folder)
        truth = Truth.of(prepared)
        other = {old: new + "+b" if new + "+b" in truth.new.nodes else new for old, new in truth.pairs.items()}
        if prepared.architecture == case.architecture and other != truth.pairs:
            return truth, other
    raise AssertionError


@needs_keras
def test_a_copy_of_a_block_is_as_good_as_the_block_where_nothing_tells_them_apart(folder):
    truth, other = pairings("shifted", "re-initialised", folder)
    assert accepted(truth, other) == other


@needs_keras
@pytest.mark.parametrize(("naming", "weights"), [("shifted", "identical"), ("shifted", "fine-tuned")])
def test_weights_tell_a_copy_of_a_block_from_the_block(naming, weights, folder):
    truth, other = pairings(naming, weights, folder)
    assert accepted(truth, other) == truth.pairs


@needs_keras
def test_leaving_layers_out_is_never_as_good_as_pairing_them(folder):
    truth, _ = pairings("shifted", "re-initialised", folder)
    assert accepted(truth, {}) == truth.pairs


def test_the_first_cases_cover_every_situation():
    assert {case.situation for case in cases(len(SITUATIONS))} == set(SITUATIONS)
    assert len({case.id for case in cases(450)}) == 450


@needs_keras
def test_what_keras_refuses_is_told_and_remembered(folder):
    draft = Draft()
    x = draft.input("x", 4)
    narrow = draft.add("narrow", "Dense", x, units=3)
    recipe = Recipe(draft.spec(draft.add("sum", "Add", x, narrow)))
    for _ in range(2):
        with pytest.raises(NotBuildable, match="shape"):
            build(recipe, folder)


@pytest.mark.parametrize("pair", ["chosen names", "counted names"])
def test_pairing_without_weights_grows_little_faster_than_the_model(pair):
    small, large = (measure(pair, layers, times=2) for layers in (500, 2000))
    assert large.paired == large.layers - 7
    assert large.ratio < 8 * max(small.ratio, 10), "pairing is far from linear"


@pytest.mark.parametrize("pair", ["all alike", "from scratch", "unrelated", "unlike"])
def test_no_pair_takes_much_longer_than_reading_it(pair):
    # 1000 layers, in times of reading their JSON: two builds of one net take 30, these 60 to 240 with nothing beside; twice
    # that leaves room for a busy machine. The usual pair is no measure: it was made faster, and the others with it, but less.
    assert measure(pair, 1000, times=2).ratio < 500
