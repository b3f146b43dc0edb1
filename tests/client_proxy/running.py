"""The proxy in this process, before a server whose answers a test can spoil; and installers that use it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from bonded_client import proxy
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index as Address
from bonded_client.proxy_watch import Timing
from tests.story import clients

EVERY_TIME = Timing(fresh=0.0, stale=0.0, retry=0.0, patience=60.0)
"""Each request polls the index, and waits for it on a busy machine too."""
RETRIES = "0"
JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Running:
    """`url` ends in "/simple/"; `notes` is what the person was told."""

    url: str
    notes: list[str] = field(default_factory=list)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, retries=False))

    @property
    def base(self) -> str:
        return self.url.removesuffix("simple/")

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def get(self, path: str, method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        """Ask for a path under our root."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.base + path, headers=named, redirect=False, timeout=90)

    def page(self, project: str) -> urllib3.BaseHTTPResponse:
        """Ask for the JSON page of a project."""
        return self.get(f"simple/{project}/", Accept=JSON)


@contextmanager
def proxying(
    url: str,
    root: bytes,
    cache: Path,
    *,
    timing: Timing = EVERY_TIME,
    timeout: float = 30.0,
    limit: int = 10**9,
    **more: object,
) -> Iterator[Running]:
    """A proxy of the index at `url` on a free port. Raises Failure as `proxy.serving` does."""
    deadlines = Deadlines(connect=timeout, pause=timeout, base=1.5 * timeout)
    fetcher = Fetcher(deadlines, Proxies(), proxy.CONNECTIONS)
    options = proxy.Options("127.0.0.1", 0, cache, limit, (), timing, **more)  # type: ignore[arg-type]
    notes: list[str] = []
    try:
        with proxy.serving(Address.at(url), root, fetcher, options, notes.append) as address:
            running = Running(address, notes)
            yield running
            running.http.clear()
    finally:
        fetcher.close()


def pip(url: str, target: Path, *words: str, verb: str = "install") -> subprocess.CompletedProcess[str]:
    """`pip install --target`, or another verb without it, with nothing but the index at `url`."""
    where = ("--target", target) if verb == "install" else ("-d", target)
    options = ("--no-cache-dir", "--retries", RETRIES, "--index-url", url)
    return clients.run("pip", verb, *options, *where, *words, cwd=_beside(target))


def uv(url: str, target: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`uv pip install --target` with nothing but the index at `url`."""
    python = clients.environment("pip") / "bin/python"
    options = ("--no-cache", "--default-index", url, "--python", python, "--target", target)
    return clients.run("uv", "pip", "install", *options, *words, cwd=_beside(target), env={"UV_HTTP_RETRIES": RETRIES})


def _beside(target: Path) -> Path:
    folder = target.parent / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def installed(target: Path) -> list[str]:
    """Names of what an installer left in `target`."""
    names = {path.name for path in target.iterdir()} if target.exists() else set()
    return sorted(names - {".lock"})  # uv's own
