"""Sessions in the browser, kept on the server. The cookie holds a secret; the database only its hash.

A session without a person holds the CSRF value and messages of somebody who is not logged in. Logging in always opens a
new session under a new secret (the old one is deleted), so a secret planted before the login is worth nothing after it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from bonded.accounts.names import plausible_id
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.accounts.tables import session, user
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import Actor

LIFETIME = timedelta(days=14)
ANONYMOUS_LIFETIME = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
"""`seen_at` is written at most this often."""
MAX_AGENT = 200
CONFIRMED_WITH = "confirmed-with"
"""In the session's data: what the last proof of identity was, "password" or a factor's id."""

NO_SUCH_SESSION = define(
    "no-such-session", 404, "No such session", "The session has ended already, or it is not yours."
)


@dataclass(frozen=True, slots=True)
class Session:
    """An open session. `id` is opaque and may be shown and logged; the secret is only in the cookie."""

    id: str
    user_id: str | None
    csrf: str
    data: dict[str, Any]
    ip: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None

    def factor_age(self, now: datetime) -> timedelta | None:
        """How long ago the person last proved who they are in this session (for `permits.decide`)."""
        return None if self.confirmed_at is None else now - self.confirmed_at

    @property
    def confirmed_with(self) -> str:
        """What the last proof was: "password", or the id of a second factor."""
        return str(self.data.get(CONFIRMED_WITH, "password"))

    def csrf_matches(self, value: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.csrf.encode(), value.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and the secret for its cookie, which is never to be had again."""

    secret: str
    session: Session

    def __repr__(self) -> str:
        return f"Opened({self.session.id})"


def open(  # noqa: A001 - read as sessions.open()
    tx: Tx,
    user_id: str | None,
    *,
    ip: str,
    agent: str,
    now: datetime,
    lifetime: timedelta | None = None,
    data: dict[str, Any] | None = None,
) -> Opened:
    """Open a session for a person (or nobody yet). For a person it counts as confirmed now: they just logged in."""
    lasts = lifetime or (ANONYMOUS_LIFETIME if user_id is None else LIFETIME)
    secret = new_secret()
    made = Session(
        new_secret()[:22],
        user_id,
        new_secret(),
        data or {},
        ip,
        agent[:MAX_AGENT],
        now,
        now,
        now + lasts,
        now if user_id else None,
    )
    values = {name: getattr(made, name) for name in Session.__slots__}
    tx.execute(insert(session).values(id_hash=hash_secret(secret), **values))
    return Opened(secret, made)


def read(conn: Connection, secret: str, *, now: datetime) -> Session | None:
    """The session of that cookie; None when unknown, expired, or of an account that is not active."""
    query = (
        select(session, user.c.state.label("account"))
        .outerjoin(user, user.c.id == session.c.user_id)
        .where(session.c.id_hash == hash_secret(secret), session.c.expires_at > now)
    )
    row = conn.execute(query).one_or_none()
    if row is None or (row.user_id is not None and row.account != AccountState.ACTIVE):
        return None
    return _session(row)


def touch(tx: Tx, opened: Session, *, now: datetime) -> None:
    """Note that the session was used. Call it only when `stale(opened, now)`: it writes."""
    tx.execute(update(session).where(session.c.id == opened.id).values(seen_at=now))


def stale(opened: Session, now: datetime) -> bool:
    """Whether `seen_at` is old enough to be worth a write."""
    return abs(now - opened.seen_at) >= SEEN_EVERY  # it is later than now where the clock was ahead


def confirm(tx: Tx, who: Actor, opened: Session, *, proof: str = "password", now: datetime) -> None:
    """Note a step-up: the person just proved who they are. The caller checked the proof, which `proof` names."""
    opened.data[CONFIRMED_WITH] = proof  # what follows in this request reads it there
    mine = (session.c.id == opened.id) & session.c.user_id.is_not(None)
    changed = tx.execute(update(session).where(mine).values(confirmed_at=now, data=opened.data))
    if changed.rowcount != 1:
        raise Refusal(NO_SUCH_SESSION, "the session has ended; log in again")
    record(tx, "user.confirm", who, (SubjectKind.USER, str(opened.user_id)), now=now)


def end(tx: Tx, who: Actor, opened: Session, *, now: datetime) -> None:
    """Log out: the secret is worth nothing afterwards. Ending twice is no error."""
    ended = tx.execute(delete(session).where(session.c.id == opened.id))
    if ended.rowcount == 1 and opened.user_id:
        record(tx, "user.logout", who, (SubjectKind.USER, opened.user_id), now=now)


def drop(tx: Tx, secret: str) -> None:
    """Forget the session of nobody that a login replaces."""
    tx.execute(delete(session).where(session.c.id_hash == hash_secret(secret)))


def forget(tx: Tx, opened: Session) -> None:
    """Forget a session of nobody that did its work; a session of a person is ended by `end`."""
    tx.execute(delete(session).where(session.c.id == opened.id, session.c.user_id.is_(None)))


def end_other(tx: Tx, who: Actor, user_id: str, session_id: str, *, now: datetime) -> None:
    """End one session of that person, from their list. Raises Refusal (no-such-session), also for somebody else's."""
    mine = (session.c.id == session_id) & (session.c.user_id == user_id)
    if not plausible_id(session_id) or tx.execute(delete(session).where(mine)).rowcount != 1:
        raise Refusal(NO_SUCH_SESSION, "the session has ended already")
    record(tx, "session.end", who, (SubjectKind.USER, user_id), now=now, facts={"session": session_id})


def end_all(tx: Tx, user_id: str, *, keep: str | None) -> int:
    """End all sessions of that person except the one with id `keep`; the caller's action is the journal row."""
    mine = session.c.user_id == user_id
    return tx.execute(delete(session).where(mine if keep is None else mine & (session.c.id != keep))).rowcount


def end_others(tx: Tx, who: Actor, user_id: str, *, keep: str, now: datetime) -> int:
    """End all sessions of that person but the one with id `keep`; returns how many."""
    ended = end_all(tx, user_id, keep=keep)
    facts = {"sessions_ended": ended}
    record(tx, "session.end-others", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts)
    return ended


def of_user(conn: Connection, user_id: str, some: Window | None = None, *, now: datetime) -> list[Session]:
    """The person's open sessions, newest use first; or some of them."""
    query = select(session).where(session.c.user_id == user_id, session.c.expires_at > now)
    ordered = query.order_by(session.c.seen_at.desc(), session.c.id)
    return [_session(row) for row in conn.execute(within(ordered, some))]


def count_of_user(conn: Connection, user_id: str, *, now: datetime) -> int:
    """How many open sessions the person has."""
    mine = session.c.user_id == user_id, session.c.expires_at > now
    return int(conn.execute(select(func.count()).select_from(session).where(*mine)).scalar_one())


def sweep(tx: Tx, *, now: datetime) -> int:
    """Delete expired sessions; returns how many."""
    return tx.execute(delete(session).where(session.c.expires_at <= now)).rowcount


def _session(row: Any) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__slots__})
