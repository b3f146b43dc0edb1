"""Waiting for SQLite's write lock.

SQLite's own waiting sleeps 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100 ms between looks, while a transaction of ours holds
the lock for one or two: with several processes at work a writer then sleeps through many turns (uploads took twice as long).
Here the sleeps begin at a fifth of a millisecond and stay below two.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

FIRST = 0.0002
LONGEST = 0.002
"""Seconds between looks."""


def begin_immediate(connection: Any) -> bool:
    """BEGIN IMMEDIATE on a driver's connection. False when the lock was not free within its `busy_timeout`.

    Raises sqlite3.Error for whatever else is wrong.
    """
    timeout = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA busy_timeout=0")
    try:
        until, pause = time.monotonic() + timeout / 1000, FIRST
        while not _begun(connection):
            if time.monotonic() > until:
                return False
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST)
        return True
    finally:
        connection.execute(f"PRAGMA busy_timeout={timeout}")


def _begun(connection: Any) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
