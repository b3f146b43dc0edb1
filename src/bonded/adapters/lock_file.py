"""Lock (seams) for one host: `flock` on a file, kept for the life of the process once it was had.

The kernel frees it when the process ends, however it ends; a paused process keeps it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class FileLock:
    """The lock at `path`, which is made when missing. Of several threads, one at a time has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._owner = 0
        self._thread = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[bool]:
        """True inside when this process has the lock and no other thread of it is inside. Does not wait."""
        if not self._thread.acquire(blocking=False):
            yield False
            return
        try:
            yield self._take()
        finally:
            self._thread.release()

    def release(self) -> None:
        """Give it up before the process ends."""
        if self._file is not None and self._owner == os.getpid():
            self._file.close()
        self._file = None

    def _take(self) -> bool:
        if self._file is not None and self._owner == os.getpid():
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")  # after a fork the parent's descriptor is the parent's lock: open anew
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file, self._owner = file, os.getpid()
        return True
