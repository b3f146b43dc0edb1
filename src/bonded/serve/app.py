"""One process's server: every request goes to the static lane, to operations, or to the web application.

The static lane answers GET and HEAD of /simple/, /packages/, /metadata/, /publications/ and /pypi/ out of the public store.
All else goes to the application, except what is not HTTP as it should be, which is refused here.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_request import BaseRequest
from multidict import CIMultiDictProxy, istr

from bonded.seams import StorageError
from bonded.serve import environ, operations
from bonded.serve.answers import Answer, head, plain
from bonded.serve.connection import Connection, Server
from bonded.serve.context import ServeContext
from bonded.serve.dynamic import UPLOADS, Asked, Dynamic
from bonded.serve.ledger import Ledger
from bonded.serve.listen import descriptors, most_connections
from bonded.serve.paths import is_static
from bonded.serve.peers import Peer, is_host, networks, resolve
from bonded.serve.sending import Sending, Stream
from bonded.serve.sources import FolderSource, Source, StorageSource
from bonded.serve.static import StaticLane
from bonded.telemetry import metrics
from bonded.telemetry.measures import CONNECTIONS

TICK = 0.5
"""Seconds between housekeeping: the date, the ledger, slow clients."""

CROWD = 60.0
"""Seconds between two words about too many connections."""

CORS_PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, If-None-Match, If-Modified-Since, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}

log = structlog.get_logger("bonded.serve")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_LOOKS = 10
"""Tries to open what was found before something else took its name."""
T = TypeVar("T")
_HOST, _AGENT = istr("Host"), istr("User-Agent")


def make_app(context: ServeContext, write: Callable[[bytes], None]) -> App:
    """The application of one process; `write` takes lines of the access log. Raises ValueError for wrong networks."""
    return App(context, write)


class App:
    """Lanes and housekeeping. `start()` on the event loop gives what aiohttp's servers are made from."""

    def __init__(self, context: ServeContext, write: Callable[[bytes], None]) -> None:
        s = self._settings = context.settings
        self._context = context
        self._trusted, self._metrics_from = networks(s.trusted_proxies), networks(s.metrics_from)
        private = context.may_read is not None
        self.source = _source(context)
        self._look = _source(context)
        """Another one for threads: what the first remembers belongs to the event loop."""
        self._static = StaticLane(self.source, s, private=private)
        self._ledger = Ledger(write, s.access_log, context.clock)
        self._dynamic = Dynamic(context)
        self._aside = ThreadPoolExecutor(s.threads, thread_name_prefix="aside")
        self._express_on = self.source.quick and not private and not self._trusted
        self._prefix, self._number = secrets.token_hex(4), 0
        self._date = b""
        self.stopping = False
        self._crowd_told = -CROWD
        self.server: Server | None = None

    # life

    def start(self) -> Server:
        """Make the server and begin housekeeping. Call on the event loop."""
        s = self._settings
        self.server = Server(
            self.handle,
            failure=self._failure,
            express=self._express if self._express_on else None,
            idle_timeout=s.idle_timeout,
            most=s.most_connections or most_connections(descriptors()),
            options={"access_log": None, "auto_decompress": False, "lingering_time": 10.0, "tcp_keepalive": True},
        )
        self._tick()
        return self.server

    async def stop(self) -> None:
        """Let requests in flight finish, in the time allowed, and end all connections. Stop listening before."""
        assert self.server is not None
        self.stopping = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.stop_timeout
        while loop.time() < end:
            busy = False
            for connection in self._connections():
                if connection.busy():
                    busy = True
                else:
                    connection.force_close()
            if not busy:
                break
            await asyncio.sleep(0.02)
        await self.server.shutdown(1.0)
        await self._dynamic.close()
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._ledger.flush()

    def _connections(self) -> list[Connection]:
        assert self.server is not None
        return [one for one in self.server.connections if isinstance(one, Connection)]

    def _tick(self) -> None:
        loop, s = asyncio.get_running_loop(), self._settings
        loop.call_later(TICK, self._tick)
        self._date = b"Date: " + format_datetime(self._context.clock(), usegmt=True).encode() + b"\r\n"
        connections = self._connections()
        for connection in connections:
            connection.sweep(loop.time(), s.head_timeout, s.send_timeout)
        metrics.level(CONNECTIONS, len(connections))
        self._tell_crowd(loop.time())
        self._ledger.flush()

    def _tell_crowd(self, now: float) -> None:
        """Log, once in a while, that there are as many connections as may be."""
        assert self.server is not None
        if self.server.crowded and now >= self._crowd_told + CROWD:
            log.warning(
                "more connections than may be open at once; idle ones are ended",
                most=self.server.most,
                more=self.server.crowded,
            )
            self.server.crowded, self._crowd_told = 0, now

    # requests

    def _express(self, message: RawRequestMessage, connection: Connection) -> bytes | None:
        """The whole answer for a small object of the public store; None sends the request the ordinary way."""
        method, url, headers = message.method, message.path, message.headers
        if method not in ("GET", "HEAD") or not is_static(url) or self.stopping or len(headers.getall(_HOST, ())) != 1:
            return None
        try:
            answer = self._static.answer(method, url, headers)
        except Exception:
            return None  # the ordinary way meets it again, and says so
        if answer.span is not None:
            return None
        request_id = self._next_id()
        agent = headers.get(_AGENT, "")
        address, size = connection.address, len(answer.body)
        self._ledger.note(("static", answer.status, size, method, url, address, agent, request_id, 0.0))
        return b"%b%bX-Request-Id: %b\r\n\r\n%b" % (answer.head, self._date, request_id.encode(), answer.body)

    async def handle(self, request: BaseRequest) -> web.StreamResponse:
        """What aiohttp calls for every request that did not go the express way."""
        started = asyncio.get_running_loop().time()
        headers = environ.fold(list(request.headers.items()))
        connection = request.protocol
        peer = resolve(getattr(connection, "address", ""), headers, self._trusted)
        request_id = self._request_id(headers, peer)
        path, query = _split(request.raw_path)
        asked = Asked(request, path, query, headers, peer, request_id)
        lane, answer = await self._choose(asked)
        taken = asyncio.get_running_loop().time

        def done(sent: int) -> None:
            agent, seconds = headers.get("user-agent", ""), taken() - started
            self._ledger.note(
                (lane, answer.status, sent, request.method, path, peer.address, agent, request_id, seconds)
            )

        return self._sending(answer, request_id, done, close=lane == "refused" or _is_upgrade(headers))

    async def _choose(self, asked: Asked) -> tuple[str, Answer | Stream]:
        request = asked.request
        if fault := _fault(request, asked.headers):
            return "refused", plain(400, f"Bad Request: {fault}")
        if asked.path in operations.PATHS and request.method in ("GET", "HEAD"):
            return "operations", _for_method(request.method, await self._operate(asked))
        if is_static(asked.path):
            return "static", await self._read(asked)
        return ("upload" if request.method == "POST" and asked.path in UPLOADS else "web"), await self._dynamic.answer(
            asked
        )

    async def _operate(self, asked: Asked) -> Answer:
        if asked.path == "/healthz":
            return operations.health()
        if asked.path == "/readyz":
            call = operations.readiness
        else:
            self._ledger.flush()
            call = operations.figures
        return await self._beside(call, self._context, self._look, asked.peer.address, self._metrics_from)

    async def _read(self, asked: Asked) -> Answer:
        method = asked.request.method
        may_read = self._context.may_read
        if method == "OPTIONS" and may_read is None:
            return Answer(204, head(204, CORS_PREFLIGHT))
        if method not in ("GET", "HEAD"):
            return plain(405, "Method Not Allowed", {"Allow": "GET, HEAD, OPTIONS"})
        if may_read is not None and not await self._beside(may_read, asked.headers):
            return _for_method(method, _not_for_you(asked.headers))
        url = asked.path + ("?" + asked.query if asked.query else "")
        headers = asked.request.headers
        try:
            if isinstance(self.source, FolderSource):
                return self._opened(self.source, method, url, headers)
            return await self._beside(self._static.answer, method, url, headers)
        except (OSError, StorageError):
            log.exception("the public store failed", path=asked.path, request_id=asked.request_id)
            return plain(503, "The public store cannot be read now; try again", {"Retry-After": "5"})

    def _opened(self, source: FolderSource, method: str, url: str, headers: CIMultiDictProxy[str]) -> Answer:
        """The answer with its file open: a page that is exchanged now must not be sent with the length of the one before.

        Raises OSError when the store fails, and when each look was overtaken.
        """
        for _ in range(_LOOKS):
            answer = self._static.answer(method, url, headers)
            if answer.span is None or answer.found is None:
                return answer
            stream = source.opened(answer.found)
            if stream is not None:
                return replace(answer, stream=stream)
        raise OSError(f"{url} changes all the time")

    async def _beside(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, call, *arguments)

    # answers

    def _sending(
        self, answer: Answer | Stream, request_id: str, done: Callable[[int], None], *, close: bool
    ) -> Sending:
        return Sending(
            answer,
            extra=b"%bX-Request-Id: %b\r\n" % (self._date, request_id.encode("latin-1", "replace")),
            close=close or self.stopping,
            source=self.source,
            send_timeout=self._settings.send_timeout,
            done=done,
        )

    def _failure(self, request: BaseRequest, status: int, error: BaseException | None) -> Sending:
        """For what aiohttp could not parse (400), and for a fault of ours (500), which is logged."""
        request_id = self._next_id()
        if status >= 500:
            log.error("a request failed", request_id=request_id, exc_info=error)
            answer = plain(500, f"Internal Server Error: the cause is in the server's log under {request_id}")
        else:
            answer = plain(status, "Bad Request: this is not HTTP as it should be")
        address = getattr(request.protocol, "address", "")

        def done(sent: int) -> None:
            self._ledger.note(("refused", status, sent, "", "", address, "", request_id, 0.0))

        return self._sending(answer, request_id, done, close=True)

    def _next_id(self) -> str:
        self._number += 1
        return f"{self._prefix}-{self._number:x}"

    def _request_id(self, headers: dict[str, str], peer: Peer) -> str:
        """The id that a trusted proxy gave, else our own."""
        given = headers.get("x-request-id", "") if peer.trusted else ""
        return (
            given if given.isascii() and 0 < len(given) <= 80 and given.replace("-", "").isalnum() else self._next_id()
        )


def _source(context: ServeContext) -> Source:
    s = context.settings
    if isinstance(context.public, Path):
        return FolderSource(context.public, context.clock, cache_bytes=s.cache_bytes, cache_item=s.cache_item)
    return StorageSource(context.public, cache_item=s.cache_item)


def _split(url: str) -> tuple[str, str]:
    """Path and query of a request target; the absolute form (RFC 9112, section 3.2.2) loses its scheme and host, which end where
    proxies see their end: were it elsewhere, an address that they keep to themselves could be had by writing it otherwise."""
    if absolute := _ABSOLUTE.match(url):
        url = url[absolute.end() :]
    path, _, query = url.partition("#")[0].partition("?")
    return path or "/", query


def _fault(request: BaseRequest, headers: dict[str, str]) -> str:
    """What is wrong with a request that the parser let through, "" when nothing is. The connection ends with it."""
    if request.version not in ((1, 0), (1, 1)):
        return "only HTTP/1.1 and HTTP/1.0 are spoken here"
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        return "exactly one Host header is needed"
    if hosts and not is_host(hosts[0]):
        return "the Host header is not a host"
    if not request.raw_path.startswith(("/", "http://", "https://")) and request.raw_path != "*":
        return "the address does not begin with a slash"
    coding = headers.get("transfer-encoding")
    if coding is not None and request.version < (1, 1):
        # A proxy of that time passes such a header on unread, and sees a request in what is the body here.
        return "HTTP/1.0 has no Transfer-Encoding"
    if coding is not None and coding.strip().lower() != "chunked":
        return "no Transfer-Encoding but chunked is unpacked here"
    return ""


def _is_upgrade(headers: dict[str, str]) -> bool:
    """True for a request to go on in another protocol. It is answered in this one, and its connection ends: of protocols that
    aiohttp does not know, it forgets what came in one piece with the request."""
    return "upgrade" in headers and "upgrade" in headers.get("connection", "").lower()


def _not_for_you(headers: dict[str, str]) -> Answer:
    if "authorization" in headers:
        return plain(403, "Forbidden: these credentials may not read here")
    return plain(401, "Unauthorized: reading here needs a token", {"WWW-Authenticate": 'Basic realm="packages"'})


def _for_method(method: str, answer: Answer) -> Answer:
    return Answer(answer.status, answer.head) if method == "HEAD" else answer
