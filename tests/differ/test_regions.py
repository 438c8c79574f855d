"""Layers that changed together: blocks that came, went or moved, and shapes that follow from a change upstream."""

from __future__ import annotations

import pytest
from models import model

from modeldiff import DiffResult, Options, compare, render
from modeldiff.graph import format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report.together import name, told

BLOCK = """
    b{n}_conv1: Conv2D(filters={width}, w={seed}1) <- {above}
    b{n}_bn1: BatchNormalization(w={seed}2) <- b{n}_conv1
    b{n}_relu1: ReLU <- b{n}_bn1
    b{n}_conv2: Conv2D(filters={width}, w={seed}3) <- b{n}_relu1
    b{n}_bn2: BatchNormalization(w={seed}4) <- b{n}_conv2
    b{n}_add: Add <- b{n}_bn2, {above}
    b{n}_relu2: ReLU <- b{n}_add"""


def net(*blocks: int | tuple[int, int], width: int = 8) -> str:
    """A residual net; a block is its number, or its number and the seed of its weights."""
    text, above = f"x: InputLayer(batch_shape=[None, 8, 8, 3])\n    stem: Conv2D(filters={width}, w=1) <- x", "stem"
    for block in blocks:
        n, seed = block if isinstance(block, tuple) else (block, block)
        text += BLOCK.format(n=n, seed=seed, above=above, width=width)
        above = f"b{n}_relu2"
    return f"    {text}\n    pool: GlobalAveragePooling2D <- {above}\n    head: Dense(units=4, w=9) <- pool\n    outputs: head\n"


def regions(old: str, new: str, **options: bool) -> tuple[Region, ...]:
    return diff(old, new, **options).regions


def diff(old: str, new: str, **options: bool) -> DiffResult:
    return compare(model(old), model(new), options=Options(**options))


def paths(layers: tuple[tuple[str, ...], ...]) -> list[str]:
    return [format_path(path) for path in layers]


BASE = net(1, 2, 3, 4)


def test_nothing_changed_nothing_together() -> None:
    assert regions(BASE, BASE) == ()
    assert regions(BASE, net((1, 11), (2, 12), (3, 13), (4, 14))) == ()  # only retrained


@pytest.mark.parametrize(("seed", "same"), [(2, True), (77, False)])
def test_a_duplicated_block_is_told_with_the_block_it_repeats(*, seed: int, same: bool) -> None:
    (region,) = regions(BASE, net(1, 2, (7, seed), 3, 4))
    assert region.kind is RegionKind.BLOCK_ADDED
    assert paths(region.layers)[0] == "b7_conv1"
    assert len(region.layers) == len(region.like) == 7
    assert region.same_weights is same
    if same:
        assert paths(region.like)[0] == "b2_conv1"


def test_without_values_no_block_is_called_a_copy() -> None:
    (region,) = regions(BASE, net(1, 2, (7, 2), 3, 4), weights=False)
    assert region.like
    assert not region.same_weights


def test_a_removed_block_is_one_region() -> None:
    (region,) = regions(BASE, net(1, 2, 4))
    assert region.kind is RegionKind.BLOCK_REMOVED
    assert paths(region.layers) == [
        *("b3_conv1", "b3_bn1", "b3_relu1", "b3_conv2", "b3_bn2", "b3_add", "b3_relu2"),
    ]


def test_blocks_in_a_row_are_counted_and_blocks_apart_are_two_regions() -> None:
    (row,) = regions(BASE, net(1, 2, 7, 8, 3, 4))
    assert row.copies == 2
    assert len(row.layers) == 14
    assert [len(one.layers) for one in regions(BASE, net(1, 2, 7, 3, 8, 4))] == [7, 7]


def test_another_build_is_like_nobody() -> None:
    new = BASE.replace(
        "pool: Global", "extra: Dense(units=3) <- b4_relu2\n    last: Dropout(rate=0.5) <- extra\n    pool: Global"
    )
    region, follows = regions(BASE, new.replace("AveragePooling2D <- b4_relu2", "AveragePooling2D <- last"))
    assert (follows.kind, paths(follows.cause)) == (RegionKind.SHAPES_FOLLOW, ["extra"])
    assert paths(region.layers) == ["extra", "last"]
    assert region.like == ()


@pytest.mark.parametrize("order", [(1, 3, 2, 4), (2, 1, 3, 4), (1, 2, 4, 3), (4, 1, 2, 3), (2, 3, 4, 1)])
def test_reordered_blocks_are_one_move_that_explains_every_rewiring(order: tuple[int, ...]) -> None:
    result = diff(BASE, net(*order))
    (region,) = result.regions
    assert region.kind is RegionKind.BLOCK_MOVED
    assert len(region.layers) % 7 == 0
    rewired = {change.site.new for change in result.changes if change.kind.value == "inputs-rewired"}
    assert set(region.rewired) == rewired


def test_a_move_that_does_not_explain_the_wires_is_none() -> None:
    """The blocks changed places, and one skip now starts elsewhere."""
    new = net(1, 3, 2, 4).replace("b2_add: Add <- b2_bn2, b3_relu2", "b2_add: Add <- b2_bn2, b1_relu2")
    assert all(region.kind is not RegionKind.BLOCK_MOVED for region in regions(BASE, new))


def test_a_layer_that_changed_places_with_its_neighbour_is_a_move() -> None:
    new = BASE.replace("b2_bn1: BatchNormalization(w=22) <- b2_conv1", "b2_bn1: BatchNormalization(w=22) <- b2_relu1")
    new = new.replace("b2_relu1: ReLU <- b2_bn1", "b2_relu1: ReLU <- b2_conv1")
    new = new.replace("b2_conv2: Conv2D(filters=8, w=23) <- b2_relu1", "b2_conv2: Conv2D(filters=8, w=23) <- b2_bn1")
    (region,) = regions(BASE, new)
    assert region.kind is RegionKind.BLOCK_MOVED
    assert paths(region.layers) in (["b2_relu1"], ["b2_bn1"])


CHAIN = """
    x: InputLayer(batch_shape=[None, 8])
    a: Dense(units=8) <- x
    b: Dense(units=8) <- a
    drop: Dropout(rate=0.5) <- b
    norm: BatchNormalization <- drop
    c: Dense(units=8) <- norm
    d: Dense(units=4) <- c
    outputs: d
"""


def test_shapes_behind_a_widened_layer_follow_from_it_and_end_at_the_next_layer_with_units() -> None:
    (region,) = regions(CHAIN, CHAIN.replace("b: Dense(units=8)", "b: Dense(units=12)"))
    assert region.kind is RegionKind.SHAPES_FOLLOW
    assert paths(region.layers) == ["norm", "c"]
    assert paths(region.cause) == ["b"]


def test_a_layer_that_changed_itself_follows_from_nobody() -> None:
    new = CHAIN.replace("b: Dense(units=8)", "b: Dense(units=12)").replace("c: Dense(units=8)", "c: Dense(units=9)")
    found = {tuple(paths(region.layers)): paths(region.cause) for region in regions(CHAIN, new)}
    assert found == {("norm",): ["b"], ("d",): ["c"]}


def test_a_shape_that_follows_from_a_new_layer_names_it() -> None:
    new = CHAIN.replace("b: Dense(units=8) <- a", "extra: Dense(units=16) <- a\n    b: Dense(units=8) <- extra")
    found = [region for region in regions(CHAIN, new) if region.kind is RegionKind.SHAPES_FOLLOW]
    assert [(paths(region.layers), paths(region.cause)) for region in found] == [(["b"], ["extra"])]


def test_another_shape_of_the_input_is_the_cause_of_what_follows() -> None:
    (region,) = regions(CHAIN, CHAIN.replace("[None, 8]", "[None, 5]"))
    assert (paths(region.layers), paths(region.cause)) == (["a"], ["x"])


@pytest.mark.parametrize("side", ["added", "removed"])
def test_a_way_around_is_told_from_where_it_begins(side: str) -> None:
    plain = CHAIN
    skip = CHAIN.replace("drop: Dropout(rate=0.5) <- b", "skip: Add <- a, b\n    drop: Dropout(rate=0.5) <- skip")
    old, new = (plain, skip) if side == "added" else (skip, plain)
    (region,) = regions(old, new)
    assert (paths(region.layers), region.bypass) == (["skip"], ("a",))
    assert f"skip connection from a {side} (skip, Add)" in render(diff(old, new), "txt")


def test_two_branches_that_meet_are_no_way_around() -> None:
    new = CHAIN.replace(
        "drop: Dropout(rate=0.5) <- b",
        "e: Dense(units=8) <- x\n    both: Add <- e, b\n    drop: Dropout(rate=0.5) <- both",
    )
    assert all(region.bypass == () for region in regions(CHAIN, new))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["stage3_block2_conv", "stage3_block2_bn", "stage3_block2_out"], "stage3_block2"),
        (["b12_conv", "b12_add"], "b12"),
        (["conv_1", "conv_2"], "conv_1 to conv_2"),
        (["block1a", "block12"], "block"),
        (["conv2d_4", "batch_normalization_3", "add"], "conv2d_4 to add"),
        (["enc/block/conv", "enc/block/add"], "enc/block"),
        (["only"], "only"),
    ],
)
def test_a_block_goes_by_what_its_names_have_in_common(names: list[str], told: str) -> None:
    assert "".join(name([tuple(text.split("/")) for text in names])) == told


def test_the_headline_tells_the_block_and_not_its_wires() -> None:
    assert "residual block b2 (7 layers) moved, now after b3_relu2, was after b1_relu2" in render(
        diff(BASE, net(1, 3, 2, 4)), "txt"
    )
    text = render(diff(BASE, net(1, 2, (7, 2), 3, 4)), "txt").replace("\n", " ")
    assert "1 residual block added after b2_relu2 (7 layers), a copy of b2 with its weights" in text


def test_copies_are_named_each_and_not_by_what_older_blocks_are_called_too() -> None:
    def message(*order: int) -> str:
        (region,) = regions(BASE, net(*order))
        return "".join(told(region, ["Conv2D", "Add", "ReLU"]))

    assert message(1, 2, 7, 8, 3, 4) == "2 residual blocks b7 and b8 (14 layers) added, built like b2"
    assert message(1, 2, 5, 6, 7, 8, 3, 4).startswith("4 residual blocks b5 to b8 (28 layers) added")


GATE = """
    squeeze: GlobalAveragePooling2D(keepdims=True) <- b4_relu2
    excite: Conv2D(filters=8) <- squeeze
    gate: Multiply <- b4_relu2, excite
"""


def test_a_gate_makes_no_residual_block() -> None:
    new = BASE.replace("    pool: Global", GATE + "    pool: Global").replace(
        "Pooling2D <- b4_relu2\n    ", "Pooling2D <- gate\n    "
    )
    text = render(diff(BASE, new), "txt").replace("\n", " ")
    assert "Architecture changed: 1 block added after b4_relu2 (3 layers)" in text


def test_a_block_of_two_sums_that_is_built_like_another_is_one() -> None:
    def transformer(blocks: int) -> str:
        lines = ["x: InputLayer(batch_shape=[None, 8])", "b0: Dense(units=8, w=90) <- x"]
        for i in range(blocks):
            lines += [f"q{i}: Dense(units=8, w={4 * i}) <- b{i}", f"s{i}: Add <- q{i}, b{i}"]
            lines += [
                f"n{i}: LayerNormalization(w={4 * i + 1}) <- s{i}",
                f"f{i}: Dense(units=8, w={4 * i + 2}) <- n{i}",
            ]
            lines += [f"b{i + 1}: Add <- f{i}, s{i}"]
        return "\n".join([*lines, f"head: Dense(units=2, w=91) <- b{blocks}", "outputs: head"])

    text = render(diff(transformer(2), transformer(3)), "txt").replace("\n", " ")
    assert "Architecture changed: 1 residual block added after b2 (5 layers), built like" in text


def test_a_net_widened_throughout_is_one_sentence() -> None:
    text = render(diff(BASE, net(1, 2, 3, 4, width=16)), "txt").replace("\n", " ")
    assert "filters changed in 9 layers (8 → 16), the shapes of 9 layers follow" in text
    assert "shape follows from b1_conv1: " in text
