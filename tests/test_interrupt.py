# Ctrl-C, pressed on a real terminal while the command works on files that take it many seconds: it ends at once, says
# nothing and leaves nothing. The files are holes (no disk is filled) or zeros packed into a few chunks, each of which
# HDF5 unpacks without hearing anybody.
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
from h5py import h5d, h5p, h5s, h5t

termios = pytest.importorskip("termios", reason="terminals of POSIX")

PROMPT = 2.0
"""Seconds in which the command must be gone; half a second on a machine that does nothing else."""


def architecture(file: h5py.File, layers: int, units: int) -> list[h5py.Group]:
    """A Sequential of Dense layers; the groups for their weights."""
    names = [f"dense_{i}" for i in range(layers)]
    config = [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, units]}}]
    config += [{"class_name": "Dense", "config": {"name": name, "units": units, "use_bias": False}} for name in names]
    whole = {"class_name": "Sequential", "config": {"name": "net", "layers": config}}
    file.attrs["model_config"] = json.dumps(whole)
    file.attrs["keras_version"] = file.attrs["backend"] = "2.15.0"
    weights = file.create_group("model_weights")
    weights.attrs["layer_names"] = [name.encode() for name in names]
    groups = [weights.create_group(name) for name in names]
    for group in groups:
        group.attrs["weight_names"] = [b"kernel:0"]
    return groups


def holes(path: Path, value: float) -> Path:
    """Sixty-four tensors of 64 MiB: zeros, and one entry that is `value`."""
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w") as file:
        for group in architecture(file, 64, 4096):
            made = h5d.create(group.id, b"kernel:0", h5t.IEEE_F32LE, h5s.create_simple((4096, 4096)), plan)
            h5py.Dataset(made)[0, 0] = value
    return path


def packed(path: Path, comment: str) -> Path:
    """Tensors of one chunk of 225 MiB each."""
    packer = zlib.compressobj(9)
    chunk = b"".join(packer.compress(bytes(1 << 20)) for _ in range(225)) + packer.flush()
    side = 7680
    with h5py.File(path, "w") as file:
        file.attrs["comment"] = comment
        for group in architecture(file, 40, side):
            made = group.create_dataset(
                "kernel:0", (side, side), "f4", chunks=(side, side), compression="gzip", compression_opts=9
            )
            made.id.write_direct_chunk((0, 0), chunk)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def changed(folder: Path) -> list[Path]:
    return [holes(folder / f"{name}.h5", value) for name, value in (("old", 1.0), ("new", 2.0))]


@pytest.fixture(scope="module")
def chunked(folder: Path) -> list[Path]:
    return [packed(folder / f"{name}.h5", name) for name in ("before", "after")]


class Terminal:
    """The command in the foreground of a terminal of its own."""

    def __init__(self, *arguments: object, cwd: Path) -> None:
        self.master, slave = os.openpty()
        lead = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", lead, sys.executable, "-m", "modeldiff", *map(str, arguments)]
        (cwd / "tmp").mkdir(exist_ok=True)
        root = str(Path(__file__).parents[1])
        environment = {**os.environ, "TMPDIR": str(cwd / "tmp"), "TERM": "xterm", "PYTHONPATH": root, "COLUMNS": "100"}
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment)
        os.close(slave)

    def read_until(self, word: str, seconds: float = 60) -> str:
        """What is written up to `word`."""
        seen, end = "", time.monotonic() + seconds
        while word not in seen and time.monotonic() < end:
            seen += os.read(self.master, 4096).decode(errors="replace")
        return seen

    def wait_until_at_work(self) -> None:
        """Until Python has started and the command has forked; before that, Ctrl-C is Python's business."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        end = time.monotonic() + (30 if children.exists() else 0.5)
        while time.monotonic() < end and not (children.exists() and children.read_text()):
            time.sleep(0.005)

    def interrupt(self) -> float:
        """Press Ctrl-C; the seconds until the command has gone."""
        start = time.monotonic()
        os.write(self.master, b"\x03")
        self.process.wait(timeout=30)
        return time.monotonic() - start

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def left_behind(cwd: Path) -> list[str]:
    return [path.name for path in cwd.rglob("*") if path.name != "tmp"]


@pytest.mark.parametrize("pair", ["changed", "chunked"])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_an_interrupt_ends_the_work_at_once(
    pair: str, seconds: float, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    terminal = Terminal(*request.getfixturevalue(pair), "-o", "out.html", cwd=tmp_path)
    try:
        terminal.wait_until_at_work()
        time.sleep(seconds)
        assert terminal.process.poll() is None
        assert terminal.interrupt() < PROMPT
        assert terminal.process.returncode == 130, terminal.read_until("\n")
        assert left_behind(tmp_path) == []
    finally:
        terminal.close()


def test_work_over_a_second_has_a_bar_with_bytes_and_time_left(changed: list[Path], tmp_path: Path) -> None:
    terminal = Terminal(*changed, "-o", "out.json", cwd=tmp_path)
    try:
        seen = terminal.read_until("/4.3 GB")
        assert "weights" in seen
        seen += terminal.read_until("0:00:")
        assert "0:00:" in seen
        assert terminal.interrupt() < PROMPT
        assert terminal.process.returncode == 130
        assert "\x1b[?25h" in terminal.read_until("\x1b[?25h", 5)
    finally:
        terminal.close()


def test_an_interrupt_leaves_no_unpacked_weights(chunked: list[Path], tmp_path: Path) -> None:
    """Weights packed once more are unpacked into a folder of the command's own, which must go as well."""
    archive = tmp_path / "archive.keras"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(
            "config.json", json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": []}})
        )
        target.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
        target.write(chunked[0], "model.weights.h5")
    terminal = Terminal(archive, chunked[1], "-o", "out.html", cwd=tmp_path)
    try:
        while not any(tmp_path.glob("tmp/modeldiff-*/*")) and terminal.process.poll() is None:
            time.sleep(0.01)
        terminal.interrupt()
        assert left_behind(tmp_path) == ["archive.keras"]
    finally:
        terminal.close()
