# The one rule that finds the files of `templates/`: beside the package in a checkout and in an editable install, inside
# it in a wheel (pyproject's `force-include` puts them there). The copy inside wins, so an installed package never reads
# a folder that happens to stand beside it. Not in `html`, because the standalone picture shares colours and styles.
"""Finding and reading the files in `templates/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from modeldiff.errors import RenderError

_PACKAGE = Path(__file__).resolve().parent.parent


def folder(package: Path = _PACKAGE) -> Path:
    """Where the templates of the package in `package` are.

    Raises:
        RenderError: they are missing.
    """
    for place in (package / "templates", package.parent / "templates"):
        if (place / "page.html.j2").is_file():
            return place
    raise RenderError("the templates of the page are missing", where=str(package), fix="install modeldiff again")


@cache
def read(name: str) -> str:
    """One file of the folder."""
    return (folder() / name).read_text(encoding="utf-8")
