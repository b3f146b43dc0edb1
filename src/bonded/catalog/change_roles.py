"""Changes of roles: who may do what in a project. A project always keeps an owner."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, update

from bonded.catalog import read
from bonded.catalog.locks import lock_project
from bonded.catalog.rules import NO_SUCH_ROLE, check_owner_left
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import role as role_table
from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.values.refusals import Refusal
from bonded.values.states import Role, SubjectKind
from bonded.values.who import Actor


def add_role(tx: Tx, who: Actor, key: str, user_id: str, role: Role, *, now: datetime) -> int:
    """Give a person a role in a project, in place of the one they had; returns the journal id.

    Raises Refusal (no-such-project, wrong-state when they have it already, sole-owner).
    """
    project = lock_project(tx, key)
    roles = read.roles(tx, project.id)
    had = dict(roles).get(user_id)
    if had is role:
        raise Refusal(WRONG_STATE, f"this person is {role} of {key} already")
    if had is None:
        tx.execute(insert(role_table).values(project_id=project.id, user_id=user_id, role=role, created_at=now))
    else:
        check_owner_left(roles, user_id, role)
        tx.execute(update(role_table).where(_is(project, user_id)).values(role=role))
    facts = {"role": role} | ({"before": had} if had else {})
    return record(
        tx, "role.add", who, (SubjectKind.PROJECT, project.id), now=now, project=key, user=user_id, facts=facts
    )


def remove_role(tx: Tx, who: Actor, key: str, user_id: str, role: Role, *, now: datetime) -> int:
    """Take a role away; returns the journal id. Their tokens lose the project at once: rights are read on every use.

    Raises Refusal (no-such-project, no-such-role, sole-owner).
    """
    project = lock_project(tx, key)
    roles = read.roles(tx, project.id)
    if (user_id, role) not in roles:
        raise Refusal(NO_SUCH_ROLE, f"this person is not {role} of {key}")
    check_owner_left(roles, user_id, None)
    tx.execute(delete(role_table).where(_is(project, user_id)))
    return record(
        tx,
        "role.remove",
        who,
        (SubjectKind.PROJECT, project.id),
        now=now,
        project=key,
        user=user_id,
        facts={"role": role},
    )


def _is(project: read.Project, user_id: str) -> ColumnElement[bool]:
    return (role_table.c.project_id == project.id) & (role_table.c.user_id == user_id)
