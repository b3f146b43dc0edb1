"""The jobs table: a job row in the business transaction is the queue (a transactional outbox).

Keys are unique among *pending* jobs only. Enqueueing a key that is pending moves its due time forward; doing nothing
instead would lose a change when that job is claimed and finished before the enqueuer commits. A claim is a lease with an
attempt number; heartbeats and "done" name the attempt, and no row updated means that the lease was lost: roll back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bonded.db.base import BigId, Instant, Json, metadata
from bonded.db.engine import Tx, touch

job = Table(
    "job",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("queue", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", Text, nullable=False, default="pending"),  # pending, running, dead; done rows are deleted
    Column("due", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("attempt", Integer, nullable=False, default=0),
    Column("max_attempts", Integer, nullable=False, default=5),  # 0: never dead, backs off to 60 s and alarms
    Column("last_error", Text),
    Column("created_at", Instant, nullable=False),
    Index(
        "uq_job_pending_key",
        "key",
        unique=True,
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_job_queue_state_due", "queue", "state", "due"),
    sqlite_autoincrement=True,
)

ENDLESS = frozenset({"takedown", "purge", "plain", "documents"})
"""Queues whose jobs never dead-letter: giving up would leave bytes served that must not be."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `payload` holds keys, never changes."""

    id: int
    queue: str
    key: str
    payload: dict[str, Any]
    attempt: int
    created_at: datetime


PATIENCE = timedelta(days=3)
"""How long a job whose service is away is tried before it may be dead: longer than a weekend."""
FAR = timedelta(minutes=30)
"""Neither a lease nor a pause after a failure is that long: what ends later was written by a clock that has been set back since."""
AWAY_PAUSE = 900
"""Longest pause between two such tries, in seconds; thousands of jobs may wait for the same service."""


class LeaseLost(Exception):
    """Another worker has the job now: the transaction that found out must roll back."""


def enqueue(
    tx: Tx,
    queue: str,
    key: str,
    payload: dict[str, Any],
    *,
    now: datetime,
    due: datetime | None = None,
    max_attempts: int = 5,
) -> None:
    """Add a job in the caller's transaction; with a pending job of that key, only its due time moves to the earlier."""
    enqueue_all(tx, queue, [(key, payload)], now=now, due=due, max_attempts=max_attempts)


def enqueue_all(
    tx: Tx,
    queue: str,
    jobs: Sequence[tuple[str, dict[str, Any]]],
    *,
    now: datetime,
    due: datetime | None = None,
    max_attempts: int = 5,
) -> None:
    """Add many jobs of one queue, (key, payload) each, as `enqueue` adds one. The keys differ."""
    if not jobs:
        return
    due = due or now
    same = {
        "queue": queue,
        "state": "pending",
        "due": due,
        "attempt": 0,
        "max_attempts": 0 if queue in ENDLESS else max_attempts,
        "created_at": now,
    }
    rows = tx.execute(_upsert(tx.dialect.name), [same | {"key": key, "payload": payload} for key, payload in jobs])
    touch(tx, queue, rows.scalars().all() if due <= now else ())


@cache
def _upsert(dialect: str) -> Any:
    """Built once for each dialect: building the statement costs several times what running it does."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Any = make(job)
    least = func.least if dialect == "postgresql" else func.min
    return statement.on_conflict_do_update(
        index_elements=[job.c.key],
        index_where=text("state = 'pending'"),
        set_={"due": least(job.c.due, statement.excluded.due)},
    ).returning(job.c.id)


def claim(tx: Tx, queues: list[str], *, now: datetime, lease: timedelta) -> Job | None:
    """Take the job that is due longest, or None. The lease ends at `now + lease` unless `heartbeat` extends it."""
    told = {"queues": queues, "now": now, "until": now + lease}
    row = tx.execute(_claim(tx.dialect.name), told).one_or_none()
    return Job(*row) if row else None


_WAITS = (
    job.c.queue.in_(bindparam("queues", expanding=True)),
    job.c.state == "pending",
    job.c.due <= bindparam("now"),
)


@cache
def _claim(dialect: str) -> Any:
    """Built once for each dialect, as `_upsert`."""
    pick = select(job.c.id).where(*_WAITS).order_by(job.c.due, job.c.id).limit(1)
    if dialect == "postgresql":
        pick = pick.with_for_update(skip_locked=True)
    return (
        update(job)
        .where(job.c.id == pick.scalar_subquery())
        .values(state="running", lease_until=bindparam("until"), attempt=job.c.attempt + 1)
        .returning(job.c.id, job.c.queue, job.c.key, job.c.payload, job.c.attempt, job.c.created_at)
    )


def claim_id(tx: Tx, number: int, queues: Collection[str], *, now: datetime, lease: timedelta) -> Job | None:
    """Take the job `number` when it is pending in one of `queues` and due; None when it is not, or is gone."""
    row = tx.execute(
        update(job)
        .where(job.c.id == number, job.c.queue.in_(queues), job.c.state == "pending", job.c.due <= now)
        .values(state="running", lease_until=now + lease, attempt=job.c.attempt + 1)
        .returning(job.c.id, job.c.queue, job.c.key, job.c.payload, job.c.attempt, job.c.created_at)
    ).one_or_none()
    return Job(*row) if row else None


def due_ids(conn: Connection, queue: str, *, before: datetime, limit: int) -> list[int]:
    """Numbers of the pending jobs of `queue` that have been due since `before`, those due longest first."""
    wanted = (
        select(job.c.id)
        .where(job.c.queue == queue, job.c.state == "pending", job.c.due <= before)
        .order_by(job.c.due, job.c.id)
        .limit(limit)
    )
    return list(conn.execute(wanted).scalars())


def due(conn: Connection, queues: list[str], *, now: datetime) -> bool:
    """Whether a job of `queues` could be claimed now. A read: idle workers look without taking the write lock."""
    return conn.execute(_DUE, {"queues": queues, "now": now}).first() is not None


_DUE = select(job.c.id).where(*_WAITS).limit(1)
"""Built once, as `_upsert`: each thread asks it after each of its jobs."""


def heartbeat(tx: Tx, taken: Job, *, now: datetime, lease: timedelta) -> None:
    """Extend the lease. Raises LeaseLost."""
    if tx.execute(update(job).where(_is(taken)).values(lease_until=now + lease)).rowcount != 1:
        raise _lost(taken)


def done(tx: Tx, taken: Job) -> None:
    """Finish the job in the transaction that holds its effects. Raises LeaseLost: roll back."""
    if tx.execute(_DONE, {"number": taken.id, "tries": taken.attempt}).rowcount != 1:
        raise _lost(taken)


_DONE = delete(job).where(
    job.c.id == bindparam("number"), job.c.attempt == bindparam("tries"), job.c.state == "running"
)


def failed(tx: Tx, taken: Job, error: str, *, now: datetime, away: bool = False) -> bool:
    """Give the job back with a delay, or end it as dead when its attempts are used up. True when it is dead now.

    `away`: what it needs did not answer, which uses up no attempts until `PATIENCE` after it was made.
    A pending job of the same key makes this one superfluous: it is deleted.
    """
    row = tx.execute(select(job.c.max_attempts, job.c.attempt).where(_is(taken))).one_or_none()
    if row is None:
        return False
    twin = tx.execute(select(job.c.id).where(job.c.key == taken.key, job.c.state == "pending")).first()
    waits = away and now < taken.created_at + PATIENCE
    dead = bool(row.max_attempts) and row.attempt >= row.max_attempts and not waits
    if twin and not dead:
        tx.execute(delete(job).where(_is(taken)))
        return False
    delay = timedelta(seconds=min(AWAY_PAUSE if waits else 60, 2 ** min(row.attempt, 10)))
    state = "dead" if dead else "pending"
    tx.execute(
        update(job).where(_is(taken)).values(state=state, due=now + delay, lease_until=None, last_error=error[:2000])
    )
    return dead


def give_back(tx: Tx, taken: Job, *, now: datetime) -> None:
    """Return a job unharmed (graceful stop): pending again, this attempt not counted."""
    twin = tx.execute(select(job.c.id).where(job.c.key == taken.key, job.c.state == "pending")).first()
    if twin:
        tx.execute(delete(job).where(_is(taken)))
    else:
        tx.execute(
            update(job).where(_is(taken)).values(state="pending", due=now, lease_until=None, attempt=job.c.attempt - 1)
        )
        touch(tx, taken.queue, [taken.id])


def sweep(tx: Tx, *, now: datetime) -> int:
    """Return every job whose lease has expired; returns how many. Run every few seconds by any worker.

    Where the clock was ahead and has been set back, what it wrote would have to wait for the clock to get there again: a job that
    is due now or is tried again is due, and a lease lasts a little longer, in which a worker that lives renews it.
    """
    queues = list(tx.execute(_QUEUES).scalars())
    _clock_set_back(tx, queues, now)
    count = 0
    expired = select(job.c.id, job.c.queue, job.c.key, job.c.payload, job.c.attempt, job.c.created_at).where(
        job.c.queue.in_(queues), job.c.state == "running", job.c.lease_until < now
    )
    for row in tx.execute(expired).all():
        failed(tx, Job(*row), "the lease expired: its worker died or stalled", now=now)
        touch(tx, row.queue)
        count += 1
    return count


def _queues() -> Select[Any]:
    """The queues that have jobs, each found by a step in the index: hundreds of thousands of jobs may wait in one of them."""
    first = select(func.min(job.c.queue).label("queue")).cte("queues", recursive=True)
    after = select(func.min(job.c.queue)).where(job.c.queue > first.c.queue).scalar_subquery()
    every = first.union_all(select(after).where(first.c.queue.is_not(None)))
    return select(every.c.queue).where(every.c.queue.is_not(None))


_QUEUES = _queues()


def _clock_set_back(tx: Tx, queues: Collection[str], now: datetime) -> None:
    mine = job.c.queue.in_(queues)
    again = or_(job.c.last_error.is_not(None), job.c.due <= job.c.created_at)  # not what is to be done later on purpose
    pending = update(job).where(mine, job.c.state == "pending", job.c.due > now + FAR, again).values(due=now)
    for queue in set(tx.execute(pending.returning(job.c.queue)).scalars()):
        touch(tx, queue)
    running = update(job).where(mine, job.c.state == "running", job.c.lease_until > now + FAR)
    tx.execute(running.values(lease_until=now + timedelta(minutes=1)))


def waiting(tx: Tx, queue: str) -> int:
    """How many jobs of `queue` are pending or running."""
    return tx.execute(
        select(func.count()).where(job.c.queue == queue, or_(job.c.state == "pending", job.c.state == "running"))
    ).scalar_one()


def _is(taken: Job) -> Any:
    return and_(job.c.id == taken.id, job.c.attempt == taken.attempt, job.c.state == "running")


def _lost(taken: Job) -> LeaseLost:
    return LeaseLost(f"job {taken.id} ({taken.key}) attempt {taken.attempt}")
