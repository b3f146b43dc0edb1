"""Invitations to a role: an owner invites, the person accepts or declines, and nobody gets a role that they did not take.

Whoever has the link of the mail may read the invitation and decline it; only the person invited, logged in, accepts it.
Of many answers at one moment, one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from bonded.accounts import people
from bonded.accounts.names import plausible_id
from bonded.accounts.people import NO_SUCH_USER
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.catalog import read
from bonded.catalog.locks import lock_project
from bonded.catalog.people_tables import invitation as table
from bonded.catalog.role_rows import put_role
from bonded.catalog.states import WRONG_STATE
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal.record import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import Role, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import POLICY, Actor

LASTS = timedelta(days=14)
MOST = 30
"""Open invitations of one project: each is a mail to somebody who did not ask for it."""
A_DAY = 3
"""Invitations of one person to one project in a day: those that were taken back were mails as well."""

INVITED_ALREADY = define(
    "invited-already",
    409,
    "This person is invited already",
    "An invitation to this person waits for an answer. Take it back first, if you want to offer another role.",
)
TOO_MANY_INVITATIONS = define(
    "too-many-invitations",
    429,
    "Too many invitations wait for an answer",
    f"A project may have {MOST} open invitations. Take some back that you do not need any more.",
)
INVITED_OFTEN = define(
    "invited-often",
    429,
    "This person was invited often enough",
    f"A person can be invited to a project {A_DAY} times in a day, because each time they get a mail. Ask them yourself, or try again tomorrow.",
)
NO_SUCH_INVITATION = define(
    "no-such-invitation",
    404,
    "There is no such invitation",
    "The link is cut off, or the invitation is not for the account that you are logged in with. Your open invitations are on "
    "the page of your projects.",
)
INVITATION_OVER = define(
    "invitation-over",
    410,
    "The invitation is over",
    f"It was answered, taken back, or {LASTS.days} days passed. An owner of the project can send a new one.",
)


class Outcome(StrEnum):
    """How an invitation ended."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation, open while `outcome` is None and `expires_at` is to come."""

    id: str
    project_key: str
    project_name: str
    user_id: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    outcome: Outcome | None

    def open(self, now: datetime) -> bool:
        return self.outcome is None and now < self.expires_at


def invite(tx: Tx, who: Actor, key: str, user_id: str, role: Role, *, now: datetime) -> str:
    """Invite a person to a role; the mail follows by itself. Returns the invitation's id.

    Raises Refusal (no-such-project, no-such-user, wrong-state when they have the role, invited-already,
    too-many-invitations, invited-often).
    """
    project = lock_project(tx, key)
    person = people.by_id(tx, user_id)
    if person is None or not person.active:
        raise Refusal(NO_SUCH_USER, "there is no such account")
    if read.role_in(tx, user_id, key) is not None:
        raise Refusal(WRONG_STATE, f"{person.name} has a role in {key} already: change it in the list")
    open_ones = of_project(tx, project.id, now=now)
    if any(one.user_id == user_id for one in open_ones):
        raise Refusal(INVITED_ALREADY, f"an invitation of {person.name} to {key} waits for an answer")
    if len(open_ones) >= MOST:
        raise Refusal(TOO_MANY_INVITATIONS, f"{key} has as many open invitations as it may have ({MOST})")
    if _lately(tx, project.id, user_id, now) >= A_DAY:
        raise Refusal(INVITED_OFTEN, f"{person.name} was invited often enough today; try again tomorrow")
    _close(tx, (table.c.project_id == project.id) & (table.c.user_id == user_id), Outcome.EXPIRED, now)
    made = new_id()
    values = {"id": made, "project_id": project.id, "user_id": user_id, "role": role, "invited_by": who.user_id}
    tx.execute(insert(table).values(values | {"created_at": now, "expires_at": now + LASTS}))
    _record(tx, "role.invite", who, _one(tx, table.c.id == made), now)
    return made


def _lately(tx: Tx, project_id: str, user_id: str, now: datetime) -> int:
    """How often the person was invited to the project within a day, whatever came of it."""
    mine = (table.c.project_id == project_id) & (table.c.user_id == user_id)
    recent = table.c.created_at > now - timedelta(days=1)
    return int(tx.execute(select(func.count()).select_from(table).where(mine, recent)).scalar_one())


def make_link(tx: Tx, invitation_id: str, *, now: datetime) -> str | None:
    """The secret for the mail, in place of the one before; None when the invitation is over already."""
    secret = new_secret()
    mine = (table.c.id == invitation_id) & table.c.outcome.is_(None) & (table.c.expires_at > now)
    done = tx.execute(update(table).where(mine).values(secret_hash=hash_secret(secret)))
    return secret if done.rowcount == 1 else None


def by_secret(conn: Connection, secret: str, *, now: datetime) -> Invitation:
    """The open invitation of a link. Raises Refusal (no-such-invitation, invitation-over)."""
    return _still_open(_one(conn, table.c.secret_hash == hash_secret(secret)), now)


def of_user(conn: Connection, user_id: str, some: Window | None = None, *, now: datetime) -> list[Invitation]:
    """What waits for an answer of this person, oldest first; or some of it."""
    return _open_ones(conn, table.c.user_id == user_id, now, some)


def count_of_user(conn: Connection, user_id: str, *, now: datetime) -> int:
    """How much waits for an answer of this person."""
    mine = table.c.user_id == user_id, table.c.outcome.is_(None), table.c.expires_at > now
    return int(conn.execute(select(func.count()).select_from(table).where(*mine)).scalar_one())


def of_project(conn: Connection, project_id: str, *, now: datetime) -> list[Invitation]:
    """What the project waits for, oldest first."""
    return _open_ones(conn, table.c.project_id == project_id, now)


def accept(tx: Tx, who: Actor, invitation_id: str, user_id: str, *, now: datetime) -> Invitation:
    """Take the role; an owner stays one. Raises Refusal (no-such-invitation, also for somebody else's; invitation-over)."""
    found = _one(tx, (table.c.id == _id(invitation_id)) & (table.c.user_id == user_id))
    project = lock_project(tx, found.project_key)  # before the invitation: everybody locks projects first
    _end(tx, found, Outcome.ACCEPTED, now)
    if read.role_in(tx, user_id, found.project_key) is not Role.OWNER:  # the operator may have made them one meanwhile
        put_role(tx, project, user_id, found.role, now=now)
    _record(tx, "role.accept", who, found, now)
    return found


def decline(tx: Tx, who: Actor, invitation_id: str, *, user_id: str | None, now: datetime) -> Invitation:
    """Refuse the role; `user_id` None: for whoever bears the link. Raises Refusal as `accept` does."""
    mine = table.c.id == _id(invitation_id)
    found = _one(tx, mine if user_id is None else mine & (table.c.user_id == user_id))
    _end(tx, found, Outcome.DECLINED, now)
    _record(tx, "role.decline", who, found, now)
    return found


def revoke(tx: Tx, who: Actor, key: str, invitation_id: str, *, now: datetime) -> Invitation:
    """Take an invitation back. Raises Refusal (no-such-invitation, invitation-over)."""
    found = _one(tx, (table.c.id == _id(invitation_id)) & (project_table.c.key == key))
    _end(tx, found, Outcome.REVOKED, now)
    _record(tx, "role.revoke-invitation", who, found, now)
    return found


def revoke_of(tx: Tx, who: Actor, project_id: str, user_id: str, *, now: datetime) -> int:
    """Take back what this person sent in a project, and what waits for them there; returns how many."""
    mine = (table.c.project_id == project_id) & ((table.c.invited_by == user_id) | (table.c.user_id == user_id))
    return _revoke(tx, who, mine, now)


def revoke_all_of(tx: Tx, who: Actor, user_id: str, *, now: datetime) -> int:
    """Take back what waits for an answer of this person, in all projects; returns how many."""
    return _revoke(tx, who, table.c.user_id == user_id, now)


def _revoke(tx: Tx, who: Actor, mine: Any, now: datetime) -> int:
    found = _open_ones(tx, mine, now)
    for one in found:
        _end(tx, one, Outcome.REVOKED, now)
        _record(tx, "role.revoke-invitation", who, one, now)
    return len(found)


def expire(tx: Tx, *, now: datetime) -> int:
    """End invitations that nobody answered in time; returns how many. Run it hourly."""
    late = table.c.outcome.is_(None) & (table.c.expires_at <= now)
    rows = tx.execute(_SELECT.where(late).order_by(table.c.expires_at).limit(500)).all()
    ended = 0
    for one in map(_invitation, rows):
        if _close(tx, table.c.id == one.id, Outcome.EXPIRED, now):
            _record(tx, "role.expire-invitation", POLICY, one, now)
            ended += 1
    return ended


_SELECT = select(table, project_table.c.key, project_table.c.name).join(
    project_table, table.c.project_id == project_table.c.id
)


def _open_ones(conn: Connection, mine: Any, now: datetime, some: Window | None = None) -> list[Invitation]:
    wanted = _SELECT.where(mine, table.c.outcome.is_(None), table.c.expires_at > now)
    ordered = wanted.order_by(table.c.created_at, table.c.id)
    return [_invitation(row) for row in conn.execute(within(ordered, some))]


def _one(conn: Connection, mine: Any) -> Invitation:
    row = conn.execute(_SELECT.where(mine)).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_INVITATION, "there is no such invitation")
    return _invitation(row)


def _id(text: str) -> str:
    return text if plausible_id(text) else ""


def _still_open(found: Invitation, now: datetime) -> Invitation:
    if not found.open(now):
        raise Refusal(INVITATION_OVER, f"the invitation to {found.project_key} is over")
    return found


def _end(tx: Tx, found: Invitation, outcome: Outcome, now: datetime) -> None:
    """End it, once: of two at the same moment, one wins. Raises Refusal (invitation-over)."""
    _still_open(found, now)
    if not _close(tx, (table.c.id == found.id) & (table.c.expires_at > now), outcome, now):
        raise Refusal(INVITATION_OVER, f"the invitation to {found.project_key} is over")


def _close(tx: Tx, mine: Any, outcome: Outcome, now: datetime) -> bool:
    values = {"outcome": outcome, "ended_at": now, "secret_hash": table.c.secret_hash}
    return tx.execute(update(table).where(mine, table.c.outcome.is_(None)).values(values)).rowcount > 0


def _record(tx: Tx, action: str, who: Actor, one: Invitation, now: datetime) -> None:
    project = read.project(tx, one.project_key)
    assert project is not None, "the row refers to it"
    facts = {"role": one.role, "invitation": one.id}
    subject = (SubjectKind.PROJECT, project.id)
    record(tx, action, who, subject, now=now, project=project.key, user=one.user_id, facts=facts)


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        row.id,
        row.key,
        row.name,
        row.user_id,
        Role(row.role),
        row.invited_by,
        row.created_at,
        row.expires_at,
        Outcome(row.outcome) if row.outcome else None,
    )
