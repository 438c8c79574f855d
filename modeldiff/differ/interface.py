# What callers of the model feed and get. Ports are paired through the matching, then by position: another layer behind
# the same port is no change for the caller. Where the model takes or returns a dict, callers know ports by key.
"""Changes of the model's inputs and outputs: `detect`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modeldiff.changes import ROOT, InterfaceChanged, Port, Site
from modeldiff.differ.signature import is_keras_class
from modeldiff.differ.wiring import Tensor, Wiring
from modeldiff.graph import Layer, Model, Shape, TensorRef

_COMPUTE = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_KEEPS_ITS_DTYPE = frozenset({"Lambda", "Flatten", "Reshape", "Embedding", "Permute", "RepeatVector"})


def detect(old: Model, new: Model, wiring: Wiring) -> Iterator[InterfaceChanged]:
    """One change per port with another shape or dtype; one for the model where ports come, go or change places."""
    if not (old.graph.has_edges and new.graph.has_edges):
        return
    for role in ("input", "output"):
        before, after = _ends(old, role), _ends(new, role)
        ports = (
            [_port(old, ref, k, role) for k, ref in enumerate(before)],
            [_port(new, ref, k, role) for k, ref in enumerate(after)],
        )
        by_key = [any(port.key for port in side) for side in ports]
        if wiring.other_writer and by_key[0] != by_key[1]:  # what only one generation writes is no change
            ports = [_keyless(port) for port in ports[0]], [_keyless(port) for port in ports[1]]
        places = [[port.key or k for k, port in enumerate(side)] for side in ports]
        pairs = _paired(before, after, wiring)
        if len(before) != len(after) or any(places[0][i] != places[1][j] for i, j in pairs):
            yield InterfaceChanged(ROOT, role, tuple(ports[0]), tuple(ports[1]))
        for i, j in pairs:
            mine, theirs = ports[0][i], ports[1][j]
            if not (_same_shape(mine.shape, theirs.shape) and _same(mine.dtype, theirs.dtype)):
                if mine.key != theirs.key:  # told already
                    mine, theirs = _keyless(mine), _keyless(theirs)
                yield InterfaceChanged(_site(mine, theirs, wiring), role, (mine,), (theirs,))


def _keyless(port: Port) -> Port:
    return Port(port.layer, port.shape, port.dtype)


def _ends(model: Model, role: str) -> tuple[TensorRef, ...]:
    return model.graph.inputs if role == "input" else model.graph.outputs


def _paired(before: Sequence[TensorRef], after: Sequence[TensorRef], wiring: Wiring) -> list[tuple[int, int]]:
    free = list(range(len(after)))
    pairs: dict[int, int] = {}
    for i, ref in enumerate(before):
        order = sorted(free, key=lambda k: k != i)
        found = next((k for k in order if wiring.same(_tensor(ref), _tensor(after[k]))), None)
        if found is not None:
            pairs[i] = found
            free.remove(found)
    rest = [i for i in range(len(before)) if i not in pairs]
    if len(rest) == len(free):
        pairs.update(zip(rest, free, strict=True))
    return sorted(pairs.items())


def _tensor(ref: TensorRef) -> Tensor:
    return Tensor((ref.layer,), ref.call, ref.output)


def _port(model: Model, ref: TensorRef, position: int, role: str) -> Port:
    layer = next((layer for layer in model.graph.layers if layer.name == ref.layer), None)
    shape: Shape | None = None
    dtype: str | None = None
    graph = model.graph
    if role == "input":
        shapes, dtypes = graph.input_shapes or (), graph.input_dtypes or ()
        shape = shapes[position] if position < len(shapes) else None
        dtype = dtypes[position] if position < len(dtypes) else None
    if layer is not None:
        if shape is None and layer.output_shapes is not None and ref.output < len(layer.output_shapes):
            shape = layer.output_shapes[ref.output]
        if shape is None and layer.class_name == "InputLayer":
            found = layer.config.get("batch_shape")
            shape = tuple(found) if isinstance(found, (list, tuple)) else None
        dtype = dtype or _dtype(layer)
    keys = graph.input_keys if role == "input" else graph.output_keys
    return Port((ref.layer,), shape, dtype, keys[position] if position < len(keys) else "")


def _dtype(layer: Layer) -> str | None:
    """The dtype of what the layer puts out, as far as its config tells."""
    dtype = layer.config.get("dtype")
    if isinstance(dtype, str):
        policy = dtype.rpartition("_from_")[2]  # a quantised layer puts out what it did before: `int8_from_float32`
        return _COMPUTE.get(policy, policy)
    plain = is_keras_class(layer.canonical_class) and layer.kind == "layer" and layer.body is None
    return "float32" if plain and layer.canonical_class not in _KEEPS_ITS_DTYPE else None


def _same_shape(old: Shape | None, new: Shape | None) -> bool:
    if old is None or new is None:
        return True
    if not old or not new or len(old) != len(new):
        return old == new
    return old[1:] == new[1:] and (None in (old[0], new[0]) or old[0] == new[0])


def _same(old: str | None, new: str | None) -> bool:
    return old is None or new is None or old == new


def _site(old: Port, new: Port, wiring: Wiring) -> Site:
    listed_old = old.layer if old.layer in wiring.old.layers else None
    listed_new = new.layer if new.layer in wiring.new.layers else None
    if listed_old is None and listed_new is None:
        return ROOT
    return Site(listed_old, listed_new)
