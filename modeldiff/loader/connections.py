# Inbound nodes: how a layer's calls are written. Three dialects: triples (Keras 1), quads with the keyword
# arguments repeated on every tensor (Keras 2), and `args`/`kwargs` with tensors as objects (Keras 3). What comes
# out is one flat form with indices as written; `keras_config` turns those into calls inside the model. A keyword
# tensor of Keras 2 is `["layer", 0, 0]`, the same as a list of constants, and is told apart by the first entry
# being a layer of the model.
"""Calls of layers as the file has them: `read_nodes`, `read_ends`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from modeldiff.graph import Shape
from modeldiff.loader.spatial_shapes import is_shape

TENSOR = "<tensor>"
"""Stands in `Node.kwargs` where a structure of constants holds a tensor."""

_DEEPEST = 32


class RawRef(NamedTuple):
    """One tensor argument as written: the index counts the nodes as the dialect does."""

    layer: str
    node: int
    tensor: int
    keyword: str = ""
    shape: Shape | None = None
    """Of the tensor, where the file tells (Keras 3)."""
    dtype: str = ""


@dataclass(slots=True)
class Node:
    """One call as written."""

    refs: list[RawRef] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constants by keyword, or by flat position (`"1"`) where they are positional."""
    position: int = 0
    """How many positional tensors and constants were read."""


def read_nodes(inbound: Any, layers: Container[str]) -> list[Node]:
    """Every call in `inbound_nodes`; raises ValueError where it is none of the dialects."""
    if inbound is None:
        return []
    if not isinstance(inbound, list):
        raise ValueError("inbound_nodes is no list")  # noqa: TRY004 - one error for every unreadable form
    return [_modern(item) if _is_modern(item) else _legacy(item, layers) for item in inbound]


def read_ends(value: Any) -> list[RawRef]:
    """`input_layers` or `output_layers`: a list, a bare triple, a dict or any nest of these.

    The keyword of each is its key, dotted, where a dict is in the nest.
    """
    ends = list(_ends(value, (), 0))
    by_key = any(isinstance(step, str) for _, steps in ends for step in steps)
    return [ref._replace(keyword=".".join(map(str, steps)) if by_key else "") for ref, steps in ends]


def _ends(item: Any, steps: tuple[str | int, ...], depth: int) -> Iterator[tuple[RawRef, tuple[str | int, ...]]]:
    """Tensors in Keras' flat order, each with its keys and positions; a list of one is what it holds."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(item, dict):
        for key in sorted(item):
            yield from _ends(item[key], (*steps, str(key)), depth + 1)
    elif isinstance(item, list) and not _is_triple(item):
        for position, inner in enumerate(item):
            yield from _ends(inner, (*steps, position) if len(item) > 1 else steps, depth + 1)
    else:
        yield from ((ref, steps) for ref in _legacy_refs(item, depth) if isinstance(ref, RawRef))


def _is_modern(item: Any) -> bool:
    return isinstance(item, dict) and "args" in item


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_triple(item: Any) -> TypeGuard[list[Any]]:
    return (
        isinstance(item, list)
        and len(item) in {3, 4}
        and isinstance(item[0], str)
        and _is_index(item[1])
        and (_is_index(item[2]) or item[0] == "_CONSTANT_VALUE")
        and (len(item) == 3 or isinstance(item[3], dict) or item[3] is None)
    )


def is_empty(value: Any) -> bool:
    """None, or a list or dict of nothing but None: an argument that was not given."""
    if isinstance(value, dict):
        value = list(value.values())
    return value is None or (isinstance(value, list) and bool(value) and all(item is None for item in value))


# Keras 1 and 2 ------------------------------------------------------------------------------------------------------


def _legacy(item: Any, layers: Container[str]) -> Node:
    node = Node()
    kwargs: Mapping[str, Any] = {}
    for found in _legacy_refs(item, 0):
        if isinstance(found, RawRef):
            node.refs.append(found)
        elif isinstance(found, dict):
            kwargs = kwargs or found
            continue
        elif not is_empty(found[0]):
            node.kwargs[str(node.position)] = found[0]
        node.position += 1
    _keywords(node, kwargs, lambda value: _keyword_triple(value, layers))
    return node


def _legacy_refs(item: Any, depth: int) -> Iterator[RawRef | dict[str, Any] | tuple[Any]]:
    """References, keyword arguments (dict) and constants (1-tuple) in a nest, in Keras' flat order."""
    if depth > _DEEPEST:
        raise ValueError("inbound nodes are nested too deeply")
    if _is_triple(item):
        yield (item[2],) if item[0] == "_CONSTANT_VALUE" else RawRef(item[0], item[1], item[2])
        if len(item) == 4 and item[3]:
            yield item[3]
    elif isinstance(item, list):
        for inner in item:
            yield from _legacy_refs(inner, depth + 1)
    elif isinstance(item, dict):
        for key in sorted(item):
            yield from _legacy_refs(item[key], depth + 1)
    elif item is not None:
        raise ValueError(f"{type(item).__name__} instead of a tensor")


def _keyword_triple(value: Any, layers: Container[str]) -> RawRef | None:
    if _is_triple(value) and len(value) == 3 and value[0] in layers:
        return RawRef(*value)
    return None


# Keras 3 ------------------------------------------------------------------------------------------------------------


def _modern(item: Mapping[str, Any]) -> Node:
    node = Node()
    args = _plain(item["args"])
    for argument in args if isinstance(args, list) else [args]:
        if (only := _keras_tensor(argument)) is not None:
            node.refs.append(only)
            node.position += 1
            continue
        tensors = list(_tensors(argument, _keras_tensor, 0))
        if not tensors:
            if not is_empty(argument):
                node.kwargs[str(node.position)] = argument
            node.position += 1
            continue
        node.refs.extend(tensors)
        if (constants := _without(argument, _keras_tensor, 0)) is not None:
            node.kwargs[str(node.position)] = constants
        node.position += len(tensors)
    kwargs = item.get("kwargs")
    _keywords(node, kwargs if isinstance(kwargs, dict) else {}, _keras_tensor)
    return node


def _plain(value: Any) -> Any:
    """`__tuple__` objects as lists."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items")
    return value


def _keras_tensor(value: Any) -> RawRef | None:
    if not (isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"):
        return None
    config = value.get("config")
    history = config.get("keras_history") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not _is_triple(history) or history[0] == "_CONSTANT_VALUE":
        raise ValueError("a tensor without history")
    layer, node, tensor = history[:3]
    dtype = config.get("dtype")
    return RawRef(layer, node, tensor, "", as_shape(config.get("shape")), dtype if isinstance(dtype, str) else "")


def as_shape(value: Any) -> Shape | None:
    """A JSON list as a shape, or None where it is none."""
    value = _plain(value)
    if isinstance(value, dict) and value.get("class_name") == "TensorShape":
        value = value.get("items")
    if not isinstance(value, list | tuple):
        return None
    shape = tuple(value)
    return shape if is_shape(shape) else None


# Keyword arguments, both dialects -----------------------------------------------------------------------------------


def _keywords(node: Node, kwargs: Mapping[str, Any], tensor_of: Any) -> None:
    for key in sorted(kwargs):
        value = kwargs[key]
        if value is None or isinstance(value, bool):
            if value is not None:
                node.kwargs[key] = value
            continue
        tensors = list(_tensors(value, tensor_of, 0))
        node.refs.extend(tensor._replace(keyword=key) for tensor in tensors)
        kept = _without(value, tensor_of, 0) if tensors else value
        if not is_empty(kept):
            node.kwargs[key] = kept


def _tensors(value: Any, tensor_of: Any, depth: int) -> Iterator[RawRef]:
    if depth > _DEEPEST:
        return
    if (tensor := tensor_of(value)) is not None:
        yield tensor
        return
    value = _plain(value)
    if isinstance(value, list):
        for item in value:
            yield from _tensors(item, tensor_of, depth + 1)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _tensors(value[key], tensor_of, depth + 1)


def _without(value: Any, tensor_of: Any, depth: int) -> Any:
    """The structure with `TENSOR` for its tensors; None where nothing else is in it."""
    structure = _marked(value, tensor_of, depth)
    flat = [structure]
    for item in flat:
        if isinstance(item, list):
            flat.extend(item)
        elif isinstance(item, dict):
            flat.extend(item.values())
        elif item is not None and item != TENSOR:
            return structure
    return None


def _marked(value: Any, tensor_of: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    if tensor_of(value) is not None:
        return TENSOR
    value = _plain(value)
    if isinstance(value, list):
        return [_marked(item, tensor_of, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item, tensor_of, depth + 1) for key, item in value.items()}
    return value
