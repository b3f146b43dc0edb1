"""What happens to a batch that fails: it is halved, and a row that fails alone is parked, so no project blocks others."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import func, select, update

from bonded.db.engine import Database, Tx
from bonded.journal.record import record
from bonded.journal.tables import to_publish
from bonded.tuf.context import Publisher
from bonded.values.states import SubjectKind
from bonded.values.who import PUBLISHER

TRIES = 2
"""Failures of one batch before it is halved."""

log = structlog.get_logger("bonded.publisher")


def waiting(db: Database) -> int:
    """How many events wait and are not parked."""
    with db.read() as conn:
        query = select(func.count()).select_from(to_publish).where(to_publish.c.parked == 0)
        return int(conn.execute(query).scalar_one())


def succeeded(p: Publisher) -> None:
    """The batches grow again."""
    memory = p.memory
    memory.failures = 0
    memory.limit = memory.limit * 2 if 0 < memory.limit * 2 < p.settings.max_batch else 0


def failed(p: Publisher, error: Exception, now: datetime, *, at_fault: str | None) -> None:
    """Count a failed batch. `at_fault`: the project that cannot be published; None: the store or signer failed.

    Burned numbers are not failures. A single row goes to the end of the line; one of a project at fault is parked.
    """
    memory = p.memory
    memory.failures += 1
    if memory.failures < TRIES:
        return
    memory.failures = 0
    size = min(memory.limit or p.settings.max_batch, waiting(p.db))
    if size > 1:
        memory.limit = size // 2
        return
    with p.db.write() as tx:
        _set_aside(tx, error, now, at_fault)


def _set_aside(tx: Tx, error: Exception, now: datetime, at_fault: str | None) -> None:
    c = to_publish.c
    first = select(c.id, c.project_key, c.journal_id).where(c.parked == 0).order_by(c.failures, c.id).limit(1)
    if at_fault is not None:  # what came since the batch was collected may stand before it now
        first = first.where(c.project_key == at_fault)
    row = tx.execute(first).one_or_none()
    if row is None:
        return
    values = {"failures": c.failures + 1} | ({"parked": 1} if at_fault is not None else {})
    tx.execute(update(to_publish).where(c.id == row.id).values(values))
    if at_fault is not None:
        log.error("parked", project=row.project_key, journal=row.journal_id, reason=str(error))
        facts = {"event": row.id, "journal": row.journal_id, "error": type(error).__name__}
        subject = (SubjectKind.PUBLICATION, str(row.id))
        record(tx, "publication.park", PUBLISHER, subject, now=now, project=row.project_key, facts=facts)
