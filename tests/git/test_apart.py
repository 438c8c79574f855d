# What one file does to the HDF5 library costs only that file: real repositories, the real command, and a crash that is
# the library's own, which recurses once for each level of a type until a small stack overflows.
from __future__ import annotations

import json
import os
import sys

import h5py
import pytest
from h5py import h5d, h5s, h5t

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the command forks only where the system can"),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems fix the stack when a program is built"),
]
CRASHES = "damaged in a way that crashes the library which reads it (SIGSEGV)"


def deep(path, levels):
    """A file whose one dataset has a type of many levels."""
    kind = h5t.IEEE_F32LE.copy()
    for _ in range(levels):
        kind = h5t.vlen_create(kind)
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("layers/dense/vars")
        h5d.create(group.id, b"0", kind, h5s.create_simple((1,)))


@pytest.fixture
def crashing(work):
    """A change of three models, of which the second crashes whoever reads it."""
    work.modeldiff("install")
    for side, levels in (("old", 5000), ("new", 4999)):
        work.put("a.h5", "weight-changed", side)
        deep(work.top / "b.weights.h5", levels)
        work.put("c.h5", "weight-changed", side)
        work.commit(side)
    return work


def with_small_stack(work, *command, **options):
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_STACK, (400_000, -1)); os.execvp(sys.argv[1], sys.argv[1:])"
    return work.run(sys.executable, "-c", code, *command, **options)


def test_a_review_tells_the_file_that_crashes_and_the_others(crashing):
    with_small_stack(crashing, "git-modeldiff", "review", "HEAD~1...HEAD", "-o", "out", status=2)
    one, two, three = json.loads((crashing.top / "out/diff.json").read_text())["models"]
    assert one["diff"] is not None
    assert three["diff"] is not None
    assert two["trouble"]
    assert two["sentence"].startswith("cannot read b.weights.h5 (")
    assert CRASHES in two["sentence"]
    assert CRASHES in (crashing.top / "out/comment.md").read_text().replace("\\", "")


def test_git_goes_on_after_a_file_that_crashes(crashing):
    told = with_small_stack(crashing, "git", "diff", "HEAD~1")
    assert told.count("Weights only") == 2
    assert "cannot read b.weights.h5 (blob " in told
    assert CRASHES in told
    lines = with_small_stack(crashing, "git", "show", "HEAD")
    assert f"cannot be read as a model: {CRASHES}" in lines
    assert lines.count("\n+layer ") == 8
