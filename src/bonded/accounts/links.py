"""One-time links: a secret sent to one person for one purpose, good once and for a while. Only its hash is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.accounts.tables import link
from bonded.db.engine import Tx
from bonded.values.refusals import Refusal, define

LINK_INVALID = define(
    "link-invalid",
    404,
    "The link is not valid",
    "The link is cut off, was made for something else, or a newer one took its place. Ask for a new one.",
)
LINK_EXPIRED = define("link-expired", 410, "The link has expired", "Links work for a limited time. Ask for a new one.")
LINK_USED = define(
    "link-used", 410, "The link was used", "Each link works once. If that was not you, tell an administrator."
)


class Purpose(StrEnum):
    """What a link is good for."""

    SET_PASSWORD = "set-password"
    CHANGE_EMAIL = "change-email"
    CONFIRM_EMAIL = "confirm-email"
    UNDO_EMAIL = "undo-email"
    CONFIRM_LOGIN = "confirm-login"


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is good now. `detail` is what exactly it is for, such as the id of an address."""

    user_id: str
    detail: str
    expires_at: datetime


def make_link(
    tx: Tx,
    user_id: str,
    purpose: Purpose,
    *,
    now: datetime,
    lifetime: timedelta,
    detail: str = "",
    replaces: bool = True,
) -> str:
    """A new secret for that person, purpose and detail; where it `replaces`, older unused ones for the same stop working."""
    if replaces:
        same = (link.c.user_id == user_id) & (link.c.purpose == purpose) & (link.c.detail == detail)
        tx.execute(delete(link).where(same, link.c.used_at.is_(None)))
    secret = new_secret()
    row = {"secret_hash": hash_secret(secret), "purpose": purpose, "detail": detail, "user_id": user_id}
    tx.execute(insert(link).values(row | {"expires_at": now + lifetime, "used_at": None}))
    return secret


def look(conn: Connection, secret: str, purpose: Purpose, *, now: datetime) -> Link:
    """The link, without using it. Raises Refusal (link-invalid, link-expired, link-used)."""
    row = conn.execute(
        select(link).where(link.c.secret_hash == hash_secret(secret), link.c.purpose == purpose)
    ).one_or_none()
    if row is None:
        raise Refusal(LINK_INVALID, "this link is not valid; ask for a new one")
    if row.used_at is not None:
        raise Refusal(LINK_USED, "this link was used already; ask for a new one")
    if row.expires_at <= now:
        raise Refusal(LINK_EXPIRED, "this link has expired; ask for a new one")
    return Link(row.user_id, row.detail, row.expires_at)


def peek(conn: Connection, secret: str, purpose: Purpose, *, now: datetime) -> str:
    """The user id that the link is for, without using it. Raises Refusal as `look` does."""
    return look(conn, secret, purpose, now=now).user_id


def take(tx: Tx, secret: str, purpose: Purpose, *, now: datetime) -> Link:
    """Use the link up. Of two at the same moment, one wins. Raises Refusal as `look` does."""
    found = look(tx, secret, purpose, now=now)
    mine = link.c.secret_hash == hash_secret(secret)
    if tx.execute(update(link).where(mine, link.c.used_at.is_(None)).values(used_at=now)).rowcount != 1:
        raise Refusal(LINK_USED, "this link was used already; ask for a new one")
    return found


def use(tx: Tx, secret: str, purpose: Purpose, *, now: datetime) -> str:
    """Use the link up and return its user id. Raises Refusal as `look` does."""
    return take(tx, secret, purpose, now=now).user_id


def void(tx: Tx, user_id: str, purpose: Purpose, *, until: datetime | None = None) -> None:
    """Make that person's unused links for `purpose` worthless; with `until`, only those that end at that moment or later."""
    mine = (link.c.user_id == user_id) & (link.c.purpose == purpose) & link.c.used_at.is_(None)
    tx.execute(delete(link).where(mine if until is None else mine & (link.c.expires_at >= until)))


def sweep(tx: Tx, *, now: datetime) -> int:
    """Delete links that expired more than a day ago; returns how many."""
    return tx.execute(delete(link).where(link.c.expires_at < now - timedelta(days=1))).rowcount
