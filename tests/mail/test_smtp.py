"""From a row of the journal to a real mail server, through the worker: a server that is busy or away gets its mail later."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from structlog.testing import capture_logs

from bonded.adapters.mailer_smtp import SmtpMailer
from bonded.cli import bonded
from bonded.db.engine import Database
from bonded.db.jobs import job as job_table
from bonded.db.worker import work_once
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, handle
from tests.mail.test_job import event, make_cast
from tests.seams.test_mailer import FreePort

SETTINGS = MailSettings("Bonded", "https://index.example.invalid/", "Bonded <bonded@example.invalid>")


class Server:
    """A mail server that is busy for some addresses, the first few times."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.busy: dict[str, int] = {}
        self.says = "451 4.3.2 try again later"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        (to,) = envelope.rcpt_tos
        if self.busy.get(to, 0) > 0:
            self.busy[to] -= 1
            return self.says
        self.received.append((to, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"

    def to(self) -> list[str]:
        return sorted(to.partition("@")[0] for to, _ in self.received)


@pytest.fixture
def inbox() -> Server:
    return Server()


@pytest.fixture
def server(inbox: Server) -> Iterator[Controller]:
    controller = FreePort(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.stop()


class Post:
    """The worker of the mail queue, and a clock that can be moved."""

    def __init__(self, db: Database, port: int, now: datetime) -> None:
        self.db, self.now = db, now
        self.context = MailContext(db, SmtpMailer("127.0.0.1", port, timeout=60), SETTINGS)

    def work(self) -> None:
        handlers = {"mail": lambda job, at: handle(self.context, job, at)}
        while work_once(self.db, handlers, lambda: self.now):
            pass

    def jobs(self) -> list[tuple[str, int]]:
        with self.db.read() as conn:
            return [
                (row.state, row.attempt) for row in conn.execute(job_table.select().where(job_table.c.queue == "mail"))
            ]


def test_a_busy_server_gets_its_mail_later_and_nobody_gets_it_twice(
    db: Database, now: datetime, inbox: Server, server: Controller
) -> None:
    post = Post(db, server.port, now)
    make_cast(db, now)
    post.work()
    inbox.received.clear()
    inbox.busy = {"olga@example.invalid": 2}
    event(db, "file.yank", now)
    post.work()
    assert inbox.to() == ["mia", "otto"]
    assert post.jobs() == [("pending", 1)]
    post.now += timedelta(seconds=1)
    post.work()
    assert post.jobs() == [("pending", 1)], "it rests a little"
    post.now += timedelta(minutes=1)
    post.work()
    assert inbox.to() == ["mia", "otto"]
    post.now += timedelta(minutes=1)
    post.work()
    assert inbox.to() == ["mia", "olga", "otto"]
    assert post.jobs() == []
    (german,) = [message for to, message in inbox.received if to.startswith("olga")]
    assert german.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in german.iter_parts()] == ["text/plain", "text/html"]
    assert german["Content-Language"] == "de"
    assert "Guten Tag, olga," in german.get_body(("plain",)).get_content()


def test_while_the_server_is_away_nothing_is_lost(
    sqlite_db: Database, now: datetime, inbox: Server, server: Controller
) -> None:
    away = Post(sqlite_db, 1, now)
    make_cast(sqlite_db, now)
    away.work()
    waiting = len(away.jobs())
    assert waiting >= 4
    assert all(state == "pending" for state, _ in away.jobs())
    back = Post(sqlite_db, server.port, now + timedelta(minutes=2))
    back.work()
    assert back.jobs() == []
    assert inbox.to().count("mia") >= 2


def test_a_server_that_is_away_for_a_weekend_gets_its_mail_after_it(
    sqlite_db: Database, now: datetime, inbox: Server, server: Controller
) -> None:
    """It is asked less and less often, and not again for each of the mails that wait."""
    away = Post(sqlite_db, 1, now)
    make_cast(sqlite_db, now)
    waiting = len(away.jobs())
    for _ in range(60):
        away.work()
        away.now += timedelta(hours=1)
    assert {(state, attempt > 50) for state, attempt in away.jobs()} == {("pending", True)}
    assert len(away.jobs()) == waiting
    back = Post(sqlite_db, server.port, away.now)
    back.work()
    assert back.jobs() == []
    assert inbox.to().count("mia") >= 2


def test_a_server_that_never_comes_back_ends_in_a_dead_letter(sqlite_db: Database, now: datetime) -> None:
    away = Post(sqlite_db, 1, now)
    make_cast(sqlite_db, now)
    jobs = len(away.jobs())
    with capture_logs() as lines:
        for _ in range(80):
            away.work()
            away.now += timedelta(hours=1)
    assert {state for state, _ in away.jobs()} == {"dead"}
    bad = [line for line in lines if line["log_level"] == "error"]
    assert [line["dead"] for line in bad] == [True] * jobs, (
        "an error, with a traceback, is what somebody has to look at"
    )
    waits = [line for line in lines if line["event"] == "job waits for another system"]
    assert len(waits) > jobs
    assert all("exc_info" not in line and line["error"].startswith("NotSentNow: ") for line in waits)


def test_a_server_that_refuses_for_good_ends_in_a_dead_letter(
    sqlite_db: Database, now: datetime, inbox: Server, server: Controller
) -> None:
    post = Post(sqlite_db, server.port, now)
    make_cast(sqlite_db, now)
    post.work()
    inbox.busy, inbox.says = {"olga@example.invalid": 99}, "550 5.1.1 no such mailbox"
    event(sqlite_db, "file.yank", now)
    for _ in range(6):
        post.work()
        post.now += timedelta(minutes=2)
    ((state, attempts),) = post.jobs()
    assert (state, attempts) == ("dead", 5)
    assert {"mia", "otto"} <= set(inbox.to())


def test_an_operator_tries_whether_mail_gets_through(
    tmp_path: Path, inbox: Server, server: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(address: str, code: int = 0) -> str:
        result = CliRunner().invoke(bonded, ["mail", "test", address, "--dir", str(tmp_path / "i"), "--language", "de"])
        assert result.exit_code == code, result.output
        return result.output.strip()

    made = CliRunner().invoke(bonded, ["init", str(tmp_path / "i"), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert made.exit_code == 0, made.output
    assert tried("ann@example.invalid").startswith(f"it is in {tmp_path / 'i' / 'mail'}: ")
    monkeypatch.setenv("BONDED_MAIL__TRANSPORT", "smtp")
    monkeypatch.setenv("BONDED_MAIL__HOST", "127.0.0.1")
    monkeypatch.setenv("BONDED_MAIL__PORT", str(server.port))
    told = [tried("ann@example.invalid") for _ in range(2)]
    assert told == [f"127.0.0.1:{server.port} took it for ann@example.invalid"] * 2
    first, second = (made for _, made in inbox.received)
    assert first["Content-Language"] == "de"
    assert first["Message-ID"] != second["Message-ID"], "a server may drop what it has seen"
    inbox.busy["ann@example.invalid"] = 1
    inbox.says = "550 5.7.1 not from you,\r\nfriend"
    said = tried("ann@example.invalid", 1)
    assert said.startswith(f"Error: 127.0.0.1:{server.port} did not take it: 550 5.7.1 not from you")
    assert "\n" not in said
    assert "is not a valid e-mail address" in str(CliRunner().invoke(bonded, ["mail", "test", "ann"]).exception)
    monkeypatch.setenv("BONDED_MAIL__PORT", "1")
    assert "did not take it: ConnectionRefusedError" in tried("ann@example.invalid", 1)
    (tmp_path / "i/secrets/word").write_text("two\nlines")
    for name, why in (("none", "cannot be read: [Errno 2] No such file"), ("word", "does not hold one line")):
        monkeypatch.setenv("BONDED_MAIL__PASSWORD_FILE", f"secrets/{name}")
        failed = CliRunner().invoke(bonded, ["mail", "test", "ann@example.invalid", "--dir", str(tmp_path / "i")])
        assert str(failed.exception).startswith("`mail.password_file`")
        assert why in str(failed.exception)
    monkeypatch.setenv("BONDED_MAIL__TLS", "true")
    monkeypatch.setenv("BONDED_MAIL__STARTTLS", "true")
    refused = CliRunner().invoke(bonded, ["mail", "test", "ann@example.invalid", "--dir", str(tmp_path / "i")])
    assert "exclude each other" in str(refused.exception)
