"""A stand-in for Fastly on this machine: its purge API by its documentation, and one edge that keeps what headers allow.

API: POST /service/<id>/purge with {"surrogate_keys": [...]} (at most 256) or a Surrogate-Key header, and
POST /service/<id>/purge/<key>; token in Fastly-Key; Fastly-Soft-Purge: 1 marks as old. Answers are JSON: an id by key, or
{"msg", "detail"}. The edge heeds Surrogate-Control before Cache-Control (s-maxage, then max-age), and strips
Surrogate-Control and Surrogate-Key.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import httpx

SERVICE, TOKEN = "SU1Z0isxPaozGVKXdv0eY", "a-token-of-forty-characters-and-no-fewer"
CLIENT = httpx.Client(verify=False, timeout=60)
HIDDEN = {"surrogate-control", "surrogate-key", "connection", "transfer-encoding", "date", "content-length"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Kept:
    reply: Answer
    keys: frozenset[str]
    until: float
    stale_until: float


@dataclass
class Fastly:
    """`fail`: status and body for the next calls of the API; `calls`: (path, headers, keys) of each call."""

    origin: str
    port: int = 0
    kept: dict[tuple[str, ...], Kept] = field(default_factory=dict)
    vary: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str], list[str]]] = field(default_factory=list)
    fail: tuple[int, dict[str, str]] | None = None
    forgetful: bool = False
    """It confirms purges and does nothing."""
    hits: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def purge(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        found = re.fullmatch(r"/service/([^/]+)/purge(?:/(.+))?", path)
        if headers.get("fastly-key") != TOKEN:
            return 401, {"msg": "Provided credentials are missing or invalid"}
        if found is None or found[1] != SERVICE:
            return 404, {"msg": "Record not found", "detail": "Cannot load service"}
        if found[2]:
            keys = [unquote(found[2])]
        elif "surrogate-key" in headers:
            keys = headers["surrogate-key"].split()
        else:
            keys = json.loads(body)["surrogate_keys"]
        self.calls.append((path, headers, keys))
        if self.fail:
            return self.fail
        if not keys or len(keys) > 256 or any(len(key) > 1024 for key in keys):
            return 400, {"msg": "Bad request", "detail": "At most 256 keys of 1024 bytes"}
        for name, one in list(self.kept.items()):
            if one.keys & set(keys) and not self.forgetful:
                if headers.get("fastly-soft-purge") == "1":
                    one.until = 0
                else:
                    del self.kept[name]
        return 200, {key: f"108-{abs(hash(key))}" for key in keys}

    def fetch(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        vary = self.vary.get(path, ())
        name = (path, *(headers.get(key, "") for key in vary))
        one, now = self.kept.get(name), time.monotonic()
        if one and now < one.until:
            self.hits += 1
            return one.reply
        given = {key: headers[key] for key in ("accept", "accept-encoding", "host", "authorization") if key in headers}
        if one and now < one.stale_until:
            threading.Thread(target=self._ask, args=(path, given)).start()
            return one.reply
        return self._ask(path, given)

    def _ask(self, path: str, headers: dict[str, str]) -> Answer:
        with CLIENT.stream("GET", self.origin + path, headers=headers) as stream:
            reply = Answer(stream.status_code, dict(stream.headers), b"".join(stream.iter_raw()))
        control, surrogate = reply.headers.get("cache-control", ""), reply.headers.get("surrogate-control", "")
        ttl = _number(surrogate, "max-age") or _number(control, "s-maxage") or _number(control, "max-age")
        if ttl and not re.search("no-store|private", control) and "authorization" not in headers:
            now = time.monotonic()
            stale = _number(control, "stale-while-revalidate")
            keys = frozenset(reply.headers.get("surrogate-key", "").split())
            self.vary[path] = tuple(re.findall(r"[\w-]+", reply.headers.get("vary", "").lower()))
            name = (path, *(headers.get(key, "") for key in self.vary[path]))
            self.kept[name] = Kept(reply, keys, now + ttl, now + ttl + stale)
        return reply


def _number(header: str, name: str) -> int:
    found = re.search(rf"(?<![\w-]){name}=([0-9]+)", header)
    return int(found[1]) if found else 0


@contextmanager
def fastly(origin: str) -> Iterator[Fastly]:
    """The stand-in, before the origin at that address."""
    one = Fastly(origin)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, value = one.purge(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self._answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

        def do_GET(self) -> None:
            reply = one.fetch(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
            headers = {k: v for k, v in reply.headers.items() if k not in HIDDEN}
            self._answer(reply.status, headers, reply.body)

        def do_HEAD(self) -> None:
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
