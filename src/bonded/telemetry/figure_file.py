"""The file in which a process counts, with its room on the disk taken before it is written.

prometheus_client maps a file with holes into memory. On a disk that is full the system cannot fill a hole, and there is no error
that a program could handle: it ends the process (SIGBUS). Web processes that end as soon as they count an answer would take
installs down with them, on the day on which nothing but reads works.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

ROOM = 64 * 1024
"""Bytes of a new file, as the library has it."""
_AROUND = 64
"""More than the bytes that an entry takes besides its name."""


class FigureFile(MmapedDict):
    """As the library's. Raises OSError where there is no room for the file, or for one more entry."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            _make(Path(filename))
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        """Named by the library: begins an entry, for which it lengthens the file when it has to."""
        capacity = self._capacity
        while self._used + len(key.encode()) + _AROUND > capacity:
            capacity *= 2
        if capacity > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]


def _make(path: Path) -> None:
    with path.open("a+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(ROOM, os.fstat(file.fileno()).st_size))
        except OSError:
            path.unlink(missing_ok=True)  # nobody can read an empty one
            raise
