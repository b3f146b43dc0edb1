"""Codes of authentication apps (TOTP, RFC 6238): six digits, thirty seconds, HMAC-SHA-1 as every app has it. Pure.

A code is taken once: of its time step or a later one nothing is accepted again (RFC 6238, 5.2).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30
DIGITS = 6
SECRET_BYTES = 20
DRIFT = 1
"""Steps of difference that are accepted: the clock of a phone may be half a minute off."""
HINT = 20
"""Steps of difference that are recognised, and told, without being accepted."""


@dataclass(frozen=True, slots=True)
class Match:
    """A right code. `step` is the time step that it stands for."""

    step: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """No right code. `seconds_off`: the code would be right at this distance from now; None when it never would.
    `replayed`: it was right, and was used before."""

    seconds_off: int | None = None
    replayed: bool = False


def new_secret() -> bytes:
    """A new secret, 20 random bytes (RFC 4226, section 4, requirement 6)."""
    return secrets.token_bytes(SECRET_BYTES)


def typed(secret: bytes) -> str:
    """The secret as people type it: base32 in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(secret: bytes, issuer: str, account: str) -> str:
    """The otpauth:// address that apps read from a picture."""
    label = quote(f"{issuer}:{account}", safe="")
    query = {"secret": base64.b32encode(secret).decode().rstrip("="), "issuer": issuer}
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def code_at(secret: bytes, step: int) -> str:
    """The code of one time step."""
    # HMAC-SHA-1 is what every app speaks; collisions do not weaken it as a MAC.
    return TOTP(secret, DIGITS, SHA1(), STEP, enforce_key_length=False).generate(step * STEP).decode()  # noqa: S303


def check(secret: bytes, code: str, *, last_step: int, now: datetime) -> Match | Mismatch:
    """Whether `code`, as typed, is right now and was not used before. `last_step` is that of the last accepted code.

    Blanks and dashes do not count, so a used code with a blank in it is a used code.
    """
    plain = "".join(c for c in code if not c.isspace() and c != "-")
    if len(plain) != DIGITS or not (plain.isascii() and plain.isdigit()):
        return Mismatch()
    here = int(now.timestamp()) // STEP
    found = [step for step in range(here - HINT, here + HINT + 1) if hmac.compare_digest(code_at(secret, step), plain)]
    near = [step for step in found if abs(step - here) <= DRIFT]
    fresh = [step for step in near if step > last_step]
    if fresh:
        return Match(fresh[0])
    if near:
        return Mismatch(replayed=True)
    return Mismatch(min(((step - here) * STEP for step in found), key=abs, default=None))
