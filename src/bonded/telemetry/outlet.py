"""Standard error of a process that must go on when nobody reads it any more.

A pipe or a socket whose reader hangs takes some sixty kilobytes. The next line would keep whoever writes it, and with it installs,
publications and renewals, for as long as the reader hangs; so it waits a moment only, and is lost and counted then.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any

import structlog

PIECE = 4096
"""Bytes that a pipe takes at once wherever poll(2) says that it takes any (PIPE_BUF)."""
PATIENCE = 2.0
"""Seconds that lines wait for a reader who is busy; once it hangs, those that follow do not wait until it reads again."""


def _tell(count: int) -> None:
    structlog.get_logger("bonded.logs").warning("lines of the log were lost: nobody read them", count=count)


class Outlet:
    """Takes whole lines for the descriptor `number`. As a stream of text it is enough for `logging`.

    `told(count)` is called when lines were lost and the reader reads again.
    """

    def __init__(self, number: int, *, patience: float = PATIENCE, told: Callable[[int], None] = _tell) -> None:
        self._number, self._patience, self._told = number, patience, told
        self._hangs = self._torn = False
        self._lost = 0

    def write_bytes(self, lines: bytes) -> None:
        """Write the lines, or as many as are taken in time. Raises OSError, such as for a reader that has gone."""
        given = b"\n" + lines if self._torn else lines
        left = self._taken(given)
        if len(left) < len(given):
            self._torn = bool(left) and given[-len(left) - 1 : -len(left)] != b"\n"
        self._hangs = bool(left)
        if left:
            self._lost += (left if len(left) < len(given) else lines).count(b"\n")
        elif self._lost:
            lost, self._lost = self._lost, 0
            self._told(lost)

    def write(self, text: str, /) -> int:
        """As `write_bytes`."""
        self.write_bytes(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def _taken(self, lines: bytes) -> bytes:
        """Write; what is left when the patience ends."""
        deadline = time.monotonic() + (0 if self._hangs else self._patience)
        room: Any = select.poll()
        room.register(self._number, select.POLLOUT)
        while lines:
            if not room.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return lines
            lines = lines[os.write(self._number, lines[:PIECE]) :]
        return lines
