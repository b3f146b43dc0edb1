"""Work whose job numbers a broker carries: the process that consumes them, and the keeper who makes good what gets lost.

The row is the lease. A message may come late, twice, or never: `work_on` takes the job that it names or does nothing, and
the keeper sends numbers again that are due and that no message can account for. While the broker is away the keeper's own
threads work on the rows, as they do without one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bonded.db.engine import Database
from bonded.db.jobs import due_ids
from bonded.db.worker import Handler, work_on
from bonded.ops.lanes import Lane
from bonded.ops.pulse import EVERY, Pulse
from bonded.seams import Broker, BrokerAway

KEEP_EVERY = timedelta(seconds=1)
GRACE = timedelta(seconds=1)
"""A message may take so long from the commit to the broker before it counts as lost."""
TOP_UP = 1000
"""Most numbers sent again in one round."""
STAND_IN = timedelta(seconds=5)
"""How long the broker is away before the keeper's threads stand in."""
REST = 1.0

log = structlog.get_logger("bonded.broker")


class Keeper:
    """Sends again what the broker lost. `away` says whether the broker has been gone for a while.

    Each round compares, for each queue, the jobs that have been due for a moment with the messages that wait. Where jobs
    are more, the difference is sent again, those due longest first; what that doubles does no harm.
    """

    def __init__(self, db: Database, broker: Broker, queues: tuple[str, ...], pulse: Pulse) -> None:
        self._db, self._broker, self._queues, self._pulse = db, broker, queues, pulse
        self._since: datetime | None = None
        self.away = False

    def round(self, now: datetime) -> None:
        """Look once; raises nothing that the broker does."""
        try:
            messages = self._broker.lengths(self._queues)
        except BrokerAway as error:
            self._gone(str(error), now)
            return
        if self._since is not None:
            log.warning("the broker answers again")
        self._since, self.away = None, False
        self._pulse.broker = {"away": "", "messages": messages}
        self._broker.send({queue: self._missing(queue, count, now) for queue, count in messages.items()})

    def _missing(self, queue: str, messages: int, now: datetime) -> list[int]:
        with self._db.read() as conn:
            waiting = due_ids(conn, queue, before=now - GRACE, limit=messages + TOP_UP)
        missing = waiting[: max(0, len(waiting) - messages)]
        if missing:
            log.info("jobs without a message are sent again", queue=queue, count=len(missing))
        return missing

    def _gone(self, why: str, now: datetime) -> None:
        if self._since is None:
            self._since = now
            log.error("the broker is away; jobs wait in the database", why=why)
        if now - self._since >= STAND_IN and not self.away:
            self.away = True
            log.error("the broker stays away; workers take jobs from the database")
        self._pulse.broker = {"away": why, "messages": {}}


def run_lane(
    db: Database,
    broker: Broker,
    lane: Lane,
    jobs: Mapping[str, Handler],
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    """Work on what the broker brings for `lane` until `stop`; a job in hand is finished."""
    pulse = Pulse(lane.name, "celery", lane.queues, lane.threads, clock())
    handlers = pulse.counted(lane.handlers(jobs))
    beat = threading.Thread(target=_tell, args=(db, pulse, clock, stop), name="pulse", daemon=True)
    beat.start()

    def run(number: int) -> None:
        try:
            work_on(db, number, handlers, clock)
        except SQLAlchemyError as error:
            # The row stays, and its lease ends; the keeper sends the number again.
            log.error("database failed", exc_info=error)
            stop.wait(REST)

    try:
        broker.serve(lane.queues, lane.threads, run, stop)
    finally:
        stop.set()
        beat.join(REST)


def _tell(db: Database, pulse: Pulse, clock: Callable[[], datetime], stop: threading.Event) -> None:
    while True:
        try:
            with db.write() as tx:
                if stop.is_set():
                    pulse.leave(tx)
                else:
                    pulse.tell(tx, clock())
        except SQLAlchemyError as error:
            log.warning("a sign of life was not written", exc_info=error)
        if stop.is_set():
            return
        stop.wait(EVERY.total_seconds())
