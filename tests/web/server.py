"""A real loopback server for a WSGI application, and a real browser that talks to it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE = 30_000
"""Milliseconds until a browser is given up: much more than anything takes, so that only what never comes fails."""
expect.set_options(timeout=PATIENCE)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Deferred:
    """An application that is given later: the server's address has to be known before it is made."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


@contextmanager
def serving() -> Iterator[tuple[str, Deferred]]:
    """A server on a free port: its address with a slash at the end, and where to put the application."""
    deferred = Deferred()
    server = make_server("127.0.0.1", 0, deferred, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", deferred
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CHROMIUM = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless: the one without windows where it is there, which is a third quicker."""
    program = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        try:
            yield browser
        finally:
            browser.close()
