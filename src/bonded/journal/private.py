"""Personal data beside the journal: names and addresses, which expire and can be deleted while the log stays whole."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select

from bonded.db.engine import Tx
from bonded.journal.tables import journal, journal_private
from bonded.values.states import SubjectKind


def expire(tx: Tx, *, now: datetime) -> int:
    """Delete private data past their time (see `record.PRIVATE_FOR`); returns how many rows. Run it daily."""
    return tx.execute(delete(journal_private).where(journal_private.c.expires <= now)).rowcount


def forget(tx: Tx, user_id: str) -> int:
    """Delete the private data of everything that a person did or that was done about them; returns how many rows."""
    about = (journal.c.subject_kind == SubjectKind.USER) & (journal.c.subject_id == user_id)
    theirs = select(journal.c.id).where(or_(journal.c.actor_id == user_id, journal.c.user_id == user_id, about))
    return tx.execute(delete(journal_private).where(journal_private.c.journal_id.in_(theirs))).rowcount
