"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from contract import parse

from modeldiff.cli import main
from modeldiff.graph import Fact

ROOT = Path(__file__).parents[1]
PAIR = [f"samples/pull-request/{side}.h5" for side in ("old", "new")]
SAME = [PAIR[0], PAIR[0]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def test_two_files_are_compared_on_standard_output(run: Run) -> None:
    status, out, err = run(*PAIR)
    assert (status, err) == (0, "")
    assert "Interface changed: " in out
    assert "\x1b" not in out


def test_one_file_is_described(run: Run) -> None:
    status, out, _ = run(PAIR[0])
    assert status == 0
    assert "parameters" in out


@pytest.mark.parametrize("suffix", ["html", "svg", "json", "md", "txt", "dot"])
def test_the_suffix_picks_the_format_and_standard_output_stays_empty(run: Run, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    status, out, err = run(*PAIR, "-o", str(target))
    assert (status, out) == (0, "")
    assert "Interface changed" in err
    assert target.stat().st_size > 500
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_several_outputs_come_from_one_run(run: Run, tmp_path: Path) -> None:
    targets = [tmp_path / "c.md", tmp_path / "d.json"]
    run(*PAIR, *(argument for target in targets for argument in ("-o", str(target))))
    parse(targets[1].read_text(encoding="utf-8"))
    assert targets[0].read_text(encoding="utf-8").startswith("<!-- modeldiff:")


def test_a_dash_is_standard_output(run: Run) -> None:
    status, out, _ = run(*PAIR, "-o", "-", "--format", "json")
    assert status == 0
    assert parse(out)["tool"]["name"] == "modeldiff"


def test_quiet_says_nothing(run: Run, tmp_path: Path) -> None:
    assert run(*PAIR, "-q", "-o", str(tmp_path / "x.json")) == (0, "", "")
    assert run(*PAIR, "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("files", "policy", "expected"),
    [
        (PAIR, ["--exit-code"], 1),
        (PAIR, ["--fail-on", "interface"], 1),
        (PAIR, ["--fail-on", "layer-removed"], 0),
        (PAIR, ["--fail-on", "layer-removed,layer-added"], 1),
        (SAME, ["--exit-code"], 0),
        (SAME, ["--fail-on", "cosmetic"], 0),
        (["samples/layer-renamed/old.h5", "samples/layer-renamed/new.h5"], ["--fail-on", "functional"], 0),
        (["samples/layer-renamed/old.h5", "samples/layer-renamed/new.h5"], ["--fail-on", "any"], 1),
    ],
)
def test_a_policy_decides_the_exit_status(run: Run, files: list[str], policy: list[str], expected: int) -> None:
    status, _, err = run(*files, "-q", *policy)
    assert status == expected
    assert bool(err) == bool(expected)


def test_what_meets_a_policy_is_told_where_it_is_and_the_rest_counted(run: Run) -> None:
    _, _, err = run(*PAIR, "-q", "--fail-on", "layer-added", "--fail-on", "any")
    lines = err.splitlines()
    assert all(line.startswith("modeldiff: --fail-on ") for line in lines)
    assert sum(line.startswith("modeldiff: --fail-on any: ") for line in lines) == 10
    assert re.fullmatch(r"modeldiff: --fail-on any: and \d+ more", lines[-1])
    assert any(re.match(r"modeldiff: --fail-on layer-added: \S+: added, \w+", line) for line in lines)


def test_help_lists_every_fact(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    assert [fact.value for fact in Fact if fact.value not in out] == []


@pytest.mark.parametrize(("columns", "widest"), [("", 100), ("60", 60), ("1", 40), ("no", 100), ("٣٣٣", 100)])
def test_a_pipe_is_as_wide_as_columns_says(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: str, widest: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = run(*PAIR)
    assert widest - 20 < max(map(len, out.splitlines())) <= widest


def test_without_weights_no_value_is_told(run: Run) -> None:
    _, out, _ = run(*PAIR, "--no-weights", "-o", "-", "--format", "json")
    data = parse(out)
    assert "weight-changed" not in data["counts"]
    assert "layer-added" in data["counts"]


def test_a_tolerance_hides_what_is_within_it(run: Run) -> None:
    _, out, _ = run(*PAIR, "--atol", "1000", "-o", "-", "--format", "json")
    assert "weight-changed" not in parse(out)["counts"]


def test_a_pinned_pair_is_followed(run: Run, tmp_path: Path) -> None:
    pair = ["samples/layer-renamed/old.h5", "samples/layer-renamed/new.h5"]
    _, out, _ = run(*pair, "-o", "-", "--format", "json")
    layers = [layer for layer in parse(out)["layers"] if layer["class_name"]["old"] == "Dense"]
    wrong = (layers[0]["old"], layers[1]["new"])
    _, out, _ = run(*pair, "--map", "=".join(wrong), "-o", "-", "--format", "json")
    pinned = {(layer["old"], layer["new"]): layer["match"] for layer in parse(out)["layers"]}
    assert pinned[wrong] == {"evidence": "user", "score": 1.0}
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps(dict([wrong])), encoding="utf-8")
    _, out, _ = run(*pair, "--map", str(mapping), "-o", "-", "--format", "json")
    assert wrong in {(layer["old"], layer["new"]) for layer in parse(out)["layers"]}


def test_digests_are_written_for_one_model(run: Run) -> None:
    _, out, _ = run(PAIR[0], "--digests", "-o", "-", "--format", "json")
    weights = [weight for layer in parse(out)["layers"] for weight in layer["weights"]]
    assert weights
    assert all(weight["digest"].startswith("sha256:") for weight in weights)


def test_verbose_says_what_it_does_on_standard_error(run: Run) -> None:
    _, out, err = run(*PAIR, "-v", "-o", "-", "--format", "md")
    assert "reading samples/pull-request/old.h5" in err
    assert "reading" not in out


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modeldiff", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("modeldiff 0.")


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = [sys.executable, "-m", "modeldiff", *PAIR, "-o", "-", "--format", "html"]  # more than a pipe holds
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")


def test_a_result_never_overwrites_a_model_or_another_result(run: Run, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    shutil.copy(ROOT / PAIR[0], model)
    before = model.read_bytes()
    status, _, err = run(str(model), "-o", str(model))
    assert (status, model.read_bytes()) == (2, before)
    assert "overwrite" in err
    status, _, err = run(*PAIR, "-o", str(tmp_path / "x.md"), "-o", str(tmp_path / "." / "x.md"))
    assert status == 2
    assert not (tmp_path / "x.md").exists()


def test_a_result_goes_through_a_link_and_keeps_its_rights(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "real.md"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    (tmp_path / "link.md").symlink_to(target)
    assert run(*PAIR, "-o", str(tmp_path / "link.md"))[0] == 0
    assert (tmp_path / "link.md").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.read_text(encoding="utf-8").startswith("<!-- modeldiff")


def test_options_may_stand_between_the_files(run: Run) -> None:
    status, out, _ = run(PAIR[0], "-o", "-", "--format", "md", PAIR[1])
    assert status == 0
    assert "Interface changed" in out


@pytest.mark.parametrize("content", ['["ab"]', "3", '{"a": 1}', "[" * 100_000, "not json", '[["a"]]'])
def test_a_map_that_is_no_map_is_refused(run: Run, tmp_path: Path, content: str) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text(content, encoding="utf-8")
    status, out, err = run(*PAIR, "--map", str(mapping))
    assert (status, out) == (2, "")
    assert "map.json" in err


def test_an_empty_policy_is_refused_and_a_format_alone_goes_to_standard_output(run: Run) -> None:
    assert run(*PAIR, "--fail-on", "")[0] == 2
    status, out, _ = run(*PAIR, "--format", "json")
    assert status == 0
    assert parse(out)["verdict"]["impact"] == "interface"


@pytest.mark.parametrize("redirect", ["> /dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_trouble(redirect: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m modeldiff {' '.join(PAIR)} {redirect}"
    done = subprocess.run(command, cwd=ROOT, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "standard output" in done.stderr


def test_one_model_is_read_unless_told_otherwise(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def weights(*arguments: str) -> list[dict[str, object]]:
        _, out, _ = run(PAIR[0], *arguments, "-o", "-", "--format", "json")
        return [weight for layer in parse(out)["layers"] for weight in layer["weights"]]

    assert all("stats" in weight for weight in weights())
    assert all("stats" not in weight for weight in weights("--no-weights"))
    _, out, _ = run(PAIR[0], "--no-weights")
    assert "The values of the weights were not read" in out
    _, out, _ = run(PAIR[0])
    assert "not read" not in out
