# The JSON contract as a check: every JSON a test writes goes through here.
"""Parse and validate what modeldiff writes as JSON."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(files("modeldiff.renderer").joinpath("schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not strict JSON")


def parse(text: str) -> Any:
    """The data, after a check against the shipped schema and for strictness."""
    data = json.loads(text, parse_constant=_refuse)
    _validator().validate(data)
    return data
