# Installing writes marked lines, twice is once, and taking it back leaves every byte as it was.
from __future__ import annotations

import pytest

SCOPES = pytest.mark.parametrize("scope", [[], ["--global"]], ids=["repository", "user"])
KINDS = ("m.h5", "dir/m.hdf5", "m.keras", "m.weights.h5")


def attribute(work, path, name="diff"):
    return work.git("check-attr", "-z", name, "--", path).split("\0")[2]


@SCOPES
def test_git_knows_the_driver_afterwards_and_nothing_is_left_behind(work, scope):
    before = work.files()
    work.modeldiff("install", *scope)
    assert [attribute(work, kind) for kind in KINDS] == ["modeldiff"] * 4
    assert attribute(work, "readme.md") == "unspecified"
    assert " driver " in work.git("config", "diff.modeldiff.command")
    assert " textconv --format=1 " in work.git("config", "diff.modeldiff.textconv")
    assert '"$LOCAL" "$REMOTE"' in work.git("config", "difftool.modeldiff.cmd")
    once = work.files()
    work.modeldiff("install", *scope)
    assert work.files() == once
    work.modeldiff("uninstall", *scope)
    assert work.files() == before
    work.modeldiff("install", "--uninstall", *scope)
    assert work.files() == before


@SCOPES
@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"# mine\n*.h5 -diff\n", b"*.h5 diff=mine", b"*.bin binary\r\n", b"\xff.h5 text\n\n\n", b"# \xe9"],
)
def test_the_lines_of_others_keep_every_byte(work, scope, content):
    attributes = work.home / ".config" / "git" / "attributes" if scope else work.top / ".git" / "info" / "attributes"
    attributes.parent.mkdir(parents=True, exist_ok=True)
    attributes.write_bytes(content)
    attributes.chmod(0o640)
    settings = work.home / ".gitconfig" if scope else work.top / ".git" / "config"
    settings.write_bytes(settings.read_bytes().rstrip() + (b"" if not content else b'\n\n; mine\n[a "b"]\n\n\tc = d'))
    before = work.files()
    work.modeldiff("install", *scope)
    assert attribute(work, "m.h5") == "modeldiff"
    assert attributes.read_bytes().startswith(content)
    work.modeldiff("uninstall", *scope)
    assert work.files() == before
    assert attributes.stat().st_mode & 0o777 == 0o640


@SCOPES
def test_what_was_written_later_stays(work, scope):
    work.modeldiff("install", *scope)
    option = scope or ["--local"]
    work.git("config", *option, "diff.modeldiff.cachetextconv", "true")
    work.git("config", *option, "alias.x", "status")
    settings = work.home / ".gitconfig" if scope else work.top / ".git" / "config"
    attributes = work.home / ".config" / "git" / "attributes" if scope else work.top / ".git" / "info" / "attributes"
    attributes.write_text(attributes.read_text() + "*.png binary\n")
    work.modeldiff("uninstall", *scope)
    assert work.git("config", *option, "diff.modeldiff.cachetextconv") == "true\n"
    assert work.git("config", *option, "alias.x") == "status\n"
    assert "git-modeldiff" not in settings.read_text()
    assert attributes.read_text() == "*.png binary\n"


def test_marks_that_git_lost_do_not_keep_the_settings(work):
    work.modeldiff("install")
    config = work.top / ".git" / "config"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "# modeldiff" not in line))
    work.modeldiff("uninstall")
    assert "modeldiff" not in config.read_text()


def test_from_a_subdirectory_and_in_a_worktree(work):
    work.put("sub/m.h5", "weight-changed")
    work.commit()
    before = work.files()
    work.modeldiff("install", folder=work.top / "sub")
    assert attribute(work, "sub/m.h5") == "modeldiff"
    other = work.top.parent / "other"
    work.git("worktree", "add", "--quiet", "-b", "other", other)
    assert "sub/m.h5: diff: modeldiff" in work.git("check-attr", "diff", "sub/m.h5", folder=other)
    work.modeldiff("uninstall", folder=other / "sub")
    assert work.files() == before


def test_lines_of_git_lfs_stay_in_force_and_ours_wins(work):
    (work.top / ".gitattributes").write_text("*.h5 filter=lfs diff=lfs merge=lfs -text\n")
    work.modeldiff("install", "--global")
    assert "diff=lfs" in work.err
    assert "git modeldiff install" in work.err
    assert attribute(work, "m.h5") == "lfs"
    work.modeldiff("install")
    assert work.err.count("\n") == 1
    assert [attribute(work, "m.h5", name) for name in ("diff", "filter", "merge", "text")] == [
        "modeldiff",
        "lfs",
        "lfs",
        "unset",
    ]


def test_the_user_s_file_is_the_one_git_reads(work):
    mine = work.home / "my attributes"
    work.git("config", "--global", "core.attributesFile", "~/my attributes")
    before = work.files()
    work.modeldiff("install", "--global")
    assert "*.h5 diff=modeldiff" in mine.read_text()
    assert attribute(work, "m.h5") == "modeldiff"
    work.modeldiff("uninstall", "--global")
    assert work.files() == before


@pytest.mark.parametrize("usual", [True, False])
def test_settings_go_where_git_would_write_them(work, usual, tmp_path):
    folder = work.home / ".config" / "git"
    folder.mkdir(parents=True)
    (folder / "config").write_text("[a]\n\tb = c\n")
    if not usual:
        (work.home / ".gitconfig").unlink()
    work.modeldiff("install", "--global", folder=work.home)
    assert ("git-modeldiff" in (folder / "config").read_text()) is not usual
    named = tmp_path / "named"
    work.modeldiff("install", "--global", folder=work.home, GIT_CONFIG_GLOBAL=str(named))
    assert "git-modeldiff" in named.read_text()
    work.modeldiff("uninstall", "--global", folder=work.home, GIT_CONFIG_GLOBAL=str(named))
    assert not named.exists()


def test_a_home_without_anything_is_left_without_anything(work):
    (work.home / ".gitconfig").unlink()
    work.modeldiff("install", "--global", folder=work.home)
    assert {path.name for path in work.home.rglob("*")} == {".gitconfig", ".config", "git", "attributes"}
    work.modeldiff("uninstall", "--global", folder=work.home)
    assert list(work.home.iterdir()) == []


def test_a_link_to_a_file_that_is_kept_elsewhere_stays_a_link(work):
    kept = work.top.parent / "dotfiles"
    kept.write_text("[a]\n\tb = c\n")
    (work.home / ".gitconfig").unlink()
    (work.home / ".gitconfig").symlink_to(kept)
    work.modeldiff("install", "--global")
    assert (work.home / ".gitconfig").is_symlink()
    assert "git-modeldiff" in kept.read_text()
    work.modeldiff("uninstall", "--global")
    assert kept.read_text() == "[a]\n\tb = c\n"


def test_a_driver_of_someone_else_is_not_overwritten(work):
    work.git("config", "diff.modeldiff.command", "mine")
    before = work.files()
    work.modeldiff("install", status=2)
    assert "diff.modeldiff.command" in work.err
    work.modeldiff("uninstall")
    assert work.files() == before


def test_what_git_writes_at_the_moment_is_left_alone(work):
    (work.top / ".git" / "config.lock").touch()
    before = work.files()
    work.modeldiff("install", status=2)
    assert "config.lock" in work.err
    assert work.files() == before


def test_half_an_installation_is_taken_back(work):
    before = work.files()
    (work.top / ".git" / "info" / "attributes.lock").touch()
    work.modeldiff("install", status=2)
    (work.top / ".git" / "info" / "attributes.lock").unlink()
    assert work.files() == before


def test_outside_of_a_repository(work):
    work.modeldiff("install", folder=work.home, status=2)
    assert "--global" in work.err
    work.modeldiff("install", "--global", folder=work.home)


def test_a_bare_repository(work):
    work.put("m.h5", "weight-changed", "old")
    work.commit()
    work.put("m.h5", "weight-changed", "new")
    work.commit()
    bare = work.top.parent / "bare.git"
    work.git("clone", "--quiet", "--bare", work.top, bare)
    work.modeldiff("install", folder=bare)
    assert " weight kernel " in work.git("show", "--format=", folder=bare)
    assert "Weights only: " in work.modeldiff("HEAD~1", "HEAD", folder=bare)
