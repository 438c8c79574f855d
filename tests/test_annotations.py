# Workflow commands of GitHub: one per violation or grave change, at most ten of a type, and no name becomes one.
from __future__ import annotations

import re
from dataclasses import replace

import pytest
from models import model

from modeldiff import compare, render
from modeldiff.annotations import github
from modeldiff.cli import main
from modeldiff.graph import Fact, Note
from modeldiff.policy import judge, parse
from modeldiff.renderer.characters import inert

OLD = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=4) <- x
    b: Dense(units=4) <- a
    outputs: b
"""
COMMAND = re.compile(r"^::(error|warning) file=[^:,\n]*,title=[^:,\n]*::[^\n]*$")
HOSTILE = [
    "::error::x",
    "x\n::set-output name=a::b",
    "x\r\n::stop-commands::t",
    "%0A::add-mask::a",
    "a,file=b::c",
    "##[error]x",
    "##vso[task.setvariable variable=a]b",
    "\u2028::error::x",
]


def commands(old, new, *terms, path="new,1:2.h5"):
    result = compare(old, replace(new, path=path))
    return list(github(result, judge(result, parse(terms)) if terms else ()))


def test_a_violation_is_an_error_and_the_rest_that_is_grave_a_warning():
    new = OLD.replace("b: Dense(units=4)", "b: Dense(units=4, activation='relu')").replace("8])", "9])")
    told = commands(model(OLD), model(new), "interface")
    assert told[0].startswith("::error file=new%2C1%3A2.h5,title=modeldiff --fail-on interface::x: ")
    assert [line.split(" ")[0] for line in told] == ["::error", *["::warning"] * (len(told) - 1)]
    assert any("title=modeldiff functional::b: activation: default → relu" in line for line in told)
    assert len({line.partition("::b: ")[2] for line in told if "::b: " in line}) == 1


def test_nothing_grave_is_nothing():
    assert commands(model(OLD), model(OLD)) == []


def test_ten_of_a_type_and_the_last_counts_the_rest():
    layers = "".join(f"    l{place}: Dense(units=2) <- x\n" for place in range(30))
    told = commands(model(OLD), model(OLD.replace("    outputs", layers + "    outputs")), "layer-added")
    assert len(told) == 10
    assert told[-1].endswith("::and 21 more")


def test_what_a_file_lacks_is_a_warning():
    told = commands(model(OLD), replace(model(OLD), notes=(Note("a", "100% gone", Fact.WEIGHTS_MISSING),)))
    assert told == ["::warning file=new%2C1%3A2.h5,title=modeldiff weights-missing::a: 100%25 gone"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_ends_no_line_and_begins_no_command(name):
    old, new = model(OLD), model(OLD)
    layers = [replace(one, name=name, config={"units": name}) if one.name == "b" else one for one in new.graph.layers]
    outputs = (new.graph.outputs[0]._replace(layer=name),)
    hostile = replace(new, graph=replace(new.graph, layers=tuple(layers), outputs=outputs))
    lines = commands(old, hostile, "any", path=name)
    assert lines
    for line in lines:
        assert COMMAND.match(line), line
        assert line.splitlines() == [line]
    result = compare(old, hostile)
    for text in (render(result, "txt"), render(result, "md"), render(result, "json")):
        assert not re.search(r"(?m)^\s*::|##\w*\[", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", "\\x3a:error::x"),
        ("a\n  \u00a0::error::x", "a\n  \u00a0\\x3a:error::x"),
        ("a ##[add-mask]b", "a #\\x23[add-mask]b"),
        ("##vso[x]", "#\\x23vso[x]"),
        ("a::b # c ## d [e]", "a::b # c ## d [e]"),
        (":::", "\\x3a::"),
    ],
)
def test_inert(text, shown):
    assert inert(text) == shown


def test_the_command_writes_them_on_standard_error(capsys):
    pair = ["samples/interface-changed/old.h5", "samples/interface-changed/new.h5"]
    assert main([*pair, "--annotate", "github", "--fail-on", "interface", "-o", "-", "--format", "json"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("{")
    lines = err.splitlines()
    assert lines[0].startswith("modeldiff: --fail-on interface: ")
    assert any(line.startswith(f"::error file={pair[1]},title=") for line in lines)


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
