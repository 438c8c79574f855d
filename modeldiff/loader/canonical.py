# Canonical classes and configs. First version: the class without its package, the config without the name.
"""The same model from two writers gives the same class and config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bare(class_name: str) -> str:
    """The class without the package it was registered in."""
    return class_name.rpartition(">")[2]


def canonical_class(class_name: str) -> str:
    """Today's name of a layer class."""
    return bare(class_name)


def canonical_config(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the config means, without how it was written."""
    del class_name
    return {key: value for key, value in config.items() if key not in {"name", "trainable"}}
