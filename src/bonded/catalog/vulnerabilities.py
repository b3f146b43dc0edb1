"""Known vulnerabilities of the projects here: read for pages and documents, and brought up to a feed in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from bonded.catalog.osv_records import Affected, Record
from bonded.catalog.vulnerability_tables import vulnerability, vulnerable
from bonded.db.engine import Tx

AT_ONCE = 500
_V, _A = vulnerability.c, vulnerable.c
_KNOWN = (
    select(_A.project_key, _A.affected, vulnerability)
    .join(vulnerability, _V.id == _A.vulnerability_id)
    .where(_A.project_key.in_(bindparam("keys", expanding=True)))
    .order_by(_A.project_key, _V.modified.desc(), _V.id)
)
"""Built once: building a statement costs several times what running it does."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability of one project. `fixed`: versions that repair it, in order."""

    id: str
    summary: str
    details: str
    aliases: tuple[str, ...]
    link: str
    published: datetime | None
    withdrawn: datetime | None
    affected: Affected

    @property
    def fixed(self) -> list[str]:
        return self.affected.fixed


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import changed. `projects`: normalized names that it touched, whether they are here or not."""

    added: int
    changed: int
    dropped: int
    records: int
    projects: frozenset[str]


def of_projects(conn: Connection, keys: Collection[str]) -> dict[str, list[Vulnerability]]:
    """Project -> what is known of it, withdrawn ones too, newest first."""
    found: dict[str, list[Vulnerability]] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), AT_ONCE):
        for row in conn.execute(_KNOWN, {"keys": wanted[start : start + AT_ONCE]}):
            found.setdefault(row.project_key, []).append(_one(row))
    return found


def of_version(known: Iterable[Vulnerability], version: str) -> list[Vulnerability]:
    """Those that a release has, withdrawn ones too."""
    return [one for one in known if one.affected.hits(version)]


def merge(tx: Tx, records: Mapping[str, Record], *, keep: bool) -> Merged:
    """Bring the tables up to `records` (by id); those not among them go, unless `keep`."""
    known = {row.id: row.digest for row in tx.execute(select(_V.id, _V.digest))}
    added = [one for one in records.values() if one.id not in known]
    changed = [one for one in records.values() if one.id in known and known[one.id] != one.digest]
    dropped = [] if keep else sorted(known.keys() - records.keys())
    gone = [*dropped, *(one.id for one in changed)]
    touched = _drop(tx, gone)
    for one in (*added, *changed):
        touched |= set(one.projects)
    _write(tx, [*added, *changed])
    return Merged(len(added), len(changed), len(dropped), len(records), frozenset(touched))


def _drop(tx: Tx, ids: list[str]) -> set[str]:
    """Take these out; the projects that they were about."""
    touched: set[str] = set()
    for start in range(0, len(ids), AT_ONCE):
        batch = ids[start : start + AT_ONCE]
        touched |= set(tx.execute(select(_A.project_key).where(_A.vulnerability_id.in_(batch))).scalars())
        tx.execute(delete(vulnerable).where(_A.vulnerability_id.in_(batch)))
        tx.execute(delete(vulnerability).where(_V.id.in_(batch)))
    return touched


def _write(tx: Tx, records: list[Record]) -> None:
    for start in range(0, len(records), AT_ONCE):
        batch = records[start : start + AT_ONCE]
        tx.execute(insert(vulnerability), [_row(one) for one in batch])
        tx.execute(
            insert(vulnerable),
            [
                {"vulnerability_id": one.id, "project_key": key, "affected": asdict(affected)}
                for one in batch
                for key, affected in one.projects.items()
            ],
        )


def _row(one: Record) -> dict[str, Any]:
    names = ("id", "summary", "details", "link", "published", "modified", "withdrawn", "digest")
    return {name: getattr(one, name) for name in names} | {"aliases": list(one.aliases)}


def _one(row: Any) -> Vulnerability:
    ranges = tuple(tuple((kind, at) for kind, at in events) for events in row.affected["ranges"])
    return Vulnerability(
        id=row.id,
        summary=row.summary,
        details=row.details,
        aliases=tuple(row.aliases),
        link=row.link,
        published=row.published,
        withdrawn=row.withdrawn,
        affected=Affected(tuple(row.affected["versions"]), ranges),
    )
