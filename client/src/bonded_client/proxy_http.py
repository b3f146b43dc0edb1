"""The proxy's HTTP: a thread for each connection, kept alive; files out of the kernel's cache by sendfile.

Invariant: the last bytes of a file leave only after all of it was verified. When a file turns out wrong on its way, the
connection is cut short of the announced length, which no installer takes for a file.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO

from bonded_client import __version__, proxy_asked
from bonded_client.failures import Failure, printable, understood
from bonded_client.proxy_asked import Help, Moved, Package, Page, asked
from bonded_client.proxy_content import Content
from bonded_client.proxy_files import Transfer, Wanted
from bonded_client.proxy_refusal import help_text, line, refusal

_CHUNK = 256 * 1024
_PATIENCE = 5.0
"""Seconds that a file may take before the part that is here is handed out: pip waits 15 for the first byte."""
_SMALL = 8 * 1024 * 1024
"""Files up to this many bytes are waited for as long as they take to fail or arrive, so that a failure can be told."""
_SMALL_PATIENCE = 12.0
_IDLE = 75.0
_PAGE_CACHE, _FILE_CACHE = "no-cache", "private, max-age=31536000, immutable"


class Server(ThreadingHTTPServer):
    """The local simple index. `note` is told of every refusal."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        content: Content,
        usage: str,
        names: Collection[str],
        note: Callable[[str], None],
    ) -> None:
        """`usage` is what / shows; `names` are the hosts that we answer to. Raises OSError."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.content, self.usage, self.names, self.note = content, usage, names, note
        self.busy = _Busy()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """As HTTPServer, without its look-up of our own name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news; anything else is."""
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            self.note(f"A connection ended badly: {type(error).__name__}: {error}")


class _Busy:
    """Requests in progress, so that a stop can wait for them."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def over(self, seconds: float) -> bool:
        """Wait for all to end."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = f"bonded-client/{__version__}"
    sys_version = ""
    timeout = _IDLE
    disable_nagle_algorithm = True
    wbufsize = -1  # status line and headers in one write
    server: Server

    def do_GET(self) -> None:
        """Answer."""
        with self.server.busy:
            self._answer()

    do_HEAD = do_GET  # noqa: N815 - named by the base class

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request that we know: other methods, broken ones. The connection ends."""
        self.close_connection = True
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        self.requestline, self.command = "", "GET"  # a broken one has neither
        self.request_version = self.protocol_version
        self._text(status, f"{HTTPStatus(status).phrase}: this proxy answers GET and HEAD only", close=True)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged; refusals are, by `note`."""

    def _answer(self) -> None:
        if not proxy_asked.is_ours(self.headers.get("Host", ""), self.server.names):
            host = printable(self.headers.get("Host", ""))
            self._text(421, f"This proxy does not answer to the name {host!r}; --allow-host adds one.")
            return
        what = asked(self.path)
        try:
            match what:
                case Page():
                    self._page(what)
                case Package():
                    self._package(what)
                case Moved():
                    self._send(301, {"Location": what.path}, b"")
                case Help():
                    self._help(what)
                case _:
                    self._text(404, "Not Found: this proxy has /simple/ and /packages/ of one index and nothing else")
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            self._refuse(understood(error, self.path), page=isinstance(what, Page))

    def _page(self, what: Page) -> None:
        form = proxy_asked.form(self.headers.get("Accept", ""), self.path)
        if form is None:
            self._text(406, f"Not Acceptable: pages come as {proxy_asked.V1_JSON}, {proxy_asked.V1_HTML}, text/html")
            return
        sha256, file = self.server.content.page(what.project, "json" if form.endswith("json") else "html")
        with file:
            charset = "; charset=utf-8" if form.endswith("html") else ""
            headers = {"Content-Type": form + charset, "Vary": "Accept", "Cache-Control": _PAGE_CACHE}
            self._whole(file, sha256, headers)

    def _package(self, what: Package) -> None:
        content = self.server.content
        wanted = content.file(what.project, what.filename)
        headers = {"Content-Type": "application/octet-stream", "Cache-Control": _FILE_CACHE}
        tag = f'"{wanted.sha256}"'
        if self._unchanged(tag, headers):
            return
        if self.command == "HEAD" and wanted.exact:
            self._send(200, headers | {"ETag": tag, "Accept-Ranges": "bytes"}, b"", length=wanted.length)
            return
        if file := content.held(wanted):
            with file:
                self._foresee(wanted, file)
                self._whole(file, wanted.sha256, headers)
            return
        try:
            transfer = content.fetch(wanted)
            ended = transfer.finished(None if not wanted.exact else self._patience(wanted))
            if transfer.failure:
                raise transfer.failure
        except Failure as failure:
            raise content.gone(what.project, what.filename, failure) from failure
        if ended:
            with transfer.copy() as file:
                self._foresee(wanted, file)
                self._whole(file, wanted.sha256, headers)
        else:
            self._arriving(transfer, headers | {"ETag": tag})

    def _foresee(self, wanted: Wanted, file: BinaryIO) -> None:
        """uv asks for much at once of its own accord; others do not."""
        if not wanted.exact and not self.headers.get("User-Agent", "").startswith("uv/"):
            self.server.content.expect(file)

    def _patience(self, wanted: Wanted) -> float:
        return _SMALL_PATIENCE if wanted.length <= _SMALL else _PATIENCE

    def _arriving(self, transfer: Transfer, headers: dict[str, str]) -> None:
        """Hand out a file while it arrives; a range of it is answered with all of it (RFC 9110, 14.2)."""
        with transfer.copy() as file:
            self._send(200, headers, None, length=transfer.wanted.length)
            at = 0
            while at < transfer.wanted.length:
                try:
                    until = transfer.readable(at)
                except Failure as failure:
                    self.close_connection = True  # short of its length
                    self._tell(failure)
                    return
                while at < until:
                    piece = os.pread(file.fileno(), min(_CHUNK, until - at), at)
                    self.wfile.write(piece)
                    at += len(piece)
                self.wfile.flush()

    def _whole(self, file: BinaryIO, sha256: str, headers: dict[str, str]) -> None:
        """Send a verified file, or the range of it that was asked for."""
        tag, size = f'"{sha256}"', os.fstat(file.fileno()).st_size
        if self._unchanged(tag, headers):
            return
        headers = headers | {"ETag": tag, "Accept-Ranges": "bytes"}
        asked_range = self.headers.get("Range", "")
        if self.headers.get("If-Range", tag) != tag:
            asked_range = ""
        try:
            span = proxy_asked.span(asked_range, size)
        except ValueError:
            self._send(416, {"Content-Range": f"bytes */{size}"}, b"")
            return
        offset, count = span or (0, size)
        if span:
            headers["Content-Range"] = f"bytes {offset}-{offset + count - 1}/{size}"
        self._send(206 if span else 200, headers, None, length=count)
        if self.command == "GET":
            self.wfile.flush()
            self.connection.sendfile(file, offset, count)

    def _unchanged(self, tag: str, headers: dict[str, str]) -> bool:
        """Answer 304 when the client has it."""
        if "If-None-Match" not in self.headers or not proxy_asked.matches(self.headers["If-None-Match"], tag):
            return False
        kept = {name: value for name, value in headers.items() if name in {"Cache-Control", "Vary"}}
        self._send(304, kept | {"ETag": tag}, None)
        return True

    def _help(self, what: Help) -> None:
        text = self.server.usage if not what.code else help_text(what.code)
        self._text(200 if text else 404, text or "Not Found: there is no failure of this name")

    def _refuse(self, failure: Failure, *, page: bool) -> None:
        self._tell(failure)
        said = refusal(failure, self._base(), page=page, agent=self.headers.get("User-Agent", ""))
        headers = {"Content-Type": said.type, "Cache-Control": "no-store"}
        self._send(said.status, headers, said.body, reason=said.reason)

    def _base(self) -> str:
        return f"http://{self.headers.get('Host', '')}/"

    def _tell(self, failure: Failure) -> None:
        if failure.code not in {"project-unknown", "file-unknown"}:
            self.server.note(f"refused {self.command} {printable(self.path)}: {failure}")

    def _text(self, status: int, text: str, *, close: bool = False) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        headers |= {"Connection": "close"} if close else {}
        self._send(status, headers, f"{text}\n".encode(), reason="OK" if status == 200 else line(text))

    def _send(
        self, status: int, headers: dict[str, str], body: bytes | None, *, length: int | None = None, reason: str = ""
    ) -> None:
        """Status line and headers, and `body` unless it is None: then the caller sends `length` bytes."""
        self.send_response(status, reason or HTTPStatus(status).phrase)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body or b"") if length is None else length))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(body)
        self.wfile.flush()
