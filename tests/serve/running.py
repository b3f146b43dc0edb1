"""A server of one process in a thread, and a client that sends exactly the bytes it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bonded.serve.app import App
from bonded.serve.context import ServeContext
from bonded.serve.listen import bind

PATIENCE = 60.0
"""Seconds that anything may take that ends by itself: a busy machine may hold it up."""


@dataclass(frozen=True)
class Reply:
    """One answer as read from the socket."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    raw: bytes
    pairs: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]


def clock() -> datetime:
    return datetime.now(UTC)


class Running:
    """A running server; use as a context manager."""

    def __init__(self, context: ServeContext) -> None:
        self.lines: list[bytes] = []
        self.context = context
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self) -> None:
        self.loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self.app = App(self.context, self.lines.append)
        listening = bind("127.0.0.1", 0, 1)[0]
        self.port = listening.getsockname()[1]
        server = await self.loop.create_server(self.app.start(), sock=listening)
        self._begun.set()
        await self._stopped.wait()
        server.close()
        await self.app.stop()

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._begun.wait(PATIENCE)
        return self

    def stop(self) -> None:
        """Ask for the graceful end; returns at once."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self._stopped.set)

    def join(self, timeout: float = PATIENCE) -> bool:
        """True when the server has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.join()

    # the client

    @contextmanager
    def connect(self, timeout: float = PATIENCE) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as one:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield one

    def raw(self, data: bytes, *, timeout: float = PATIENCE) -> bytes:
        """Send `data`, and all that comes until the server closes."""
        with self.connect(timeout) as one:
            one.sendall(data)
            return read_all(one)

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
        """One request on a connection of its own."""
        given = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"} | dict(headers or {})
        if body is not None and "Transfer-Encoding" not in given:
            given.setdefault("Content-Length", str(len(body)))
        lines = "".join(f"{key}: {value}\r\n" for key, value in given.items())
        data = self.raw(f"{method} {url} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + (body or b""))
        return parse(data, headless=method == "HEAD")

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.ask("GET", url, headers)

    def keep(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
        """One request that leaves the connection open, so that it goes the express way where it can."""
        given = {"Host": f"127.0.0.1:{self.port}"} | dict(headers or {})
        lines = "".join(f"{key}: {value}\r\n" for key, value in given.items())
        with self.connect() as one:
            one.sendall(f"{method} {url} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
            return read_reply(one, headless=method == "HEAD")


def read_all(one: socket.socket) -> bytes:
    found = b""
    try:
        while piece := one.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def read_reply(one: socket.socket, *, headless: bool = False) -> Reply:
    """The next answer on an open connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = one.recv(1)
        assert piece, f"the server closed after {data!r}"
        data += piece
    head = parse(data, headless=True)
    left = 0 if headless or head.status in (204, 304) else int(head.headers.get("content-length", "0"))
    while left:
        piece = one.recv(left)
        assert piece, "the server closed within the body"
        data, left = data + piece, left - len(piece)
    return parse(data, headless=headless)


def parse(data: bytes, *, headless: bool = False) -> Reply:
    """The first answer in `data`, with its body unchunked and checked against its length."""
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator, f"no whole head in {data!r}"
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, status, reason = status_line.split(" ", 2)
    assert version == "HTTP/1.1"
    pairs = tuple((key.lower(), value) for key, _, value in (line.partition(": ") for line in lines))
    headers = dict(pairs)
    if headers.get("transfer-encoding") == "chunked":
        body = unchunk(body)
    elif "content-length" in headers and not headless and status != "304":
        assert len(body) == int(headers["content-length"]), (len(body), headers, body[:200])
    return Reply(int(status), reason, headers, body, data, pairs)


def unchunk(body: bytes) -> bytes:
    found = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        number = int(size, 16)
        if number == 0:
            assert body == b"\r\n"
            return found
        found += body[:number]
        assert body[number : number + 2] == b"\r\n"
        body = body[number + 2 :]


def until(true: Any, timeout: float = PATIENCE) -> None:
    """Wait until `true()`; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "did not become true in time"
        time.sleep(0.01)
