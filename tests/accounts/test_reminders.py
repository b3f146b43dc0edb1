"""Reminders of tokens that end: when, once each, in the language of the person, whoever runs the round how often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from bonded.accounts import people, tokens
from bonded.accounts.reminders import remind, stage_of
from bonded.accounts.tables import user as user_table
from bonded.db.engine import Database
from bonded.db.jobs import Job, job
from bonded.journal.read import Filter, of_everything
from bonded.mail.job import MailContext, handle
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person, token
from tests.mail.test_job import SETTINGS, Recording, body

DAY = timedelta(days=1)


def told(db: Database) -> list[int]:
    """The stages that were told, oldest first."""
    with db.read() as conn:
        page = of_everything(conn, Filter(actions=("token.remind",)))
    return [entry.facts["days"] for entry in reversed(page.entries)]


def test_fourteen_and_three_days_before_and_on_the_day(db: Database, now: datetime) -> None:
    token(db, person(db, now), now, expires_at=now + 90 * DAY)
    for days, stages in (
        (75.9, []),
        (76, [14]),
        (80, [14]),
        (87, [14, 3]),
        (89.9, [14, 3]),
        (90, [14, 3, 0]),
        (91, [14, 3, 0]),
    ):
        remind(db, now + days * DAY)
        assert told(db) == stages, days


@pytest.mark.parametrize(
    ("lifetime", "passed", "stage"),
    [(2, 0, None), (2, 1.9, None), (2, 2, 0), (7, 0, None), (7, 4, 3), (14, 0, None), (14, 11, 3), (15, 1, 14)],
)
def test_a_token_made_for_less_than_a_stage_is_not_announced_there(
    now: datetime, lifetime: float, passed: float, stage: int | None
) -> None:
    assert stage_of(now, now + lifetime * DAY, now + passed * DAY) == stage


def test_a_round_that_comes_late_tells_the_nearest_stage_alone(sqlite_db: Database, now: datetime) -> None:
    token(sqlite_db, person(sqlite_db, now), now, expires_at=now + 90 * DAY)
    assert remind(sqlite_db, now + 88 * DAY) == 1
    assert told(sqlite_db) == [3]
    assert remind(sqlite_db, now + 98 * DAY) == 0, "an end that is long past is no news"


def test_rounds_at_once_tell_once(db: Database, now: datetime) -> None:
    alice = person(db, now)
    for number in range(5):
        token(db, alice, now, name=f"t{number}", expires_at=now + 90 * DAY)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: remind(db, now + 80 * DAY), range(8)))
    assert sum(counts) == 5
    assert told(db) == [14] * 5


def test_revoked_tokens_and_frozen_people_are_left_alone(sqlite_db: Database, now: datetime) -> None:
    alice, bob = person(sqlite_db, now), person(sqlite_db, now, "bob")
    revoked, _ = token(sqlite_db, alice, now)
    token(sqlite_db, bob, now)
    with sqlite_db.write() as tx:
        tokens.revoke(tx, OPERATOR, revoked, user_id=None, now=now)
        people.freeze(tx, OPERATOR, bob.id, reason="stolen laptop", now=now)
    assert remind(sqlite_db, now + 80 * DAY) == 0


def test_the_mail_is_in_the_language_of_the_person(sqlite_db: Database, now: datetime) -> None:
    alice, bob = person(sqlite_db, now), person(sqlite_db, now, "bob")
    with sqlite_db.write() as tx:
        tx.execute(update(user_table).where(user_table.c.id == alice.id).values(language="de"))
    token(sqlite_db, alice, now, name="Laptop")
    used, _ = token(sqlite_db, bob, now, name="ci")
    with sqlite_db.write() as tx:
        tokens.note_use(tx, used, ip="192.0.2.1", agent="", now=now)
        tx.execute(job.delete())
    later, mailer = now + 90 * DAY, Recording()
    remind(sqlite_db, later)
    with sqlite_db.read() as conn:
        payloads = conn.execute(select(job.c.payload).where(job.c.queue == "mail")).scalars().all()
    for payload in payloads:
        handle(MailContext(sqlite_db, mailer, SETTINGS), Job(1, "mail", "", payload, 1, later), later)
    mails = {str(mail["To"]).partition("@")[0]: mail for mail in mailer.sent}
    assert mails["alice"]["Subject"] == "Ihr API-Token Laptop ist abgelaufen"
    assert "nie benutzt" in body(mails["alice"])
    assert mails["bob"]["Subject"] == "Your API token ci has expired"
    assert "make a new one" in body(mails["bob"])


def test_the_mark_of_a_token_that_nobody_uses(sqlite_db: Database, now: datetime) -> None:
    token_id, _ = token(sqlite_db, person(sqlite_db, now), now, expires_at=now + 365 * DAY)

    def stale(at: datetime) -> bool:
        with sqlite_db.read() as conn:
            found = tokens.by_id(conn, token_id)
        assert found
        return found.stale(at)

    assert not stale(now + 89 * DAY)
    assert stale(now + 90 * DAY)
    with sqlite_db.write() as tx:
        tokens.note_use(tx, token_id, ip="192.0.2.1", agent="", now=now + 91 * DAY)
    assert not stale(now + 92 * DAY)
    assert stale(now + 181 * DAY)
    assert not stale(now + 365 * DAY), "it has ended"
