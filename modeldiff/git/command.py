"""The command line of `git modeldiff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from modeldiff.cli import TROUBLE


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    print(f"git modeldiff: {len(arguments)} arguments", file=sys.stderr)
    return TROUBLE
