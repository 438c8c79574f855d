# One comment on one pull request: written once, then kept up to date. A comment is ours if it begins with the hidden
# marker and if we wrote it: anybody can write the marker into a comment of their own. Two small REST interfaces and no
# client library for them; the token goes to the address that the job names and follows no redirect.
#   https://docs.github.com/rest/issues/comments
#   https://docs.gitlab.com/api/notes/#merge-requests
"""Comments on GitHub and GitLab: `publish`."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from modeldiff.errors import OutputError, UsageError
from modeldiff.git.hosts import Host, Job

MARKER = "<!-- modeldiff -->"
"""What every comment of ours begins with."""
QUIET = "<!-- nothing changed -->"
"""Behind the marker: worth saying only where an older comment says something else."""
_PAGE, _PAGES = 100, 50
"""Comments asked for at once, and how often."""
_SECONDS = 30


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """A redirect is an answer like any other."""


class _Api:
    """A REST interface below one address."""

    def __init__(self, address: str, headers: Mapping[str, str], permission: str) -> None:
        self.address, self.permission = address.rstrip("/"), permission
        self.headers = {"Content-Type": "application/json", "User-Agent": "keras-modeldiff", **headers}
        self.opener = urllib.request.build_opener(_NoRedirect)

    def __call__(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, dict(self.headers), method=method)  # noqa: S310 - the job names it
        try:
            with self.opener.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            fix = self.permission if error.code in {401, 403, 404} else ""
            raise OutputError(
                f"the comment was refused: {error.code} {error.reason}", where=self._shown(path), fix=fix
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise OutputError(f"cannot comment: {reason}", where=self._shown(path), fix="try again") from error

    def _shown(self, path: str) -> str:
        return f"{self.address}{path}".partition("?")[0]

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        joint = "&" if "?" in path else "?"
        for page in range(1, _PAGES + 1):
            items = self("GET", f"{path}{joint}per_page={_PAGE}&page={page}")
            yield from (item for item in items if isinstance(item, dict))
            if len(items) < _PAGE:
                return

    def optional(self, path: str) -> dict[str, Any]:
        """What may be refused: then nothing."""
        try:
            answer = self("GET", path)
        except OutputError:
            return {}
        return answer if isinstance(answer, dict) else {}


def publish(job: Job, text: str, number: int | None = None) -> str:
    """Write or update the comment; returns what was done.

    Raises:
        UsageError: the job does not say which pull request this is, or lacks a token.
        OutputError: the host refuses, or does not answer.
    """
    if not text.startswith(MARKER):
        raise UsageError("this is no comment that git modeldiff review wrote", fix="name its comment.md")
    number = number or job.number
    return _on_github(job, text, number) if job.host is Host.GITHUB else _on_gitlab(text, number)


def _on_github(job: Job, text: str, number: int | None) -> str:
    token, repository = _needed("GITHUB_TOKEN"), _needed("GITHUB_REPOSITORY")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    address = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
    api = _Api(address, headers, "give the job `permissions: pull-requests: write`; a fork's own job never has it")
    place = f"/repos/{urllib.parse.quote(repository)}"
    if number is None and job.fork is not None:
        owner, branch = job.fork
        asked = urllib.parse.urlencode({"state": "open", "head": f"{owner}:{branch}"})
        heads = {pull.get("number"): pull for pull in api("GET", f"{place}/pulls?{asked}") if isinstance(pull, dict)}
        number = next((one for one, pull in heads.items() if (pull.get("head") or {}).get("sha") == job.head), None)
        if number is None:
            return "no open pull request is at this commit: nothing to comment"
    if number is None:
        _unknown()
    login = api.optional("/user").get("login")  # a job's own token may not ask

    def is_ours(comment: Mapping[str, Any]) -> bool:
        user = comment.get("user") or {}
        return user.get("login") == login if login else user.get("type") == "Bot"

    issue = f"{place}/issues/{number}/comments"
    return _settle(api, issue, text, is_ours, lambda found: ("PATCH", f"{place}/issues/comments/{found}"))


def _on_gitlab(text: str, number: int | None) -> str:
    token, project = _needed("MODELDIFF_GITLAB_TOKEN"), _needed("CI_PROJECT_ID")
    address = os.environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4"
    api = _Api(
        address, {"PRIVATE-TOKEN": token}, "give a project access token with the scope api in MODELDIFF_GITLAB_TOKEN"
    )
    if number is None:
        _unknown()
    me = api("GET", "/user").get("id")
    notes = f"/projects/{urllib.parse.quote(project, safe='')}/merge_requests/{number}/notes"

    def is_ours(note: Mapping[str, Any]) -> bool:
        return bool((note.get("author") or {}).get("id") == me) and not note.get("system")

    return _settle(api, notes, text, is_ours, lambda found: ("PUT", f"{notes}/{found}"))


def _settle(
    api: _Api,
    place: str,
    text: str,
    is_ours: Callable[[Mapping[str, Any]], bool],
    update: Callable[[int], tuple[str, str]],
) -> str:
    for comment in api.all(place):
        if str(comment.get("body", "")).startswith(MARKER) and is_ours(comment):
            if comment["body"].strip() == text.strip():
                return "the comment says so already"
            api(*update(int(comment["id"])), {"body": text})
            return "the comment was updated"
    if QUIET in text:
        return "nothing to comment"
    api("POST", place, {"body": text})
    return "commented"


def _needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"{name} is not set", fix=f"hand it to this step as a variable of the environment ({name})")
    return value


def _unknown() -> NoReturn:
    raise UsageError("this job does not say which pull request it is about", fix="give --pull-request NUMBER")
