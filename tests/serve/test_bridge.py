"""The bridge to the web application: PEP 3333 to the letter, bounded, and no thread held by slow clients."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from bonded.serve.context import ServeSettings
from tests.serve.conftest import Make, echo
from tests.serve.running import PATIENCE, Running, parse, read_all, read_reply, until

Start = Callable[..., Any]
Environ = dict[str, Any]


def test_reason_phrase_and_headers_go_out_as_given(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        start(
            "400 File already exists ('demo-1.0.tar.gz', with other bytes). \xe9",
            [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "caf\xe9")],
        )
        return [b"no"]

    reply = make(application=app).get("/x")
    assert (reply.status, reply.reason) == (400, "File already exists ('demo-1.0.tar.gz', with other bytes). \xe9")
    assert [value for key, value in reply.pairs if key == "set-cookie"] == ["a=1", "b=2"]
    assert reply["x-latin"] == "caf\xe9"
    assert reply.body == b"no"


def told(server: Running, url: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    reply = server.ask(more.pop("method", "GET"), url, headers, more.pop("body", None))
    assert reply.status == 200, reply
    found: dict[str, Any] = json.loads(reply.body)
    return found


def test_environ(make: Make) -> None:
    server = make()
    found = told(
        server,
        "/a%20b/caf%C3%A9?x=%C3%A9&y=1",
        {
            "Cookie": "a=1",
            "X_Forwarded_For": "1.2.3.4",
            "X-Forwarded-For": "9.9.9.9",
            "Proxy": "evil",
            "Accept": "text/html",
        },
    )
    environ = found["environ"]
    assert environ["PATH_INFO"] == "/a b/caf\xc3\xa9"
    assert (environ["QUERY_STRING"], environ["SCRIPT_NAME"]) == ("x=%C3%A9&y=1", "")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert (environ["HTTP_HOST"], environ["SERVER_PORT"]) == (f"127.0.0.1:{server.port}", str(server.port))
    assert (environ["HTTP_COOKIE"], environ["HTTP_ACCEPT"]) == ("a=1", "text/html")
    assert not {"HTTP_X_FORWARDED_FOR", "HTTP_PROXY", "HTTP_CONNECTION"} & set(environ)
    assert environ["bonded.request_id"]
    assert "CONTENT_TYPE" not in environ


def test_the_word_of_a_trusted_proxy(make: Make) -> None:
    forwarded = {
        "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 127.0.0.2",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "packages.example.invalid",
        "X-Request-Id": "from-the-proxy-1",
    }
    environ = told(make({"trusted_proxies": ("127.0.0.0/8",)}), "/x", forwarded)["environ"]
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("203.0.113.9", "https")
    assert (environ["HTTP_HOST"], environ["SERVER_PORT"]) == ("packages.example.invalid", "443")
    assert environ["bonded.request_id"] == "from-the-proxy-1"
    environ = told(make(), "/x", forwarded)["environ"]
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert environ["bonded.request_id"] != "from-the-proxy-1"


def test_bodies_arrive_whole_by_length_and_by_chunks(make: Make) -> None:
    server = make()
    body = b"a=1&b=" + b"x" * 400_000
    found = told(server, "/form", {"Content-Type": "application/x-www-form-urlencoded"}, method="POST", body=body)
    assert found["body"].encode() == body
    assert (found["environ"]["CONTENT_LENGTH"], found["environ"]["CONTENT_TYPE"]) == (
        str(len(body)),
        "application/x-www-form-urlencoded",
    )
    chunked = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
    found = told(server, "/form", {"Transfer-Encoding": "chunked"}, method="POST", body=chunked)
    assert (found["body"], found["environ"]["CONTENT_LENGTH"]) == ("hello world", "11")
    assert "HTTP_TRANSFER_ENCODING" not in found["environ"]


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_over_the_cap(make: Make, framing: str) -> None:
    server = make({"max_body": 1000})
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    if framing == "length":
        data = head + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001
    else:
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    reply = parse(server.raw(data))
    assert reply.status == 413
    assert b"request-too-large" in reply.body


def test_a_body_that_never_ends_is_answered_408(make: Make) -> None:
    server = make({"request_timeout": 0.3})
    reply = parse(server.raw(b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc"))
    assert (reply.status, reply["x-refusal"]) == (408, "request-too-slow")


def test_a_form_that_cannot_be_kept_is_a_refusal(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room on the disk, or no descriptor for the file that a larger form goes to."""

    def full(self: object, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    server = make()
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.SpooledTemporaryFile.write", full)
        reply = server.ask("POST", "/x", body=b"a=1")
    assert (reply.status, reply["x-refusal"], reply["cache-control"]) == (503, "cannot-receive", "no-store")
    assert server.ask("POST", "/x", body=b"a=1").status == 200


def test_a_body_cut_short_reaches_nobody(make: Make) -> None:
    calls: list[str] = []

    def app(environ: Environ, start: Start) -> list[bytes]:
        calls.append(environ["PATH_INFO"])
        return echo(environ, start)

    server = make(application=app)
    with server.connect() as one:
        one.sendall(b"POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert server.get("/next").status == 200
    assert calls == ["/next"]


def test_a_compressed_body_is_not_unpacked(make: Make) -> None:
    reply = make().ask("POST", "/x", {"Content-Encoding": "gzip"}, b"\x1f\x8b")
    assert (reply.status, reply["x-refusal"]) == (415, "content-encoding")


def test_expect_100_continue(make: Make) -> None:
    server = make()
    with server.connect() as one:
        one.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b"abc")
        assert json.loads(read_reply(one).body)["body"] == "abc"


class Pieces:
    """An iterable that notes whether it was closed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self.closed = iter(pieces), 0

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self.closed += 1


def test_streams_go_out_as_they_are_made(make: Make) -> None:
    gate = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b""
        yield b"first"
        assert gate.wait(PATIENCE)
        yield b"second"

    made = Pieces(slowly())

    def app(environ: Environ, start: Start) -> Pieces:
        start("200 OK", [("Content-Type", "text/plain")])
        return made

    server = make(application=app)
    with server.connect() as one:
        one.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while b"first" not in data:
            data += one.recv(1000)
        assert b"second" not in data
        gate.set()
        reply = parse(data + read_all(one))
    assert (reply.body, reply["transfer-encoding"]) == (b"firstsecond", "chunked")
    until(lambda: made.closed == 1)


def test_http_1_0_gets_streams_by_closing(make: Make) -> None:
    gate = threading.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        assert gate.wait(PATIENCE)  # so that the end is not known when the answer begins
        yield b"b"

    with make(application=app).connect() as one:
        one.sendall(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        data = b""
        while not data.endswith(b"\r\n\r\na"):
            piece = one.recv(1000)
            assert piece, data
            data += piece
        gate.set()
        data += read_all(one)
    assert data.endswith(b"\r\n\r\nab")
    assert b"Connection: close" in data


def test_the_write_callable_and_late_errors(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        write = start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
        write(b"abc")
        return [b"def"]

    reply = make(application=app).get("/x")
    assert reply.body == b"abcdef"


def test_an_answer_may_be_replaced_until_it_has_begun(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ValueError("x")
        except ValueError as error:
            start("418 Sorry", [("Content-Type", "text/plain")], (type(error), error, error.__traceback__))
        return [b"sorry"]

    reply = make(application=app).get("/x")
    assert (reply.status, reply.reason, reply.body) == (418, "Sorry", b"sorry")


@pytest.mark.parametrize("fault", ["raise", "never", "twice", "split", "header", "status"])
def test_a_broken_application_is_a_500_without_details(make: Make, fault: str) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        if fault == "raise":
            raise RuntimeError("the secret detail")
        if fault == "never":
            return [b""]
        status = {"split": "200 OK\r\nX-Evil: 1", "status": "abc"}.get(fault, "200 OK")
        start(status, [("X-A", "a\r\nX-Evil: 1" if fault == "header" else "a")])
        if fault == "twice":
            start("200 OK", [])
        return [b"x"]

    server = make(application=app)
    reply = server.get("/x")
    assert (reply.status, reply["cache-control"]) == (500, "no-store")
    assert reply["x-request-id"].encode() in reply.body
    assert b"secret" not in reply.raw
    assert "x-evil" not in reply.headers
    assert server.get("/simple/demo/").status == 200


def test_a_stream_that_fails_is_cut_not_ended(make: Make) -> None:
    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"half"
        raise RuntimeError("no more")

    data = make(application=app).raw(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"half" in data
    assert not data.endswith(b"0\r\n\r\n")


def test_head_204_and_304_have_no_body(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        status = {"/204": "204 No Content", "/304": "304 Not Modified"}.get(environ["PATH_INFO"], "200 OK")
        start(status, [("Content-Length", "5")] if status[0:3] == "200" else [])
        return [b"hello"] if status[0:3] == "200" else []

    server = make(application=app)
    head = server.ask("HEAD", "/x")
    assert (head.status, head["content-length"], head.body) == (200, "5", b"")
    for url in ("/204", "/304"):
        with server.connect() as one:
            one.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n" % url.encode())
            assert read_reply(one).status == int(url[1:])
            assert read_reply(one).body == b"hello"


def test_a_validating_application(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        environ["wsgi.input"].read(10)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"valid"]

    server = make(application=validator(app))  # type: ignore[arg-type]
    assert server.ask("POST", "/x?y=1", body=b"abc").body == b"valid"
    assert server.get("/").body == b"valid"


def test_threads_are_bounded_and_a_full_queue_says_so(make: Make) -> None:
    gate, inside, most = threading.Event(), [], []

    def app(environ: Environ, start: Start) -> list[bytes]:
        inside.append(1)
        most.append(len(inside))
        assert gate.wait(PATIENCE)
        inside.pop()
        start("200 OK", [])
        return [b"done"]

    server = make({"threads": 2, "queue": 3}, application=app)
    replies: list[int] = []
    asking = [threading.Thread(target=lambda: replies.append(server.get("/x").status)) for _ in range(5)]
    for one in asking:
        one.start()
    until(lambda: server.app._dynamic._bridge._inside == 5)
    late = server.get("/late")
    assert (late.status, late["retry-after"]) == (503, "1")
    assert server.get("/simple/demo/").status == 200
    gate.set()
    for one in asking:
        one.join(PATIENCE)
    assert replies == [200] * 5
    assert max(most) == 2


def test_slow_readers_of_short_answers_hold_no_thread(make: Make) -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        start("200 OK", [])
        return [b"x" * (3_000_000 if environ["PATH_INFO"] == "/big" else 1)]

    server = make({"threads": 1}, application=app)
    with server.connect() as one, server.connect() as two:
        for slow in (one, two):
            slow.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert server.get("/x").status == 200


def test_a_reader_that_stops_frees_its_thread_in_time(make: Make) -> None:
    closed = threading.Event()

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        if environ["PATH_INFO"] != "/endless":
            return [b"x"]

        def endless() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x" * 100_000
            finally:
                closed.set()

        return endless()

    server = make({"threads": 1, "send_timeout": 0.5}, application=app)
    with server.connect() as one:
        one.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        assert server.get("/x").status == 200
        assert time.monotonic() - began < ServeSettings().send_timeout / 2, (
            "in the time that was set, not the usual one"
        )
        assert closed.is_set()


def test_a_reader_that_goes_frees_its_thread(make: Make) -> None:
    closed = threading.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    server = make(application=app)
    with server.connect() as one:
        one.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        one.recv(100)
    assert closed.wait(PATIENCE)
