"""The worker process: a few threads, each on its own queues, so that slow screening delays no take-down.

Woken after commits, polling otherwise; a sweeper returns the jobs of workers that died. Where a broker carries jobs to
other processes (`carried`), this one keeps house for them, and stands in while the broker is away.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bonded.db.engine import Database
from bonded.db.jobs import sweep
from bonded.db.worker import Handler, work_once
from bonded.ops.carried import KEEP_EVERY, Keeper
from bonded.ops.lanes import Lane
from bonded.ops.pulse import Pulse
from bonded.seams import Broker, Queue

POLL = timedelta(milliseconds=250)
SWEEP_EVERY = timedelta(seconds=5)
FAREWELL = 2.0
"""Seconds that a worker which ends waits for a round that asks somebody else."""
REST = 1.0
"""Seconds to wait after the database failed."""

log = structlog.get_logger("bonded.worker")


class Rounds:
    """What is done again and again, one after the other in one thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._calls: list[tuple[timedelta, Callable[[datetime], object]]] = []
        self._due: list[datetime] = []

    def add(self, interval: timedelta, call: Callable[[datetime], object]) -> None:
        """Have `call(now)` called in the first turn and each `interval` after."""
        self._calls.append((interval, call))
        self._due.append(self._clock())

    @property
    def shortest(self) -> timedelta:
        """How often a turn is worth while."""
        return min((interval for interval, _ in self._calls), default=SWEEP_EVERY)

    def run(self, over: threading.Event) -> None:
        """Turns until `over` is set."""
        while not over.is_set():
            self.turn()
            over.wait(self.shortest.total_seconds())

    def turn(self) -> None:
        """Call what is due. Never raises."""
        now = self._clock()
        for n, (interval, call) in enumerate(self._calls):
            if self._due[n] <= now or self._due[n] - now > interval:  # or the clock was set back
                self._due[n] = now + interval
                try:
                    call(now)
                except Exception as error:  # the next round tries again; the worker's work must go on
                    log.error("a round of house-keeping failed", exc_info=error)


class Worker:
    """Runs jobs until `stop()`: graceful, a job in hand is finished."""

    def __init__(self, db: Database, new_queue: Callable[[], Queue], clock: Callable[[], datetime]) -> None:
        self._db, self._new_queue, self._clock = db, new_queue, clock
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._keeping, self._rounds = Rounds(clock), Rounds(clock)
        self._far: list[Rounds] = []
        self._pulses: list[Pulse] = []

    def add(
        self,
        handlers: Mapping[str, Handler],
        *,
        threads: int = 1,
        nice: int = 0,
        rest: timedelta | None = None,
        when: Callable[[], bool] = lambda: True,
    ) -> None:
        """Have `threads` threads work on the queues of `handlers`.

        `nice`: how much they, and the processes that they start, give way to others when processors are short (0 not at
        all, 19 wholly). `rest`: how long they look for nothing new once nothing is due, whoever calls: jobs that came
        meanwhile are done in one go, which costs uploads fewer waits for the disk and the database. `when`: they take
        jobs only while it says so.
        """
        for n in range(threads):
            name = f"{next(iter(handlers))}-{n}"
            self._threads.append(
                threading.Thread(target=self._work, args=(handlers, nice, rest, when), name=name, daemon=True)
            )

    def add_lane(self, lane: Lane, jobs: Mapping[str, Handler], engine: str = "local") -> None:
        """Have the lane worked on here, and tell what it does."""
        pulse = Pulse(lane.name, engine, lane.queues, lane.threads, self._clock())
        self._pulses.append(pulse)
        self.add(pulse.counted(lane.handlers(jobs)), threads=lane.threads, nice=lane.nice, rest=lane.rest)

    def keep(self, broker: Broker, lanes: Sequence[Lane], jobs: Mapping[str, Handler]) -> None:
        """Keep house for `lanes`, whose jobs `broker` carries: send again what it lost, stand in while it is away."""
        queues = tuple(queue for lane in lanes for queue in lane.queues)
        pulse = Pulse("keeper", "celery", queues, 0, self._clock())
        keeper = Keeper(self._db, broker, queues, pulse)
        self._pulses.append(pulse)
        self._keeping.add(KEEP_EVERY, keeper.round)
        for lane in lanes:
            handlers = pulse.counted(lane.handlers(jobs))
            self.add(handlers, threads=lane.threads, nice=lane.nice, rest=lane.rest, when=lambda: keeper.away)

    def every(self, interval: timedelta, call: Callable[[datetime], object], *, far: bool = False) -> None:
        """Have `call(now)` called at the start and each `interval` after: house-keeping that needs no job row.

        `far`: it asks a store or somebody else's server, and may wait long: it has a thread of its own.
        """
        rounds = self._rounds
        if far:
            rounds = Rounds(self._clock)
            self._far.append(rounds)
        rounds.add(interval, call)

    def run(self) -> None:
        """Work until `stop()`; the calling thread is the sweeper, which waits for nothing but the database. Returns when all
        threads have finished, but for a round that waits for another server."""
        house, *far = (
            threading.Thread(target=one.run, args=(self._over,), daemon=True) for one in (self._rounds, *self._far)
        )
        for thread in (*self._threads, house, *far):
            thread.start()
        every = min(SWEEP_EVERY, self._keeping.shortest)
        swept: datetime | None = None
        while not self._over.is_set():
            now = self._clock()
            if swept is None or not timedelta(0) <= now - swept < SWEEP_EVERY:
                swept = now
                self._sweep()
            self._keeping.turn()
            self._over.wait(every.total_seconds())
        for thread in (*self._threads, house):
            thread.join()
        until = time.monotonic() + FAREWELL
        for thread in far:
            thread.join(max(0.0, until - time.monotonic()))
        self._leave()

    def stop(self) -> None:
        """Take no further jobs. Safe in a signal handler."""
        self._over.set()

    def _work(
        self, handlers: Mapping[str, Handler], nice: int, rest: timedelta | None, when: Callable[[], bool]
    ) -> None:
        if nice:  # on Linux a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
        queue = self._new_queue()
        while not self._over.is_set():
            try:
                if not when():
                    self._over.wait(REST)
                    continue
                if work_once(self._db, handlers, self._clock, lambda: when() and not self._over.is_set()):
                    continue
                if rest is not None:
                    self._over.wait(rest.total_seconds())
                queue.wait(handlers, POLL)
            except SQLAlchemyError as error:
                # The database is away or locked for long. Nothing is lost: rows stay, and their leases expire.
                log.error("database failed", exc_info=error)
                self._over.wait(REST)
            except Exception as error:  # a thread that ended would leave its queues to nobody, and nobody would be told
                log.error("lane failed", queues=sorted(handlers), exc_info=error)
                self._over.wait(REST)

    def _sweep(self) -> None:
        try:
            with self._db.write() as tx:
                returned = sweep(tx, now=self._clock())
                for pulse in self._pulses:
                    pulse.tell(tx, self._clock())
            if returned:
                log.warning("jobs returned from dead workers", count=returned)
        except SQLAlchemyError as error:
            log.error("database failed", exc_info=error)

    def _leave(self) -> None:
        try:
            with self._db.write() as tx:
                for pulse in self._pulses:
                    pulse.leave(tx)
        except SQLAlchemyError as error:
            log.warning("a sign of life was not taken back", exc_info=error)
