"""The row of a role: written by `change_roles` and by accepted invitations, nowhere else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from bonded.catalog.read import Project
from bonded.catalog.tables import role as table
from bonded.db.engine import Tx
from bonded.values.states import Role


def put_role(tx: Tx, project: Project, user_id: str, role: Role, *, now: datetime) -> None:
    """Write it. The caller has locked the project, and records what it did.

    Who becomes an owner has been one since now: see `two_owners.SEASONED`.
    """
    if tx.execute(update(table).where(is_of(project, user_id)).values(role=role, created_at=now)).rowcount == 0:
        tx.execute(table.insert().values(project_id=project.id, user_id=user_id, role=role, created_at=now))


def owner_since(tx: Tx, project: Project, user_id: str) -> datetime | None:
    """Since when they have been an owner; None for others."""
    mine = is_of(project, user_id) & (table.c.role == Role.OWNER)
    return tx.execute(select(table.c.created_at).where(mine)).scalar_one_or_none()


def is_of(project: Project, user_id: str) -> ColumnElement[bool]:
    """The row of this person in this project."""
    return (table.c.project_id == project.id) & (table.c.user_id == user_id)
