# What can go wrong on the way to a file elsewhere. Other libraries quote the URL in their messages, with passwords and
# signatures, so nothing of a message passes through but what is known to be harmless. Nothing may hang: fsspec knows no
# limit of time that holds for every file system, so each request gets a thread that is waited for only so long.
"""Requests that end, and their errors: `bounded`, `Missing`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TypeVar

from modeldiff.errors import ModelDiffError, UnreadableFile, UsageError

TIMEOUT = 60.0
"""Seconds for one answer."""
DOWNLOAD = "download it, and give the file"
"""What helps where parts cannot be fetched."""
_T = TypeVar("_T")


class Missing(UnreadableFile):
    """There is no such file."""


def changed(name: str) -> UnreadableFile:
    """The error for a file that is not the one that was loaded."""
    return UnreadableFile("the file changed since it was loaded", where=name, fix="load it again")


def bounded(name: str, work: Callable[[], _T]) -> _T:
    """What `work` returns, if it does so in time; its errors as ours. It quotes no URL."""
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 -- whatever a file system of fsspec raises, told by the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if done:
        return done[0]
    raise _explained(failed[0] if failed else TimeoutError(), name) from None


def _explained(error: BaseException, name: str) -> Exception:
    """The error of another library in our words: its own may quote the URL with everything in it."""
    if isinstance(error, ModelDiffError):
        return error
    if isinstance(error, ImportError):
        return _not_installed(error, name)
    if isinstance(error, FileNotFoundError) and not isinstance(error.__cause__, LookupError):
        error = error.__cause__ or error  # fsspec says "not found" for whatever happened while it looked
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return Missing("there is no such file", where=name)
    if isinstance(error, PermissionError) or status in {401, 403} or "Credential" in type(error).__name__:
        return UnreadableFile("access is denied", where=name, fix="check the credentials")
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return UnreadableFile(f"no answer within {TIMEOUT:.0f} s", where=name)
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return UsageError(f"nothing is known that reads {name.partition('://')[0]}://", where=name)
    if isinstance(error, ValueError) and ("range requests" in str(error) or "seek" in str(error)):
        return UnreadableFile("the server sends files only as a whole", where=name, fix=DOWNLOAD)
    if status is not None:
        return UnreadableFile(f"the server answers {status}", where=name)
    return UnreadableFile(f"cannot be fetched ({type(error).__name__})", where=name)


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error of aiohttp, gcsfs, huggingface_hub or botocore."""
    for name in ("status", "code"):  # in turn: aiohttp has both, and warns of the second
        if isinstance(status := getattr(error, name, None), int):
            return status
    response = getattr(error, "response", None)
    told = response.get("ResponseMetadata") if isinstance(response, dict) else None
    status = told.get("HTTPStatusCode") if isinstance(told, dict) else getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _not_installed(error: ImportError, name: str) -> UsageError:
    fix = "pip install 'keras-modeldiff[remote]'"
    if (error.name or "").partition(".")[0] == "fsspec":
        return UsageError("nothing is installed that reads URLs", where=name, fix=fix)
    # The advice of fsspec, as `Install s3fs to access S3`: it knows nothing of the URL.
    advice = str(error) if re.fullmatch(r"[\w ,.'\"()\[\]-]{1,200}", str(error)) else fix
    return UsageError(f"reading {name.partition('://')[0]}:// needs another package", where=name, fix=advice)
