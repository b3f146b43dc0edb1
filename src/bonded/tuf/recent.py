"""What happened lately, for the console: publications by the hour, and what was withdrawn while clients may hold older
snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Connection, Select, and_, func, select, type_coerce

from bonded.db.jobs import job
from bonded.journal.tables import journal
from bonded.tuf.tables import journal_publication, publication

HOUR = timedelta(hours=1)
WITHDRAWALS = ("file.withdraw", "file.delete", "review.quarantine", "review.remove")
MOST = 50
AFTER_PAGES = (":removed", ":bytes")
"""Ends of the keys of jobs that remove an owner's file once caches have the page without it."""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of UTC: publications that became visible in it, and the changes that they carried."""

    start: datetime
    publications: int
    changes: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A file that left the index, as clients of an older snapshot meet it.

    `bytes_gone`: no job has still to remove its bytes. `n` is the publication without it, None before there is one;
    `until` when the last client that held an older snapshot refuses that one, None before the publication.
    """

    at: datetime
    action: str
    project: str
    filename: str
    reason: str
    bytes_gone: bool
    n: int | None
    until: datetime | None


def hours(conn: Connection, now: datetime, count: int = 24) -> list[Hour]:
    """The last `count` hours, the oldest first; the last one is not over yet."""
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [last - HOUR * back for back in range(count - 1, -1, -1)]
    at = type_coerce(publication.c.flipped_at, BigInteger) // (3600 * 1_000_000)
    lately = publication.c.flipped_at >= starts[0], publication.c.state == "live"
    flips = _counts(conn, select(at, func.count()).where(*lately).group_by(at))
    carried = select(at, func.count()).join_from(
        publication, journal_publication, journal_publication.c.n == publication.c.n
    )
    changes = _counts(conn, carried.where(*lately).group_by(at))
    numbers = [(start, int(start.timestamp()) // 3600) for start in starts]
    return [Hour(start, int(flips.get(hour, 0)), int(changes.get(hour, 0))) for start, hour in numbers]


def _counts(conn: Connection, query: Select[int, int]) -> dict[int, int]:
    return {int(row[0]): int(row[1]) for row in conn.execute(query)}


def burned(conn: Connection, since: datetime) -> int:
    """How many numbers were given up since then."""
    mine = and_(publication.c.state == "burned", publication.c.opened_at >= since)
    return int(conn.execute(select(func.count()).where(mine)).scalar_one())


def withdrawn(conn: Connection, now: datetime, lifetime: timedelta) -> list[Withdrawn]:
    """Files withdrawn within `lifetime` (how long a timestamp is valid), the newest first: until then a client may rely on
    a snapshot that lists them."""
    rows = conn.execute(
        select(journal, journal_publication.c.n, publication.c.flipped_at)
        .outerjoin(journal_publication, journal_publication.c.journal_id == journal.c.id)
        .outerjoin(publication, publication.c.n == journal_publication.c.n)
        .where(journal.c.action.in_(WITHDRAWALS), journal.c.at > now - lifetime - HOUR)
        .order_by(journal.c.id.desc())
        .limit(MOST)
    ).all()
    waiting = _waiting(conn, [row.subject_id for row in rows])
    return [
        Withdrawn(
            at=row.at,
            action=row.action,
            project=row.project_key or "",
            filename=str(row.facts.get("filename", "")),
            reason=str(row.facts.get("reason", "")),
            bytes_gone=_gone(row.action, row.subject_id, row.n, waiting),
            n=row.n,
            until=row.flipped_at + lifetime if row.flipped_at else None,
        )
        for row in rows
        if row.facts.get("from") in ("public", "quarantined")
        and (row.flipped_at is None or row.flipped_at + lifetime > now)
    ]


def _waiting(conn: Connection, file_ids: list[str]) -> set[str]:
    """Keys of the jobs that have still to remove bytes of these files; later looks are not among them."""
    keys = [f"takedown:{file_id}{rest}" for file_id in file_ids for rest in ("", *AFTER_PAGES)]
    return set(conn.execute(select(job.c.key).where(job.c.key.in_(keys))).scalars())


def _gone(action: str, file_id: str, n: int | None, waiting: set[str]) -> bool:
    """Whether the bytes are removed: by the urgent job, or, where an owner removed the file, once no page names it."""
    if f"takedown:{file_id}" in waiting:
        return False
    if action != "file.delete":
        return True
    return n is not None and not any(f"takedown:{file_id}{rest}" in waiting for rest in AFTER_PAGES)
