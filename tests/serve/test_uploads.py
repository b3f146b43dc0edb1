"""The upload lane with the real Receiver: streamed, cut off, refused, many slow ones at once."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bonded.serve.context import ServeSettings
from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Received, Receiver
from bonded.values.refusals import Refusal
from tests.serve.conftest import Make
from tests.serve.running import PATIENCE, Running, parse, read_reply, until

BOUNDARY = "b0undary"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def form(content: bytes, **fields: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="demo-1.0.tar.gz"\r\n\r\n'
    return "".join(parts).encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Takes:
    """An application that notes what was received, as the real one would before accepting it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        received = environ.get("bonded.received")
        if isinstance(received, Refusal):
            self.seen.append(received)
            start(f"{received.status} {received.reason()}", [("Content-Type", "text/plain")])
            return [received.code.encode()]
        if isinstance(received, Received):
            assert hashlib.sha256(received.path.read_bytes()).hexdigest() == received.sha256
            self.seen.append(received)
        assert environ["wsgi.input"].read() == b""
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"accepted"]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture
def takes() -> Takes:
    return Takes()


@pytest.fixture
def serve(make: Make, spool: Path, takes: Takes) -> Callable[..., Running]:
    def start(max_file_bytes: int = 1 << 30, **settings: Any) -> Running:
        limits = UploadLimits(max_file_bytes=max_file_bytes)
        return make(settings, application=takes, new_receiver=lambda kind: Receiver(limits, spool, kind))

    return start


def head(length: int | None, more: str = "") -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST /legacy/ HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\n{framing}\r\n{more}\r\n".encode()


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_an_upload_is_hashed_while_it_streams(
    serve: Callable[..., Running], takes: Takes, spool: Path, size: int
) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    body = form(content, name="demo", version="1.0")
    reply = serve().ask("POST", "/legacy/", {"Content-Type": TYPE}, body)
    assert (reply.status, reply.body) == (200, b"accepted")
    (got,) = takes.seen
    assert (got.filename, got.size, got.fields) == ("demo-1.0.tar.gz", size, {"name": ["demo"], "version": ["1.0"]})
    assert got.sha256 == hashlib.sha256(content).hexdigest()
    assert got.blake2_256 == hashlib.blake2b(content, digest_size=32).hexdigest()
    until(lambda: not list(spool.iterdir()))


def test_chunked_and_expecting_clients(serve: Callable[..., Running], takes: Takes) -> None:
    server, body = serve(), form(b"chunked")
    with server.connect() as one:
        one.sendall(head(None))
        for start in range(0, len(body), 50):
            piece = body[start : start + 50]
            one.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        one.sendall(b"0\r\n\r\n")
        assert read_reply(one).status == 200
        one.sendall(head(len(body), "Expect: 100-continue\r\n"))
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(body)
        assert read_reply(one).status == 200
    assert len(takes.seen) == 2


def test_a_refusal_reaches_the_application_and_keeps_its_reason(serve: Callable[..., Running], spool: Path) -> None:
    server = serve(max_file_bytes=1000)
    reply = server.ask("POST", "/legacy/", {"Content-Type": TYPE}, form(b"x" * 1001))
    assert (reply.status, reply.reason, reply.body) == (413, "the file is larger than 1000 bytes", b"file-too-large")
    reply = server.ask("POST", "/legacy/", {"Content-Type": "text/plain"}, b"hello")
    assert (reply.status, reply.body) == (400, b"not-a-form")
    reply = server.ask("POST", "/legacy/", {"Content-Type": TYPE, "Content-Encoding": "gzip"}, b"\x1f\x8b")
    assert (reply.status, reply.body) == (415, b"content-encoding")
    until(lambda: not list(spool.iterdir()))


def test_a_huge_upload_is_refused_before_it_is_read(serve: Callable[..., Running]) -> None:
    server = serve(max_upload=5000)
    with server.connect() as one:
        one.sendall(head(1 << 40))
        assert read_reply(one).status == 413
    with server.connect() as one:  # a client that does not say how much there is
        one.sendall(head(None) + b"2000\r\n" + b"x" * 0x2000)
        reply = read_reply(one)
        assert reply.status in (400, 413)


def test_a_truncated_form(serve: Callable[..., Running], spool: Path) -> None:
    body = form(b"x" * 5000)[:-30]
    reply = serve().ask("POST", "/legacy/", {"Content-Type": TYPE}, body)
    assert (reply.status, reply.body) == (400, b"truncated-upload")
    until(lambda: not list(spool.iterdir()))


@pytest.mark.parametrize("cut", [0, 1, 60, 150, 2000, 69_000])
def test_a_client_that_goes_leaves_nothing(serve: Callable[..., Running], takes: Takes, spool: Path, cut: int) -> None:
    server, body = serve(), form(b"x" * 70_000)
    with server.connect() as one:
        one.sendall(head(len(body)) + body[:cut])
        until(lambda: server.app._dynamic._uploads == 1)
        time.sleep(0.05)  # in which what was sent of the body comes, too
        if cut % 2:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset rather than an end
    until(lambda: not server.app.server.connections)  # type: ignore[union-attr]
    until(lambda: server.app._dynamic._uploads == 0)  # the task that received learns of it after the connection
    assert not list(spool.iterdir())
    assert not takes.seen


def test_bad_framing_within_an_upload(serve: Callable[..., Running], spool: Path) -> None:
    reply = parse(serve().raw(head(None) + b"5\r\nhello\r\nzz\r\n"))
    assert reply.status == 400
    until(lambda: not list(spool.iterdir()))


def test_a_pause_that_is_too_long(serve: Callable[..., Running], spool: Path) -> None:
    server, body = serve(upload_idle_timeout=0.3), form(b"x" * 5000)
    reply = parse(server.raw(head(len(body)) + body[:2000]))
    assert (reply.status, reply.body) == (408, b"request-too-slow")
    until(lambda: not list(spool.iterdir()))  # cleared in the thread that answered, perhaps after the answer


def test_a_drip_that_takes_too_long_in_all(serve: Callable[..., Running], spool: Path) -> None:
    server, body = serve(upload_idle_timeout=60, upload_total_timeout=0.5), form(b"x" * 5000)
    with server.connect() as one:
        one.sendall(head(len(body)))
        began = time.monotonic()
        try:
            for byte in body:
                one.sendall(bytes([byte]))
                time.sleep(0.05)
                one.settimeout(0.001)
                try:
                    if one.recv(1000):
                        break
                except TimeoutError:
                    one.settimeout(PATIENCE)
        except ConnectionError:
            pass
        assert time.monotonic() - began < PATIENCE, "the whole would take minutes"
    until(lambda: not list(spool.iterdir()))


def test_slow_uploads_hold_no_thread(serve: Callable[..., Running], takes: Takes) -> None:
    """Twenty at once with one thread of the application, and pages and forms are answered as ever."""
    server, body = serve(threads=1), form(b"x" * 10_000)
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(20)]
    try:
        for one in slow:
            one.sendall(head(len(body)) + body[:5000])
        until(lambda: server.app._dynamic._uploads == 20)
        for url in ("/simple/demo/", "/application", "/readyz"):
            assert server.get(url).status == 200
        for one in slow:
            one.sendall(body[5000:])
        assert [read_reply(one).status for one in slow] == [200] * 20
    finally:
        for one in slow:
            one.close()
    assert len(takes.seen) == 20


def test_too_many_uploads_at_once(serve: Callable[..., Running]) -> None:
    server, body = serve(max_uploads=1), form(b"x" * 1000)
    with server.connect() as one:
        one.sendall(head(len(body)) + body[:500])
        until(lambda: server.app._dynamic._uploads == 1)
        late = server.ask("POST", "/legacy/", {"Content-Type": TYPE}, body)
        assert (late.status, late["retry-after"]) == (503, "5")
        assert "try again" in late.body.decode()
        one.sendall(body[500:])
        assert read_reply(one).status == 200


def test_a_full_queue_still_takes_what_was_received(make: Make, spool: Path) -> None:
    gate = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        assert gate.wait(PATIENCE)
        start("200 OK", [])
        return [b"ok"]

    server = make(
        {"threads": 1, "queue": 0}, application=app, new_receiver=lambda kind: Receiver(UploadLimits(), spool, kind)
    )
    body, replies = form(b"x"), []
    asking = [
        threading.Thread(
            target=lambda: replies.append(server.ask("POST", "/legacy/", {"Content-Type": TYPE}, body).status)
        )
        for _ in range(4)
    ]
    for one in asking:
        one.start()
    until(lambda: server.app._dynamic._bridge._inside == 4)
    assert server.get("/x").status == 503
    gate.set()
    for one in asking:
        one.join(PATIENCE)
    assert replies == [200] * 4


class Broken:
    """A receiver whose disk fails."""

    def __init__(self, kind: str) -> None:
        self.aborted = False

    def feed(self, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    def finish(self) -> None:
        raise AssertionError("feed failed")

    def abort(self) -> None:
        self.aborted = True


def test_a_disk_that_fails_is_a_refusal(make: Make, takes: Takes) -> None:
    made: list[Broken] = []

    def new(kind: str) -> Broken:
        made.append(Broken(kind))
        return made[-1]

    reply = make(application=takes, new_receiver=new).ask("POST", "/legacy/", {"Content-Type": TYPE}, form(b"x"))
    assert (reply.status, reply.body) == (503, b"cannot-receive")
    until(lambda: made[0].aborted)


def test_an_upload_in_flight_finishes_before_the_end(serve: Callable[..., Running], takes: Takes) -> None:
    server, body = serve(), form(b"x" * 10_000)
    with server.connect() as one, server.connect() as idle:
        one.sendall(head(len(body)) + body[:5000])
        until(lambda: server.app._dynamic._uploads == 1)
        server.stop()
        idle.settimeout(PATIENCE)
        assert idle.recv(1) == b""  # idle connections end at once
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=1)
        time.sleep(0.2)
        one.sendall(body[5000:])
        reply = read_reply(one)
        assert (reply.status, reply["connection"]) == (200, "close")
    assert server.join()
    assert len(takes.seen) == 1


def test_the_end_does_not_wait_for_ever(serve: Callable[..., Running], spool: Path) -> None:
    server, body = serve(stop_timeout=0.3), form(b"x" * 10_000)
    with server.connect() as one:
        one.sendall(head(len(body)) + body[:5000])
        until(lambda: server.app._dynamic._uploads == 1)
        began = time.monotonic()
        server.stop()
        assert server.join()
        assert time.monotonic() - began < ServeSettings().stop_timeout, "in the time that was set, not the usual one"
    assert not list(spool.iterdir())


class Guarded(Takes):
    """Says no to what it was given without a body, as the real application does by its token."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.seen.append(environ.get("bonded.received"))
        start(
            "401 The API token is not valid on this index",
            [("Content-Type", "text/plain"), ("WWW-Authenticate", "Basic")],
        )
        return [b"no"]


def test_an_upload_without_good_credentials_is_answered_before_its_body(make: Make, spool: Path) -> None:
    """Nothing is spooled; the rest of the body is read and forgotten, so that the connection stays in order."""
    asked: list[tuple[str, str]] = []

    def may_upload(headers: Mapping[str, str], address: str) -> bool:
        asked.append((headers["authorization"], address))
        return False

    takes = Guarded()

    def receiver(kind: str) -> Receiver:
        raise AssertionError("a receiver was made")

    server = make(application=takes, new_receiver=receiver, may_upload=may_upload)
    body = form(b"x" * 3_000_000)
    with server.connect() as connection:
        connection.sendall(head(len(body), "Authorization: Basic bad\r\n") + body[:1000])
        reply = read_reply(connection)
        assert (reply.status, reply.reason) == (401, "The API token is not valid on this index")
        connection.sendall(body[1000:])
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_reply(connection).status == 200
    assert asked == [("Basic bad", "127.0.0.1")]
    (given,) = takes.seen
    assert isinstance(given, Refusal)
    assert given.code == "upload-not-received"
    assert list(spool.iterdir()) == []


def test_a_client_that_asks_first_never_sends_what_would_be_refused(make: Make) -> None:
    server = make(application=Guarded(), may_upload=lambda headers, address: False)
    with server.connect() as connection:
        connection.sendall(head(500_000_000, "Expect: 100-continue\r\n"))
        assert read_reply(connection).status == 401


def test_good_credentials_go_on(serve: Callable[..., Running], make: Make, takes: Takes, spool: Path) -> None:
    limits = UploadLimits()
    server = make(
        application=takes,
        new_receiver=lambda kind: Receiver(limits, spool, kind),
        may_upload=lambda headers, address: headers.get("authorization") == "Basic good",
    )
    body = form(b"content")
    with server.connect() as connection:
        connection.sendall(head(len(body), "Authorization: Basic good\r\n") + body)
        assert read_reply(connection).status == 200
    assert isinstance(takes.seen[0], Received)


def uploads_counted(server: Running) -> float:
    lines = server.get("/metrics").body.decode().splitlines()
    name = 'bonded_http_requests_total{lane="upload",status="200"} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_uploads_are_counted_as_such_with_and_without_the_slash(serve: Callable[..., Running]) -> None:
    server = serve()
    before = uploads_counted(server)
    for path in ("/legacy/", "/legacy"):
        assert server.ask("POST", path, {"Content-Type": TYPE}, form(b"x")).status == 200
    until(lambda: uploads_counted(server) == before + 2)
