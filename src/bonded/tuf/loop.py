"""The publisher's and the refresher's processes: publish when woken or when something is due, sweep, begin again on errors.

Nothing here is needed for safety: a loop that dies anywhere is started again and claims anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bonded.journal.record import PUBLISH_QUEUE
from bonded.journal.seal import seal, unsealed
from bonded.seams import Queue, SignerRefused, SignerUnusable, StorageError
from bonded.telemetry import metrics
from bonded.telemetry.measures import SIGNER_UNUSABLE, SWEPT
from bonded.tuf.batch import failed, succeeded, waiting
from bonded.tuf.claim import Behind, WrongClock
from bonded.tuf.context import Publisher
from bonded.tuf.draft import BadProject
from bonded.tuf.measure import counted, visible
from bonded.tuf.outcome import Result
from bonded.tuf.publish import publish
from bonded.tuf.refresh import refresh
from bonded.tuf.sweep import FEWEST, slice_after, sweep
from bonded.tuf.trust import Untrusted

POLL = timedelta(milliseconds=250)
"""Longest sleep: a lost wake-up costs no more."""
IDLE = timedelta(seconds=5)
"""How often an idle publisher looks what is due."""
SEAL = timedelta(seconds=1)
SWEEP = timedelta(minutes=10)
UNKNOWN = timedelta(seconds=60)
"""After a pointer put of unknown outcome on a store without conditions: a late write may still arrive."""
BACK_OFF = timedelta(seconds=5)
KEY_AWAY = (timedelta(seconds=1), timedelta(seconds=30))
"""First and longest pause before the online key is asked for again; each is twice the one before."""
LONGEST_REST = timedelta(minutes=1)
"""After a publication, however long it seems to have taken: the machine may have slept, or its clock been set, meanwhile."""
BURNS = 5
"""Numbers burned in a row before there is a pause: rivals are over sooner, what goes on is refused for good."""

Clock = Callable[[], datetime]
log = structlog.get_logger("bonded.publisher")


class PublisherLoop:
    """One publisher process. `turn()` does whatever is due at that moment; `run()` repeats it until `stop` is set."""

    def __init__(self, p: Publisher, clock: Clock) -> None:
        self._p, self._clock = p, clock
        start = clock() - timedelta(days=365)
        self._next = self._looked = self._sealed = self._swept = self._now = start
        self._away = self._burned = 0
        self._rests, self._most = False, FEWEST

    def run(self, queue: Queue, stop: threading.Event) -> None:
        """Until `stop` is set, which is noticed within a quarter of a second between publications."""
        while not stop.is_set():
            if not self.turn():
                queue.wait([PUBLISH_QUEUE], self._pause())

    def _pause(self) -> timedelta:
        """Until the rest after a publication is over, and never longer than a lost wake-up may cost."""
        left = self._next - self._clock()
        return min(left, POLL) if left > timedelta(0) else POLL

    def turn(self) -> bool:
        """One look; True when it published and more may wait."""
        now = self._clock()
        self._keep_pace(now)
        try:
            if now < self._next:
                if self._rests:
                    self._sweep(now)
                return False
            if not waiting(self._p.db) and now - self._looked < IDLE:
                self._tick(now)
                return False
            self._looked = now
            return self._publish(now)
        except SQLAlchemyError as error:
            log.error("the database failed; only refreshing", reason=str(error).splitlines()[0])
            self._keep_valid(now)
        return False

    def _keep_pace(self, now: datetime) -> None:
        """Where the clock was set back, everything is as far away as it was before: else nothing would be done, and nothing said,
        until it has caught up."""
        back = max(self._now - now, timedelta(0))
        self._now = now
        self._next, self._looked = self._next - back, self._looked - back
        self._sealed, self._swept = self._sealed - back, self._swept - back

    def _publish(self, now: datetime) -> bool:
        p, self._rests = self._p, False
        try:
            outcome = counted(lambda: publish(p, now))
        except BadProject as error:
            log.error("a batch failed", reason=str(error))
            failed(p, error, now, at_fault=error.key)
            return False
        except (Behind, Untrusted, WrongClock) as error:
            log.error("nothing can be published", reason=str(error))
            self._keep_valid(now)
            return False
        except SignerUnusable as error:
            pause = min(KEY_AWAY[0] * 2**self._away, KEY_AWAY[1])
            self._away, self._next = min(self._away + 1, 10), now + pause
            _alarm(error, pause)
            return False
        except (StorageError, SignerRefused, OSError) as error:
            log.error("a publication failed", reason=str(error))
            failed(p, error, now, at_fault=None)
            self._next = now + (POLL if p.public.conditional else UNKNOWN)
            return False
        self._away = 0
        self._burned = self._burned + 1 if outcome.result is Result.BURNED else 0
        if self._burned >= BURNS:
            log.error("nothing can be published", reason=outcome.detail)
            self._next = now + BACK_OFF
            return False
        if outcome.result is Result.PUBLISHED:
            succeeded(p)
            # As long a rest as the publication took: each costs commits and flushes that uploads wait for, and what
            # arrives meanwhile goes out together.
            done = self._clock()
            visible(p.db, outcome, done)
            took = done - now
            self._next = max(now + p.settings.min_interval, done + min(took, LONGEST_REST))
            self._rests = True
        return outcome.result in (Result.PUBLISHED, Result.BURNED)

    def _tick(self, now: datetime) -> None:
        """What is done between publications."""
        if now - self._sealed >= SEAL:
            self._sealed = now
            with self._p.db.read() as conn:
                some = unsealed(conn)
            if some:
                with self._p.db.write() as tx:
                    seal(tx, now=now)
        self._sweep(now)

    def _sweep(self, now: datetime) -> None:
        """One short sweep, if one is due. It is due again at once while there is more: an index that is never idle is swept in
        the rests after its publications, else it would grow without end."""
        if now - self._swept < SWEEP:
            return
        last, self._swept = self._swept, now
        begun = time.perf_counter()
        try:
            swept = sweep(self._p, now, self._most)
        except (
            StorageError,
            Untrusted,
            SQLAlchemyError,
        ) as error:  # is the database away, who asks it next finds that out
            log.error("the sweep failed", reason=str(error).splitlines()[0])
            return
        if swept is None:
            return
        metrics.count(SWEPT, swept.deleted)
        if swept.more:
            self._swept = last
            self._most = slice_after(self._most, time.perf_counter() - begun)

    def _keep_valid(self, now: datetime) -> None:
        """Nothing may be published now; what is live must stay valid all the same."""
        self._next = now + BACK_OFF
        keep_valid(self._p, now)


def keep_valid(p: Publisher, now: datetime) -> None:
    """Refresh once; its errors are alarms, and the next call tries again."""
    try:
        counted(lambda: refresh(p, now))
    except SignerUnusable as error:
        _alarm(error, BACK_OFF)
    except (StorageError, Untrusted, WrongClock, SignerRefused) as error:
        log.error("the refresh failed", reason=str(error))


def _alarm(error: SignerUnusable, pause: timedelta) -> None:
    """Nothing was signed and nothing is visible of it; the changes wait."""
    metrics.count(SIGNER_UNUSABLE)
    log.error("the online key cannot be used", reason=str(error), again_in=pause.total_seconds())


def run_publisher(
    p: Publisher, queue: Queue, clock: Clock, stop: threading.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """The publisher's process: publishes, renews, seals, sweeps until `stop` is set."""
    loop = PublisherLoop(p, clock)
    ready()
    loop.run(queue, stop)


def run_refresher(p: Publisher, clock: Clock, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """The refresher's process: needs the public store and the signer, and nothing else."""
    ready()
    while not stop.is_set():
        keep_valid(p, clock())
        stop.wait(60)
