"""Sweep: objects that something newer took the place of leave the public store after their grace.

A step of the publisher, under its lock. Driven by `superseded`: age counts from when an object was superseded, not from
when it was made. Never deleted are roots, what the live snapshot needs, the snapshot that was live at each midnight (UTC),
and the record of publications, which is packed by day instead (`pack_jobs`). A sweep is a short one: the loop has as many as it
takes, in the rests between publications.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection, delete, select

from bonded.seams import NotStored, Storage
from bonded.tuf.base import Base, read_base
from bonded.tuf.context import Publisher
from bonded.tuf.packs import PREFIX, Packed
from bonded.tuf.roles import changes_name, hash32
from bonded.tuf.tables import publication, superseded, target
from bonded.tuf.threads import SHARE, Each, several, shares

AT_ONCE, FEWEST = 2000, 50
"""Most and fewest objects of one sweep."""
LONG = 0.1
"""Seconds that one sweep should take: nothing is published meanwhile."""
COPIES = ("", ".gz", ".zst")
_RECORD = re.compile(r"publications/\d+\.json")
_METADATA = re.compile(r"metadata/(\d+)\.([^/]+)\.json")
_HASHED = re.compile(r"(simple|packages)/(?:([^/]+)/)?([0-9a-f]{64})\.([^/]+)")

log = structlog.get_logger("bonded.sweep")


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: objects deleted, objects kept for good. `more`: it was not all."""

    deleted: int
    kept: int
    more: bool


def sweep(p: Publisher, now: datetime, most: int = AT_ONCE) -> Swept | None:
    """One sweep, of `most` objects. None when another process publishes, or the database has not caught up with the store.

    Raises what the store, its metadata or the database raise. If we stop anywhere, rows are left whose objects are gone:
    the next sweep deletes them again.
    """
    with p.lock.held() as mine:
        if not mine:
            return None
        base = read_base(p.public, p.memory.base)
        with p.db.read() as conn:
            if not _settled(conn, base):
                return None  # the publisher settles first: until then rows do not say what is live
        with several(1, p.public.at_once) as each:
            return _sweep(p, base, most, now, each)


def slice_after(most: int, took: float) -> int:
    """How many objects the next sweep takes, after one of `most` took so many seconds: what takes about `LONG`. Pure."""
    return max(FEWEST, min(AT_ONCE, int(most * LONG / max(took, 0.001)), 2 * most))


def _sweep(p: Publisher, base: Base, most: int, now: datetime, each: Each) -> Swept:
    with p.db.read() as conn:
        due = now - p.settings.sweep_grace
        rows = conn.execute(
            select(superseded.c.name, superseded.c.at)
            .where(superseded.c.at <= due)
            .order_by(superseded.c.at)
            .limit(most)
        ).all()
        packs = p.memory.packs = p.memory.packs or Packed(p.public)
        needed = live_names(conn, p.public, base, [row.name for row in rows], each, packs)
        keep = {row.name for row in rows if row.name in needed or _kept(conn, p.public, row.name, row.at)}
    gone = [row.name for row in rows if row.name not in keep]
    each(p.public.delete, [name + copy for name in gone for copy in COPIES])
    p.public.barrier()
    with p.db.write() as tx:
        for name, at in rows:
            # Superseded again meanwhile (with a later time): a new row, which stays.
            tx.execute(delete(superseded).where(superseded.c.name == name, superseded.c.at == at))
    if rows:
        log.info("swept", deleted=len(gone), kept=len(keep))
    if len(rows) < most:
        p.memory.packs = None
    return Swept(len(gone), len(keep), len(rows) == most)


def _settled(conn: Connection, base: Base) -> bool:
    """Whether the database knows the live publication as live."""
    c = publication.c
    here = (c.n == base.n) & (c.attempt == base.attempt) & (c.state == "live")
    return conn.execute(select(c.n).where(here)).first() is not None


def live_names(
    conn: Connection, public: Storage, base: Base, names: Sequence[str], each: Each, packs: Packed
) -> set[str]:
    """Which of `names` clients of the live snapshot may still ask for: checked whatever the rows of `superseded` say."""
    needed: set[str] = set()
    records = [name for name in names if _RECORD.fullmatch(name) and name != changes_name(base.n)]
    may_go = _records_that_may_go(conn, public, records, each, packs)
    for name in names:
        if found := _METADATA.fullmatch(name):
            version, role = int(found[1]), found[2]
            live = base.n if role == "snapshot" else base.versions.get(role)
            if role == "root" or version == live:
                needed.add(name)
        elif found := _HASHED.fullmatch(name):
            path = "/".join(part for part in (found[1], found[2], found[4]) if part)
            if _is_target(conn, path, found[3]):
                needed.add(name)
        elif name not in may_go:
            needed.add(name)  # nothing else is ever superseded: what we do not know we do not delete
    return needed


def _is_target(conn: Connection, path: str, sha256: str) -> bool:
    here = (target.c.hash32 == hash32(path)) & (target.c.path == path) & (target.c.sha256 == sha256)
    return conn.execute(select(target.c.path).where(here)).first() is not None


def _kept(conn: Connection, public: Storage, name: str, until: datetime) -> bool:
    """Whether a snapshot is kept for good: it was live at a midnight, so there is one for each day."""
    found = _METADATA.fullmatch(name)
    if found is None or found[2] != "snapshot":
        return False
    since = conn.execute(
        select(publication.c.flipped_at).where(publication.c.n == int(found[1]), publication.c.state == "live")
    ).scalar_one_or_none()
    if since is None:
        since = next((entry.modified for entry in public.entries(name) if entry.name == name), until)
    return over_midnight(since, until)


def over_midnight(since: datetime, until: datetime) -> bool:
    """Whether a midnight (UTC) lies in since..until. Pure."""
    return since.astimezone(UTC).date() < until.astimezone(UTC).date()


def _records_that_may_go(
    conn: Connection, public: Storage, names: Sequence[str], each: Each, packs: Packed
) -> set[str]:
    """Those of some `publications/N.json` that are gone, safe in their packs, or left behind by burned publications."""

    def read(name: str) -> bytes | None:
        try:
            return public.read(name)
        except NotStored:
            return None

    found = set[str]()
    for some in shares(names, SHARE):
        for name, data in zip(some, each(read, some), strict=True):
            if data is None or _record_may_go(conn, packs, name, data):
                found.add(name)
    return found


def _record_may_go(conn: Connection, packs: Packed, name: str, data: bytes) -> bool:
    if packs.holds(data):
        return True
    burned = select(publication.c.n).where(
        publication.c.n == int(name.removeprefix(PREFIX).removesuffix(".json")),
        publication.c.state == "burned",
        publication.c.changes_sha256 == hashlib.sha256(data).hexdigest(),
    )
    return conn.execute(burned).first() is not None
