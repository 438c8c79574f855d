# Which call is meant: Keras counts the nodes of a layer, and a nested model has a first node of its own that
# belongs to no call inside the model. Whether that node is counted depends on version, class and place (the table in
# `_first_index`); where the indices in the file contradict the table, the file is right.
"""Node indices as written -> which call of the layer inside this model: `resolver_of`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from modeldiff.graph import Call, TensorRef
from modeldiff.loader.connections import Node, RawRef
from modeldiff.loader.model_objects import Entry, is_modern
from modeldiff.loader.topology import topological

Report = Callable[..., None]
"""Called with a sentence and the name of the layer it is about."""


class Resolver:
    """References of one functional model."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        nodes: Mapping[str, Sequence[Node]],
        ends: Sequence[RawRef],
        report: Report,
        *,
        shifted: bool = False,
    ) -> None:
        """`ends` are the model's inputs and outputs.

        `shifted`: whatever can be a count of calls in other models too is taken as one.
        """
        self._entries = entries
        self._counts = {name: len(made) for name, made in nodes.items()}
        self._report = report
        self.ranks: dict[str, dict[int, int]] = {}
        inner = [ref for made in nodes.values() for node in made for ref in node.refs]
        if any(map(is_modern, entries.values())):
            self.ranks = self._ranked(inner, ends, shifted=shifted)
            self._inner = self._firsts(inner, modern=True, is_end=False)
            self._end = self._firsts(ends, modern=True, is_end=True)
        else:
            self._inner = self._end = self._firsts([*inner, *ends], modern=False, is_end=False)

    def inner(self, ref: RawRef, user: str) -> TensorRef | None:
        """A tensor that the layer `user` takes; None where the file has no such layer."""
        if ref.node in self.ranks.get(ref.layer, ()):
            return TensorRef(ref.layer, self.ranks[ref.layer][ref.node], max(ref.tensor, 0))
        return self._resolve(ref, self._inner, user)

    def known(self, refs: Iterable[RawRef]) -> Iterator[TensorRef]:
        """Those tensors of `refs` that the file has, without a report."""
        for ref in refs:
            if ref.layer in self._entries:
                index = self.ranks.get(ref.layer, {}).get(ref.node, ref.node - self._inner.get(ref.layer, 0))
                yield TensorRef(ref.layer, max(index, 0))

    def end(self, ref: RawRef) -> TensorRef | None:
        """One of the model's inputs or outputs."""
        return self._resolve(ref, self._end, "")

    def _firsts(self, refs: Iterable[RawRef], *, modern: bool, is_end: bool) -> dict[str, int]:
        used = _used(refs)
        firsts = {}
        for name, entry in self._entries.items():
            if entry.is_model:
                first = _first_index(entry, modern=modern, is_end=is_end)
                seen = used.get(name)
                if seen and min(seen) < first:
                    first = 0
                elif seen and first == 0 < min(seen) and max(seen) >= self._counts[name]:
                    first = 1
                firsts[name] = first
        return firsts

    def _ranked(self, inner: Sequence[RawRef], ends: Sequence[RawRef], *, shifted: bool) -> dict[str, dict[int, int]]:
        """Index -> call of the layers whose indices count calls in other models too (Keras 3.0 and 3.1).

        Their order is that of the calls, and a call whose index is nowhere is one that only the model's ends take.
        """
        used, ended = _used(inner), _used(ends)
        ranks = {}
        for name, seen in used.items():
            count = self._counts.get(name, 0)
            missing = count - len(seen)
            if missing < 0 or count < 2 or (max(seen) < count and not (shifted and missing)):
                continue
            first = _first_index(self._entries[name], modern=True, is_end=True)
            alone = [call for call in range(count) if call + first in ended.get(name, ())][-missing:] if missing else []
            calls = [call for call in range(count) if call not in alone]
            if len(calls) == len(seen):
                ranks[name] = dict(zip(sorted(seen), calls, strict=True))
        return ranks

    def _resolve(self, ref: RawRef, firsts: Mapping[str, int], user: str) -> TensorRef | None:
        if ref.layer not in self._entries:
            self._report(f"takes a tensor of {ref.layer!r}, which is not in the file", user)
            return None
        call = ref.node - firsts.get(ref.layer, 0)
        last = max(self._counts[ref.layer] - 1, 0)
        if not 0 <= call <= last:
            if call < 0 or last:  # Keras 3.0 and 3.1 count calls in other models: with one call there is no doubt
                self._report(f"takes call {ref.node} of {ref.layer!r}, which the file does not have", user)
            call = last
        return TensorRef(ref.layer, call, max(ref.tensor, 0))


def resolver_of(
    entries: Mapping[str, Entry], nodes: Mapping[str, Sequence[Node]], ends: Sequence[RawRef], report: Report
) -> Resolver:
    """Indices as they are, unless they make a cycle and those of Keras 3.0 and 3.1 make none.

    `nodes` are mended where Keras 3.2 wrote none.
    """
    if any(map(is_modern, entries.values())):
        _restore(entries, nodes, ends, report)
    plain = Resolver(entries, nodes, ends, report)
    shifted = Resolver(entries, nodes, ends, report, shifted=True)
    if plain.ranks != shifted.ranks and _has_cycle(nodes, plain) and not _has_cycle(nodes, shifted):
        return shifted
    return plain


def _restore(
    entries: Mapping[str, Entry], nodes: Mapping[str, Sequence[Node]], ends: Sequence[RawRef], report: Report
) -> None:
    """Put the indices back that Keras 3.2 lost: it took all earlier calls for those in other models, and wrote 0.

    Told by a call that nothing takes: no other version writes one. What takes them is in the order of the calls.
    Source: keras 3.2.1, src/models/functional.py, `serialize_node` (nodes are looked for among keys of nodes).
    """
    takers: dict[str, list[tuple[Node, int]]] = {name: [] for name, made in nodes.items() if len(made) > 1}
    for made in nodes.values() if takers else ():
        for node in made:
            for place, ref in enumerate(node.refs):
                if ref.layer in takers:
                    takers[ref.layer].append((node, place))
    ended = _used(ends) if takers else {}
    for name, found in takers.items():
        first = _first_index(entries[name], modern=True, is_end=True)
        given = {index - first for index in ended.get(name, ())}
        calls = range(len(nodes[name]))
        if any(node.refs[place].node for node, place in found) or {0, *given}.issuperset(calls):
            continue
        groups = _together(found)
        fitting = [some for some in ([call for call in calls if call not in given], calls) if len(some) == len(groups)]
        so = "they are taken in order" if fitting else "the first is shown"
        report(f"Keras 3.2 did not write which of its calls is meant where; {so}", name)
        for group, call in zip(groups, fitting[0] if fitting else (), strict=False):
            for node, place in group:
                node.refs[place] = node.refs[place]._replace(node=call)


def _together(takers: Sequence[tuple[Node, int]]) -> list[list[tuple[Node, int]]]:
    """Those that take the outputs of one call: first, second, third."""
    groups: list[list[tuple[Node, int]]] = []
    last = 0
    for node, place in takers:
        output = node.refs[place].tensor
        if not groups or output <= last:
            groups.append([])
        groups[-1].append((node, place))
        last = output
    return groups


def _has_cycle(nodes: Mapping[str, Sequence[Node]], resolver: Resolver) -> bool:
    calls = {name: [Call(tuple(resolver.known(node.refs))) for node in made] for name, made in nodes.items()}
    return bool(topological(calls)[1])


def _used(refs: Iterable[RawRef]) -> dict[str, set[int]]:
    """Per layer every index that occurs."""
    used: dict[str, set[int]] = {}
    for ref in refs:
        used.setdefault(ref.layer, set()).add(ref.node)
    return used


def _first_index(entry: Entry, *, modern: bool, is_end: bool) -> int:
    """The index of the first call of a nested model.

    Up to Keras 2: 1 for models. Keras 3: 1 for Functionals in `input_layers` and `output_layers`, else 0.
    """
    if not modern:
        return 1
    return int(is_end and "output_layers" in entry.config)
