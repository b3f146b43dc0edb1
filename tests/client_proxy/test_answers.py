"""What the proxy answers, request by request."""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bonded_client.proxy_files import HELD_BACK
from tests.client.server import Served
from tests.client_proxy.index import Index
from tests.client_proxy.running import JSON, Running, proxying
from tests.client_proxy.wheels import wheel
from tests.serve.running import until

WHEEL = "packages/example/example-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("accept", "form", "type"),
    [
        (JSON, "json", JSON),
        ("application/vnd.pypi.simple.latest+json", "json", JSON),
        ("application/vnd.pypi.simple.v1+html", "html", "application/vnd.pypi.simple.v1+html; charset=utf-8"),
        ("text/html", "html", "text/html; charset=utf-8"),
        ("*/*", "html", "text/html; charset=utf-8"),
        (f"text/html;q=0.1, {JSON}", "json", JSON),
        (f"{JSON};q=0, */*;q=0.1", "html", "text/html; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("project", ["example", ""])
def test_pages_in_the_form_that_is_asked_for(
    running: Running, index: Index, accept: str, form: str, type: str, project: str
) -> None:
    folder = f"simple/{project}/" if project else "simple/"
    reply = running.get(folder, Accept=accept)
    assert (reply.status, reply.headers["Content-Type"]) == (200, type)
    assert reply.data == index.targets[f"{folder}index.{form}"]
    assert reply.headers["Vary"] == "Accept"


def test_a_form_that_we_do_not_have(running: Running) -> None:
    assert running.get("simple/example/?format=image/png", Accept="text/html").status == 406
    assert running.get("simple/example/?format=application/vnd.pypi.simple.v1%2Bjson", Accept="image/png").status == 200
    reply = running.get("simple/example/", Accept="application/json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_names_in_any_spelling_are_sent_to_the_right_one(running: Running) -> None:
    for path in ("simple/Example/", "simple/example", "simple/eXample"):
        reply = running.get(f"{path}?format=text/html")
        assert (reply.status, reply.headers["Location"]) == (301, "/simple/example/?format=text/html")
    assert running.get("simple").headers["Location"] == "/simple/"


def test_files_and_their_metadata(running: Running, index: Index) -> None:
    [made] = index.wheels["example"]
    for _ in range(2):  # as it arrives, and out of the cache
        assert running.get(WHEEL).data == made.data
        assert running.get(f"{WHEEL}.metadata").data == made.metadata


@pytest.mark.parametrize("path", ["simple/example/", WHEEL, f"{WHEEL}.metadata"])
def test_head_says_what_get_says(running: Running, path: str) -> None:
    head, get = running.get(path, "HEAD"), running.get(path)
    assert (head.status, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(get.data) > 0
    for name in ("ETag", "Content-Type", "Cache-Control", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]


def test_head_of_a_file_fetches_none(running: Running, served: Served) -> None:
    assert running.get(WHEEL, "HEAD").status == 200
    assert WHEEL not in [path for path, _ in served.asked]


@pytest.mark.parametrize("path", ["simple/example/", WHEEL])
def test_what_the_client_has_is_not_sent_again(running: Running, path: str) -> None:
    tag = running.get(path).headers["ETag"]
    for given in (tag, f'"other", W/{tag}', "*"):
        reply = running.get(path, If_None_Match=given)
        assert (reply.status, reply.data, reply.headers["ETag"]) == (304, b"", tag)
    assert running.get(path, If_None_Match='"other"').status == 200


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-3", 0, 3), ("bytes=10-", 10, None), ("bytes=-5", -5, None), ("bytes=5-99999", 5, None)],
)
def test_ranges(running: Running, index: Index, asked: str, first: int, last: int | None) -> None:
    data = index.wheels["example"][0].data
    part = data[first:] if last is None else data[first : last + 1]
    for _ in range(2):  # of a file that arrives just now, and of one in the cache
        reply = running.get(WHEEL, Range=asked)
        assert (reply.status, reply.data) == (206, part)
        start = first % len(data)
        assert reply.headers["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/{len(data)}"


def test_ranges_that_are_none(running: Running, index: Index) -> None:
    data = index.wheels["example"][0].data
    tag = running.get(WHEEL).headers["ETag"]
    assert running.get(WHEEL, Range="bytes=999999-").status == 416
    assert running.get(WHEEL, Range="bytes=0-1,3-4").data == data
    assert running.get(WHEEL, Range="bytes=0-1", If_Range='"other"').data == data
    assert running.get(WHEEL, Range="bytes=0-1", If_Range=tag).data == data[:2]


@pytest.mark.parametrize(
    "path",
    [
        "metadata/timestamp.json",
        "pypi/example/json",
        "legacy/",
        "packages/example/",
        "packages/example/../../metadata/1.root.json",
        "packages/example/%2e%2e%2fx",
        "simple/a/b/",
        "simple/example/index.json",
        "help/no-such-code",
        "%00",
    ],
)
def test_nothing_else_of_the_index_can_be_reached(running: Running, served: Served, path: str) -> None:
    before = len(served.asked)
    with socket.create_connection(("127.0.0.1", running.port)) as raw:  # as it stands: a client would tidy the path
        raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
    assert said.startswith("HTTP/1.1 404 Not Found: ")
    assert len(served.asked) == before


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("LOCALHOST:1234", 200),
        ("[::1]:80", 200),
        ("rebound.example", 421),
        ("", 421),
        ("127.0.0.1.evil.example", 421),
    ],
)
def test_only_requests_to_our_own_name_are_answered(running: Running, host: str, status: int) -> None:
    assert running.get("simple/", Host=host).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(running: Running, method: str) -> None:
    assert running.get("simple/", method).status == 405


def test_what_is_not_there(running: Running) -> None:
    for path, code in (("simple/nobody/", "project-unknown"), ("packages/example/example-9.tar.gz", "file-unknown")):
        reply = running.get(path)
        assert reply.status == 404
        assert f"[{code}]" in reply.reason
        said = json.loads(reply.data)
        assert said["code"] == code
        assert running.http.request("GET", said["type"]).data.decode().startswith(code)
    assert running.notes == []


def test_what_failed_gives_its_space_back(running: Running, index: Index, tmp_path: Path) -> None:
    """At once, and not when the interpreter happens to look for what nobody needs: the disk may be full of it."""
    index.store[WHEEL] = bytes(len(index.store[WHEEL]))
    gc.disable()
    try:
        assert running.get(WHEEL).status == 409
        assert [path for path in opened() if path.startswith(str(tmp_path / "cache/files/.part-"))] == []
    finally:
        gc.enable()


def test_a_disk_that_went_read_only_is_told(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what was begun can be removed."""
    assert running.page("example").status == 200

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("bonded_client.proxy_files._write", read_only)
        patch.setattr("pathlib.Path.unlink", read_only)
        reply = running.http.request("GET", running.base + WHEEL, timeout=30)
    assert (reply.status, json.loads(reply.data)["code"]) == (507, "disk")
    assert running.get(WHEEL).status == 200


def opened() -> list[str]:
    """Paths of the files that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return found


def test_a_file_that_was_withdrawn(running: Running, index: Index) -> None:
    del index.store[WHEEL]
    reply = running.get(WHEEL)
    assert reply.status == 404
    assert "[file-withdrawn]" in reply.reason


def test_what_is_published_is_there_at_once(running: Running, index: Index) -> None:
    assert running.page("newcomer").status == 404
    index.release("newcomer", wheel("newcomer"))
    assert running.page("newcomer").status == 200


def test_one_connection_for_many_requests(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as raw:
        for _ in range(3):
            raw.sendall(b"HEAD /simple/example/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            said = raw.recv(65536)
            assert said.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"Connection: close" not in said


def test_many_at_once(index: Index, served: Served, tmp_path: Path) -> None:
    """Each file is fetched once however many ask; metadata is fetched side by side, and all of it is right."""
    names = [f"many-{n}" for n in range(12)]
    for name in names:
        index.release(name, wheel(name))
    with proxying(served.url, index.first_root, tmp_path / "cache") as running, ThreadPoolExecutor(24) as pool:

        def install(name: str) -> bytes:
            assert running.page(name).status == 200
            return running.get(f"packages/{name}/{index.wheels[name][0].filename}").data

        assert list(pool.map(install, names * 4)) == [index.wheels[name][0].data for name in names] * 4
    fetched = [path for path, _ in served.asked if path.startswith("packages/")]
    assert len(fetched) == len(set(fetched)) == len(names)


def slowly(served: Served, path: str, data: bytes, pieces: int, pause: float) -> None:
    """Send the file at `path` in pieces with pauses between."""

    def send(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        size = len(data) // pieces + 1
        for start in range(0, len(data), size):
            handler.wfile.write(data[start : start + size])
            handler.wfile.flush()
            served.stop.wait(pause)

    served.odd[path] = send


def in_halves(handler: BaseHTTPRequestHandler, data: bytes, seen: threading.Event) -> None:
    """Send the second half only once something of the first was `seen` where it was asked for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    if seen.wait(60):
        handler.wfile.write(data[len(data) // 2 :])


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_a_large_file_is_handed_out_while_it_arrives_but_for_its_end(
    index: Index, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    monkeypatch.setattr("bonded_client.proxy_http._PATIENCE", 0.1)
    monkeypatch.setattr("bonded_client.proxy_http._SMALL", 0)
    large = wheel("large", filler=bytes(range(256)) * 4096)
    index.release("large", large)
    path = f"packages/large/{large.filename}"
    data = large.data if right else large.data[:-1] + b"x"
    seen = threading.Event()
    served.odd[path] = lambda handler, _: in_halves(handler, data, seen)
    with proxying(served.url, index.first_root, tmp_path / "cache") as running:
        got = bytearray()
        with socket.create_connection(("127.0.0.1", running.port)) as raw:
            raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while piece := raw.recv(65536):
                got += piece
                body = bytes(got).partition(b"\r\n\r\n")[2]
                if body:
                    seen.set()
        assert seen.is_set()
        if right:
            assert hashlib.sha256(body).hexdigest() == large.sha256
        else:
            assert len(body) <= len(data) - HELD_BACK
            again = running.get(path)  # as installers do
            assert again.status == 409
            assert "[altered]" in again.reason


def test_a_stop_lets_requests_end(index: Index, served: Served, tmp_path: Path) -> None:
    [made] = index.wheels["example"]
    slowly(served, WHEEL, made.data, 5, 0.1)
    answers: list[bytes] = []
    with proxying(served.url, index.first_root, tmp_path / "cache") as running:
        assert running.page("example").status == 200
        asking = threading.Thread(target=lambda: answers.append(running.get(WHEEL).data))
        asking.start()
        until(lambda: WHEEL in [path for path, _ in served.asked], 60)  # so the request is in progress
    asking.join(60)
    assert answers == [made.data]
