"""The public record of publications: single files while they are young, `publications/<day>.jsonl.zst` afterwards.

A pack holds the very bytes of each `publications/N.json` of one day (UTC), one a line, by number: so every digest that a
later publication names still verifies. Following the record goes backwards from the live publication, digest by digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import orjson
import structlog
import zstandard

from bonded.seams import NotStored, OtherBytes, Storage
from bonded.tuf.roles import changes_name
from bonded.tuf.threads import ahead
from bonded.tuf.trust import Untrusted

PREFIX = "publications/"
_SINGLE = re.compile(r"publications/(\d+)\.json")
_PACK = re.compile(r"publications/(\d{4}-\d{2}-\d{2})\.jsonl\.zst")
LEVEL = 19
ALONG = 16
"""Records that are read along with one: each may have megabytes."""
Marked = Callable[[list[str]], set[str]]
"""Of these objects, those that something took the place of."""

log = structlog.get_logger("bonded.pack")


class Anchor(Protocol):
    """A publication that is trusted: its number, and the hex sha256 of its `publications/<n>.json`."""

    @property
    def n(self) -> int: ...
    @property
    def changes(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Link:
    """One publication in the record: its number, the sha256 of its `publications/N.json`, and that file decoded."""

    n: int
    sha256: str
    changes: dict[str, Any]

    @property
    def attempt(self) -> str:
        return str(self.changes["attempt"])


def chain(public: Storage, anchor: Anchor) -> Iterator[Link]:
    """The record from `anchor` (the live publication's Base will do) back to the first.

    Raises Untrusted where a link is missing or differs.
    """
    records = Records(public)
    n, sha256 = anchor.n, anchor.changes
    while True:
        link = records.link(n, sha256)
        yield link
        previous = link.changes["previous"]
        if previous is None:
            return
        if previous["publication"] >= n:
            raise Untrusted(f"{changes_name(n)} names a later publication before it")
        n, sha256 = int(previous["publication"]), str(previous["sha256"])


def pack_name(day: date) -> str:
    """The object that holds the record of one day."""
    return f"{PREFIX}{day.isoformat()}.jsonl.zst"


def ended_days(public: Storage, live: Anchor, before: date, marked: Marked) -> Iterator[tuple[date, dict[int, bytes]]]:
    """The single files of days before `before`, as day -> number -> bytes, day by day.

    `live` is the live publication: its day is not over. Later ones of it may still come, after however long an outage, and who
    follows the record begins with a single file. `marked` names those of some files that lie in packs already and wait for
    their grace: a day has thousands, and each look of the next would read them all. What is no record is left out; fsck names it.
    """
    singles: dict[str, int] = {}
    for entry in public.entries(PREFIX):
        found = _SINGLE.fullmatch(entry.name)
        if found is not None and int(found[1]) < live.n and entry.modified.date() < before:
            singles[entry.name] = int(found[1])
    names = sorted(singles.keys() - marked(list(singles)), key=singles.__getitem__)
    read = zip((singles[name] for name in names), ahead(partial(_read, public), names, public.at_once), strict=True)
    for day, lines in _by_day((n, data) for n, data in read if data is not None):
        if day < before:
            yield day, lines


def _read(public: Storage, name: str) -> bytes | None:
    """None for one that was swept meanwhile."""
    try:
        return public.read(name)
    except NotStored:
        return None


def _by_day(records: Iterable[tuple[int, bytes]]) -> Iterator[tuple[date, dict[int, bytes]]]:
    """Records in the order of their numbers -> those of each day. Clocks of two hosts may disagree around midnight, so a day
    is whole when the one after the next begins; three are in memory at most."""
    days: dict[date, dict[int, bytes]] = {}
    for n, data in records:
        day = day_of(data)
        if day is None:
            continue
        days.setdefault(day, {})[n] = data
        for whole in sorted(one for one in days if one < day - timedelta(days=1)):
            yield whole, days.pop(whole)
    yield from sorted(days.items(), key=lambda item: item[0])


def day_of(record: bytes) -> date | None:
    """The day (UTC) of a record; None for what is none."""
    try:
        return datetime.fromisoformat(orjson.loads(record)["at"]).date()
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def write_pack(public: Storage, day: date, records: dict[int, bytes]) -> list[str]:
    """Pack these records of a day; returns the single files that the pack makes superfluous. Nothing is deleted.

    A pack is written once: caches keep it for a year. If there is one, those it holds are superfluous, and what came too late
    for it stays a file of its own. Written under another name first, so that one which a power cut leaves is whole. Raises
    Untrusted where a pack cannot be read, StorageError.
    """
    name, aside = pack_name(day), f"{pack_name(day)}.new"
    if public.exists(name):
        there = _lines(public.read(name))
        public.delete(aside)
    else:
        there = records
        packer = zstandard.ZstdCompressor(level=LEVEL).compressobj(size=sum(map(len, records.values())) + len(records))
        packed = b"".join([*(packer.compress(records[n] + b"\n") for n in sorted(records)), packer.flush()])
        public.put(aside, packed)
        public.barrier()
        try:
            public.copy(aside, name)
        except OtherBytes:
            return []  # another was faster: the next look finds which of these it has
        finally:
            public.delete(aside)
        if public.read(name) != packed:
            raise Untrusted(f"{name} does not hold what was packed")
    public.barrier()
    return [changes_name(n) for n in sorted(records) if there.get(n) == records[n]]


class Packed:
    """Answers whether records are in their packs; keeps the digests of one day's."""

    def __init__(self, public: Storage) -> None:
        self._public = public
        self._name = ""
        self._digests: dict[int, bytes] = {}

    def holds(self, data: bytes) -> bool:
        """Whether the pack of its day holds exactly this record. Not, where the pack cannot be read."""
        day = day_of(data)
        if day is None:
            return False
        if pack_name(day) != self._name:
            self._digests = self._read(pack_name(day))
            self._name = pack_name(day) if self._digests else ""  # one that is not there yet may come
        return self._digests.get(int(orjson.loads(data)["publication"])) == hashlib.sha256(data).digest()

    def _read(self, name: str) -> dict[int, bytes]:
        try:
            lines = _lines(self._public.read(name))
        except NotStored:
            return {}
        except Untrusted as error:
            log.error("a pack of publications cannot be read", name=name, reason=str(error))
            return {}
        return {n: hashlib.sha256(line).digest() for n, line in lines.items()}


def _lines(data: bytes) -> dict[int, bytes]:
    """The records of a pack by number. Raises Untrusted for what is no whole pack."""
    unpack = zstandard.ZstdDecompressor().decompressobj()
    try:
        text = unpack.decompress(data)
        if not unpack.eof:
            raise Untrusted("a pack of publications is cut off")
        return {int(orjson.loads(line)["publication"]): line for line in text.splitlines()}
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Untrusted(f"a pack of publications cannot be read: {error}") from error


class Records:
    """Finds records by number, forwards as well as backwards: in single files first, then in packs, one in memory."""

    def __init__(self, public: Storage) -> None:
        self._public = public
        self._spans: dict[str, tuple[int, int] | None] = {}
        self._open: dict[int, bytes] = {}
        self._last = 0
        self._singles: dict[int, bytes] = {}

    def link(self, n: int, sha256: str) -> Link:
        """Publication `n`, checked against its digest. Raises Untrusted."""
        data = self.find(n, sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Untrusted(f"{changes_name(n)} is not the one that was signed")
        try:
            changes = orjson.loads(data)
            if changes["publication"] != n or not changes.keys() >= {"attempt", "previous", "targets", "pages", "at"}:
                raise Untrusted(f"{changes_name(n)} is the record of another publication")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Untrusted(f"{changes_name(n)} is no record of changes: {error}") from error
        return Link(n, sha256, changes)

    def find(self, n: int, sha256: str = "") -> bytes:
        """The bytes of `publications/n.json`; a pack's, where the single file is damaged and `sha256` is in a pack.

        Raises Untrusted when neither a file nor a pack has it.
        """
        if sha256 and n in self._open and hashlib.sha256(self._open[n]).hexdigest() == sha256:
            return self._open[n]
        single = self._single(n)
        if single is not None and (not sha256 or hashlib.sha256(single).hexdigest() == sha256):
            return single
        if n in self._open or any(self._opened(name, n) for name in self._candidates(n)):
            return self._open[n]
        if single is not None:
            return single
        raise Untrusted(f"{changes_name(n)} is neither in the store nor in a pack")

    def _single(self, n: int) -> bytes | None:
        """The file of one record, if there is one. Who reads a second one goes through them in order: from a store that is
        elsewhere those that probably follow are read along, since numbers have few gaps."""
        if n not in self._singles:
            step, self._last = (0 if not self._last else 1 if n > self._last else -1), n
            many = min(self._public.at_once, ALONG) if step else 1
            wanted = [n + step * i for i in range(many) if n + step * i > 0]
            found = zip(wanted, ahead(self._read, wanted, many), strict=True)
            self._singles = {number: data for number, data in found if data is not None}
        self._last = n
        return self._singles.pop(n, None)

    def _read(self, n: int) -> bytes | None:
        try:
            return self._public.get(changes_name(n)).data
        except NotStored:
            return None

    def _candidates(self, n: int) -> list[str]:
        """Packs that may hold `n`, newest first: those whose numbers we know to be around it, and those never opened."""
        names = sorted((e.name for e in self._public.entries(PREFIX) if _PACK.fullmatch(e.name)), reverse=True)
        spans = ((name, self._spans.get(name)) for name in names)
        return [name for name, span in spans if span is None or span[0] <= n <= span[1]]

    def _opened(self, name: str, n: int) -> bool:
        try:
            lines = _lines(self._public.get(name).data)
        except Untrusted as error:
            raise Untrusted(f"{name}: {error}") from error
        self._spans[name] = (min(lines), max(lines)) if lines else (1, 0)
        if n not in lines:
            return False
        self._open = lines
        return True
