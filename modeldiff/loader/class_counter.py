# Keras 3 (and 2.12 to 2.15) stores a layer under its class's name and a counter, not under its own name. The rule
# stands here alone, free of any store: configs are told by it what a store would call their layers.
# Source: keras/src/saving/saving_lib.py, `_save_container_state`, and keras/src/utils/naming.py, `to_snake_case`.
"""`dense, dense_1, conv2d`: what a store calls the layers of one model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_RENAMED = {
    "GroupQueryAttention": "GroupedQueryAttention",
    "Model": "Functional",
    "Container": "Functional",
    "Network": "Functional",
}
"""Public or older name -> the name of the Python class, where they differ."""
OTHER_NAMES = frozenset(_RENAMED)
"""Names of classes that no store uses."""


@lru_cache(maxsize=1024)
def snake_case(class_name: str) -> str:
    """The name Keras gives a group of objects of this class."""
    name = re.sub(r"\W+", "", _RENAMED.get(class_name, class_name))
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return f"private{name}" if name.startswith("_") else name


def counted(bases: Iterable[str]) -> list[str]:
    """Each base with its counter: the first without one, then `_1`, `_2`."""
    seen = Counter[str]()
    found = []
    for base in bases:
        found.append(f"{base}_{seen[base]}" if seen[base] else base)
        seen[base] += 1
    return found
