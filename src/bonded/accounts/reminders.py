"""Reminders of tokens that end: 14 and 3 days before, and on the day. A round of house-keeping; it may run at any time and twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from bonded.accounts.tables import token, user
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import POLICY

STAGES = (0, 3, 14)
"""Days before the end."""
LATE = timedelta(days=7)
"""Whoever was not told of an end for so long, because nothing ran, is not told any more."""
AT_ONCE = 500


def remind(db: Database, now: datetime) -> int:
    """Leave a mail for each token that came nearer to its end than its owner was told; returns how many.

    A token that was made for no longer than a stage is not announced at that stage: who makes one for two days knows it. The mark
    and the mail are one transaction, and of two rounds at once one sets the mark.
    """
    wanted = (
        select(token.c.id, token.c.user_id, token.c.name, token.c.created_at, token.c.expires_at, token.c.used_at)
        .join(user, user.c.id == token.c.user_id)
        .where(
            token.c.revoked_at.is_(None),
            token.c.publishers == [],
            token.c.expires_at <= now + timedelta(days=max(STAGES)),
            token.c.expires_at > now - LATE,
            or_(token.c.reminded.is_(None), token.c.reminded > 0),
            user.c.state == AccountState.ACTIVE,
        )
        .order_by(token.c.expires_at, token.c.id)
    )
    with db.read() as conn:
        rows = conn.execute(wanted).all()
    count = 0
    for start in range(0, len(rows), AT_ONCE):
        with db.write() as tx:
            count += sum(
                _told(tx, row, stage_of(row.created_at, row.expires_at, now), now)
                for row in rows[start : start + AT_ONCE]
            )
    return count


def stage_of(created_at: datetime, expires_at: datetime, now: datetime) -> int | None:
    """The nearest stage that has come, in days before the end; None before the first, and for stages that count not."""
    for days in STAGES:
        if now >= expires_at - timedelta(days=days) and expires_at - created_at > timedelta(days=days):
            return days
    return None


def _told(tx: Tx, one: Any, stage: int | None, now: datetime) -> bool:
    if stage is None:
        return False
    news = (token.c.id == one.id) & token.c.revoked_at.is_(None)
    news &= or_(token.c.reminded.is_(None), token.c.reminded > stage)
    if tx.execute(update(token).where(news).values(reminded=stage)).rowcount != 1:
        return False
    facts = {"days": stage, "used": one.used_at is not None}
    subject, private = (SubjectKind.TOKEN, one.id), {"token": one.name}
    record(tx, "token.remind", POLICY, subject, now=now, user=one.user_id, facts=facts, private=private)
    return True
