"""Signer (seams) that holds its keys itself: in this process's memory, or as a session with the token or service they are in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from bonded.adapters.signer_key import OnlineKey
from bonded.adapters.signer_numbers import Numbers
from bonded.seams import SignerRefused


class LocalSigner:
    """Signs with the keys that `opening` gives; `state` is the path of its state file, made when missing.

    Keys are opened when they are first needed, and again after that failed: a service that is away when the publisher
    starts, or a token that is not plugged in yet, is asked again the next time.
    """

    def __init__(self, opening: Callable[[], Sequence[OnlineKey]], state: Path) -> None:
        self._opening, self._opened = opening, tuple[OnlineKey, ...]()
        self._once = threading.Lock()
        self._numbers = Numbers(state)
        self._allowed: tuple[int, str] | None = None

    def open(self) -> tuple[OnlineKey, ...]:
        """The keys, opened. Raises SignerUnusable."""
        with self._once:
            if not self._opened:
                self._opened = tuple(self._opening())
            return self._opened

    def keys(self) -> dict[str, dict[str, Any]]:
        """Key id -> public key in the TUF metadata form. Raises SignerUnusable."""
        return {key.keyid: dict(key.public) for key in self.open()}

    def highest(self) -> tuple[int, str]:
        """The highest number reserved, and its attempt; (0, "") at first. Raises SignerUnusable for a damaged state."""
        return self._numbers.highest()

    def reserve(self, number: int, attempt: str) -> None:
        """Allow signatures for `number`; on disk when it returns. Raises SignerRefused, SignerUnusable."""
        self._numbers.reserve(number, attempt)
        self._allowed = (number, attempt)

    def sign(
        self, number: int, attempt: str, role: str, payload: bytes, keyids: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """One signature for each key. Raises SignerRefused without `reserve`, SignerUnusable."""
        return self.sign_many(number, attempt, [(role, payload)], keyids)[0]

    def sign_many(
        self, number: int, attempt: str, items: Sequence[tuple[str, bytes]], keyids: Collection[str] | None = None
    ) -> list[list[dict[str, str]]]:
        """One signature for each key over each payload. Raises SignerRefused without `reserve`, SignerUnusable."""
        if self._allowed != (number, attempt):
            raise SignerRefused(f"number {number} ({attempt}) was not reserved")
        asked = [key for key in self.open() if keyids is None or key.keyid in keyids]
        if not asked:
            raise SignerRefused("none of the keys held here may sign this")
        payloads = [payload for _, payload in items]
        columns = [[{"keyid": key.keyid, "sig": made.hex()} for made in key.sign(payloads)] for key in asked]
        return [list(row) for row in zip(*columns, strict=True)]
