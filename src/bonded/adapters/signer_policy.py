"""What the signer process signs, whoever asks: online roles only, of the reserved number, and not for years. Pure.

Somebody who took over the publisher can have wrong pages signed while they are there. They cannot take more than that with
them: no root, targets or delegation, no number that was used, no metadata that stay valid after the keys are rotated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from bonded.adapters.signer_scan import first
from bonded.seams import SignerRefused

BIN = re.compile(r"(?:page-)?bin-[1-9][0-9]*-[0-9a-f]{1,8}", re.ASCII)
_BIN_HEAD = re.compile(
    rb'\{"_type":"targets","expires":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)",'
    rb'"spec_version":"[0-9.]+","targets":\{'
)
_BIN_TAIL = re.compile(rb'\},"version":([1-9][0-9]{0,18})\}\Z')


@dataclass(frozen=True, slots=True)
class Policy:
    """`longest`: how far ahead what is signed may expire."""

    longest: timedelta
    clock: Callable[[], datetime]

    def check(self, number: int, role: str, payload: bytes) -> None:
        """Raise SignerRefused, in one sentence, unless `payload` is a `role` of publication `number`."""
        if role in ("timestamp", "snapshot"):
            kind, version, expires = _whole(role, payload)
        elif BIN.fullmatch(role):
            kind, version, expires = _bin(role, payload)
        else:
            raise SignerRefused(f"{role!r} is not an online role: its key is not kept here")
        if kind != (role if role in ("timestamp", "snapshot") else "targets"):
            raise SignerRefused(f"{role} cannot be metadata of type {kind!r}")
        if version != number:
            raise SignerRefused(f"{role} has version {version}, but publication {number} was reserved")
        self._check_expiry(role, expires)

    def _check_expiry(self, role: str, expires: str) -> None:
        try:
            ahead = datetime.fromisoformat(expires) - self.clock()
        except (ValueError, TypeError):
            raise SignerRefused(f"{role} expires at {expires!r}, which is no time") from None
        if ahead > self.longest:
            raise SignerRefused(f"{role} would be valid until {expires}: longer than this signer allows")


def _whole(role: str, payload: bytes) -> tuple[Any, Any, str]:
    """Type, version, expiry of metadata that are short enough to be read whole."""
    try:
        value = orjson.loads(payload)
        found = value["_type"], value["version"], str(value["expires"])
    except (ValueError, KeyError, TypeError):
        raise SignerRefused(f"what shall be signed as {role} is no TUF metadata") from None
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != payload:  # a second "version" would hide in another form
        raise SignerRefused(f"what shall be signed as {role} is not canonical JSON")
    return found


def _bin(role: str, payload: bytes) -> tuple[Any, Any, str]:
    """The same of a bin, from its ends: reading 160 KB would cost more than signing them.

    What is between the ends could only say otherwise with a second key of the same name (readers take the last): in plain
    letters, with an escape, or with a space before its colon. A bin has none of these.
    """
    head, tail = _BIN_HEAD.match(payload), _BIN_TAIL.search(payload, max(0, len(payload) - 64))
    if head is None or tail is None or any(sign in payload for sign in (b"\\", b" ", b"\t", b"\n", b"\r")):
        raise SignerRefused(f"what shall be signed as {role} is not a bin")
    begin, end = head.end(), tail.start() + len(b"},")
    # Delegations are left alone: they end with the bin, and who can have a bin signed can list any target in it.
    found = [first(payload, word, begin) for word in (b'"_type":', b'"expires":', b'"version":')]
    if found != [-1, -1, end]:
        raise SignerRefused(f"what shall be signed as {role} is not a bin")
    return "targets", int(tail[1]), head[1].decode()
