"""Workers as `bonded worker` starts them, on a job engine, with handlers that do what a job's payload says."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bonded.adapters.queue_celery import CeleryBroker
from bonded.adapters.queue_local import LocalQueue
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, enqueue, job
from bonded.db.worker import Effects
from bonded.ops.carried import run_lane
from bonded.ops.lanes import Lane
from bonded.ops.worker import Worker
from bonded.telemetry import logs
from tests.support.rabbitmq import RabbitBroker
from tests.support.redis import RedisServer

LANE = Lane("screen", ("screen",), threads=2, carried=True)
DEADLINE = 120.0
"""Seconds for what takes a few: the machine may be busy with other tests."""


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

    def __init__(self, kind: str, db: Database, folder: Path, broker: RedisServer | RabbitBroker) -> None:
        self.kind, self.db, self.server = kind, db, broker
        self.pipes = folder / "wake"
        self.children: list[int] = []
        db.on_commit(LocalQueue(self.pipes).wake)
        if kind != "local":
            db.on_commit(CeleryBroker(broker.url).send)

    def start(self) -> list[int]:
        """Returns the ids of the worker's processes."""
        made = [self._fork(self._work)]
        if self.kind != "local":
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
