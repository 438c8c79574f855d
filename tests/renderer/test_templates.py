# The rule that finds the page's files, for each of the three places a package can stand in.
from __future__ import annotations

import pytest

from modeldiff.errors import RenderError
from modeldiff.renderer import templates


def put(folder):
    folder.mkdir(parents=True)
    (folder / "page.html.j2").write_text("page")
    return folder


def test_a_wheel_has_them_inside(tmp_path):
    inside = put(tmp_path / "site-packages" / "modeldiff" / "templates")
    put(tmp_path / "site-packages" / "templates")  # somebody else's
    assert templates.folder(tmp_path / "site-packages" / "modeldiff") == inside


def test_a_checkout_has_them_beside(tmp_path):
    beside = put(tmp_path / "templates")
    (tmp_path / "modeldiff").mkdir()
    assert templates.folder(tmp_path / "modeldiff") == beside


def test_missing_templates_are_an_error_with_a_remedy(tmp_path):
    with pytest.raises(RenderError, match="install modeldiff again"):
        templates.folder(tmp_path / "modeldiff")


def test_this_very_package_finds_its_own():
    assert (templates.folder() / "page.js").is_file()
    assert "--accent" in templates.read("tokens.css")
