"""The signer as the pure build takes it: functions for one reserved number, and which keys sign which role.

While a key is being replaced, the signer holds the old one and the new one. Timestamp and snapshot are signed by every key
it holds: clients that trust the old root and clients that trust the new one must both accept them. A bin is signed by those
that the offline roles list: no client asks for more, and thousands of signatures would be made for nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bonded.tuf.context import Publisher
from bonded.tuf.plan import Sign, SignMany

POINTERS = ("timestamp", "snapshot")


def signing(p: Publisher, n: int, attempt: str, keyids: Collection[str] | None = None) -> Sign:
    """Signs for publication `n`, which must be reserved; with `keyids` everything is signed by those of them it holds.

    Raises SignerRefused, SignerUnusable.
    """
    listed = bin_keys(p)

    def sign(role: str, payload: bytes) -> list[dict[str, str]]:
        return p.signer.sign(n, attempt, role, payload, keyids or (None if role in POINTERS else listed))

    return sign


def signing_many(p: Publisher, n: int, attempt: str, keyids: Collection[str] | None = None) -> SignMany:
    """The same for many bins at once (never timestamp or snapshot): few round trips to a signer that is elsewhere."""
    listed = keyids or bin_keys(p)

    def sign(items: Sequence[tuple[str, bytes]]) -> list[list[dict[str, str]]]:
        return p.signer.sign_many(n, attempt, items, listed)

    return sign


def bin_keys(p: Publisher) -> Collection[str] | None:
    """Ids of the keys that may sign bins, by the base that was read last; None when none was read yet: every key."""
    return tuple(p.memory.base.trust.bins.keys) if p.memory.base is not None else None
