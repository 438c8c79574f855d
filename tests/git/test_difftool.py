# `git difftool -t modeldiff` opens the page, although a driver with a command takes over every difftool.
from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture
def opened(installed):
    """Run git difftool with a browser that notes what it is given; returns the pages."""
    log = installed.home / "opened"
    browser = installed.home / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{log}"\n')
    browser.chmod(0o755)

    def run(*arguments, **options):
        log.write_text("")
        installed.git("difftool", *arguments, BROWSER=str(browser), TMPDIR=str(installed.home), **options)
        return [Path(line.removeprefix("file://")).read_text("utf-8") for line in log.read_text().splitlines()]

    return run


def names(page):
    return re.findall(r'<p class="name">(.*?)</p>', page.replace("<wbr>", ""))  # where a line may break


def test_difftool_opens_the_page(installed, opened):
    installed.put("models/m.h5", "weight-changed", "new")
    (page,) = opened("-y", "-t", "modeldiff")
    assert page.startswith("<!doctype html>")
    assert "Weights only: " in page
    old, new = names(page)
    assert re.fullmatch(r"models/m.h5 \(blob [0-9a-f]{10}\)", old)
    assert new == "models/m.h5 (working tree)"
    assert str(installed.home.parent) not in page
    assert opened("-y", "-t", "modeldiff", folder=installed.top / "models") == [page]


def test_added_deleted_and_renamed_models(installed, opened):
    installed.put("models/a.h5", "layer-added", "old")
    installed.put("models/b.h5", "layer-retyped", "old")
    installed.commit()
    installed.git("rm", "--quiet", "models/a.h5")
    installed.git("mv", "models/b.h5", "models/c.h5")
    installed.put("models/d.h5", "config-changed", "new")
    installed.commit()
    pages = opened("-y", "-t", "modeldiff", "--no-renames", "HEAD~1", "HEAD")
    assert len(pages) == 4
    assert sum("Deleted: " in page for page in pages) == 2
    assert sum("Added: " in page for page in pages) == 2


def test_without_the_driver_the_page_is_the_same_but_for_names(installed, opened):
    installed.put("models/m.h5", "weight-changed", "new")
    (installed.top / ".git" / "info" / "attributes").unlink()
    (page,) = opened("-y", "-t", "modeldiff")
    assert "Weights only: " in page
    assert names(page) == ["models/m.h5 (old)", "models/m.h5 (new)"]


def test_another_tool_gets_its_turn(installed, opened):
    installed.put("models/m.h5", "weight-changed", "new")
    installed.git("config", "difftool.other.cmd", 'echo other "$MERGED"')
    assert "other models/m.h5" in installed.git("difftool", "-y", "-t", "other")
    assert "mine" in installed.git("difftool", "-y", "-x", "echo mine")


def test_what_cannot_be_shown_is_said(installed, opened):
    installed.data("data.h5", 1)
    installed.commit()
    installed.data("data.h5", 2)
    assert opened("-y", "-t", "modeldiff") == []
    assert "data.h5: not a Keras model" in installed.err


def test_no_browser_is_said(installed):
    installed.put("models/m.h5", "weight-changed", "new")
    installed.git(
        "difftool", "-y", "-t", "modeldiff", BROWSER="/nowhere/browser", TMPDIR=str(installed.home), DISPLAY=""
    )
    (page,) = installed.home.glob("modeldiff-*/models-m.h5.html")
    assert "Weights only: " in page.read_text("utf-8")


def test_settings_of_the_working_tree_hold(installed, opened):
    (installed.top / "pyproject.toml").write_text('[tool.modeldiff]\nignore-layers = ["*"]\n')
    installed.put("models/m.h5", "weight-changed", "new")
    (page,) = opened("-y", "-t", "modeldiff", "--", "models")
    assert "No difference beside what is ignored" in page
