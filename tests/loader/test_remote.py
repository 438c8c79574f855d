# A real server with ranges on this machine counts what it sends. What is promised: the same model as from the file, few
# bytes for its architecture, an error of ours for everything that can go wrong, and no secret of a URL in any of them.
"""Models behind URLs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import fsspec
import h5py
import numpy as np
import pytest
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from h5_files import chain, dense_weights, functional, small_h5, write_h5, write_store

from modeldiff import compare, render
from modeldiff.errors import ModelDiffError, NotAModel, UnreadableFile, UsageError
from modeldiff.graph import Model
from modeldiff.loader import load, remote, remote_errors


class Server:
    """Files by path, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent = self.requests = 0
        self.ranges, self.status, self.hang = True, 0, 0.0
        self.heads: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                server.requests += 1
                server.heads.append({"path": self.path, **self.headers})
                time.sleep(server.hang)
                whole = server.files.get(self.path.partition("?")[0])
                status = server.status or (404 if whole is None else 200)
                found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
                content = whole or b""
                if found and server.ranges and status == 200:
                    status, content = 206, content[int(found[1]) : int(found[2]) + 1]
                self.send_response(status)
                if server.ranges:
                    self.send_header("Accept-Ranges", "bytes")
                self.send_header("ETag", str(hash(whole)))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    for place in range(0, len(content), 1 << 16):
                        self.wfile.write(content[place : place + (1 << 16)])
                        server.sent += len(content[place : place + (1 << 16)])

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients may go away."""

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def url(self, path: Path) -> str:
        """Serve a file."""
        self.files[f"/{path.name}"] = path.read_bytes()
        return f"http://{self.host}/{path.name}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def at(model: Model, path: str) -> Model:
    """The model without where it was read from."""
    return replace(model, path=path)


def facts(model: Model) -> Any:
    return [
        (
            path,
            layer.class_name,
            layer.config,
            [(w.name, w.shape, w.dtype, w.source and w.digest()) for w in layer.weights],
        )
        for path, layer in model.walk()
    ]


def forms(folder: Path) -> list[Path]:
    """One small model in every form."""
    legacy = small_h5(folder / "legacy.h5")
    json_file = folder / "config.json"
    json_file.write_text(json.dumps(chain("a", "b")))
    store = folder / "store.weights.h5"
    with h5py.File(store, "w") as file:
        write_store(file, {"layers/dense": [np.ones((4, 4), "f4"), np.ones(4, "f4")]}, {"layers/dense": "a"})
    packed = folder / "packed.h5"
    with h5py.File(packed, "w") as file, h5py.File(legacy) as source:
        for key, value in source.attrs.items():
            file.attrs[key] = value
        source.copy("model_weights", file)
        kernel = source["model_weights/a/a/kernel:0"][()]
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset("kernel:0", data=kernel, chunks=(2, 2), compression="gzip")
    archives = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archives.append(folder / f"archive{method}.keras")
        with zipfile.ZipFile(archives[-1], "w", method) as archive:
            archive.write(json_file, "config.json")
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
            archive.write(store, "model.weights.h5")
    return [legacy, json_file, store, packed, *archives]


def test_every_form_is_read_as_from_a_file(tmp_path: Path, server: Server) -> None:
    memory = fsspec.filesystem("memory")
    for path in forms(tmp_path):
        local = load(path)
        memory.pipe(f"/{path.name}", path.read_bytes())
        for url in (server.url(path), f"memory://{path.name}", path.as_uri()):
            model = load(url)
            assert model.path == url
            assert facts(model) == facts(local)
            assert (model.format, model.metadata, model.notes) == (local.format, local.metadata, local.notes)
            assert not compare(local, model).changes


def large(path: Path, *, step: float = 0.0) -> Path:
    """50 MB in 50 layers; `step` moves the first one."""
    names = [f"layer_{number}" for number in range(50)]
    entries = [
        {
            "class_name": "Dense",
            "name": name,
            "config": {"name": name, "units": 512},
            "inbound_nodes": [[[source, 0, 0, {}]]],
        }
        for name, source in zip(names, ["x", *names], strict=False)
    ]
    random = np.random.default_rng(0)
    weights = {
        name: {
            f"{name}/kernel:0": random.standard_normal((512, 512)).astype("f4") + np.float32(step * (name == names[0])),
            f"{name}/bias:0": np.zeros(512, "f4"),
        }
        for name in names
    }
    return write_h5(path, functional(*entries), {"x": {}, **weights})


def test_an_architecture_costs_a_small_part_and_values_come_once(tmp_path: Path, server: Server) -> None:
    old, new = large(tmp_path / "old.h5"), large(tmp_path / "new.h5", step=0.5)
    size = old.stat().st_size
    assert size > 50_000_000
    first = load(server.url(old))
    assert len(list(first.walk())) == 51
    assert server.sent < 0.05 * size
    assert server.requests < 100
    load(server.url(old))
    assert server.sent < 0.05 * size
    second = load(server.url(new))
    diff = compare(first, second)
    assert {change.kind for change in diff.changes} == {change.kind for change in compare(load(old), load(new)).changes}
    assert server.sent <= 2 * size + 2 * remote.BLOCK
    before = server.sent
    compare(first, second)
    assert server.sent == before


def test_values_are_read_by_many_threads(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "packed.weights.h5"
    values = np.random.default_rng(0).standard_normal((300, 500)).astype("f4")
    with h5py.File(path, "w") as file:
        for number in range(16):
            group = file.create_group(f"layers/dense_{number}/vars")
            options = {"chunks": (50, 500), "compression": "gzip"} if number % 2 else {}
            group.create_dataset("0", data=values + number, **options)
    model = load(server.url(path))
    weights = [weight for _, layer in model.walk() for weight in layer.weights]
    found: dict[int, str] = {}

    def digest(place: int) -> None:
        found[place] = weights[place].digest()

    threads = [threading.Thread(target=digest, args=(place,)) for place in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    local = [weight.digest() for _, layer in load(path).walk() for weight in layer.weights]
    assert [found[place] for place in range(16)] == local


def test_shards_are_found_beside_their_index(tmp_path: Path, server: Server) -> None:
    names = []
    for number in range(2):
        names.append(f"model_0000{number}.weights.h5")
        with h5py.File(tmp_path / names[-1], "w") as file:
            write_store(file, {f"layers/dense_{number}": [np.ones((4, 4), "f4")]}, {})
        server.url(tmp_path / names[-1])
    index = tmp_path / "model.weights.json"
    shards = {"/layers/dense/vars": names[0], "/layers/dense_1/vars": names[1]}
    index.write_text(json.dumps({"metadata": {"total_size": 128}, "weight_map": shards}))
    assert facts(load(server.url(index))) == facts(load(index))
    index.write_text(json.dumps({"weight_map": {"/layers/dense/vars": "elsewhere.weights.h5"}}))
    with pytest.raises(UnreadableFile, match=r"'elsewhere\.weights\.h5' is missing"):
        load(server.url(index))
    with pytest.raises(UnreadableFile, match="is missing"):  # what signs one file signs no other
        load(f"{server.url(index)}?signature=1")
    index.write_text(json.dumps({"weight_map": {"/layers/dense/vars": f"http://{server.host}/{names[0]}"}}))
    with pytest.raises(UnreadableFile, match="no file beside it"):
        load(server.url(index))


def test_what_is_no_model_is_named(tmp_path: Path, server: Server) -> None:
    page = tmp_path / "page.h5"
    page.write_text("<!doctype html>")
    with pytest.raises(NotAModel, match="a web page"):
        load(server.url(page))
    page.write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        load(server.url(page))
    raw = small_h5(tmp_path / "model.h5").read_bytes()
    page.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(UnreadableFile, match="truncated"):
        load(server.url(page))
    fsspec.filesystem("memory").mkdir("/folder")
    with pytest.raises(UnreadableFile, match="folder"):
        load("memory://folder")


@pytest.mark.parametrize(
    ("status", "text"),
    [(401, "access is denied"), (403, "access is denied"), (404, "no such file"), (500, "the server answers 500")],
)
def test_refusals_name_the_url_and_the_reason(tmp_path: Path, server: Server, status: int, text: str) -> None:
    url = server.url(small_h5(tmp_path / "model.h5"))
    server.status = status
    with pytest.raises(UnreadableFile, match=text) as caught:
        load(url)
    assert caught.value.where == url


def test_a_server_that_sends_files_only_as_a_whole_is_told_so(tmp_path: Path, server: Server) -> None:
    small, big = small_h5(tmp_path / "small.h5"), large(tmp_path / "big.h5")
    server.ranges = False
    with pytest.raises(UnreadableFile, match="only as a whole") as caught:
        load(server.url(big))
    assert "download" in caught.value.fix
    assert server.sent < 5_000_000
    assert small.stat().st_size < 2 * remote.BLOCK


def test_nothing_hangs(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.url(small_h5(tmp_path / "model.h5"))
    monkeypatch.setattr(remote_errors, "TIMEOUT", 0.3)
    server.hang = 1.0
    start = time.monotonic()
    with pytest.raises(UnreadableFile, match="no answer"):
        load(url)
    assert time.monotonic() - start < 1
    server.http.shutdown()
    server.http.server_close()
    monkeypatch.setattr(remote_errors, "TIMEOUT", 20.0)
    with pytest.raises(UnreadableFile, match="cannot be fetched"):
        load(f"http://{server.host}/other.h5")


def test_a_file_that_changed_is_not_read_on(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path / "model.h5")
    model = load(server.url(path))
    large(path, step=1)
    server.url(path)
    monkeypatch.setattr(remote, "_TRUST", 0.0)
    kernel = next(layer for _, layer in model.walk() if layer.weights).weights[0]
    with pytest.raises(UnreadableFile, match="changed"):
        kernel.digest()
    again = next(layer for _, layer in load(server.url(path)).walk() if layer.weights).weights[0]
    assert again.digest() == load(path).graph.layers[1].weights[0].digest()
    with pytest.raises(UnreadableFile, match="changed"):
        kernel.digest()


SECRETS = ("s3cr3t", "t0k3n", "S1GN")


def test_no_secret_of_a_url_is_told(tmp_path: Path, server: Server) -> None:
    path = small_h5(tmp_path / "model.h5")
    url = server.url(path).replace("http://", "http://t0k3n:s3cr3t@") + "?X-Amz-Signature=S1GN#t0k3n"
    model = load(url)
    assert model.path == f"http://{server.host}/model.h5"
    assert any("Basic" in head.get("Authorization", "") for head in server.heads)
    texts = [repr(model)]
    diff = compare(model, load(path))
    texts += [render(diff, form) for form in ("json", "md", "html", "txt")]
    for status in (401, 404, 500):
        server.status = status
        with pytest.raises(ModelDiffError) as caught:
            load(url.replace("model.h5", f"other{status}.h5"))
        texts += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    server.status = 0
    for arguments in (["-v", url, str(path)], ["-v", url.replace("model", "absent")]):
        done = subprocess.run(
            [sys.executable, "-m", "modeldiff", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == (2 if "absent" in url else done.returncode)
        texts += [done.stdout, done.stderr]
    for text in texts:
        assert not any(secret in text for secret in SECRETS), text


def test_two_urls_of_one_name_are_two_files(tmp_path: Path, server: Server) -> None:
    url = server.url(small_h5(tmp_path / "model.h5"))
    one, other = load(f"{url}?version=1"), load(f"{url}?version=2")
    assert one.path != other.path
    assert load(f"{url}?version=1").path == one.path


def test_the_command_takes_urls(tmp_path: Path, server: Server) -> None:
    old, new = (
        small_h5(tmp_path / "old.h5"),
        write_h5(
            tmp_path / "new.h5", chain("a", "b"), {"x": {}, "a": dense_weights("a", 5), "b": dense_weights("b", 1)}
        ),
    )
    command = [sys.executable, "-W", "error", "-m", "modeldiff", server.url(old), server.url(new)]
    done = subprocess.run([*command, "--exit-code"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert all(line.startswith("modeldiff: --fail-on any: ") for line in done.stderr.splitlines())


def test_without_fsspec_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match=r"keras-modeldiff\[remote\]"):
        load("https://example.invalid/m.h5")


def test_schemes_that_nothing_reads() -> None:
    with pytest.raises(UsageError, match="nothing is known that reads nowhere://"):
        load("nowhere://bucket/m.h5")


def test_a_colon_makes_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("epoch:3.h5", "s3:model.h5", "memory::model.h5"):
        small_h5(tmp_path / name)
        assert load(name).path == name


def test_nothing_in_a_model_is_fetched(tmp_path: Path, server: Server) -> None:
    url = server.url(small_h5(tmp_path / "other.h5"))
    config = chain("a")
    config["config"]["layers"][1]["config"] |= {"vocabulary": url, "filepath": url, "kernel_initializer": url}
    config["config"]["layers"].append(
        {"class_name": "TFSMLayer", "name": "s", "config": {"name": "s", "filepath": url}, "inbound_nodes": []}
    )
    path = write_h5(tmp_path / "model.h5", config, {url: {url: np.ones(2, "f4")}, "a": dense_weights("a")})
    compare(load(path), load(path))
    compare(load(server.url(path)), load(path))
    assert {head for head in server.files if head} == {"/other.h5", "/model.h5"}
    assert not any("other" in str(request) for request in server.heads)


class Ahead(AbstractFileSystem):
    """A file system that is not asynchronous and reads 5 MB ahead unless told not to, as those of most hubs."""

    protocol = "ahead"
    files: ClassVar[dict[str, bytes]] = {}
    sent: ClassVar[list[int]] = []
    cachable = False

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.files[path]), "type": "file"}

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **options: Any) -> AbstractBufferedFile:
        class File(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
            def _fetch_range(self, start: int, end: int) -> bytes:
                Ahead.sent.append(end - start)
                return Ahead.files[path][start:end]

        return File(self, path, mode, block_size or "default", **options)


def test_no_more_is_read_ahead_than_is_needed(tmp_path: Path) -> None:
    fsspec.register_implementation("ahead", Ahead, clobber=True)
    file = large(tmp_path / "large.h5")
    Ahead.files["large.h5"] = file.read_bytes()
    model = load("ahead://large.h5")
    assert sum(Ahead.sent) < file.stat().st_size / 10
    assert facts(model) == facts(at(load(file), model.path))
    assert sum(Ahead.sent) < 1.2 * file.stat().st_size


class Answered(OSError):
    """An error of a library that keeps the answer it got."""

    def __init__(self, **kept: Any) -> None:
        super().__init__("https://user:secret@place/?token=secret")
        vars(self).update(kept)


class NoCredentialsError(Exception):
    """What botocore says without keys."""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Answered(response=SimpleNamespace(status_code=403)), "access is denied"),
        (Answered(response={"ResponseMetadata": {"HTTPStatusCode": 404}}), "there is no such file"),
        (Answered(code=401), "access is denied"),
        (Answered(code="AccessDenied"), "cannot be fetched (Answered)"),
        (NoCredentialsError("secret"), "access is denied"),
    ],
    ids=["a hub's", "botocore's", "a store's", "no number", "no keys"],
)
def test_the_answer_inside_an_error_is_understood(error: Exception, text: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(UnreadableFile) as found:
        remote_errors.bounded("s3://place/m.h5", work)
    assert found.value.what == text
    assert "secret" not in str(found.value)
