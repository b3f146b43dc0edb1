"""One lock for all rows that are held for work outside of the database, where a database has no locks of rows (SQLite).

Its own lock stops every writer; work on a store may take seconds, for which uploads would wait. This one is a file's, beside the
database: of several threads and processes one has it at a time, and who writes to the database does not ask for it. It ends
with the process that held it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bonded.seams import Away

PATIENCE = 10.0
"""Seconds that a transaction waits for others, as long as for SQLite's own lock."""
LOOK = 0.002
"""Seconds between looks."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock `path`. Raises Away when others keep it for longer than `PATIENCE`, OSError where it cannot be made."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # of its own: threads exclude each other, too
    try:
        _take(handle)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)  # a child that was forked meanwhile has it open, too
    finally:
        os.close(handle)


def _take(handle: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise Away(f"others have been at the same work for {PATIENCE:.0f} s") from None
        time.sleep(LOOK)
