# Compile settings. Filled in the next step.
"""`training_config` and `compile_config` -> metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that mean something, the same for every writer."""
    return {key: config[key] for key in ("loss", "metrics", "loss_weights") if config.get(key) is not None}
