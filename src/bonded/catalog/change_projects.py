"""Changes of projects: creation, status (PEP 792), deletion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog import search
from bonded.catalog.locks import lock_project
from bonded.catalog.read import Project
from bonded.catalog.rules import check_reason, check_status
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import role as role_table
from bonded.catalog.twins import twin
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal.record import record
from bonded.values.names import check_project_name, normalize
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, ProjectStatus, Role, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import Actor

PROJECT_EXISTS = define(
    "project-exists",
    409,
    "The project exists",
    "There is a project of this name already. Names that differ only in case, '-', '_' and '.' are the same name.",
)


_NEW_ROLE = insert(role_table)
_NUMBER = (
    update(project_table).where(project_table.c.id == bindparam("project")).values(last_journal_id=bindparam("journal"))
)


@cache
def _new_project(dialect: str) -> Executable:
    """Insert unless the name is there; built once for each kind of database."""
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Executable = (
        make(project_table).on_conflict_do_nothing(index_elements=[project_table.c.key]).returning(project_table.c.id)
    )
    return statement


def create_project(tx: Tx, who: Actor, name: str, *, owner_id: str, now: datetime) -> Project:
    """A new project with one owner. Raises Refusal (invalid-name, project-exists), also when another wins the race."""
    check_project_name(name)
    made = Project(new_id(), normalize(name), name, ProjectStatus.ACTIVE, "", False, 0, now)
    fields = ("id", "key", "name", "status", "status_reason", "deleted", "last_journal_id", "created_at")
    row = {field: getattr(made, field) for field in fields} | {"twin": twin(name)}
    new = tx.execute(_new_project(tx.dialect.name), row).scalar_one_or_none()
    if new is None:
        raise Refusal(PROJECT_EXISTS, f"there is a project {made.key} already")
    tx.execute(_NEW_ROLE, {"project_id": made.id, "user_id": owner_id, "role": Role.OWNER, "created_at": now})
    _record(tx, "project.create", who, made, {"name": name}, now)
    return made


def set_status(
    tx: Tx,
    action: str,
    who: Actor,
    key: str,
    status: ProjectStatus,
    *,
    reason: str,
    now: datetime,
    note: Mapping[str, str] | None = None,
) -> int:
    """Give a project a status with a reason that installers show; returns the journal id.

    A quarantine also takes the bytes of every public file off the public store at once.
    Raises Refusal (no-such-project, wrong-state, reason-needed, reason-too-long).
    """
    text = check_reason(action, reason)
    old = lock_project(tx, key)
    check_status(action, old.status, status)
    shown = "" if status is ProjectStatus.ACTIVE else text
    tx.execute(update(project_table).where(project_table.c.id == old.id).values(status=status, status_reason=shown))
    if ProjectStatus.QUARANTINED in (status, old.status):
        _look_at_all(tx, old, now)
    facts = {"from": old.status, "to": status} | ({"reason": text} if text else {}) | dict(note or {})
    return _record(tx, action, who, old, facts, now)


def delete_project(tx: Tx, who: Actor, key: str, *, reason: str, now: datetime) -> int:
    """Withdraw a project's page and remove its files for good; its name and owners stay. Returns the journal id.

    Quarantined files stay what they are: evidence, which administrators alone remove.

    One journal row says it, with the ids of the files. Raises Refusal (no-such-project, wrong-state, reason-too-long).
    """
    text = check_reason("project.delete", reason)
    old = lock_project(tx, key)
    if old.deleted:
        raise Refusal(WRONG_STATE, f"the project {key} is deleted already")
    if old.status is ProjectStatus.QUARANTINED:
        # Its files are evidence now; only an administrator removes them.
        raise Refusal(WRONG_STATE, f"the project {key} is quarantined: only an administrator can remove its files")
    files = tx.execute(
        update(file_table)
        .where(file_table.c.project_id == old.id, file_table.c.state.not_in((FileState.REMOVED, FileState.QUARANTINED)))
        .values(
            # Also of a file that is still being screened. As "rejected" nobody could upload its bytes anew, which nobody has judged.
            state=FileState.REMOVED,
            state_reason="project deleted",
            state_at=now,
            holds_name=file_table.c.burnt,
        )
        .returning(file_table.c.id)
    ).scalars()
    facts = {"files": sorted(files)} | ({"reason": text} if text else {})
    tx.execute(update(project_table).where(project_table.c.id == old.id).values(deleted=True))
    search.refresh(tx, old.id)
    return _record(tx, "project.delete", who, old, facts, now)


def _look_at_all(tx: Tx, old: Project, now: datetime) -> None:
    """Have the bytes of every public file withdrawn, or put back where no publication has withdrawn them in between."""
    public = select(file_table.c.id).where(file_table.c.project_id == old.id, file_table.c.state == FileState.PUBLIC)
    for file_id in tx.execute(public).scalars().all():
        enqueue(tx, "takedown", f"takedown:{file_id}", {"file_id": file_id}, now=now)


def _record(tx: Tx, action: str, who: Actor, old: Project, facts: dict[str, Any], now: datetime) -> int:
    journal_id = record(tx, action, who, (SubjectKind.PROJECT, old.id), now=now, project=old.key, facts=facts)
    tx.execute(_NUMBER, {"project": old.id, "journal": journal_id})
    return journal_id
