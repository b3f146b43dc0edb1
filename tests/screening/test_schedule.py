"""Checks by the clock: due once, made up once, one runner, and a clock that jumps, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.screening import backfill, schedule, states
from bonded.screening.schedule import Schedule, tick
from bonded.screening.selection import Selection
from bonded.screening.states import CheckState
from bonded.screening.tables import backfill as backfill_table
from bonded.screening.tables import schedule as table
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR

NAMES = ("name-deception",)
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def add(db: Database, name: str = "nightly", cron: str = "0 3 * * *", **more: Any) -> datetime:
    with db.write() as tx:
        return schedule.add(tx, OPERATOR, name, cron, NAMES, Selection(newest=True), now=START, **more)


def one(db: Database, name: str = "nightly") -> Schedule:
    with db.read() as conn:
        return next(row for row in schedule.schedules(conn) if row.name == name)


def begun(db: Database) -> list[Any]:
    with db.read() as conn:
        return list(conn.execute(backfill_table.select().order_by(backfill_table.c.id)).all())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_check_runs_when_it_is_due_and_once(db: Database) -> None:
    assert add(db) == at("2026-01-06 03:00")
    assert tick(db, at("2026-01-06 02:59")) == []
    assert tick(db, at("2026-01-06 03:00")) == ["nightly"]
    assert tick(db, at("2026-01-06 03:00")) == []
    assert tick(db, at("2026-01-06 03:10")) == []
    rows = begun(db)
    assert [(row.schedule, row.checks, row.filter, row.act) for row in rows] == [
        ("nightly", ["name-deception"], {"newest": True}, False)
    ]
    found = one(db)
    assert (found.due, found.last_at, found.last_backfill) == (
        at("2026-01-07 03:00"),
        at("2026-01-06 03:00"),
        rows[0].id,
    )
    assert found.says == f"begun as backfill {rows[0].id}"
    assert found.selection == Selection(newest=True)


def test_missed_runs_are_made_up_once(db: Database) -> None:
    add(db)
    assert tick(db, at("2026-01-16 09:30")) == ["nightly"]
    assert one(db).due == at("2026-01-17 03:00")
    assert one(db).says.endswith(f"{(10 * 24 + 6.5) * 60:.0f} minutes late")
    assert tick(db, at("2026-01-16 09:31")) == []


def test_a_clock_that_was_ahead_and_comes_back_loses_nothing(db: Database) -> None:
    add(db)
    assert tick(db, at("2031-05-05 05:05")) == ["nightly"]
    assert one(db).due == at("2031-05-06 03:00")
    assert tick(db, at("2026-01-06 12:00")) == []
    assert one(db).due == at("2026-01-07 03:00")
    assert tick(db, at("2026-01-07 03:00")) == ["nightly"]


def test_of_many_workers_one_begins(db: Database) -> None:
    add(db)
    now, told = at("2026-01-06 03:00"), []
    barrier = threading.Barrier(5)

    def look() -> None:
        barrier.wait()
        told.extend(tick(db, now))

    threads = [threading.Thread(target=look) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["nightly"]
    assert len(begun(db)) == 1


def test_a_run_that_is_not_at_its_end_is_not_begun_again(sqlite_db: Database) -> None:
    add(sqlite_db)
    tick(sqlite_db, at("2026-01-06 03:00"))
    with sqlite_db.write() as tx:
        tx.execute(update(backfill_table).values(state="running"))
    assert tick(sqlite_db, at("2026-01-07 03:00")) == []
    assert one(sqlite_db).says.startswith("not begun: backfill 1 of the last time")
    with sqlite_db.write() as tx:
        backfill.cancel(tx, OPERATOR, 1, now=at("2026-01-07 04:00"))
    assert tick(sqlite_db, at("2026-01-08 03:00")) == ["nightly"]


def test_a_check_that_was_disabled_stops_no_worker(sqlite_db: Database) -> None:
    add(sqlite_db)
    with sqlite_db.write() as tx:
        states.set_state(tx, OPERATOR, NAMES[0], CheckState.DISABLED, reason="off", now=START)
    assert tick(sqlite_db, at("2026-01-06 03:00")) == []
    assert one(sqlite_db).says == "not begun: name-deception is disabled: set it to evaluation first"
    assert one(sqlite_db).due == at("2026-01-07 03:00")
    assert begun(sqlite_db) == []


def test_by_hand_besides_the_clock(sqlite_db: Database) -> None:
    add(sqlite_db)
    with sqlite_db.write() as tx:
        number = schedule.run_now(tx, OPERATOR, "nightly", now=START + timedelta(minutes=1))
    assert one(sqlite_db).says == f"begun by hand as backfill {number}"
    assert one(sqlite_db).due == at("2026-01-06 03:00")


def test_what_is_refused(sqlite_db: Database) -> None:
    add(sqlite_db)
    for name, cron in (
        ("nightly", "@daily"),
        ("Odd Name", "@daily"),
        ("", "@daily"),
        ("x", "61 * * * *"),
        ("x", "soon"),
    ):
        with pytest.raises(Refusal):
            add(sqlite_db, name, cron)
    for call in (schedule.remove, schedule.run_now):
        with pytest.raises(Refusal, match="no schedule called 'odd'"), sqlite_db.write() as tx:
            call(tx, OPERATOR, "odd", now=START)
    with pytest.raises(Refusal), sqlite_db.write() as tx:
        schedule.add(tx, OPERATOR, "y", "@daily", ("nothing",), Selection(), now=START)


def test_a_schedule_that_withdraws_files_says_why_and_answers_for_its_runs(sqlite_db: Database) -> None:
    with pytest.raises(Refusal, match="public files may be withdrawn"):
        add(sqlite_db, act=True)
    add(sqlite_db, act=True, reason="names are taken over at night")
    tick(sqlite_db, at("2026-01-06 03:00"))
    with sqlite_db.read() as conn:
        rows = {(row.action, row.facts["what"]): row.facts for row in conn.execute(journal.select())}
    assert rows["check.schedule", "add"]["reason"] == "names are taken over at night"
    begun_by_it = rows["check.backfill", "start"]
    assert (begun_by_it["schedule"], begun_by_it["act"]) == ("nightly", True)


def test_it_is_recorded_and_forgotten(sqlite_db: Database) -> None:
    add(sqlite_db)
    with sqlite_db.write() as tx:
        schedule.remove(tx, OPERATOR, "nightly", now=START, reason="too slow")
    with sqlite_db.read() as conn:
        assert schedule.schedules(conn) == []
        rows = conn.execute(journal.select().where(journal.c.action == "check.schedule")).all()
    assert [row.facts["what"] for row in rows] == ["add", "remove"]
    assert rows[0].facts["cron"] == "0 3 * * *"
    assert [row.facts.get("reason") for row in rows] == [None, "too slow"]
    assert tick(sqlite_db, at("2026-02-01 00:00")) == []
    assert table.name == "check_schedule"
