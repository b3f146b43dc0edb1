"""Figures that are counted once in a while: how old they get, who waits, and that a failure is not kept."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bonded.db.engine import Database, open_database
from bonded.web.public.kept import Kept

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/kept.db")


def counter() -> tuple[list[datetime], Kept[int]]:
    counted: list[datetime] = []

    def count(_conn: Connection, now: datetime) -> int:
        counted.append(now)
        return len(counted)

    return counted, Kept(MINUTE, count)


def test_it_is_counted_again_when_it_is_old(db: Database) -> None:
    counted, kept = counter()
    times = [NOON, NOON + MINUTE / 2, NOON + MINUTE, NOON + MINUTE * 1.5, NOON - MINUTE]
    assert [kept.current(db, at) for at in times] == [1, 1, 2, 2, 3]
    assert counted == [NOON, NOON + MINUTE, NOON - MINUTE], "a clock that was set back does not keep a figure for ever"


def test_each_database_has_its_own(db: Database, tmp_path: Path) -> None:
    _, kept = counter()
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    assert [kept.current(db, NOON), kept.current(other, NOON), kept.current(db, NOON)] == [1, 2, 1]


def test_nobody_waits_for_who_counts_anew(db: Database) -> None:
    begun, go = threading.Event(), threading.Event()

    def count(_conn: Connection, now: datetime) -> int:
        if now > NOON:
            begun.set()
            assert go.wait(20)
        return now.minute

    kept = Kept(MINUTE, count)
    assert kept.current(db, NOON) == 0
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(kept.current(db, NOON + MINUTE * 2)))
    thread.start()
    assert begun.wait(20)
    assert kept.current(db, NOON + MINUTE * 2) == 0
    go.set()
    thread.join(20)
    assert first == [2]
    assert kept.current(db, NOON + MINUTE * 2) == 2


def test_a_count_that_failed_is_tried_again(db: Database) -> None:
    answers = iter([OSError("away"), 7])

    def count(_conn: Connection, _now: datetime) -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    kept = Kept(MINUTE, count)
    with pytest.raises(OSError, match="away"):
        kept.current(db, NOON)
    assert kept.current(db, NOON) == 7
