"""Signing in with a passkey alone: the device says who, and has verified them. Nothing is stored for a passer-by.

The challenge is not kept: it says when it was made, and carries a mark that only we can make and that is bound to the form
secret of the browser. It is good for five minutes and, by the counter, once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

import orjson

from bonded.accounts.devices import DEVICE_FAILED
from bonded.accounts.sealing import Sealer
from bonded.seams import Counter
from bonded.values.refusals import Refusal

LASTS = timedelta(minutes=5)
_RANDOM, _TIME, _MARK = 16, 8, 24


def challenge(sealer: Sealer, browser: str, *, now: datetime) -> bytes:
    """A challenge for the browser whose form secret is `browser`."""
    body = secrets.token_bytes(_RANDOM) + int(now.timestamp()).to_bytes(_TIME, "big")
    return body + _mark(sealer, browser, body)


def challenge_of(answer: str) -> str:
    """The challenge that an answer is for, as the browser wrote it down (WebAuthn, 5.8.1). Raises Refusal (device-failed)."""
    try:
        client = orjson.loads(_bytes(str(orjson.loads(answer)["response"]["clientDataJSON"])))
        return str(client["challenge"])
    except (ValueError, KeyError, TypeError):
        raise _failed() from None


def check_challenge(sealer: Sealer, counter: Counter, browser: str, text: str, *, now: datetime) -> None:
    """Raise Refusal (device-failed) unless we made it for this browser, lately, and it was not used."""
    try:
        raw = _bytes(text)
    except ValueError:
        raise _failed() from None
    body, mark = raw[: _RANDOM + _TIME], raw[_RANDOM + _TIME :]
    if not hmac.compare_digest(mark, _mark(sealer, browser, body)):
        raise _failed()
    made = datetime.fromtimestamp(int.from_bytes(body[_RANDOM:], "big"), UTC)
    if not timedelta(0) <= now - made + timedelta(seconds=1) <= LASTS:
        raise _failed()
    if counter.hit(f"challenge:{hashlib.sha256(raw).hexdigest()[:32]}", 1, LASTS * 2, now):
        raise _failed()


def _mark(sealer: Sealer, browser: str, body: bytes) -> bytes:
    return hmac.digest(sealer.key, b"passkey\0" + browser.encode("utf-8", "replace") + b"\0" + body, "sha256")[:_MARK]


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _failed() -> Refusal:
    return Refusal(DEVICE_FAILED, "the security device was not accepted")
