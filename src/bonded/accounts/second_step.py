"""The second step of a login: after the password, before a session. What is known meanwhile lies in a session of nobody.

That session opens nothing: it holds the id of whoever knew the password, for five minutes, and goes when the second step
is done. Wrong codes are counted by account, on their own: a stranger who knows the password gets 50 tries a day.
When the password or a factor changes, sessions of the person end; a login that waits is nobody's session, and is over by its
`basis` instead.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bonded.accounts import people, sessions
from bonded.accounts.counted import opaque
from bonded.accounts.people import User
from bonded.accounts.sessions import Opened, Session
from bonded.accounts.tables import factor
from bonded.accounts.tables import user as table
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.pieces import again_in_seconds
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import iso
from bonded.values.who import Actor, ActorKind

LASTS = timedelta(minutes=5)
PENDING = "second-step"
BASIS = "basis"

SECOND_STEP_OVER = define(
    "second-step-over",
    401,
    "The login took too long",
    "Between the password and the second step may be five minutes. Log in again.",
)
CODES_LIMITED = define(
    "codes-limited",
    429,
    "Too many codes",
    "There were too many wrong codes for this account. Wait, use a security device or passkey, or ask an administrator.",
)
LIMITS = ((5, timedelta(minutes=5)), (20, timedelta(hours=1)), (50, timedelta(days=1)))
"""Codes of an app or for recovery, right or wrong, from wherever the person is not known."""
KNOWN, KNOWN_A_DAY = (5, timedelta(minutes=5)), (50, timedelta(days=1))
"""The same from one browser in which the person logged in before, or from their open session: counted apart, so that no
stranger who knows the password keeps them out there. After so many in a day it is treated like any other."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody who knew the password. `session` is the one of nobody that remembers it."""

    user: User
    session: Session


def begin(tx: Tx, user: User, *, ip: str, agent: str, now: datetime) -> Opened:
    """A session of nobody that remembers whose password was right."""
    data = {PENDING: {"user": user.id, "at": iso(now), BASIS: basis(tx, user.id)}}
    return sessions.open(tx, None, ip=ip, agent=agent, now=now, lifetime=LASTS, data=data)


def pending(db: Database, secret: str, *, now: datetime) -> Pending:
    """Whose second step is waited for. Raises Refusal (second-step-over)."""
    with db.read() as conn:
        session = sessions.read(conn, secret, now=now) if secret else None
        waiting = session.data.get(PENDING) if session and session.user_id is None else None
        user = person_of(conn, waiting) if waiting else None
    if session is None or user is None:
        raise Refusal(SECOND_STEP_OVER, "the login took too long; begin again")
    return Pending(user, session)


def hold(tx: Tx, waiting: Pending) -> None:
    """In the transaction that ends it: what was proved still holds, and stays until then. Raises Refusal (second-step-over)."""
    people.locked(tx, waiting.user.id)
    if person_of(tx, waiting.session.data[PENDING]) is None:
        raise Refusal(SECOND_STEP_OVER, "the login took too long; begin again")


def basis(conn: Connection, user_id: str) -> str:
    """What a login that waits was proved against: a digest of the password's hash and of which factors there are."""
    password = select(table.c.password_hash, table.c.password_void_at).where(table.c.id == user_id)
    mine = select(factor.c.id).where(factor.c.user_id == user_id).order_by(factor.c.id)
    found = [*conn.execute(password).one(), *conn.execute(mine).scalars()]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def person_of(conn: Connection, kept: dict[str, Any]) -> User | None:
    """Whose login waits, by what its session keeps; None once the account is not active, or what they proved has changed."""
    user = people.by_id(conn, str(kept["user"]))
    return user if user is not None and user.active and kept.get(BASIS) == basis(conn, user.id) else None


def limit(counter: Counter, user_id: str, now: datetime, *, known: str = "") -> None:
    """Count one code; `known` is the id of a browser or session that is the person's already, "" for none.

    Raises Refusal (codes-limited, with `retry_after`).
    """
    if known and not counter.hit(f"code-known-day:{known}", *KNOWN_A_DAY, now):
        _hit(counter, f"code-known:{known}", *KNOWN, now)
        return
    account = opaque(user_id)
    for most, window in LIMITS:
        _hit(counter, f"code:{int(window.total_seconds())}:{account}", most, window, now)


def _hit(counter: Counter, key: str, most: int, window: timedelta, now: datetime) -> None:
    wait = counter.hit(key, most, window, now)
    if wait:
        raise Refusal(CODES_LIMITED, f"too many codes; {again_in_seconds(wait)}", retry_after=wait)


def failed(db: Database, user: User, *, how: str, ip: str, agent: str, now: datetime) -> None:
    """Record a second step that did not succeed. `how`: "code" or "device"."""
    who = Actor(ActorKind.USER, "", "", ip, agent)
    with db.write() as tx:
        record(
            tx, "user.second-step-failed", who, (SubjectKind.USER, user.id), now=now, user=user.id, facts={"how": how}
        )


def finish(
    tx: Tx,
    user: User,
    old: Session | None,
    *,
    how: str,
    proof: str,
    ip: str,
    agent: str,
    lifetime: timedelta,
    now: datetime,
) -> Opened:
    """The session of somebody whose factors are proved. `how` is what the journal says ("" for a password alone), `proof`
    the factor's id."""
    if old is not None:
        sessions.forget(tx, old)
    opened = sessions.open(
        tx, user.id, ip=ip, agent=agent, now=now, lifetime=lifetime, data={sessions.CONFIRMED_WITH: proof}
    )
    who = Actor(ActorKind.USER, user.id, opened.session.id, ip, agent)
    record(
        tx, "user.login", who, (SubjectKind.USER, user.id), now=now, user=user.id, facts={"second": how} if how else {}
    )
    return opened
