"""Confirmed malware told to the world as OSV advisories: one for each project, withdrawn when people take it back.

Confirmed is what a person rejected or removed with a reason that begins with the word "malware", and only that: no verdict
of policy becomes an advisory by itself. What the reason says further stays here. An id, once given, stays with its project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from packaging.version import InvalidVersion, Version
from sqlalchemy import Connection, func, insert, select, text, update

from bonded.catalog.tables import project, release
from bonded.db.engine import Database, Tx
from bonded.journal.standing import standing
from bonded.journal.tables import journal
from bonded.screening.service_tables import advisory, reading
from bonded.values.text import iso

SCHEMA_VERSION = "1.7.0"
MARK = re.compile(r"\s*malware\b", re.IGNORECASE)
DECISIONS = (
    "review.release",
    "review.quarantine",
    "review.reject",
    "review.remove",
    "review.confirm",
    "review.reopen",
)
READER = "osv"
OVERLAP = 2000
"""Rows read again each time: a row may become visible after a later one."""
AT_ONCE = 5000
LOCK = 7_402_119
"""Of the advisory lock on PostgreSQL."""


@dataclass(frozen=True, slots=True)
class OsvSettings:
    """`prefix` "" makes no advisories. `base` is the address of the index with a slash at the end."""

    prefix: str
    ecosystem: str
    base: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of a person about a file, as the journal has it."""

    file_id: str
    action: str
    facts: Mapping[str, Any]

    @property
    def confirms(self) -> bool:
        """Whether it says that the file is malware."""
        if not MARK.match(str(self.facts.get("reason", ""))):
            return False
        settled = self.action == "review.confirm" and self.facts.get("state") in ("rejected", "removed")
        return settled or self.action in ("review.reject", "review.remove")


def confirmed(decisions: Iterable[Decision]) -> list[dict[str, str]]:
    """filename, version and sha256 of the files whose newest decision that stands confirms malware. `decisions` are in order.

    Pure."""
    newest = {one.file_id: one for one in standing(decisions)}
    kept = [one.facts for one in newest.values() if one.confirms]
    files = [{name: str(facts[name]) for name in ("filename", "version", "sha256")} for facts in kept]
    return sorted(files, key=lambda one: (one["filename"], one["sha256"]))


def body(
    name: str, key: str, files: list[dict[str, str]], every: Iterable[str], settings: OsvSettings
) -> dict[str, Any]:
    """The advisory without its times. `every` are all versions of the project: if all are malware, future ones are too."""
    versions = sorted({one["version"] for one in files}, key=_order)
    package = {"ecosystem": settings.ecosystem, "name": key, "purl": _purl(key, settings.base)}
    affected: dict[str, Any] = {
        "package": package,
        "versions": versions,
        "database_specific": {"files": files},
    }
    if set(every) <= set(versions):
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    counted = "every version" if "ranges" in affected else f"{len(versions)} version{'s' if len(versions) > 1 else ''}"
    return {
        "schema_version": SCHEMA_VERSION,
        "summary": f"Malicious code in {key}",
        "details": f"People who review the index at {settings.base} confirmed that {counted} of {name} held malicious code. "
        "A computer on which it was installed or run must be regarded as compromised: change its secrets from another one.",
        "affected": [affected],
        "references": [{"type": "PACKAGE", "url": f"{settings.base}project/{key}/"}],
        "database_specific": {"confirmed_by": "review", "index": settings.base},
    }


def sync(db: Database, settings: OsvSettings, now: datetime) -> None:
    """Bring the advisories to what people have decided. A round of house-keeping, and before every export."""
    while settings.prefix:
        with db.read() as conn:
            cursor, keys, last = _news(conn)
        if last <= cursor:
            _advise(db, keys, settings, now)  # the overlap
            return
        _advise(db, keys, settings, now)
        with db.write() as tx:
            _alone(tx)
            _seen(tx, last)


def advisories(conn: Connection) -> list[dict[str, Any]]:
    """Every advisory in the OSV format, oldest first."""
    return [osv(row) for row in conn.execute(select(advisory).order_by(advisory.c.number))]


def one_advisory(conn: Connection, advisory_id: str) -> dict[str, Any] | None:
    """The advisory of that id in the OSV format."""
    row = conn.execute(select(advisory).where(advisory.c.id == advisory_id[:100])).one_or_none()
    return osv(row) if row else None


def osv(row: Any) -> dict[str, Any]:
    """A row in the OSV format."""
    times = {"published": iso(row.published_at), "modified": iso(row.modified_at)}
    withdrawn = {"withdrawn": iso(row.withdrawn_at)} if row.withdrawn_at is not None else {}
    return {"id": row.id, **times, **withdrawn, **row.body}


def _news(conn: Connection) -> tuple[int, set[str], int]:
    """Where reading stands, projects with decisions since then (and a little before), and the newest row looked at."""
    cursor = conn.execute(select(reading.c.cursor).where(reading.c.name == READER)).scalar_one_or_none() or 0
    rows = select(journal.c.id, journal.c.action, journal.c.project_key).where(journal.c.id > cursor - OVERLAP)
    found = conn.execute(rows.order_by(journal.c.id).limit(AT_ONCE + OVERLAP)).all()
    keys = {row.project_key for row in found if row.action in DECISIONS and row.project_key}
    return cursor, keys, max((row.id for row in found), default=0)


def _seen(tx: Tx, last: int) -> None:
    if tx.execute(update(reading).where(reading.c.name == READER).values(cursor=last)).rowcount == 0:
        tx.execute(insert(reading).values(name=READER, cursor=last))


def _advise(db: Database, keys: Iterable[str], settings: OsvSettings, now: datetime) -> None:
    for key in sorted(keys):
        with db.read() as conn:
            wanted, row = _wanted(conn, key, settings), _row(conn, key)
        if _agrees(wanted, row):
            continue
        with db.write() as tx:  # read again, one after the other, so that two workers do not both make one
            _alone(tx)
            wanted, row = _wanted(tx, key, settings), _row(tx, key, lock=True)
            if not _agrees(wanted, row):
                _write(tx, key, wanted, row, settings, now)


def _alone(tx: Tx) -> None:
    """Wait for whoever else writes advisories, until the end of the transaction. On SQLite the transaction itself is the lock."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def _agrees(wanted: dict[str, Any] | None, row: Any) -> bool:
    if wanted is None:
        return row is None or row.withdrawn_at is not None
    return row is not None and row.withdrawn_at is None and row.body == wanted


def _row(conn: Connection, key: str, *, lock: bool = False) -> Any:
    query = select(advisory).where(advisory.c.project_key == key)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def _wanted(conn: Connection, key: str, settings: OsvSettings) -> dict[str, Any] | None:
    j = journal.c
    mine = select(j.subject_id, j.action, j.facts).where(j.project_key == key, j.action.in_(DECISIONS)).order_by(j.id)
    files = confirmed(Decision(row.subject_id, row.action, row.facts) for row in conn.execute(mine))
    if not files:
        return None
    known = conn.execute(select(project.c.id, project.c.name).where(project.c.key == key)).one_or_none()
    every = conn.execute(select(release.c.version).where(release.c.project_id == known.id)).scalars() if known else ()
    return body(known.name if known else key, key, files, list(every), settings)


def _write(tx: Tx, key: str, wanted: dict[str, Any] | None, row: Any, settings: OsvSettings, now: datetime) -> None:
    if row is not None:
        values = (
            {"modified_at": now, "withdrawn_at": now} if wanted is None else {"modified_at": now, "withdrawn_at": None}
        )
        more = {"body": wanted} if wanted is not None else {}
        tx.execute(update(advisory).where(advisory.c.id == row.id).values(values | more))
        return
    number = tx.execute(select(func.coalesce(func.max(advisory.c.number), 0))).scalar_one() + 1
    made = {"id": f"{settings.prefix}-{now.year}-{number}", "number": number, "project_key": key, "body": wanted}
    tx.execute(insert(advisory).values(made | {"published_at": now, "modified_at": now}))


def _purl(key: str, base: str) -> str:
    return f"pkg:pypi/{key}?repository_url={quote(base + 'simple/', safe='')}"


def _order(version: str) -> tuple[bool, Version, str]:
    try:
        return True, Version(version), version
    except InvalidVersion:
        return False, Version("0"), version
