"""Workers that are alive, as they say themselves: one row for each process and lane, written anew every few seconds.

Nothing depends on these rows: leases decide who has a job. They are for people and for metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bonded.db.base import Instant, Json, metadata
from bonded.db.engine import Tx

ALIVE = timedelta(seconds=30)
"""A worker that has said nothing for so long is told as silent."""
FORGOTTEN = timedelta(hours=1)

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),  # host:pid:lane
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("queues", Json, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("broker", Json, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one worker said last. `busy` of its `threads` had a job; `done` and `failed` count since it started.

    `broker` is {} where it asks none, else {"away": why or "", "messages": {queue: waiting messages}}.
    """

    id: str
    host: str
    pid: int
    lane: str
    engine: str
    queues: tuple[str, ...]
    threads: int
    busy: int
    done: int
    failed: int
    broker: dict[str, Any]
    started_at: datetime
    seen_at: datetime

    def alive(self, now: datetime) -> bool:
        """Whether it spoke lately; what a clock that was ahead has left says nothing."""
        return abs(now - self.seen_at) <= ALIVE


def tell(tx: Tx, one: Seen) -> None:
    """Write what a worker says of itself."""
    values = {column.name: getattr(one, column.name) for column in worker.columns} | {"queues": list(one.queues)}
    tx.execute(_tell(tx.dialect.name), values)


@cache
def _tell(dialect: str) -> Any:
    """Built once for each dialect: every lane of every process says so again and again."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Any = make(worker)
    changed = {name: statement.excluded[name] for name in ("busy", "done", "failed", "broker", "seen_at")}
    return statement.on_conflict_do_update(index_elements=[worker.c.id], set_=changed)


def leave(tx: Tx, worker_id: str) -> None:
    """A worker that stops says so."""
    tx.execute(delete(worker).where(worker.c.id == worker_id))


def forget(tx: Tx, *, now: datetime) -> None:
    """Delete the rows of workers that died long ago."""
    seen = worker.c.seen_at
    tx.execute(delete(worker).where(or_(seen < now - FORGOTTEN, seen > now + FORGOTTEN)))


def workers(conn: Connection) -> list[Seen]:
    """All rows, by lane, host and process."""
    rows = conn.execute(select(worker).order_by(worker.c.lane, worker.c.host, worker.c.pid))
    return [Seen(**{**row._mapping, "queues": tuple(row.queues)}) for row in rows]
