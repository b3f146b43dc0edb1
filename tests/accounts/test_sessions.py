"""Sessions: only hashes are stored, expiry, ending, step-up."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bonded.accounts import people, sessions
from bonded.accounts.tables import session as session_table
from bonded.db.engine import Database
from bonded.journal.read import of_user
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.accounts.people_for_tests import person


def opened(db: Database, user_id: str | None, now: datetime) -> sessions.Opened:
    with db.write() as tx:
        return sessions.open(tx, user_id, ip="192.0.2.1", agent="B" * 999, now=now)


def read(db: Database, secret: str, now: datetime) -> sessions.Session | None:
    with db.read() as conn:
        return sessions.read(conn, secret, now=now)


def test_a_session_is_found_by_its_secret_only(db: Database, now: datetime) -> None:
    alice = person(db, now)
    made = opened(db, alice.id, now)
    assert read(db, made.secret, now) == made.session
    assert len(made.session.agent) == 200
    for wrong in ("", made.session.id, made.secret[:-1], made.secret.swapcase(), "\ud800"):
        assert read(db, wrong, now) is None
    with db.read() as conn:
        row = conn.execute(select(session_table)).mappings().one()
    assert made.secret not in str(dict(row))
    assert made.secret not in repr(made)


def test_sessions_expire(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    mine, nobodys = opened(sqlite_db, alice.id, now), opened(sqlite_db, None, now)
    assert read(sqlite_db, nobodys.secret, now + timedelta(hours=11))
    assert read(sqlite_db, nobodys.secret, now + timedelta(hours=12)) is None
    assert read(sqlite_db, mine.secret, now + timedelta(days=13))
    assert read(sqlite_db, mine.secret, now + timedelta(days=14)) is None
    with sqlite_db.write() as tx:
        assert sessions.sweep(tx, now=now + timedelta(days=1)) == 1
        assert sessions.sweep(tx, now=now + timedelta(days=14)) == 1


def test_a_frozen_account_has_no_sessions(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    made = opened(sqlite_db, alice.id, now)
    with sqlite_db.write() as tx:
        people.freeze(tx, OPERATOR, alice.id, reason="stolen laptop", now=now)
    late = opened(sqlite_db, alice.id, now)
    assert read(sqlite_db, made.secret, now) is None
    assert read(sqlite_db, late.secret, now) is None, "also one that was being opened meanwhile"


def test_use_is_noted_once_a_minute(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    made = opened(sqlite_db, alice.id, now)
    assert not sessions.stale(made.session, now + timedelta(seconds=59))
    later = now + timedelta(seconds=60)
    assert sessions.stale(made.session, later)
    with sqlite_db.write() as tx:
        sessions.touch(tx, made.session, now=later)
    again = read(sqlite_db, made.secret, later)
    assert again
    assert again.seen_at == later
    assert sessions.stale(again, later - timedelta(days=365)), "the clock was ahead"


def test_confirming_who_you_are(db: Database, now: datetime) -> None:
    alice = person(db, now)
    made, nobodys = opened(db, alice.id, now), opened(db, None, now)
    assert made.session.factor_age(now + timedelta(minutes=5)) == timedelta(minutes=5)
    assert nobodys.session.factor_age(now) is None
    later = now + timedelta(hours=2)
    who = Actor(ActorKind.USER, alice.id, made.session.id)
    with db.write() as tx:
        sessions.confirm(tx, who, made.session, now=later)
    again = read(db, made.secret, later)
    assert again
    assert again.factor_age(later) == timedelta(0)
    for session in (nobodys.session,):
        with pytest.raises(Refusal, match="ended"), db.write() as tx:
            sessions.confirm(tx, who, session, now=later)
    with db.read() as conn:
        assert [e.action for e in of_user(conn, alice.id).entries] == ["user.confirm", "user.create"]


def test_ending(db: Database, now: datetime) -> None:
    alice, bob = person(db, now), person(db, now, "bob")
    one, two, three = (opened(db, alice.id, now) for _ in range(3))
    bobs = opened(db, bob.id, now)
    who = Actor(ActorKind.USER, alice.id, one.session.id)
    with db.write() as tx:
        sessions.end(tx, who, one.session, now=now)
        sessions.end(tx, who, one.session, now=now)
        sessions.end_other(tx, who, alice.id, two.session.id, now=now)
    with pytest.raises(Refusal) as caught, db.write() as tx:
        sessions.end_other(tx, who, alice.id, bobs.session.id, now=now)
    assert caught.value.code == "no-such-session"
    assert [read(db, s.secret, now) is not None for s in (one, two, three, bobs)] == [False, False, True, True]
    with db.read() as conn:
        assert [s.id for s in sessions.of_user(conn, alice.id, now=now)] == [three.session.id]
        assert [e.action for e in of_user(conn, alice.id).entries] == ["session.end", "user.logout", "user.create"]
    with db.write() as tx:
        assert sessions.end_all(tx, alice.id, keep=None) == 1


def test_a_form_must_carry_the_value_of_its_session(sqlite_db: Database, now: datetime) -> None:
    one, two = opened(sqlite_db, None, now), opened(sqlite_db, None, now)
    assert one.session.csrf_matches(one.session.csrf)
    for wrong in ("", two.session.csrf, one.session.csrf + "x", "\ud800"):
        assert not one.session.csrf_matches(wrong)
