"""Sending: an answer or a stream of the web application, onto one connection, with our own status line and headers.

aiohttp keeps the connection and parses requests; the head is written here, so that a reason phrase and header values go
out byte for byte as they were given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO

from aiohttp import web
from aiohttp.web_request import BaseRequest

from bonded.seams import StorageError
from bonded.serve.answers import Answer
from bonded.serve.conditions import Span
from bonded.serve.sources import Found, Source

PIECE = 256 * 1024
"""Files go out in pieces of so many bytes; each has to be taken within the send timeout."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of the web application. `head` as in Answer; `chunked` when its length is not known beforehand;
    `close` ends the connection afterwards."""

    status: int
    head: bytes
    pieces: AsyncGenerator[bytes, None]
    chunked: bool = False
    close: bool = False


class CannotGoOn(ConnectionError):
    """The answer cannot be finished after it has begun; the connection is cut, so that nobody takes it for whole."""


class Sending(web.StreamResponse):
    """What aiohttp calls to have an answer sent. `done(sent)` is called once, however it ended."""

    def __init__(
        self,
        answer: Answer | Stream,
        *,
        extra: bytes,
        close: bool,
        source: Source | None = None,
        send_timeout: float = 60.0,
        done: Callable[[int], None],
    ) -> None:
        super().__init__(status=answer.status)
        self._answer, self._extra, self._source = answer, extra, source
        self._shut = close or (isinstance(answer, Stream) and answer.close)
        self._send_timeout, self._done = send_timeout, done
        self._count = 0

    async def prepare(self, request: BaseRequest) -> None:
        """Send everything."""
        ending = getattr(request.protocol, "ending", None)
        self._keep_alive = request.keep_alive and not self._shut and not (ending is not None and ending())
        head = self._answer.head + self._extra + _connection(request, keep=self._keep_alive) + b"\r\n"
        try:
            if isinstance(self._answer, Answer):
                await self._send_answer(request, head, self._answer)
            else:
                await self._send_stream(request, head, self._answer)
            if self._answer.status == 408 and request.transport is not None:
                request.transport.close()  # rather than wait for the rest of what came too slowly
        except ConnectionError:
            _cut(request)
            raise
        finally:
            self._done(self._count)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""

    async def _send_answer(self, request: BaseRequest, head: bytes, answer: Answer) -> None:
        if answer.span is None or answer.found is None:
            self._count = len(answer.body)
            await _write(request, head + answer.body)
        else:
            await self._send_file(request, head, answer.found, answer.span, answer.stream)

    async def _send_file(
        self, request: BaseRequest, head: bytes, found: Found, span: Span, stream: BinaryIO | None
    ) -> None:
        try:
            if stream is not None:
                with stream:
                    await self._sendfile(request, head, stream, span)
            else:
                assert self._source is not None
                await self._copy(request, head, self._source, found, span)
        except (OSError, StorageError) as error:
            raise CannotGoOn(str(error)) from error

    async def _sendfile(self, request: BaseRequest, head: bytes, stream: BinaryIO, span: Span) -> None:
        """The kernel copies from file to socket."""
        loop = asyncio.get_running_loop()
        await _write(request, head)
        offset, end = span.offset, span.offset + span.count
        while offset < end:
            async with asyncio.timeout(self._send_timeout):
                sent = await loop.sendfile(_transport(request), stream, offset, min(PIECE, end - offset))
            if not sent:
                raise CannotGoOn("the file is shorter than it was")
            offset += sent
            self._count += sent

    async def _copy(self, request: BaseRequest, head: bytes, source: Source, found: Found, span: Span) -> None:
        """Read in threads, because the store may be far away."""
        stream = await asyncio.to_thread(source.open, found)
        try:
            await asyncio.to_thread(stream.seek, span.offset)
            await _write(request, head)
            while self._count < span.count:
                piece = await asyncio.to_thread(stream.read, min(PIECE, span.count - self._count))
                if not piece:
                    raise CannotGoOn("the object is shorter than it was")
                await _write(request, piece)
                self._count += len(piece)
        finally:
            await asyncio.to_thread(stream.close)

    async def _send_stream(self, request: BaseRequest, head: bytes, stream: Stream) -> None:
        pending = head
        async with aclosing(stream.pieces) as pieces:
            async for piece in pieces:
                self._count += len(piece)
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if stream.chunked else piece
                await _write(request, pending + framed)
                pending = b""
        if stream.chunked:
            pending += b"0\r\n\r\n"
        if pending:
            await _write(request, pending)


def _connection(request: BaseRequest, *, keep: bool) -> bytes:
    if not keep:
        return b"Connection: close\r\n"
    return b"" if request.version >= (1, 1) else b"Connection: keep-alive\r\n"


def _transport(request: BaseRequest) -> asyncio.WriteTransport:
    transport: Any = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    return transport  # type: ignore[no-any-return]


async def _write(request: BaseRequest, data: bytes) -> None:
    _transport(request).write(data)
    await request.writer.drain()


def _cut(request: BaseRequest) -> None:
    """End the connection at once, unsent bytes included."""
    transport = request.transport
    if transport is not None:
        transport.abort()
