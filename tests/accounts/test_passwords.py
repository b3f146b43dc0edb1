"""Passwords: strength, one-time links, changing; sessions end with the old password."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from bonded.accounts import links, passwords, people, sessions
from bonded.accounts.links import Purpose, make_link, peek
from bonded.db.engine import Database
from bonded.journal.read import Filter, of_everything
from bonded.values.refusals import Refusal
from bonded.values.who import Actor, ActorKind
from tests.accounts.people_for_tests import person

DAY = timedelta(days=1)
GOOD = "three random words"


def link(db: Database, user_id: str, now: datetime) -> str:
    with db.write() as tx:
        return make_link(tx, user_id, Purpose.SET_PASSWORD, now=now, lifetime=DAY)


def use(db: Database, secret: str, now: datetime, password: str = GOOD) -> str:
    return passwords.set_by_link(db, secret, password, ip="192.0.2.1", agent="Browser", now=now)


def works(db: Database, user_id: str, password: str) -> bool:
    with db.read() as conn:
        return passwords.verify(people.password_hash(conn, user_id), password).ok


def code_of(db: Database, secret: str, now: datetime, password: str = GOOD) -> str:
    with pytest.raises(Refusal) as caught:
        use(db, secret, now, password)
    return caught.value.code


def test_a_link_sets_a_password_once(db: Database, now: datetime) -> None:
    alice = person(db, now)
    secret = link(db, alice.id, now)
    assert use(db, secret, now) == alice.id
    assert works(db, alice.id, GOOD)
    assert code_of(db, secret, now, "another password") == "link-used"
    assert works(db, alice.id, GOOD)
    with db.read() as conn:
        (row,) = of_everything(conn, Filter(actions=("user.set-password",))).entries
    assert (row.actor_id, row.user_id, row.private["ip"]) == (alice.id, alice.id, "192.0.2.1")


def test_links_that_do_not_work(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    old = link(sqlite_db, alice.id, now)
    secret = link(sqlite_db, alice.id, now)
    assert code_of(sqlite_db, old, now) == "link-invalid"
    assert code_of(sqlite_db, "x" * 43, now) == "link-invalid"
    assert code_of(sqlite_db, "\ud800", now) == "link-invalid"
    assert code_of(sqlite_db, secret, now + DAY) == "link-expired"
    assert use(sqlite_db, secret, now + DAY - timedelta(seconds=1))


def test_a_refused_password_leaves_the_link_unused(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    secret = link(sqlite_db, alice.id, now)
    for bad in ("short", "aaaaaaaaaaaaaa", "ALICEalice", "x" * 1025, "ababababab"):
        assert code_of(sqlite_db, secret, now, bad) == "weak-password", bad
    with sqlite_db.read() as conn:
        assert peek(conn, secret, Purpose.SET_PASSWORD, now=now) == alice.id
    assert use(sqlite_db, secret, now, "ünïcödé 1234")


def test_two_at_the_same_moment_one_wins(db: Database, now: datetime) -> None:
    alice = person(db, now)
    secret = link(db, alice.id, now)
    answers: list[str] = []

    def run(password: str) -> None:
        try:
            use(db, secret, now, password)
            answers.append(password)
        except Refusal as refusal:
            answers.append(refusal.code)

    threads = [threading.Thread(target=run, args=(f"password number {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [a for a in answers if a.startswith("password")]
    assert sorted(answers)[:3] == ["link-used"] * 3
    assert works(db, alice.id, winner)


def test_a_new_password_ends_the_other_sessions(db: Database, now: datetime) -> None:
    alice = person(db, now)
    use(db, link(db, alice.id, now), now)
    with db.write() as tx:
        here = sessions.open(tx, alice.id, ip="", agent="", now=now)
        there = sessions.open(tx, alice.id, ip="", agent="", now=now)
    who = Actor(ActorKind.USER, alice.id, here.session.id)
    with pytest.raises(Refusal) as caught:
        passwords.change(db, who, alice.id, "wrong", "a new password", keep_session=here.session.id, now=now)
    assert caught.value.code == "wrong-password"
    passwords.change(db, who, alice.id, GOOD, "a new password", keep_session=here.session.id, now=now)
    assert works(db, alice.id, "a new password")
    assert not works(db, alice.id, GOOD)
    with db.read() as conn:
        assert sessions.read(conn, here.secret, now=now)
        assert sessions.read(conn, there.secret, now=now) is None
        (row,) = of_everything(conn, Filter(actions=("user.change-password",))).entries
    assert row.facts == {"sessions_ended": 1}


def test_an_account_without_a_password_lets_nobody_in(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    for password in ("", "the password of nobody", "None"):
        with pytest.raises(Refusal, match="not your password"):
            passwords.check_current(sqlite_db, alice.id, password)
    with pytest.raises(Refusal, match="not your password"):
        passwords.check_current(sqlite_db, "unknown", "x")


def test_old_links_are_swept(sqlite_db: Database, now: datetime) -> None:
    alice, bob = person(sqlite_db, now), person(sqlite_db, now, "bob")
    link(sqlite_db, alice.id, now)
    link(sqlite_db, bob.id, now + DAY)
    with sqlite_db.write() as tx:
        assert links.sweep(tx, now=now + 2 * DAY + timedelta(seconds=1)) == 1
        assert links.sweep(tx, now=now + 2 * DAY + timedelta(seconds=1)) == 0
