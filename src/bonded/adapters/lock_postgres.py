"""Lock (seams) for several hosts: a session-level advisory lock of PostgreSQL on a direct connection.

Keepalives find a dead host within seconds on both ends. The connection must not go through a transaction pooler.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

KEY = 0x626F6E6465640002
"""Number of the advisory lock."""

_ALIVE: dict[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 6000,
    "connect_timeout": 10,
}


class PostgresLock:
    """The lock in the database at `url` (postgresql://...). Kept while the session lives."""

    def __init__(self, url: str, *, key: int = KEY) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self._key = key
        self._connection: Any = None
        self._owner = 0
        self._thread = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[bool]:
        """True inside when this process has the lock, or the database is out of reach and nobody can have it.

        False also while another thread of this process is inside. Does not wait for others.
        """
        if not self._thread.acquire(blocking=False):
            yield False
            return
        try:
            yield self._take()
        finally:
            self._thread.release()

    def release(self) -> None:
        """Give it up before the process ends."""
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None

    def _take(self) -> bool:
        import psycopg

        try:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.execute("SELECT 1")
                return True
        except psycopg.OperationalError:
            self._connection = None  # the session died and its lock with it: ask for a new one
        try:
            fresh = psycopg.connect(self._url, autocommit=True, **_ALIVE)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            # Nobody can have the lock now. A refresher must go on without the database; the flip is conditional.
            return True
        row = fresh.execute("SELECT pg_try_advisory_lock(%s)", [self._key]).fetchone()
        if not (row and row[0]):
            fresh.close()
            return False
        # KeepAlive of the server's end: it frees the lock of a host that vanished without closing.
        fresh.execute("SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3")
        self._connection, self._owner = fresh, os.getpid()
        return True
