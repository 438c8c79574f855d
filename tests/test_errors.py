"""The errors: three parts, and whole after a trip to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from modeldiff import ModelDiffError, NotAModel, OutputError, RenderError, UnreadableFile, UsageError


@pytest.mark.parametrize("kind", [ModelDiffError, NotAModel, OutputError, RenderError, UnreadableFile, UsageError])
def test_an_error_says_what_where_and_how_to_fix_it_also_after_pickling(kind: type[ModelDiffError]) -> None:
    error = kind("it is empty", where="m.h5", fix="save it again")
    for one in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(one) is kind
        assert str(one) == "m.h5: it is empty (save it again)"
