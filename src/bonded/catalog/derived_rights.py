"""What somebody has in a project because of their role: all of it goes with the role, and none comes back with a new one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from bonded.accounts import publishers, tokens
from bonded.accounts.publisher_tables import publisher
from bonded.accounts.tables import token
from bonded.catalog import invitations
from bonded.catalog.people_tables import approval, protected_project
from bonded.catalog.read import Project
from bonded.catalog.tables import file
from bonded.db.engine import Tx
from bonded.values.who import Actor


def drop(tx: Tx, who: Actor, project: Project, user_id: str, *, now: datetime) -> dict[str, int]:
    """Drop all of it; returns how many of each, for the journal. The project is locked by the caller.

    Tokens for all projects of the person stay: rights are read whenever one is used.
    """
    counts = {
        "publishers": _publishers(tx, who, project.key, user_id, now),
        "tokens": _tokens(tx, who, project.key, user_id, now),
    }
    return {name: count for name, count in counts.items() if count} | drop_owners(tx, who, project, user_id, now=now)


def drop_owners(tx: Tx, who: Actor, project: Project, user_id: str, *, now: datetime) -> dict[str, int]:
    """Drop what only an owner can have begun, of somebody who is none any more; returns how many of each, as `drop`."""
    counts = {
        "invitations": invitations.revoke_of(tx, who, project.id, user_id, now=now),
        "approvals": _approvals(tx, project.id, user_id),
    }
    mine = (protected_project.c.project_id == project.id) & (protected_project.c.end_asked_by == user_id)
    tx.execute(update(protected_project).where(mine).values(end_asked_by=None, end_asked_at=None))
    return {name: count for name, count in counts.items() if count}


def _tokens(tx: Tx, who: Actor, key: str, user_id: str, now: datetime) -> int:
    """Tokens for this project end; those for several lose it."""
    found = [one for one in tokens.of_user(tx, user_id) if one.live(now) and key in one.projects]
    for one in found:
        if one.projects == (key,):
            tokens.revoke(tx, who, one.id, user_id=None, now=now)
        else:
            left = [name for name in one.projects if name != key]
            tx.execute(update(token).where(token.c.id == one.id).values(projects=left))
    return len(found)


def _publishers(tx: Tx, who: Actor, key: str, user_id: str, now: datetime) -> int:
    """Trusted publishers that publish in their name: with a new role they would come alive again."""
    mine = (publisher.c.project_key == key) & (publisher.c.user_id == user_id) & ~publisher.c.pending
    found = tx.execute(select(publisher.c.id).where(mine).order_by(publisher.c.id)).scalars().all()
    for publisher_id in found:
        publishers.remove(tx, who, publisher_id, key, now=now)
    return len(found)


def _approvals(tx: Tx, project_id: str, user_id: str) -> int:
    """Consent to files that never became public."""
    waiting = select(file.c.id).where(file.c.project_id == project_id, ~file.c.burnt)
    mine = (approval.c.approved_by == user_id) & approval.c.file_id.in_(waiting)
    return tx.execute(update(approval).where(mine).values(approved_by=None, approved_at=None)).rowcount
