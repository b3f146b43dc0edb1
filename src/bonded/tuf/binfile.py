"""Bins as bytes: a new version is the previous file with some entries put in, replaced or taken out. Pure.

Entries are sorted by path and written canonically, so a change is found in the text by halving, and no bin is parsed: its
`body`, the text between the braces of its targets, is cut and joined.
"""

from __future__ import annotations

import hashlib
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


def body_of(signed: bytes) -> bytes:
    """A bin's body, from the canonical bytes of its signed part. Raises DamagedBin."""
    start, end = signed.find(_OPEN), signed.rfind(_CLOSE)
    if start < 0 or end < start:
        raise DamagedBin("no targets in it")
    return signed[start + len(_OPEN) : end]


def body(targets: Mapping[str, Target]) -> bytes:
    """The body that lists `targets`."""
    return b",".join(entry(path, target) for path, target in sorted(targets.items()))


def count(body: bytes, prefix: str) -> int:
    """How many targets a body lists."""
    return body.count(_mark(prefix))


def _mark(prefix: str) -> bytes:
    """What every entry begins with, and nothing else holds: paths and digests have no quotes."""
    return f'"{prefix}'.encode()


def split(signed: bytes, prefix: str) -> list[bytes]:
    """The entries of a bin, sorted, from the canonical bytes of its signed part. Raises DamagedBin."""
    mark = _mark(prefix)
    pieces = body_of(signed).split(b"," + mark)
    return [piece if i == 0 else mark + piece for i, piece in enumerate(pieces)] if pieces != [b""] else []


def splice(body: bytes, prefix: str, changes: Mapping[str, Target | None]) -> bytes:
    """`body` with each path of `changes` set to its target, or taken out where that is None."""
    mark = _mark(prefix)
    for path, target in changes.items():
        begin, end = _place(body, mark, path.encode())
        if target is None:
            body = _without(body, begin, end)
        elif begin < end:
            body = body[:begin] + entry(path, target) + body[end:]
        elif begin < len(body):
            body = body[:begin] + entry(path, target) + b"," + body[begin:]
        else:
            body = body + b"," + entry(path, target) if body else entry(path, target)
    return body


def _without(body: bytes, begin: int, end: int) -> bytes:
    """`body` without the entry in [begin, end), which may be empty, and one of the commas beside it."""
    if begin == end:
        return body
    return body[:begin] + body[end + 1 :] if end < len(body) else body[: max(0, begin - 1)]


def _place(body: bytes, mark: bytes, path: bytes) -> tuple[int, int]:
    """Where the entry of `path` is, [begin, end); two equal numbers say where it would begin.

    Entries are sorted by path, not by their text: `!` sorts before the closing quote.
    """
    low, high = 0, len(body)  # the place is at the beginning of an entry from `low` on, or at `high`
    while low < high:
        at = body.rfind(mark, low, (low + high) // 2 + len(mark))
        there = body[at + 1 : body.index(b'":', at)]
        following = body.find(b"," + mark, at)
        if there == path:
            return at, following if following >= 0 else len(body)
        if there > path:
            high = at
        else:
            low = following + 1 if following >= 0 else len(body)
    return low, low


def render(body: bytes, version: int, expires: datetime) -> bytes:
    """The canonical bytes of the signed part of a bin with this body."""
    head = f'{{"_type":"targets","expires":"{utc(expires)}","spec_version":"{SPEC}",'.encode()
    return head + _OPEN + body + _CLOSE + b"%d}" % version


def utc(at: datetime) -> str:
    """A moment as TUF metadata write it: whole seconds, UTC, Z."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


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
