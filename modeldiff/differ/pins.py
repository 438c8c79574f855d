# Pairs the user knows (`--map OLD=NEW`). A glob stands for the same text on both sides: `enc/*=encoder/*` pairs
# `enc/conv` with `encoder/conv`, never "all with all".
"""`pinned`: read the user's pins against two flows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modeldiff.differ.flow import Flow, Role
from modeldiff.errors import UsageError
from modeldiff.graph import format_path


def pinned(old: Flow, new: Flow, pins: Sequence[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Pairs of nodes, in the order of the pins.

    `*` stands for any text but `/`, `**` for any text, `?` for one character; what they stand for must agree.

    Raises:
        UsageError: a pin names no layer, or a layer is pinned twice.
    """
    if not pins:
        return
    sides = tuple(
        {format_path(node.path): index for index, node in enumerate(flow.nodes) if node.role is not Role.UNLISTED}
        for flow in (old, new)
    )
    taken: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for pin in pins:
        pairs = list(_pairs(sides, pin))
        for pair in pairs:
            for node, used in zip(pair, taken, strict=True):
                if used.setdefault(node, f"{pin}{pair}") != f"{pin}{pair}":
                    raise UsageError(
                        "a layer is mapped twice", where=f"--map {pin[0]}={pin[1]}", fix="map each layer once"
                    )
            yield pair


def _pairs(sides: tuple[dict[str, int], ...], pin: tuple[str, str]) -> Iterator[tuple[int, int]]:
    where = f"--map {pin[0]}={pin[1]}"
    found = [_matching_paths(names, text) for names, text in zip(sides, pin, strict=True)]
    for side, names, text in zip(("old", "new"), found, pin, strict=True):
        if not names:
            raise UsageError(f"no layer of the {side} model is called {text}", where=where, fix="give the whole path")
    partners = dict(found[1])
    pairs = [(node, partners[captured]) for captured, node in found[0] if captured in partners]
    if not pairs:
        raise UsageError("the two patterns name different layers", where=where, fix="use the same wildcards twice")
    yield from pairs


def _matching_paths(names: dict[str, int], text: str) -> list[tuple[tuple[str, ...], int]]:
    if text in names:
        return [((), names[text])]
    pattern = re.compile(
        "".join(
            {"**": "(.*)", "*": "([^/]*)", "?": "([^/])"}.get(part, re.escape(part))
            for part in re.split(r"(\*\*|\*|\?)", text)
        )
    )
    return [(m.groups(), node) for name, node in names.items() if (m := pattern.fullmatch(name))]
