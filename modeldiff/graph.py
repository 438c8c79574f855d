# The shape of a model: what a loader makes and everything later reads. Frozen and without behaviour beyond
# walking and counting, so that a reader may trust a value once built. No third-party import at run time:
# `import modeldiff` must stay instant. Rejected: a networkx graph (calls with argument positions do not fit
# an edge), and weights as arrays (a checkpoint of 10 GB must cost nothing until it is compared).
"""Models as data: `Model`, `Graph`, `Layer`, `Call`, `TensorRef`, `Weight`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from modeldiff.errors import UnreadableFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_RUN = 64
"""Entries side by side in a sample, at most."""

LayerPath = tuple[str, ...]
"""Layer names from the root model down. The root model is `()` and is not a layer."""

Shape = tuple[int | None, ...]
"""The shape of one tensor; None is a free dimension (usually the batch)."""


def format_path(path: LayerPath) -> str:
    """`("encoder", "a/b")` as `encoder/a~1b`: the escapes of RFC 6901, so that it can be read back."""
    if len(path) == 1:  # most are, and they are asked for again and again
        return path[0].replace("~", "~0").replace("/", "~1")
    return "/".join([name.replace("~", "~0").replace("/", "~1") for name in path])


def parse_path(text: str) -> LayerPath:
    """The inverse of `format_path`; the empty text is the root model."""
    if not text:
        return ()
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in text.split("/"))


class Fact(str, Enum):
    """The facts worth asserting: what a reviewer asks that no single kind of change answers. A closed list.

    Each holds of a layer (or of the file), and only where the files prove it.
    """

    FROZEN_MOVED = "frozen-moved"
    """Frozen on both sides, by its own flag or that of anything around it, yet its values changed."""
    UNMOVED = "unmoved"
    """Trainable on both sides, yet none of its weights moved while most others did."""
    BROKEN = "broken"
    """NaN or infinite values that the old side does not have."""
    WEIGHTS_MISSING = "weights-missing"
    """The configuration asks for weights that the file lacks."""
    ORPHAN_WEIGHTS = "orphan-weights"
    """The file has weights that no layer of the configuration has."""
    STATISTICS_RESET = "statistics-reset"
    """Normalisation statistics went back to what they are before any training."""
    REORDERED = "reordered"
    """Units in another order, and the inputs of a layer behind them in the same one."""
    AUTOMATIC_NAMES = "automatic-names"
    """Layers under names that Keras numbered by itself, which loading old weights would take for others."""
    CODE = "code"
    """Code that is not Keras' own travels with the model. It is never executed here."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the file lacks, or that was refused while reading it. Told in every renderer."""

    about: str
    """A layer path as text, or "" for the whole file."""
    text: str
    """One sentence without a final full stop."""
    fact: Fact | None = None
    """Which of the facts worth asserting it tells, if any."""
    key: str = ""
    """Of code: where it stands in the layer's config, "" for the layer's own class."""


_LONGEST_NAME = 120
"""Characters of a name in a label."""


class CodeKind(str, Enum):
    """In which form code travels with a model."""

    PAYLOAD = "payload"
    """Stored in the file itself: the bytecode of a lambda, a pickled module."""
    CLASS = "class"
    """A class that is not Keras' own, by name: Keras imports it or finds it registered."""
    FUNCTION = "function"
    """A function that is not Keras' own, by name."""
    FILE = "file"
    """Another file or address whose code Keras loads (a SavedModel)."""


@dataclass(frozen=True, slots=True)
class CodeRef:
    """Code that Keras would run with a model and that is not its own. Read as text; never decoded, never executed."""

    path: LayerPath
    """The layer that holds it; () for the model and its compile settings."""
    key: str
    """Where in the layer's config (`function`, `cell.config.activation`), "" for the layer's own class."""
    what: CodeKind
    name: str = ""
    """Class or function as the file says it, with the package it was registered in (`my_pkg>MyLayer`)."""
    module: str = ""
    """The Python module it is imported from, where the file tells."""
    digest: str = ""
    """Of a payload: `sha256:` and the hex digest of the stored text, line ends left out."""

    @property
    def title(self) -> str:
        """What it is, in a few words: `class my_module.MyLayer`, `payload sha256:0123456789ab`."""
        name = ".".join(filter(None, (self.module, self.name)))
        shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
        return " ".join(filter(None, (self.what.value, shown, self.digest[:19])))

    @property
    def label(self) -> str:
        """What it is and where in the layer's config: `payload sha256:0123456789ab in function`."""
        return f"{self.title} in {self.key}" if self.key else self.title


class TensorRef(NamedTuple):
    """One tensor in one graph: Keras' history triple of layer, node index and tensor index.

    A tuple, because there are as many as connections and each is looked up again and again.
    """

    layer: str
    """Name of the layer that makes it, unique in its graph."""
    call: int = 0
    """Which call of that layer inside this model, from 0."""
    output: int = 0
    """Which of that call's outputs, from 0."""


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a layer (Keras: one node)."""

    inputs: tuple[TensorRef, ...] = ()
    """Every tensor it takes: positional ones first, then keyword tensors in the order of their keywords."""
    keywords: tuple[str, ...] = ()
    """As long as `inputs`: "" for a positional tensor, else its keyword. Empty where all are positional."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are no tensors and have a meaning (`training: False`), canonical."""


class Source(Protocol):
    """Where the numbers of one weight are. Immutable and picklable; holds no open file and no numbers."""

    @property
    def is_costly(self) -> bool:
        """Whether reading takes so long (unpacking) that values are better kept for a moment than read twice."""
        ...

    def blocks(self, entries: int) -> Iterator[NDArray[Any]]:
        """Flat arrays in C order of `entries` entries each, the last one shorter; little-endian.

        bfloat16 comes as uint16 with the same bits. A block is valid until the next one is asked for.

        Raises:
            UnreadableFile: the file changed, is damaged, or the values may not be read.
        """
        ...

    def sample(self, count: int) -> NDArray[Any]:
        """At most `count` entries, those of `sample_runs`: the same positions for the same size.

        Raises:
            UnreadableFile: as `blocks`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor of a layer. Shape, dtype and size cost nothing; values are read on demand, never kept."""

    name: str
    """Its role: `kernel`, `bias`, `forward/kernel`, `query/bias`; what the file says where no role is known."""
    shape: tuple[int, ...]
    """All dimensions, as Keras would give them."""
    dtype: str
    """numpy's name, or `bfloat16`, or `string`."""
    source: Source | None = None
    """None where the values cannot be read (then `Model.notes` says why)."""
    stored_as: str = ""
    """The name of the tensor in the file."""
    trainable: bool = True
    """False for statistics and state (`moving_mean`), whatever the layer says."""

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the values, 0 for strings."""
        return self.size * itemsize(self.dtype)

    def digest(self) -> str:
        """`sha256:` and the hex digest of the values' C-order little-endian bytes.

        Raises:
            UnreadableFile: the values cannot be read.
            ValueError: there is no source.
        """
        if self.source is None:
            raise ValueError(f"the values of {self.name} cannot be read")
        hasher = hashlib.sha256()
        for block in self.source.blocks(1 << 17):
            hasher.update(block.view("uint8").data)
        return f"sha256:{hasher.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, wrapper, operation or sub-model."""

    name: str
    """Unique in its graph."""
    class_name: str
    """As the file says, without a package prefix."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Canonical: free of the name, of bookkeeping and of values that are today's defaults anyway."""
    calls: tuple[Call, ...] = ()
    """More than one call is a shared layer; none is a layer whose connections the file does not hold."""
    weights: tuple[Weight, ...] = ()
    """Its own weights as the file stores them; the weights of `body` stand at its layers."""
    body: Graph | None = None
    """The graph of a nested sub-model."""
    canonical_class: str = ""
    """Today's name of the same class (`Convolution2D` is `Conv2D`): what comparisons use."""
    trainable: bool = True
    """Effective: its own flag and that of every sub-model around it."""
    output_shapes: tuple[Shape, ...] | None = None
    """One shape per output of the first call; None where neither the file nor a rule tells."""
    modern_weights: tuple[Weight, ...] | None = None
    """The same numbers in today's layout where `weights` has an older one (Keras 1 gates), else None."""
    kind: str = "layer"
    """`layer`, or `op` for an operation that is no layer: of Keras 3 (`keras.ops.add`), or arithmetic of TensorFlow."""
    store_name: str = ""
    """What a v3 weight store calls it in its model's list of layers: class and counter (`dense_1`), by Keras' rule.
    The only link to a store that keeps no names."""
    has_name: bool = True
    """False where the file tells no name: `name` is then the place in the store, or made from the class."""

    def __post_init__(self) -> None:
        if not self.canonical_class:
            object.__setattr__(self, "canonical_class", self.class_name)

    @property
    def comparable_weights(self) -> tuple[Weight, ...]:
        """The weights to compare: today's layout where there is an older one."""
        return self.weights if self.modern_weights is None else self.modern_weights

    @property
    def parameters(self) -> int:
        """Entries in its own weights."""
        return sum(weight.size for weight in self.weights)


@dataclass(frozen=True, slots=True)
class Graph:
    """The layers of one model or sub-model and how they are connected."""

    layers: tuple[Layer, ...] = ()
    """In topological order; in the file's order where `has_edges` is false."""
    inputs: tuple[TensorRef, ...] = ()
    """The model's input tensors."""
    outputs: tuple[TensorRef, ...] = ()
    """The model's output tensors."""
    name: str = ""
    """The model's own name; for a sub-model usually the layer's name."""
    has_edges: bool = True
    """False where the file holds no connections: weights only, or a subclassed model."""
    input_shapes: tuple[Shape | None, ...] = ()
    """As long as `inputs`; None where the file does not tell. The InputLayer of a Sequential is never a layer: its
    entry of `inputs` names a layer outside `layers`."""
    input_dtypes: tuple[str, ...] = ()
    """As long as `inputs`."""
    input_keys: tuple[str, ...] = ()
    """As long as `inputs`: what callers name each by where the model takes a dict (`user`, in a nest `history.0`);
    () where its place tells."""
    output_keys: tuple[str, ...] = ()
    """As long as `outputs`, likewise."""
    listed: tuple[str, ...] = ()
    """Layer names in the order of Keras' own `model.layers`; () where the file does not tell."""

    @property
    def parameters(self) -> int:
        """Entries of all weights inside, at any depth; those that layers share count once."""
        weights = {id(weight): weight for _, layer in self.walk() for weight in layer.weights}
        return sum(weight.size for weight in weights.values())

    def walk(self, prefix: LayerPath = ()) -> Iterator[tuple[LayerPath, Layer]]:
        """Every layer with its path: a sub-model first, then its layers."""
        stack = [(prefix, iter(self.layers))]
        while stack:
            parent, layers = stack[-1]
            for layer in layers:
                path = (*parent, layer.name)
                yield path, layer
                if layer.body is not None:
                    stack.append((path, iter(layer.body.layers)))
                    break  # the others come after what is in it
            else:
                stack.pop()


@dataclass(frozen=True, slots=True)
class Holder:
    """What Keras loads as a unit: the group of one layer of the root model, or one object of a v3 weight store."""

    name: str
    """The layer's name, or the object's path in the store (`layers/dense_1`, "" for the model itself)."""
    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    """What `Weight.stored_as` says, and the shape; in the order in which Keras reads them."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model as one file holds it."""

    name: str
    """The model's own name, "" where the file has none."""
    path: str
    """The file as the user named it."""
    format: str
    """`keras-h5`, `keras-h5-weights`, `keras-v3`, `keras-v3-weights`, `keras-json`, ..."""
    graph: Graph
    """The root graph."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """`keras_version`, `backend`, `class_name` and, where compiled, `optimizer`, `loss`, `metrics`, ..."""
    weights: tuple[Weight, ...] = ()
    """Weights the model object itself owns."""
    optimizer_weights: tuple[Weight, ...] = ()
    """State of the optimizer: compared apart from the layers."""
    notes: tuple[Note, ...] = ()
    """What the file lacks or what was refused."""
    has_config: bool = True
    """False where the file holds no configuration: layers are then known by their weights only."""
    has_weights: bool = True
    """False where the file holds no weights (an architecture JSON)."""
    code: tuple[CodeRef, ...] = ()
    """Code in the configuration that is not Keras' own, in the file's order."""
    holders: tuple[Holder, ...] = ()
    """The layers' weights as the file lists them, whether or not the configuration knows them: what loading them into
    another model goes by."""

    def walk(self) -> Iterator[tuple[LayerPath, Layer]]:
        """Every layer with its path, in topological order."""
        return self.graph.walk()

    @property
    def parameters(self) -> int:
        """Entries of all weights of the layers and of the model itself."""
        return sum(weight.size for weight in self.weights) + self.graph.parameters


def digests_of(weights: Iterable[Weight]) -> list[str]:
    """`Weight.digest` of each, "" where there is no source; two at a time, because hashing is slower than reading.

    Raises:
        UnreadableFile: values cannot be read.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda weight: weight.digest() if weight.source is not None else "", weights))


def samples(sources: Sequence[Source], count: int) -> list[NDArray[Any] | None]:
    """`Source.sample` of each, None where that raises. Sources of a kind that has `samples` are asked all at once."""
    kinds: dict[type[Source], list[int]] = {}
    for place, source in enumerate(sources):
        kinds.setdefault(type(source), []).append(place)
    found: list[NDArray[Any] | None] = [None] * len(sources)
    for kind, places in kinds.items():
        together = getattr(kind, "samples", _one_by_one)
        for place, sample in zip(places, together([sources[place] for place in places], count), strict=True):
            found[place] = sample
    return found


def _one_by_one(sources: Sequence[Source], count: int) -> Iterator[NDArray[Any] | None]:
    for source in sources:
        sample = None
        with suppress(UnreadableFile):
            sample = source.sample(count)
        yield sample


def sample_runs(size: int, count: int) -> list[tuple[int, int]]:
    """Where to look at `count` of `size` entries: (first, one past the last) of a few even runs, in C order.

    Runs and not single entries: entries at a stride lie on every page and in every chunk of a tensor, so that looking
    at a thousand of them would read it all.
    """
    if size <= count:
        return [(0, size)] if size else []
    length = min(SAMPLE_RUN, max(1, count // 4))
    runs = count // length
    return [(start, start + length) for start in ((size - length) * run // max(1, runs - 1) for run in range(runs))]


@lru_cache
def itemsize(dtype: str) -> int:
    """Bytes of one entry of a `Weight.dtype`; 0 for strings."""
    if dtype in {"bool", "bfloat16", "string"}:
        return {"bool": 1, "bfloat16": 2, "string": 0}[dtype]
    digits = dtype.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits.split("_")[0]) // 8 if digits[:1].isdigit() else 0
