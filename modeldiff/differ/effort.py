# Two models that nobody built may be unlike in every place, and what is done for each place then adds up to minutes.
# Bounds are counts and no clock: the same files give the same report. Pairs of real models stay far below them: two
# unrelated models of 4000 layers try about 15,000 exchanges.
"""How much is looked at: `Effort` for one comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modeldiff.graph import Note


@dataclass(slots=True)
class Effort:
    """What may still be done; what had to be left out is told by `notes`."""

    exchanges: int = 16_000
    """Exchanges of partners that are tried, in all readings of the two models together."""
    settings: int = 25_000
    """Changed settings that are told one by one."""
    shortened: int = 0
    """Layers of which only the gravest changed setting was told."""

    def notes(self) -> Iterator[Note]:
        """What the result does not have for want of effort."""
        if self.exchanges <= 0:
            yield Note("", "the models are unlike in so many places that not every pairing of layers was tried")
        if self.shortened:
            layers = f"{self.shortened:,} layers" if self.shortened > 1 else "one layer"
            yield Note("", f"so many settings changed that of {layers} only the gravest change of a setting is told")
