"""Bytes from the network for python-tuf: compressed where possible, under a cap on length and on time.

python-tuf's own fetcher asks for no compression and has no deadline in all: a server that sends a byte every few
seconds holds it for ever (PEP 458, slow retrieval). Here every answer has a cap on its wire bytes, a cap on its decoded
bytes, a longest pause and a deadline that grows with the length allowed.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urlsplit

import urllib3
from tuf.api import exceptions
from tuf.ngclient.fetcher import FetcherInterface

from bonded_client import __version__, decode

_UNSIZED = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Times in seconds, rate in bytes a second."""

    connect: float = 10.0
    pause: float = 20.0
    """Longest wait for the next byte."""
    base: float = 30.0
    least_rate: float = 16 * 1024

    def total(self, length: int) -> float:
        """Seconds that an answer of `length` bytes may take from the request to its last byte."""
        return self.base + length / self.least_rate


@dataclass(frozen=True, slots=True)
class Proxies:
    """HTTP proxies by scheme, and the rule that says which hosts go round them."""

    by_scheme: Mapping[str, str] = field(default_factory=dict)
    bypass: Callable[[str], bool] = lambda _: False

    def of(self, url: str) -> str | None:
        """The proxy to use for `url`, or None."""
        parts = urlsplit(url)
        proxy = self.by_scheme.get(parts.scheme) or self.by_scheme.get("all")
        return None if proxy is None or self.bypass(parts.hostname or "") else proxy


class Fetcher(FetcherInterface):
    """Fetches for python-tuf's updater and for package files.

    Several threads may `fetch` and `stream` at once; what `last_url` and `last_bytes` say, and the answers held, are for
    one. `connections` to a host are kept open.
    """

    def __init__(self, deadlines: Deadlines, proxies: Proxies, connections: int = 1) -> None:
        self._deadlines = deadlines
        self._proxies = proxies
        self._connections = connections
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._held: dict[str, bytes | Exception] = {}
        self._offline = False
        self.last_url = ""
        self.last_bytes = b""
        """The last metadata file fetched, for telling an older timestamp from an attack."""

    def another(self) -> Fetcher:
        """A fetcher with the same limits, for another thread."""
        return Fetcher(self._deadlines, self._proxies)

    def sibling(self) -> Fetcher:
        """Another over the same connections, with a last address and held answers of its own."""
        other = Fetcher(self._deadlines, self._proxies, self._connections)
        other._pools = self._pools
        return other

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()

    @contextmanager
    def answering(self, held: Mapping[str, bytes | Exception]) -> Iterator[None]:
        """While open, the addresses in `held` are answered with their bytes or errors, and not asked for."""
        self._held.update(held)
        try:
            yield
        finally:
            for url in held:
                self._held.pop(url, None)

    @contextmanager
    def offline(self) -> Iterator[None]:
        """While open, nothing is asked for: there is no newer root, and all that is not held is out of reach."""
        self._offline = True
        try:
            yield
        finally:
            self._offline = False

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """The body of `url`, at most `max_length` bytes once decoded. Raises DownloadError and its kinds."""
        self.last_url, self.last_bytes = url, b""
        data = self._held.get(url)
        if isinstance(data, Exception):
            raise data
        if data is None and self._offline:
            if url.endswith(".root.json"):
                raise exceptions.DownloadHTTPError("not asked for", 404)
            raise exceptions.DownloadError("the index is out of reach")
        if data is not None and len(data) > max_length:
            raise exceptions.DownloadLengthMismatchError(f"more than {max_length} bytes")
        self.last_bytes = self.fetch_all(url, max_length) if data is None else data
        return self.last_bytes

    def fetch_all(self, url: str, max_length: int) -> bytes:
        """The decoded body of `url`, asked for whatever is held. Raises as `stream` does."""
        return b"".join(self.stream(url, max_length, decode.ACCEPTED))

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """The body of `url` in a temporary file, at most `max_length` bytes once decoded."""
        with tempfile.TemporaryFile() as file:
            for piece in self.stream(url, max_length, decode.ACCEPTED):
                file.write(piece)
            file.seek(0)
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self.stream(url, _UNSIZED, decode.ACCEPTED)

    def stream(self, url: str, max_length: int, codings: str, form: str = "") -> Iterator[bytes]:
        """Yield the decoded body of `url` in pieces of at most 64 KiB.

        `form` is the media type to ask for, where there are several. `codings` is the Accept-Encoding to send; with
        "identity" the body is passed on as it comes, since a package file that some server labels as compressed must still
        be the bytes that were signed. Raises DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError,
        UndecodableError, or DownloadError for anything else.
        """
        self.last_url = url
        end = time.monotonic() + self._deadlines.total(max_length)
        response = self._ask(url, {"Accept-Encoding": codings} | ({"Accept": form} if form else {}), end)
        try:
            if response.status != 200:
                _drain(response, end)
                raise exceptions.DownloadHTTPError(f"HTTP status {response.status}", response.status)
            coding = "" if codings == "identity" else response.headers.get("Content-Encoding", "")
            # A compressed copy is rarely longer than what it holds, and then only by its framing.
            wire = _capped(_chunks(response, end), max_length + max_length // 64 + 1024)
            yield from _capped(decode.pieces(wire, coding), max_length)
        finally:
            # Closed and not drained: a body that we gave up on may have no end.
            response.close()

    def _ask(self, url: str, headers: Mapping[str, str], end: float) -> urllib3.BaseHTTPResponse:
        """Send the request and return once the headers are here, by `end` at the latest.

        Header lines that trickle in would restart the socket's timeout at every byte, so the wait is done by another
        thread that can be left behind; it is a daemon and ends with its socket or the process.
        """
        answer: list[urllib3.BaseHTTPResponse | BaseException] = []

        def ask() -> None:
            try:
                answer.append(self._request_again(url, headers))
            except BaseException as error:  # handed to the thread that waits
                answer.append(error)

        thread = threading.Thread(target=ask, name="bonded-client-request", daemon=True)
        thread.start()
        thread.join(max(0.0, end - time.monotonic()))
        if not answer:
            raise exceptions.SlowRetrievalError(f"no answer within {self._deadlines.total(0):.0f} s")
        got = answer[0]
        if isinstance(got, BaseException):
            raise _download_error(got) from got
        return got

    def _request_again(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer; asked for once more where the server hung up before its first byte.

        A server may close a connection that it kept open in the moment in which it is used again (RFC 9112, 9.3.1): that
        says nothing about the server, and asking again is safe for GET.
        """
        try:
            return self._request(url, headers)
        except urllib3.exceptions.MaxRetryError as error:
            reason = error.reason
            if not isinstance(reason, urllib3.exceptions.ProtocolError) or not isinstance(
                reason.args[-1], ConnectionError
            ):
                raise
            return self._request(url, headers)

    def _request(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        return self._pool(self._proxies.of(url)).request(
            "GET",
            url,
            headers={"User-Agent": f"bonded-client/{__version__}", **headers},
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=self._deadlines.connect, read=self._deadlines.pause),
            retries=urllib3.Retry(total=None, connect=2, read=0, redirect=3, status=0, other=0, backoff_factor=0.2),
        )

    def _pool(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy not in self._pools:
            many = self._connections
            new = urllib3.ProxyManager(proxy, maxsize=many) if proxy else urllib3.PoolManager(maxsize=many)
            return self._pools.setdefault(proxy, new)
        return self._pools[proxy]


def _chunks(response: urllib3.BaseHTTPResponse, end: float) -> Iterator[bytes]:
    """What arrives, as it arrives (`read1` returns after one receive, so the deadline is looked at often)."""
    while True:
        if time.monotonic() > end:
            raise exceptions.SlowRetrievalError("the whole answer took too long")
        try:
            chunk = response.read1(decode.PIECE)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _download_error(error) from error
        if not chunk:
            return
        yield chunk


def _drain(response: urllib3.BaseHTTPResponse, end: float) -> None:
    """Read a short error body, so that its connection can be used again: every refresh ends its roots with a 404."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) <= decode.PIECE:
        for _ in _chunks(response, end):
            pass


def _capped(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    count = 0
    for chunk in chunks:
        count += len(chunk)
        if count > limit:
            raise exceptions.DownloadLengthMismatchError(f"more than {limit} bytes")
        yield chunk


def _download_error(error: BaseException) -> Exception:
    """`error` of urllib3 or of the socket as python-tuf knows it."""
    reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    refused = isinstance(reason, urllib3.exceptions.NewConnectionError)  # which urllib3 files under timeouts
    if isinstance(reason, urllib3.exceptions.TimeoutError | TimeoutError) and not refused:
        return exceptions.SlowRetrievalError(str(reason))
    if isinstance(reason, urllib3.exceptions.HTTPError | OSError):
        return exceptions.DownloadError(_plain(reason))
    return exceptions.DownloadError(f"{type(reason).__name__}: {reason}")


def _plain(error: BaseException) -> str:
    """The reason in a few words: urllib3 puts the connection object in front of it."""
    text = str(error)
    return text.rpartition(": ")[2] or type(error).__name__
