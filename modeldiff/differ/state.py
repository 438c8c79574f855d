# What the passes share: two flows, the scorer, and what is paired so far. The one place that writes pairs.
"""`State` of a matching in the making."""

from __future__ import annotations

from dataclasses import dataclass, field

from modeldiff.changes import Evidence, Options
from modeldiff.differ.effort import Effort
from modeldiff.differ.flow import Flow
from modeldiff.differ.kinship import Kinship
from modeldiff.differ.places import Places
from modeldiff.differ.signature import Features
from modeldiff.differ.similarity import Scorer


@dataclass(slots=True)
class State:
    """What is paired so far, and everything the passes look at."""

    old: Flow
    new: Flow
    scorer: Scorer
    options: Options
    effort: Effort
    found: dict[int, tuple[int, Evidence, float]] = field(default_factory=dict)
    """Old node -> new node, why, how sure."""
    settled: set[int] = field(default_factory=set)
    """Old nodes whose pair no later pass may part, whatever stands beside it."""
    hidden: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    """Layers of a sub-model that the other side knows as one heap of weights."""
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        """Places are told by the pairs of this state."""
        self.places = Places(self.scorer)

    def afresh(self, looks: tuple[Features, Features] | None = None, kin: Kinship | None = None) -> State:
        """The same two models with nothing paired, seen otherwise."""
        scorer = Scorer(self.old, self.new, looks or self.scorer.looks, kin or self.scorer.kin)
        return State(self.old, self.new, scorer, self.options, self.effort)

    def pair(self, i: int, j: int, evidence: Evidence, score: float) -> None:
        """Make two nodes partners."""
        self.found[i] = (j, evidence, score)
        self.scorer.partner[0][i] = j
        self.scorer.partner[1][j] = i
        self.places.notice(i, j, paired=True)

    def part(self, i: int) -> None:
        """Undo the pair of an old node."""
        j, _, _ = self.found.pop(i)
        del self.scorer.partner[0][i], self.scorer.partner[1][j]
        self.places.notice(i, j, paired=True)

    def is_free(self, i: int, j: int) -> bool:
        """Whether neither node has a partner."""
        taken = i in self.scorer.partner[0] or j in self.scorer.partner[1]
        return not taken and i not in self.hidden[0] and j not in self.hidden[1]

    def is_settled(self, i: int) -> bool:
        """Whether the pair of a paired old node is final: told by the user, by weights, or by Keras' own rule."""
        return i in self.settled or self.found[i][1] in (Evidence.USER, Evidence.WEIGHTS)

    def unpaired(self, side: int) -> list[int]:
        """The flowing nodes of one side without a partner, in the flow's order."""
        order, paired, hidden = (self.old, self.new)[side].order, self.scorer.partner[side], self.hidden[side]
        return [node for node in order if node not in paired and node not in hidden]

    def evidence(self, i: int, j: int) -> Evidence:
        """What speaks most for a pair that nobody told us."""
        a, b = self.scorer.looks
        if not a.automatic[i] and self.old[i].layer.name == self.new[j].layer.name:
            return Evidence.NAME
        if a.near[i] == b.near[j]:
            return Evidence.SIGNATURE
        forth = self.scorer.partner[0]
        mine = {forth.get(p) for p, _ in self.old[i].producers} | {forth.get(c) for c in self.old[i].consumers}
        theirs = {p for p, _ in self.new[j].producers} | set(self.new[j].consumers)
        return Evidence.NEIGHBOURS if mine & theirs else Evidence.SIMILARITY
