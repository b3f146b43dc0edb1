"""Small rules about text: what may enter signed metadata and pages, ids, and how times are written."""

from __future__ import annotations

import codecs
import secrets
import unicodedata
from datetime import UTC, datetime

_FORBIDDEN = {chr(c) for c in range(0x20)} | {chr(0x7F)}


def has_control(text: str) -> bool:
    """True when `text` holds U+0000-001F, U+007F or a lone surrogate: never allowed in anything signed.

    orjson and TUF's canonical JSON write those differently (decisions/0002), so they are refused at the door.
    """
    return any(c in _FORBIDDEN or "\ud800" <= c <= "\udfff" for c in text)


def clean(text: str) -> str:
    """`text` in NFC with control characters and lone surrogates replaced by a space."""
    return unicodedata.normalize(
        "NFC", "".join(" " if c in _FORBIDDEN or "\ud800" <= c <= "\udfff" else c for c in text)
    )


def written(data: bytes) -> str:
    """The text of a file that people write, in UTF-8: without the mark that editors of Windows put before it.

    Raises ValueError in words that follow "cannot be read: ".
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        raise ValueError("it is written in UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is no UTF-8 text; save it as UTF-8") from None


def new_id() -> str:
    """A new opaque id: 26 characters of lower-case base 32, 128 random bits."""
    n = secrets.randbits(128)
    out = ""
    for _ in range(26):
        n, r = divmod(n, 32)
        out = "0123456789abcdefghjkmnpqrstvwxyz"[r] + out
    return out


def iso(at: datetime) -> str:
    """`at` as RFC 3339 in UTC with microseconds and a Z, as PEP 700 asks of upload-time."""
    if at.tzinfo is UTC:
        return at.isoformat(timespec="microseconds")[:-6] + "Z"
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
