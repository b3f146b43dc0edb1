"""Invitations to register, where accounts are not for everybody: a link for one address, good once and for two weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from bonded.accounts.entry_tables import registration_invitation as table
from bonded.accounts.names import check_email
from bonded.accounts.registration_rules import INVITATION_NEEDED
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

LIFETIME = timedelta(days=14)


def make(tx: Tx, who: Actor, email: str, *, now: datetime) -> str:
    """A new invitation; returns its secret. Raises Refusal (invalid-email)."""
    secret, address_ = new_secret(), check_email(email)
    row = {"secret_hash": hash_secret(secret), "email": address_, "created_at": now, "expires_at": now + LIFETIME}
    tx.execute(insert(table).values(row))
    record(tx, "user.invite", who, (SubjectKind.USER, ""), now=now, private={"email": address_})
    return secret


def address(conn: Connection, secret: str, *, now: datetime) -> str | None:
    """The address that an invitation is for; None when it is not good (any more)."""
    good = (table.c.secret_hash == hash_secret(secret)) & table.c.used_at.is_(None) & (table.c.expires_at > now)
    return conn.execute(select(table.c.email).where(good)).scalar_one_or_none()


def use(tx: Tx, secret: str, *, now: datetime) -> None:
    """Use it up. Raises Refusal (invitation-needed): somebody else was faster."""
    good = (table.c.secret_hash == hash_secret(secret)) & table.c.used_at.is_(None) & (table.c.expires_at > now)
    if tx.execute(update(table).where(good).values(used_at=now)).rowcount != 1:
        raise Refusal(INVITATION_NEEDED, "the invitation was used already")


def sweep(tx: Tx, *, now: datetime) -> int:
    """Delete what was used or has expired, and opens nothing: it holds an address. Returns how many."""
    return tx.execute(delete(table).where(or_(table.c.used_at.is_not(None), table.c.expires_at <= now))).rowcount
