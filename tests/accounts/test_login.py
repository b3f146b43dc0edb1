"""Logging in: the same answer for unknown and wrong, limits by account and network, a new secret each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bonded.accounts import factors, known_devices, login, passwords, people, second_step, sessions, totp
from bonded.accounts.arrival import Arrived, Step
from bonded.accounts.hashing import Cost, Hasher, Verified
from bonded.accounts.known_devices import Browser
from bonded.accounts.login_limits import LoginLimits
from bonded.accounts.people import User
from bonded.accounts.tables import user as user_table
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.journal.read import of_everything
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import SEALER, person

GOOD = "three random words"
LIMITS = LoginLimits()


def with_password(db: Database, now: datetime, name: str = "alice") -> User:
    made = person(db, now, name)
    with db.write() as tx:
        hashed = passwords.hash_password(GOOD)
        passwords.store(tx, OPERATOR, "user.set-password", made.id, hashed, keep_session=None, now=now)
    return made


def log_in(db: Database, now: datetime, **changed: Any) -> Arrived:
    wanted: dict[str, Any] = {
        "name": "alice",
        "password": GOOD,
        "ip": "192.0.2.1",
        "agent": "Browser",
        "old_secret": None,
        "limits": LIMITS,
        "lifetime": timedelta(days=1),
    }
    wanted |= changed
    wanted["browser"] = Browser(wanted.pop("ip"), wanted.pop("agent"), wanted.pop("secrets", ()))
    return login.login(db, SqlCounter(db), wanted.pop("name"), wanted.pop("password"), **wanted, now=now)


def refused(db: Database, now: datetime, **changed: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        log_in(db, now, **changed)
    return caught.value


def test_a_login_opens_a_confirmed_session_under_a_new_secret(db: Database, now: datetime) -> None:
    alice = with_password(db, now)
    with db.write() as tx:
        planted = sessions.open(tx, None, ip="", agent="", now=now)
    done = log_in(db, now, name="ALICE", old_secret=planted.secret)
    assert done.user.id == alice.id
    assert done.opened.secret != planted.secret
    with db.read() as conn:
        found = sessions.read(conn, done.opened.secret, now=now)
        assert found
        assert (found.user_id, found.confirmed_at, found.expires_at) == (alice.id, now, now + timedelta(days=1))
        assert sessions.read(conn, planted.secret, now=now) is None
        row = of_everything(conn).entries[0]
    assert (row.action, row.actor_id, row.credential_id) == ("user.login", alice.id, found.id)


def test_unknown_and_wrong_are_told_apart_by_nothing(db: Database, now: datetime) -> None:
    with_password(db, now)
    person(db, now, "nopassword")
    answers = [
        refused(db, now, password="wrong"),
        refused(db, now, name="nobody-here"),
        refused(db, now, name="nopassword"),
        refused(db, now, name="", password=""),
        refused(db, now, name="\x00\ud800" * 300),
    ]
    assert {(a.code, a.status, a.sentence, a.retry_after) for a in answers} == {
        ("login-failed", 401, "wrong user name or password", None)
    }


def test_unknown_names_cost_the_same_hash(sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_password(sqlite_db, now)
    work: list[str | None] = []

    class Counting(Hasher):
        def verify(self, stored: str | None, password: str) -> Any:
            work.append(stored and "somebody")
            return super().verify(stored, password)

    counting = Counting(Cost(memory_kib=64, passes=1))
    monkeypatch.setattr(passwords, "default_hasher", lambda: counting)
    refused(sqlite_db, now, password="wrong")
    refused(sqlite_db, now, name="nobody-here")
    assert work == ["somebody", None]


def test_what_is_typed_as_a_name_is_kept_nowhere(sqlite_db: Database, now: datetime) -> None:
    alice = with_password(sqlite_db, now)
    refused(sqlite_db, now, name=GOOD, password="alice")
    refused(sqlite_db, now, password="wrong")
    with sqlite_db.read() as conn:
        known, unknown = of_everything(conn).entries[:2]
        raw = sqlite_db.engine.raw_connection()
        dump = "\n".join(raw.driver_connection.iterdump())  # type: ignore[union-attr]
        raw.close()
    assert (unknown.action, unknown.user_id, unknown.subject_id) == ("user.login-failed", None, "")
    assert (known.action, known.user_id) == ("user.login-failed", alice.id)
    assert GOOD not in dump


def test_a_frozen_account_is_told_only_to_its_owner(sqlite_db: Database, now: datetime) -> None:
    alice = with_password(sqlite_db, now)
    with sqlite_db.write() as tx:
        people.freeze(tx, OPERATOR, alice.id, reason="stolen laptop", now=now)
    assert refused(sqlite_db, now, password="wrong").code == "login-failed"
    assert refused(sqlite_db, now).code == "account-frozen"


def test_limits_by_account_and_network(db: Database, now: datetime) -> None:
    with_password(db, now)
    with_password(db, now, "bob")
    for _ in range(10):
        assert refused(db, now, password="wrong").code == "login-failed"
    limited = refused(db, now)
    assert (limited.code, limited.status) == ("login-limited", 429)
    assert limited.retry_after
    assert 290 <= limited.retry_after <= 301
    assert log_in(db, now, ip="198.51.100.1"), "the owner, from elsewhere"
    assert log_in(db, now, name="bob"), "somebody else, from here"
    assert log_in(db, now + timedelta(seconds=limited.retry_after))


def test_limits_by_network_and_by_account(sqlite_db: Database, now: datetime) -> None:
    with_password(sqlite_db, now)
    tight = LoginLimits(account_and_network=100, network=3, account=4)
    for n in range(3):
        assert refused(sqlite_db, now, name=f"guess{n}", limits=tight).code == "login-failed"
    assert refused(sqlite_db, now, limits=tight).code == "login-limited"
    for n in range(4):
        log_in(sqlite_db, now, ip=f"198.51.100.{n}", limits=tight)
    assert refused(sqlite_db, now, ip="198.51.100.9", limits=tight).code == "login-limited"
    assert log_in(sqlite_db, now + timedelta(hours=1), ip="198.51.100.9", limits=tight)


def test_an_ipv6_subscriber_is_one_network(sqlite_db: Database, now: datetime) -> None:
    tight = LoginLimits(network=2)
    for ip in ("2001:db8::1", "2001:db8::ffff:1"):
        assert refused(sqlite_db, now, ip=ip, limits=tight).code == "login-failed"
    assert refused(sqlite_db, now, ip="2001:db8:0:0:1::9", limits=tight).code == "login-limited"
    assert refused(sqlite_db, now, ip="2001:db8:0:1::9", limits=tight).code == "login-failed"
    for ip in ("192.0.2.9", "::ffff:192.0.2.9"):
        assert refused(sqlite_db, now, ip=ip, limits=tight).code == "login-failed"
    assert refused(sqlite_db, now, ip="192.0.2.9", limits=tight).code == "login-limited"
    assert refused(sqlite_db, now, ip="not an address", limits=tight).code == "login-failed"


def test_spellings_of_a_name_share_a_limit(sqlite_db: Database, now: datetime) -> None:
    with_password(sqlite_db, now)
    tight = LoginLimits(account_and_network=3)
    for name in ("alice", "ALICE", "a.l.i.c.e"):
        refused(sqlite_db, now, name=name, password="wrong", limits=tight)
    assert refused(sqlite_db, now, name="A-lice", limits=tight).code == "login-limited"


def test_fifty_guesses_at_most_reach_one_account_in_an_hour(sqlite_db: Database, now: datetime) -> None:
    with_password(sqlite_db, now)
    reached = sum(
        refused(sqlite_db, now + timedelta(seconds=n), ip=f"203.0.113.{n % 250}", password="wrong").code
        == "login-failed"
        for n in range(120)
    )
    assert reached == 50


def test_an_outdated_hash_is_made_anew(sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = with_password(sqlite_db, now)
    newer = Hasher(Cost(memory_kib=128, passes=2))
    monkeypatch.setattr(passwords, "default_hasher", lambda: newer)
    log_in(sqlite_db, now)
    with sqlite_db.read() as conn:
        stored = people.password_hash(conn, alice.id)
    assert stored
    assert "m=128,t=2" in stored
    log_in(sqlite_db, now)


def meanwhile(monkeypatch: pytest.MonkeyPatch, module: Any, *happens: Callable[[], object]) -> None:
    """While `module` verifies a password, which takes long, these things happen: one each time."""
    verify, left = passwords.verify, list(happens)

    def slow(stored: str | None, password: str) -> Verified:
        found = verify(stored, password)
        if left:
            left.pop(0)()
        return found

    monkeypatch.setattr(module, "verify", slow)


def set_password(db: Database, user: User, password: str, now: datetime, *, keep: str | None = None) -> None:
    made = passwords.hash_password(password)
    with db.write() as tx:
        passwords.store(tx, OPERATOR, "user.set-password", user.id, made, keep_session=keep, now=now)


@pytest.mark.parametrize("how", ["changed", "voided", "frozen", "removed"])
def test_a_login_with_a_password_that_ends_while_it_is_verified_is_refused(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    alice = with_password(db, now)

    def end() -> None:
        with db.write() as tx:
            if how == "voided":
                passwords.void(tx, OPERATOR, alice.id, now=now)
            elif how == "frozen":
                people.freeze(tx, OPERATOR, alice.id, reason="a theft", now=now)
            elif how == "removed":
                tx.execute(update(user_table).values(password_hash=None))
        if how == "changed":
            set_password(db, alice, "another three words", now)

    meanwhile(monkeypatch, login, end)
    code = refused(db, now).code
    assert code == {"voided": "password-void", "frozen": "account-frozen"}.get(how, "login-failed")
    with db.read() as conn:
        assert sessions.of_user(conn, alice.id, now=now) == []
        assert of_everything(conn).entries[0].action == "user.login-failed"


def test_a_hash_that_is_made_anew_while_the_same_password_is_verified_stops_nobody(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = with_password(db, now)
    meanwhile(monkeypatch, login, lambda: set_password(db, alice, GOOD, now))
    assert log_in(db, now).user.id == alice.id


def test_a_password_that_changes_all_the_time_is_said_to(
    sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = with_password(sqlite_db, now)
    again = [lambda: set_password(sqlite_db, alice, GOOD, now)] * login.ROUNDS
    meanwhile(monkeypatch, login, *again)
    assert refused(sqlite_db, now).code == "login-busy"


def test_an_outdated_hash_does_not_bring_the_password_back(
    sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = with_password(sqlite_db, now)
    dear = Hasher(Cost(memory_kib=256, passes=2))
    monkeypatch.setattr(passwords, "default_hasher", lambda: dear)
    meanwhile(monkeypatch, login, lambda: set_password(sqlite_db, alice, "another three words", now))
    assert refused(sqlite_db, now).code == "login-failed"
    assert log_in(sqlite_db, now, password="another three words").user.id == alice.id


def test_a_password_that_ends_while_it_is_verified_sets_no_new_one(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever knows the old one takes the account back from the person who reset it."""
    alice, who = with_password(db, now), OPERATOR
    meanwhile(monkeypatch, passwords, lambda: set_password(db, alice, "another three words", now))
    with pytest.raises(Refusal) as caught:
        passwords.change(db, who, alice.id, GOOD, "a password of a thief", keep_session=None, now=now)
    assert caught.value.code == "wrong-password"
    monkeypatch.undo()
    assert log_in(db, now, password="another three words").user.id == alice.id


def test_a_browser_that_is_forgotten_while_the_password_is_verified_stands_for_nothing(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = with_password(db, now)
    secret = totp.new_secret()
    code = totp.code_at(secret, int(now.timestamp()) // totp.STEP)
    with db.write() as tx:
        factors.add_app(tx, OPERATOR, SEALER, alice.id, "phone", secret, code, now=now)
        device = known_devices.note(tx, alice.id, Browser("192.0.2.1", "Browser", ()), remember=True, now=now)
    assert device is not None
    assert log_in(db, now, secrets=(device,)).step is Step.IN

    def forget() -> None:
        with db.write() as tx:
            known_devices.void(tx, alice.id)

    meanwhile(monkeypatch, login, forget)
    assert log_in(db, now, secrets=(device,)).step is Step.SECOND


def test_a_second_step_is_over_with_the_password_that_changes_while_it_is_taken(db: Database, now: datetime) -> None:
    alice = with_password(db, now)
    with db.write() as tx:
        opened = second_step.begin(tx, alice, ip="192.0.2.1", agent="Browser", now=now)
    waiting = second_step.pending(db, opened.secret, now=now)
    with db.write() as tx:
        second_step.hold(tx, waiting)
    set_password(db, alice, "another three words", now)
    with pytest.raises(Refusal) as caught, db.write() as tx:
        second_step.hold(tx, waiting)
    assert caught.value.code == "second-step-over"
