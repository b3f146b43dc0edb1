"""Projects on which much depends: administrators name them, and policy may ask more of their people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog.locks import lock_project
from bonded.catalog.people_tables import protected_project as table
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import role
from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.values.refusals import Refusal
from bonded.values.states import SubjectKind
from bonded.values.who import Actor


def critical_keys(conn: Connection) -> list[str]:
    """Names of the critical projects, sorted."""
    wanted = select(project_table.c.key).join(table, table.c.project_id == project_table.c.id)
    return list(conn.execute(wanted.where(table.c.critical_since.is_not(None)).order_by(project_table.c.key)).scalars())


def works_on_critical(conn: Connection, user_id: str) -> bool:
    """Whether the person has a role in a critical project."""
    wanted = select(role.c.project_id).join(table, table.c.project_id == role.c.project_id)
    mine = wanted.where(role.c.user_id == user_id, table.c.critical_since.is_not(None))
    return conn.execute(mine.limit(1)).first() is not None


def mark(tx: Tx, who: Actor, key: str, *, critical: bool, reason: str, now: datetime) -> None:
    """Count a project among them, or no more. Raises Refusal (no-such-project, wrong-state, reason-needed)."""
    action = "project.mark-critical" if critical else "project.unmark-critical"
    words, project = check_reason(action, reason), lock_project(tx, key)
    if (key in critical_keys(tx)) is critical:
        raise Refusal(WRONG_STATE, f"{key} is critical already" if critical else f"{key} is not critical")
    make: Any = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    since = {"critical_since": now if critical else None}
    row = make(table).values({"project_id": project.id} | since)
    tx.execute(row.on_conflict_do_update(index_elements=["project_id"], set_=since))
    subject = (SubjectKind.PROJECT, project.id)
    record(tx, action, who, subject, now=now, project=key, facts={"reason": words} if words else {})
