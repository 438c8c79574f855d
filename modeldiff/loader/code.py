# Code that travels with a model: what Keras would run, import or unpickle on loading and that is not its own. The
# config is walked as the file has it, since the canonical one drops modules and packages. Nothing is decoded: a
# payload is digested as text. Rejected: looking at classes of layers only, as losses, cells, initializers and
# functions in call arguments run just as well.
"""The code in a config: `collect`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from modeldiff.graph import CodeKind, CodeRef, LayerPath
from modeldiff.loader import keras_names, values

Steps = tuple[str | int, ...]
_Found = tuple[CodeKind, str, str, str]
"""Kind, name, module, digest."""

_NAMED = ("activation", "initializer", "regularizer", "constraint", "init")
"""A text under a key that ends so is a function or class by name."""
_COMPILED = frozenset({"loss", "metrics", "weighted_metrics", "optimizer"})
"""Compile settings whose texts are names, also in lists and by output."""
_BY_NAME = frozenset({"function", "builtin_function_or_method", "type"})
_WITH_CODE = frozenset({"Lambda", "Merge", "LambdaMerge"})
"""Layers that keep functions in the way of Keras 1 and 2: `function` beside `function_type`."""
_TENSOR = "__keras_tensor__"
"""What a layer is called with: Keras reads its shape, its dtype and where it comes from, and nothing else."""
_PICKLED, _SAVED = "TorchModuleWrapper", "TFSMLayer"


def collect(
    raw: Mapping[LayerPath, Mapping[str, Any]],
    compiled: Any = None,
    alike: Mapping[LayerPath, Mapping[str, Any]] = MappingProxyType({}),
) -> tuple[CodeRef, ...]:
    """All code in the layers' objects and in the compile settings, in the file's order.

    `raw` are the objects as the file has them by layer path, the root model under (); `compiled` are the settings;
    of layers that are `alike` (see `Architecture`) one is looked at where it has no code.
    """
    apart = {id(one) for one in raw.values()}
    clean: set[int] = set()
    found: list[CodeRef] = []
    for path, one in raw.items():
        first = alike.get(path, one)
        if id(first) in clean and _takes_tensors_only(one.get("inbound_nodes")):
            continue
        refs = list(_walk(path, one, apart))
        found += refs
        if not refs:
            clean.add(id(first))
    return (*found, *_walk((), {"compile": compiled}, apart))


def _takes_tensors_only(nodes: Any) -> bool:
    """Whether the calls of a layer hold no text or object of their own."""
    waiting = [nodes]
    for value in waiting:
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict) and value.get("class_name") != _TENSOR:
            for key, one in value.items():
                if key in {"args", "kwargs"}:
                    waiting.append(one)
                elif isinstance(one, str | list | dict):
                    return False
    return True


def _walk(path: LayerPath, top: Mapping[str, Any], apart: Collection[int]) -> Iterator[CodeRef]:
    """The code in one object, without that of the layers in it that have a path of their own."""
    stack: list[tuple[Steps, Any, bool]] = [((), top, False)]
    while stack:
        steps, value, named = stack.pop()
        if isinstance(value, str):
            if not keras_names.is_function(values.bare(value)):
                yield CodeRef(path, _key(steps), CodeKind.FUNCTION, value)
        elif isinstance(value, list):
            inner = [((*steps, place), one, named) for place, one in enumerate(value) if _may_hold(one, named=named)]
            stack += reversed(inner)
        elif value is top or (id(value) not in apart and value.get("class_name") != _TENSOR):
            found = _object(value)
            if found is not None and not (steps == () and not found[2] and keras_names.is_operation(found[1])):
                yield CodeRef(path, _key(steps), *found)
            if found is None or found[0] is not CodeKind.PAYLOAD:
                yield from (CodeRef(path, _key((*steps, *inner)), *one) for inner, one in _beside(value))
                inner = [
                    ((*steps, key), one, is_name)
                    for key, one in value.items()
                    if _may_hold(one, named=(is_name := _is_named(steps, key, named=named)))
                    and not (steps == () and key == "compile_config" and path == ())  # given apart
                ]
                stack += reversed(inner)


def _may_hold(value: Any, *, named: bool) -> bool:
    """Whether there can be code in a value; `named`: as text it is the name of some."""
    return isinstance(value, list | dict) or (named and isinstance(value, str))


def _is_named(steps: Steps, key: str, *, named: bool) -> bool:
    """Whether a text under `key` names a class or function."""
    if steps and steps[-1] in {"compile", "compile_config"}:
        return key in _COMPILED
    if key in {"class_name", "name", "module", "registered_name", "config"}:
        return False
    return key == "fn" or key.endswith(_NAMED) or (named and key not in {"dtype", "reduction"})


def _object(value: Mapping[str, Any]) -> _Found | None:
    """The code that an object of a config is, if it is any."""
    class_name, config = value.get("class_name"), value.get("config")
    if not isinstance(class_name, str) or "config" not in value:
        return None
    module = value["module"] if isinstance(value.get("module"), str) else ""
    if class_name == "__lambda__":
        return _payload(config)
    if class_name in _BY_NAME:
        name = config if isinstance(config, str) else str(value.get("registered_name") or "")
        own = module in {"", "builtins"} and ">" not in name and keras_names.is_function(name)
        own = own or (keras_names.is_module(module) and ">" not in name)
        return None if own else (CodeKind.FUNCTION, name, "" if module == "builtins" else module, "")
    if class_name.startswith("__") and class_name.endswith("__") and module in {"", "builtins"}:
        return None
    registered = value.get("registered_name")
    name = registered if isinstance(registered, str) and ">" in registered else class_name
    return None if _is_own(name, class_name, module) else (CodeKind.CLASS, name, module, "")


def _is_own(name: str, class_name: str, module: str) -> bool:
    package, mark, bare = name.rpartition(">")
    if mark:
        return package == "Custom" and bare in keras_names.OPTIMIZERS and (not module or keras_names.is_module(module))
    return keras_names.is_module(module) if module else keras_names.is_class(class_name)


def _beside(value: Mapping[str, Any]) -> Iterator[tuple[Steps, _Found]]:
    """The code in the config of a layer that Keras has for code."""
    class_name, config = values.bare(value.get("class_name")), value.get("config")
    if not isinstance(config, dict):
        return
    if class_name in _WITH_CODE:
        for key in ("function", "mode", "mask", "output_shape", "output_mask"):
            found = _old_function(config, key)
            if found is not None:
                yield ("config", key), found
    elif class_name == _PICKLED and "module" in config:
        yield ("config", "module"), (CodeKind.PAYLOAD, "", "", values.digest(config["module"]))
    elif class_name == _SAVED and isinstance(config.get("filepath"), str):
        yield ("config", "filepath"), (CodeKind.FILE, config["filepath"], "", "")


def _old_function(config: Mapping[str, Any], key: str) -> _Found | None:
    """A function as Keras 1 and 2 wrote it: bytecode as text, alone or with defaults and closure, or a name."""
    value, kind = config.get(key), config.get(f"{key}_type")
    is_listed = isinstance(value, list) and bool(value) and isinstance(value[0], str)
    if kind == "lambda" or (kind is None and is_listed):
        return _payload(value)
    if not isinstance(value, str) or (kind != "function" and key != "function"):
        return None
    if not all(part.isidentifier() for part in values.bare(value).split(".")):
        return _payload(value)
    module = config.get(f"{key}_module", config.get("module"))
    return CodeKind.FUNCTION, value, module if isinstance(module, str) else "", ""


def _payload(stored: Any) -> _Found:
    """`{"code": text}`, `{"value": [text, ...]}`, `[text, defaults, closure]` or the text."""
    if isinstance(stored, dict):
        stored = stored.get("code", stored.get("value", stored))
    if isinstance(stored, list) and stored:
        stored = stored[0]
    return CodeKind.PAYLOAD, "", "", values.digest(stored)


def _key(steps: Steps) -> str:
    """`("config", "cell", "config", "activation")` as `cell.config.activation`."""
    inside = steps[1:] if steps[:1] == ("config",) else steps
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in inside).removeprefix(".")
