# What the machines of GitHub and GitLab tell a job about itself, in variables of the environment and in one file. All
# of it is text from outside: ids must look like ids before they reach git or a URL, and what is missing is None.
#   https://docs.github.com/actions/reference/workflows-and-actions/variables
#   https://docs.gitlab.com/ci/variables/predefined_variables/
"""The pull request that a job of continuous integration is about: `find`."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from modeldiff.errors import UsageError

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LARGEST = 32 << 20
"""Bytes of an event, at most."""


class Host(Enum):
    """Where the job runs."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True, slots=True)
class Job:
    """A job of continuous integration."""

    host: Host
    base: str | None
    """Commit that the pull request would change."""
    head: str | None
    """Its last commit."""
    number: int | None
    """Of the pull request."""
    fork: tuple[str, str] | None = None
    """Owner and branch that a finished run was about, where its event names no pull request."""


def find() -> Job | None:
    """The job this process is part of; None elsewhere.

    Raises:
        UsageError: the event of the job cannot be read.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return _github(_event())
    if os.environ.get("GITLAB_CI") == "true":
        base, head = (os.environ.get(name) for name in ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_COMMIT_SHA"))
        number = os.environ.get("CI_MERGE_REQUEST_IID", "")
        return Job(Host.GITLAB, _commit(base), _commit(head), int(number) if number.isdecimal() else None)
    return None


def _event() -> dict[str, Any]:
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            event = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            "the event of this job cannot be read", where="GITHUB_EVENT_PATH", fix="name BASE...HEAD"
        ) from error
    return event if isinstance(event, dict) else {}


def _github(event: dict[str, Any]) -> Job:
    pull, group, run = (_part(event, name) for name in ("pull_request", "merge_group", "workflow_run"))
    if pull:
        number = pull.get("number")
        base, head = _part(pull, "base").get("sha"), _part(pull, "head").get("sha")
        return Job(Host.GITHUB, _commit(base), _commit(head), number if isinstance(number, int) else None)
    if group:
        return Job(Host.GITHUB, _commit(group.get("base_sha")), _commit(group.get("head_sha")), None)
    if run:
        pulls = run.get("pull_requests")
        known = pulls[0].get("number") if isinstance(pulls, list) and pulls and isinstance(pulls[0], dict) else None
        owner, branch = _part(_part(run, "head_repository"), "owner").get("login"), run.get("head_branch")
        fork = (owner, branch) if isinstance(owner, str) and isinstance(branch, str) else None
        head = _commit(run.get("head_sha"))
        return Job(Host.GITHUB, None, head, known if isinstance(known, int) else None, fork)
    return Job(Host.GITHUB, _commit(event.get("before")), _commit(event.get("after")), None)


def _part(event: dict[str, Any], name: str) -> dict[str, Any]:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _commit(text: object) -> str | None:
    """A commit id; None for anything else and for the zeros of a branch that is new."""
    return text if isinstance(text, str) and _ID.fullmatch(text) and text.strip("0") else None
