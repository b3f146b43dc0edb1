"""One worker's round: claim a job, run its handler, and apply its effects in the transaction that marks it done.

A handler works outside any transaction and returns its effects as a function of one; so no transaction is held open over
slow work, and an effect is never applied by a worker that has lost its lease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, LeaseLost, claim, claim_id, done, due, failed, give_back, heartbeat
from bonded.seams import Away

Effects = Callable[[Tx], None]
Handler = Callable[[Job, datetime], Effects | None]

LEASE = timedelta(seconds=60)
BEAT = timedelta(seconds=15)
IN_A_ROW = 20

log = structlog.get_logger("bonded.worker")


class Stopped(Exception):
    """Raised by a handler that noticed a graceful stop: the job goes back unharmed."""


def work_once(
    db: Database,
    handlers: Mapping[str, Handler],
    clock: Callable[[], datetime],
    more: Callable[[], bool] = lambda: True,
) -> bool:
    """Take the jobs of the queues in `handlers` that are due, one after the other. False when none was due.

    The transaction that ends a job claims the next one too: a commit is a wait for the disk, and half of them are saved.
    No next one is claimed once `more()` is false, and at most `IN_A_ROW` are done before the caller looks around.
    """
    queues = list(handlers)
    with db.read() as connection:
        if not due(connection, queues, now=clock()):
            return False
    with db.write() as tx:
        taken = claim(tx, queues, now=clock(), lease=LEASE)
    if taken is None:
        return False
    for left in reversed(range(IN_A_ROW)):
        taken = _work(db, taken, handlers, clock, queues if left else [], more)
        if taken is None:
            break
    return True


def work_on(db: Database, number: int, handlers: Mapping[str, Handler], clock: Callable[[], datetime]) -> bool:
    """Take the one job `number` and work on it. False when it is not to be had: done, taken by another, or not yet due.

    For engines that are told a number by a message, which may come late, twice or never: the row decides.
    """
    with db.write() as tx:
        taken = claim_id(tx, number, handlers.keys(), now=clock(), lease=LEASE)
    if taken is None:
        return False
    _work(db, taken, handlers, clock, [], lambda: False)
    return True


def _work(
    db: Database,
    taken: Job,
    handlers: Mapping[str, Handler],
    clock: Callable[[], datetime],
    queues: list[str],
    more: Callable[[], bool],
) -> Job | None:
    """Run one job to its end; the next one of `queues`, claimed, or None."""
    with _beating(db, taken, clock):
        try:
            effects = handlers[taken.queue](taken, clock())
        except Stopped:
            with db.write() as tx:
                give_back(tx, taken, now=clock())
            return None
        except Exception as error:  # whatever a handler raises, the row must say it
            _failed(db, taken, error, clock())
            return None
    return _finish(db, taken, effects, clock, queues if more() else [])


def _finish(
    db: Database, taken: Job, effects: Effects | None, clock: Callable[[], datetime], queues: list[str]
) -> Job | None:
    try:
        with db.write() as tx:
            if effects is not None:
                effects(tx)
            done(tx, taken)
            return claim(tx, queues, now=clock(), lease=LEASE) if queues else None
    except LeaseLost:
        # Another worker has the job; nothing of ours was applied.
        log.warning("lease lost", job=taken.id, key=taken.key)
    except Exception as error:
        _failed(db, taken, error, clock())
    return None


def _failed(db: Database, taken: Job, error: BaseException, now: datetime) -> None:
    why, away = f"{type(error).__name__}: {error}", isinstance(error, Away)
    with db.write() as tx:
        dead = failed(tx, taken, why, now=now, away=away)
    note = log.bind(job=taken.id, key=taken.key, attempt=taken.attempt)
    if away and not dead:  # nothing of ours is broken: it comes back when the other answers
        note.warning("job waits for another system", error=why)
    else:
        note.error("job failed", dead=dead, exc_info=error)


class _beating:  # noqa: N801 - read as a word in `with`
    """Extends the lease from a thread while the handler runs."""

    def __init__(self, db: Database, taken: Job, clock: Callable[[], datetime]) -> None:
        self._db, self._job, self._clock = db, taken, clock
        self._over = threading.Event()
        self._timer = threading.Timer(BEAT.total_seconds(), self._start)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._over.set()

    def _start(self) -> None:
        while not self._over.is_set():
            try:
                with self._db.write() as tx:
                    heartbeat(tx, self._job, now=self._clock(), lease=LEASE)
            except LeaseLost:
                return
            except Exception as error:  # the next beat tries again; the lease is four beats long
                log.warning("heartbeat failed", job=self._job.id, exc_info=error)
            self._over.wait(BEAT.total_seconds())
