"""What people set about themselves besides their addresses: their language."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from bonded.accounts.people import User
from bonded.accounts.tables import user as table
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.states import SubjectKind
from bonded.values.who import Actor


def set_language(tx: Tx, who: Actor, user: User, language: str | None, *, now: datetime) -> None:
    """Choose the language of mails and pages; None: pages follow the browser, mails are in English."""
    tx.execute(update(table).where(table.c.id == user.id).values(language=language))
    subject = (SubjectKind.USER, user.id)
    record(tx, "user.set-language", who, subject, now=now, user=user.id, facts={"language": language or ""})
