"""What a socket says, for no longer than there is time. Reads no clock: who listens says how much is left."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any, BinaryIO, cast


class Listening(io.RawIOBase):
    """Each read of `sock` waits for no more than `left()` seconds, which raises TimeoutError when none are.

    A socket's own timeout begins anew with every byte: whoever says a little now and then, in the middle of a header or of a
    line, or promises an answer again and again, would hold us for ever.
    """

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left
        self._held: io.IOBase | None = None

    def makefile(self, _mode: str) -> BinaryIO:
        """What the protocols of the standard library ask a socket for. It stays open for this, though its owner closes it."""
        self._held = self._sock.makefile("rb", buffering=0)
        return cast("BinaryIO", io.BufferedReader(self))

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)
