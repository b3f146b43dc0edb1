"""The lane of the web application, uploads included: receive the body, call through the bridge, compose the answer."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import structlog
from aiohttp.web_request import BaseRequest

from bonded.serve import environ
from bonded.serve.answers import Answer, plain
from bonded.serve.bodies import read_form, receive
from bonded.serve.bridge import ApplicationFailed, Bridge, Busy, Exchange
from bonded.serve.context import Receiver, ServeContext
from bonded.serve.peers import Peer
from bonded.serve.sending import Stream
from bonded.telemetry import metrics
from bonded.telemetry.measures import UPLOADS_RUNNING
from bonded.values.refusals import Refusal, define

UPLOADS = ("/legacy/", "/legacy")
SUBMISSIONS = "/api/screenings/"
"""Takes archives like an upload when they come as a form; a small JSON body like any other request."""
May = Callable[[Mapping[str, str], str], bool]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_OURS = frozenset(("date", "x-request-id"))
"""Written by the server for every answer; the application need not."""
_HOP = _OURS | frozenset(
    ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection")
)
_STATUS = re.compile(r"[2-5][0-9]{2} [\x20-\x7e\x80-\xff]*")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

NOT_RECEIVED = define(
    "upload-not-received",
    401,
    "The upload was not received",
    "When the upload began its credentials were not good, so its body was not received. Upload the same file again.",
)

log = structlog.get_logger("bonded.serve")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to the application. `headers` come from `environ.fold`."""

    request: BaseRequest
    path: str
    query: str
    headers: dict[str, str]
    peer: Peer
    request_id: str


class Dynamic:
    """The lane of one process."""

    def __init__(self, context: ServeContext) -> None:
        s = self._settings = context.settings
        self._context = context
        self._bridge = Bridge(context.application, threads=s.threads, queue=s.queue, send_timeout=s.send_timeout)
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="receive")
        self._asking = ThreadPoolExecutor(2, thread_name_prefix="token")
        self._uploads = 0

    async def answer(self, asked: Asked) -> Answer | Stream:
        """The application's answer, or our own where it should not or cannot be asked.

        Raises ConnectionError when the client went.
        """
        if asked.request.method not in METHODS:
            return plain(501, "Not Implemented: this method is not known here")
        if fault := environ.fault_of(asked.path, asked.query):
            return plain(400, f"Bad Request: {fault}")
        if asked.request.method == "POST" and asked.path in UPLOADS:
            return await self._upload(asked, self._context.new_receiver, self._context.may_upload)
        if (door := self._context.new_submission) is not None and _is_submission(asked):
            return await self._upload(asked, door, self._context.may_submit)
        try:
            body, length = await read_form(asked.request, self._settings)
        except Refusal as refusal:
            return refused(refusal)
        return await self._ask(asked, body, length, {}, body.close)

    async def _upload(self, asked: Asked, new_receiver: Callable[[str], Receiver], may: May | None) -> Answer | Stream:
        if self._uploads >= self._settings.max_uploads:
            return plain(503, "Too many uploads at once; try again in a few seconds", {"Retry-After": "5"})
        with self._counted():
            if not await self._may_upload(asked, may):
                # What the client still sends is read and forgotten for some seconds after the answer: clients that look
                # for an answer only when they have sent everything see it.
                return await self._ask(asked, io.BytesIO(), 0, {"bonded.received": _not_received()}, _nothing)
            received, receiver = await receive(asked.request, new_receiver, self._settings, self._hashing)
        extra = {"bonded.received": received}
        after = receiver.abort if receiver is not None else _nothing
        return await self._ask(asked, io.BytesIO(), 0, extra, after, patient=True)

    async def _may_upload(self, asked: Asked, may: May | None) -> bool:
        """Whether the body is worth receiving, by the request's headers alone."""
        if may is None:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._asking, may, asked.headers, asked.peer.address)

    @contextmanager
    def _counted(self) -> Any:
        self._uploads += 1
        metrics.level(UPLOADS_RUNNING, self._uploads)
        try:
            yield
        finally:
            self._uploads -= 1
            metrics.level(UPLOADS_RUNNING, self._uploads)

    async def _ask(
        self,
        asked: Asked,
        body: BinaryIO,
        length: int,
        extra: dict[str, Any],
        after: Callable[[], None],
        *,
        patient: bool = False,
    ) -> Answer | Stream:
        """Call the application. `after` runs at the end of the call, or at once when there is none."""
        call = extra | environ.make(
            method=asked.request.method,
            path=asked.path,
            query=asked.query,
            headers=asked.headers,
            peer=asked.peer,
            body=body,
            length=length,
            request_id=asked.request_id,
        )
        try:
            exchange = self._bridge.call(call, after, patient=patient)
        except Busy:
            after()
            return plain(503, "Busy: too many requests are waiting; try again in a second", {"Retry-After": "1"})
        try:
            return await _compose(asked, exchange)
        except ApplicationFailed:
            return plain(500, f"Internal Server Error: the cause is in the server's log under {asked.request_id}")
        except BaseException:
            exchange.forget()
            raise

    async def close(self) -> None:
        """Wait for what is at work."""
        await asyncio.to_thread(self._bridge.close)
        await asyncio.to_thread(self._hashing.shutdown)
        await asyncio.to_thread(self._asking.shutdown)


def _is_submission(asked: Asked) -> bool:
    kind = asked.headers.get("content-type", "").strip().lower()
    return asked.request.method == "POST" and asked.path == SUBMISSIONS and kind.startswith("multipart/form-data")


def _not_received() -> Refusal:
    """For an application that changed its mind about the credentials meanwhile."""
    return Refusal(NOT_RECEIVED, "The upload was not received, because its credentials were not good; upload it again")


def _nothing() -> None:
    """There is nothing to clear up."""


def refused(refusal: Refusal) -> Answer:
    """A refusal that never reached the application, as plain text with its code."""
    headers = {"X-Refusal": refusal.code}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return plain(refusal.status, f"{refusal.sentence} ({refusal.code})", headers)


async def _compose(asked: Asked, exchange: Exchange) -> Stream:
    """Head and framing for what the application said. Raises ApplicationFailed."""
    status, headers = await exchange.begun()
    lines = _lines(status, headers)
    code = int(status[:3])
    bodiless = code in (204, 304)
    known = any(name.lower() == "content-length" for name, _ in headers)
    if bodiless or known:
        chunked = close = False
    elif (length := exchange.whole()) is not None and asked.request.method != "HEAD":
        lines.append(f"Content-Length: {length}\r\n")
        chunked = close = False
    else:
        chunked = asked.request.version >= (1, 1) and asked.request.method != "HEAD"
        close = not chunked and asked.request.method != "HEAD"
        lines += ["Transfer-Encoding: chunked\r\n"] if chunked else []
    return Stream(code, "".join(lines).encode("latin-1"), exchange.pieces(), chunked=chunked, close=close)


def _lines(status: str, headers: list[tuple[str, str]]) -> list[str]:
    """Status line and headers exactly as given. Raises ApplicationFailed for what would break the protocol."""
    if not _STATUS.fullmatch(status):
        log.error("the application gave a status line that cannot be sent", status=status)
        raise ApplicationFailed
    lines = [f"HTTP/1.1 {status}\r\n"]
    for name, value in headers:
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            log.error("the application gave a header that cannot be sent", header=name)
            raise ApplicationFailed
        if name.lower() not in _HOP:
            lines.append(f"{name}: {value}\r\n")
    return lines
