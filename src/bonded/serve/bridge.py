"""The bridge to the web application: a WSGI call in one of a few threads, its answer back on the event loop.

A thread is held while the application works and, beyond `AHEAD` bytes that the client has not yet taken, while a slow
client reads; a short answer leaves its thread at once, however slow the client is.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from bonded.serve.context import Application
from bonded.telemetry import logs, metrics
from bonded.telemetry.measures import CUT_OFF, WAITING

AHEAD = 4 * 1024 * 1024
"""Bytes that the application may be ahead of its client."""

log = structlog.get_logger("bonded.web")

Head = tuple[str, list[tuple[str, str]]]
"""Status line without the protocol ("200 OK"), and headers, as given to start_response."""


class Busy(Exception):
    """All threads are at work and the queue is full."""


class ApplicationFailed(Exception):
    """The application raised, or broke PEP 3333; it has been logged."""


class _Gone(Exception):
    """Nobody waits for this answer any more."""


class Exchange:
    """One call: the thread puts in, the loop takes out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send_timeout: float) -> None:
        self._loop, self._send_timeout = loop, send_timeout
        self._changed = threading.Condition()
        self._ready = asyncio.Event()
        self._pieces: deque[bytes] = deque()
        self._ahead = 0
        self._gone = False
        self.head: Head | None = None
        self.ended = False
        self.failed = False

    # the thread's side

    def put(self, head: Head, piece: bytes) -> None:
        """Send a piece. Waits while the client is too far behind; raises _Gone when it is not there any more."""
        with self._changed:
            self.head = head
            if piece:
                self._pieces.append(piece)
                self._ahead += len(piece)
            self._loop.call_soon_threadsafe(self._ready.set)
            while self._ahead > AHEAD and not self._gone:
                if not self._changed.wait(self._send_timeout):
                    metrics.count(CUT_OFF, why="send")
                    self._gone = True
            if self._gone:
                raise _Gone

    def end(self, head: Head | None, pieces: Iterable[bytes] = (), *, failed: bool = False) -> None:
        """Say that nothing follows `pieces`."""
        with self._changed:
            self.head = self.head or head
            self._pieces.extend(pieces)
            self.ended, self.failed = True, failed
        self._loop.call_soon_threadsafe(self._ready.set)

    # the loop's side

    async def begun(self) -> Head:
        """The head, once there is one. Raises ApplicationFailed."""
        await self._ready.wait()
        if self.head is None or (self.failed and not self._pieces):
            raise ApplicationFailed
        return self.head

    def whole(self) -> int | None:
        """The length of the body when all of it is here, else None."""
        with self._changed:
            return sum(map(len, self._pieces)) if self.ended and not self.failed else None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body. Raises ConnectionError when the application failed on the way."""
        try:
            while True:
                await self._ready.wait()
                with self._changed:
                    self._ready.clear()
                    taken, self._pieces = b"".join(self._pieces), deque()
                    ended, failed = self.ended, self.failed
                if taken:
                    yield taken
                    with self._changed:
                        self._ahead -= len(taken)
                        self._changed.notify_all()
                if failed:
                    raise ConnectionAbortedError("the application failed after its answer had begun")
                if ended:
                    return
        finally:
            self.forget()

    def forget(self) -> None:
        """Nobody waits for the rest."""
        with self._changed:
            self._gone = True
            self._changed.notify_all()


class Bridge:
    """Calls `application` in at most `threads` threads; `queue` calls may wait."""

    def __init__(self, application: Application, *, threads: int, queue: int, send_timeout: float) -> None:
        self._application, self._send_timeout = application, send_timeout
        self._room = threads + queue
        self._threads = threads
        self._inside = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")

    def call(self, environ: dict[str, Any], after: Callable[[], None], *, patient: bool = False) -> Exchange:
        """Begin a call; `after` is called in the thread at its end. Raises Busy unless `patient` (an upload that has
        been received in full waits its turn)."""
        if self._inside >= self._room and not patient:
            raise Busy
        exchange = Exchange(asyncio.get_running_loop(), self._send_timeout)
        self._inside += 1
        self._show()
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._run, exchange, environ, after)
        future.add_done_callback(self._left)
        return exchange

    def close(self) -> None:
        """Wait for the calls at work, and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self, _call: asyncio.Future[None]) -> None:
        self._inside -= 1
        self._show()

    def _show(self) -> None:
        metrics.level(WAITING, max(0, self._inside - self._threads))

    def _run(self, exchange: Exchange, environ: dict[str, Any], after: Callable[[], None]) -> None:
        logs.bind_request(environ["bonded.request_id"])
        call = _Call(exchange, environ["REQUEST_METHOD"] == "HEAD")
        try:
            call.run(self._application, environ)
        except _Gone:
            exchange.end(None, failed=True)
        except Exception:
            log.exception("request failed", method=environ["REQUEST_METHOD"], path=environ["PATH_INFO"])
            exchange.end(None, failed=True)
        finally:
            try:
                after()
            except Exception:
                log.exception("clearing up after a request failed")
            environ["wsgi.input"].close()
            logs.unbind_request()


class _Call:
    """The server's side of PEP 3333 for one call."""

    def __init__(self, exchange: Exchange, headless: bool) -> None:
        self._exchange, self._bodiless = exchange, headless
        self._head: Head | None = None
        self._begun = False

    def run(self, application: Application, environ: dict[str, Any]) -> None:
        result = application(environ, self._start)
        try:
            if isinstance(result, list | tuple):  # everything is there: one hand-over
                self._exchange.end(self._right_head(), () if self._bodiless else result)
                return
            for piece in result:
                self._write(piece)
            self._exchange.end(self._right_head())
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self._begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # as PEP 3333 advises: no cycle through the traceback
        elif self._head is not None:
            raise AssertionError("start_response was called twice")
        self._head = (status, list(headers))
        return self._write

    def _write(self, piece: bytes) -> None:
        if piece:  # the head waits for the first bytes: until then it may still be replaced
            head = self._right_head()
            self._begun = True
            self._exchange.put(head, b"" if self._bodiless else piece)

    def _right_head(self) -> Head:
        if self._head is None:
            raise AssertionError("start_response was not called")
        return self._head
