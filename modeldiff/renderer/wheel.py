# A program of its own, run by path and isolated (`python -I`): neither the current folder nor the environment say what
# is imported, because reports are made inside checkouts that nobody trusts. So it imports nothing of ours.
"""The Graphviz inside the pygraphviz wheel: DOT on standard input, `plain` on standard output.

`python -I wheel.py FOLDER` where FOLDER holds pygraphviz; ends with `NO_GRAPHVIZ` where it cannot be imported.
"""

from __future__ import annotations

import sys

BETWEEN = "\f"
"""Separates graphs; no graph holds it."""
NO_GRAPHVIZ = 3


def _main(folder: str) -> int:
    sys.path.append(folder)  # last: the standard library stays in front of everything installed
    try:
        import pygraphviz
    except ImportError:
        return NO_GRAPHVIZ
    for text in sys.stdin.read().split(BETWEEN):
        drawn = pygraphviz.AGraph(string=text).draw(format="plain", prog="dot")
        sys.stdout.write(drawn.decode("ascii") if isinstance(drawn, bytes) else drawn)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
