"""Secrets are planted everywhere they go, and looked for everywhere they must not be."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from bonded.accounts import login, macaroon, passwords, sessions, tokens
from bonded.accounts.arrival import Arrived
from bonded.accounts.known_devices import Browser
from bonded.accounts.links import Purpose, make_link
from bonded.accounts.login_limits import LoginLimits
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.journal.read import of_everything
from bonded.values.refusals import Refusal
from tests.accounts.people_for_tests import SEALER, person, token

PASSWORD, WRONG = "canary-password-Kx7", "canary-wrong-guess-Qz9"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Everything that is logged, at any level, by structlog or the standard library."""
    caplog.set_level(logging.DEBUG)
    return caplog.records


def everything_stored(db: Database) -> str:
    raw = db.engine.raw_connection()
    try:
        return "\n".join(raw.driver_connection.iterdump())  # type: ignore[union-attr]
    finally:
        raw.close()


def words_of(refusal: Refusal) -> str:
    return " ".join((str(refusal), repr(refusal), refusal.reason(), refusal.kind.help, repr(refusal.__cause__)))


def log_in(db: Database, now: datetime, password: str) -> Arrived:
    return login.login(
        db,
        SqlCounter(db),
        "alice",
        password,
        browser=Browser("192.0.2.1", "Browser"),
        old_secret=None,
        limits=LoginLimits(),
        lifetime=timedelta(days=1),
        now=now,
    )


def test_no_secret_is_stored_logged_or_repeated(
    sqlite_db: Database, now: datetime, logged: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    db, said = sqlite_db, []
    with structlog.testing.capture_logs() as events:
        alice = person(db, now)
        with db.write() as tx:
            link = make_link(tx, alice.id, Purpose.SET_PASSWORD, now=now, lifetime=timedelta(days=1))
        passwords.set_by_link(db, link, PASSWORD, ip="", agent="", now=now)
        done = log_in(db, now, PASSWORD)
        _, text = token(db, alice, now)
        narrow = macaroon.narrow(text, ['[1, ["alpha"]]'])
        refusals: list[tuple[Any, ...]] = [
            (log_in, db, now, WRONG),
            (passwords.check_current, db, alice.id, WRONG),
            (passwords.set_by_link, db, link, PASSWORD),
            (_check, db, text, now + timedelta(days=999)),
            (_check, db, narrow, now),
            (_check, db, text[:-1], now),
            (_check, db, text + "x", now),
            (macaroon.read, text[:40]),
            (macaroon.read, macaroon.seal(text[:60])),
            (passwords.check_strength, WRONG[:8], "alice"),
        ]
        for call, *arguments in refusals:
            more = {"ip": "", "agent": "", "now": now} if call is passwords.set_by_link else {}
            with pytest.raises(Refusal) as caught:
                call(*arguments, **more)
            said.append(words_of(caught.value))
        with db.read() as conn:
            session = sessions.read(conn, done.opened.secret, now=now)
            said += [repr(of_everything(conn)), repr(tokens.of_user(conn, alice.id)), repr(done), repr(session)]
            said += [
                repr(macaroon.read(text)),
                repr(tokens.check(conn, text, sealer=SEALER, permission="upload", project=None, now=now, ip="")),
            ]
    stored = everything_stored(db)
    heard = "\n".join([*said, repr(events), *(r.getMessage() for r in logged), *capsys.readouterr()])
    secrets = {"password": PASSWORD, "guess": WRONG, "link": link, "cookie": done.opened.secret, "token": text[45:-6]}
    for name, secret in secrets.items():
        assert secret not in stored, f"{name} is stored"
        assert secret not in heard, f"{name} was said"
        assert secret[:16] not in heard, f"part of {name} was said"
    assert narrow[-40:] not in heard


def _check(db: Database, text: str, now: datetime) -> None:
    with db.read() as conn:
        tokens.check(conn, text, sealer=SEALER, permission="upload", project="beta", now=now, ip="")
