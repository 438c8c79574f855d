# `git diff` as a user runs it: our text for models, git's own for the rest, and never a failure.
from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def test_diff_of_the_working_tree_says_what_changed(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    out = installed.git("diff")
    assert out.startswith("modeldiff models/m.h5\n")
    assert re.search(r"^models/m.h5 \(blob [0-9a-f]{10}\) → models/m.h5 \(working tree\)$", out, re.MULTILINE)
    assert "Weights only: " in out
    assert "\x1b" not in out


def test_from_a_subdirectory_and_in_a_worktree(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    inside = installed.git("diff", folder=installed.top / "models")
    assert inside == installed.git("diff")
    other = installed.top.parent / "other"
    installed.git("worktree", "add", "--quiet", "-b", "other", other)
    shutil.copy(SAMPLES / "weight-changed" / "new.h5", other / "models" / "m.h5")
    assert installed.git("diff", folder=other) == inside


def test_between_commits_and_beside_other_files(installed):
    (installed.top / "a.txt").write_text("one\n")
    installed.commit()
    (installed.top / "a.txt").write_text("two\n")
    installed.put("models/m.h5", "weight-changed", "new")
    installed.put("models/n.h5", "layer-added", "old")
    installed.commit()
    out = installed.git("diff", "HEAD~1", "HEAD")
    assert "+two\n" in out
    assert "modeldiff models/m.h5\n" in out
    assert "\n\nmodeldiff models/n.h5 (added)\n" in out
    assert "Added: " in out


def test_added_and_deleted_models_are_shown_as_one_model(installed):
    installed.git("mv", "models/m.h5", "models/x.h5")
    out = installed.git("diff", "--cached", "--no-renames")
    assert "modeldiff models/m.h5 (deleted)\n" in out
    assert "Deleted: " in out
    assert "modeldiff models/x.h5 (added)\n" in out
    assert re.search(r"^models/x.h5 \(blob [0-9a-f]{10}\)$", out, re.MULTILINE)
    assert "/dev/null" not in out


def test_a_renamed_model_is_compared_across_its_names(installed):
    installed.put("models/a.h5", "metadata-changed", "old")
    installed.commit()
    installed.git("mv", "models/a.h5", "models/b.h5")
    installed.put("models/b.h5", "metadata-changed", "new")
    installed.git("add", "--all")
    out = installed.git("diff", "HEAD")
    assert re.match(r"modeldiff models/a.h5 → models/b.h5 \(renamed, \d+ % similar\)\n", out)
    assert re.search(r"^models/a.h5 \(.*\) → models/b.h5 \(.*\)$", out, re.MULTILINE)
    installed.git("reset", "--hard", "--quiet")
    installed.git("mv", "models/a.h5", "models/b.h5")
    out = installed.git("diff", "HEAD")
    assert out == "modeldiff models/a.h5 → models/b.h5 (renamed, 100 % similar)\nthe same content\n"


def test_another_mode_alone_reads_no_model(installed):
    file = installed.top / "models" / "m.h5"
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    assert "(mode 100644 → 100755)" in installed.git("diff")
    installed.git("add", "--all")
    assert installed.git("diff", "--cached").endswith("(mode 100644 → 100755)\nthe same content\n")


def test_a_file_that_is_no_model_takes_one_line(installed):
    installed.data("data.h5", 1)
    installed.commit()
    installed.data("data.h5", 2)
    out = installed.git("diff")
    assert out.startswith("modeldiff data.h5\nnot a Keras model: binary files differ (")
    assert out.count("\n") == 2


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"text\n", b"PK\x03\x04rest", b"\x00" * 5000])
@pytest.mark.parametrize("side", ["old", "new"])
def test_a_damaged_file_never_breaks_git(installed, content, side):
    file = installed.top / "models" / "m.h5"
    good = file.read_bytes()
    old, new = (content, good) if side == "old" else (good, content)
    file.write_bytes(old)
    installed.git("add", "--all")
    file.write_bytes(new)
    out = installed.git("diff")
    assert re.match(r"modeldiff models/m.h5\n(cannot read models/m.h5 \((blob|working tree)|not a Keras model: )", out)
    assert out.count("\n") == 2


def test_a_symbolic_link_is_not_followed(installed):
    file = installed.top / "models" / "m.h5"
    file.unlink()
    file.symlink_to(SAMPLES / "weight-changed" / "new.h5")
    installed.git("add", "--all")
    out = installed.git("diff", "--cached", "--no-renames")
    assert "SAMPLES" not in out
    assert "Weights" not in out


def test_both_sides_of_a_conflict_are_compared(installed):
    for branch, sample, side in (("theirs", "weight-changed", "new"), ("ours", "layer-added", "old")):
        installed.git("checkout", "--quiet", "-b", branch, "main")
        installed.put("models/m.h5", sample, side)
        installed.commit()
    installed.git("merge", "theirs", status=1)
    out = installed.git("diff", "--ours")
    assert out.startswith("modeldiff models/m.h5 (unmerged, both sides)\n")
    assert "models/m.h5 (ours) → models/m.h5 (theirs)" in out
    assert "Architecture changed: " in out
    combined = installed.git("diff")
    assert "diff --cc models/m.h5" in combined
    assert "Binary" not in combined


def test_a_conflict_with_a_deletion(installed):
    installed.git("checkout", "--quiet", "-b", "theirs", "main")
    installed.git("rm", "--quiet", "models/m.h5")
    installed.commit()
    installed.git("checkout", "--quiet", "main")
    installed.put("models/m.h5", "weight-changed", "new")
    installed.commit()
    installed.git("merge", "theirs", status=1)
    assert "(unmerged, deleted on one side)\n" in installed.git("diff", "--theirs")


NAMES = ["sp ace.h5", "-o.h5", 'quo"te\'s.h5', "ünïcode.h5", "$(touch pwned).h5", "new\nline.h5", "tab\t.h5", "a;b&c|d.h5",
         "\x1b[31mred.h5", "`x`.h5", "%s\\n.h5", "bad\udcff.h5"]  # fmt: skip


@pytest.mark.parametrize("quoted", ["true", "false"])
def test_names_are_shown_and_do_not_act(installed, quoted):
    installed.git("config", "core.quotePath", quoted)
    for side in ("old", "new"):
        for name in NAMES:
            installed.put(name, "weight-changed", side)
        installed.git("add", "--all")
        installed.git("commit", "--quiet", "--message", side)
    for out in (installed.git("diff", "HEAD~1"), installed.modeldiff("HEAD~1")):
        assert out.count("modeldiff ") == out.count("Weights only: ") == len(NAMES)
        assert "modeldiff \\x1b[31mred.h5\n" in out
        assert "modeldiff new\\x0aline.h5\n" in out
        assert "modeldiff bad\\udcff.h5\n" in out
        assert "\x1b" not in out
        assert "\udcff" not in out
    assert not (installed.top / "pwned").exists()


@pytest.mark.parametrize("name", ["-o.h5", ":(glob)x.h5"])
def test_one_such_file_can_be_asked_for(installed, name):
    installed.put(name, "weight-changed", "old")
    installed.commit()
    installed.put(name, "weight-changed", "new")
    assert installed.modeldiff("HEAD", "--", f":(literal){name}").startswith(f"modeldiff {name}\n")


def test_colour_is_what_git_says(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    pager = {"GIT_PAGER_IN_USE": "true"}
    assert "\x1b[1mmodeldiff models/m.h5\x1b[m\n" in installed.git("diff", **pager)
    assert "\x1b[" in installed.git("-c", "color.ui=always", "diff")
    for refused in (["-c", "color.ui=never"], ["-c", "color.diff=false"], []):
        environment = pager if refused else {**pager, "NO_COLOR": "1"}
        assert "\x1b" not in installed.git(*refused, "diff", **environment)
    assert "\x1b" not in installed.git("diff")


def test_bytes_that_differ_are_a_difference_for_git(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    installed.git("diff", "--exit-code", status=1)
    installed.git("diff", "--quiet", status=1)


def test_without_the_program_git_goes_on(installed):
    config = installed.top / ".git" / "config"
    config.write_text(re.sub(r"/[^ ]*/git-modeldiff", "/nowhere/git-modeldiff", config.read_text()))
    installed.put("models/m.h5", "weight-changed", "new")
    assert installed.git("diff") == "models/m.h5: binary files differ, modeldiff did not run\n"
    assert re.search(r"^\+[0-9a-f]{40}$", installed.git("log", "-p"), re.MULTILINE)


def test_the_command_is_found_where_no_environment_is_active(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    path = os.environ["PATH"].partition(os.pathsep)[2]
    assert "Weights only: " in installed.git("diff", PATH=path)


def test_files_outside_of_a_repository(installed):
    installed.put("models/n.h5", "weight-changed", "new")
    out = installed.git("diff", "--no-index", "models/m.h5", "models/n.h5", status=1)
    assert "Weights only: " in out
    assert "models/m.h5" in out.splitlines()[1]


def test_settings_of_the_working_tree_hold(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    settings = installed.top / "pyproject.toml"
    settings.write_text('[tool.modeldiff]\nignore-layers = ["*"]\n')
    told = installed.git("diff", "--", "models")
    assert "No difference beside what is ignored" in told
    assert "by pyproject.toml" in told
    settings.write_text("[tool.modeldiff]\nfail-on = ['']\n")
    assert "not compared: pyproject.toml, [tool.modeldiff]: fail-on must be" in installed.git("diff", "--", "models")
