"""Every config of the zoo against the live model that was saved: layers, order, edges, inputs, outputs, shapes."""

from __future__ import annotations

from typing import Any

import pytest
from zoo_configs import Edge, architecture, config_files, edges, entry_of, graphs
from zoo_truth import needs_zoo

from modeldiff.graph import LayerPath
from modeldiff.loader.keras_config import Architecture

pytestmark = needs_zoo

# What the file of a model cannot tell, by model and writer. Each is Keras' own loss or a decision explained here.
LAYERS_DIFFER = {
    # Keras 1 and 2.0 write a Sequential without its name; the innermost one is called `sequential`.
    ("nested_seq2", "1.2.2"): (set(), set()),
    ("nested_seq2", "2.0.9"): (set(), set()),
    # The branches of a Merge at the start of a Sequential are layers of the graph, so that it says what feeds it.
    ("k1_seq_merge", "1.2.2"): (
        set(),
        {("sequential",), ("sequential", "left_d"), ("sequential_1",), ("sequential_1", "right_d")},
    ),
    # Keras 2.0 lists the InputLayer of a Sequential as a layer; no other version does, and here it never is one.
    ("a_mlp_inputlayer", "2.0.9"): ({("pixels",)}, set()),
}
EDGES_LOST = {
    # `tf.einsum(equation, a, b)` is saved as its equation alone (TensorFlow 2.4 to 2.15).
    ("rawops", "2.6.0"): {("tf.math.subtract", "tf.einsum"), ("x", "tf.einsum")},
    ("rawops", "2.15.0"): {("tf.math.subtract", "tf.einsum"), ("x", "tf.einsum")},
}
# Operations that no person wrote: Keras 3 computes masks with NotEqual, and 3.5 to 3.9 cast inputs in mixed
# precision. They are not in the graph, since the same code saved by another version does not have them.
MASKS, CASTS = {"NotEqual"}, {"Cast"}


Case = tuple[str, str]
"""Model and writer."""


def _renamed(case: Case, path: LayerPath) -> LayerPath:
    """The path in our graph of a layer of the live model."""
    unnamed = case[0] == "nested_seq2" and case in LAYERS_DIFFER
    return tuple("sequential" if unnamed and name == "inner_seq" else name for name in path)


@pytest.mark.parametrize("path", config_files())
def test_the_architecture_is_that_of_the_live_model(path: str) -> None:
    key, truth = entry_of(path)
    writer, _, model = key.partition("/")
    read = architecture(path)
    assert read is not None
    if not read.has_graph:
        assert not read.graph.layers
        assert truth["graphs"][0]["kind"] == "subclassed"
        return
    case = (model, writer)
    _check_layers(case, read, truth)
    _check_edges(case, read, truth)
    _check_ends(case, read, truth)
    _check_shapes(case, read, truth)
    _check_order(read)


def _check_layers(case: Case, read: Architecture, truth: dict[str, Any]) -> None:
    found: list[LayerPath] = []
    stack: list[LayerPath] = [()]
    while stack:
        here = stack.pop()
        if here:
            found.append(here)
        stack.extend((*here, name) for name in reversed(read.file_order.get(here, ())))
    missing, added = LAYERS_DIFFER.get(case, (set(), set()))
    live = {tuple(layer["path"]): layer["class"] for layer in truth["layers"]}
    classes = {_renamed(case, here): name for here, name in live.items() if here not in missing}
    assert [here for here in found if here not in added] == list(classes)
    for here, layer in read.graph.walk():
        assert layer.kind == "op" or here in added or classes[here] in {layer.class_name, layer.canonical_class}


def _check_edges(case: Case, read: Architecture, truth: dict[str, Any]) -> None:
    wired = {_renamed(case, tuple(graph["path"])) for graph in truth["graphs"] if "inputs" in graph}
    lost = EDGES_LOST.get(case, set())
    live = set()
    for path, source, *numbers, target, call, argument in _expected(truth):
        if (source, target) not in lost:
            (source_name,), (target_name,) = _renamed(case, (source,)), _renamed(case, (target,))
            live.add((_renamed(case, path), source_name, *numbers, target_name, call, argument))
    # Keras 1 and 2.0 never connect a Sequential that is not called: `wired` leaves it out
    assert {edge for edge in edges(read.graph) if edge[0] in wired} == {edge for edge in live if edge[0] in wired}
    notes = {(note.about, note.text) for note in read.notes}
    assert notes == ({("tf.einsum", "connections incomplete in the file")} if lost else set())


def _expected(truth: dict[str, Any]) -> set[Edge]:
    classes = {tuple(op["path"]): op["class"] for op in truth["operations"]}
    known = {tuple(layer["path"]) for layer in truth["layers"]} | set(classes)
    through = {
        (*edge["in_model"], edge["dst"]): edge
        for edge in truth["edges"]
        if classes.get((*edge["in_model"], edge["dst"])) in CASTS
    }
    result: set[Edge] = set()
    for edge in truth["edges"]:
        path = tuple(edge["in_model"])
        ends = {classes.get((*path, edge[end])) for end in ("src", "dst")}
        if ends & MASKS or classes.get((*path, edge["dst"])) in CASTS:
            continue
        source = through.get((*path, edge["src"]), edge)
        name = source["src"] if (*path, source["src"]) in known else "<input>"
        result.add(
            (path, name, source["src_call"], source["src_tensor"], edge["dst"], edge["dst_call"], edge["dst_arg"])
        )
    return result


def _check_ends(case: Case, read: Architecture, truth: dict[str, Any]) -> None:
    found = dict(graphs(read.graph))
    for graph in truth["graphs"]:
        if "inputs" not in graph:
            continue
        mine = found[_renamed(case, tuple(graph["path"]))]
        ends = [(end["layer"], end["call"], end["tensor"]) for end in graph["outputs"]]
        assert [(ref.layer, ref.call, ref.output) for ref in mine.outputs] == ends
        starts = [(end["layer"], end["call"], end["tensor"]) for end in graph["inputs"]]
        if graph["kind"] == "functional":
            assert [(ref.layer, ref.call, ref.output) for ref in mine.inputs] == starts
        assert len(mine.inputs) == len(mine.input_shapes) == len(mine.input_dtypes) == len(starts)


def _check_shapes(case: Case, read: Architecture, truth: dict[str, Any]) -> None:
    layers = dict(read.graph.walk())
    for told in truth["layers"] + truth["operations"]:
        layer = layers.get(_renamed(case, tuple(told["path"])))
        if layer is not None and layer.output_shapes is not None and told["output_shapes_per_call"]:
            assert list(layer.output_shapes) == _shapes(told["output_shapes_per_call"][0]), layer.name


def _shapes(written: Any) -> list[tuple[int | None, ...]]:
    if isinstance(written, dict):
        written = [written[key] for key in sorted(written)]
    return [tuple(shape) for shape in written] if all(isinstance(s, list) for s in written) else [tuple(written)]


def test_nearly_all_shapes_are_known() -> None:
    """Those of custom layers, of what follows them in Keras 1 and 2, and of rare operations are not."""
    known = [
        layer.output_shapes is not None
        for path in config_files()
        for read in [architecture(path)]
        if read is not None
        for _, layer in read.graph.walk()
    ]
    assert sum(known) / len(known) > 0.97


def _check_order(read: Architecture) -> None:
    """Each layer follows what feeds its first call."""
    for _, graph in graphs(read.graph):
        names = {layer.name for layer in graph.layers}
        seen: set[str] = set()
        for layer in graph.layers:
            seen.add(layer.name)
            assert not layer.calls or all(ref.layer in seen for ref in layer.calls[0].inputs if ref.layer in names)
