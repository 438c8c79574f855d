# What a job of continuous integration runs, so that its YAML holds no logic: which commits, what to bring, what to
# write, what to say. Whatever the host tells about the job comes through `hosts`.
"""The commands `git modeldiff review` and `git modeldiff comment`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from modeldiff import output
from modeldiff.annotations import github
from modeldiff.arguments import defaults
from modeldiff.changes import DiffResult
from modeldiff.cli import COMPARED, POLICY_MET, TROUBLE
from modeldiff.errors import UnreadableFile, UsageError
from modeldiff.git import attachments, fetching, hosts
from modeldiff.git.changed import changed_models
from modeldiff.git.forge import publish
from modeldiff.git.repository import Repository
from modeldiff.git.revisions import Range, Revision, resolve, revision
from modeldiff.git.telling import compared
from modeldiff.git.terminal import heading_of
from modeldiff.policy import Term, parse, refuse_blind
from modeldiff.renderer.markdown import BUDGET
from modeldiff.report.words import counted, plain
from modeldiff.settings import Settings

_URL = re.compile(r"https?://[^\s()<>\[\]\"'`]{1,1000}")
_LARGEST = 65_536
"""Characters of a comment on GitHub."""


def review(asked: argparse.Namespace, paths: Sequence[str]) -> int:
    """Compare the models that a pull request changes and write comment, report and data; returns the exit status."""
    job, repository = hosts.find(), Repository()
    base, ends = _ends(repository, asked.revisions, job)
    settings = Settings() if asked.no_config else attachments.settings_at(repository, base)
    options = defaults(settings)
    options = replace(options, weights=options.weights and not asked.no_weights)
    terms = _terms(asked.fail_on, settings, weights=options.weights)
    changed = changed_models(repository, ends, paths)
    fetching.contents(repository, changed)
    found = []
    for one in changed:
        judged = attachments.judged(one, compared(repository, one, options, quiet=False), terms)
        output.say(f"modeldiff: {heading_of(one)}: {judged.outcome.sentence or plain(judged.outcome.verdict)}")
        for violation in judged.violations:
            output.say(f"modeldiff: {heading_of(one)}: {violation.line}")
        found.append(judged)
    folder = Path(asked.output)
    attachments.write(folder, ends, found)
    output.say(f"modeldiff: {counted(len(found), 'model file')} changed: {folder / attachments.REPORT}")
    if job is not None and job.host is hosts.Host.GITHUB:
        attachments.tell_github(folder, found)
        _annotate(found)
    if any(one.outcome.trouble for one in found):
        return TROUBLE
    return POLICY_MET if any(one.violations for one in found) else COMPARED


def _ends(repository: Repository, words: Sequence[str], job: hosts.Job | None) -> tuple[Revision, Range]:
    """The base, whose settings hold, and the two ends to compare."""
    if words:
        name = words[0].partition("..")[0] or "HEAD"
        return revision(repository, name), resolve(repository, words)
    if job is None or not job.base or not job.head:
        raise UsageError(
            "this job does not say what to compare", fix="name the commits: git modeldiff review BASE...HEAD"
        )
    fetching.commits(repository, job.base, job.head)
    return revision(repository, job.base), resolve(repository, [f"{job.base}...{job.head}"])


def _terms(asked: Sequence[str] | None, settings: Settings, *, weights: bool) -> tuple[Term, ...]:
    texts = asked or settings.fail_on
    if not texts:
        return ()
    terms = parse(texts, "--fail-on" if asked else f"{settings.origin}, fail-on")
    if not weights:
        refuse_blind(terms, "--no-weights")
    return terms


def _annotate(found: Sequence[attachments.Judged]) -> None:
    for one in found:
        result = one.outcome.report.subject if one.outcome.report is not None else None
        if isinstance(result, DiffResult):
            named = replace(result, new=replace(result.new, path=one.changed.path))
            for line in github(named, one.violations):
                output.command(line)


def comment(file: str, report_url: str | None, number: int | None) -> str:
    """Post the comment in `file`, or update the one that is there; returns what was done.

    Raises:
        UsageError: this is no job of a pull request, or the file is no comment of `review`.
        UnreadableFile: the file cannot be read.
        OutputError: the host refuses.
    """
    job = hosts.find()
    if job is None:
        raise UsageError("this is no job of GitHub or GitLab", fix="run it where the pull request is built")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UnreadableFile("cannot read the comment", where=file, fix="run git modeldiff review first") from error
    if report_url is not None:
        if not _URL.fullmatch(report_url):
            raise UsageError("this is no address", where="--report-url", fix="give one that begins with https://")
        text = f"{text.rstrip()}\n\n[Full report]({report_url})\n"
    if len(text) > _LARGEST:
        raise UsageError(f"the comment has {len(text):,} characters", where=file, fix=f"keep it within {BUDGET:,}")
    return publish(job, text, number)
