"""Real caches before a real origin: Varnish with the shipped configurations, nginx with its own, and Fastly's API by heart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from bonded.serve.context import ServeContext, ServeSettings
from bonded.serve.listen import bind
from tests.serve.conftest import NoReceiver
from tests.serve.running import App, Running, clock
from tests.support.ports import reserved

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "packages.example.invalid"

CLIENT = httpx.Client(verify=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""Making one costs more than a request."""

NGINX_MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/bonded-cache.conf;
}}
"""


class AtPort(Running):
    """A server at a port that is given, so that it can be stopped and another begun in its place."""

    def __init__(self, context: ServeContext, port: int) -> None:
        super().__init__(context)
        self.port = port

    async def _run(self) -> None:
        self.loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self.app = App(self.context, self.lines.append)
        listening = bind("127.0.0.1", self.port, 1)[0]
        server = await self.loop.create_server(self.app.start(), sock=listening)
        self._begun.set()
        await self._stopped.wait()
        server.close()
        await self.app.stop()


class Origin:
    """The built-in server at one port, over whatever folder `show` was given last. It counts what it is asked."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._link = folder / "public"
        self._running: AtPort | None = None
        self.asked: list[tuple[str, str]] = []

    def show(self, public: Path) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(public, target_is_directory=True)

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """A page for everybody, and one for each person."""
        self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        who = environ.get("HTTP_AUTHORIZATION") or environ.get("HTTP_COOKIE") or "nobody"
        private = who != "nobody" or environ["PATH_INFO"].startswith("/account")
        cache = "no-store" if private else "public, max-age=10"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", cache)])
        return [f"{who} {len(self.asked)}".encode()]

    def start(self, settings: Mapping[str, Any] | None = None, **given: Any) -> None:
        chosen = replace(ServeSettings(), **{"purged": True, "access_log": "json"} | dict(settings or {}))
        context = ServeContext(self._link, self._application, NoReceiver, clock, settings=chosen)
        self._running = AtPort(replace(context, **given), self.port)
        self._running.__enter__()

    def stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.__exit__()

    def reads(self, path: str) -> int:
        """How often the origin was asked for `path`, by its access log."""
        assert self._running is not None
        self._running.app._ledger.flush()
        return sum(f'"path":"{path}"'.encode() in line for lines in self._running.lines for line in lines.splitlines())


class Varnish:
    """One varnishd with a shipped configuration."""

    def __init__(self, folder: Path, port: int, kind: str) -> None:
        self.folder, self.port, self.kind = folder, port, kind
        self.url = f"http://127.0.0.1:{port}"

    def forget(self) -> None:
        """Everything goes out of the cache, for the next test."""
        command = ["varnishadm", "-n", str(self.folder / "run"), "ban", "req.url ~ ."]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextmanager
def varnish(folder: Path, kind: str, origin: int) -> Iterator[Varnish]:
    """varnishd with `bonded-<kind>.vcl`, changed only where an administrator changes it."""
    for shipped in (DEPLOY / "varnish").iterdir():
        shutil.copy(shipped, folder)
    shared = folder / "bonded-caching.vcl"
    text = shared.read_text()
    assert text.count('.port = "8000";') == 1
    shared.write_text(text.replace('.port = "8000";', f'.port = "{origin}";'))
    with reserved() as port:
        yield from _varnish(folder, kind, port)


def _varnish(folder: Path, kind: str, port: int) -> Iterator[Varnish]:
    # -F and -j none: a plain child process of ours, with no account of its own to change to.
    command = ["varnishd", "-F", "-j", "none", "-n", str(folder / "run"), "-a", f"127.0.0.1:{port}", "-s", "malloc,32m"]
    command += ["-f", str(folder / f"bonded-{kind}.vcl"), "-p", "thread_pools=1", "-p", "thread_pool_min=10"]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _await(port, process, folder / "out")
        yield Varnish(folder, port, kind)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def nginx_cache(folder: Path, origin: int) -> Iterator[str]:
    """nginx as a cache with the shipped configuration; its address."""
    with reserved() as port:
        yield from _nginx_cache(folder, origin, port)


def _nginx_cache(folder: Path, origin: int, port: int) -> Iterator[str]:
    (folder / "conf.d").mkdir(parents=True)
    for shipped in (DEPLOY / "nginx").iterdir():
        shutil.copy(shipped, folder / "conf.d")
    text = (folder / "conf.d" / "bonded-cache.conf").read_text()
    for old, new in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{origin};"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/var/cache/nginx/bonded", str(folder / "kept")),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "conf.d" / "bonded-cache.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(user=user, folder=folder))
    command = ["nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _await(port, process, folder / "error.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(ConnectionError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def get(base: str, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """One request by the public name, on a connection of its own; names of headers with _ for -."""
    given = {"Host": HOST, "Accept-Encoding": "identity"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return CLIENT.request(method, base + path, headers=given)


def twice(base: str, path: str, hit: Callable[[httpx.Response], bool], **headers: str) -> httpx.Response:
    """The first of two answers, the second of them out of the cache. Two between which much of a short time to live passed, on a busy
    machine, say nothing; then there are two others."""
    while True:
        began = time.monotonic()
        first, second = get(base, path, **headers), get(base, path, **headers)
        if hit(second) or time.monotonic() - began < SHORT / 2:
            assert hit(second), path
            assert first.content == second.content
            return second


SHORT = 1.0
"""Seconds of the shortest time to live."""


def lasting(there: Callable[[], bool]) -> float:
    """Wait until it is so: after how many seconds the last request was sent that did not find it so. A machine that is slow to send
    or to take the answer adds nothing."""
    began, last = time.monotonic(), 0.0
    while True:
        asked = time.monotonic() - began
        if there():
            return last
        last = asked
        assert asked < 60, "did not become so at all"
        time.sleep(0.01)


def kept(reply: httpx.Response) -> bool:
    """Whether Varnish answered out of its memory: then it names two transactions, its own and the one that fetched."""
    return len(reply.headers["x-varnish"].split()) == 2
