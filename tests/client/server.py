"""A real HTTP server over a dictionary, with answers that can be made to misbehave by path."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard

Misbehaviour = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class Served:
    """`url` of the server; `store` is what it serves; `odd` says what to do instead, by path; `asked` what was asked."""

    store: dict[str, bytes]
    url: str = ""
    odd: dict[str, Misbehaviour] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Accept-Encoding of every request, in order."""
    packed: str = ""
    """Content coding to use where the client accepts it: "gzip", "zstd" or none."""
    stop: threading.Event = field(default_factory=threading.Event)


def answer(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """A whole, right answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(store: dict[str, bytes]) -> Iterator[Served]:
    """Serve `store` on a free port of loopback."""
    served = Served(store)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes; with it each answer waits 40 ms

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            accepts = self.headers.get("Accept-Encoding", "")
            served.asked.append((path, accepts))
            body = served.store.get(path)
            if path in served.odd:
                self.close_connection = True
                with suppress(OSError):  # the client gave up, as it should
                    served.odd[path](self, body or b"")
            elif body is None:
                answer(self, b"not here", 404)
            elif served.packed and served.packed in accepts:
                pack = gzip.compress if served.packed == "gzip" else zstandard.ZstdCompressor().compress
                answer(self, pack(body), Content_Encoding=served.packed)
            else:
                answer(self, body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that hang up are part of these tests

    with Server(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.stop.set()
            server.shutdown()
            thread.join()
