"""Rate limits counted in the database: right over several processes, with no service beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Index, Integer, Table, Text, delete, func, insert, select

from bonded.db.base import BigId, Instant, metadata
from bonded.db.engine import Database

rate_event = Table(
    "rate_event",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("window", Integer, nullable=False),  # seconds
    Index("ix_rate_event_key_at", "key", "at"),
)


class SqlCounter:
    """Counter (seams): a sliding window of events per key. Events outside the window are deleted as they are met."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hit(self, key: str, limit: int, window: timedelta, now: datetime) -> int:
        """Count one event; 0 when within the limit, else whole seconds until one more is allowed.

        A refused event is not counted, so a stubborn client is not locked out for longer by trying.
        """
        seconds = int(window.total_seconds())
        with self._db.write() as tx:
            mine = rate_event.c.key == key
            tx.execute(delete(rate_event).where(mine, rate_event.c.at <= now - window))
            count, oldest = tx.execute(select(func.count(), func.min(rate_event.c.at)).where(mine)).one()
            if count >= limit:
                return max(1, int((oldest + window - now).total_seconds()) + 1)
            tx.execute(insert(rate_event).values(key=key, at=now, window=seconds))
        return 0
