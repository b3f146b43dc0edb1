"""Purger (seams) that writes down what it was asked to purge: for drills and for tests of what would be purged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from bonded.seams import PurgeFailed, Shown


class RecordingPurger:
    """Appends each key as a line to `path`."""

    active = True
    caches: tuple[str, ...] = ()
    lasting = timedelta(0)

    def __init__(self, path: Path) -> None:
        self._path = path

    def purge(self, keys: Iterable[str]) -> None:
        """One write for all keys. Raises PurgeFailed when the file cannot be written."""
        lines = "".join(f"{key}\n" for key in keys)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, lines.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise PurgeFailed(str(error)) from error

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """There is no cache to look at."""
        return []

    def keys(self) -> list[str]:
        """Everything recorded so far, in order."""
        return self._path.read_text().splitlines() if self._path.exists() else []
