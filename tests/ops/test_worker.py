"""The local engine: effects ride the transaction that marks a job done, a stop is graceful, dead workers' jobs come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from bonded.adapters.queue_local import LocalQueue
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, claim, enqueue, job, sweep, waiting
from bonded.db.worker import LEASE, Effects, Stopped, work_once
from bonded.ops.worker import Worker


def clock() -> datetime:
    return datetime.now(UTC)


def add(db: Database, key: str, queue: str = "screen") -> None:
    with db.write() as tx:
        enqueue(tx, queue, key, {"key": key}, now=clock())


def follow_up(taken: Job, now: datetime) -> Effects:
    def effects(tx: Tx) -> None:
        enqueue(tx, "mail", f"mail:{taken.key}", {}, now=now)

    return effects


def test_effects_and_done_are_one_transaction(db: Database) -> None:
    add(db, "a")
    assert work_once(db, {"screen": follow_up}, clock)
    with db.write() as tx:
        assert waiting(tx, "screen") == 0
        assert waiting(tx, "mail") == 1
    assert not work_once(db, {"screen": follow_up}, clock)


def test_a_worker_that_lost_its_lease_changes_nothing(db: Database) -> None:
    add(db, "a")

    def slow(taken: Job, now: datetime) -> Effects:
        with db.write() as tx:  # while it works, its lease ends and another worker takes over
            assert sweep(tx, now=now + LEASE * 2) == 1
            assert claim(tx, ["screen"], now=now + LEASE * 4, lease=LEASE)
        return follow_up(taken, now)

    assert work_once(db, {"screen": slow}, clock)
    with db.write() as tx:
        assert waiting(tx, "mail") == 0
        assert waiting(tx, "screen") == 1


def test_a_failing_handler_leaves_its_error_on_the_row(db: Database) -> None:
    add(db, "a")

    def broken(taken: Job, now: datetime) -> None:
        raise ValueError("cannot read it")

    assert work_once(db, {"screen": broken}, clock)
    with db.read() as connection:
        row = connection.execute(select(job.c.state, job.c.last_error, job.c.attempt)).one()
    assert tuple(row) == ("pending", "ValueError: cannot read it", 1)


def test_failing_effects_leave_the_job_to_be_tried_again(db: Database) -> None:
    add(db, "a")

    def effects(tx: Tx) -> None:
        enqueue(tx, "mail", "m", {}, now=clock())
        raise ValueError("late")

    assert work_once(db, {"screen": lambda taken, now: effects}, clock)
    with db.write() as tx:
        assert waiting(tx, "mail") == 0
        assert waiting(tx, "screen") == 1


def test_a_stopped_handler_gives_its_job_back(db: Database) -> None:
    add(db, "a")

    def stop(taken: Job, now: datetime) -> None:
        raise Stopped

    work_once(db, {"screen": stop}, clock)
    with db.read() as connection:
        assert tuple(connection.execute(select(job.c.state, job.c.attempt)).one()) == ("pending", 0)


def test_jobs_that_are_due_follow_each_other_without_a_claim_of_their_own(db: Database) -> None:
    for key in "abc":
        add(db, key)
    seen: list[str] = []
    assert work_once(db, {"screen": lambda taken, now: seen.append(taken.key)}, clock)
    assert seen == ["a", "b", "c"]
    assert not work_once(db, {"screen": lambda taken, now: seen.append(taken.key)}, clock)


def test_no_next_job_is_claimed_when_it_shall_stop(db: Database) -> None:
    add(db, "a")
    add(db, "b")
    seen: list[str] = []
    assert work_once(db, {"screen": lambda taken, now: seen.append(taken.key)}, clock, lambda: False)
    assert seen == ["a"]
    with db.read() as connection:
        assert connection.execute(select(job.c.state)).scalars().all() == ["pending"]


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


def test_a_worker_is_woken_finishes_what_it_has_and_stops(sqlite_db: Database, folder: Path) -> None:
    done: list[str] = []
    begun = threading.Event()

    def handle(taken: Job, now: datetime) -> None:
        begun.set()
        time.sleep(0.2)
        done.append(taken.key)

    worker = Worker(sqlite_db, lambda: LocalQueue(folder), clock)
    worker.add({"screen": handle}, threads=2)
    worker.add({"plain": handle})
    sqlite_db.on_commit(LocalQueue(folder).wake)
    thread = threading.Thread(target=worker.run)
    thread.start()
    for n in range(4):
        add(sqlite_db, f"s{n}")
    add(sqlite_db, "p", "plain")
    assert until(lambda: len(done) == 5)
    begun.clear()
    add(sqlite_db, "last")
    assert begun.wait(60)
    worker.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert "last" in done


def test_a_dead_workers_job_is_done_by_another(sqlite_db: Database, folder: Path) -> None:
    add(sqlite_db, "a")
    with sqlite_db.write() as tx:
        assert claim(tx, ["screen"], now=clock() - timedelta(hours=1), lease=LEASE) is None
        assert claim(tx, ["screen"], now=clock(), lease=timedelta(seconds=-1))
    done: list[int] = []
    worker = Worker(sqlite_db, lambda: LocalQueue(folder), clock)
    worker.add({"screen": lambda taken, now: done.append(taken.attempt)})
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert until(lambda: done == [2])
    worker.stop()
    thread.join(20)


def test_house_is_kept_when_the_clock_is_set_back(sqlite_db: Database, folder: Path) -> None:
    back, rounds = [timedelta(0)], threading.Semaphore(0)
    worker = Worker(sqlite_db, lambda: LocalQueue(folder), lambda: clock() - back[0])
    worker.every(timedelta(milliseconds=10), lambda now: rounds.release())
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert rounds.acquire(timeout=30)
        back[0] = timedelta(days=30)
        assert all(rounds.acquire(timeout=10) for _ in range(20))
    finally:
        worker.stop()
        thread.join()


def test_nobody_waits_for_a_round_that_asks_somebody_else(sqlite_db: Database, folder: Path) -> None:
    """A feed may answer after ten minutes: dead workers' jobs go on, lanes say that they live, other rounds are made."""
    add(sqlite_db, "a")
    asked, answered, others = threading.Event(), threading.Event(), threading.Semaphore(0)

    def asks(_now: datetime) -> None:
        asked.set()
        answered.wait(120)

    worker = Worker(sqlite_db, lambda: LocalQueue(folder), clock)
    worker.every(timedelta(hours=1), asks, far=True)
    worker.every(timedelta(milliseconds=10), lambda now: others.release())
    worker.every(timedelta(milliseconds=10), lambda now: others.release(), far=True)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert asked.wait(60)
        assert all(others.acquire(timeout=10) for _ in range(20))
        worker.stop()
        thread.join(30)
        assert not thread.is_alive(), "who is waited for elsewhere keeps no worker from ending"
    finally:
        answered.set()
        worker.stop()


def test_a_slow_round_of_our_own_delays_no_dead_workers_job(sqlite_db: Database, folder: Path) -> None:
    slow, begun, done = threading.Event(), threading.Event(), list[int]()

    def dozes(_now: datetime) -> None:
        begun.set()
        slow.wait(120)

    worker = Worker(sqlite_db, lambda: LocalQueue(folder), clock)
    worker.every(timedelta(hours=1), dozes)
    worker.add({"screen": lambda taken, now: done.append(taken.attempt)})
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert begun.wait(60)
        time.sleep(0.5)  # the sweep of the start is over
        with sqlite_db.write() as tx:
            enqueue(tx, "screen", "a", {"key": "a"}, now=clock())
            assert claim(tx, ["screen"], now=clock(), lease=timedelta(seconds=-1))
        assert until(lambda: done == [2])
    finally:
        slow.set()
        worker.stop()
        thread.join(30)
    assert not thread.is_alive()


def test_a_queue_that_fails_does_not_end_the_work(db: Database, tmp_path: Path) -> None:
    met, done = threading.Event(), threading.Event()

    class Broken(LocalQueue):
        def wait(self, queues: object, timeout: timedelta) -> bool:
            met.set()
            raise ValueError("filedescriptor out of range")

    def handle(taken: Job, now: datetime) -> None:
        done.set()

    worker = Worker(db, lambda: Broken(tmp_path / "wake"), clock)
    worker.add({"screen": handle})
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert met.wait(60)
        add(db, "a")
        assert done.wait(60)
    finally:
        worker.stop()
        thread.join()
