# Layers that belong together are told together: a block that was added is one headline and not five. A group never
# crosses an impact, so the list reads from the gravest down; each changed layer stands in exactly one group.
"""The list of changes, and the blocks in it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modeldiff.changes import DiffResult, Impact, Kind, Site
from modeldiff.graph import LayerPath, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.report.together import SUM, likeness, noun, told
from modeldiff.report.view import Group, LayerView, Status
from modeldiff.report.words import counted


@dataclass(frozen=True, slots=True)
class Block:
    """Layers added or removed together: connected to one another, or inside one sub-model."""

    status: Status
    rows: tuple[LayerView, ...]
    after: str | None
    """Name of the layer it follows, where there is just one."""
    region: Region | None = None
    """The same as the differ told it."""

    @property
    def title(self) -> str:
        """`Residual block added, built like stage2`, `Conv2D removed`."""
        like = "".join(likeness(self.region)) if self.region is not None and len(self.rows) > 1 else ""
        if self.count > 1:
            return f"{self.count} {self.noun}s {self.status.value}{like}"
        return f"{self.noun.capitalize() if self.noun.islower() else self.noun} {self.status.value}{like}"

    @property
    def count(self) -> int:
        """How many blocks of one size these are: as the differ counts them, else residual blocks, each with its sum."""
        if self.region is not None and (self.region.copies > 1 or self.region.like):
            return self.region.copies
        sums = sum(row.class_name == SUM for row in self.rows)
        return sums if self.noun == "residual block" and len(self.rows) % max(sums, 1) == 0 else 1

    @property
    def noun(self) -> str:
        """What it is called: `residual block`, `sub-model encoder`, `block`, the class of a lone layer."""
        first = self.rows[0]
        if any(row.parent == first.address for row in self.rows):
            return f"sub-model {first.name}"
        return noun(row.class_name for row in self.rows)


def blocks(layers: Sequence[LayerView], regions: Iterable[Region]) -> list[Block]:
    """Added and removed layers in connected blocks, in graph order."""
    found: list[Block] = []
    known = {
        (status, frozenset(map(format_path, region.layers))): region
        for region in regions
        for kind, status in _KINDS.items()
        if region.kind is kind
    }
    for status in (Status.ADDED, Status.REMOVED):
        rows = {layer.address: layer for layer in layers if layer.status is status}
        for members in _components(rows):
            outside = {
                str(link.label[0])
                for member in members
                for link in rows[member].inputs
                if link.address not in rows and link.status is not Status.REMOVED
            }
            views = tuple(rows[member] for member in members)
            region = known.get((status, frozenset(view.new or view.old or "" for view in views)))
            found.append(Block(status, views, outside.pop() if len(outside) == 1 else None, region))
    order = {layer.address: position for position, layer in enumerate(layers)}
    return sorted(found, key=lambda block: order[block.rows[0].address])


_KINDS = {RegionKind.BLOCK_ADDED: Status.ADDED, RegionKind.BLOCK_REMOVED: Status.REMOVED}


def _components(rows: Mapping[str, LayerView]) -> Iterator[list[str]]:
    """Connected components over links and parents, each in the order of `rows`."""
    near: dict[str, set[str]] = defaultdict(set)
    for address, row in rows.items():
        for other in (*(link.address for link in (*row.inputs, *row.outputs)), row.parent):
            if other in rows:
                near[address].add(other)
                near[other].add(address)
    order = {address: position for position, address in enumerate(rows)}
    seen: set[str] = set()
    for address in rows:
        if address in seen:
            continue
        component, stack = {address}, [address]
        while stack:
            for other in near[stack.pop()] - component:
                component.add(other)
                stack.append(other)
        seen |= component
        yield sorted(component, key=order.__getitem__)


def extracted(result: DiffResult) -> dict[LayerPath, list[LayerPath]]:
    """Sub-models that are new only as a parent: new path -> the matched layers that moved into them."""
    return _moved_under((change.site.new for change in result.of(Kind.LAYER_MOVED)), result.matching.added)


def dissolved(result: DiffResult) -> dict[LayerPath, list[LayerPath]]:
    """Sub-models that are gone only as a parent: old path -> the matched layers that moved out of them."""
    return _moved_under((change.site.old for change in result.of(Kind.LAYER_MOVED)), result.matching.removed)


def shells(result: DiffResult, status: Status) -> set[str]:
    """Addresses of sub-models put around layers that were there, or taken away from around them; and their inputs."""
    is_old = status is Status.REMOVED
    around = dissolved(result) if is_old else extracted(result)
    known = {path: layer.class_name for path, layer in (result.old if is_old else result.new).walk()} if around else {}
    alone = result.matching.removed if is_old else result.matching.added
    found = [path for path in alone if path in around or (path[:-1] in around and known[path] == "InputLayer")]
    return {(Site(path, None) if is_old else Site(None, path)).address for path in found} if around else set()


def _moved_under(paths: Iterable[LayerPath | None], parents: Sequence[LayerPath]) -> dict[LayerPath, list[LayerPath]]:
    found: dict[LayerPath, list[LayerPath]] = defaultdict(list)
    known = set(parents)
    for path in paths:
        if path is not None and path[:-1] in known:
            found[path[:-1]].append(path)
    return dict(found)


def grouped(result: DiffResult, layers: Sequence[LayerView], found: Iterable[Block]) -> tuple[Group, ...]:
    """Every changed layer in one group, gravest first."""
    titles = _together(result, found)
    homes: dict[str, Impact] = {}
    parents = {Site(None, path).address: rows for path, rows in extracted(result).items()}
    for layer in layers:
        if layer.status is Status.UNCHANGED:
            continue
        homes[layer.address] = layer.impact if layer.impact is not None else Impact.COSMETIC
        if layer.follows and layer.impact is Impact.FUNCTIONAL:
            titles[layer.address] = _FOLLOWING
        if layer.address in parents:
            titles[layer.address] = f"Now a sub-model: {layer.name}, {counted(len(parents[layer.address]), 'layer')}"
    rows: dict[tuple[Impact, str], list[LayerView]] = defaultdict(list)
    for layer in layers:
        if layer.address in homes:
            impact = homes[layer.address]
            together = titles.get(layer.address) if impact is not Impact.INTERFACE else None
            rows[impact, together or _title(impact, layer)].append(layer)
    ordered = sorted(rows.items(), key=lambda item: (-item[0][0], item[0][1] == _FOLLOWING))
    return tuple(
        Group(title, impact.label, tuple(layer.address for layer in _by_importance(impact, members)))
        for (impact, title), members in ordered
    )


def _by_importance(impact: Impact, layers: Iterable[LayerView]) -> list[LayerView]:
    """Of many layers that moved, what a reviewer must see first: warnings, then how far. Others in graph order."""
    if impact is not Impact.NUMERIC:
        return list(layers)
    return sorted(layers, key=lambda layer: (not layer.warnings, -_distance(layer)))


def _distance(layer: LayerView) -> float:
    """How far it moved; what cannot be told (NaN that were finite) comes first."""
    if layer.moved is None:
        return 0.0
    return math.inf if math.isnan(layer.moved) else layer.moved


def _together(result: DiffResult, found: Iterable[Block]) -> dict[str, str]:
    """Address of a layer -> the block it came, went or was rewired with."""
    titles: dict[str, str] = {}
    for block in found:
        title = block.title if len(block.rows) > 1 else f"Layers {block.status.value}"
        titles.update((row.address, title) for row in block.rows)
    classes = {path: layer.class_name for path, layer in result.new.walk()}
    for region in result.regions:
        if region.kind is RegionKind.BLOCK_MOVED:
            words = "".join(told(region, [classes[path] for path in region.layers]))
            titles.update((Site(None, path).address, words[0].upper() + words[1:]) for path in region.rewired)
    return titles


_FOLLOWING = "Shapes that follow"


def _title(impact: Impact, layer: LayerView) -> str:
    if impact is Impact.INTERFACE:
        return "Interface"
    if impact is Impact.COSMETIC:
        return "Names and places"
    if impact is Impact.NUMERIC:
        return "Weights and training"
    return {"retyped": "Class changed", "rewired": "Connections"}.get("".join(layer.figure), "Configuration")


def by_parent(layers: Sequence[LayerView]) -> tuple[Group, ...]:
    """One model's layers: the top level, then each sub-model."""
    rows: dict[str, list[str]] = defaultdict(list)
    names = {layer.address: layer.name for layer in layers}
    for layer in layers:
        rows[layer.parent].append(layer.address)
    return tuple(
        Group(f"Sub-model {names[parent]}" if parent in names else "Layers", "", tuple(addresses))
        for parent, addresses in rows.items()
    )
