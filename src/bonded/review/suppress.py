"""Suppressions: what a check finds at one path in one content counts nothing until a day. Never a whole project, never for ever."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from bonded.catalog import read
from bonded.catalog.rules import check_reason
from bonded.catalog.tables import finding as finding_table
from bonded.catalog.tables import suppression as table
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal.record import record
from bonded.review.evidence import text_of
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

LONGEST = timedelta(days=730)

NO_SUCH_FINDING = define("no-such-finding", 404, "No such finding", "There is no finding of this number in this case.")
NO_SUCH_SUPPRESSION = define(
    "no-such-suppression", 404, "No such suppression", "There is no suppression of this number that is in force."
)
BAD_EXPIRY = define(
    "bad-expiry",
    400,
    "The day is not possible",
    f"A suppression ends in the future, at most {LONGEST.days} days from now.",
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppression. `ended_at`: when a person ended it, None when nobody did."""

    id: int
    check: str
    path: str
    content_sha256: str
    reason: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    case_id: int | None

    def in_force(self, now: datetime) -> bool:
        return now < self.expires_at


def suppress(
    tx: Tx, who: Actor, finding_id: int, *, expires: datetime, reason: str, now: datetime, case_id: int | None = None
) -> int:
    """From now until `expires`, what this check finds at this path in this very content counts nothing. Returns its number.

    The content is the member's where it is known, else the archive's. `case_id`: where it was asked for, None outside of any; the
    finding is of a file of that case. Raises Refusal (no-such-finding, bad-expiry, reason-needed).
    """
    text = check_reason("check.suppress", reason)
    if not now < expires <= now + LONGEST:
        raise Refusal(BAD_EXPIRY, "the suppression would end in the past or too far in the future")
    row = tx.execute(select(finding_table).where(finding_table.c.id == finding_id)).one_or_none()
    file = read.file(tx, row.file_id) if row is not None and row.file_id else None
    if row is None or file is None or (case_id is not None and case_id != file.case_id):
        raise Refusal(NO_SUCH_FINDING, "there is no such finding about a file")
    digest = content_of(text_of(tx, row.evidence) if row.evidence else None) or file.sha256
    values = {"check": row.check, "path": row.path, "content_sha256": digest, "reason": text}
    values |= {"created_at": now, "expires_at": expires, "case_id": case_id}
    number = int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    facts = {"suppression": number, "path": row.path, "sha256": digest, "until": expires.isoformat(), "reason": text}
    record(tx, "check.suppress", who, (SubjectKind.CHECK, row.check), now=now, facts=facts)
    return number


def end(tx: Tx, who: Actor, number: int, *, reason: str, now: datetime) -> int:
    """End a suppression before its day; returns the journal id. Raises Refusal (no-such-suppression, reason-needed)."""
    text = check_reason("check.unsuppress", reason)
    found = tx.execute(
        update(table)
        .where(table.c.id == number, table.c.expires_at > now)
        .values(expires_at=now, ended_at=now)
        .returning(table.c.check)
    ).one_or_none()
    if found is None:
        raise Refusal(NO_SUCH_SUPPRESSION, f"there is no suppression {number} in force")
    facts = {"suppression": number, "reason": text}
    return record(tx, "check.unsuppress", who, (SubjectKind.CHECK, found.check), now=now, facts=facts)


def suppressions(
    conn: Connection, some: Window | None = None, *, now: datetime, ended: bool = False
) -> list[Suppression]:
    """Those in force, the first to expire first; or those that have ended, the newest first; or some of them."""
    columns = [table.c[name] for name in Suppression.__slots__]
    order = (table.c.expires_at.desc(), table.c.id.desc()) if ended else (table.c.expires_at, table.c.id)
    query = select(*columns).where(_over(now) if ended else ~_over(now)).order_by(*order)
    return [Suppression(*row) for row in conn.execute(within(query, some))]


def count(conn: Connection, *, now: datetime, ended: bool = False) -> int:
    """How many there are of those."""
    mine = _over(now) if ended else ~_over(now)
    return int(conn.execute(select(func.count()).select_from(table).where(mine)).scalar_one())


def _over(now: datetime) -> ColumnElement[bool]:
    return table.c.expires_at <= now


def covered(conn: Connection, checks: Collection[str], *, now: datetime) -> frozenset[tuple[str, str, str]]:
    """(check, path, sha256 of the content) of every suppression of these checks that is in force."""
    mine = table.c.expires_at > now, table.c.check.in_(sorted(checks))
    rows = conn.execute(select(table.c.check, table.c.path, table.c.content_sha256).where(*mine))
    return frozenset((row.check, row.path, row.content_sha256) for row in rows)


def content_of(kept: Mapping[str, Any] | None) -> str:
    """The sha256 of the member that the kept text is of; "" where it was not kept."""
    digest = (kept or {}).get("sha256")
    return digest if isinstance(digest, str) and len(digest) == 64 else ""
