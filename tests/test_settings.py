# One pyproject.toml and nothing else: found upward to the root of the repository, refused with file and key.
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from contract import parse

from modeldiff import settings
from modeldiff.cli import main
from modeldiff.errors import ModelDiffError, UsageError

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FUNCTIONAL = [str(SAMPLES / "config-changed" / f"{side}.h5") for side in ("old", "new")]
PULL_REQUEST = [str(SAMPLES / "pull-request" / f"{side}.h5") for side in ("old", "new")]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def configure(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def table(**keys):
    return "[tool.modeldiff]\n" + "".join(
        f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in keys.items()
    )


# --- finding ------------------------------------------------------------------------------------------------------


def test_all_keys(repository):
    configure(repository, table(fail_on=["any"], rtol=0.5, atol=1, no_weights=True, ignore_layers=["a*"], ignore_keys=["b"])
              + '[tool.modeldiff.map]\n"old/a" = "new/a"\n')  # fmt: skip
    assert settings.find() == settings.Settings(
        "pyproject.toml", ("any",), 0.5, 1.0, True, (("old/a", "new/a"),), ("a*",), ("b",)
    )


def test_the_nearest_table_up_to_the_root_of_the_repository(repository, monkeypatch):
    configure(repository.parent, table(rtol=3))
    configure(repository, table(rtol=2))
    configure(repository / "deep", "[project]\nname = 'other'\n")
    monkeypatch.chdir(repository / "deep")
    assert (settings.find().rtol, settings.find().origin) == (2.0, str(Path("..") / "pyproject.toml"))
    configure(repository / "deep", table(rtol=1))
    assert settings.find().rtol == 1.0
    (repository / "pyproject.toml").unlink()
    monkeypatch.chdir(repository)
    assert settings.find() == settings.Settings()


def test_a_worktree_has_a_file_called_git(repository, monkeypatch):
    (repository / "tree" / "deep").mkdir(parents=True)
    (repository / "tree" / ".git").write_text("gitdir: elsewhere")
    configure(repository, table(rtol=1))
    monkeypatch.chdir(repository / "tree" / "deep")
    assert settings.find() == settings.Settings()


def test_outside_a_repository_only_the_current_folder_counts(tmp_path, monkeypatch):
    configure(tmp_path, table(rtol=1))
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    if not any((folder / ".git").exists() for folder in tmp_path.parents):
        assert settings.find() == settings.Settings()
    monkeypatch.chdir(tmp_path)
    assert settings.find().rtol == 1.0


def test_what_is_no_file_or_says_nothing_of_modeldiff_is_passed_over(repository):
    (repository / "pyproject.toml").mkdir()
    assert settings.find() == settings.Settings()
    (repository / "pyproject.toml").rmdir()
    os.mkfifo(repository / "pyproject.toml")
    assert settings.find() == settings.Settings()
    (repository / "pyproject.toml").unlink()
    configure(repository, "this [is no TOML")
    assert settings.find() == settings.Settings()


# --- mistakes -----------------------------------------------------------------------------------------------------

WRONG = {
    "typo": ("fail-onn = 'any'", "did you mean 'fail-on'"),
    "unknown": ("zzz = 1", "there is no key 'zzz'"),
    "text for number": ("rtol = '1'", "rtol must be a number"),
    "negative": ("atol = -1", "atol must be a number of at least 0"),
    "infinite": ("atol = inf", "atol must be a number"),
    "flag for number": ("rtol = true", "rtol must be a number"),
    "number for flag": ("no-weights = 1", "no-weights must be true or false"),
    "text for list": ("ignore-layers = 'a'", "ignore-layers must be a list of texts"),
    "list of numbers": ("ignore-keys = ['a', 1]", "it holds 1"),
    "number for policy": ("fail-on = 1", "fail-on must be a text or a list of texts"),
    "policy of a blank": ("fail-on = [' ']", "it holds ' '"),
    "policy of nothing": ("fail-on = ''", "it holds ''"),
    "policy of a comma": ("fail-on = ['any', ' ,']", "it holds ' ,'"),
    "list for map": ("map = ['a=b']", "map must be a table"),
    "map of numbers": ("map = {a = 1}", "'a' is 1"),
    "underscore": ("ignore_keys = ['a']", "did you mean 'ignore-keys'"),
}


@pytest.mark.parametrize(("line", "told"), WRONG.values(), ids=WRONG)
def test_a_mistake_names_file_and_key(repository, line, told):
    configure(repository, f"[tool.modeldiff]\n{line}\n")
    with pytest.raises(UsageError, match=r"^pyproject.toml, \[tool.modeldiff\]: ") as error:
        settings.find()
    assert told in str(error.value)


HOSTILE = {
    "no TOML": "[tool.modeldiff",
    "cut off": "[tool.modeldiff]\nrtol = ",
    "deep list": "[tool.modeldiff]\nfail-on = " + "[" * 100_000,
    "deep table": "[tool.modeldiff]\nmap = " + "{a=" * 20_000,
    "deep key": "[tool.modeldiff]\n" + "a." * 20_000 + "a = 1",
    "deep quoted key": "[tool.modeldiff]\n" + "'a' . " * 20_000 + "a = 1",
    "deep header": "[tool.modeldiff]\n[" + "a." * 20_000 + "a]",
    "deep inline key": "[tool.modeldiff]\nmap = {" + "a." * 20_000 + "a = 1}",
    "one word": "[tool.modeldiff]\n" + "a" * 200_000,
    "quotes": "[tool.modeldiff]\n" + '"' * 200_001,
    "backslashes": '[tool.modeldiff]\nfail-on = "' + "\\" * 200_001,
    "huge": "[tool.modeldiff]\n#" + "x" * settings.LARGEST,
    "number beyond floats": "[tool.modeldiff]\nrtol = 1" + "0" * 4000,
    "hexadecimal": "[tool.modeldiff]\nrtol = 0x" + "f" * 100_000,
    "long number": "[tool.modeldiff]\nrtol = " + "9" * 100_000,
    "no table": "tool.modeldiff = 3",
    "twice": "[tool.modeldiff]\nrtol = 1\nrtol = 2",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_error_of_ours(repository, text, capsys):
    configure(repository, text)
    with pytest.raises(ModelDiffError, match=r"^pyproject\.toml"):
        settings.find()
    assert main([*FUNCTIONAL]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pyproject.toml" in err
    assert len(err) < 600
    assert main([*FUNCTIONAL, "--no-config", "-q"]) == 0


def test_bytes_that_are_no_text(repository):
    (repository / "pyproject.toml").write_bytes(b"[tool.modeldiff]\n# \xff\xfe")
    with pytest.raises(ModelDiffError, match=r"^pyproject\.toml"):
        settings.find()


# --- what they do -------------------------------------------------------------------------------------------------


def run(capsys, *arguments):
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


def test_a_policy_of_the_repository_and_that_of_the_command_line(repository, capsys):
    configure(repository, table(fail_on=["functional", "params>+50%"]))
    assert run(capsys, *FUNCTIONAL, "-q")[0] == 1
    assert run(capsys, *FUNCTIONAL, "-q", "--fail-on", "interface")[0] == 0
    assert run(capsys, *FUNCTIONAL, "-q", "--no-config")[0] == 0
    assert run(capsys, FUNCTIONAL[0], "-q")[0] == 0


def test_a_wrong_policy_names_the_file(repository, capsys):
    configure(repository, table(fail_on="functionall"))
    status, _, err = run(capsys, *FUNCTIONAL)
    assert status == 2
    assert "pyproject.toml, fail-on: nothing is called 'functionall'" in err


def test_values_are_left_out_by_settings_unless_asked_for(repository, capsys):
    configure(repository, table(no_weights=True))
    json_ = ("-o", "-", "--format", "json")
    assert "weight-changed" not in parse(run(capsys, *PULL_REQUEST, *json_)[1])["counts"]
    assert "weight-changed" in parse(run(capsys, *PULL_REQUEST, *json_, "--weights")[1])["counts"]
    assert run(capsys, *PULL_REQUEST, "--rtol", "1")[0] == 2
    status, _, err = run(capsys, *PULL_REQUEST, "--fail-on", "broken")
    assert status == 2
    assert "no-weights in pyproject.toml" in err


def test_a_tolerance_of_the_settings(repository, capsys):
    configure(repository, table(atol=1000))
    json_ = ("-o", "-", "--format", "json")
    assert "weight-changed" not in parse(run(capsys, *PULL_REQUEST, *json_)[1])["counts"]
    assert "weight-changed" in parse(run(capsys, *PULL_REQUEST, *json_, "--atol", "0")[1])["counts"]


def test_pairs_of_the_settings_hold_where_both_models_have_them(repository, capsys):
    renamed = [str(SAMPLES / "layer-renamed" / f"{side}.h5") for side in ("old", "new")]
    status, out, _ = run(capsys, *renamed, "-o", "-", "--format", "json")
    dense = [layer for layer in parse(out)["layers"] if layer["class_name"]["old"] == "Dense"]
    wrong = dense[0]["old"], dense[1]["new"]
    configure(repository, f'[tool.modeldiff.map]\n"{wrong[0]}" = "{wrong[1]}"\n"no/such" = "{wrong[1]}"\n')
    status, out, _ = run(capsys, *renamed, "-o", "-", "--format", "json")
    assert status == 0
    assert {
        (layer["old"], layer["new"])
        for layer in parse(out)["layers"]
        if layer["match"] and layer["match"]["evidence"] == "user"
    } == {wrong}
    assert run(capsys, *FUNCTIONAL, "-q")[0] == 0


def test_what_is_ignored_is_one_visible_line_and_counts_nowhere(repository, capsys):
    _, out, _ = run(capsys, *FUNCTIONAL, "-o", "-", "--format", "json")
    (change,) = parse(out)["changes"]
    configure(repository, table(ignore_keys=[change["key"]], fail_on="any"))
    status, out, _ = run(capsys, *FUNCTIONAL, "-o", "-", "--format", "json")
    data = parse(out)
    assert status == 0
    assert (data["changes"], data["counts"], data["verdict"]["impact"]) == ([], {}, None)
    assert data["verdict"] == {"impact": None, "identical": False, "sentence": "No difference beside what is ignored"}
    assert data["ignored"] == [{"subject": "key", "pattern": change["key"], "facts": 1}]
    for form in ("txt", "md", "html"):
        _, out, _ = run(capsys, *FUNCTIONAL, "-o", "-", "--format", form)
        words = out.replace("<code>", "").replace("</code>", "").replace("`", "").replace("**", "")
        assert f"1 fact, by pyproject.toml: key {change['key']} (1)" in " ".join(words.split())
