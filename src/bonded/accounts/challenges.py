"""Challenges for security devices and passkeys (WebAuthn level 3, 13.4.3): one for each page that asks for a device.

None is kept: it says when it was made, and carries a mark that only we can make and that is bound to what it is for and to whose
page it is in. So each of several open pages has its own, a passer-by leaves nothing behind, and showing a page writes nothing.
Each is good for a while and, by the counter, once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson

from bonded.accounts.devices import DEVICE_FAILED
from bonded.accounts.sealing import Sealer
from bonded.seams import Counter
from bonded.values.refusals import Refusal

_RANDOM, _TIME, _MARK = 16, 8, 24


class Purpose(StrEnum):
    """What an answer is for; a challenge for one is none for another."""

    PASSKEY = "passkey"
    """Signing in with a passkey alone."""
    SECOND_STEP = "second-step"
    CONFIRM = "confirm"
    """A step-up: saying again who one is."""
    NEW_DEVICE = "new-device"

    @property
    def lasts(self) -> timedelta:
        """How long after the page was made its answer counts: inside, where the session says who it is, as long as a step-up."""
        inside = self in (Purpose.CONFIRM, Purpose.NEW_DEVICE)
        return timedelta(minutes=30) if inside else timedelta(minutes=5)


def make(sealer: Sealer, purpose: Purpose, holder: str, *, now: datetime) -> bytes:
    """A challenge for a page of `holder`: the id of a session, or the form secret of a browser where nobody is logged in."""
    body = secrets.token_bytes(_RANDOM) + int(now.timestamp()).to_bytes(_TIME, "big")
    return body + _mark(sealer, purpose, holder, body)


def taken(sealer: Sealer, counter: Counter, purpose: Purpose, holder: str, answer: str, *, now: datetime) -> str:
    """The challenge that the answer of a device is for, which is then used up: `accounts.devices` verifies the answer by it.

    Not within a transaction: the counter has its own, and what it counted stays when the act is refused. Raises Refusal
    (device-failed) unless we made it for this purpose and holder, lately, and it was not used.
    """
    text = _named(answer)
    try:
        raw = _bytes(text)
    except ValueError:
        raise _failed() from None
    body, mark = raw[: _RANDOM + _TIME], raw[_RANDOM + _TIME :]
    if not hmac.compare_digest(mark, _mark(sealer, purpose, holder, body)):
        raise _failed()
    made = datetime.fromtimestamp(int.from_bytes(body[_RANDOM:], "big"), UTC)
    if not timedelta(0) <= now - made + timedelta(seconds=1) <= purpose.lasts:
        raise _failed()
    # Longer than it is good for, so that it is remembered to the end.
    if counter.hit(f"challenge:{hashlib.sha256(raw).hexdigest()[:32]}", 1, purpose.lasts * 2, now):
        raise _failed()
    return text


def _named(answer: str) -> str:
    """The challenge as the browser wrote it down (WebAuthn, 5.8.1). Raises Refusal (device-failed)."""
    try:
        client = orjson.loads(_bytes(str(orjson.loads(answer)["response"]["clientDataJSON"])))
        return str(client["challenge"])
    except (ValueError, KeyError, TypeError):
        raise _failed() from None


def _mark(sealer: Sealer, purpose: Purpose, holder: str, body: bytes) -> bytes:
    said = f"{purpose}\0{holder}\0".encode("utf-8", "replace")
    return hmac.digest(sealer.key, said + body, "sha256")[:_MARK]


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _failed() -> Refusal:
    return Refusal(DEVICE_FAILED, "the security device was not accepted")
