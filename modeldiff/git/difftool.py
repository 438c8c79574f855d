# A browser shows a page after the command that opened it has ended, so the page stays in the temporary folder until the
# system clears it. It is opened by `webbrowser`, which follows BROWSER.
"""What `git difftool -t modeldiff` runs."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from pathlib import Path

from modeldiff import settings
from modeldiff.arguments import defaults
from modeldiff.cli import COMPARED, TROUBLE
from modeldiff.errors import UsageError
from modeldiff.git.content import Content, settled
from modeldiff.git.driver import NOTHING
from modeldiff.git.pages import page_name
from modeldiff.git.repository import Repository
from modeldiff.git.telling import tell
from modeldiff.loader.pointer import command
from modeldiff.output import say, write_file


def open_page(local: str, remote: str, path: str) -> int:
    """Compare two files that git made and open the page; returns the exit status.

    Raises:
        UsageError: the files are folders (`git difftool --dir-diff`), or the settings are wrong.
        UnreadableFile: the settings are damaged.
        OutputError, RenderError: the page cannot be made.
    """
    if any(Path(file).is_dir() for file in (local, remote)):
        raise UsageError("difftool shows files, not folders", fix="leave out --dir-diff, or use: git modeldiff -o DIR")
    repository = Repository()
    old = _content(repository, local, path, os.environ.get("MODELDIFF_OLD", f"{path} (old)"))
    new = _content(repository, remote, path, os.environ.get("MODELDIFF_NEW", f"{path} (new)"))
    outcome = tell(old, new, defaults(settings.find()))
    if outcome.report is None:
        say(f"modeldiff: {path}: {outcome.sentence}")
        return TROUBLE if outcome.trouble else COMPARED
    from modeldiff.renderer import render_report

    text = render_report(outcome.report, "html")
    page = Path(tempfile.mkdtemp(prefix="modeldiff-")) / page_name(path)
    write_file(page, text)
    if not webbrowser.open(page.as_uri()):
        say(f"modeldiff: no browser opens; the page is {page}")
    return COMPARED


def _content(repository: Repository, file: str, path: str, shown: str) -> Content | None:
    if file == NOTHING or not Path(file).exists():
        return None
    return settled(repository, shown, Path(file), command(path))
