"""The highest number that a signer was asked for, on disk before it signs.

It keeps a number from being used twice when everything else was lost or restored.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bonded.seams import SignerRefused, SignerUnusable


class Numbers:
    """Reservations, kept in the file `state` (made when missing). Safe among processes that share the file."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def highest(self) -> tuple[int, str]:
        """The highest number reserved, and its attempt; (0, "") at first. Raises SignerUnusable for a damaged state."""
        try:
            value = orjson.loads(self._state.read_bytes())
            return int(value["number"]), str(value["attempt"])
        except FileNotFoundError:
            return 0, ""
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SignerUnusable(f"the signer's state {self._state} is damaged: {error}") from None

    def reserve(self, number: int, attempt: str) -> None:
        """Take `number` for `attempt`; on disk when it returns. Raises SignerRefused, SignerUnusable."""
        try:
            with self._exclusive():
                highest, holder = self.highest()
                if number < highest or (number == highest and attempt != holder):
                    raise SignerRefused(f"number {number} ({attempt}) after {highest} ({holder})")
                if (number, attempt) != (highest, holder):
                    self._write(number, attempt)
        except OSError as error:
            raise SignerUnusable(f"the signer's state {self._state} cannot be written: {error.strerror}") from None

    def _write(self, number: int, attempt: str) -> None:
        made = self._state.with_name(self._state.name + ".new")
        with made.open("wb") as file:
            file.write(orjson.dumps({"number": number, "attempt": attempt}))
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._state)
        folder = os.open(self._state.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Two processes with the same key must not both pass the comparison."""
        self._state.parent.mkdir(parents=True, exist_ok=True)
        with self._state.with_name(self._state.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
