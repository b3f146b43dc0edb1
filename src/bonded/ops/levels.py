"""Figures of the database for /metrics: what waits, and what was given up."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from bonded.db.jobs import job
from bonded.journal.tables import to_publish
from bonded.telemetry.measures import JOBS_DEAD, JOBS_WAITING, ROWS_WAITING
from bonded.telemetry.metrics import Level


def levels(conn: Connection) -> list[Level]:
    """Jobs by queue, waiting and dead; changes that wait for a publication."""
    rows = conn.execute(select(job.c.queue, job.c.state, func.count()).group_by(job.c.queue, job.c.state)).all()
    counts = {(row[0], row[1] == "dead"): 0 for row in rows}
    for queue, state, count in rows:
        counts[queue, state == "dead"] += count
    found: list[Level] = [
        (JOBS_DEAD if dead else JOBS_WAITING, {"queue": queue}, float(count)) for (queue, dead), count in counts.items()
    ]
    waiting = conn.execute(select(func.count()).select_from(to_publish)).scalar_one()
    return [*found, (ROWS_WAITING, {}, float(waiting))]
