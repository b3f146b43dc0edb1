"""The other end: an index that runs from the clone, read in a real browser, and a mail server that keeps what comes."""

from __future__ import annotations

import email
import email.policy
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from tests.web.server import chromium

from tools.weblate.programs import StoppedError, run
from tools.weblate.servers import PATIENCE, free_port, process, wait_for

BONDED = Path(sys.executable).parent / "bonded"
PERSON = "reader"


class Inbox:
    """A mail server's memory."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep it."""
        self.received.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Inbox, int]]:
    """A mail server on loopback: what it got, and its port."""
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


@contextmanager
def index(clone: Path, folder: Path, smtp: int) -> Iterator[tuple[str, str]]:
    """`bonded serve` with the code and catalogues of the clone: its address, and the password of PERSON."""
    port, password, log = free_port(), secrets.token_urlsafe(16), folder / "index.log"
    env = {
        "PYTHONPATH": str(clone / "src"),
        "BONDED_URL": f"http://127.0.0.1:{port}/",
        "BONDED_MAIL__TRANSPORT": "smtp",
        "BONDED_MAIL__HOST": "127.0.0.1",
        "BONDED_MAIL__PORT": str(smtp),
        "BONDED_ACCOUNT__CONFIRM_UNUSUAL": "never",
    }
    data = folder / "index"
    run(BONDED, "init", data, "--dev-keys", env=env)
    create = (BONDED, "user", "create", PERSON, "--email", "reader@example.invalid", "--password-stdin", "--dir", data)
    run(*create, env=env, feed=f"{password}\n")
    with process([BONDED, "serve", data, "--port", str(port)], log, env) as started:
        wait_for(lambda: "ready " in log.read_text("utf-8", "replace"), started, log)
        yield env["BONDED_URL"], password


def read(url: str, password: str, language: str, inbox: Inbox) -> tuple[str, str]:
    """In Chromium: the words of the first page for a reader of `language`, and those of the mail about a forgotten password
    to PERSON, who chose that language on the page of the account. Raises StoppedError without a mail."""  # fmt: skip
    with chromium() as browser:
        visitor = browser.new_page(locale=language.replace("_", "-"))
        visitor.set_default_timeout(PATIENCE * 1000)
        visitor.goto(url)
        words = visitor.inner_text("body")
        owner = browser.new_page(locale="en")  # so that nothing but the stored language decides about the mail
        owner.set_default_timeout(PATIENCE * 1000)
        _choose(owner, url, password, language)
        before = len(inbox.received)
        owner.context.clear_cookies()
        owner.goto(f"{url}account/forgotten/")
        owner.fill("#main [name=name]", PERSON)
        owner.click("#main form button[type=submit]")
    return words, _next(inbox, before)


def _choose(page: Any, url: str, password: str, language: str) -> None:
    page.goto(f"{url}account/login/")
    page.fill("form[action='/account/login/'] [name=name]", PERSON)
    page.fill("form[action='/account/login/'] [name=password]", password)
    page.click("form[action='/account/login/'] button[type=submit]")
    page.wait_for_load_state()
    page.goto(f"{url}account/profile/")
    page.select_option("#f-language", language)
    page.click("form[action='/account/profile/language/'] button[type=submit]")
    page.wait_for_load_state()


def _next(inbox: Inbox, before: int) -> str:
    until = time.monotonic() + PATIENCE
    while len(inbox.received) == before:
        if time.monotonic() > until:
            raise StoppedError("no mail came")
        time.sleep(0.2)
    body = inbox.received[-1].get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())
