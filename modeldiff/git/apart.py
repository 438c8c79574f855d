# What reads models does so in a child (`modeldiff.isolation` says why), one for each file: a review of ten models tells
# nine of them and which one crashes. What the child finds travels to its parent as a pickle in a file without a name.
# Only the command itself forks; a program that calls `modeldiff.git.main` is left as it is.
"""Work on one file in a child process: `apart`."""

from __future__ import annotations

import pickle
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import IO, TypeVar, cast

from modeldiff import isolation
from modeldiff.errors import ModelDiffError

_DEEP, _FAILED, _INTERRUPTED = 3, 2, 130
"""How a child ends that has nothing to hand over: its result is nested too deeply, a mistake of ours, Ctrl-C."""

_Result = TypeVar("_Result")
_is_permitted = False


def permit() -> None:
    """Let `apart` fork: this process is the command and no other program."""
    global _is_permitted  # noqa: PLW0603 - said once, by whoever owns the process
    _is_permitted = True


def apart(work: Callable[[], _Result]) -> _Result:
    """What `work` returns; it also raises what `work` raises.

    Raises:
        UnreadableFile: reading a file crashes, or does not end.
        ModelDiffError: something else crashes.
    """
    if not _is_permitted:
        return work()
    with tempfile.TemporaryFile(prefix="modeldiff-") as file:
        status = isolation.run(lambda: _hand_over(work, file))
        if status == _DEEP:
            return work()  # it ends and crashes nothing
        if status:
            raise SystemExit(status)
        file.seek(0)
        result, error = pickle.load(file)  # noqa: S301 - what `_hand_over` wrote
    if error is not None:
        raise error
    return cast("_Result", result)


def _hand_over(work: Callable[[], object], file: IO[bytes]) -> int:
    """Write what `work` returns or raises; the exit status. Raises nothing: in the child nobody goes on after this."""
    try:
        try:
            told: tuple[object, ModelDiffError | None] = work(), None
        except ModelDiffError as error:
            told = None, error
        try:
            pickle.dump(told, file)
        except RecursionError:
            return _DEEP
        file.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception:  # noqa: BLE001 - a mistake of ours keeps its traceback
        traceback.print_exc(file=sys.stderr)
        return _FAILED
    return 0
