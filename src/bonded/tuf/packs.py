"""The public record of publications: single files while they are young, `publications/<day>.jsonl.zst` afterwards.

A pack holds the very bytes of each `publications/N.json` of one day (UTC), one a line, by number: so every digest that a
later publication names still verifies. Following the record goes backwards from the live publication, digest by digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import zstandard

from bonded.seams import NotStored, Storage
from bonded.tuf.base import Base
from bonded.tuf.roles import changes_name
from bonded.tuf.trust import Untrusted

PREFIX = "publications/"
_SINGLE = re.compile(r"publications/(\d+)\.json")
_PACK = re.compile(r"publications/(\d{4}-\d{2}-\d{2})\.jsonl\.zst")
LEVEL = 19


@dataclass(frozen=True, slots=True)
class Link:
    """One publication in the record: its number and its decoded `publications/N.json`."""

    n: int
    changes: dict[str, Any]


def chain(public: Storage, base: Base) -> Iterator[Link]:
    """The record from the live publication back to the first. Raises Untrusted where a link is missing or differs."""
    packs = _Packs(public)
    n, sha256 = base.n, base.changes
    while True:
        data = packs.find(n)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Untrusted(f"{changes_name(n)} is not the one that was signed")
        changes = orjson.loads(data)
        yield Link(n, changes)
        previous = changes["previous"]
        if previous is None:
            return
        if previous["publication"] >= n:
            raise Untrusted(f"{changes_name(n)} names a later publication before it")
        n, sha256 = previous["publication"], previous["sha256"]


def pack_name(day: date) -> str:
    """The object that holds the record of one day."""
    return f"{PREFIX}{day.isoformat()}.jsonl.zst"


def pack(public: Storage, live: int, now: datetime) -> list[str]:
    """Write the packs of days that ended more than a day ago; returns the single files that they make superfluous.

    `live` is the number of the live publication: its file is never packed away. A pack that exists already (we stopped
    before the files in it were marked) is taken as it is. Nothing is deleted here.
    """
    before = now.astimezone(UTC).date() - timedelta(days=1)
    days: dict[date, dict[int, bytes]] = {}
    for entry in public.entries(PREFIX):
        found = _SINGLE.fullmatch(entry.name)
        if found is None or int(found[1]) == live or entry.modified.date() >= before:
            continue
        data = public.get(entry.name).data
        day = datetime.fromisoformat(orjson.loads(data)["at"]).date()
        if day < before:
            days.setdefault(day, {})[int(found[1])] = data
    done: list[str] = []
    for day, lines in sorted(days.items()):
        done += _pack_day(public, day, lines)
    return done


class Packed:
    """Answers whether records are in their packs; keeps one day's pack in memory."""

    def __init__(self, public: Storage) -> None:
        self._public = public
        self._name = ""
        self._lines: dict[int, bytes] = {}

    def holds(self, data: bytes) -> bool:
        """Whether the pack of its day holds exactly this record."""
        changes = orjson.loads(data)
        name = pack_name(datetime.fromisoformat(changes["at"]).date())
        if name != self._name:
            self._name = name
            self._lines = _lines(self._public.get(name).data) if self._public.exists(name) else {}
        return self._lines.get(int(changes["publication"])) == data


def _pack_day(public: Storage, day: date, singles: dict[int, bytes]) -> list[str]:
    name, lines = pack_name(day), singles
    if public.exists(name):
        lines = _lines(public.get(name).data) | lines  # late files of that day are added to the pack
    body = b"".join(lines[n] + b"\n" for n in sorted(lines))
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(body)
    public.put(name, packed)
    public.barrier()
    if _lines(public.get(name).data) != lines:
        raise Untrusted(f"{name} does not hold what was packed")
    return [changes_name(n) for n in sorted(singles)]


def _lines(data: bytes) -> dict[int, bytes]:
    text = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return {int(orjson.loads(line)["publication"]): line for line in text.splitlines()}


class _Packs:
    """Finds records by number, in single files first, then in packs from the newest back, one in memory at a time."""

    def __init__(self, public: Storage) -> None:
        self._public = public
        self._left: list[str] | None = None
        self._open: dict[int, bytes] = {}

    def find(self, n: int) -> bytes:
        """The bytes of `publications/n.json`. Raises Untrusted when neither a file nor a pack has it."""
        try:
            return self._public.get(changes_name(n)).data
        except NotStored:
            pass
        if n in self._open or self._search(n, self._left or []) or self._search(n, self._all()):
            return self._open[n]
        raise Untrusted(f"{changes_name(n)} is neither in the store nor in a pack")

    def _search(self, n: int, names: list[str]) -> bool:
        """Open packs, newest first, until one has `n`; the next search goes on from there."""
        self._left = names
        while names:
            self._open = _lines(self._public.get(names.pop()).data)
            if n in self._open:
                return True
        return False

    def _all(self) -> list[str]:
        return sorted(entry.name for entry in self._public.entries(PREFIX) if _PACK.fullmatch(entry.name))
