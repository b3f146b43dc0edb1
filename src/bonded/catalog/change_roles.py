"""Changes of roles: who may do what in a project. A project always keeps an owner."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete

from bonded.catalog import read
from bonded.catalog.derived_rights import drop, drop_owners
from bonded.catalog.locks import lock_project
from bonded.catalog.role_rows import is_of, put_role
from bonded.catalog.rules import NO_SUCH_ROLE, check_owner_left
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import role as role_table
from bonded.catalog.two_owners import check_two_left
from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.values.pieces import project_role
from bonded.values.refusals import Refusal
from bonded.values.states import Role, SubjectKind
from bonded.values.who import Actor


def add_role(tx: Tx, who: Actor, key: str, user_id: str, role: Role, *, now: datetime) -> int:
    """Give a person a role in a project, in place of the one they had; returns the journal id.

    With the role of an owner goes what only an owner can have begun.

    Raises Refusal (no-such-project, wrong-state when they have it already, sole-owner, two-owners-needed).
    """
    project = lock_project(tx, key)
    roles = read.roles(tx, project.id)
    had = dict(roles).get(user_id)
    if had is role:
        raise Refusal(WRONG_STATE, f"this person has the role {project_role(role)} in {key} already")
    if had is not None:
        _check_left(tx, project, roles, user_id, role)
    put_role(tx, project, user_id, role, now=now)
    facts: dict[str, Any] = {"role": role} | ({"before": had} if had else {})
    if had is Role.OWNER:  # whom they invited would come in by a right that is gone
        facts |= drop_owners(tx, who, project, user_id, now=now)
    return record(
        tx, "role.add", who, (SubjectKind.PROJECT, project.id), now=now, project=key, user=user_id, facts=facts
    )


def remove_role(tx: Tx, who: Actor, key: str, user_id: str, role: Role, *, now: datetime) -> int:
    """Take a role away, with everything that came from it; returns the journal id.

    Raises Refusal (no-such-project, no-such-role, sole-owner, two-owners-needed).
    """
    return _take(tx, "role.remove", who, key, user_id, role, now)


def leave(tx: Tx, who: Actor, key: str, user_id: str, *, now: datetime) -> int:
    """Give one's own role up, with everything that came from it; returns the journal id. Raises Refusal as above."""
    role = read.role_in(tx, user_id, key)
    if role is None:
        raise Refusal(NO_SUCH_ROLE, f"you have no role in {key}")
    return _take(tx, "role.leave", who, key, user_id, role, now)


def _take(tx: Tx, action: str, who: Actor, key: str, user_id: str, role: Role, now: datetime) -> int:
    project = lock_project(tx, key)
    roles = read.roles(tx, project.id)
    if (user_id, role) not in roles:
        raise Refusal(NO_SUCH_ROLE, f"this person does not have the role {project_role(role)} in {key}")
    _check_left(tx, project, roles, user_id, None)
    tx.execute(delete(role_table).where(is_of(project, user_id)))
    facts = {"role": role} | drop(tx, who, project, user_id, now=now)
    subject = (SubjectKind.PROJECT, project.id)
    return record(tx, action, who, subject, now=now, project=key, user=user_id, facts=facts)


def _check_left(tx: Tx, project: read.Project, roles: list[tuple[str, Role]], user_id: str, new: Role | None) -> None:
    check_owner_left(roles, user_id, new)
    after = [(one, role) for one, role in roles if one != user_id] + ([(user_id, new)] if new else [])
    check_two_left(tx, project, after)
