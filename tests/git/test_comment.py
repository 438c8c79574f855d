"""One comment on a pull request, against servers that answer as GitHub and GitLab do."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from modeldiff.errors import OutputError, UsageError
from modeldiff.git import review
from modeldiff.git.forge import MARKER, QUIET
from modeldiff.renderer.markdown import BUDGET

BOT, ALICE = {"login": "github-actions[bot]", "type": "Bot", "id": 1}, {"login": "alice", "type": "User", "id": 2}


@dataclass
class Forge:
    """The comments of one pull request, and what was asked."""

    comments: list[dict] = field(default_factory=list)
    pulls: list[dict] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    user: dict | None = None
    author: dict = field(default_factory=lambda: BOT)
    refuse: int = 0
    address: str = ""

    def add(self, body, user=None, **more):
        self.comments.append(
            {"id": 100 + len(self.comments), "body": body, "user": user or BOT, "author": user or BOT, **more}
        )

    def answer(self, method, path, query, body):
        self.asked.append((method, path))
        if path.endswith("/user"):
            return (200, self.user) if self.user else (403, {})
        if self.refuse:
            return self.refuse, {"message": "no"}
        if path.endswith("/pulls"):
            return 200, [pull for pull in self.pulls if pull["head"]["label"] == query["head"][0]]
        if method == "GET":
            page, size = int(query["page"][0]), int(query["per_page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if method == "POST":
            self.add(body["body"], self.author)
            return 201, self.comments[-1]
        number = int(re.search(r"(\d+)$", path)[1])
        (comment,) = [one for one in self.comments if one["id"] == number]
        comment["body"] = body["body"]
        return 200, comment


@pytest.fixture
def forge():
    state = Forge()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            state.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
            status, answer = state.answer(self.command, url.path, parse_qs(url.query), body)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def github(forge, alone, tmp_path, monkeypatch):
    monkeypatch.delenv("GITLAB_CI", raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_API_URL", forge.address)
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/models")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")

    def happens(**payload):
        event = tmp_path / "event.json"
        event.write_text(json.dumps(payload), encoding="utf-8")
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))

    happens(pull_request={"number": 7})
    return happens


@pytest.fixture
def gitlab(forge, alone, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_API_V4_URL", f"{forge.address}/api/v4")
    monkeypatch.setenv("CI_PROJECT_ID", "42")
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "7")
    monkeypatch.setenv("MODELDIFF_GITLAB_TOKEN", "secret")
    forge.user = forge.author = BOT
    return forge


@pytest.fixture
def say(tmp_path):
    def publish(text, url=None, number=None):
        file = tmp_path / "comment.md"
        file.write_text(text, encoding="utf-8")
        return review.comment(str(file), url, number)

    return publish


ONE, TWO = f"{MARKER}\n**Renamed only**\n", f"{MARKER}\n**Weights only**\n"


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_the_first_run_comments_and_later_runs_update_the_same_comment(forge, say, host, request):
    request.getfixturevalue(host)
    assert say(ONE) == "commented"
    assert say(ONE) == "the comment says so already"
    assert say(TWO) == "the comment was updated"
    assert [comment["body"] for comment in forge.comments] == [TWO]
    writes = [asked for asked in forge.asked if asked[0] != "GET"]
    assert (
        writes
        == {
            "github": [
                ("POST", "/repos/someone/models/issues/7/comments"),
                ("PATCH", "/repos/someone/models/issues/comments/100"),
            ],
            "gitlab": [
                ("POST", "/api/v4/projects/42/merge_requests/7/notes"),
                ("PUT", "/api/v4/projects/42/merge_requests/7/notes/100"),
            ],
        }[host]
    )
    assert forge.tokens == {"secret"} if host == "gitlab" else {"Bearer secret"}


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_comments_of_others_are_never_touched(forge, say, host, request):
    request.getfixturevalue(host)
    forge.add(f"{MARKER} look what I can do", ALICE)
    forge.add(f"quoted: {MARKER}")
    assert say(ONE) == "commented"
    assert [comment["body"] for comment in forge.comments[:2]] == [f"{MARKER} look what I can do", f"quoted: {MARKER}"]


def test_with_the_token_of_a_person_it_is_their_comment(forge, github, say):
    forge.user = forge.author = ALICE
    forge.add(ONE, BOT)
    assert say(TWO) == "commented"
    assert say(ONE) == "the comment was updated"
    assert [comment["user"]["login"] for comment in forge.comments] == ["github-actions[bot]", "alice"]


def test_an_old_comment_is_found_behind_hundreds(forge, github, say):
    for number in range(230):
        forge.add(f"comment {number}", ALICE)
    forge.add(ONE)
    assert say(TWO) == "the comment was updated"


def test_nothing_changed_is_written_only_over_an_older_comment(forge, github, say):
    nothing = f"{MARKER}\n{QUIET}\nNo model file changed.\n"
    assert say(nothing) == "nothing to comment"
    assert forge.comments == []
    say(ONE)
    assert say(nothing) == "the comment was updated"


def test_the_run_behind_a_fork_finds_the_pull_request_by_its_commit(forge, github, say):
    head = "a" * 40
    run = {
        "head_sha": head,
        "head_branch": "patch-1",
        "head_repository": {"owner": {"login": "bob"}},
        "pull_requests": [],
    }
    forge.pulls = [
        {"number": 5, "head": {"sha": "b" * 40, "label": "bob:patch-1"}},
        {"number": 6, "head": {"sha": head, "label": "eve:patch-1"}},
        {"number": 9, "head": {"sha": head, "label": "bob:patch-1"}},
    ]
    github(workflow_run=run)
    assert say(ONE) == "commented"
    assert ("POST", "/repos/someone/models/issues/9/comments") in forge.asked
    github(workflow_run={**run, "head_sha": "c" * 40})
    assert say(ONE) == "no open pull request is at this commit: nothing to comment"


def test_the_link_to_the_report_stands_below(forge, github, say):
    say(ONE, "https://github.com/x/y/actions/runs/1/artifacts/2")
    assert forge.comments[0]["body"].endswith("\n\n[Full report](https://github.com/x/y/actions/runs/1/artifacts/2)\n")
    for wrong in ("javascript:alert(1)", "https://x) [y](https://z", "/tmp/report.html", ""):
        with pytest.raises(UsageError, match="--report-url"):
            say(ONE, wrong)


@pytest.mark.parametrize("code", [401, 403, 404, 302, 500])
def test_a_refusal_names_the_place_and_the_right_that_is_missing(forge, github, say, code):
    forge.refuse = code
    with pytest.raises(OutputError, match=str(code)) as caught:
        say(ONE)
    assert ("pull-requests: write" in str(caught.value)) == (code in {401, 403, 404})
    assert "secret" not in str(caught.value)


def test_a_host_that_does_not_answer_is_an_error(forge, github, say, monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    with pytest.raises(OutputError, match="cannot comment"):
        say(ONE)


def test_what_is_no_comment_of_a_review_is_refused(forge, github, say):
    with pytest.raises(UsageError, match=r"comment\.md"):
        say("hello")
    with pytest.raises(UsageError, match="characters"):
        say(ONE + "x" * (BUDGET + 6000))
    assert forge.asked == []


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_what_the_job_must_hand_over_is_named(forge, github, say, monkeypatch, name):
    monkeypatch.delenv(name)
    with pytest.raises(UsageError, match=name):
        say(ONE)


def test_without_a_pull_request_its_number_is_asked_for(forge, github, say):
    github(before="0" * 40)
    with pytest.raises(UsageError, match="--pull-request"):
        say(ONE)
    assert say(ONE, number=3) == "commented"
    assert ("POST", "/repos/someone/models/issues/3/comments") in forge.asked
