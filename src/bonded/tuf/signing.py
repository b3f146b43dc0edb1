"""The signer as the pure build takes it: a function for one reserved number."""

from __future__ import annotations

from bonded.tuf.context import Publisher
from bonded.tuf.plan import Sign


def signing(p: Publisher, n: int, attempt: str) -> Sign:
    """Signs for publication `n`, which must be reserved."""

    def sign(role: str, payload: bytes) -> list[dict[str, str]]:
        return p.signer.sign(n, attempt, role, payload)

    return sign
