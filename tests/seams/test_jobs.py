"""The contract of job engines: the same suite against `local` and `celery`, each on SQLite and on PostgreSQL.

Workers are real processes, the broker is a real Redis; what handlers did is read from the database afterwards.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bonded.adapters.queue_celery import PREFIX, CeleryBroker
from bonded.adapters.queue_local import LocalQueue
from bonded.db import worker
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, enqueue, enqueue_all, job
from bonded.db.worker import Effects
from bonded.db.workers import workers
from bonded.ops import carried
from bonded.ops import worker as local
from bonded.ops.carried import run_lane
from bonded.ops.lanes import Lane
from bonded.ops.worker import Worker
from bonded.telemetry import logs
from tests.support.redis import RedisServer

LANE = Lane("screen", ("screen",), threads=2, carried=True)
DEADLINE = 25.0


def clock() -> datetime:
    return datetime.now(UTC)


def handle(taken: Job, now: datetime) -> Effects:
    """Does what the job's payload says, and leaves a row that names the attempt and the process."""
    wanted = taken.payload
    if wanted.get("fails", 0) >= taken.attempt:
        raise ValueError("asked to fail")
    if wanted.get("kills", 0) >= taken.attempt:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(wanted.get("takes", 0.0))
    did = f"{taken.key} {taken.attempt} {os.getpid()} {time.monotonic_ns()}"

    def effects(tx: Tx) -> None:
        enqueue(tx, "did", did, {}, now=now)

    return effects


class Engine:
    """One engine on one database; `start` makes a worker as `bonded worker` does: a process and, with Celery, a second."""

    def __init__(self, kind: str, db: Database, folder: Path, broker: RedisServer) -> None:
        self.kind, self.db, self.server = kind, db, broker
        self.pipes = folder / "wake"
        self.children: list[int] = []
        db.on_commit(LocalQueue(self.pipes).wake)
        if kind == "celery":
            db.on_commit(CeleryBroker(broker.url).send)

    def start(self) -> list[int]:
        """Returns the ids of the worker's processes."""
        made = [self._fork(self._work)]
        if self.kind == "celery":
            made.append(self._fork(self._carry))
        self.children += made
        return made

    def _fork(self, run: Callable[[threading.Event], None]) -> int:
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            self.db.forked()
            logs.configure("text", "error")
            stop = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            run(stop)
            code = 0
        finally:
            os._exit(code)

    def _work(self, stop: threading.Event) -> None:
        work = Worker(self.db, lambda: LocalQueue(self.pipes), clock)
        if self.kind == "local":
            work.add_lane(LANE, {"screen": handle})
        else:
            work.keep(CeleryBroker(self.server.url), [LANE], {"screen": handle})
        threading.Thread(target=lambda: (stop.wait(), work.stop()), daemon=True).start()
        work.run()

    def _carry(self, stop: threading.Event) -> None:
        run_lane(self.db, CeleryBroker(self.server.url), LANE, {"screen": handle}, clock, stop)

    def stop(self, children: list[int], number: int = signal.SIGTERM) -> list[int]:
        """Exit statuses."""
        for child in children:
            os.kill(child, number)
        self.children = [child for child in self.children if child not in children]
        return [os.waitpid(child, 0)[1] for child in children]

    def add(self, key: str, *, delay: float = 0.0, attempts: int = 5, **payload: Any) -> None:
        with self.db.write() as tx:
            due = clock() + timedelta(seconds=delay)
            enqueue(tx, "screen", key, payload, now=clock(), due=due, max_attempts=attempts)

    def did(self) -> list[list[str]]:
        """[key, attempt, process, when] of every job whose effects were applied."""
        with self.db.read() as conn:
            return sorted(key.split() for key in conn.execute(select(job.c.key).where(job.c.queue == "did")).scalars())

    def left(self, state: str | None = None) -> int:
        with self.db.read() as conn:
            wanted = select(func.count()).where(job.c.queue == "screen")
            return conn.execute(wanted.where(job.c.state == state) if state else wanted).scalar_one()

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not done():
            assert time.monotonic() < end, (self.did(), self.left("pending"), self.left("running"), self.left("dead"))
            time.sleep(0.03)


@pytest.fixture(params=["local", "celery"])
def engine(
    request: pytest.FixtureRequest, db: Database, folder: Path, broker: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=2))
    monkeypatch.setattr(worker, "BEAT", timedelta(seconds=0.5))
    monkeypatch.setattr(local, "SWEEP_EVERY", timedelta(seconds=0.5))
    monkeypatch.setattr(carried, "STAND_IN", timedelta(seconds=1))
    made = Engine(request.param, db, folder, broker)
    yield made
    made.stop(made.children, signal.SIGKILL)


only_celery = pytest.mark.parametrize("engine", ["celery"], indirect=True)


def test_each_job_is_done_once(engine: Engine) -> None:
    engine.start()
    with engine.db.write() as tx:
        enqueue_all(tx, "screen", [(f"k{n}", {}) for n in range(40)], now=clock())
    engine.until(lambda: not engine.left())
    assert sorted(one[0] for one in engine.did()) == sorted(f"k{n}" for n in range(40))


def test_jobs_from_before_the_start_are_done(engine: Engine) -> None:
    engine.add("early")
    engine.server.client().flushall()
    engine.start()
    engine.until(lambda: len(engine.did()) == 1)


def test_a_job_waits_until_it_is_due(engine: Engine) -> None:
    engine.start()
    engine.add("later", delay=1.0)
    began = time.monotonic_ns()
    engine.until(lambda: len(engine.did()) == 1)
    assert int(engine.did()[0][3]) - began > 0.8e9


def test_a_failing_job_is_tried_again_and_then_ends_as_dead(engine: Engine) -> None:
    engine.start()
    engine.add("again", fails=1)
    engine.add("never", fails=9, attempts=1)
    engine.until(lambda: len(engine.did()) == 1 and engine.left("dead") == 1)
    assert engine.did()[0][:2] == ["again", "2"]
    with engine.db.read() as conn:
        assert (
            conn.execute(select(job.c.last_error).where(job.c.state == "dead")).scalar_one()
            == "ValueError: asked to fail"
        )


@pytest.mark.slow
def test_the_job_of_a_worker_that_was_killed_is_done_by_another(engine: Engine) -> None:
    first = engine.start()
    engine.add("slow", takes=1.0)
    engine.until(lambda: engine.left("running") == 1)
    engine.stop(first, signal.SIGKILL)
    engine.start()
    engine.until(lambda: len(engine.did()) == 1)
    assert engine.did()[0][1] == "2"


def test_a_graceful_stop_finishes_the_job_in_hand(engine: Engine) -> None:
    children = engine.start()
    engine.add("slow", takes=1.5)
    engine.until(lambda: engine.left("running") == 1)
    assert engine.stop(children) == [0] * len(children)
    assert [one[:2] for one in engine.did()] == [["slow", "1"]]
    with engine.db.read() as conn:
        assert workers(conn) == []


@pytest.mark.slow
def test_a_long_job_keeps_its_lease(engine: Engine) -> None:
    engine.start()
    engine.add("long", takes=3.5)
    engine.until(lambda: len(engine.did()) == 1)
    assert engine.did()[0][1] == "1"


@pytest.mark.slow
def test_workers_say_what_they_do(engine: Engine) -> None:
    engine.start()
    engine.add("slow", takes=6.0)

    def told() -> bool:
        with engine.db.read() as conn:
            return any(one.busy == 1 and one.queues == ("screen",) and one.alive(clock()) for one in workers(conn))

    engine.until(told)


@only_celery
def test_a_message_holds_a_number_and_no_more(engine: Engine) -> None:
    engine.add("secret-key", secret="hidden")
    (message,) = engine.server.client().lrange(PREFIX + "screen", 0, -1)
    assert b"secret" not in message
    assert b"hidden" not in message
    with engine.db.read() as conn:
        number = conn.execute(select(job.c.id)).scalar_one()
    assert json.loads(base64.b64decode(json.loads(message)["body"]))[0] == [number]


@only_celery
def test_lost_messages_are_made_good(engine: Engine) -> None:
    for n in range(30):
        engine.add(f"k{n}")
    engine.server.client().flushall()
    engine.start()
    engine.until(lambda: not engine.left())
    for n in range(30, 60):
        engine.add(f"k{n}", takes=0.05)
        if n == 45:
            engine.server.client().flushall()
    engine.until(lambda: not engine.left())
    assert sorted(one[0] for one in engine.did()) == sorted(f"k{n}" for n in range(60))


@only_celery
def test_doubled_late_and_foreign_messages_do_no_harm(engine: Engine) -> None:
    for n in range(10):
        engine.add(f"k{n}")
    client = engine.server.client()
    messages = client.lrange(PREFIX + "screen", 0, -1)
    client.rpush(PREFIX + "screen", *messages, *messages, b"no json", b"{}")
    CeleryBroker(engine.server.url).send({"screen": [10**9, "x", None]})  # type: ignore[list-item]
    engine.start()
    engine.until(lambda: not engine.left())
    client.rpush(PREFIX + "screen", *messages)
    engine.add("last")
    engine.until(lambda: not engine.left())
    assert len(engine.did()) == 11


@only_celery
@pytest.mark.slow
def test_without_a_broker_work_goes_on_from_the_rows(engine: Engine) -> None:
    engine.server.stop()
    engine.start()
    engine.add("before")
    engine.until(lambda: len(engine.did()) == 1)
    engine.server.start()
    engine.add("meanwhile")
    engine.until(lambda: len(engine.did()) == 2)
    engine.server.stop()
    try:
        began = time.monotonic()
        engine.add("during")
        assert time.monotonic() - began < 0.5
        engine.until(lambda: len(engine.did()) == 3)
    finally:
        engine.server.start()
    engine.add("after")
    engine.until(lambda: len(engine.did()) == 4)
