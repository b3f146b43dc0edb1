"""Acts about releases that need two owners: turning it on and off, staging a file, approving and declining one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog import read
from bonded.catalog.change_files import move_file
from bonded.catalog.locks import lock_file, lock_project
from bonded.catalog.people_tables import approval, protected_project
from bonded.catalog.read import ANY_FILE, File, Project, as_file
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import file as file_table
from bonded.catalog.two_owners import NOT_DUAL, TWO_OWNERS_NEEDED, check_may_consent, consent, dual
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal.record import record
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Role, SubjectKind
from bonded.values.who import POLICY, Actor

S = FileState
_F = file_table.c

STAGED_WORDS = "waiting for a second owner"


def start(tx: Tx, who: Actor, key: str, *, now: datetime) -> None:
    """Have each release approved by a second owner from now on. Raises Refusal (wrong-state, two-owners-needed)."""
    project = lock_project(tx, key)
    if dual(tx, project.id).since is not None:
        raise Refusal(WRONG_STATE, f"releases of {key} need a second owner already")
    if sum(role is Role.OWNER for _, role in read.roles(tx, project.id)) < 2:
        raise Refusal(TWO_OWNERS_NEEDED, f"{key} has one owner; invite another one first")
    _put(tx, protected_project, {"project_id": project.id}, {"dual_since": now})
    _record(tx, "project.start-dual", who, project, now)


def ask_end(tx: Tx, who: Actor, key: str, *, now: datetime) -> None:
    """Want to end it; another owner has to agree. Raises Refusal (no-second-owner-asked, wrong-state)."""
    project = lock_project(tx, key)
    known = dual(tx, project.id)
    if known.since is None:
        raise Refusal(NOT_DUAL, f"releases of {key} need no second owner")
    if known.end_asked_by is not None:
        raise Refusal(WRONG_STATE, "that was asked already; another owner has to agree")
    _set(tx, project, {"end_asked_by": who.user_id, "end_asked_at": now})
    _record(tx, "project.ask-end-dual", who, project, now)


def keep(tx: Tx, who: Actor, key: str, *, now: datetime) -> None:
    """Take such a wish back, or refuse it. Raises Refusal (wrong-state)."""
    project = lock_project(tx, key)
    if dual(tx, project.id).end_asked_by is None:
        raise Refusal(WRONG_STATE, "nobody asks to end it")
    _set(tx, project, {"end_asked_by": None, "end_asked_at": None})
    _record(tx, "project.keep-dual", who, project, now)


def end(tx: Tx, who: Actor, key: str, *, now: datetime) -> None:
    """End it: the second owner agrees, or the operator. What only waited for a second owner becomes public.

    Raises Refusal (no-second-owner-asked, wrong-state, own-upload, owner-too-new).
    """
    project = lock_project(tx, key)
    known = dual(tx, project.id)
    if known.since is None:
        raise Refusal(NOT_DUAL, f"releases of {key} need no second owner")
    if who.user_id and known.end_asked_by is None:
        raise Refusal(WRONG_STATE, "nobody asks to end it any more")
    check_may_consent(tx, project, known.since, who.user_id, known.end_asked_by or "", now)
    _set(tx, project, {"dual_since": None, "end_asked_by": None, "end_asked_at": None})
    _record(tx, "project.end-dual", who, project, now)
    waiting = select(file_table.c.id).join(approval, approval.c.file_id == file_table.c.id)
    wanted = waiting.where(
        file_table.c.project_id == project.id, file_table.c.state == S.HELD, approval.c.cleared_at.is_not(None)
    )
    for file_id in tx.execute(wanted.order_by(file_table.c.id)).scalars().all():
        move_file(tx, "file.publish", POLICY, file_id, S.PUBLIC, reason="", now=now)


def stage(tx: Tx, file: File, *, now: datetime) -> None:
    """Policy would publish the file: hold it until a second owner approves."""
    _put(tx, approval, {"file_id": file.id}, {"cleared_at": now})
    if file.state is S.RECEIVED:
        move_file(tx, "file.stage", POLICY, file.id, S.HELD, reason=STAGED_WORDS, now=now)


def approve(tx: Tx, who: Actor, file_id: str, *, now: datetime) -> bool:
    """Consent to a file's publication; returns whether it is public now, else a reviewer or the checks are waited for.

    Raises Refusal (no-such-file, no-second-owner-asked, wrong-state, own-upload, owner-too-new).
    """
    file = _awaited(tx, who, file_id, now)
    _put(tx, approval, {"file_id": file.id}, {"approved_by": who.user_id, "approved_at": now})
    facts = {"filename": file.filename, "version": file.version, "sha256": file.sha256}
    subject = (SubjectKind.FILE, file.id)
    uploader = file.uploader_id or None
    record(tx, "file.approve", who, subject, now=now, project=file.project_key, user=uploader, facts=facts)
    if file.state is S.HELD and consent(tx, file.id).cleared_at is not None:
        move_file(tx, "file.publish", POLICY, file.id, S.PUBLIC, reason="", now=now)
        return True
    return False


def decline(tx: Tx, who: Actor, file_id: str, *, reason: str, now: datetime) -> File:
    """Refuse a file, which is rejected; returns it as it was. Raises Refusal as `approve`, and reason-needed."""
    file = _awaited(tx, who, file_id, now)
    move_file(tx, "file.decline", who, file_id, S.REJECTED, reason=reason, now=now)
    return file


def waiting(conn: Connection, project: Project, some: Window | None = None) -> list[File]:
    """Files of the project that wait for a second owner, oldest first; or some of them."""
    if dual(conn, project.id).since is None:
        return []
    mine = ANY_FILE.outerjoin(approval, approval.c.file_id == _F.id).where(*_waiting(project))
    rows = conn.execute(within(mine.order_by(_F.uploaded_at, _F.filename, _F.id), some))
    return [as_file(row) for row in rows]


def count_waiting(conn: Connection, project: Project) -> int:
    """How many there are of those."""
    if dual(conn, project.id).since is None:
        return 0
    joined = file_table.outerjoin(approval, approval.c.file_id == _F.id)
    return int(conn.execute(select(func.count()).select_from(joined).where(*_waiting(project))).scalar_one())


def _waiting(project: Project) -> tuple[ColumnElement[bool], ...]:
    asked = _F.state.in_((S.RECEIVED, S.HELD)), ~_F.burnt
    return _F.project_id == project.id, *asked, approval.c.approved_at.is_(None)


def _awaited(tx: Tx, who: Actor, file_id: str, now: datetime) -> File:
    """The file, locked, if this person may consent to it."""
    file = lock_file(tx, file_id)
    project = lock_project(tx, file.project_key)
    since = dual(tx, project.id).since
    if since is None:
        raise Refusal(NOT_DUAL, f"releases of {project.key} need no second owner")
    if file.state not in (S.RECEIVED, S.HELD) or file.burnt or consent(tx, file.id).approved_at is not None:
        raise Refusal(WRONG_STATE, f"{file.filename} does not wait for a second owner (any more)")
    check_may_consent(tx, project, since, who.user_id, file.uploader_id, now)
    return file


def _put(tx: Tx, table: Any, key: dict[str, Any], values: dict[str, Any]) -> None:
    make: Any = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(make(table).values(key | values).on_conflict_do_update(index_elements=list(key), set_=values))


def _set(tx: Tx, project: Project, values: dict[str, Any]) -> None:
    tx.execute(update(protected_project).where(protected_project.c.project_id == project.id).values(values))


def _record(tx: Tx, action: str, who: Actor, project: Project, now: datetime) -> None:
    record(tx, action, who, (SubjectKind.PROJECT, project.id), now=now, project=project.key)
