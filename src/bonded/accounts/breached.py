"""Passwords that are known from leaks: asked for by the first 5 digits of their SHA-1, compared here.

NIST SP 800-63B (5.1.1.2) asks for it wherever a password is set; here a password that turns up in a newer list is also voided
at the next login.
"""

from __future__ import annotations

import hashlib
import hmac

from bonded.seams import PasswordRanges
from bonded.values.refusals import Refusal, define

PREFIX = 5
LEAST = 5
"""Digits that a list must give beyond the prefix before it counts: a shorter one would hit everybody."""

BREACHED_PASSWORD = define(
    "breached-password",
    400,
    "The password is known from leaks",
    "This password is in a public list of passwords that were stolen somewhere: programs try those first, everywhere. Take "
    "another one, and change it wherever else you use it.",
)


def known(ranges: PasswordRanges, password: str) -> bool:
    """Whether the password is in the list. Lists may hold whole hashes or their beginnings."""
    digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
    prefix, rest = digest[:PREFIX], digest[PREFIX:]
    return any(len(one) >= LEAST and hmac.compare_digest(one, rest[: len(one)]) for one in ranges.range(prefix))


def check(ranges: PasswordRanges, password: str) -> None:
    """Raise Refusal (breached-password) for one that is in the list."""
    if known(ranges, password):
        raise Refusal(BREACHED_PASSWORD, "the password is known from leaks; take another one")
