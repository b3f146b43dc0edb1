"""What the database says of signing, for `status`: what waits, what failed, and the newest publications."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select

from bonded.catalog.tables import check_state, verdict
from bonded.catalog.vulnerability_tables import feed
from bonded.db.jobs import job
from bonded.journal.tables import journal, journal_unsealed, to_publish
from bonded.tuf.status_model import ChangeStatus, FeedStatus, Flip, QueueStatus, Status
from bonded.tuf.tables import bin_table, publication, sequence, superseded

DAY = timedelta(days=1)
NEWEST = 1000
"""Verdicts that are looked at."""


def fill(conn: Connection, found: Status, now: datetime, flips: int) -> None:
    """Write into `found` what the tables hold as of `now`."""
    b, t, s = bin_table.c, to_publish.c, superseded.c
    found.bins, found.next_bin_expiry = conn.execute(select(func.count(), func.min(b.expires))).one()
    found.longest_bin = conn.execute(select(func.max(b.length))).scalar_one() or 0
    found.bins_overdue = _count(conn, select(func.count()).where(b.expires <= now))
    found.rows_waiting, found.oldest_row = conn.execute(select(func.count(), func.min(t.at)).where(t.parked == 0)).one()
    found.rows_parked = _count(conn, select(func.count()).where(t.parked == 1))
    found.superseded, found.oldest_superseded = conn.execute(select(func.count(), func.min(s.at))).one()
    found.rows_unsealed, found.oldest_unsealed = conn.execute(
        select(func.count(), func.min(journal.c.at)).join_from(journal_unsealed, journal)
    ).one()
    found.queues = queues(conn, now)
    found.change = _change(conn)
    c = check_state.c
    sent_back = select(c.check, c.reason).where(c.origin == "precision", c.state == "evaluation").order_by(c.check)
    found.demoted = {row.check: row.reason for row in conn.execute(sent_back)}
    found.verdicts, found.unread = _verdicts(conn, now)
    found.feed = _feed(conn)
    newest = select(publication).where(publication.c.state == "live").order_by(publication.c.n.desc())
    known = conn.execute(newest.with_only_columns(publication.c.content).limit(1)).scalar_one_or_none()
    found.known_content = int(known or 0)
    found.flips = [
        Flip(row.n, row.kind, row.opened_at, row.flipped_at, len(row.row_ids), len(row.projects))
        for row in (conn.execute(newest.limit(flips)) if flips else ())
    ]


def queues(conn: Connection, now: datetime) -> list[QueueStatus]:
    """Every queue that has jobs, by name. Nothing is behind because of a job that is to be done later on purpose."""
    alive = job.c.state != "dead"
    # Each failure moves a job's due time on: what fails again and again has been due since it was made.
    failing = alive & job.c.last_error.is_not(None)
    rows = conn.execute(
        select(
            job.c.queue,
            func.sum(case((alive, 1), else_=0)),
            func.sum(case((alive, 0), else_=1)),
            func.min(case((failing, job.c.created_at), (alive, job.c.due))),
            func.min(case((failing | (alive & (job.c.due <= now)), job.c.created_at))),
        )
        .group_by(job.c.queue)
        .order_by(job.c.queue)
    )
    return [QueueStatus(name, int(waiting), int(dead), due, made) for name, waiting, dead, due, made in rows]


def _verdicts(conn: Connection, now: datetime) -> tuple[int, int]:
    """How many of the newest verdicts are of the last day, and on how many archives that could not be read wholly."""
    v = verdict.c
    newest = select(v.unread, v.created_at).order_by(v.id.desc()).limit(NEWEST).subquery()
    unread = func.sum(case((newest.c.unread != [], 1), else_=0))
    number, blind = conn.execute(select(func.count(), unread).where(newest.c.created_at > now - DAY)).one()
    return int(number), int(blind or 0)


def _change(conn: Connection) -> ChangeStatus | None:
    q = sequence.c
    row = conn.execute(select(q.kind, q.since, q.says).where(q.state == "running")).one_or_none()
    return ChangeStatus(*row) if row is not None else None


def _feed(conn: Connection) -> FeedStatus | None:
    f = feed.c
    wanted = select(f.tried_at, f.due, f.imported_at, f.problem, f.newest, f.old_at).order_by(f.id).limit(1)
    row = conn.execute(wanted).one_or_none()
    return FeedStatus(*row) if row is not None else None


def _count(conn: Connection, query: Any) -> int:
    return int(conn.execute(query).scalar_one())
