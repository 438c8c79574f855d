# modeldiff at home in git. Above the command line, because git is one more way to ask the same questions: which files
# changed, where their contents are, what to say where there is none. Each module holds one of these:
#
#   command      argv of `git modeldiff` -> a few calls -> exit status
#   repository   running git
#   revisions    `BASE...HEAD` -> two commits
#   changed      two commits -> the model files that changed between them
#   lfs          a Git LFS pointer -> the content in the local store, or the command that brings it
#   content      one side of a changed file -> a file to read, a Git LFS pointer, or the reason why neither
#   telling      two contents -> a report, or one sentence
#   apart        the reading of models in a child process
#   terminal, pages   those -> text, a folder of pages
#   driver, textconv, difftool   what git itself calls
#   review, attachments   what a job of continuous integration runs -> comment, report and data
#   hosts, fetching, forge   the job -> commits, what is missing here, the comment on the pull request
#   install, blocks              the lines in git's files that make git call them
"""The command `git modeldiff`."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run `git modeldiff`; returns the exit status."""
    from modeldiff.git.command import run

    if argv is None:
        from modeldiff.git.apart import permit

        permit()
    return run(argv)
