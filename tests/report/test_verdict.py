"""The headline: one sentence, the gravest fact first."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from models import FLAT, NESTED, model, weight

from modeldiff import Options, compare, render, report
from modeldiff.graph import Layer, Model
from modeldiff.report import Status
from modeldiff.report.words import plain

PLAIN = """
    x: InputLayer(batch_shape=[None, 8])
    first: Dense(units=8) <- x
    second: Dense(units=8) <- first
    norm: LayerNormalization <- second
    head: Dense(units=4) <- norm
    outputs: head
"""


def shaped(text: str, units: int = 4) -> Model:
    """The model with the one output shape a loader would know."""
    built = model(text)
    layers = tuple(
        replace(layer, output_shapes=((None, units),)) if layer.name == "head" else layer
        for layer in built.graph.layers
    )
    return replace(built, graph=replace(built.graph, layers=layers))


def verdict(old: Model, new: Model) -> str:
    return plain(report.build(compare(old, new)).verdict)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({}, "Same model: no difference in layers, connections, config and weights"),
        (
            {"second: Dense(units=8) <- first": "second: Dense(units=8, w=3) <- first"},
            "Weights only: 1 of 3 layers changed by",
        ),
        ({"second": "middle"}, "Renamed only: second is now middle, every weight identical"),
        (
            {"second: Dense(units=8) <- first": "drop: Dropout(rate=0.5) <- first\n    second: Dense(units=8) <- drop"},
            "Architecture changed: drop (Dropout) added after first",
        ),
        (
            {"units=8) <- first": "units=8, activation='relu') <- first"},
            "Architecture changed: activation of second is",
        ),
        ({"norm: LayerNormalization": "norm: GroupNormalization"}, "Architecture changed: norm: LayerNormalization → "),
    ],
)
def test_the_sentence_names_the_gravest_fact(edit: dict[str, str], sentence: str) -> None:
    text = PLAIN
    for before, after in edit.items():
        text = text.replace(before, after)
    seeds = {"middle": 0x51D3B6A5}
    if "middle" in text:
        old = model(PLAIN, seeds={"second": seeds["middle"]})
        assert verdict(old, model(text, seeds=seeds)).startswith(sentence)
    else:
        assert verdict(model(PLAIN), model(text)).startswith(sentence)


@pytest.mark.parametrize(("lambdas", "sentence"), [(1, "the code of lam changed"), (2, "the code of 2 layers changed")])
def test_other_code_is_told_without_its_digest(lambdas: int, sentence: str) -> None:
    def net(digit: str) -> str:
        code = {"bytecode": f"sha256:{digit * 64}"}
        lines = f"    lam: Lambda(function={code!r}) <- second\n    norm: LayerNormalization <- lam\n"
        if lambdas == 2:
            lines = lines.replace("<- second", "<- more") + f"    more: Lambda(function={code!r}) <- second\n"
        return PLAIN.replace("    norm: LayerNormalization <- second\n", lines)

    result = compare(model(net("a")), model(net("b")))
    built = report.build(result)
    assert plain(built.verdict) == f"Architecture changed: {sentence}"
    assert f"sha256:{'a' * 12} → sha256:{'b' * 12}" in render(result, "txt").replace("\n", " ")
    assert "a" * 13 not in render(result, "txt")


def test_a_renamed_class_with_settings_for_training_is_told_alike_in_verdict_and_lead() -> None:
    def net(class_name: str, **config: object) -> Model:
        built = model(PLAIN)
        layers = tuple(
            replace(layer, class_name=class_name, canonical_class=class_name, config={**layer.config, **config})
            if layer.name == "second"
            else layer
            for layer in built.graph.layers
        )
        return replace(built, graph=replace(built.graph, layers=layers))

    result = compare(net("Mine"), net("MineLayer", kernel_regularizer={"l2": 0.001}))
    built = report.build(result)
    told = "1 layer with other settings for training"
    assert plain(built.verdict) == f"Class renamed: 1 layer went from Mine to MineLayer, weights identical, {told}"
    assert f"Training: {told}." in plain(built.lead)
    assert plain(report.build(compare(net("Mine"), net("MineLayer"))).verdict).endswith("config and weights identical")
    unread = compare(net("Mine"), net("MineLayer"), options=Options(weights=False))
    assert plain(report.build(unread).verdict).endswith("to MineLayer, config identical")


def test_what_was_frozen_and_what_was_not_any_more_are_two_things() -> None:
    frozen = PLAIN.replace("units=8) <- x", "units=8, trainable=False) <- x")
    other = PLAIN.replace("units=8) <- first", "units=8, trainable=False) <- first")

    def told(old: str, new: str) -> tuple[str, set[str]]:
        built = report.build(compare(model(old), model(new)))
        return plain(built.lead), {plain(layer.figure) for layer in built.layers if layer.lines}

    assert told(PLAIN, frozen) == (
        "Training: 1 layer now frozen. Weights, 3 layers compared: all identical.",
        {"frozen"},
    )
    assert told(frozen, PLAIN)[0].startswith("Training: 1 layer no longer frozen.")
    assert told(frozen, PLAIN)[1] == {"unfrozen"}
    assert told(frozen, other)[0].startswith("Training: 2 layers frozen or unfrozen.")


def test_layers_of_one_class_that_went_to_one_other_are_told_together() -> None:
    old = model(PLAIN.replace("norm: LayerNormalization <- second", "a: ReLU <- second\n    norm: ReLU <- a"))
    new = model(PLAIN.replace("norm: LayerNormalization <- second", "a: ELU <- second\n    norm: ELU <- a"))
    assert verdict(old, new) == "Architecture changed: 2 layers went from ReLU to ELU"


def test_a_chain_cut_into_two_sub_models_and_back() -> None:
    built = report.build(compare(model(FLAT), model(NESTED)))
    told = "front and back are now sub-models, 2 layers moved into them, every weight identical"
    assert plain(built.verdict) == f"Architecture changed: {told}"
    assert plain(built.lead).startswith("Architecture: 2 sub-models extracted, 2 layers moved. ")
    built = report.build(compare(model(NESTED), model(FLAT)))
    told = "front and back are no sub-models any more, 2 layers moved out of them"
    assert plain(built.verdict) == f"Architecture changed: {told}"
    assert plain(built.lead).startswith("Architecture: 2 sub-models dissolved, 2 layers moved. ")


def test_a_layer_without_a_class_is_added_without_brackets() -> None:
    def bare(text: str) -> Model:
        built = model(text)
        return replace(
            built, graph=replace(built.graph, layers=tuple(replace(one, class_name="") for one in built.graph.layers))
        )

    more = PLAIN.replace("norm: LayerNormalization <- second", "more: Dense(units=8) <- second\n    norm: X <- more")
    assert verdict(bare(PLAIN), bare(more)) == "Architecture changed: more added after second"


def test_values_that_broke_are_told_once() -> None:
    old = model(PLAIN)
    layers = []
    for layer in old.graph.layers:
        held = tuple(
            weight(one.name, np.full(one.shape, np.nan, np.float32)) if one.name == "kernel" else one
            for one in layer.weights
        )
        layers.append(replace(layer, weights=held) if layer.name == "second" else layer)
    built = report.build(compare(old, replace(old, graph=replace(old.graph, layers=tuple(layers)))))
    (second,) = (layer for layer in built.layers if layer.name == "second")
    assert list(map(plain, second.warnings)) == ["kernel now holds 64 NaN or infinite values"]
    assert second.lines == ()
    assert second.moved == np.inf


def test_integers_that_stand_for_the_old_values_are_no_distance_away() -> None:
    old = model(PLAIN)

    def coded(layer: Layer) -> Layer:
        values = np.concatenate(list(layer.weights[0].source.blocks(1000))).reshape(layer.weights[0].shape)
        codes = np.round(values / np.abs(values).max() * 127).astype(np.int8)
        return replace(layer, weights=(weight("kernel", codes), *layer.weights[1:]))

    layers = tuple(coded(layer) if layer.name == "second" else layer for layer in old.graph.layers)
    built = report.build(compare(old, replace(old, graph=replace(old.graph, layers=layers))))
    (second,) = (layer for layer in built.layers if layer.name == "second")
    assert plain(second.figure) == "quantised"
    assert second.moved is None


def test_callers_hear_first_that_the_output_is_another_one() -> None:
    new = shaped(PLAIN.replace("head: Dense(units=4)", "head: Dense(units=6)"), 6)
    assert verdict(shaped(PLAIN), new) == "Interface changed: output head has 6 values, was 4"


def test_without_weights_sameness_is_not_claimed_for_them() -> None:
    result = compare(model(PLAIN), model(PLAIN), options=Options(weights=False))
    assert plain(report.build(result).verdict).endswith("weights not compared")


def test_what_a_side_does_not_hold_is_said() -> None:
    built = model(PLAIN)
    layers = tuple(replace(layer, calls=(), config={}) for layer in built.graph.layers if layer.weights)
    bare = replace(built, graph=replace(built.graph, layers=layers, inputs=(), outputs=(), has_edges=False))
    result = compare(built, replace(bare, has_config=False))
    built_report = report.build(result)
    labels = [label for label, _ in built_report.facts]
    assert "Not compared" in labels
    assert not [row for row in built_report.layers if row.status is Status.REMOVED and row.parameters[0]]


def test_every_number_agrees_with_every_other() -> None:
    text = PLAIN.replace("second: Dense(units=8)", "n: Dense(units=8) <- first\n    second: Dense(units=8, w=9)")
    text = text.replace("w=9) <- first", "w=9) <- n")
    built = report.build(compare(model(PLAIN), model(text)))
    changed = [layer for layer in built.layers if layer.status is not Status.UNCHANGED]
    assert sum(amount for _, amount in built.statuses) == len(changed)
    assert sum(amount for _, amount in built.impacts) == len(changed)
    assert len(built.layers) == len(changed) + built.unchanged
    rows = list(chain.from_iterable(group.rows for group in built.groups))
    assert sorted(rows) == sorted(layer.address for layer in changed)


def test_an_input_that_only_one_file_lists_as_a_layer_is_no_change() -> None:
    functional = model(PLAIN)
    layers = functional.graph.layers[1:]
    sequential = replace(functional, graph=replace(functional.graph, layers=layers))
    for result in (compare(sequential, functional), compare(functional, sequential)):
        built = report.build(result)
        assert {layer.status for layer in built.layers} == {Status.UNCHANGED}
        assert "added" not in render(result, "dot")
        assert "removed" not in render(result, "dot")


def test_a_tolerance_is_named_and_not_called_identity() -> None:
    text = PLAIN.replace("second: Dense(units=8)", "second: Dense(units=8, w=3)").replace("norm:", "n:")
    result = compare(model(PLAIN), model(text.replace("<- norm", "<- n")), options=Options(atol=100.0))
    built = report.build(result)
    assert "within the tolerance" in plain(built.lead)
    assert "identical" not in plain(built.verdict)


def test_blocks_in_a_row_are_counted() -> None:
    def net(blocks: int) -> str:
        lines = ["x: InputLayer(batch_shape=[None, 8])", "b0: Dense(units=8) <- x"]
        for i in range(blocks):
            lines += [f"d{i}: Dense(units=8) <- b{i}", f"r{i}: ReLU <- d{i}", f"b{i + 1}: Add <- r{i}, b{i}"]
        return "\n".join([*lines, f"head: Dense(units=2) <- b{blocks}", "outputs: head"])

    assert verdict(model(net(2)), model(net(5))).startswith("Architecture changed: 3 residual blocks added after b2")


def test_the_headline_names_the_setting_that_changed_weights_before_a_rate():
    old = PLAIN.replace("norm: LayerNormalization <- second", "norm: Dropout(rate=0.1) <- second")
    new = old.replace("rate=0.1", "rate=0.2").replace("second: Dense(units=8)", "second: Dense(units=16)")
    assert verdict(model(old), model(new)).startswith("Architecture changed: units of second is 16, was 8")


def test_the_headline_names_two_ports_and_counts_the_others():
    old = PLAIN
    new = old.replace("8]", "9]").replace("head: Dense(units=4)", "head: Dense(units=6)")
    assert (
        verdict(shaped(old), shaped(new, 6))
        == "Interface changed: input x has 9 values, was 8; output head has 6 values, was 4"
    )


def strong(built: report.Report) -> list[str]:
    return [word for word in built.lead if isinstance(word, report.Strong)]


def test_the_lead_stresses_the_gravest_count_and_what_stayed() -> None:
    new = PLAIN.replace(
        "norm: LayerNormalization <- second", "act: ReLU <- second\n    norm: LayerNormalization <- act"
    )
    built = report.build(compare(model(PLAIN), model(new)))
    assert plain(built.lead) == "Architecture: 1 layer added. Weights, 3 layers compared: all identical."
    assert strong(built) == ["1 layer added", "all identical"]
    built = report.build(compare(model(PLAIN), model(new.replace("units=8) <- first", "units=8, w=3) <- first"))))
    assert strong(built) == ["1 layer added", "2 identical"]
    assert "1 changed (" in plain(built.lead)


def test_the_lead_does_not_say_again_what_the_verdict_says() -> None:
    moved = model(PLAIN.replace("second: Dense(units=8)", "second: Dense(units=8, w=3)"))
    assert report.build(compare(model(PLAIN), moved)).lead == ()


def test_how_far_each_weight_moved_is_told_apart_from_how_far_the_layer_did() -> None:
    moved = model(PLAIN.replace("second: Dense(units=8)", "second: Dense(units=8, w=3)"))
    (layer,) = (one for one in report.build(compare(model(PLAIN), moved)).layers if one.name == "second")
    assert re.fullmatch(r"moved \d+ %", plain(layer.figure))
    assert re.fullmatch(r"kernel, bias moved by \d+ to \d+ % each", plain(layer.lines[0]))


def test_the_lead_names_the_settings_that_changed_and_leads_to_no_layer_of_that_name() -> None:
    named = PLAIN.replace("norm", "activation")
    changed = named.replace("units=8) <- first", "units=8, activation='relu') <- first")
    result = compare(model(named), model(changed))
    assert "1 layer configured differently (activation)." in plain(report.build(result).lead)
    lead = render(result, "html").partition('<p class="lead">')[2].partition("</p>")[0]
    assert "<code>activation</code>" in lead
    assert "<a " not in lead


def test_settings_of_a_subclassed_model_are_told_beside_layers_that_came():
    def ranker(gate: str, *more: Layer) -> Model:
        dense = Layer("dense", "", weights=(weight("kernel", np.ones((4, 4), np.float32)),))
        built = model(PLAIN)
        graph = replace(built.graph, layers=(dense, *more), inputs=(), outputs=(), has_edges=False)
        return replace(built, graph=graph, has_config=False, metadata={"config": {"gate": gate}})

    extra = Layer("extra", "", weights=(weight("kernel", np.zeros((3, 5), np.float32)),))
    told = report.build(compare(ranker("sigmoid"), ranker("tanh", extra)))
    assert plain(told.verdict).startswith("Architecture changed: extra added")
    assert "1 setting of the model changed (gate)" in plain(told.lead)
    assert [plain(phrase) for label, phrase in told.facts if label == "Not compared"] == [
        "connections (in neither file)",
        "config of layers (in neither file)",
    ]
