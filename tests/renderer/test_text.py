"""The terminal summary."""

from __future__ import annotations

import io

import pytest
from models import model
from rich.console import Console

from modeldiff import compare, render, report
from modeldiff.renderer import text
from modeldiff.report import Report

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    b: Dense(units=4) <- a
    outputs: b
"""
NEW = OLD.replace("b: Dense(units=4) <- a", "n: Dropout(rate=0.5) <- a\n    b: Dense(units=4) <- n")


@pytest.fixture
def changed() -> Report:
    return report.build(compare(model(OLD), model(NEW)))


@pytest.mark.parametrize("width", [80, 160])
def test_lines_fit_the_terminal(changed: Report, width: int) -> None:
    file = io.StringIO()
    text.show(changed, Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.strip().startswith("+  n") for line in lines)


def test_colour_is_for_terminals_and_no_color_is_honoured(changed: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    text.show(changed, Console(file=file, force_terminal=True, color_system="standard"))
    assert "\x1b[32m" in file.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    text.show(changed, Console(file=file, force_terminal=True, color_system="standard"))
    assert "\x1b[3" not in file.getvalue()


def test_control_characters_of_names_are_shown_and_never_sent() -> None:
    hostile = NEW.replace("n:", "e\x1b[31mvil\u202e\x07:").replace("<- n", "<- e\x1b[31mvil\u202e\x07")
    shown = render(compare(model(OLD), model(hostile)), "txt")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[31mvil\u202e\x07" in shown


def test_markup_of_rich_in_a_name_is_a_name() -> None:
    hostile = NEW.replace("n:", "[red]n[/red]:").replace("<- n", "<- [red]n[/red]")
    assert "[red]n[/red]" in render(compare(model(OLD), model(hostile)), "txt")


def test_a_stream_without_unicode_gets_ascii_signs() -> None:
    assert text.encodable("a → b × ↷ ä", "ascii") == r"a -> b x ^ \xe4"
    assert text.encodable("a → b", "utf-8") == "a → b"
