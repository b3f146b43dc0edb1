"""Projects whose releases need two people: who may consent, and whether a file may become public. Rules and reads only.

A file of such a project becomes public when policy (or a reviewer) lets it and an owner who did not upload it approves, in
whichever order. Nothing that one account can do by itself gets around it: the owner who consents has been one for a while,
two owners always stay, and ending it takes two as well.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from bonded.catalog.people_tables import approval, protected_project
from bonded.catalog.read import File, Project
from bonded.catalog.role_rows import owner_since
from bonded.db.engine import Tx
from bonded.values.pieces import days_after_becoming
from bonded.values.refusals import Refusal, define
from bonded.values.states import Role

SEASONED = timedelta(days=3)
"""Who became an owner later than this project got its second pair of eyes consents to nothing for so long: an intruder would
otherwise make an owner of a second account of their own. All owners are told of a new one."""

TWO_OWNERS_NEEDED = define(
    "two-owners-needed",
    409,
    "The project needs two owners",
    "Each release of this project needs the approval of a second owner, so there are always at least two. Invite another owner "
    "first.",
)
SECOND_OWNER_NEEDED = define(
    "second-owner-needed",
    409,
    "A second owner has to approve this file",
    "Files of this project become public when an owner who did not upload them approves. The owners were asked by mail; they find "
    "the file under Approvals on the project's manage pages.",
)
OWN_UPLOAD = define(
    "own-upload",
    403,
    "Somebody else has to approve this",
    "Whoever uploaded a file, or asked for something that two owners decide, cannot be the second one. Ask another owner of the "
    "project.",
)
OWNER_TOO_NEW = define(
    "owner-too-new",
    403,
    "You have been an owner for too short a time",
    f"Who became an owner of a project with two-person releases approves nothing for {SEASONED.days} days, so that a stolen account "
    "cannot appoint its own approver. Ask another owner.",
)
NOT_DUAL = define(
    "no-second-owner-asked",
    409,
    "This project needs no second owner",
    "Its releases become public without an approval. An owner can change that under Approvals on the project's manage pages.",
)


@dataclass(frozen=True, slots=True)
class Dual:
    """How a project stands. `since` None: one owner is enough. `end_asked_by`: who wants to end it."""

    since: datetime | None = None
    end_asked_by: str | None = None
    end_asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What is known of a file: cleared by policy, approved by a second owner ("" for the operator)."""

    cleared_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None


_P = protected_project.c
_DUAL = select(_P.dual_since, _P.end_asked_by, _P.end_asked_at).where(_P.project_id == bindparam("project"))


def dual(conn: Connection, project_id: str) -> Dual:
    """How the project stands."""
    row = conn.execute(_DUAL, {"project": project_id}).one_or_none()
    return Dual(*row) if row else Dual()


def consent(conn: Connection, file_id: str) -> Consent:
    """What is known of the file's consents."""
    a = approval.c
    row = conn.execute(select(a.cleared_at, a.approved_by, a.approved_at).where(a.file_id == file_id)).one_or_none()
    return Consent(*row) if row else Consent()


def consents(conn: Connection, file_ids: Collection[str]) -> dict[str, Consent]:
    """What is known of each of a few files."""
    a = approval.c
    rows = conn.execute(select(a.file_id, a.cleared_at, a.approved_by, a.approved_at).where(a.file_id.in_(file_ids)))
    known = {row.file_id: Consent(*row[1:]) for row in rows}
    return {file_id: known.get(file_id, Consent()) for file_id in file_ids}


def lacks_second(conn: Connection, file: File) -> bool:
    """Whether this file may not become public before a second owner approves. What was public once is approved."""
    if file.burnt or dual(conn, file.project_id).since is None:
        return False
    return consent(conn, file.id).approved_at is None


def check_second(conn: Connection, file: File) -> None:
    """Raise Refusal (second-owner-needed) for such a file."""
    if lacks_second(conn, file):
        raise Refusal(SECOND_OWNER_NEEDED, f"{file.filename} waits for the approval of a second owner")


def check_may_consent(tx: Tx, project: Project, since: datetime, user_id: str, not_by: str, now: datetime) -> None:
    """Raise Refusal (own-upload, owner-too-new) unless this person is another one than `not_by`, and no newcomer.

    "" is the operator, who may. That they are an owner is the guard's to check; who is none any more is too new.
    """
    if not user_id:
        return
    if user_id == not_by:
        raise Refusal(OWN_UPLOAD, "this has to be approved by somebody else")
    owner = owner_since(tx, project, user_id)
    if owner is None or (owner > since and now - owner < SEASONED):
        raise Refusal(OWNER_TOO_NEW, f"owners approve from {days_after_becoming(SEASONED.days)}")


def check_two_left(conn: Connection, project: Project, roles: list[tuple[str, Role]]) -> None:
    """Raise Refusal (two-owners-needed) when the project needs two owners and these are fewer."""
    if sum(role is Role.OWNER for _, role in roles) < 2 and dual(conn, project.id).since is not None:
        raise Refusal(TWO_OWNERS_NEEDED, f"releases of {project.key} need two owners")
