# Graphviz does what it is best at: which box stands left of which, and how far apart, so that few lines cross. Ranks
# and heights are ours (`scene`), so a fold can open in the page without a second layout, and every line has a place
# of its own in each rank. Graphviz runs outside this process because it cannot be interrupted and because a crash in
# it must not end us. Two roads: `dot` where it is installed and works, else the Graphviz inside the pygraphviz wheel,
# run by a child of the same Python (`wheel`). Rejected: dot's splines (curves around tall boxes), its `ortho` (ignores
# rows, gets lost), and its clusters (boxes are nested by us, which also lays out the inside of every fold alone).
"""Horizontal places from Graphviz: `columns`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import graphviz
from graphviz.backend import dot_command, execute

from modeldiff.errors import RenderError
from modeldiff.renderer import wheel

BUDGET = 4.0
"""Seconds for all layouts of one picture; those of real models take a few tenths."""
_POINTS = 72.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """What Graphviz needs of one body: every edge spans one rank."""

    widths: tuple[float, ...]
    """Of each node, in points."""
    edges: tuple[tuple[int, int, int], ...]
    """Upper node, lower node, weight."""
    separation: float = 34.0
    """Points between two neighbours."""

    @property
    def is_straight(self) -> bool:
        """Whether all boxes stand one below the other: there is nothing to choose, and Graphviz is not asked."""
        uppers, lowers = ({edge[end] for edge in self.edges} for end in (0, 1))
        is_chain = len(uppers) == len(lowers) == len(self.edges) >= len(self.widths) - 1
        return is_chain and all(weight for _, _, weight in self.edges)

    def dot(self) -> str:
        """The graph as DOT: numbers only, nothing from a file."""
        return "".join(self._statements())

    def _statements(self) -> Iterator[str]:
        yield f"digraph{{nodesep={self.separation / _POINTS:.4f};ranksep=0.5;"
        yield 'node[shape=box,fixedsize=true,label="",height=0.5];edge[dir=none];'
        for index, width in enumerate(self.widths):
            yield f"n{index}[width={max(width, 1.0) / _POINTS:.4f}];"
        for upper, lower, weight in self.edges:
            yield f"n{upper}->n{lower}[weight={weight}];"
        yield "}\n"


class Deadline:
    """The time one picture has left."""

    def __init__(self, seconds: float = BUDGET) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, never less than a hundredth."""
        return max(self._end - time.monotonic(), 0.01)


class TooSlow(Exception):
    """Graphviz did not finish in time, or gave up."""


def columns(graphs: Sequence[Ranked], deadline: Deadline) -> list[list[float]]:
    """The middle of every node of every graph, in points from the left.

    Raises:
        TooSlow: Graphviz did not finish in time, or gave up.
        RenderError: there is no Graphviz.
    """
    asked = [graph for graph in graphs if not graph.is_straight]
    found = iter(_by_graphviz(asked, deadline) if asked else ())
    return [[0.0] * len(graph.widths) if graph.is_straight else next(found) for graph in graphs]


def _by_graphviz(graphs: Sequence[Ranked], deadline: Deadline) -> list[list[float]]:
    texts = [graph.dot() for graph in graphs]
    try:
        plain = by_dot(texts, deadline.left)
    except subprocess.TimeoutExpired as error:
        raise TooSlow from error
    except (graphviz.ExecutableNotFound, subprocess.CalledProcessError, OSError):
        plain = by_wheel(texts, deadline.left)
    found = list(_parsed(plain))
    if [len(places) for places in found] != [len(graph.widths) for graph in graphs]:
        raise TooSlow
    return found


def by_dot(texts: Sequence[str], seconds: float) -> str:
    """Graphviz' `plain` output of all graphs, made by `dot`.

    Raises:
        graphviz.ExecutableNotFound: there is no `dot`.
        subprocess.CalledProcessError: it crashed.
        subprocess.TimeoutExpired: it did not finish in time.
    """
    command = dot_command.command("dot", "plain")
    done = execute.run_check(
        command, input="".join(texts), encoding="ascii", capture_output=True, quiet=True, timeout=seconds
    )
    return str(done.stdout)


def by_wheel(texts: Sequence[str], seconds: float) -> str:
    """The same, made by the Graphviz inside pygraphviz.

    Raises:
        TooSlow: it did not finish in time, or gave up.
        RenderError: pygraphviz is not installed or brings no Graphviz.
    """
    found = importlib.util.find_spec("pygraphviz")
    folder = next(iter(found.submodule_search_locations or ()), None) if found is not None else None
    if folder is None:
        raise _none()
    command = [sys.executable, "-I", wheel.__file__, str(Path(folder).absolute().parent)]
    try:
        done = subprocess.run(  # noqa: S603 -- our own program, and DOT text made of numbers
            command,
            input=wheel.BETWEEN.join(texts),
            encoding="ascii",
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.SubprocessError as error:
        raise TooSlow from error
    if done.returncode == wheel.NO_GRAPHVIZ:
        raise _none()
    if done.returncode:
        raise TooSlow
    return done.stdout


def _none() -> RenderError:
    return RenderError("there is no Graphviz to lay out the picture", fix="pip install pygraphviz, or install Graphviz")


def _parsed(plain: str) -> Iterator[list[float]]:
    """Of each graph, the middles of its nodes. A line is `node NAME X Y ...` in inches; `stop` ends a graph."""
    places: dict[int, float] = {}
    for line in plain.splitlines():
        words = line.split(" ", 3)
        if words[0] == "node":
            places[int(words[1][1:])] = float(words[2]) * _POINTS
        elif words[0] == "stop":
            yield [places[index] for index in sorted(places)]
            places = {}
