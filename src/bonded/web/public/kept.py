"""Figures that every row has to be read for: counted once in a while, kept by database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from bonded.db.engine import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    value: T
    at: datetime


class Kept(Generic[T]):
    """What `count` gives, at most `fresh` old. While one request counts anew, others get what was known; the first ones wait."""

    def __init__(self, fresh: timedelta, count: Callable[[Connection, datetime], T]) -> None:
        self._fresh, self._count = fresh, count
        self._turn = threading.Lock()
        self._known: WeakKeyDictionary[Database, _Known[T]] = WeakKeyDictionary()

    def current(self, db: Database, now: datetime) -> T:
        """The figure. A clock that was set back makes it count again."""
        known = self._known.get(db)
        if known is not None and timedelta(0) <= now - known.at < self._fresh:
            return known.value
        if not self._turn.acquire(blocking=known is None):
            assert known is not None
            return known.value
        try:
            return self._renewed(db, now)
        finally:
            self._turn.release()

    def _renewed(self, db: Database, now: datetime) -> T:
        known = self._known.get(db)
        if known is None or not timedelta(0) <= now - known.at < self._fresh:
            with db.read() as conn:
                known = self._known[db] = _Known(self._count(conn, now), now)
        return known.value
