"""What never reaches a log: tokens, passwords, cookies, one-time links. Pure functions over text and event dictionaries.

Two nets: values under a telling key are replaced whole, and whatever looks like a credential is replaced inside any text,
tracebacks included.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

HIDDEN = "[redacted]"

_KEYS = re.compile(
    r"passw|passphrase|secret|token(?!_id|s$)|authori[sz]ation|cookie|csrf|macaroon|api_?key", re.IGNORECASE
)
_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bonded|pypi)-[A-Za-z0-9_\-]{16,}={0,2}"), rf"\1-{HIDDEN}"),
    (re.compile(r"\b(Basic|Bearer|Token) +[A-Za-z0-9+/._~\-]{8,}={0,2}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"((?:__Host-)?bonded(?:-known)?=)[^\s;,\"'\\]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        re.compile(r"((?:password|passphrase|secret)[\"']?\s*[:=]\s*[\"']?)[^\s&;,\"'}\\]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)
_LINK = re.compile(r"(?<=/)[A-Za-z0-9_\-.~%]{20,}(?=/|$)")


def redact_text(text: str) -> str:
    """`text` with everything that looks like a credential replaced, and what cannot be written as UTF-8 spelled out."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    for pattern, replacement in _TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact_path(path: str) -> str:
    """A request path as logs may hold it: under /account/ and /login/ a long segment may be a one-time secret."""
    if path.startswith(("/account/", "/login/")):
        path = _LINK.sub(HIDDEN, path)
    return redact_text(path)


def redact_value(key: str, value: Any) -> Any:
    """`value` as it may be logged under `key`: nested mappings and lists are followed, other objects become text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if _KEYS.search(key):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, dict):
        return {redact_text(str(k)): redact_value(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value("", v) for v in value]
    return redact_text(str(value))


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor over the whole event; run it after tracebacks were turned into text."""
    return {key: redact_value(key, value) for key, value in event.items()}
