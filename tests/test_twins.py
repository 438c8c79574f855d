# Files with the same bytes are read once: what is told must be what reading both tells, and a byte must be enough to
# tell two files apart, wherever it stands.
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from modeldiff import cli, twins
from modeldiff.loader import load, load_pair
from modeldiff.twins import SAME, Answer, compare_bytes

ROOT = Path(__file__).parents[1]
OLD, NEW = (ROOT / "samples" / "pull-request" / f"{side}.h5" for side in ("old", "new"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the command forks only where the system can")


def are_same(one: Path, other: Path) -> bool:
    return b"".join(compare_bytes(str(one), str(other))).endswith(SAME)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of several steps, the last one short."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(3 * (1 << 20) + 17)
    return path


@pytest.mark.parametrize("place", [0, 1, (1 << 20) - 1, 1 << 20, 3 << 20, 3 * (1 << 20) + 16])
def test_one_byte_tells_files_apart(large: Path, tmp_path: Path, place: int) -> None:
    other = Path(shutil.copy(large, tmp_path / "other"))
    assert are_same(large, other)
    with other.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    assert not are_same(large, other)


def test_what_is_no_file_of_the_same_size_is_not_read(large: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    longer.write_bytes(large.read_bytes() + b"\0")
    empty = tmp_path / "empty"
    empty.touch()
    assert are_same(large, large)
    assert not are_same(large, longer)
    assert not are_same(empty, empty)
    assert not are_same(Path(os.devnull), Path(os.devnull))


def test_words_come_as_the_work_goes_on(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "STEP", 1 << 20)
    other = Path(shutil.copy(large, large.with_name("other")))
    assert list(compare_bytes(str(large), str(other))) == [b"."] * 4 + [SAME]


def test_a_twin_is_the_old_model_under_its_own_name(tmp_path: Path) -> None:
    copy = shutil.copy(OLD, tmp_path / "copy.h5")
    old, new = load_pair(OLD, copy, is_same=lambda: True)
    assert new.graph is old.graph
    assert (old.path, new.path) == (str(OLD), str(copy))
    assert load_pair(OLD, NEW, is_same=lambda: False)[1].path == load(NEW).path


@pytest.mark.parametrize(
    ("heard", "likely", "sure"),
    [
        ([b""], False, False),
        ([b"..", b""], False, False),
        ([b".=", b""], True, True),
        ([b".", None, b".=", b""], True, True),
        ([b".", None, b".", None, b""], True, False),
        ([None, None, b"=", b""], True, True),
    ],
)
def test_what_holds_so_far_is_believed_and_asked_for_at_the_end(
    heard: list[bytes | None], *, likely: bool, sure: bool
) -> None:
    answer = Answer(lambda _: heard.pop(0))
    seen: list[tuple[int, int]] = []
    assert answer.is_likely() is answer.is_believed is likely
    assert answer.is_sure(100, lambda done, total: seen.append((done, total))) is sure
    assert set(seen) <= {(0, 100), (100, 100)}


def test_files_that_differ_at_their_end_are_read_after_all(tmp_path: Path) -> None:
    """The answer comes late: the work was begun as if they were the same."""
    plan = "import sys, time\nfrom modeldiff import cli, twins\ncompare = twins.compare_bytes\n"
    plan += "def late(old, new):\n    time.sleep(2)\n    yield from compare(old, new)\n"
    plan += "twins.compare_bytes = late\nsys.exit(cli.main())"
    changed = Path(shutil.copy(OLD, tmp_path / "changed.h5"))
    with h5py.File(changed, "r+") as file:
        found: list[h5py.Dataset] = []
        file["model_weights"].visititems(lambda _, one: found.append(one) if isinstance(one, h5py.Dataset) else None)
        found[-1][...] = found[-1][...] + 1
    assert changed.stat().st_size == OLD.stat().st_size
    line = [sys.executable, "-c", plan, str(OLD), str(changed), "-o", str(tmp_path / "one.json"), "-v"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True, cwd=ROOT)
    assert done.stderr.count("comparing") == 2
    assert cli.main([str(OLD), str(changed), "-o", str(tmp_path / "two.json"), "-q"]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert '"weight-changed"' in (tmp_path / "one.json").read_text(encoding="utf-8")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "modeldiff", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("options", [[], ["--no-weights"], ["--exit-code", "--rtol", "0.1"]])
@pytest.mark.parametrize("sample", sorted((ROOT / "samples").glob("*/old.*")), ids=lambda path: path.parent.name)
def test_the_command_tells_of_a_copy_what_reading_both_tells(sample: Path, tmp_path: Path, options: list[str]) -> None:
    copy = shutil.copy(sample, tmp_path / f"copy{sample.suffix}")
    done = command(sample, copy, "-o", tmp_path / "one.json", *options)
    assert done.returncode == 0, done.stderr
    assert cli.main([str(sample), str(copy), "-o", str(tmp_path / "two.json"), "-q", *options]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_copy_that_is_no_model_is_told_as_ever(tmp_path: Path) -> None:
    one, other = tmp_path / "one.h5", tmp_path / "other.h5"
    for path in (one, other):
        path.write_bytes(b"no model")
    done = command(one, other)
    assert done.returncode == 2
    assert done.stderr.startswith(f"modeldiff: {one}: ")
