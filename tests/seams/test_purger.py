"""The contract of Purger, against every adapter: without a cache, with one that nothing can purge, and with stand-ins.

What Varnish and Fastly do with a purge is in tests/caches.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.adapters.purger_fastly import FastlyPurger
from bonded.adapters.purger_http import batches, show
from bonded.adapters.purger_nginx import NginxPurger
from bonded.adapters.purger_none import NoPurger
from bonded.adapters.purger_recording import RecordingPurger
from bonded.adapters.purger_varnish import VarnishPurger
from bonded.seams import PurgeFailed, Purger

PAGE = b'{"meta": {}}' * 20_000
DEAD = "http://127.0.0.1:1"


@dataclass
class Cache:
    """Answers every request; `purged` are the requests that were no reads."""

    url: str = ""
    purged: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    reads: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def standing(packed: bytes | None = None) -> Iterator[Cache]:
    one = Cache()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _any(self) -> None:
            one.purged.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200, "Purged 1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _read(self) -> None:
            one.reads.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            body = packed if packed is not None else gzip.compress(PAGE)
            self.send_response(404 if "absent" in self.path else 200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_PURGE = do_BAN = do_POST = _any  # noqa: N815
        do_GET = do_HEAD = _read  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def over(kind: str, url: str) -> Purger:
    host = "packages.example.invalid"
    made: dict[str, Purger] = {
        "xkey": VarnishPurger([url], host=host, timeout=30),
        "ban": VarnishPurger([url], host=host, ban=True, timeout=30),
        "nginx": NginxPurger([url], host=host, bound=timedelta(seconds=5), timeout=30),
        "fastly": FastlyPurger("service", "token", url=url, api=url, timeout=30),
    }
    return made[kind]


KINDS = pytest.mark.parametrize("kind", ["xkey", "ban", "nginx", "fastly"])


@KINDS
def test_it_shows_what_a_client_of_the_public_name_would_see(kind: str) -> None:
    with standing() as cache:
        purger = over(kind, cache.url)
        assert purger.caches == (cache.url,)
        [page, absent] = purger.show(["/simple/a/", "/simple/absent/"], whole=True)
        assert (page.cache, page.path, page.status) == (cache.url, "/simple/a/", 200)
        assert page.sha256 == hashlib.sha256(PAGE).hexdigest()
        assert page.body == PAGE[: 64 * 1024]
        assert absent.status == 404
        [head] = purger.show(["/packages/a/a.whl"], whole=False)
        assert (head.status, head.body) == (200, b"")
        headers = cache.reads[0][1]
        assert headers["accept"].startswith("application/vnd.pypi.simple.v1+json")
        assert headers["host"] == (
            "packages.example.invalid" if kind != "fastly" else cache.url.removeprefix("http://")
        )


@KINDS
def test_an_answer_that_cannot_be_unpacked_is_no_answer(kind: str) -> None:
    with standing(b"this is not gzip") as cache, pytest.raises(PurgeFailed, match="cannot be unpacked"):
        over(kind, cache.url).show(["/simple/a/"], whole=True)


@pytest.mark.parametrize("told", ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"])
def test_a_cache_that_drips_is_left_in_time(told: str) -> None:
    """A socket's timeout begins anew with every byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def drip() -> None:
            there, _ = server.accept()
            with there, contextlib.suppress(OSError):
                there.recv(65_536)
                there.sendall(told.encode())
                for _ in range(4000):
                    time.sleep(0.02)
                    there.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(PurgeFailed, match="TimeoutError"):
            show([address], "packages.example.invalid", 0.1, ["/simple/a/"], whole=True)
        assert time.monotonic() - began < 30
        thread.join(60)


def test_an_answer_is_whole_although_the_cache_closes_the_connection() -> None:
    body = b"x" * 300_000

    def answer() -> None:
        there, _ = server.accept()
        with there:
            there.recv(65_536)
            there.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + body)

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        (shown,) = show([address], "packages.example.invalid", 5.0, ["/simple/a/"], whole=True)
        thread.join(60)
    assert shown.sha256 == hashlib.sha256(body).hexdigest()


@KINDS
def test_a_cache_that_is_not_there_is_named(kind: str) -> None:
    with pytest.raises(PurgeFailed, match=r"127\.0\.0\.1:1 does not answer"):
        over(kind, DEAD).show(["/"], whole=False)


@pytest.mark.parametrize("kind", ["xkey", "ban", "fastly"])
def test_what_can_purge_says_so_and_says_when_it_could_not(kind: str) -> None:
    purger = over(kind, DEAD)
    assert (purger.active, purger.lasting) == (True, timedelta(0))
    with pytest.raises(PurgeFailed, match=r"127\.0\.0\.1:1 does not answer"):
        purger.purge(["timestamp"])


def test_nginx_says_what_bound_holds_and_is_never_asked_to_forget() -> None:
    with standing() as cache:
        purger = over("nginx", cache.url)
        purger.purge(["timestamp"])
        assert (purger.active, purger.lasting) == (False, timedelta(seconds=6))
        assert cache.purged == []


def test_a_ban_names_keys_as_they_are() -> None:
    with standing() as cache:
        over("ban", cache.url).purge(["file/packages/a/a-1.0+x.tar.gz", "project/"])
        [(method, _, headers)] = cache.purged
        assert method == "BAN"
        assert headers["x-bonded-ban"] == (
            r"(?:^|[[:space:]])(?:file/packages/a/a\-1\.0\+x\.tar\.gz|project/)(?:$|[[:space:]])"
        )


@given(st.lists(st.text("abc/.-", min_size=1, max_size=60)), st.integers(1, 20), st.integers(60, 300))
def test_batches_keep_every_key_and_both_limits(keys: list[str], most: int, size: int) -> None:
    found = list(batches(keys, most=most, size=size))
    assert [key for batch in found for key in batch] == keys
    assert all(0 < len(batch) <= most for batch in found)
    assert all(len(" ".join(batch)) <= size for batch in found)


def test_nothing_to_purge_is_always_confirmed() -> None:
    purger = NoPurger(timedelta(seconds=5))
    purger.purge(["project/apple"])
    assert (purger.active, purger.caches, purger.lasting) == (False, (), timedelta(seconds=5))
    assert purger.show(["/"], whole=True) == []


def test_what_is_purged_is_recorded_in_order(tmp_path: Path) -> None:
    purger = RecordingPurger(tmp_path / "purged")
    assert purger.keys() == []
    purger.purge(["project/apple", "timestamp"])
    purger.purge(iter(["file/packages/x"]))
    assert purger.keys() == ["project/apple", "timestamp", "file/packages/x"]


def test_a_purge_that_cannot_be_done_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PurgeFailed):
        RecordingPurger(tmp_path / "no such folder" / "purged").purge(["timestamp"])
