# What the page's script knows: the report once more as data, small. Texts that recur (class names, config keys, whole
# configs of repeated blocks) are written once and numbered, histograms are one character a bin, and empty fields are
# left out: a model of 4000 layers stays far below the 3 MB a mail or a review comment carries. Rejected: drawing every
# layer's panel as HTML (ten times the size) and compressing (a page that nobody can read in its source).
"""The report as JSON inside the page."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modeldiff.changes import Histogram, Impact
from modeldiff.report import Code, ConfigRow, LayerView, Link, Phrase, Report, Status, WeightView
from modeldiff.report.words import plain

BARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$()*+,-./:;=?@[]^_{|}~"
"""Heights of histogram bars, low to high."""
HEALTHY = "|0, 0, 0|0, 0, 0"
"""Neither zeros nor NaN nor infinities on either side: the script writes that itself, for nearly every weight."""
FEW = 24
"""A histogram of fewer entries shows chance, not a distribution."""
_STATUSES = list(Status)


def island(report: Report) -> str:
    """What the script says of every layer: JSON that is safe inside a `script` element."""
    writer = _Writer(report)
    layers = [writer.layer(view) for view in report.layers]
    data = {
        "layers": layers,
        "texts": list(writer.texts),
        "configs": [rows for _, rows in writer.configs.values()],
        "statuses": [status.value for status in _STATUSES],
        "signs": [status.sign for status in _STATUSES],
        "impacts": [impact.label for impact in Impact],
        "bars": BARS,
        "together": writer.together,
    }
    return escaped(data)


def contents(numbers: Mapping[str, int], holds: Mapping[str, Sequence[str]], parents: Mapping[str, str]) -> str:
    """Where every layer stands in the pictures: for each frame the one around it, and the layers directly inside.

    Args:
        numbers: the number of the layer at each address.
        holds: the addresses directly inside each fold and group of a picture; "" is the picture itself.
        parents: the frame around each frame.
    """
    inside = {name: [numbers[address] for address in addresses] for name, addresses in holds.items()}
    return escaped({name: [parents.get(name, ""), found] for name, found in inside.items()})


def escaped(data: Any) -> str:
    """Compact JSON without any character that could end a script or be read as markup."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class _Writer:
    """Numbers for recurring texts."""

    def __init__(self, report: Report) -> None:
        self.paths = [view.new if view.new is not None else view.old or "" for view in report.layers]
        self.index = {view.address: number for number, view in enumerate(report.layers)}
        self.takers: dict[str, list[int]] = defaultdict(list)
        for number, view in enumerate(report.layers):
            for link in view.inputs:
                self.takers[link.address].append(number)
        self.recurring = Counter(_told(report))
        self.texts: dict[str, int] = {}
        self.configs: dict[tuple[tuple[ConfigRow, ...], bool], tuple[int, list[list[int]]]] = {}
        self.numbers: dict[tuple[int, bool], int] = {}
        """Of configs, by the identity of their rows: the report outlives this."""
        self.together: list[Any] = []
        """What is said of several layers together, once."""
        self.told: dict[str, list[int]] = defaultdict(list)
        """The numbers of what is said so of each layer."""
        self.links: dict[str, Mapping[str, str]] = {}
        """Addresses by paths that the lines of a layer may name."""
        for region in report.regions:
            for told, addresses in ((region.told, region.rows), (region.caused, region.rewired)):
                if told and addresses:
                    for address in addresses:
                        self.told[address].append(len(self.together))
                    self.together.append(self.linked(told, region.links))
            if region.status is Status.CHANGED:
                self.links.update(dict.fromkeys(region.rows, region.links))

    def layer(self, view: LayerView) -> dict[str, Any]:
        """One layer; a key is missing where it has nothing to say."""
        fields = {
            "a": view.address,
            "o": view.old_name,
            "p": self.index.get(view.parent),
            "s": _STATUSES.index(view.status),
            "i": int(view.impact) if view.impact is not None and view.status is not Status.UNCHANGED else None,
            "c": self.text(view.class_name),
            "u": self.text(view.summary) if view.summary else None,
            "h": self.text(view.shape) if view.shape else None,
            "b": self.before(view),
            "f": self.phrase(view.figure),
            "l": [self.linked(line, self.links.get(view.address, {})) for line in view.lines],
            "g": self.told.get(view.address),
            "w": [self.phrase(line) for line in view.warnings],
            "k": self.config(view) if view.config else None,
            "t": [self.weight(weight) for weight in view.weights],
            "m": self.phrase(view.match, own=view.name),
            "in": [self.link(link) for link in view.inputs],
            "out": self.outputs(view),
            "q": list(view.parameters) if any(view.parameters) else None,
            "d": None if view.moved is None or math.isnan(view.moved) else float(f"{min(view.moved, 1e9):.3g}"),
            "z": None if view.trainable else 1,
        }
        return {key: value for key, value in fields.items() if value or value == 0}

    def before(self, view: LayerView) -> list[int] | None:
        """Class, summary and shape of the old layer where one of them differs."""
        pairs = (
            (view.old_class, view.class_name),
            (view.old_summary, view.summary),
            (view.old_shape, view.shape),
        )
        if all(old is None for old, _ in pairs):
            return None
        return [self.text(new if old is None else old) for old, new in pairs]

    def text(self, text: str) -> int:
        """The number of a text that may recur."""
        return self.texts.setdefault(text, len(self.texts))

    def config(self, view: LayerView) -> int:
        """The number of a config: [key, value] where nothing is compared or changed, else [key, old, new].

        A side that lacks the key is -1.
        """
        is_pair = view.old is not None and view.new is not None
        same = id(view.config), is_pair
        if same in self.numbers:
            return self.numbers[same]
        known = (view.config, is_pair)
        if known not in self.configs:
            rows = []
            for row in view.config:
                sides = [row.old, row.new] if is_pair and row.changed else [row.new if row.new is not None else row.old]
                rows.append([self.text(row.key), *(-1 if side is None else self.text(side) for side in sides)])
            self.configs[known] = len(self.configs), rows
        number = self.numbers[same] = self.configs[known][0]
        return number

    def weight(self, weight: WeightView) -> list[Any]:
        """Name, shape, dtype, entries, status, verdict; then statistics, histogram, digest where there are."""
        fields: list[Any] = [
            self.text(weight.name),
            self.text(weight.shape),
            self.text(weight.dtype),
            weight.size,
            _STATUSES.index(weight.status),
            self.phrase(weight.verdict),
        ]
        if weight.stats:
            labels = self.text("\t".join(label for label, _, _ in weight.stats))
            sides = "|".join(side for _, old, new in weight.stats for side in (old, new))
            fields.append([labels, sides.removesuffix(HEALTHY)])
        histogram = weight.histogram if weight.size >= FEW else None
        if histogram is not None or weight.digest:
            fields += [[]] * (7 - len(fields))
            fields.append(_histogram(histogram) if histogram is not None else 0)
        if weight.digest:
            fields.append(weight.digest)
        return fields

    def link(self, link: Link) -> Any:
        """The layer's number, with the label where it says more than the path, and the status."""
        number = self.index.get(link.address)
        is_path = number is not None and plain(link.label) == self.paths[number]
        if is_path and link.status is Status.UNCHANGED:
            return number
        label = 0 if is_path else self.phrase(link.label)
        fields: list[Any] = [link.address if number is None else number, label]
        return fields if link.status is Status.UNCHANGED else [*fields, _STATUSES.index(link.status)]

    def outputs(self, view: LayerView) -> list[Any] | int | None:
        """Links to the takers; None where they are just the layers that name this one as an input, 0 for none."""
        links = [self.link(link) for link in view.outputs]
        return None if links == self.takers.get(view.address, []) else links or 0

    def phrase(self, phrase: Phrase, own: str = "") -> Any:
        """Plain words as one text or its number; words from a file stand in a list, an empty one for `own`."""
        if Code not in map(type, phrase):
            return self._words("".join(phrase))
        return [
            ([] if word == own else [str(word)]) if isinstance(word, Code) else self._words(word) for word in phrase
        ]

    def linked(self, phrase: Phrase, links: Mapping[str, str]) -> Any:
        """A phrase whose words from a file are followed by the layer's number where they name one."""
        found = self.phrase(phrase)
        if isinstance(found, list):
            for word in found:
                number = self.index.get(links.get(word[0], "")) if isinstance(word, list) and word else None
                if number is not None:
                    word.append(number)
        return found

    def _words(self, words: str) -> str | int:
        """Words of ours, by number where they recur."""
        return self.text(words) if len(words) > 6 and self.recurring[words] > 2 else words


def _told(report: Report) -> Iterator[str]:
    """All words of ours that stand in phrases of layers."""
    for view in report.layers:
        phrases = [view.figure, *view.lines, *view.warnings, view.match, *(weight.verdict for weight in view.weights)]
        for phrase in phrases:
            if Code in map(type, phrase):
                yield from (word for word in phrase if not isinstance(word, Code))
            else:
                yield "".join(phrase)


def _histogram(histogram: Histogram) -> list[Any]:
    # by share of each side's entries: the sides of a weight that was resized have other numbers of them
    totals = [max(sum(side), 1) for side in (histogram.old, histogram.new)]
    old = [count * totals[1] for count in _paired(histogram.old)]
    new = [count * totals[0] for count in _paired(histogram.new)]
    top = max((*old, *new, 1))
    last = len(BARS) - 1

    def bars(counts: Sequence[int]) -> str:
        return "".join(BARS[-(-count * last // top)] for count in counts)

    return [float(f"{histogram.low:.3g}"), float(f"{histogram.high:.3g}"), bars(old), bars(new)]


def _paired(counts: Sequence[int]) -> list[int]:
    """Half as many bins: a panel is 360 points wide."""
    if len(counts) <= 40 or len(counts) % 2:
        return list(counts)
    return [first + second for first, second in zip(counts[::2], counts[1::2], strict=True)]
