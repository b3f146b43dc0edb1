"""Limits hold attackers, and never keep an honest person out for more than fifteen minutes where they are known."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from bonded.accounts import arrival, known_devices, login, passwords, second_step, sessions
from bonded.accounts.arrival import Arrived, Step
from bonded.accounts.hashing import Cost, Hasher
from bonded.accounts.known_devices import Browser
from bonded.accounts.login_limits import LoginLimits, limit, limit_network
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person

GOOD = "three random words"
LIMITS = LoginLimits()
QUARTER = timedelta(minutes=15)


class Memory:
    """A counter in memory, by the same rules as the real one, for tests that count thousands."""

    def __init__(self) -> None:
        self.hits: dict[str, list[datetime]] = {}

    def hit(self, key: str, limit: int, window: timedelta, now: datetime) -> int:
        mine = self.hits[key] = [at for at in self.hits.get(key, []) if at > now - window]
        if len(mine) >= limit:
            return max(1, -int((now - mine[-limit] - window) // timedelta(seconds=1)))
        mine.append(now)
        return 0


def ann(db: Database, now: datetime) -> Browser:
    """A person with a password, and the browser in which she logged in before."""
    made = person(db, now, "ann")
    with db.write() as tx:
        passwords.store(
            tx, OPERATOR, "user.set-password", made.id, passwords.hash_password(GOOD), keep_session=None, now=now
        )
        proof, day = arrival.PASSWORD, timedelta(days=1)
        done = arrival.enter(tx, made, Browser("192.0.2.1", "Hers"), None, proof=proof, lifetime=day, now=now)
    assert done.device
    return Browser("203.0.113.77", "Hers", (done.device,))


def enter(db: Database, counter: object, browser: Browser, now: datetime, password: str = GOOD) -> Arrived:
    return login.login(
        db,
        counter,
        "ann",
        password,
        browser=browser,
        old_secret=None,
        limits=LIMITS,
        lifetime=timedelta(days=1),
        now=now,
    )  # type: ignore[arg-type]


def test_a_flood_of_guesses_keeps_nobody_out_of_a_browser_of_theirs(sqlite_db: Database, now: datetime) -> None:
    counter, hers = Memory(), ann(sqlite_db, now)
    guesses = passed = 0
    for minute in range(60):
        at = now + timedelta(minutes=minute)
        for number in range(40):
            ip = f"198.51.{minute}.{number}"
            guesses += 1
            try:
                limit(counter, "ann", ip, LIMITS, at)
                passed += 1
            except Refusal:
                pass
        if minute % 10 == 0:
            assert enter(sqlite_db, counter, hers, at).step is Step.IN
            limit_network(counter, hers.ip, LIMITS, at)  # and a passkey works as well
    assert (guesses, passed) == (2400, 50), "fifty guesses reach an account in an hour, from wherever they come"


def test_everybody_together_is_limited_and_known_browsers_are_not(sqlite_db: Database, now: datetime) -> None:
    counter, hers = Memory(), ann(sqlite_db, now)
    for number in range(LIMITS.everybody):
        limit(counter, f"somebody{number}", f"10.{number // 250}.{number % 250}.1", LIMITS, now)
    with pytest.raises(Refusal) as caught:
        limit(counter, "one-more", "10.200.0.1", LIMITS, now)
    assert (caught.value.code, caught.value.status) == ("login-limited", 429)
    assert 0 < (caught.value.retry_after or 0) <= 300
    enter(sqlite_db, counter, hers, now)
    limit(counter, "one-more", "10.200.0.1", LIMITS, now + timedelta(minutes=5))


def test_whoever_mistypes_in_a_browser_of_theirs_waits_five_minutes_at_most(sqlite_db: Database, now: datetime) -> None:
    counter, hers, at = Memory(), ann(sqlite_db, now), now
    longest = timedelta(0)
    for _ in range(80):
        try:
            enter(sqlite_db, counter, hers, at, "a wrong password")
        except Refusal as refusal:
            if refusal.retry_after:
                wait = timedelta(seconds=refusal.retry_after)
                longest, at = max(longest, wait), at + wait
    assert timedelta(0) < longest <= QUARTER
    enter(sqlite_db, counter, hers, at + longest)


def test_a_known_browser_in_other_hands_is_treated_like_any(sqlite_db: Database, now: datetime) -> None:
    counter, reached = Memory(), 0
    for minute in range(24 * 60):
        for _ in range(3):
            try:
                limit(counter, "ann", "192.0.2.1", LIMITS, now + timedelta(minutes=minute), known="device")
                reached += 1
            except Refusal:
                pass
    assert LIMITS.known_a_day <= reached <= LIMITS.known_a_day + 24 * LIMITS.account


def test_codes_are_limited_by_account_and_apart_where_the_person_is_known(now: datetime) -> None:
    counter = Memory()

    def tries(known: str, ip_minutes: range) -> tuple[int, int]:
        passed, longest = 0, 0
        for minute in ip_minutes:
            try:
                second_step.limit(counter, "ann", now + timedelta(minutes=minute), known=known)
                passed += 1
            except Refusal as refusal:
                longest = max(longest, refusal.retry_after or 0)
        return passed, longest

    assert tries("", range(24 * 60))[0] == 50, "a stranger who knows the password has fifty tries a day"
    second_step.limit(counter, "ann", now + timedelta(hours=12), known="hers")
    passed, longest = 0, 0
    for _ in range(49):
        try:
            second_step.limit(counter, "ann", now + timedelta(hours=20, seconds=passed), known="hers")
            passed += 1
        except Refusal as refusal:
            longest = max(longest, refusal.retry_after or 0)
    assert passed == 5
    assert longest <= QUARTER.total_seconds()


def test_codes_five_in_five_minutes_twenty_in_an_hour(now: datetime) -> None:
    counter = Memory()
    passed = []
    for second in range(0, 3600, 10):
        try:
            second_step.limit(counter, "ann", now + timedelta(seconds=second))
            passed.append(second)
        except Refusal:
            pass
    assert len([one for one in passed if one < 300]) == 5
    assert len(passed) == 20


def test_a_session_is_known_to_itself_whatever_others_do(now: datetime) -> None:
    counter = Memory()
    for number in range(200):
        try:
            limit(counter, "ann", f"198.51.100.{number}", LIMITS, now)
        except Refusal:
            break
    limit(counter, "ann", "192.0.2.1", LIMITS, now, known="her session")


def test_known_and_unknown_names_cost_the_same(
    sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements in the same order, the same work, and the same words."""
    ann(sqlite_db, now)
    work: list[str] = []

    class Counting(Hasher):
        def verify(self, stored: str | None, password: str) -> object:  # type: ignore[override]
            work.append("verified")
            return super().verify(stored, password)

    counting = Counting(Cost(memory_kib=64, passes=1))
    monkeypatch.setattr(passwords, "default_hasher", lambda: counting)
    asked: list[str] = []
    event.listen(sqlite_db.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    seen, said = [], []
    for name in ("ann", "ANN", "nobody", "another-nobody"):
        asked.clear()
        with pytest.raises(Refusal) as caught:
            login.login(
                sqlite_db, SqlCounter(sqlite_db), name, "a wrong password", browser=Browser("192.0.2.9", "x"),
                old_secret=None, limits=LIMITS, lifetime=timedelta(days=1), now=now,
            )  # fmt: skip
        seen.append(list(asked))
        said.append((caught.value.code, caught.value.sentence, caught.value.status))
    assert work == ["verified"] * 4
    assert len({tuple(one) for one in seen}) == 1
    assert len(set(said)) == 1


def test_times_of_known_and_unknown_names_are_alike(sqlite_db: Database, now: datetime) -> None:
    """The quickest of many tries of each, in turns, with the real cost of a hash, which outweighs all that could differ. Whatever
    else the machine does only adds to some; of a machine that is shared, a median is now the one, now the other speed."""
    from time import perf_counter

    real = Hasher(Cost(memory_kib=8 * 1024, passes=1))
    stored = real.hash(GOOD)
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(60):
        known = number % 2 == 0
        began = perf_counter()
        assert not real.verify(stored if known else None, "a wrong password").ok
        times[known].append(perf_counter() - began)
    ratio = min(times[True]) / min(times[False])
    assert 0.7 < ratio < 1.43, ratio


def test_a_browser_is_known_for_its_person_only(sqlite_db: Database, now: datetime) -> None:
    hers = ann(sqlite_db, now)
    bob = person(sqlite_db, now, "bob")
    with sqlite_db.read() as conn:
        assert known_devices.recognise(conn, bob.id, hers, now=now) is None
        assert known_devices.recognise(conn, "", hers, now=now) is None
    assert known_devices.cookie_secrets(".".join(("x", "a" * 43, "\x00", "é" * 43))) == ("a" * 43,)


def test_sessions_end_when_a_password_is_void(sqlite_db: Database, now: datetime) -> None:
    class Everything:
        def range(self, prefix: str) -> list[str]:
            import hashlib

            return [hashlib.sha1(GOOD.encode(), usedforsecurity=False).hexdigest().upper()[5:]]

    hers, counter = ann(sqlite_db, now), Memory()
    first = enter(sqlite_db, counter, hers, now)

    def refused(**more: object) -> str:
        with pytest.raises(Refusal) as caught:
            login.login(
                sqlite_db, counter, "ann", GOOD, browser=hers, old_secret=None, limits=LIMITS,
                lifetime=timedelta(days=1), now=now, **more,
            )  # type: ignore[arg-type]  # fmt: skip
        return caught.value.code

    assert refused(ranges=Everything()) == "password-void"
    with sqlite_db.read() as conn:
        assert sessions.read(conn, first.opened.secret, now=now) is None
    assert refused() == "password-void", "also when the list is gone again"
    with pytest.raises(Refusal) as caught:
        passwords.check_current(sqlite_db, first.user.id, GOOD)
    assert caught.value.code == "password-void", "and it confirms nothing"
    with pytest.raises(Refusal) as caught, sqlite_db.read():
        passwords.check_new(GOOD, "ann", Everything())
    assert caught.value.code == "breached-password"
