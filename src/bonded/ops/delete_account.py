"""Deleting an account: what is about the person goes, what the public relies on stays.

The row of the account stays without anything in it but its opaque id, which files and the journal name, and a hash of its
name, so that nobody gets that name again. The journal itself is never touched: addresses and names beside it are deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Table, delete, select, update

from bonded.accounts.names import name_key, retired
from bonded.accounts.people import User
from bonded.accounts.recovery_tables import recovery_link, recovery_request
from bonded.accounts.tables import user as user_table
from bonded.catalog import change, invitations, read
from bonded.catalog.of_person import owned_alone
from bonded.db.engine import Tx
from bonded.db.tables import whole
from bonded.journal import record
from bonded.journal.private import forget
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import Actor

DELETED_NAME = "(deleted)"
"""Shown where the name was; it can be nobody's name."""
LAST_MAIL_WITHIN = timedelta(days=3)
"""The address is kept so long at most, for the one mail that says what happened."""

OWNS_ALONE = define(
    "owns-alone",
    409,
    "You are the only owner of a project",
    "People rely on your projects. Make somebody else an owner of each, or delete it, before you delete your account.",
)
LAST_ADMINISTRATOR = define(
    "last-administrator",
    409,
    "You are the last administrator",
    "Nobody could decide about files and people any more. Have the operator make another administrator first.",
)


def delete_account(tx: Tx, who: Actor, user: User, *, now: datetime) -> int:
    """Delete the account; returns the journal id.

    Raises Refusal (owns-alone, last-administrator, two-owners-needed). What was published stays public.
    """
    _check_owners(tx, user.id)
    _check_administrators(tx, user)
    for project, _ in read.projects_of(tx, user.id):
        if not project.deleted:
            change.leave(tx, who, project.key, user.id, now=now)
    invitations.revoke_all_of(tx, who, user.id, now=now)
    forget(tx, user.id)
    _erase(tx, user)
    private = {"email": user.email, "name": user.name, "language": user.language or ""}
    subject = (SubjectKind.USER, user.id)
    return record(
        tx,
        "account.delete",
        who,
        subject,
        now=now,
        user=user.id,
        private=private,
        private_for=LAST_MAIL_WITHIN,
    )


def _check_owners(tx: Tx, user_id: str) -> None:
    alone = owned_alone(tx, user_id)
    if alone:
        raise Refusal(OWNS_ALONE, f"you are the only owner of {', '.join(alone)}"[:1000])


def _check_administrators(tx: Tx, user: User) -> None:
    """Locks all administrators: of the last two who leave in the same instant, the second sees that the first has gone."""
    if not user.is_admin:
        return
    active = user_table.c.is_admin, user_table.c.state == AccountState.ACTIVE
    locked = select(user_table.c.id).where(*active).order_by(user_table.c.id).with_for_update()
    if not set(tx.execute(locked).scalars()) - {user.id}:
        raise Refusal(LAST_ADMINISTRATOR, "you are the last administrator")


def _erase(tx: Tx, user: User) -> None:
    """Every row that refers to the account goes, whatever table it is in; then what the account's own row says."""
    asked = select(recovery_request.c.id).where(recovery_request.c.user_id == user.id)
    tx.execute(delete(recovery_link).where(recovery_link.c.request_id.in_(asked)))
    for table in reversed(whole().sorted_tables):
        _erase_in(tx, table, user.id)
    gone = {"name": DELETED_NAME, "name_key": retired(name_key(user.name)), "email": "", "password_hash": None}
    values = gone | {"state": AccountState.DELETED, "is_admin": False, "language": None}
    tx.execute(update(user_table).where(user_table.c.id == user.id).values(values))


def _erase_in(tx: Tx, table: Table, user_id: str) -> None:
    mine = [c for c in table.columns for key in c.foreign_keys if key.target_fullname == "user_account.id"]
    if table.name == "registration":  # its rows become accounts under the same id
        mine = [table.c.id]
    if table.name == "mail_unwanted":
        mine = [table.c.user_id]
    for column in mine:
        tx.execute(delete(table).where(column == user_id))
