# Processes that tests start and others end: what is waited for comes however late on a busy machine, and no limit of
# time is promised.
"""Waiting for other processes: `number_in`, `is_gone`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


def number_in(path: Path, process: subprocess.Popen[str]) -> int:
    """The number that a part of `process` writes into a file once it works."""
    while not (path.exists() and path.read_text()):
        assert process.poll() is None, "the command ended before its work began"
        time.sleep(0.01)
    return int(path.read_text())


def is_gone(number: int) -> bool:
    """Whether the process of this number is no more, or before long."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            if "\nState:\tZ" in Path(f"/proc/{number}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False
