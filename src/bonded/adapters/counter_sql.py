"""Rate limits counted in the database: right over several processes, with no service beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Index, Integer, Table, Text, delete, func, insert, select, text, update

from bonded.db.base import BigId, Instant, metadata
from bonded.db.engine import Database, Tx

MAX_WINDOW = timedelta(days=1)
SWEEP_EVERY = 256
"""Every so many events, those older than the longest window are deleted, of keys that never come back too."""

rate_event = Table(
    "rate_event",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("window", Integer, nullable=False),  # seconds
    Index("ix_rate_event_key_at", "key", "at"),
)


class SqlCounter:
    """Counter (seams): a sliding window of events per key. Events outside the window are deleted as they are met."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hit(self, key: str, limit: int, window: timedelta, now: datetime) -> int:
        """Count one event; 0 when within the limit, else whole seconds until one more is allowed.

        A refused event is not counted, so a stubborn client is not locked out for longer by trying. `window` is at most
        a day (ValueError). Nobody waits for longer than it, also after a clock that was ahead.
        """
        if not timedelta(0) < window <= MAX_WINDOW:
            raise ValueError(f"a window of {window} is not in 0..1 day")
        with self._db.write() as tx:
            _alone(tx, key)
            mine = rate_event.c.key == key
            tx.execute(delete(rate_event).where(mine, rate_event.c.at <= now - window))
            # Those of a clock that was ahead count, from now on: else they would until the moment that it had shown.
            tx.execute(update(rate_event).where(mine, rate_event.c.at > now).values(at=now))
            # The event that must leave the window before one more fits: the limit-th newest.
            newest = select(rate_event.c.at).where(mine).order_by(rate_event.c.at.desc())
            blocking = tx.execute(newest.offset(limit - 1).limit(1)).scalar_one_or_none() if limit > 0 else now
            if blocking is not None:
                return max(1, -int((now - blocking - window) // timedelta(seconds=1)))
            self._count(tx, key, window, now)
        return 0

    def _count(self, tx: Tx, key: str, window: timedelta, now: datetime) -> None:
        values = {"key": key, "at": now, "window": int(window.total_seconds())}
        made = tx.execute(insert(rate_event).values(values).returning(rate_event.c.id)).scalar_one()
        if made % SWEEP_EVERY == 0:
            tx.execute(delete(rate_event).where(rate_event.c.at <= now - MAX_WINDOW))


def _alone(tx: Tx, key: str) -> None:
    """Two hits of one key at the same moment must count each other. SQLite's write lock does that already."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(text(":key"), 0))), {"key": key})
