"""The jobs table: pending-unique keys, leases, attempts, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bonded.db.engine import Database, Touched, Tx, afterwards, open_database
from bonded.db.jobs import Job, LeaseLost, claim, done, enqueue, failed, give_back, heartbeat, job, sweep, waiting
from bonded.db.migrate import upgrade
from bonded.db.worker import work_once
from tests.support.plans import whole_tables

LEASE = timedelta(seconds=30)


def add(db: Database, key: str, now: datetime, queue: str = "screen", **more: object) -> None:
    with db.write() as tx:
        enqueue(tx, queue, key, {"k": key}, now=now, **more)  # type: ignore[arg-type]


def take(db: Database, now: datetime, queue: str = "screen"):
    with db.write() as tx:
        return claim(tx, [queue], now=now, lease=LEASE)


def test_a_pending_key_is_queued_once_and_becomes_due_at_the_earlier_time(db: Database, now: datetime) -> None:
    add(db, "a", now, due=now + timedelta(hours=1))
    assert take(db, now) is None
    add(db, "a", now)
    taken = take(db, now)
    assert taken
    assert taken.payload == {"k": "a"}
    assert take(db, now) is None


def test_a_key_that_is_running_can_be_queued_again(db: Database, now: datetime) -> None:
    add(db, "a", now)
    first = take(db, now)
    add(db, "a", now)
    second = take(db, now)
    assert first
    assert second
    assert first.id != second.id


def test_the_effects_of_a_job_whose_lease_was_lost_roll_back(db: Database, now: datetime) -> None:
    add(db, "a", now)
    first = take(db, now)
    assert first
    later = now + LEASE * 2
    with db.write() as tx:
        assert sweep(tx, now=later) == 1
    second = take(db, later + timedelta(minutes=2))
    assert second
    assert second.attempt == 2
    with pytest.raises(LeaseLost), db.write() as tx:
        enqueue(tx, "mail", "effect", {}, now=now)
        done(tx, first)
    with pytest.raises(LeaseLost), db.write() as tx:
        heartbeat(tx, first, now=later, lease=LEASE)
    with db.write() as tx:
        assert waiting(tx, "mail") == 0
        done(tx, second)
        assert waiting(tx, "screen") == 0


def test_attempts_are_bounded_and_end_in_a_visible_dead_letter(db: Database, now: datetime) -> None:
    add(db, "a", now, max_attempts=2)
    at = now
    for expected in (False, True):
        taken = take(db, at)
        assert taken
        with db.write() as tx:
            assert failed(tx, taken, "boom", now=at) is expected
        at += timedelta(minutes=5)
    assert take(db, at) is None
    with db.read() as connection:
        row = connection.execute(select(job.c.state, job.c.last_error)).one()
    assert tuple(row) == ("dead", "boom")


@pytest.mark.parametrize("queue", ["takedown", "purge", "plain"])
def test_withdrawal_never_gives_up_and_waits_at_most_a_minute(db: Database, now: datetime, queue: str) -> None:
    add(db, "a", now, queue)
    at = now
    for _ in range(12):
        taken = take(db, at, queue)
        assert taken
        with db.write() as tx:
            assert not failed(tx, taken, "cache is down", now=at)
        at += timedelta(seconds=60)


def test_a_failed_job_with_a_pending_twin_gives_way(db: Database, now: datetime) -> None:
    add(db, "a", now)
    first = take(db, now)
    assert first
    add(db, "a", now)
    with db.write() as tx:
        failed(tx, first, "boom", now=now)
        assert waiting(tx, "screen") == 1


def test_what_a_clock_that_was_ahead_has_written_does_not_wait_for_it(db: Database, now: datetime) -> None:
    """A job that came then, one that failed then, and one whose worker died then; not what is to be done later on purpose."""
    ahead = now + timedelta(days=365)
    add(db, "failed", now)
    add(db, "later", now, "takedown", due=now + timedelta(hours=1))
    taken = take(db, ahead)
    assert taken
    with db.write() as tx:
        failed(tx, taken, "boom", now=ahead)
    add(db, "died", ahead)
    assert take(db, ahead)
    add(db, "came", ahead)
    assert take(db, now) is None
    for moment in (now, now + timedelta(minutes=2)):
        with db.write() as tx:
            sweep(tx, now=moment)
    due = now + timedelta(minutes=4)
    assert {one.key for one in (take(db, due), take(db, due), take(db, due)) if one} == {"failed", "died", "came"}
    assert take(db, due, "takedown") is None
    assert take(db, now + timedelta(hours=1), "takedown")


def test_looking_for_lost_jobs_reads_no_job_that_waits(tmp_path: Path, now: datetime) -> None:
    """Every worker looks every few seconds, with SQLite's write lock held, and a job may wait for each project."""
    db = open_database(f"sqlite:///{tmp_path}/bonded.db")
    upgrade(db)
    add(db, "a", now)
    add(db, "b", now, "documents")
    with whole_tables() as found, db.write() as tx:
        sweep(tx, now=now)
    db.close()
    assert found == []


def test_a_worker_that_lives_keeps_its_job_when_the_clock_is_set_back(db: Database, now: datetime) -> None:
    ahead = now + timedelta(hours=1)
    add(db, "a", ahead)
    taken = take(db, ahead)
    assert taken
    with db.write() as tx:
        assert sweep(tx, now=now) == 0
        heartbeat(tx, taken, now=now + timedelta(seconds=15), lease=LEASE)
        assert sweep(tx, now=now + timedelta(seconds=30)) == 0
        done(tx, taken)


def test_a_job_given_back_does_not_lose_an_attempt(db: Database, now: datetime) -> None:
    add(db, "a", now)
    first = take(db, now)
    assert first
    with db.write() as tx:
        give_back(tx, first, now=now)
    second = take(db, now)
    assert second
    assert second.attempt == 1


def test_nothing_is_queued_when_the_business_transaction_fails(db: Database, now: datetime) -> None:
    woken: list[Touched] = []
    db.on_commit(woken.append)
    with pytest.raises(RuntimeError), db.write() as tx:
        enqueue(tx, "screen", "a", {}, now=now)
        raise RuntimeError
    assert woken == []
    assert take(db, now) is None
    add(db, "a", now)
    taken = take(db, now)
    assert taken
    assert woken == [{"screen": [taken.id]}]


def test_what_goes_wrong_after_the_commit_takes_no_job_away(db: Database, now: datetime) -> None:
    """The transaction that ends a job claims the next one, which nobody would know of."""
    worked: list[str] = []

    def handler(taken: Job, _: datetime) -> Callable[[Tx], None]:
        def effects(tx: Tx) -> None:
            worked.append(taken.key)
            afterwards(tx, lambda: 1 // 0)

        return effects

    for key in ("a", "b"):
        add(db, key, now)
    with capture_logs() as lines:
        assert work_once(db, {"screen": handler}, lambda: now)
    assert sorted(worked) == ["a", "b"]
    assert {one["event"] for one in lines} == {"a call after a commit failed"}
    with db.read() as connection:
        assert connection.execute(select(job.c.key)).all() == []
