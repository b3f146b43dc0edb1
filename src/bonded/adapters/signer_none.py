"""Signer (seams) of processes that must never sign: it holds no key and refuses everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from bonded.seams import SignerRefused


class NoSigner:
    """Refuses to sign. A process with this signer cannot leak a key, because it has none."""

    def keys(self) -> dict[str, dict[str, Any]]:
        return {}

    def highest(self) -> tuple[int, str]:
        return 0, ""

    def reserve(self, number: int, attempt: str) -> None:
        """Raises SignerRefused."""
        raise SignerRefused(f"this process may not sign (number {number}, {attempt})")

    def sign(
        self, number: int, attempt: str, role: str, payload: bytes, keyids: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """Raises SignerRefused."""
        raise SignerRefused(f"this process may not sign {role} (number {number}, {attempt}, {len(payload)} bytes)")

    def sign_many(
        self, number: int, attempt: str, items: Sequence[tuple[str, bytes]], keyids: Collection[str] | None = None
    ) -> list[list[dict[str, str]]]:
        """Raises SignerRefused."""
        raise SignerRefused(f"this process may not sign {len(items)} payloads (number {number}, {attempt})")
