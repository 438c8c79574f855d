# The samples are what the README shows and what people try first: each folder must show its kind of change and
# nothing else, and the committed files must be what the script makes.
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modeldiff import Kind, compare, load
from modeldiff.changes import is_incidental

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PAIRS = sorted(path.parent.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("**/old.h5"))
LARGER = {
    "tutorial/sequential": {"config-changed", "weight-changed"},
    "tutorial/functional": {"config-changed", "weight-reshaped"},
    "tutorial/subclassed": {"weight-changed"},
    "pull-request": {
        "layer-added",
        "layer-renamed",
        "interface-changed",
        "config-changed",
        "weight-reshaped",
        "weight-changed",
        "metadata-changed",
    },
}


def diff_of(pair):
    return compare(load(SAMPLES / pair / "old.h5"), load(SAMPLES / pair / "new.h5"))


def test_there_is_one_pair_per_kind():
    assert set(PAIRS) == {kind.value for kind in Kind} | set(LARGER)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_shows_its_kind_and_nothing_else(pair):
    found = {change.kind.value for change in diff_of(pair).changes if not is_incidental(change)}
    assert found == LARGER.get(pair, {pair})


def test_every_layer_of_the_pull_request_finds_its_partner():
    matching = diff_of("pull-request").matching
    added = [path[-1] for path in matching.added]
    assert matching.removed == ()
    assert len(added) == 7
    assert all(name.startswith("stage3_block2_") for name in added)
    renamed = {(match.old[-1], match.new[-1]) for match in matching.matches if match.old != match.new}
    assert renamed == {("conv0", "stem"), ("conv0_bn", "stem_bn"), ("conv0_relu", "stem_relu")}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    script = SAMPLES / "make_samples.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize("pair", PAIRS)
def test_the_script_makes_the_committed_files(pair, side, rebuilt):
    diff = compare(load(SAMPLES / pair / f"{side}.h5"), load(rebuilt / pair / f"{side}.h5"))
    # Python 3.10 gets an older Keras than the one that wrote the committed files.
    assert [change for change in diff.changes if getattr(change, "key", "") != "keras_version"] == []
