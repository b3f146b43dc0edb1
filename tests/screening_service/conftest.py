"""An index that screens for others, its worker, and a receiver of what it sends: a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from webtest import TestResponse

from bonded.accounts import tokens
from bonded.accounts.people import User
from bonded.db.engine import Database
from bonded.db.worker import work_once
from bonded.screening import service_job, webhooks
from bonded.screening.outbound import Rules
from bonded.screening.service import ServiceLimits
from bonded.screening.service_job import SubmissionContext
from bonded.screening.settings import ScreeningContext
from bonded.screening.webhooks import WebhookContext
from bonded.seams import Sandbox
from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Receiver
from bonded.values.who import OPERATOR
from bonded.web.context import WebSettings
from tests.screening.conftest import sandbox
from tests.web.house import House

__all__ = ["sandbox"]


@dataclass
class Service:
    """The index of one test; `work()` does what waits."""

    house: House
    sandbox: Sandbox
    limits: ServiceLimits

    def token(self, user: User, *, permission: str = "screen", operator: bool = True) -> str:
        with self.house.db.write() as tx:
            return tokens.mint(
                tx,
                OPERATOR,
                user,
                sealer=self.house.context.sealer,
                name=f"t{len(tokens.of_user(tx, user.id))}",
                projects=(),
                permissions=(permission,),
                expires_at=self.house.now + timedelta(days=30),
                operator=operator,
                now=self.house.now,
            )[1]

    def send(self, token: str, filename: str, data: bytes, **headers: str) -> TestResponse:
        """A form with an archive, as the server hands it over."""
        boundary = "b0undary"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
        receiver = Receiver(UploadLimits(), self.house.folder / "spool", f"multipart/form-data; boundary={boundary}")
        receiver.feed(head.encode() + data + f"\r\n--{boundary}--\r\n".encode())
        environ = {"bonded.received": receiver.finish()}
        every = {"Authorization": f"Bearer {token}", "Accept": "application/json"} | headers
        browser = self.house.browser()
        return browser.post("/api/screenings/", b"", headers=every, extra_environ=environ, expect_errors=True)

    def send_json(self, token: str, body: Any, **headers: str) -> TestResponse:
        every = {"Authorization": f"Bearer {token}", "Accept": "application/json"} | headers
        return self.house.browser().post_json("/api/screenings/", body, headers=every, expect_errors=True)

    def get(self, token: str, where: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return self.house.browser().get(where, headers=headers, expect_errors=True)

    def work(self, *, moments: int = 1) -> None:
        """Do what is due, and again at later moments: failed jobs pause for up to a minute."""
        house = self.house
        screening = ScreeningContext(house.db, house.vault, self.sandbox)
        jobs = {
            "submission": lambda job, now: service_job.handle(
                SubmissionContext(screening, self.limits, house.folder / "spool"), job, now
            ),
            "webhook": lambda job, now: webhooks.handle(
                WebhookContext(house.db, house.context.sealer, Rules(None, self.limits.fetch.private_hosts), 60.0),
                job,
                now,
            ),
        }
        for _ in range(moments):
            while work_once(house.db, jobs, lambda: house.now):
                pass
            house.now += timedelta(seconds=61)

    def kept(self) -> list[str]:
        """What lies in the vault and the spool."""
        found = [p for name in ("vault", "spool") for p in (self.house.folder / name).rglob("*") if p.is_file()]
        return [str(p) for p in found if p.name != "lock"]


def make(db: Database, folder: Path, now: datetime, sandbox: Sandbox, **limits: Any) -> Service:
    made = replace(ServiceLimits(), **limits)
    return Service(House(db, folder, now, WebSettings(url="http://localhost/"), made), sandbox, made)


@pytest.fixture
def service(sqlite_db: Database, tmp_path: Path, now: datetime, sandbox: Sandbox) -> Service:
    return make(sqlite_db, tmp_path, now, sandbox)


@pytest.fixture
def both_services(db: Database, tmp_path: Path, now: datetime, sandbox: Sandbox) -> Service:
    return make(db, tmp_path, now, sandbox)


@dataclass
class Receiving:
    """A server on this machine. `answers` maps a path to (status, headers, body); POSTs are kept."""

    port: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def receiving() -> Iterator[Receiving]:
    state = Receiving()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self._answer()

        def _answer(self) -> None:
            state.asked.append(self.path)
            status, headers, body = state.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


Make = Callable[..., Service]


@pytest.fixture
def new_service(sqlite_db: Database, tmp_path: Path, now: datetime, sandbox: Sandbox) -> Make:
    def made(**limits: Any) -> Service:
        return make(sqlite_db, tmp_path, now, sandbox, **limits)

    return made
