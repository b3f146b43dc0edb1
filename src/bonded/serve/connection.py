"""One connection: aiohttp's, with deadlines for slow clients, and an express way for what can be answered at once.

The express way takes a request out of the parser's hands and writes the answer before any task wakes up; it is what makes
small pages quick. It steps aside whenever an earlier request is still being worked on, so answers keep their order, and is
left out altogether when this aiohttp has not the parts that it stands on (tests say so).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from bonded.telemetry import metrics
from bonded.telemetry.measures import CUT_OFF

Express = Callable[[RawRequestMessage, "Connection"], bytes | None]
"""Gives the whole answer to a request without a body, or None: then it goes the ordinary way."""

READ = 64 * 1024
"""Bytes read from a socket at once. asyncio's own 256 KiB has the allocator map and unmap memory for every request."""

MISSING_HEAD = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
)


class Connection(RequestHandler):
    """A connection with a client."""

    __slots__ = ("address", "half_closed", "head_since", "idle_timeout", "stuck_since")

    def __init__(self, server: Server, express: Express | None, idle_timeout: float, **options: Any) -> None:
        super().__init__(server, keepalive_timeout=idle_timeout, **options)
        self.head_since = 0.0
        self.stuck_since = 0.0
        self.half_closed = False
        self.idle_timeout = idle_timeout
        self.address = ""
        self._parser: Any = _Parser(self._parser, self, express)

    async def start(self) -> None:
        """What aiohttp runs as the connection's task; before Python 3.12 the connection may have ended before it runs at all."""
        if self._manager is not None:
            await super().start()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        if hasattr(transport, "max_size"):
            transport.max_size = READ

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stuck_since = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stuck_since = 0.0

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more. When it has sent all of a request it may still be waiting for the answer."""
        if self.busy() and self._parser.whole():
            self.half_closed = True
            return True
        return None

    def ending(self) -> bool:
        """True when the answer in hand is the last one, because the client sends no more."""
        return self.half_closed and not self._messages

    def idle(self) -> bool:
        """True when nothing is being answered and nothing waits to be."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages and not self._paused

    def spare(self) -> bool:
        """True when nobody loses an answer if the connection ends. One that has only just come counts, though it does not wait
        yet: a server that was busy takes many in one go."""
        return self.transport is not None and (self.idle() or self._request_count == 0)

    def awaited(self) -> float:
        """When the wait for a request began, as far as connections are compared with each other."""
        return self._next_keepalive_close_time

    def busy(self) -> bool:
        """True while a request waits or is worked on, or its answer is being sent."""
        waiter = self._waiter
        return not self._force_close and (waiter is None or waiter.done() or bool(self._messages))

    def answered(self) -> None:
        """An answer was given without a task: the time for the next request begins."""
        self._request_count += 1
        self._next_keepalive_close_time = self._loop.time() + self.idle_timeout

    def sweep(self, now: float, head_timeout: float, send_timeout: float) -> None:
        """End the connection when the client takes too long over a request's head or over taking an answer."""
        if self.head_since and now - self.head_since > head_timeout:
            metrics.count(CUT_OFF, why="head")
            if self.transport is not None:
                self.transport.write(MISSING_HEAD)
            self.force_close()
        elif self.half_closed and self.idle():
            self.force_close()
        elif self.stuck_since and now - self.stuck_since > send_timeout:
            metrics.count(CUT_OFF, why="send")
            if self.transport is not None:
                self.transport.abort()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What aiohttp calls for requests that it cannot parse, and for errors that nothing else caught."""
        server = self._manager
        if isinstance(exc, ConnectionError) or not isinstance(server, Server):
            raise ConnectionResetError("the client has gone")
        return server.failure(request, status, exc)


class _Parser:
    """aiohttp's parser, with the requests taken out that were answered at once."""

    def __init__(self, parser: Any, connection: Connection, express: Express | None) -> None:
        self._parser, self._connection, self._express = parser, connection, express
        self._newest: Any = None

    def whole(self) -> bool:
        """True unless the body of the newest request is still on its way."""
        return self._newest is None or bool(self._newest.is_eof())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> tuple[Sequence[Any], bool, bytes]:
        messages, upgraded, tail = self._parser.feed_data(data)
        connection = self._connection
        if not messages:
            if data and not connection.head_since and connection.idle():
                connection.head_since = connection._loop.time()  # a head has begun and is not complete
            return messages, upgraded, tail
        connection.head_since = 0.0
        self._newest = messages[-1][1]
        while messages and self._express is not None and connection.idle():
            rest = self._take(messages)
            if upgraded or len(messages) < 8 or len(rest) == len(messages) or not self.whole():
                return rest, upgraded, tail
            # The parser may have stopped at its limit with more requests in hand, and has room again for as many as were
            # answered here. aiohttp asks it again only once a full queue is drained, and one that is short of them never was.
            more, upgraded, tail = self._parser.feed_data(b"")
            if more:
                self._newest = more[-1][1]
            messages = (*rest, *more)
            if rest:
                break
        return messages, upgraded, tail

    def _take(self, messages: Sequence[Any]) -> Sequence[Any]:
        """Answer from the front what can be answered at once; the rest is returned."""
        connection = self._connection
        for done, (message, payload) in enumerate(messages):
            if connection.transport is not None and connection.transport.is_closing():
                return ()  # nobody is there to be answered: asyncio would warn of every answer
            if connection._paused or connection.transport is None or not payload.is_eof() or _unusual(message):
                return messages[done:]
            answer = self._express(message, connection)  # type: ignore[misc]
            if answer is None:
                return messages[done:]
            self._parser.message_consumed()
            connection.transport.write(answer)
            connection.answered()
        return ()


def _unusual(message: RawRequestMessage) -> bool:
    """True for what the express way has no words for: an end of the connection, HTTP/1.0, which has to be told that there is none,
    an upgrade, after which aiohttp waits until it was declined, and chunks, whose coding has to be looked at."""
    return message.should_close or message.upgrade or message.chunked or message.version != HttpVersion11


def express_possible() -> bool:
    """True when this aiohttp has the parts that the express way stands on."""
    from aiohttp.http_parser import HttpRequestParser

    parts = ("_waiter", "_messages", "_request_in_progress", "_next_keepalive_close_time", "_request_count")
    return hasattr(HttpRequestParser, "message_consumed") and all(hasattr(RequestHandler, part) for part in parts)


class Server(web.Server):
    """Makes connections. `failure` answers what could not be parsed or went wrong."""

    def __init__(
        self,
        handler: Callable[[BaseRequest], Any],
        *,
        failure: Callable[[BaseRequest, int, BaseException | None], web.StreamResponse],
        express: Express | None,
        idle_timeout: float,
        most: int,
        options: dict[str, Any],
    ) -> None:
        super().__init__(handler)
        self.failure = failure
        self.most = most
        self.crowded = 0
        """Connections that came when there were `most` already."""
        self._express = express if express_possible() else None
        self._idle_timeout, self._options = idle_timeout, options

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        connections = self._connections
        if len(connections) > self.most:
            self._make_room(handler, [one for one in connections if isinstance(one, Connection)])

    def _make_room(self, newest: RequestHandler, connections: Sequence[Connection]) -> None:
        """End what has been idle for longest, so that whoever holds connections open keeps nobody away; without any, the newest."""
        self.crowded += 1
        metrics.count(CUT_OFF, why="room")
        spare = (one for one in connections if one.spare() and one is not newest)
        ended = min(spare, key=Connection.awaited, default=newest)
        ended.force_close()

    def __call__(self) -> Connection:
        return Connection(self, self._express, self._idle_timeout, loop=self._loop, **self._options)
