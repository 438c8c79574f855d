"""The action for GitHub and the jobs that the README shows: valid, and what their shell lines do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
BIN = Path(sys.executable).parent
SCHEMAS = {
    ".github/workflows/modeldiff.yml": "vendor.github-workflows",
    ".github/workflows/modeldiff-comment.yml": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
}


def shown():
    """The YAML files of the README, by the name in their first line."""
    blocks = re.findall(
        r"^```yaml\n# (\S+)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return dict(blocks)


def lint(schema, *files):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_one():
    lint("vendor.github-actions", ACTION)


def test_the_readme_shows_every_job(tmp_path):
    assert shown().keys() == SCHEMAS.keys()
    for name, text in shown().items():
        file = tmp_path / Path(name).name
        file.write_text(text, encoding="utf-8")
        lint(SCHEMAS[name], file)
        if SCHEMAS[name] == "vendor.github-workflows" and shutil.which("actionlint"):
            done = subprocess.run(["actionlint", file], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


def test_no_job_that_reads_models_may_write_where_forks_are_reviewed():
    review, comment = (yaml.safe_load(shown()[f".github/workflows/modeldiff{part}.yml"]) for part in ("", "-comment"))
    assert comment[True] == {"workflow_run": {"workflows": [review["name"]], "types": ["completed"]}}  # YAML's `on`
    steps = [step for job in comment["jobs"].values() for step in job["steps"]]
    assert not any("checkout" in step.get("uses", "") for step in steps)
    assert "review" not in "".join(step.get("run", "") for step in steps)


def test_no_input_is_text_of_a_script():
    scripts = [
        step["run"] for step in yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"] if "run" in step
    ]
    assert scripts
    for script in scripts:
        assert "${{" not in script


@pytest.fixture
def step(work, tmp_path):
    """Runs one step of the action with its inputs, in a repository whose last commit changes a model."""
    work.put("m.h5", "weight-changed")
    base = work.commit()
    work.put("m.h5", "weight-changed", "new")
    head = work.commit("two")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 1, "base": {"sha": base}, "head": {"sha": head}}}))
    programs = tmp_path / "modeldiff" / "bin"
    programs.mkdir(parents=True)
    (programs / "git-modeldiff").symlink_to(BIN / "git-modeldiff")
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]

    def run(name, **inputs):
        (script,) = (step["run"] for step in steps if step["name"] == name)
        job = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(event), "GITHUB_OUTPUT": str(tmp_path / "outputs")}
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=work.top,
            env={**os.environ, **job, "RUNNER_TEMP": str(tmp_path), **inputs},
            capture_output=True,
            text=True,
            check=False,
        )

    run.outputs = tmp_path / "outputs"
    run.top = work.top
    return run


def test_the_action_compares_what_the_event_names(step):
    done = step("Compare models", REVISIONS="", FAIL_ON="")
    assert done.returncode == 0, done.stderr
    assert "models=1" in step.outputs.read_text(encoding="utf-8")
    assert {"comment.md", "report.html", "diff.json"} <= {
        file.name for file in (step.top / "modeldiff-report").iterdir()
    }


def test_the_action_hands_on_policy_and_revisions(step):
    done = step("Compare models", REVISIONS="HEAD~1...HEAD", FAIL_ON="numeric")
    assert done.returncode == 1, done.stderr
    assert "--fail-on numeric" in done.stderr


def test_the_action_comments_what_it_wrote(step):
    step("Compare models", REVISIONS="", FAIL_ON="")
    done = step("Comment", FOLDER="modeldiff-report", REPORT_URL="", GITHUB_TOKEN="")
    assert done.returncode == 2
    assert "GITHUB_TOKEN is not set" in done.stderr
