"""A small public store on disk, and servers over it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from bonded.serve.context import ServeContext, ServeSettings
from tests.serve.running import Running, clock

OLD = 1_700_000_000
HTML = b'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head><body>demo</body></html>'
JSON = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": []}).encode()
WHEEL = b"PK" + bytes(range(256)) * 400
BIG = hashlib.sha256(b"big").digest() * 40_000
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"

Make = Callable[..., Running]


def write(root: Path, name: str, data: bytes, *, copies: bool = False) -> None:
    """An object, a while old, with its compressed copies."""
    for suffix, content in (("", data), (".gz", gzip.compress(data)), (".zst", zstandard.compress(data))):
        if suffix and not copies:
            continue
        path = root / (name + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (OLD, OLD))


def fill(root: Path) -> Path:
    """The store that the tests read."""
    digest = "0" * 64
    for folder in ("simple/", "simple/demo/"):
        write(root, folder + "index.html", HTML, copies=True)
        write(root, folder + "index.json", JSON, copies=True)
    write(root, f"simple/demo/{digest}.index.html", HTML, copies=True)
    write(root, f"simple/demo/{digest}.index.json", JSON, copies=True)
    write(root, "packages/demo/demo-1.0-py3-none-any.whl", WHEEL)
    write(root, f"packages/demo/{digest}.demo-1.0-py3-none-any.whl", WHEEL)
    write(root, "packages/demo/demo-1.0-py3-none-any.whl.metadata", METADATA, copies=True)
    write(root, "packages/demo/demo-1.0+local.tar.gz", BIG)
    write(root, "packages/demo/.tmp-123", b"unfinished")
    expires = (clock() + timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    write(root, "metadata/timestamp.json", json.dumps({"signed": {"expires": expires, "version": 7}}).encode())
    write(root, "metadata/7.snapshot.json", b'{"signed": {"version": 7}}', copies=True)
    write(root, "metadata/1.root.json", b'{"signed": {"version": 1}}')
    write(root, "publications/7.json", b"{}", copies=True)
    write(root, "publications/2026-01-05.jsonl.zst", zstandard.compress(b"{}\n"))
    write(root, "pypi/demo/json", b'{"info": {}}', copies=True)
    write(root, "pypi/demo/1.0/json", b'{"info": {}, "urls": []}', copies=True)
    write(root, "private.txt", b"not for clients")
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill(tmp_path / "public")


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that only read it."""
    return fill(tmp_path_factory.mktemp("shared") / "public")


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """An application that says what it was given."""
    received = environ.get("bonded.received")
    body = environ["wsgi.input"].read()
    told = {key: value for key, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"environ": told, "body": body.decode("latin-1"), "received": repr(received)}).encode()]


class NoReceiver:
    """For tests without uploads: whatever comes is swallowed."""

    def __init__(self, content_type: str) -> None:
        self.size = 0
        self.aborted = 0

    def feed(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def finish(self) -> object:
        return self.size

    def abort(self) -> None:
        self.aborted += 1


@pytest.fixture
def make(store: Path) -> Iterator[Make]:
    """Makes running servers over the store: keywords go into the context, `settings` into its settings."""
    with ExitStack() as stack:

        def one(settings: Mapping[str, Any] | None = None, **given: Any) -> Running:
            context = ServeContext(public=store, application=echo, new_receiver=NoReceiver, clock=clock)
            chosen = replace(ServeSettings(access_log="json"), **dict(settings or {}))
            return stack.enter_context(Running(replace(context, settings=chosen, **given)))

        yield one


@pytest.fixture(scope="module")
def reader(shared_store: Path) -> Iterator[Running]:
    """One server with default settings for all tests of a module that only read."""
    with Running(ServeContext(public=shared_store, application=echo, new_receiver=NoReceiver, clock=clock)) as one:
        yield one
