"""Shows shots in a real browser, at the address where they were taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

import bonded.web
from tests.web.scenes.shots import Shot
from tests.web.server import PATIENCE, serving

STATIC = Path(bonded.web.__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Stage:
    """A server with one page on it. Styles, scripts and pictures are the real ones; whatever else is asked for is not there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._shot: Shot | None = None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        static = STATIC / path.rpartition("/")[2]
        shot = self._shot
        if path.startswith("/static/") and static.suffix in KINDS and static.is_file():
            start("200 OK", [("Content-Type", KINDS[static.suffix]), ("Cache-Control", "max-age=600")])
            return [static.read_bytes()]
        if shot is not None and path == shot.path.partition("?")[0]:
            # Two shots may be of one address: the browser must not keep the first for the second.
            kept = [(name, value) for name, value in shot.headers if name.lower() != "cache-control"]
            start(shot.status, [*kept, ("Cache-Control", "no-store")])
            return [shot.body]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not here"]

    def show(self, page: Page, shot: Shot) -> None:
        """Load `shot` in the browser's page, as the answer to its own address."""
        self._shot = shot
        answer = page.goto(self.address + shot.path.lstrip("/"), wait_until="load")
        assert answer is not None
        assert answer.status == int(shot.status[:3]), shot.name


@contextmanager
def staging() -> Iterator[Stage]:
    """A stage on a free port."""
    with serving() as (address, deferred):
        deferred.app = Stage(address)
        yield deferred.app


@contextmanager
def visiting(browser: Browser, width: int = 1280, height: int = 800, **more: Any) -> Iterator[Page]:
    """A page of a new visitor; any complaint of the browser about our page fails the test."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": height}, **{"reduced_motion": "reduce"} | more
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: said.type == "error" and "status of" not in said.text and pytest.fail(said.text))
    try:
        yield page
    finally:
        context.close()


def steady(html: str) -> str:
    """`html` without what is another in each run: keys of signing and what is made of them, secrets of forms, ids."""
    html = re.sub(r'(name="csrf" value=)"[^"]*"', r'\1""', html)
    html = re.sub(r"\b[0-9a-hjkmnp-tv-z]{26}\b|\b[A-Za-z0-9_-]{43}\b", "…", html)
    html = re.sub(r"\b[0-9a-f]{4}(?: [0-9a-f]{4}){15}\b|\b[0-9a-f]{64}\b|(?<=\"digest\">)[0-9a-f]{8}", "…", html)
    return re.sub(r"/static/[0-9a-f]{12}/", "/static/…/", html)
