# Git LFS with the real git-lfs: contents in the store are used, contents that are not here are never fetched, and what
# two pointers say is told. What needs no git-lfs is in tests/loader/test_pointer.py.
from __future__ import annotations

import re
import shutil

import pytest

ATTRIBUTES = "*.h5 filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def origin(work):
    """A repository with Git LFS whose one model changed in a second commit."""
    assert shutil.which("git-lfs"), "the tests need git-lfs"
    work.git("lfs", "install", "--skip-repo")
    (work.top / ".gitattributes").write_text(ATTRIBUTES)
    work.put("models/m.h5", "weight-changed", "old")
    work.commit()
    work.put("models/m.h5", "weight-changed", "new")
    work.put("models/n.h5", "layer-added", "old")
    work.commit()
    assert work.git("cat-file", "blob", "HEAD:models/m.h5").startswith("version https://git-lfs")
    return work


@pytest.fixture
def skipped(origin):
    """A clone of it where no content was fetched."""
    clone = origin.top.parent / "clone"
    origin.git("clone", "--quiet", origin.top.as_uri(), clone, GIT_LFS_SKIP_SMUDGE="1")
    origin.top = clone
    assert (clone / "models" / "m.h5").stat().st_size < 200
    return origin


def test_contents_in_the_store_are_used(origin):
    assert "Weights only: " in origin.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5")
    assert "Weights only: " in origin.modeldiff("HEAD~1", "--", "models/m.h5")
    origin.modeldiff("install")
    assert "Weights only: " in origin.git("diff", "HEAD~1", "HEAD")
    assert " weight kernel " in origin.git("show", "--format=")


def test_the_store_is_used_where_nothing_is_smudged(origin):
    origin.modeldiff("install")
    for name in ("smudge", "process"):
        origin.git("config", f"filter.lfs.{name}", "")
    origin.git("config", "filter.lfs.required", "false")
    assert "Weights only: " in origin.git("diff", "HEAD~1", "HEAD")
    assert "Weights only: " in origin.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5")
    assert " weight kernel " in origin.git("show", "--format=")


def test_a_store_elsewhere_is_found(origin):
    (origin.top / ".git" / "lfs").rename(origin.top.parent / "store")
    origin.git("config", "lfs.storage", str(origin.top.parent / "store"))
    assert "Weights only: " in origin.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5")
    other = origin.top.parent / "other"
    origin.git("worktree", "add", "--quiet", "-b", "other", other)
    assert "Weights only: " in origin.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5", folder=other)


def test_what_is_not_here_is_told_with_sizes_and_the_command_that_works(skipped):
    out = skipped.modeldiff("HEAD~1", "HEAD", status=2)
    told = re.search(r"(\d+\.\d kB) → \1, content not here \(Git LFS; run: (.*)\)", out)
    assert told, out
    assert re.search(r"added: \d+\.\d kB, content not here", out)
    assert not [file for file in (skipped.top / ".git" / "lfs" / "objects").rglob("*") if file.is_file()]
    first, second = told[2].split(" && ")
    assert re.fullmatch(r'git lfs fetch origin [0-9a-f]{40} --include="models/m.h5"', first)
    skipped.run("sh", "-c", first)
    assert "content not here" in skipped.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5", status=2)
    skipped.run("sh", "-c", second)
    assert "Weights only: " in skipped.modeldiff("HEAD~1", "HEAD", "--", "models/m.h5")


def test_the_working_tree_gets_another_command(skipped):
    out = skipped.modeldiff("HEAD~1", "--", "models/m.h5", status=2)
    first, second = re.search(r"run: (.*)\)", out)[1].split(" && ")
    assert second == 'git lfs pull --include="models/m.h5"'
    skipped.run("sh", "-c", first)
    skipped.run("sh", "-c", second)
    assert "Weights only: " in skipped.modeldiff("HEAD~1", "--", "models/m.h5")


def test_git_diff_without_contents(skipped):
    skipped.modeldiff("install")
    skip = {"GIT_LFS_SKIP_SMUDGE": "1"}
    out = skipped.git("diff", "HEAD~1", "HEAD", "--", "models/m.h5", **skip)
    assert out.startswith("modeldiff models/m.h5\n")
    commands = re.search(r"content not here \(Git LFS; run: (.*)\)", out)[1]
    assert "+Git LFS pointer\n" in skipped.git("show", "--format=", **skip)
    skipped.run("sh", "-c", commands)
    assert "Weights only: " in skipped.git("diff", "HEAD~1", "HEAD", "--", "models/m.h5", **skip)


def test_the_same_content_needs_no_download(skipped):
    skipped.git("mv", "models/m.h5", "models/x.h5")
    assert skipped.modeldiff("HEAD").endswith("the same content\n")
    skipped.modeldiff("install")
    assert skipped.git("diff", "HEAD").endswith("the same content\n")
    pointer = (skipped.top / "models" / "x.h5").read_text()
    (skipped.top / "other").write_text(pointer.replace("oid", "ext-0-x sha256:00\noid"))  # other bytes, the same oid
    blob = skipped.git("hash-object", "-w", "--no-filters", "other").strip()
    skipped.git("update-index", "--add", "--cacheinfo", f"100644,{blob},models/x.h5")
    skipped.git("commit", "--quiet", "--message", "other")
    assert "the same content (Git LFS, " in skipped.modeldiff("HEAD~1", "HEAD")


def test_a_model_that_moves_into_git_lfs_is_the_same(work):
    work.put("m.h5", "weight-changed", "old")
    work.commit()
    work.git("lfs", "install", "--skip-repo")
    (work.top / ".gitattributes").write_text(ATTRIBUTES)
    work.git("add", "--renormalize", ".")
    work.commit()
    shutil.rmtree(work.top / ".git" / "lfs" / "objects")
    assert "the same content, from now on in Git LFS" in work.modeldiff("HEAD~1", "HEAD")
    assert "the same content, until now in Git LFS" in work.modeldiff("HEAD", "HEAD~1")
