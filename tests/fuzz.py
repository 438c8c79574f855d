# Searches for files that break the reader: real files with mutated bytes, HDF5 objects, JSON and zip members. Every
# input is read, compared with the file it was made from, and shown in every format by a forked process, so that a
# crash of the HDF5 library, a hang and the memory of one input are seen and cost only that input. Inputs follow from
# the seed and their number alone. A finding is kept as a file; what was mended becomes a small test of its own.
# Rejected: atheris, whose coverage sees Python only, while most of the danger is in a C library that it cannot
# instrument as it is installed, and whose one process ends with the first crash.
"""Fuzz the reader: `python tests/fuzz.py --minutes 60 --seed 1 --keep findings/ [FILE ...]`.

Needs a POSIX system; memory is measured on Linux. Exit status 1 if there were findings.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from modeldiff import isolation

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 20
"""Processor time one input may take."""
MEMORY = 1 << 30
"""Bytes one input may occupy."""
_BATCH = 25
_WALL = 600
_LARGEST = 200_000
_WELL = {"read", "refused"}
"""How an input may end; "refused" is also what the command says of a file whose reading does not end."""
_FORMATS = ("txt", "md", "json", "dot", "svg", "html", "notebook")


# --- inputs -----------------------------------------------------------------------------------------------------


def corpus(named: Sequence[str] = ()) -> list[Path]:
    """The files inputs are made from: those named, or the samples and the real models beside the project."""
    if named:
        return [Path(name) for name in named]
    shared = ROOT.parent / "shared"
    found = [*ROOT.glob("samples/*/*.h5"), *shared.glob("models/*.*"), *shared.glob("zoo/files/*/*.*")]
    suffixes = {".h5", ".hdf5", ".keras", ".json"}
    return sorted(path for path in found if path.suffix in suffixes and path.stat().st_size < _LARGEST)


def mutant(path: Path, rng: random.Random) -> bytes:
    """The bytes of a file after one kind of mutation."""
    raw = path.read_bytes()
    kinds: list[Callable[[bytes, random.Random], bytes]] = [damage]
    if raw.startswith(b"\x89HDF"):
        kinds += [damage, damage, rearrange, rearrange, reconfigure, reconfigure]
    elif raw.startswith(b"PK"):
        kinds += [repack, repack]
    else:
        kinds += [rewrite, rewrite, rewrite]
    return rng.choice(kinds)(raw, rng)


_NUMBERS = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_LARGE = (1 << 32, (1 << 40) + 7, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1)
_MARKS = re.compile(
    rb"\x89HDF|TREE|HEAP|SNOD|OHDR|OCHK|GCOL|FRHP|FHDB|FHIB|BTHD|BTIN|BTLF|FSHD|FSSE|SMTB|SMLI|EAHD|FAHD|"
    rb"PK\x01\x02|PK\x03\x04|PK\x05\x06|PK\x06\x06|model_config|layer_names|weight_names"
)


def damage(raw: bytes, rng: random.Random) -> bytes:
    """Bytes changed, mostly where the structure of the container is."""
    data = bytearray(raw)
    marks = [found.start() for found in _MARKS.finditer(raw)] or [0]
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if not data:
            break
        place = rng.choice(marks) + rng.randrange(96) if rng.random() < 0.6 else rng.randrange(len(data))
        if rng.random() < 0.3:
            place = rng.randrange(min(len(data), 4096))
        place %= len(data)
        action = rng.randrange(9)
        if action == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif action == 1:
            data[place] = rng.randrange(256)
        elif action <= 4:
            width = rng.choice((1, 2, 4, 8))
            place -= place % width if rng.random() < 0.7 else 0
            number = rng.choice((*_NUMBERS, *_LARGE, len(data), len(data) - 1, place, rng.choice(marks)))
            data[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
        elif action == 5:
            size, other = rng.choice((8, 24, 64, 512)), rng.choice(marks)
            data[place : place + size] = data[other : other + size]
        elif action == 6:
            size = rng.choice((1, 8, 64, 512))
            data[place : place + size] = bytes(len(data[place : place + size]))
        elif action == 7 and rng.random() < 0.3:
            del data[place:]
        elif action == 8:
            data[place:place] = bytes(rng.choice((1, 8, 64)))
    return bytes(data)


def _objects(file: h5py.File) -> list[Any]:
    found: list[Any] = [file]
    file.visititems(lambda _, item: found.append(item))
    return found


def rearrange(raw: bytes, rng: random.Random) -> bytes:
    """Objects and attributes of an HDF5 file changed by HDF5 itself."""
    buffer = io.BytesIO(raw)
    with h5py.File(buffer, "r+", libver=rng.choice(("earliest", "latest"))) as file:
        for _ in range(rng.choice((1, 1, 2, 5))):
            objects = _objects(file)
            with contextlib.suppress(Exception):
                rng.choice((_change_attribute, _change_object))(rng.choice(objects), rng.choice(objects), rng)
    return buffer.getvalue()


def _values(rng: random.Random) -> Any:
    names = [b"a", b"kernel:0", b"/", b"..", b"\xff\xfe", b"x" * 5000, b"", b"a/b/c", "é\u202e".encode()]
    return rng.choice(
        (
            lambda: 3,
            lambda: float("nan"),
            lambda: h5py.Empty("f4"),
            lambda: np.zeros(0),
            lambda: np.arange(9).reshape(3, 3),
            lambda: "text",
            lambda: '{"class_name": "Sequential", "config": []}',
            lambda: [rng.choice(names) for _ in range(rng.choice((1, 3, 3000)))],
            lambda: np.array([rng.choice(names)], "S8"),
            lambda: np.array(["é", "b"], h5py.string_dtype()),
            lambda: np.zeros(3, [("a", "f4"), ("b", "S3")]),
            lambda: np.array([(1, 2)], [("r", "f4"), ("i", "f4")]),
            lambda: np.zeros(4, "V2"),
            lambda: np.zeros((2, 2), "?"),
            lambda: np.zeros(3, "c8"),
            lambda: np.zeros((3, 4), ">f8"),
            lambda: np.zeros(5, "f2"),
            lambda: np.array([1, 2], h5py.enum_dtype({"A": 1, "B": 2})),
            lambda: np.zeros(2, h5py.ref_dtype),
            lambda: np.zeros(2, h5py.regionref_dtype),
            lambda: np.array([np.arange(3)], h5py.vlen_dtype("i4")),
            lambda: np.zeros(2, h5py.opaque_dtype("M8[s]")),
            lambda: np.zeros(2, [("x", "f4", (3, 2))]),
        )
    )()


def _change_attribute(item: Any, other: Any, rng: random.Random) -> None:
    names = [*item.attrs, "weight_names", "layer_names", "layer_names0", "model_config", "name", "dtype", "new"]
    name = rng.choice(names)
    action = rng.randrange(5)
    if action == 0:
        del item.attrs[name]
    elif action == 1:
        item.attrs[name] = np.roll(item.attrs[name], 1)
    elif action == 2 and len(other.attrs):
        item.attrs[name] = other.attrs[rng.choice(list(other.attrs))]
    elif action == 3:
        for number in range(rng.choice((9, 300))):
            item.attrs[f"{name}{number}"] = _values(rng)
    else:
        item.attrs.create(name, _values(rng))


def _change_object(item: Any, other: Any, rng: random.Random) -> None:
    group = item if isinstance(item, h5py.Group) else item.parent
    names = [*group, "vars", "0", "1", "a", "layers", "optimizer_weights", "kernel:0", "x" * 3000, "\u202e<b>"]
    name = rng.choice(names)
    if name in group and rng.random() < 0.9:
        del group[name]
    action = rng.randrange(9)
    if action == 1:
        group[name] = other  # a hard link, perhaps a cycle
    elif action == 2:
        group[name] = rng.choice((h5py.SoftLink(other.name), h5py.ExternalLink("/etc/passwd", "/")))
    elif action == 3:
        group.create_group(name, track_order=rng.random() < 0.5)
    elif action == 4:
        for number in range(rng.choice((3, 500))):
            group.create_group(f"{name}{number}")
    elif action == 5:
        group[name] = _values(rng)
    elif action >= 6:
        shape = rng.choice(((), (0,), (4,), (7, 5), (1 << 20, 1 << 20), (1,) * 32, (1 << 60,), (3, 0, 2)))
        options: dict[str, Any] = rng.choice(
            (
                {},
                {"chunks": True},
                {"chunks": tuple(min(side, 1024) or 1 for side in shape) or True},
                {"compression": "gzip", "shuffle": True, "fletcher32": True},
                {"compression": "lzf"},
                {"scaleoffset": 2},
                {"maxshape": (None,) * len(shape)},
                {"external": [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]},
                {"fillvalue": 3},
            )
        )
        values = group.create_dataset(
            name, shape, rng.choice(("f4", "f8", "i8", "u1", ">f4", "V2", "f2", "?", "c16")), **options
        )
        if values.size < 1000:
            values[...] = 1


def reconfigure(raw: bytes, rng: random.Random) -> bytes:
    """A text attribute of an HDF5 file, as JSON, changed."""
    buffer = io.BytesIO(raw)
    with h5py.File(buffer, "r+") as file:
        names = [name for name in ("model_config", "model_config", "training_config") if name in file.attrs]
        if names:
            name = rng.choice(names)
            text = file.attrs[name]
            text = rewrite(text if isinstance(text, bytes) else str(text).encode(), rng)
            with contextlib.suppress(ValueError, OSError, RuntimeError):
                file.attrs.create(name, np.array(text, h5py.string_dtype()) if b"\0" not in text else np.void(text))
    return buffer.getvalue()


_WORDS = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    10**30,
    1.5,
    1e308,
    "",
    "a",
    "x" * 3000,
    "\ud800",
    "\0",
    "<script>",
    "../../x",
)
_SHAPES = (
    [],
    {},
    [[]],
    [None],
    [0],
    ["x", 0, 0],
    [[["x", 0, 0, {}]]],
    {"class_name": "Dense", "config": {}},
    [-1, 0],
    [1] * 99,
)
_CLASSES = (
    "Functional",
    "Sequential",
    "Model",
    "Dense",
    "Lambda",
    "TFOpLambda",
    "Bidirectional",
    "TimeDistributed",
    "__tensor__",
    "Merge",
)


def rewrite(raw: bytes, rng: random.Random) -> bytes:
    """JSON with values deleted, doubled, exchanged and of other types, anywhere in it; sometimes as damaged text."""
    try:
        top = json.loads(raw)
    except ValueError:
        return damage(raw, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8, 30))):
        places = list(_places(top))
        if not places:
            break
        here, key = rng.choice(places)
        action = rng.randrange(8)
        if action == 0:
            del here[key]
        elif action == 1:
            here[key] = rng.choice((*_WORDS, *_SHAPES, *_CLASSES))
        elif action == 2:
            there, other = rng.choice(places)
            with contextlib.suppress(LookupError):
                here[key] = json.loads(json.dumps(there[other]))
        elif action == 3:
            there, other = rng.choice(places)
            with contextlib.suppress(LookupError):
                here[key], there[other] = there[other], here[key]
                json.dumps(top)
        elif action == 4 and isinstance(here, list):
            here.insert(key, json.loads(json.dumps(here[key])))
        elif action == 5:
            here[key] = [here[key]] if rng.random() < 0.5 else {"a": here[key]}
        elif action == 6 and isinstance(here, dict):
            here[rng.choice(("name", "config", "class_name", "inbound_nodes", "layers", "layer", "\x1b[31m", ""))] = (
                here.pop(key)
            )
        else:
            value = here[key]
            if isinstance(value, str):
                here[key] = rng.choice((*_CLASSES, value + "\u202e", value * 50, value[:-1]))
            elif isinstance(value, (int, float)):
                here[key] = rng.choice((-value, value + 1, str(value), value * 10**9, [value]))
            elif isinstance(value, list):
                here[key] = rng.choice(
                    (value * 2, value[::-1], dict(enumerate(value)), value * 40 if len(value) < 9 else [])
                )
    try:
        text = json.dumps(top)
    except (ValueError, RecursionError):  # a cycle came about
        return damage(raw, rng)
    if rng.random() < 0.1:
        text = text.replace(
            rng.choice(("null", "true", "0", '"a"')), rng.choice(("NaN", "-Infinity", "1e999", "9" * 5000, '"\\ud800"'))
        )
    return text.encode() if rng.random() < 0.95 else damage(text.encode(), rng)


def _places(top: Any) -> Iterator[tuple[Any, Any]]:
    stack = [top]
    while stack:
        here = stack.pop()
        for key, value in (
            list(here.items()) if isinstance(here, dict) else list(enumerate(here)) if isinstance(here, list) else ()
        ):
            yield here, key
            if isinstance(value, (dict, list)):
                stack.append(value)


def repack(raw: bytes, rng: random.Random) -> bytes:
    """A zip archive with members mutated, renamed, doubled, packed, and lies about them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            data, name = old.read(info), info.filename
            if rng.random() < 0.5:
                if data.startswith(b"\x89HDF"):
                    data = rng.choice((damage, rearrange))(data, rng)
                else:
                    data = rng.choice((rewrite, rewrite, damage))(data, rng)
            if rng.random() < 0.05:
                continue
            if rng.random() < 0.05:
                name = rng.choice(
                    ("config.json", "../config.json", "/etc/x", "a/" + name, "model.weights.npz", "assets/" + name)
                )
            method = rng.choice((zipfile.ZIP_STORED,) * 3 + (zipfile.ZIP_DEFLATED,) * 2 + (zipfile.ZIP_BZIP2,))
            with contextlib.suppress(UserWarning):
                new.writestr(name, data, method)
    data = bytearray(buffer.getvalue())
    if rng.random() < 0.4:
        end = data.rfind(b"PK\x05\x06")
        where = rng.choice(
            [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06", data)] or [end]
        )
        place = where + rng.randrange(46)
        data[place : place + 4] = struct.pack("<I", rng.choice((*_NUMBERS, len(data))) & 0xFFFFFFFF)
    return bytes(data)


# --- trials -----------------------------------------------------------------------------------------------------


def trial(original: Path, path: Path, number: int) -> str:
    """Read, compare and show one input: "read", "refused", or the traceback of what must not happen."""
    from modeldiff import ModelDiffError, compare, load, render, survey

    try:
        model = load(path)
        result = compare(load(original), model)
        for kind in _FORMATS[: 7 if number % 8 == 0 else 5 if number % 4 == 0 else 4]:  # pictures take the longest
            render(result, kind)
        render(survey(model), _FORMATS[number % 5], digests=number % 2 == 0)
    except ModelDiffError as error:
        str(error)
        return "refused"
    except BaseException:  # noqa: BLE001 - a finding, whatever it is
        return traceback.format_exc()
    return "read"


def _peak() -> int:
    """The most memory this process has had since `_reset`."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) << 10 if found else 0
    return 0


def _reset() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _input(number: int, seed: int, files: Sequence[Path]) -> tuple[Path, bytes]:
    """The file an input is made from, and its bytes."""
    rng = random.Random(f"{seed}:{number}")
    original = rng.choice(files)
    try:
        return original, mutant(original, rng)
    except Exception:  # noqa: BLE001 - a file that this mutation cannot bend
        return original, damage(original.read_bytes(), rng)


def _work(numbers: Sequence[int], seed: int, files: Sequence[Path], folder: Path, pipe: int) -> None:
    """The forked process: one line of JSON before and one after each input."""
    resource.setrlimit(resource.RLIMIT_AS, (8 * MEMORY, 8 * MEMORY))  # making an input runs the library too
    isolation._line = isolation.Line()  # the limits of the command, whose child this process plays
    for number in numbers:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        original, data = _input(number, seed, files)
        path = folder / f"input{original.suffix}"
        path.write_bytes(data)
        os.write(pipe, (json.dumps({"number": number, "path": path.name, "of": str(original)}) + "\n").encode())
        _reset()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        end = trial(original, path, number)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if _peak() > MEMORY:
            end = f"memory: {_peak() >> 20} MiB"
        if end not in _WELL:
            shutil.copy(path, folder / str(number))
        os.write(pipe, (json.dumps({"end": end[-20_000:]}) + "\n").encode())


def batch(numbers: Sequence[int], seed: int, files: Sequence[Path], keep: Path | None = None) -> Counter[str]:
    """Try these inputs in a forked process; counts of how they ended. Findings are printed and kept."""
    counts: Counter[str] = Counter()
    left = list(numbers)
    while left:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            lines, status = _forked(left, seed, files, Path(folder))
            begun = [line for line in lines if "number" in line]
            ends = [line["end"] for line in lines if "end" in line]
            if len(ends) < len(begun):
                ends.append(_words(status))
                shutil.copy(Path(folder, begun[-1]["path"]), Path(folder, str(begun[-1]["number"])))
            for line, end in zip(begun, ends, strict=True):
                counts[end if end in _WELL else "finding"] += 1
                if end not in _WELL:
                    _tell(f"{seed}-{line['number']}", end, line["of"], Path(folder, str(line["number"])), keep)
        left = left[len(begun) or 1 :]
    return counts


def _words(status: int) -> str:
    """How the process ended in the middle of an input."""
    if status >= 0:
        return f"end: status {status}"
    name = signal.Signals(-status).name
    slow = f"time: more than {SECONDS} s of computing"
    known = {"SIGVTALRM": slow, "SIGPROF": "refused", "SIGKILL": f"time: nothing happened for {_WALL} s"}
    return known.get(name, f"crash: {name}")


def _forked(numbers: Sequence[int], seed: int, files: Sequence[Path], folder: Path) -> tuple[list[dict[str, Any]], int]:
    reader, writer = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if not process:
        os.close(reader)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            _work(numbers, seed, files, folder, writer)
        finally:
            os._exit(0)
    os.close(writer)
    text, until = b"", time.monotonic() + _WALL
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            os.kill(process, signal.SIGKILL)
            break
        piece = os.read(reader, 1 << 16)
        if not piece:
            break
        text, until = text + piece, time.monotonic() + _WALL
    os.close(reader)
    _, status = os.waitpid(process, 0)
    return [json.loads(line) for line in text.splitlines()], os.waitstatus_to_exitcode(status)


def _tell(name: str, end: str, original: str, found: Path, keep: Path | None) -> None:
    name += Path(original).suffix
    print(f"--- {name}, from {original}: {end}", flush=True)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, keep / name)
        (keep / f"{name}.txt").write_text(f"{original}\n{end}\n")


def main() -> int:
    """Fuzz for some minutes."""
    parser = argparse.ArgumentParser(description="search for model files that break the reader")
    parser.add_argument("files", nargs="*", help="files to mutate; default: samples and the models beside the project")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that broke something")
    arguments = parser.parse_args()
    files, counts, start, number = corpus(arguments.files), Counter[str](), time.monotonic(), 0
    trial(files[0], files[-1], 0)  # everything is imported once, and not by every process
    while time.monotonic() - start < arguments.minutes * 60:
        counts += batch(range(number, number + _BATCH), arguments.seed, files, arguments.keep)
        number += _BATCH
        if number % (40 * _BATCH) == 0:
            print(f"{(time.monotonic() - start) / 60:6.1f} min  {number} inputs  {dict(counts)}", flush=True)
    print(f"{(time.monotonic() - start) / 60:6.1f} min  {number} inputs  {dict(counts)}")
    return 1 if counts["finding"] else 0


if __name__ == "__main__":
    sys.exit(main())
