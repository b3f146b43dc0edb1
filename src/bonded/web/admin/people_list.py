"""Accounts for the administrators' list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bonded.accounts.tables import user


@dataclass(frozen=True, slots=True)
class Person:
    """One line: a name, the state of the account, since when."""

    name: str
    state: str
    is_admin: bool
    created_at: datetime


def newest(conn: Connection, limit: int) -> list[Person]:
    """The newest accounts."""
    columns = (user.c.name, user.c.state, user.c.is_admin, user.c.created_at)
    return [Person(*row) for row in conn.execute(select(*columns).order_by(user.c.created_at.desc()).limit(limit))]
