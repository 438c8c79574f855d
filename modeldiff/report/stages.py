# What becomes of the input on its way to the output, in one line: of a large network nothing says more in fewer words.
# Only shapes of tensors that everything passes are told: what one branch makes is no shape of the model. A shape on
# the way to which no weights stand (padding, pooling) is passed over.
"""`224×224×3 → 112×112×64 → … → 1000`: `line`."""

from __future__ import annotations

from collections.abc import Iterator

from modeldiff.graph import Graph, Shape
from modeldiff.report.overview import inside
from modeldiff.report.view import Phrase
from modeldiff.report.words import without_batch

_FEWEST, _MOST = 3, 12
"""Shapes in a line."""


def line(graph: Graph) -> Iterator[tuple[str, Phrase]]:
    """The labelled line; none for several inputs or outputs, and where a shape on the way is not known."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or not graph.has_edges:
        return
    passed = list(_passed(graph))
    if any(shape is None for shape, _ in passed):
        return
    told = [without_batch(shape) for shape in _stages([(shape or (), is_made) for shape, is_made in passed])]
    if len(told) >= _FEWEST:
        if len(told) > _MOST:
            told[_MOST // 2 : -_MOST // 2] = ["…"]
        yield "Shapes", (" → ".join(told),)


def _passed(graph: Graph) -> Iterator[tuple[Shape | None, bool]]:
    """The tensors that everything passes, and whether weights had a part in them."""
    places = {layer.name: place for place, layer in enumerate(graph.layers)}
    if graph.inputs[0].layer not in places and graph.input_shapes:
        yield graph.input_shapes[0], False
    used = list(range(len(places)))
    """Where each layer's output is taken for the last time."""
    for place, layer in enumerate(graph.layers):
        for call in layer.calls:
            for end in call.inputs:
                if end.layer in places:
                    used[places[end.layer]] = max(used[places[end.layer]], place)
    reach, is_made = 0, False
    for place, layer in enumerate(graph.layers):
        is_made = is_made or inside(layer) > 0
        if reach <= place:
            yield (layer.output_shapes[0] if layer.output_shapes else None), is_made
            is_made = False
        reach = max(reach, used[place])
        if layer.name == graph.outputs[0].layer:
            return


def _stages(passed: list[tuple[Shape, bool]]) -> Iterator[Shape]:
    """The input, then the last shape of each size of its sides (of a vector: each length), then the output."""
    kept = [shape for shape, is_made in passed[1:-1] if is_made] + [shape for shape, _ in passed[1:][-1:]]
    before = passed[0][0]
    yield before
    for shape, following in zip(kept, [*kept[1:], None], strict=True):
        if shape != before and (following is None or _sides(shape) != _sides(following)):
            yield shape
            before = shape


def _sides(shape: Shape) -> Shape:
    return shape[:-1] if len(shape) > 2 else shape
