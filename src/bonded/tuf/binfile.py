"""Bins as bytes: a new version is the previous file with some entries put in, replaced or taken out. Pure.

Entries are sorted by path and written canonically, so splitting the text at entry borders is enough; no bin is parsed.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bonded.tuf.roles import SPEC

_OPEN = b'"targets":{'
_CLOSE = b'},"version":'
EMPTY = _OPEN + _CLOSE
"""Stands for a bin that has no file yet."""


class DamagedBin(Exception):
    """A bin's file is not what the publisher wrote."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is signed of one target. `length` in bytes."""

    sha256: str
    length: int


def entry(path: str, target: Target) -> bytes:
    """One target in canonical JSON. `path` has been checked: it needs no escapes."""
    return f'"{path}":{{"hashes":{{"sha256":"{target.sha256}"}},"length":{target.length}}}'.encode()


def path_of(piece: bytes) -> bytes:
    """The path of an entry. Entries are sorted by it, not by their text: `!` sorts before the closing quote."""
    return piece[1 : piece.index(b'":', 1)]


def split(signed: bytes, prefix: str) -> list[bytes]:
    """The entries of a bin, sorted, from the canonical bytes of its signed part. Raises DamagedBin."""
    start, end = signed.find(_OPEN), signed.rfind(_CLOSE)
    if start < 0 or end < start:
        raise DamagedBin("no targets in it")
    body = signed[start + len(_OPEN) : end]
    if not body:
        return []
    border = b'},"' + prefix.encode()
    pieces = body.split(border)
    mark = b'"' + prefix.encode()
    return [
        (piece if i == 0 else mark + piece) + (b"}" if i < len(pieces) - 1 else b"") for i, piece in enumerate(pieces)
    ]


def splice(entries: list[bytes], changes: Mapping[str, Target | None]) -> list[bytes]:
    """`entries` with each path of `changes` set to its target, or taken out where that is None."""
    out = list(entries)
    for path, target in changes.items():
        key = path.encode()
        at = bisect_left(out, key, key=path_of)
        there = at < len(out) and path_of(out[at]) == key
        if target is None:
            if there:
                del out[at]
        elif there:
            out[at] = entry(path, target)
        else:
            out.insert(at, entry(path, target))
    return out


def render(entries: list[bytes], version: int, expires: datetime) -> bytes:
    """The canonical bytes of a bin's signed part."""
    head = f'{{"_type":"targets","expires":"{utc(expires)}","spec_version":"{SPEC}",'.encode()
    return head + _OPEN + b",".join(entries) + _CLOSE + b"%d}" % version


def utc(at: datetime) -> str:
    """A moment as TUF metadata write it: whole seconds, UTC, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_utc(text: str) -> datetime:
    """The moment that `utc` wrote. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def expires_of(signed: bytes) -> datetime:
    """When a bin expires, from the bytes of its signed part. Raises DamagedBin."""
    mark = b'"expires":"'
    start = signed.find(mark, 0, 200)
    try:
        return read_utc(signed[start + len(mark) : start + len(mark) + 20].decode("ascii"))
    except ValueError as error:
        raise DamagedBin("no expiry in it") from error


def version_of(signed: bytes) -> int:
    """The version of a bin, from the bytes of its signed part. Raises DamagedBin."""
    try:
        return int(signed[signed.rfind(_CLOSE) + len(_CLOSE) : -1])
    except ValueError as error:
        raise DamagedBin("no version in it") from error


def expiry(role: str, now: datetime, lifetime: timedelta) -> datetime:
    """Lifetime x (0.75 + 0.25 x hash(name)) from now, so that bins born together do not expire together."""
    share = int.from_bytes(hashlib.sha256(role.encode()).digest()[:4], "big") / 2**32
    return (now + lifetime * (0.75 + 0.25 * share)).replace(microsecond=0)
