"""Which language a reader gets: what they chose with us, then what their browser asks for (RFC 9110, 12.5.4). Pure."""

from __future__ import annotations

import re

from bonded.values.languages import DEFAULT, closest

COOKIE = "bonded-language"
"""What a visitor without an account chose. It holds a code of ours and nothing else."""
LONGEST = 1000
MOST = 30
"""Ranges that are looked at: no browser sends more, and whoever does waits no longer for it."""
_RANGE = re.compile(
    r"[ \t]*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7})[ \t]*(?:;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?))?[ \t]*"
)


def negotiated(offered: tuple[str, ...], stored: str | None, cookie: str, header: str) -> str:
    """One of `offered`: the language stored with the account, else of the cookie, else of Accept-Language, else English."""
    for chosen in (stored, cookie):
        code = closest(chosen[:40], offered) if chosen else None
        if code is not None:
            return code
    return asked(header, offered) or DEFAULT


def asked(header: str, offered: tuple[str, ...]) -> str | None:
    """The offered language that an Accept-Language header likes best; None when it names none of them.

    Anything that is no language range is passed over: the header comes from anybody.
    """
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:LONGEST].split(",")[:MOST]):
        wanted = _RANGE.fullmatch(part)
        quality = float(wanted[2]) if wanted and wanted[2] else 1.0
        code = closest(wanted[1], offered) if wanted and 0.0 < quality <= 1.0 else None
        if code is not None:
            found.append((-quality, place, code))
    return min(found)[2] if found else None
