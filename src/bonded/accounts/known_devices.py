"""Browsers in which a person's login succeeded: what tells a usual login from an unusual one.

Each has a secret of its own in a cookie; the database has its hash. A browser whose owner asked for it stands for their second
step for 30 days; any change of password or factors ends that. Nothing here ever stands for a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from bonded.accounts.entry_tables import known_device as table
from bonded.accounts.names import plausible_id
from bonded.accounts.networks import network_of
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import new_id
from bonded.values.who import Actor

KNOWN_FOR = timedelta(days=180)
REMEMBERED_FOR = timedelta(days=30)
SEVERAL = 4
"""People who share a browser: as many secrets fit into its cookie."""
_SECRET_LENGTH = 43

NO_SUCH_DEVICE = define(
    "no-such-device", 404, "No such browser", "The browser is forgotten already, or it was never one of yours."
)


@dataclass(frozen=True, slots=True)
class Browser:
    """What somebody comes with: address, user agent, and the secrets in the cookie of known browsers."""

    ip: str
    agent: str
    secrets: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        return network_of(self.ip)


@dataclass(frozen=True, slots=True)
class Known:
    """A browser of that person. `remembered_until`: when it stops to stand for the second step."""

    id: str
    ip: str
    agent: str
    created_at: datetime
    seen_at: datetime
    remembered_until: datetime | None

    def remembered(self, now: datetime) -> bool:
        """Whether the second step is not asked for here."""
        return self.remembered_until is not None and self.remembered_until > now


def cookie_secrets(cookie: str) -> tuple[str, ...]:
    """The secrets in a cookie's value; nothing of what cannot be one."""
    parts = cookie.split(".")[-SEVERAL:]
    return tuple(part for part in parts if len(part) == _SECRET_LENGTH and part.isascii())


def recognise(conn: Connection, user_id: str, browser: Browser, *, now: datetime) -> Known | None:
    """The browser, when that person logged in with it before. For nobody ("") the same look is taken in vain."""
    hashes = [hash_secret(secret) for secret in browser.secrets] or [""]
    mine = (table.c.user_id == user_id) & table.c.secret_hash.in_(hashes) & (table.c.expires_at > now)
    row = conn.execute(select(table).where(mine).order_by(table.c.seen_at.desc()).limit(1)).first()
    return _known(row) if row else None


def usual_place(conn: Connection, user_id: str, browser: Browser, *, now: datetime) -> bool:
    """Whether that person logged in from this network before, with any browser."""
    mine = (table.c.user_id == user_id) & (table.c.network == browser.network) & (table.c.expires_at > now)
    return browser.network != "unknown" and conn.execute(select(table.c.id).where(mine).limit(1)).first() is not None


def note(tx: Tx, user_id: str, browser: Browser, *, remember: bool, now: datetime) -> str | None:
    """Note a login that succeeded; returns the secret of a browser that was not known, None where it was.

    The secret is always of our making: one that somebody planted in the cookie becomes nobody's.
    """
    known = recognise(tx, user_id, browser, now=now)
    values: dict[str, Any] = {
        "network": browser.network,
        "ip": browser.ip,
        "agent": browser.agent[:200],
        "seen_at": now,
        "expires_at": now + KNOWN_FOR,
    }
    if remember:
        values["remembered_until"] = now + REMEMBERED_FOR
    if known is not None:
        tx.execute(update(table).where(table.c.id == known.id).values(values))
        return None
    secret = new_secret()
    made = {"id": new_id(), "user_id": user_id, "secret_hash": hash_secret(secret), "created_at": now}
    tx.execute(insert(table).values(made | values))
    return secret


def of_user(conn: Connection, user_id: str, some: Window | None = None, *, now: datetime) -> list[Known]:
    """That person's browsers, newest use first; or some of them."""
    mine = (table.c.user_id == user_id) & (table.c.expires_at > now)
    ordered = select(table).where(mine).order_by(table.c.seen_at.desc(), table.c.id)
    return [_known(row) for row in conn.execute(within(ordered, some))]


def count_of_user(conn: Connection, user_id: str, *, now: datetime) -> int:
    """How many browsers are known of that person."""
    mine = (table.c.user_id == user_id) & (table.c.expires_at > now)
    return int(conn.execute(select(func.count()).select_from(table).where(mine)).scalar_one())


def forget(tx: Tx, who: Actor, user_id: str, device_id: str, *, now: datetime) -> None:
    """Forget one: its next login is an unusual one. Raises Refusal (no-such-device), also for other people's."""
    mine = (table.c.id == device_id) & (table.c.user_id == user_id)
    if not plausible_id(device_id) or tx.execute(delete(table).where(mine)).rowcount != 1:
        raise Refusal(NO_SUCH_DEVICE, "the browser is forgotten already")
    facts = {"device": device_id}
    record(tx, "user.forget-browser", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts)


def void(tx: Tx, user_id: str) -> None:
    """Password or factors changed: no browser stands for the second step any more. The caller's action is the row."""
    tx.execute(update(table).where(table.c.user_id == user_id).values(remembered_until=None))


def forget_all(tx: Tx, user_id: str) -> None:
    """Somebody else may have been in the account: no browser is known any more. The caller's action is the row."""
    tx.execute(delete(table).where(table.c.user_id == user_id))


def sweep(tx: Tx, *, now: datetime) -> int:
    """Delete what has not been used for half a year; returns how many."""
    return tx.execute(delete(table).where(table.c.expires_at <= now)).rowcount


def _known(row: Any) -> Known:
    return Known(row.id, row.ip, row.agent, row.created_at, row.seen_at, row.remembered_until)
