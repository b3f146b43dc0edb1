"""The contract of Counter, run against every adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bonded.adapters import counter_sql
from bonded.adapters.counter_sql import SqlCounter, rate_event
from bonded.db.engine import Database
from bonded.seams import Counter

MINUTE = timedelta(minutes=1)


@pytest.fixture
def counter(db: Database) -> Counter:
    return SqlCounter(db)


def test_up_to_the_limit_and_then_the_seconds_to_wait(counter: Counter, now: datetime) -> None:
    for n in range(3):
        assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=n)) == 0
    assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=10)) == 50
    assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=59.5)) == 1


def test_the_window_slides(counter: Counter, now: datetime) -> None:
    for n in (0, 20, 40):
        assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=n)) == 0
    assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=60)) == 0
    assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=61)) == 19
    assert counter.hit("k", 3, MINUTE, now + timedelta(seconds=61 + 19)) == 0


def test_waiting_as_told_is_always_enough(counter: Counter, now: datetime) -> None:
    at = now
    for n in range(12):
        wait = counter.hit("k", 2, MINUTE, at)
        at += timedelta(seconds=wait, milliseconds=137 * n) if wait else timedelta(seconds=7.3)
        if wait:
            assert counter.hit("k", 2, MINUTE, at) == 0


def test_refused_events_do_not_count(counter: Counter, now: datetime) -> None:
    assert counter.hit("k", 1, MINUTE, now) == 0
    for n in range(30):
        assert counter.hit("k", 1, MINUTE, now + timedelta(seconds=n)) > 0
    assert counter.hit("k", 1, MINUTE, now + MINUTE) == 0


def test_after_a_clock_that_was_ahead_nobody_waits_for_longer_than_the_window(counter: Counter, now: datetime) -> None:
    for n in range(3):
        assert counter.hit("k", 3, MINUTE, now + timedelta(days=365, seconds=n)) == 0
    assert counter.hit("k", 3, MINUTE, now) == 60, "they count, but as of now"
    assert counter.hit("k", 3, MINUTE, now + MINUTE) == 0


def test_keys_are_apart_and_may_be_any_text(counter: Counter, now: datetime) -> None:
    keys = ["a", "b", "A", "", "a" * 5000, "ключ", "%", "' OR 1=1 --"]
    assert [counter.hit(key, 1, MINUTE, now) for key in keys] == [0] * len(keys)
    assert all(counter.hit(key, 1, MINUTE, now) > 0 for key in keys)


def test_a_lower_limit_looks_at_the_same_events(counter: Counter, now: datetime) -> None:
    for n in range(5):
        assert counter.hit("k", 10, MINUTE, now + timedelta(seconds=n)) == 0
    assert counter.hit("k", 2, MINUTE, now + timedelta(seconds=5)) == 58
    assert counter.hit("k", 0, MINUTE, now) == 60


@pytest.mark.parametrize("window", [timedelta(0), timedelta(seconds=-1), timedelta(days=1, seconds=1)])
def test_a_window_that_cannot_be_kept(counter: Counter, now: datetime, window: timedelta) -> None:
    with pytest.raises(ValueError):
        counter.hit("k", 1, window, now)


def test_many_at_once_never_exceed_the_limit(counter: Counter, now: datetime) -> None:
    answers: list[int] = []

    def run() -> None:
        answers.extend(counter.hit("k", 5, MINUTE, now) for _ in range(4))

    _together(run, 6)
    assert len(answers) == 24
    assert answers.count(0) == 5


def test_events_of_keys_that_never_come_back_are_swept(
    sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_sql, "SWEEP_EVERY", 10)
    counter = SqlCounter(sqlite_db)
    for n in range(9):
        counter.hit(f"once {n}", 1, MINUTE, now)
    counter.hit("later", 1, MINUTE, now + timedelta(days=1))
    with sqlite_db.read() as conn:
        assert conn.execute(select(func.count()).select_from(rate_event)).scalar_one() == 1


def _together(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
