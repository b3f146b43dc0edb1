"""Request bodies: forms into a spool under a cap and a deadline, uploads into a Receiver chunk by chunk.

No thread is held while a client sends; hashing and writing of an upload's larger chunks is done in a small pool of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, BinaryIO, cast

import structlog
from aiohttp import ClientError, HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError
from aiohttp.web_request import BaseRequest

from bonded.serve.context import Receiver, ServeSettings
from bonded.telemetry import metrics
from bonded.telemetry.measures import CUT_OFF, UPLOADED
from bonded.values.refusals import Refusal, define

SPOOL = 256 * 1024
"""A form beyond this goes to a temporary file."""
SMALL = 64 * 1024
"""Chunks up to this are taken on the event loop: a change of threads would cost more."""

log = structlog.get_logger("bonded.serve")

TOO_LARGE = define(
    "request-too-large", 413, "Request too large", "The request is larger than this index takes. Nothing was changed."
)
TOO_SLOW = define(
    "request-too-slow",
    408,
    "Request too slow",
    "The request did not arrive in time: there was too long a pause, or the whole took too long. Nothing was changed. "
    "Try again, perhaps over another connection.",
)
CUT_SHORT = define(
    "request-cut-short",
    400,
    "Request cut short",
    "The request ended before all that it had announced, or was not framed as HTTP asks. Nothing was changed. Try again.",
)
ENCODED = define(
    "content-encoding",
    415,
    "Content-Encoding not accepted",
    "Send the request without Content-Encoding; compressed request bodies are not unpacked.",
)
CANNOT_RECEIVE = define(
    "cannot-receive",
    503,
    "Cannot receive files now",
    "This server could not store what it received. Nothing was changed. The operator finds the cause in the log.",
)


async def read_form(request: BaseRequest, settings: ServeSettings) -> tuple[BinaryIO, int]:
    """The whole body as a file at its beginning, and its length. Raises Refusal, or ConnectionError when the client went.

    The caller closes the file.
    """
    announced = _check(request, settings.max_body)
    spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(SPOOL))  # noqa: SIM115 - the caller closes it
    length = 0
    try:
        await _go_on(request)
        async with asyncio.timeout(settings.request_timeout):
            while chunk := await _chunk(request):
                length += len(chunk)
                if length > settings.max_body:
                    raise Refusal(TOO_LARGE, f"The request is larger than {settings.max_body} bytes")
                spool.write(chunk)
        if announced not in (None, length):
            raise ConnectionResetError("the client went")
    except TimeoutError:
        spool.close()
        metrics.count(CUT_OFF, why="form")
        raise Refusal(TOO_SLOW, f"The request took longer than {settings.request_timeout:g} s") from None
    except BaseException as error:
        spool.close()
        if isinstance(error, ConnectionError) or not isinstance(error, OSError):
            raise
        log.exception("a form could not be stored")
        raise Refusal(CANNOT_RECEIVE, "The server could not store the request; try again later") from None
    spool.seek(0)
    return spool, length


async def receive(
    request: BaseRequest, new_receiver: Callable[[str], Receiver], settings: ServeSettings, pool: Executor
) -> tuple[Any, Receiver | None]:
    """What the receiver made of the body, or the Refusal; and the receiver, to be aborted when the request is over.

    Raises ConnectionError when the client went; then nothing is left of the upload.
    """
    receiver: Receiver | None = None
    try:
        _check(request, settings.max_upload)
        receiver = new_receiver(request.headers.get("Content-Type", ""))
        await _go_on(request)
        async with asyncio.timeout(settings.upload_total_timeout):
            await _feed(request, receiver, settings, pool)
        return await _in(pool, receiver.finish), receiver
    except Refusal as refusal:
        return refusal, receiver
    except TimeoutError:
        metrics.count(CUT_OFF, why="upload")
        pause, total = settings.upload_idle_timeout, settings.upload_total_timeout
        return Refusal(TOO_SLOW, f"The upload paused for {pause:g} s or took longer than {total:g} s"), receiver
    except BaseException as error:  # the client went, the server ends, or the disk failed
        if receiver is not None:
            receiver.abort()
        if isinstance(error, ConnectionError) or not isinstance(error, OSError):
            raise
        log.exception("an upload could not be stored")
        return Refusal(CANNOT_RECEIVE, "The server could not store the upload; try again later"), receiver


async def _feed(request: BaseRequest, receiver: Receiver, settings: ServeSettings, pool: Executor) -> None:
    size = 0
    while True:
        async with asyncio.timeout(settings.upload_idle_timeout):
            chunk = await _chunk(request)
        if not chunk:
            return
        size += len(chunk)
        metrics.count(UPLOADED, len(chunk))
        if size > settings.max_upload:
            raise Refusal(TOO_LARGE, f"The upload is larger than {settings.max_upload} bytes")
        if len(chunk) <= SMALL:
            receiver.feed(chunk)
        else:
            await _in(pool, receiver.feed, chunk)


async def _in(pool: Executor, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call in the pool; a deadline that passes meanwhile is noticed after it, so the receiver is never in two hands."""
    future = asyncio.get_running_loop().run_in_executor(pool, call, *arguments)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


async def _chunk(request: BaseRequest) -> bytes:
    """The next piece of the body, empty at its end. Raises Refusal for bad framing, ConnectionError when nobody is there."""
    try:
        return await request.content.readany()
    except (RequestPayloadError, HttpProcessingError, ClientError) as error:
        if request.transport is None or isinstance(error, ConnectionError):
            raise ConnectionResetError("the client went") from None
        raise Refusal(CUT_SHORT, "The body of the request is not framed as HTTP asks") from None


def _check(request: BaseRequest, limit: int) -> int | None:
    """Refuse what need not be read; the announced length, None when there is none."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal(ENCODED, "Requests with Content-Encoding are not accepted")
    announced = request.headers.get("Content-Length")
    if announced is None:
        return None
    if int(announced) > limit:
        raise Refusal(TOO_LARGE, f"The request is larger than {limit} bytes")
    return int(announced)


async def _go_on(request: BaseRequest) -> None:
    """Tell a client that asked first (Expect: 100-continue) to send the body."""
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        transport = request.transport
        if transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
