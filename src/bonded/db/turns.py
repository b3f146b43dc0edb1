"""Whose turn it is to write to SQLite: a request, for whose answer a person waits, goes before a job.

Jobs and publications write more often than requests do, so of several processes that wait for the one lock a request would
mostly be served last. While a request waits it holds a shared lock on a file beside the database; whoever may wait lets go first,
for `PATIENCE` at most: work goes on however many requests come. The lock ends with the process that held it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 0.05
"""Seconds that a transaction lets others go first, at most."""
LOOK = 0.001
"""Seconds between looks."""
TRIES = 10
"""How often a request tries to put up its sign: a job that looks for signs has the lock for an instant."""


class Turns:
    """The turns of one database, `path` being the file of signs. `first`: this process answers requests. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.first = False
        self._path = path
        self._guard = threading.Lock()
        self._file = -1
        self._waiting = 0

    def forked(self) -> None:
        """Open the file anew: a lock taken through the parent's would be the parent's."""
        self._guard, self._waiting = threading.Lock(), 0
        self.close()

    def close(self) -> None:
        """Let the file go; it is opened again when it is needed."""
        with self._guard:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Wait in here for the lock. Where the file cannot be opened or locked, nobody goes first."""
        if not self.first:
            self._let_others()
            yield
            return
        self._say(1)
        try:
            yield
        finally:
            self._say(-1)

    def _say(self, more: int) -> None:
        with self._guard, suppress(OSError):
            before, self._waiting = self._waiting, self._waiting + more
            if bool(before) == bool(self._waiting):
                return
            if self._waiting:
                self._put_up()
            else:
                fcntl.flock(self._handle(), fcntl.LOCK_UN)

    def _put_up(self) -> None:
        """Without it only the turn is lost, so nobody waits long for it."""
        for _ in range(TRIES):
            try:
                fcntl.flock(self._handle(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(LOOK / 2)

    def _let_others(self) -> None:
        until = time.monotonic() + PATIENCE
        with suppress(OSError):
            while self._somebody_waits() and time.monotonic() < until:
                time.sleep(LOOK)

    def _somebody_waits(self) -> bool:
        with self._guard:
            try:
                fcntl.flock(self._handle(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            fcntl.flock(self._handle(), fcntl.LOCK_UN)
            return False

    def _handle(self) -> int:
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file
