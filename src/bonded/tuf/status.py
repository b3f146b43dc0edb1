"""The state of signing in one value: what is live, what expires when, what waits. For `bonded tuf status` and the console.

Reads the store for what is live and the database for what waits; either may be away, and then the rest is still told.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.journal.tables import to_publish
from bonded.seams import NotStored, Storage
from bonded.tuf.roles import TIMESTAMP, metadata_name
from bonded.tuf.tables import bin_table, publication, superseded

OFFLINE_ALARMS = (90, 30, 14, 7)
"""Days before the expiry of an offline role at which it should be told again."""


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role as it is live. `keys` are key ids (first 8 digits are enough to tell them apart)."""

    name: str
    version: int
    expires: datetime
    threshold: int
    keys: tuple[str, ...]
    online: bool

    def left(self, now: datetime) -> timedelta:
        """Time until clients refuse it."""
        return self.expires - now


@dataclass(frozen=True, slots=True)
class Flip:
    """One publication: when it was opened and became visible, and how many changes it carried."""

    n: int
    kind: str
    opened_at: datetime
    flipped_at: datetime | None
    changes: int
    projects: int


@dataclass(slots=True)
class Status:
    """Everything an operator asks first. `alarms` are sentences; empty when all is well."""

    live: int = 0
    attempt: str = ""
    content: int = 0
    development: bool = False
    roles: list[RoleStatus] = field(default_factory=list)
    bins: int = 0
    bins_overdue: int = 0
    next_bin_expiry: datetime | None = None
    rows_waiting: int = 0
    oldest_row: datetime | None = None
    rows_parked: int = 0
    jobs: dict[str, int] = field(default_factory=dict)
    oldest_job: dict[str, datetime] = field(default_factory=dict)
    superseded: int = 0
    flips: list[Flip] = field(default_factory=list)
    snapshot_bytes: int = 0
    alarms: list[str] = field(default_factory=list)


def status(db: Database, public: Storage, now: datetime, *, flips: int = 20) -> Status:
    """The state as of `now`, with the newest `flips` publications."""
    found = Status()
    _store(public, found)
    try:
        with db.read() as conn:
            _database(conn, found, now, flips)
    except SQLAlchemyError as error:
        found.alarms.append(f"the database does not answer: {type(error).__name__}")
    found.alarms += alarms(found, now)
    return found


def alarms(found: Status, now: datetime) -> list[str]:
    """Sentences about what needs a person. Pure."""
    told = []
    for role in found.roles:
        left = role.left(now)
        if left <= timedelta(0):
            told.append(f"{role.name} has expired: clients refuse the index")
        elif role.online and left < timedelta(hours=3):
            told.append(f"{role.name} expires in {_hours(left)}: the publisher or refresher does not renew it")
        elif not role.online and left < timedelta(days=OFFLINE_ALARMS[0]):
            told.append(f"{role.name} expires in {left.days} days: its renewal needs a ceremony")
    if found.rows_parked:
        told.append(f"{found.rows_parked} changes failed alone and are parked")
    if found.bins_overdue:
        told.append(f"{found.bins_overdue} bins have expired")
    if found.oldest_row and now - found.oldest_row > timedelta(minutes=5):
        told.append(f"a change has waited for {_hours(now - found.oldest_row)} to be published")
    for queue, oldest in sorted(found.oldest_job.items()):
        if now - oldest > timedelta(minutes=1):
            told.append(f"a {queue} job has been due for {_hours(now - oldest)}")
    return told


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _store(public: Storage, found: Status) -> None:
    try:
        timestamp = _signed(public, TIMESTAMP)[0]
        version = int(timestamp["meta"]["snapshot.json"]["version"])
        snapshot, found.snapshot_bytes = _signed(public, metadata_name("snapshot", version))
        versions = {name.removesuffix(".json"): int(m["version"]) for name, m in snapshot["meta"].items()}
        root = _newest_root(public)
        targets = _signed(public, metadata_name("targets", versions["targets"]))[0]
    except NotStored as error:
        found.alarms.append(f"metadata are missing from the store: {error}")
        return
    ours = snapshot.get("x-bonded", {})
    found.live = int(timestamp["version"])
    found.attempt, found.content = str(ours.get("attempt", "")), int(ours.get("content", 0))
    found.development = "x-bonded" in root and bool(root["x-bonded"].get("development"))
    found.roles = [
        _top(root, "root", root, online=False),
        _top(root, "timestamp", timestamp, online=True),
        _top(root, "snapshot", snapshot, online=True),
        _top(root, "targets", targets, online=False),
    ]
    for role in targets.get("delegations", {}).get("roles", []):
        document = _signed(public, metadata_name(role["name"], versions[role["name"]]))[0]
        found.roles.append(_status(role["name"], document, role["threshold"], role["keyids"], online=False))


def _signed(public: Storage, name: str) -> tuple[dict[str, Any], int]:
    data = public.get(name).data
    signed: dict[str, Any] = orjson.loads(data)["signed"]
    return signed, len(data)


def _newest_root(public: Storage) -> dict[str, Any]:
    version = 1
    while public.exists(metadata_name("root", version + 1)):
        version += 1
    return _signed(public, metadata_name("root", version))[0]


def _top(root: dict[str, Any], name: str, signed: dict[str, Any], *, online: bool) -> RoleStatus:
    role = root["roles"][name]
    return _status(name, signed, role["threshold"], role["keyids"], online=online)


def _status(name: str, signed: dict[str, Any], threshold: int, keys: list[str], *, online: bool) -> RoleStatus:
    expires = datetime.fromisoformat(signed["expires"])
    return RoleStatus(name, int(signed["version"]), expires, int(threshold), tuple(keys), online)


def _database(conn: Connection, found: Status, now: datetime, flips: int) -> None:
    b, t = bin_table.c, to_publish.c
    found.bins, found.next_bin_expiry = conn.execute(select(func.count(), func.min(b.expires))).one()
    found.bins_overdue = _count(conn, select(func.count()).where(b.expires <= now))
    waiting = select(func.count(), func.min(t.at)).where(t.parked == 0)
    found.rows_waiting, found.oldest_row = conn.execute(waiting).one()
    found.rows_parked = _count(conn, select(func.count()).where(t.parked == 1))
    found.superseded = _count(conn, select(func.count()).select_from(superseded))
    for queue, count, oldest in conn.execute(
        select(job.c.queue, func.count(), func.min(job.c.due))
        .where(job.c.queue.in_(("plain", "purge", "takedown")), job.c.state != "dead")
        .group_by(job.c.queue)
    ):
        found.jobs[queue], found.oldest_job[queue] = count, oldest
    newest = select(publication).where(publication.c.flipped_at.is_not(None)).order_by(publication.c.n.desc())
    for row in conn.execute(newest.limit(flips)):
        flip = Flip(row.n, row.kind, row.opened_at, row.flipped_at, len(row.row_ids), len(row.projects))
        found.flips.append(flip)


def _count(conn: Connection, query: Any) -> int:
    return int(conn.execute(query).scalar_one())


def fingerprint(root: bytes) -> str:
    """sha256 of the root metadata, in groups of four, as it is printed at a ceremony and compared by eye."""
    digits = hashlib.sha256(root).hexdigest()
    return " ".join(digits[i : i + 4] for i in range(0, 64, 4))
