"""What a job of continuous integration writes, from real repositories."""

from __future__ import annotations

import json

import pytest
from contract import parse

from modeldiff.git.forge import MARKER, QUIET
from modeldiff.renderer.markdown import BUDGET


@pytest.fixture
def pull(work):
    """A branch that changes one model, adds one and deletes one."""
    work.put("models/m.h5", "weight-changed")
    work.put("models/gone.h5", "pull-request")
    work.base = work.commit()
    work.git("checkout", "--quiet", "-b", "change")
    work.put("models/m.h5", "weight-changed", "new")
    work.put("models/more.h5", "layer-renamed")
    (work.top / "models/gone.h5").unlink()
    work.head = work.commit("two")
    return work


def one_change(work, sample="weight-changed"):
    work.put("m.h5", sample)
    work.base = work.commit()
    work.put("m.h5", sample, "new")
    work.head = work.commit("two")
    return work


def read(work, name, folder="out"):
    return (work.top / folder / name).read_text(encoding="utf-8")


def event(work, tmp_path, monkeypatch, **payload):
    """A job of GitHub with this event."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(payload), encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))


def of_pull(work):
    return {"pull_request": {"number": 7, "base": {"sha": work.base}, "head": {"sha": work.head}}}


def test_one_model_gives_a_comment_a_report_and_data(work):
    one_change(work)
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out")
    comment = read(work, "comment.md")
    assert comment.startswith(f"{MARKER}\n### `m.h5`\n")
    assert "**Weights only: " in comment
    assert "<title>Weights only: " in read(work, "report.html")
    assert sorted(file.name for file in (work.top / "out").iterdir()) == ["comment.md", "diff.json", "report.html"]
    data = json.loads(read(work, "diff.json"))
    assert (data["base"], data["head"]) == (work.base, work.head)
    (one,) = data["models"]
    assert (one["path"], one["status"], one["trouble"]) == ("m.h5", "modified", False)
    parse(json.dumps(one["diff"]))


def test_one_file_that_is_no_model_is_listed_alone(work):
    work.data("m.h5", 1)
    work.commit()
    work.data("m.h5", 2)
    work.commit("two")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out")
    assert "not a Keras model" in read(work, "report.html")
    assert sorted(file.name for file in (work.top / "out").iterdir()) == ["comment.md", "diff.json", "report.html"]


def test_several_models_are_listed_in_one_comment_and_one_report(pull):
    pull.modeldiff("review", "main...change", "-o", "out")
    comment = read(pull, "comment.md")
    assert "**3 model files changed**" in comment
    for path in ("models/m.h5", "models/more.h5 (added)", "models/gone.h5 (deleted)"):
        assert f"### `{path}`" in comment
        assert path.partition(" ")[0] in read(pull, "report.html")
    assert [one["status"] for one in json.loads(read(pull, "diff.json"))["models"]] == ["deleted", "modified", "added"]


def test_nothing_changed_is_said_quietly(work):
    work.put("m.h5", "weight-changed")
    work.commit()
    (work.top / "README").write_text("x")
    work.commit("two")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out")
    assert read(work, "comment.md").startswith(f"{MARKER}\n{QUIET}\n")
    assert json.loads(read(work, "diff.json"))["models"] == []


def test_a_comment_stays_within_its_budget_however_many_models_change(work):
    for number in range(40):
        work.put(f"models/{'long' * 40}{number}.h5", "pull-request")
    work.commit()
    for number in range(40):
        work.put(f"models/{'long' * 40}{number}.h5", "pull-request", "new")
    work.commit("two")
    work.modeldiff("review", "HEAD~1...HEAD", "--no-weights", "-o", "out")
    comment = read(work, "comment.md")
    assert len(comment) <= BUDGET
    assert comment.count("### ") == 40


def test_a_job_of_github_finds_its_commits_and_says_what_it_found(pull, tmp_path, monkeypatch):
    event(pull, tmp_path, monkeypatch, **of_pull(pull))
    pull.modeldiff("review", "-o", "out")
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert "**3 model files changed**" in summary
    assert MARKER not in summary
    outputs = (tmp_path / "GITHUB_OUTPUT").read_text(encoding="utf-8").splitlines()
    assert outputs == ["models=3", "violations=0", "folder=out", "report=out/report.html"]
    assert "::warning file=" not in pull.err or "models/m.h5" in pull.err


def test_a_full_summary_is_left_as_it_is(work, tmp_path, monkeypatch):
    one_change(work)
    event(work, tmp_path, monkeypatch, **of_pull(work))
    summary = tmp_path / "GITHUB_STEP_SUMMARY"
    summary.write_bytes(b"x" * (1024 * 1024 - 10))
    work.modeldiff("review", "-o", "out")
    assert summary.stat().st_size == 1024 * 1024 - 10


def test_a_job_of_gitlab_finds_its_commits(work, monkeypatch):
    one_change(work)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", work.base)
    monkeypatch.setenv("CI_COMMIT_SHA", work.head)
    work.modeldiff("review", "-o", "out")
    assert json.loads(read(work, "diff.json"))["base"] == work.base


def test_what_a_shallow_clone_lacks_is_brought(pull, tmp_path, monkeypatch):
    pull.git("checkout", "--quiet", "main")
    (pull.top / "later").write_text("x")
    base = pull.commit("later on main")
    pull.git("config", "uploadpack.allowFilter", "true")
    pull.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "clone"
    pull.git("clone", "--quiet", "--depth=1", "--branch=change", f"file://{pull.top}", clone)
    payload = of_pull(pull)
    payload["pull_request"]["base"]["sha"] = base
    event(pull, tmp_path, monkeypatch, **payload)
    pull.modeldiff("review", "-o", "out", folder=clone)
    data = json.loads((clone / "out/diff.json").read_text(encoding="utf-8"))
    assert data["base"] == pull.base  # where the branch left, not where main is now
    assert len(data["models"]) == 3


def test_a_policy_is_that_of_the_base(work):
    (work.top / "pyproject.toml").write_text('[tool.modeldiff]\nfail-on = ["numeric"]\n')
    one_change(work)
    work.git("checkout", "--quiet", "-b", "change")
    (work.top / "pyproject.toml").write_text('[tool.modeldiff]\nfail-on = []\nignore-layers = ["*"]\n')
    work.commit("loosen the rules")
    work.modeldiff("review", "HEAD~2...HEAD", "-o", "out", status=1)
    assert "--fail-on numeric: " in work.err
    (one,) = json.loads(read(work, "diff.json"))["models"]
    assert one["violations"]
    assert one["diff"]["ignored"] == [] or not one["diff"]["ignored"]
    assert "✗ numeric" in read(work, "comment.md")
    work.modeldiff("review", "HEAD~2...HEAD", "-o", "out", "--no-config")


def test_settings_that_are_wrong_name_file_and_commit(work):
    (work.top / "pyproject.toml").write_text("[tool.modeldiff]\nfail-om = []\n")
    one_change(work)
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", status=2)
    assert f"pyproject.toml ({work.base[:10]})" in work.err
    assert "fail-on" in work.err


def test_violations_are_errors_beside_the_file(work, tmp_path, monkeypatch):
    one_change(work)
    event(work, tmp_path, monkeypatch, **of_pull(work))
    work.modeldiff("review", "-o", "out", "--fail-on", "numeric", status=1)
    assert "::error file=m.h5,title=modeldiff --fail-on numeric::" in work.err


def test_a_model_that_cannot_be_read_is_trouble_and_the_others_are_told(pull):
    whole = (pull.top / "models/more.h5").read_bytes()
    (pull.top / "models/more.h5").write_bytes(whole[: len(whole) // 2])
    pull.commit("damaged")
    pull.modeldiff("review", "main...change", "-o", "out", status=2)
    statuses = {one["path"]: one["trouble"] for one in json.loads(read(pull, "diff.json"))["models"]}
    assert statuses == {"models/m.h5": False, "models/gone.h5": False, "models/more.h5": True}
    assert "cannot read" in read(pull, "comment.md")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"pull_request": {"base": {"sha": "main"}, "head": {"sha": "--upload-pack=x"}}},
        {"pull_request": []},
        {"before": "0" * 40, "after": "1" * 40},
    ],
)
def test_an_event_that_names_no_commits_is_trouble(work, tmp_path, monkeypatch, payload):
    one_change(work)
    event(work, tmp_path, monkeypatch, **payload)
    work.modeldiff("review", "-o", "out", status=2)
    assert "git modeldiff review BASE...HEAD" in work.err
    assert not (work.top / "out").exists()


def test_outside_a_job_the_commits_must_be_named(work):
    one_change(work)
    work.modeldiff("review", status=2)
    assert "BASE...HEAD" in work.err


def test_hostile_names_stay_names(work, tmp_path, monkeypatch):
    name = "a`|<b>&\n::error::x.h5"
    work.put(name, "weight-changed")
    work.base = work.commit()
    work.put(name, "weight-changed", "new")
    work.put("other.h5", "weight-changed")
    work.head = work.commit("two")
    event(work, tmp_path, monkeypatch, **of_pull(work))
    work.modeldiff("review", "-o", "out", "--fail-on", "numeric", status=1)
    assert not any(line.startswith("::error::") for line in work.err.splitlines())
    assert "\n::error" not in read(work, "comment.md")
    assert not [file for file in (work.top / "out").iterdir() if "\n" in file.name]
    assert (work.top / "out/report.html").exists()


@pytest.mark.parametrize("becomes", ["bytes", "link"])
def test_a_policy_is_no_way_out_for_what_was_a_model(work, becomes):
    work.put("m.h5", "weight-changed")
    work.commit()
    (work.top / "m.h5").unlink()
    if becomes == "bytes":
        (work.top / "m.h5").write_bytes(b"no model any more")
    else:
        (work.top / "m.h5").symlink_to("elsewhere")
    work.commit("two")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", "--fail-on", "interface", status=2)
    (one,) = json.loads(read(work, "diff.json"))["models"]
    assert one["sentence"].endswith(", so that --fail-on cannot be judged")


def test_data_that_never_was_a_model_meets_no_policy(work):
    for number in (1, 2):
        work.data("d.h5", number)
        work.commit(str(number))
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", "--fail-on", "any")


def test_an_added_model_is_judged_by_what_it_holds(work):
    (work.top / "readme").write_text("x")
    work.commit()
    work.put("new.h5", "weight-added")
    work.commit("two")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", "--fail-on", "numeric,layer-added,frozen-moved,params>+5%")
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", "--fail-on", "params>10", status=1)
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", "--fail-on", "code", status=1)
    assert "--fail-on code: " in work.err


def test_the_settings_of_the_working_tree_hold_where_nobody_is_judged(work):
    one_change(work)
    (work.top / "pyproject.toml").write_text("[tool.modeldiff]\natol = 1000.0\n")
    assert "within the tolerance" in work.modeldiff("HEAD~1", "HEAD")
    assert "within the tolerance" not in work.modeldiff("HEAD~1", "HEAD", "--no-config")


def test_a_whole_clone_stays_whole(pull, tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    pull.git("clone", "--quiet", f"file://{pull.top}", clone)
    pull.git("checkout", "--quiet", "main")
    (pull.top / "later").write_text("x")
    payload = of_pull(pull)
    payload["pull_request"]["base"]["sha"] = pull.commit("later on main")
    pull.git("config", "uploadpack.allowAnySHA1InWant", "true")
    event(pull, tmp_path, monkeypatch, **payload)
    pull.modeldiff("review", "-o", "out", folder=clone)
    assert pull.git("rev-parse", "--is-shallow-repository", folder=clone).strip() == "false"
    pull.git("config", "--get", "remote.origin.promisor", folder=clone, status=1)
    assert json.loads((clone / "out/diff.json").read_text(encoding="utf-8"))["base"] == pull.base


@pytest.mark.parametrize("where", ["settings", "option"])
def test_a_policy_that_names_nothing_is_refused(work, where):
    if where == "settings":
        (work.top / "pyproject.toml").write_text('[tool.modeldiff]\nfail-on = [" "]\n')
    one_change(work)
    work.modeldiff("review", "HEAD~1...HEAD", "-o", "out", *(["--fail-on", " "] * (where == "option")), status=2)
    assert ("pyproject.toml" in work.err and "fail-on must be" in work.err) or "--fail-on: no policy" in work.err
