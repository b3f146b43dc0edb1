"""Requests as clients and attackers send them: order, framing, half-closed and slow connections. Never a 500."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from bonded.serve.app import TICK
from bonded.serve.connection import express_possible
from bonded.serve.context import ServeSettings
from bonded.serve.ledger import HANDFUL
from tests.serve.conftest import HTML, Make, echo
from tests.serve.running import Running, parse, read_all, read_reply, until

READ = 20.0
"""Seconds of patience with an answer: less than a connection may idle, after which it ends anyhow."""
WHOLE = b"GET /simple/demo/ HTTP/1.1\r\nHost: x\r\n\r\n"


def test_the_express_way_is_open() -> None:
    assert express_possible()


def test_pipelined_answers_keep_their_order(reader: Running) -> None:
    """Some go the express way, some through a thread; the client must get them as it asked."""
    urls = [
        "/simple/demo/",
        "/a",
        "/metadata/timestamp.json",
        "/b",
        "/c",
        "/simple/absent/",
        "/healthz",
        "/simple/",
    ] * 3
    with reader.connect() as one:
        one.sendall(b"".join(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for url in urls))
        for url in urls:
            reply = read_reply(one)
            if len(url) == 2:
                assert json.loads(reply.body)["environ"]["PATH_INFO"] == url
            else:
                assert reply.body == reader.get(url).body


def test_hundreds_of_pipelined_requests_in_one_piece(reader: Running) -> None:
    """More than the parser takes at once: what it holds back must be asked for again."""
    with reader.connect() as one:
        one.sendall(WHOLE * 300)
        for _ in range(300):
            assert read_reply(one).body == HTML


@pytest.mark.parametrize("count", [33, 48, 200])
def test_more_pipelined_requests_than_the_parser_takes_go_both_ways(reader: Running, count: int) -> None:
    """Those that were answered at once leave room in the parser, and nobody else asks it for what it holds back."""
    urls = [("/simple/demo/", "/a", "/b")[place % 3] for place in range(count)]
    with reader.connect() as one:
        one.sendall(b"".join(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for url in urls))
        for url in urls:
            reply = read_reply(one)
            assert reply.body == HTML if len(url) > 2 else json.loads(reply.body)["environ"]["PATH_INFO"] == url


def test_a_request_in_single_bytes(reader: Running) -> None:
    with reader.connect() as one:
        for byte in WHOLE:
            one.sendall(bytes([byte]))
        assert read_reply(one).body == HTML
        one.sendall(WHOLE)
        assert read_reply(one).body == HTML


def test_a_pipelining_client_that_never_reads_does_not_fill_memory(make: Make) -> None:
    server = make({"send_timeout": 0.5})
    with server.connect() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(2)
        with pytest.raises((TimeoutError, ConnectionError)):
            while True:
                one.sendall(b"GET /packages/demo/demo-1.0-py3-none-any.whl HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    until(lambda: not server.app.server.connections)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /simple/demo/\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /simple/demo/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /simple/demo/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x/../y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: yes\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"a" * 9000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(300)) + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\na", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /simple/demo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /?q=%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET simple/demo/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"CONNECT example.invalid:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, bytes) else str(value),
)
def test_bad_requests_get_one_clear_answer(reader: Running, data: bytes, status: int) -> None:
    with reader.connect() as one:
        one.sendall(data)
        one.shutdown(socket.SHUT_WR)
        answer = read_all(one)
    reply = parse(answer)
    assert reply.status == status
    assert reply["cache-control"] == "no-store"
    assert b"Traceback" not in answer
    assert reader.get("/healthz").status == 200


def test_http_1_0_is_spoken(reader: Running) -> None:
    closing = reader.raw(b"GET /simple/demo/ HTTP/1.0\r\n\r\n")
    assert parse(closing).body == HTML
    with reader.connect() as one:
        for _ in range(2):
            one.sendall(b"GET /simple/demo/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert read_reply(one)["connection"] == "keep-alive"


def test_http_1_0_is_told_that_its_connection_stays_open(reader: Running) -> None:
    """Without that word such a client waits for the end of the connection; a page is answered by the express way otherwise."""
    with reader.connect() as one:
        for _ in range(2):
            one.sendall(b"GET /simple/demo/ HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
            assert read_reply(one)["connection"] == "keep-alive"


@pytest.mark.parametrize(
    "asked",
    [
        b"POST /x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /simple/demo/ HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["form", "page", "gzip"],
)
def test_nothing_follows_a_request_whose_length_others_read_otherwise(reader: Running, asked: bytes) -> None:
    """HTTP/1.0 has no chunks: what a proxy before us takes for the next request must not be one here, nor the reverse."""
    with reader.connect(READ) as one:
        one.sendall(asked + WHOLE)
        answer = read_all(one)
    assert parse(answer).status == 400
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "protocol", [b"websocket", b"h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"], ids=["websocket", "h2c"]
)
@pytest.mark.parametrize("url", [b"/simple/demo/", b"/application"])
def test_an_upgrade_is_answered_in_http_and_leaves_nobody_waiting(reader: Running, url: bytes, protocol: bytes) -> None:
    """Some clients offer HTTP/2 with their first request. What they send after it is neither lost in silence nor kept waiting."""
    asked = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n\r\n" % (
        url,
        protocol,
    )
    with reader.connect(READ) as one:
        one.sendall(asked + WHOLE)
        reply = parse(read_all(one))
    assert (reply.status, reply["connection"]) == (200, "close")


@pytest.mark.parametrize("target", [b"http://x?/simple/demo/", b"http://x?y/metrics", b"https://x?a=/b"])
def test_the_host_of_the_absolute_form_ends_at_its_query(reader: Running, target: bytes) -> None:
    """nginx and caches take it so: what they keep from the world must not be had by writing it otherwise."""
    reply = parse(reader.raw(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target))
    told = json.loads(reply.body)["environ"]
    assert (told["PATH_INFO"], told["QUERY_STRING"]) == ("/", target.decode().partition("?")[2])


def test_absolute_form(reader: Running) -> None:
    reply = parse(
        reader.raw(b"GET http://elsewhere.invalid/simple/demo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    )
    assert reply.body == HTML


@pytest.mark.parametrize("url", [b"/simple/demo/", b"/application"])
def test_a_client_that_closes_its_half_still_gets_its_answer(reader: Running, url: bytes) -> None:
    with reader.connect() as one:
        one.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % url)
        one.shutdown(socket.SHUT_WR)
        assert parse(read_all(one)).status == 200


def test_a_head_that_takes_too_long(make: Make) -> None:
    server, usual = make({"head_timeout": 0.3}), ServeSettings().head_timeout
    with server.connect() as one:
        began = time.monotonic()
        one.sendall(b"GET /simple/demo/ HTTP/1.1\r\n")
        try:
            while time.monotonic() - began < usual:
                one.sendall(b"X-Drip: 1\r\n")
                time.sleep(0.1)
        except ConnectionError:
            pass
        assert time.monotonic() - began < usual, "in the time that was set, not the usual one"


def test_a_silent_half_of_a_head_is_answered_408(make: Make) -> None:
    server = make({"head_timeout": 0.3})
    assert parse(server.raw(b"GET /simple/demo/ HTT")).status == 408


def test_idle_connections_end_and_busy_ones_stay(make: Make) -> None:
    server = make({"idle_timeout": 3.0})
    with server.connect() as silent, server.connect() as lively:
        end = time.monotonic() + 60
        while not ended(silent):  # longer than the time, with pauses that are much shorter even on a busy machine
            assert time.monotonic() < end
            lively.sendall(WHOLE)
            assert read_reply(lively).status == 200
        lively.sendall(WHOLE)
        assert read_reply(lively).status == 200


def ended(one: socket.socket) -> bool:
    """Whether the server has closed a connection on which it says nothing; looks for a moment."""
    one.settimeout(0.1)
    try:
        return one.recv(1) == b""
    except TimeoutError:
        return False


def test_five_hundred_idle_connections_disturb_nobody(make: Make) -> None:
    server = make()
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    try:
        for number, one in enumerate(held):
            one.sendall(b"GET / HTTP/1.1\r\nHo" if number % 2 else b"")
        began = time.monotonic()
        for _ in range(50):
            assert server.get("/simple/demo/").status == 200
        assert time.monotonic() - began < 30
    finally:
        for one in held:
            one.close()


def test_idle_connections_make_room_for_others(make: Make) -> None:
    """Somebody who opens more than a process has descriptors for keeps nobody away, and takes nobody's answer."""
    gate = threading.Event()

    def slow(environ: dict[str, Any], start: Any) -> list[bytes]:
        assert gate.wait(60)
        return echo(environ, start)

    server = make({"most_connections": 20}, application=slow)
    with capture_logs() as said, server.connect() as waiting, server.connect() as lively:
        waiting.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: server.app._dynamic._bridge._inside == 1)
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(18)]
        until(lambda: len(server.app.server.connections) == 20)  # type: ignore[union-attr]
        try:
            for number in range(100):
                if number % 5 == 0:
                    lively.sendall(WHOLE)
                    assert read_reply(lively).body == HTML, "what is used is not what has been idle for longest"
                held.append(socket.create_connection(("127.0.0.1", server.port)))
                held[-1].sendall(b"GET / HTTP/1.1\r\nHo" if number % 2 else b"")
            assert server.get("/simple/demo/").status == 200
            assert len(server.app.server.connections) <= 21  # type: ignore[union-attr]
            gate.set()
            assert read_reply(waiting).status == 200
        finally:
            for one in held:
                one.close()
        until(lambda: any("idle ones are ended" in one["event"] for one in said))
        time.sleep(2 * TICK)
        assert sum("idle ones are ended" in one["event"] for one in said) == 1


def test_connections_that_come_all_at_once_take_turns(make: Make) -> None:
    """A server that was busy takes many in one go, before any has begun to wait: the oldest of them end, not the newest."""
    server = make({"most_connections": 5})
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(60)

    server.loop.call_soon_threadsafe(hold)
    assert held.wait(60)
    with ExitStack() as stack:
        crowd = [stack.enter_context(server.connect()) for _ in range(30)]
        go_on.set()
        assert [read_all(one) for one in crowd[:25]] == [b""] * 25
        for one in crowd[25:]:
            one.sendall(WHOLE)
            assert read_reply(one).body == HTML


def test_without_idle_connections_a_new_one_ends(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def slow(environ: dict[str, Any], start: Any) -> list[bytes]:
        assert gate.wait(60)
        return echo(environ, start)

    server = make({"most_connections": 2}, application=slow)
    with server.connect() as one, server.connect() as two:
        for busy in (one, two):
            busy.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: server.app._dynamic._bridge._inside == 2)
        with server.connect() as third:
            assert read_all(third) == b""
        assert not caplog.records, "no task of a connection that has ended is left behind"
        gate.set()
        assert [read_reply(busy).status for busy in (one, two)] == [200, 200]


def test_a_client_that_vanishes_within_a_big_file(make: Make) -> None:
    server = make()
    for _ in range(5):
        with server.connect() as one:
            one.sendall(b"GET /packages/demo/demo-1.0+local.tar.gz HTTP/1.1\r\nHost: x\r\n\r\n")
            one.recv(100)
    until(lambda: not server.app.server.connections)  # type: ignore[union-attr]
    assert server.get("/healthz").status == 200


def test_a_client_that_pipelines_and_goes_fills_no_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written to a connection that has ended: asyncio warns of each time, which is a line for each request."""
    server = make()
    for _ in range(5):
        with server.connect() as one:
            one.sendall(WHOLE * 800)
    until(lambda: not server.app.server.connections)  # type: ignore[union-attr]
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    assert server.get("/healthz").status == 200


def test_a_client_that_goes_between_two_pieces_of_a_file_is_no_fault(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = asyncio.BaseEventLoop.sendfile

    async def sendfile(self: Any, transport: Any, *arguments: Any) -> int:
        sent = await really(self, transport, *arguments)
        transport.abort()
        return sent

    monkeypatch.setattr(asyncio.BaseEventLoop, "sendfile", sendfile)
    server = make()
    server.raw(b"GET /packages/demo/demo-1.0+local.tar.gz HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: not server.app.server.connections)  # type: ignore[union-attr]
    until(lambda: server.app._ledger.entries or server.lines)
    time.sleep(0.05)  # in which it would be logged
    assert not [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def test_lines_of_the_log_are_written_by_the_handful(make: Make) -> None:
    """A client that asks at once again is not kept waiting by thousands of lines every half second."""
    server = make()
    with server.connect() as one:
        for _ in range(3 * HANDFUL):
            one.sendall(WHOLE)
            assert read_reply(one).status == 200
    server.stop()
    assert server.join()
    written = [piece.count(b"\n") for piece in server.lines]
    assert sum(written) == 3 * HANDFUL
    assert max(written) <= HANDFUL


def test_what_was_answered_is_on_one_line_without_query_and_secrets(make: Make) -> None:
    server = make()
    server.keep("/simple/demo/", {"User-Agent": 'pip/1 "x" bonded-AAAAAAAAAAAAAAAAAAAAAAAAAAAA'})
    server.get(
        "/account/password/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/?secret=hunter2",
        {"Authorization": "Basic aGVsbG86d29ybGQ="},
    )
    server.stop()
    assert server.join()
    lines = [json.loads(line) for line in b"".join(server.lines).splitlines()]
    assert [(line["lane"], line["status"]) for line in lines] == [("static", 200), ("web", 200)]
    assert lines[0]["path"] == "/simple/demo/"
    assert lines[1]["path"] == "/account/password/[redacted]/"
    text = b"".join(server.lines)
    assert b"AAAAAAAA" not in text
    assert b"hunter2" not in text
    assert b"aGVsbG86" not in text
