# All models that changed between two commits: which, compared with what, told how and written where.
from __future__ import annotations

import html
import re

import pytest

from modeldiff.errors import UsageError
from modeldiff.git.changed import Status, changed_models
from modeldiff.git.pages import page_names
from modeldiff.git.repository import Repository
from modeldiff.git.revisions import resolve
from modeldiff.git.telling import compared


@pytest.fixture
def history(work):
    """Two commits on main that touch models in every way; nothing is installed."""
    work.put("models/changed.h5", "weight-changed", "old")
    work.put("models/deleted.keras", "layer-added", "old")
    work.put("models/old name.h5", "metadata-changed", "old")
    work.put("models/touched.h5", "layer-retyped", "old")
    work.put("models/unchanged.h5", "layer-moved", "old")
    work.data("data.h5", 1)
    (work.top / "notes.txt").write_text("one")
    work.first = work.commit()
    work.put("models/changed.h5", "weight-changed", "new")
    (work.top / "models" / "deleted.keras").unlink()
    (work.top / "models" / "old name.h5").unlink()
    work.put("models/new name.h5", "metadata-changed", "new")
    work.put("added.hdf5", "pull-request", "old")
    (work.top / "models" / "touched.h5").chmod(0o755)
    work.data("data.h5", 2)
    (work.top / "notes.txt").write_text("two")
    work.second = work.commit()
    return work


def test_the_list_says_what_happened_to_which_file(history):
    repository = Repository(history.top)
    found = changed_models(repository, resolve(repository, ["HEAD~1", "HEAD"]))
    assert [(changed.status.value, changed.moved_from, changed.path) for changed in found] == [
        ("added", "", "added.hdf5"),
        ("modified", "", "data.h5"),
        ("modified", "", "models/changed.h5"),
        ("deleted", "", "models/deleted.keras"),
        ("renamed", "models/old name.h5", "models/new name.h5"),
        ("modified", "", "models/touched.h5"),
    ]
    added, _, _, deleted, renamed, touched = found
    assert added.old is None
    assert deleted.new is None
    assert renamed.similarity is not None
    assert touched.same_content
    assert renamed.old.shown == f"models/old name.h5 ({history.first[:10]})"
    assert renamed.new.shown == f"models/new name.h5 ({history.second[:10]})"
    outcomes = [compared(repository, changed) for changed in found]
    assert [outcome.report is not None for outcome in outcomes] == [True, False, True, True, True, False]
    assert not any(outcome.trouble for outcome in outcomes)


@pytest.mark.parametrize("ends", [["HEAD~1", "HEAD"], ["HEAD~1..HEAD"], ["HEAD~1.."], ["HEAD~1...HEAD"], ["HEAD~1"]])
def test_all_forms_of_two_ends(history, ends):
    out = history.modeldiff(*ends)
    assert out.count("modeldiff ") == 6
    assert "modeldiff models/old name.h5 → models/new name.h5 (renamed, " in out
    assert "Added: " in out
    assert "Deleted: " in out
    old, new = (
        f"models/changed.h5 ({history.first[:10]})",
        "working tree" if ends == ["HEAD~1"] else history.second[:10],
    )
    assert f"{old} → models/changed.h5 ({new})\n" in out


def test_three_dots_compare_with_the_fork(history):
    history.git("checkout", "--quiet", "-b", "topic", "HEAD~1")
    history.put("models/topic.h5", "tutorial/functional", "old")
    history.commit()
    assert re.findall(r"^modeldiff (\S+)", history.modeldiff("main...topic"), re.MULTILINE) == ["models/topic.h5"]
    assert history.modeldiff("main..topic").count("modeldiff ") == 7
    assert history.modeldiff("...main", "--", "models/changed.h5").count("modeldiff ") == 1
    history.git("checkout", "--quiet", "--orphan", "alone")
    history.commit()
    history.modeldiff("main...alone", status=2)
    assert "no commit in common" in history.err


def test_the_working_tree_is_the_new_side_without_head(history):
    assert history.modeldiff("HEAD") == ""
    assert "no model changed" in history.err
    history.put("models/changed.h5", "layer-added", "old")
    history.put("models/untracked.h5", "layer-added", "old")
    assert "models/changed.h5 (working tree)" in history.modeldiff("HEAD", folder=history.top / "models")
    (history.top / "models" / "unchanged.h5").touch()  # another time stamp is no change
    assert "unchanged.h5" not in history.modeldiff("HEAD")


def test_paths_count_from_the_folder(history):
    out = history.modeldiff("HEAD~1", "--", "changed.h5", folder=history.top / "models")
    assert out.count("modeldiff ") == 1
    assert (
        history.modeldiff("HEAD~1", "HEAD", "--", ":(top)*.hdf5", folder=history.top / "models").count("modeldiff ")
        == 1
    )


def test_settings_of_the_user_do_not_change_the_list(history):
    expected = history.modeldiff("HEAD~1", "HEAD")
    for setting in ("diff.renames=false", "diff.relative=true", "diff.mnemonicPrefix=true", "diff.noprefix=true",
                    "color.ui=never", "core.abbrev=4", "diff.external=false", "diff.orderFile=/dev/null"):  # fmt: skip
        assert history.run("git", "-c", setting, "modeldiff", "HEAD~1", "HEAD") == expected


@pytest.mark.parametrize("words", [["nothing"], ["HEAD", "nothing"], ["a", "b", "c"], ["-x"], [], ["nothing...HEAD"]])
def test_what_is_no_commit_is_told(history, words):
    assert history.modeldiff(*words, status=2) == ""
    assert history.err


def test_outside_of_a_repository(work):
    work.modeldiff("HEAD", folder=work.home, status=2)
    assert "no git repository" in work.err
    with pytest.raises(UsageError):
        resolve(Repository(work.home), ["HEAD"])


# --- pages ----------------------------------------------------------------------------------------------------


def test_pages_and_their_list(history, tmp_path):
    folder = tmp_path / "out" / "deep"
    assert history.modeldiff("HEAD~1", "HEAD", "-o", str(folder)) == ""
    assert {page.name for page in folder.iterdir()} == {
        "index.html",
        "added.hdf5.html",
        "models-changed.h5.html",
        "models-deleted.keras.html",
        "models-new-name.h5.html",
    }
    index = (folder / "index.html").read_text("utf-8")
    assert set(re.findall(r'href="([^"]*)"', index)) == {page.name for page in folder.iterdir()} - {"index.html"}
    assert "default-src 'none'" in index
    assert not re.search(r"(?i)<script|http(s)?://|src=", index)
    for said in ("6 model files changed", "models/old name.h5 → ", "not a Keras model", "Added: ", "Deleted: ", "the same content",
                 f"HEAD~1 ({history.first[:10]})", f"HEAD ({history.second[:10]})"):  # fmt: skip
        assert said in html.unescape(index)
    page = (folder / "models-new-name.h5.html").read_text("utf-8")
    assert f"models/old name.h5 ({history.first[:10]})" in page.replace("<wbr>", "")  # where a line may break
    for page in folder.iterdir():
        assert str(tmp_path) not in page.read_text("utf-8")
        assert "/tmp/" not in page.read_text("utf-8")
    assert "models/changed.h5: Weights only: " in history.err


def test_the_same_commits_give_the_same_bytes(history, tmp_path):
    for name in ("a", "b"):
        history.modeldiff("HEAD~1", "HEAD", "-o", str(tmp_path / name), "-q")
        assert history.err == ""
    pages = [{page.name: page.read_bytes() for page in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_without_changes_there_is_a_list_that_says_so(history, tmp_path):
    history.modeldiff("HEAD", "HEAD", "-o", str(tmp_path / "out"))
    assert "No model file changed" in (tmp_path / "out" / "index.html").read_text("utf-8")


HOSTILE = ["<script>alert(1)</script>.h5", "a\nb.h5", "-o.h5", '"><img src=x>.h5', "index.h5", "\x1b[31m.h5", "ü.h5",
           "bad\udcff.h5", f"{'x' * 200}.h5", "a b.h5", "a-b.h5", "A-B.h5", "....h5", ".h5", "%2e%2e%2f.h5"]  # fmt: skip


def test_hostile_names_stay_names(work, tmp_path):
    for name in HOSTILE:
        work.put(name, "weight-changed", "old")
    work.commit()
    for name in HOSTILE:
        work.put(name, "weight-changed", "new")
    folder = tmp_path / "out"
    work.modeldiff("HEAD", "-o", str(folder))
    pages = {page.name for page in folder.iterdir()}
    assert len(pages) == len(HOSTILE) + 1
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.html", page) for page in pages)
    index = (folder / "index.html").read_text("utf-8")
    assert "<script>alert" not in index
    assert "<img" not in index
    assert "\x1b" not in index + work.err
    assert html.escape("<script>alert(1)</script>.h5") in index


def test_page_names_never_leave_the_folder_and_never_meet():
    paths = [
        "../../etc/x.h5",
        "/etc/x.h5",
        "..",
        "a/b.h5",
        "a-b.h5",
        "A/b.h5",
        "index",
        "con/../x",
        "\\..\\x.h5",
        "",
        "a//b.h5",
    ]
    names = page_names(paths)
    assert len({name.lower() for name in names}) == len(paths)
    assert "index.html" not in names
    assert not any("/" in name or "\\" in name or name.startswith(".") for name in names)


def test_a_link_in_the_folder_is_not_written_through(history, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").symlink_to(kept)
    history.modeldiff("HEAD~1", "HEAD", "-o", str(tmp_path / "out"), status=2)
    assert kept.read_text() == "kept"


def test_a_folder_that_cannot_be_made_is_told(history, tmp_path):
    (tmp_path / "file").write_text("")
    history.modeldiff("HEAD~1", "HEAD", "-o", str(tmp_path / "file"), status=2)
    assert "cannot write" in history.err


# --- what cannot be compared ----------------------------------------------------------------------------------


def test_a_damaged_model_is_told_and_the_others_are_compared(history, tmp_path):
    (history.top / "models" / "changed.h5").write_bytes(b"\x89HDF\r\n\x1a\n damaged")
    history.put("models/unchanged.h5", "layer-added", "old")
    out = history.modeldiff("HEAD", status=2)
    assert "cannot read models/changed.h5 (working tree): " in out
    assert "modeldiff models/unchanged.h5\n" in out
    history.modeldiff("HEAD", "-o", str(tmp_path / "out"), status=2)
    assert "cannot read" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_a_link_instead_of_a_model_is_told_and_not_followed(history):
    file = history.top / "models" / "changed.h5"
    file.unlink()
    file.symlink_to(history.top / "models" / "unchanged.h5")
    assert "models/changed.h5 (working tree) is a symbolic link\n" in history.modeldiff("HEAD")
    history.commit()
    assert "is a symbolic link\n" in history.modeldiff("HEAD~1", "HEAD")


def test_other_filters_are_applied_to_what_git_holds(work):
    work.git("config", "filter.packed.clean", "gzip -n")
    work.git("config", "filter.packed.smudge", "gzip -dc")
    (work.top / ".gitattributes").write_text("*.h5 filter=packed\n")
    work.put("m.h5", "weight-changed", "old")
    work.commit()
    work.put("m.h5", "weight-changed", "new")
    work.commit()
    assert work.git("cat-file", "blob", "HEAD:m.h5")[:2] == "\x1f\udc8b"
    assert "Weights only: " in work.modeldiff("HEAD~1", "HEAD")


def test_in_a_conflict_the_working_tree_is_the_new_side(history):
    history.git("checkout", "--quiet", "-b", "theirs", "HEAD~1")
    history.put("models/changed.h5", "layer-added", "old")
    history.commit()
    history.git("merge", "main", status=1)
    repository = Repository(history.top)
    found = changed_models(repository, resolve(repository, ["main"]), ["models/changed.h5"])
    assert [changed.status for changed in found] == [Status.MODIFIED]
    assert "models/changed.h5 (working tree)" in history.modeldiff("main", "--", "models/changed.h5")
