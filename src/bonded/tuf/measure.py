"""Figures of publications: how they ended, and how long the changes took that became visible. Nothing here can fail one.

What a publication carried is read after it was settled, never before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from bonded.catalog.tables import file as file_table
from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.telemetry import metrics
from bonded.telemetry.measures import BATCH, CHANGE_LATENCY, LATENCY, PUBLICATIONS
from bonded.tuf.outcome import Outcome, Result
from bonded.tuf.tables import journal_publication
from bonded.values.states import FileState

SAMPLE = 500
"""Changes of one publication that are measured, the newest ones: enough for a histogram, and no large batch is slowed."""

log = structlog.get_logger("bonded.publisher")


def counted(call: Callable[[], Outcome]) -> Outcome:
    """What `call`, a publish or a refresh, returns or raises; how it ended is counted."""
    try:
        outcome = call()
    except Exception:
        metrics.count(PUBLICATIONS, result="failed")
        raise
    if outcome.result in (Result.PUBLISHED, Result.BURNED):
        metrics.count(PUBLICATIONS, result=str(outcome.result))
    return outcome


def visible(db: Database, outcome: Outcome, at: datetime) -> None:
    """Measure the changes of a publication that clients can see since `at`. One that only renewed has none."""
    if not outcome.events:
        return
    metrics.sized(BATCH, outcome.events)
    try:
        with db.read() as conn:
            _latencies(conn, outcome.n, at)
    except SQLAlchemyError as error:
        log.warning("a publication could not be measured", publication=outcome.n, error=type(error).__name__)


def _latencies(conn: Connection, n: int, visible: datetime) -> None:
    rows = conn.execute(
        select(journal.c.action, journal.c.at, journal.c.facts, file_table.c.uploaded_at)
        .join_from(journal_publication, journal, journal.c.id == journal_publication.c.journal_id)
        .outerjoin(file_table, file_table.c.id == journal.c.subject_id)
        .where(journal_publication.c.n == n)
        .order_by(journal_publication.c.journal_id.desc())
        .limit(SAMPLE)
    ).all()
    for action, at, facts, uploaded_at in rows:
        metrics.took(CHANGE_LATENCY, _seconds(at, visible))
        # A file that a person released waited for the person: that says nothing of publishing.
        if action == "file.publish" and facts.get("from") == FileState.RECEIVED and uploaded_at is not None:
            metrics.took(LATENCY, _seconds(uploaded_at, visible))


def _seconds(at: datetime, until: datetime) -> float:
    return max(0.0, (until - at).total_seconds())
