"""What purgers share that speak HTTP to caches: short, bounded calls to all of them at once, and looking at what they show.

A call is bounded in every way: time to connect, time between two pieces, time in all, bytes read. One cache that does not
answer never keeps another from being purged.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from bonded.seams import PurgeFailed, Shown
from bonded.values.listening import Listening

KEPT = 64 * 1024
LONGEST = 256 * 1024 * 1024
PATIENCE = 12
"""Times the longest pause that one answer may take: whoever drips gets no more, and a large page over a slow line gets through."""
HEADER = 4000
"""Bytes of keys in one header: caches take 8 KiB unless told otherwise."""
AS_PIP = {
    "Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "bonded-purge",
}
"""What is looked at is the variant that most clients are given."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `body` holds its first 64 KiB, `sha256` is of the whole, both unpacked."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    sha256: str

    def text(self) -> str:
        """Status and the beginning of the body, on one line, for a log."""
        return " ".join(f"{self.status} {self.reason}: {self.body[:200].decode('utf-8', 'replace')}".split())


class Call:
    """One connection to one address (`http://host:port` or `https://...`), kept open over several requests."""

    def __init__(self, address: str, timeout: float) -> None:
        parts = urlsplit(address)
        self.address, self._base, self._timeout, self._until = address, parts.path.rstrip("/"), timeout, 0.0
        host = parts.hostname or ""
        if parts.scheme == "https":
            self._connection: HTTPConnection = HTTPSConnection(
                host, parts.port, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            self._connection = HTTPConnection(host, parts.port, timeout=timeout)
        self._connection.response_class = cast("type[HTTPResponse]", self._response)

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Raises PurgeFailed, which names the address, when there is no whole answer."""
        self._until = time.monotonic() + PATIENCE * self._timeout
        try:
            self._connection.request(method, self._base + path, body or None, dict(headers))
            reply = self._connection.getresponse()
            kept, sha256 = _read(reply)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise PurgeFailed(f"{self.address} does not answer: {type(error).__name__} {error}") from error
        return Reply(reply.status, reply.reason, {k.lower(): v for k, v in reply.getheaders()}, kept, sha256)

    def close(self) -> None:
        self._connection.close()

    def _response(self, sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
        return HTTPResponse(cast("socket.socket", Listening(sock, self._left)), *args, **options)

    def _left(self) -> float:
        """How long to wait for the next piece, in s. Raises TimeoutError when the answer has taken too long in all."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"its answer takes longer than {PATIENCE * self._timeout:.0f} s")
        return min(left, self._timeout)


def _read(reply: HTTPResponse) -> tuple[bytes, str]:
    digest, kept, size = hashlib.sha256(), b"", 0
    for piece in _pieces(reply):
        digest.update(piece)
        kept += piece[: KEPT - len(kept)]
        size += len(piece)
        if size > LONGEST:
            raise ValueError(f"its answer is longer than {LONGEST} bytes")
    return kept, digest.hexdigest()


def _pieces(reply: HTTPResponse) -> Iterator[bytes]:
    """The body, unpacked where it is compressed, at most 64 KiB at a time. Raises ValueError for what cannot be."""
    if reply.getheader("Content-Encoding", "").lower() != "gzip":
        yield from iter(lambda: reply.read(KEPT), b"")
        return
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for packed in iter(lambda: reply.read(KEPT), b""):
            yield unpack.decompress(packed, KEPT)
            while unpack.unconsumed_tail:
                yield unpack.decompress(unpack.unconsumed_tail, KEPT)
    except zlib.error as error:
        raise ValueError(f"its answer cannot be unpacked: {error}") from error


@contextmanager
def call(address: str, timeout: float) -> Iterator[Call]:
    """A connection, closed at the end."""
    one = Call(address, timeout)
    try:
        yield one
    finally:
        one.close()


def everywhere(addresses: Iterable[str], timeout: float, work: Callable[[Call], list[Shown]]) -> list[Shown]:
    """`work` with each address at once; what all gave. Raises PurgeFailed with every reason after all have ended."""
    wanted = list(addresses)
    found: list[Shown] = []
    failed: list[str] = []

    def one(address: str) -> list[Shown]:
        with call(address, timeout) as opened:
            return work(opened)

    with ThreadPoolExecutor(max(1, len(wanted)), thread_name_prefix="purge") as pool:
        for future in [pool.submit(one, address) for address in wanted]:
            try:
                found += future.result()
            except PurgeFailed as error:
                failed.append(str(error))
    if failed:
        raise PurgeFailed("; ".join(failed))
    return found


def show(addresses: Iterable[str], host: str, timeout: float, paths: Iterable[str], *, whole: bool) -> list[Shown]:
    """What the caches at `addresses` show to a client that asks for `host`. Raises PurgeFailed."""
    wanted = list(paths)
    headers = {"Host": host} | AS_PIP

    def work(one: Call) -> list[Shown]:
        shown = []
        for path in wanted:
            reply = one("GET" if whole else "HEAD", path, headers)
            shown.append(Shown(one.address, path, reply.status, reply.body, reply.sha256))
        return shown

    return everywhere(addresses, timeout, work)


def batches(keys: Iterable[str], *, most: int = 256, size: int = HEADER) -> Iterator[list[str]]:
    """`keys` in lists of at most `most`, which fill at most `size` bytes joined by spaces."""
    batch: list[str] = []
    length = 0
    for key in keys:
        if batch and (len(batch) >= most or length + len(key) + 1 > size):
            yield batch
            batch, length = [], 0
        batch.append(key)
        length += len(key) + 1
    if batch:
        yield batch
