"""Hashing passwords: argon2id, with a bound on how many hashes run at once, and the same work for accounts that do not exist.

One hash takes 46 MiB and some 50 ms of a core. Without the bound, a burst of logins would take the memory of the machine;
who cannot get a turn within the wait is told to try again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from bonded.values.refusals import Refusal, define

BUSY = define(
    "login-busy",
    503,
    "Too many logins at this moment",
    "The server checks a limited number of passwords at once. Try again in a few seconds.",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one hash (RFC 9106) and the bound on hashes at once in this process; `wait` in seconds."""

    memory_kib: int = 46 * 1024
    passes: int = 2
    lanes: int = 1
    at_once: int = 2
    wait: float = 5.0


@dataclass(frozen=True, slots=True)
class Verified:
    """`ok`: it is the password. `outdated`: it is, and its hash should be made anew with today's cost."""

    ok: bool
    outdated: bool


class Hasher:
    """Makes and verifies hashes under one cost. Safe to use from many threads."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._argon = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._turns = threading.BoundedSemaphore(cost.at_once)
        self._nobody = self._argon.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """The hash to store. Raises Refusal (login-busy)."""
        with self._turn():
            return self._argon.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> Verified:
        """Compare; with `stored` None (no such account, or no password yet) the same work is done in vain."""
        with self._turn():
            try:
                self._argon.verify(stored or self._nobody, _bytes(password))
                matches = stored is not None
            except (Argon2Error, InvalidHashError):
                matches = False
        return Verified(matches, matches and self._argon.check_needs_rehash(stored or self._nobody))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._cost.wait):
            raise Refusal(BUSY, "too many logins at this moment; try again in a few seconds", retry_after=5)
        try:
            yield
        finally:
            self._turns.release()


@cache
def default_hasher() -> Hasher:
    """The hasher of this process."""
    return Hasher(Cost())


def _bytes(password: str) -> bytes:
    """UTF-8, also for what is not valid text: a password is whatever the person typed."""
    return password.encode("utf-8", "surrogatepass")
