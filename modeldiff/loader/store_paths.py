# In the v3 store a layer lies under its class's name and a counter, not under its own name. The own name is an
# attribute since Keras 3.6; before, the counter over `model.layers` gives it. In Keras 2.12 to 2.14 each layer with
# weights was counted twice, so there only the rank of a number within its class means something.
"""Groups of the v3 store -> layers."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from modeldiff.loader.class_counter import OTHER_NAMES, counted, snake_case
from modeldiff.loader.roles import KNOWN, WITHOUT
from modeldiff.loader.store_tree import Node

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""What the list of a model's layers is called: today, and in Keras 2.12 to 2.14."""
_NUMBER = re.compile(r"(?P<base>.*?)(?:_(?P<number>\d{1,18}))?")  # a counter; more digits are part of a name


def container(node: Node) -> tuple[str, Node] | None:
    """The list of a model's layers."""
    return next(((name, node.children[name]) for name in CONTAINERS if name in node.children), None)


def match(
    children: Mapping[str, Node],
    layers: Sequence[tuple[str, str]],
    *,
    ranked: bool = False,
    repeated: Container[str] = (),
) -> dict[str, Node]:
    """Layer name -> group, for `layers` as (name, class name) in the order of `model.layers`.

    `ranked`: only the rank of a counter means something. `repeated`: layers that may be stored elsewhere.
    """
    found = _by_own_name(children, layers)
    used = set(map(id, found.values()))
    keys: dict[str, list[str]] = {}
    for key in sorted((key for key, node in children.items() if id(node) not in used), key=_number):
        keys.setdefault(_base(key), []).append(key)
    names: dict[str, list[str]] = {}
    for name, class_name in layers:
        names.setdefault(snake_case(class_name), []).append(name)
    for base, named in names.items():
        open_keys, open_names = keys.get(base, []), [name for name in named if name not in found]
        once = [name for name in open_names if name not in repeated]
        if len(open_keys) == len(once) < len(open_names):
            pairs = list(zip(once, open_keys, strict=True))
        elif ranked:
            pairs = list(zip(open_names, open_keys, strict=False))
        else:
            free = set(open_keys)
            by_counter = zip(named, counted([base] * len(named)), strict=True)
            pairs = [(name, key) for name, key in by_counter if name not in found and key in free]
        found.update((name, children[key]) for name, key in pairs)
    used = set(map(id, found.values()))
    left = {key: node for key, node in children.items() if id(node) not in used}
    _adopt(left, [(name, class_name) for name, class_name in layers if name not in found], found)
    return found


def _by_own_name(children: Mapping[str, Node], layers: Sequence[tuple[str, str]]) -> dict[str, Node]:
    """Groups that tell the name of their layer (Keras 3.6 and later)."""
    told: dict[str, list[Node]] = {}
    for node in children.values():
        told.setdefault(node.name, []).append(node)
    return {name: told[name][0] for name, _ in layers if name and len(told.get(name, ())) == 1}


def _adopt(left: dict[str, Node], layers: Sequence[tuple[str, str]], found: dict[str, Node]) -> None:
    """A class that is stored under another name (a subclass): told where one class and one name are left."""
    keys = sorted((key for key, node in left.items() if any(below.arrays for below in node.walk())), key=_number)
    names = [(name, class_name) for name, class_name in layers if class_name not in WITHOUT]
    bases, classes = {_base(key) for key in keys}, {class_name for _, class_name in names}
    if len(bases) != 1 or len(classes) != 1 or len(keys) != len(names):
        return
    if not (class_of(keys[0]) and classes <= KNOWN):  # two classes of Keras are never the same
        found.update((name, left[key]) for (name, _), key in zip(names, keys, strict=True))


def natural(key: str) -> tuple[str, int]:
    """What to sort keys by: the class, then the counter."""
    return _base(key), _number(key)


def _base(key: str) -> str:
    found = _NUMBER.fullmatch(key)
    return found["base"] if found else key


def _number(key: str) -> int:
    found = _NUMBER.fullmatch(key)
    return int(found["number"] or 0) if found else 0


def ranked(keys: Sequence[str]) -> list[str]:
    """What the counters of these keys, in their order, say as ranks: `dense, dense_2` is `dense, dense_1`."""
    return counted(map(_base, keys))


def class_of(key: str) -> str:
    """The class that a key in a list of layers was made from, where it is one of Keras; else ""."""
    return _KERAS.get(_base(key)) or _KERAS.get(key, "")


_KERAS = {snake_case(name): name for name in sorted(KNOWN - OTHER_NAMES)}
