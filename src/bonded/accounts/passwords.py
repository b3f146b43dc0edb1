"""Passwords: what is allowed, verifying them, setting them by a one-time link, changing them.

A new password ends the person's sessions; API tokens live on (they are revoked singly, or by freezing the account).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from bonded.accounts import breached, known_devices, links, people, sessions
from bonded.accounts.hashing import Verified, default_hasher
from bonded.accounts.permits import ACCOUNT_FROZEN
from bonded.accounts.tables import user
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import PasswordRanges
from bonded.values.pieces import at_least_characters
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

MIN_LENGTH = 10
MAX_BYTES = 1024

WEAK_PASSWORD = define(
    "weak-password",
    400,
    "The password is too easy to guess",
    f"Take at least {MIN_LENGTH} characters, other than your user name, and not a few characters over and over. Some random "
    "words are good. Any characters are allowed, up to 1,024 bytes.",
)
PASSWORD_VOID = define(
    "password-void",
    403,
    "This password is void",
    "The password is known from leaks, or somebody took a change of your address back. It opens nothing any more: open the link "
    "in the mail that was sent to you, or ask for one at the page of the login, and take a new password.",
)
WRONG_PASSWORD = define(
    "wrong-password", 403, "That is not your password", "Type the password that you have now, or ask for a new link."
)


def hash_password(password: str) -> str:
    """Hash with the default cost; slow. Raises Refusal (login-busy)."""
    return default_hasher().hash(password)


def verify(stored: str | None, password: str) -> Verified:
    """Verify with the default hasher (see `Hasher.verify`). Never inside a writing transaction: it is slow."""
    return default_hasher().verify(stored, password)


def check_strength(password: str, user_name: str) -> None:
    """Raise Refusal (weak-password) for what is too short, too long, or plainly guessable."""
    folded = password.strip().lower()
    if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Refusal(WEAK_PASSWORD, "the password is longer than 1,024 bytes")
    if len(password) < MIN_LENGTH:
        raise Refusal(WEAK_PASSWORD, f"the password is too short: it needs {at_least_characters(MIN_LENGTH)}")
    if len(set(folded)) < 4 or folded in (user_name.lower(), user_name.lower() * 2):
        raise Refusal(WEAK_PASSWORD, "the password is too easy to guess")


def check_new(password: str, user_name: str, ranges: PasswordRanges | None) -> None:
    """Raise Refusal (weak-password, breached-password) for what must not become a password."""
    check_strength(password, user_name)
    if ranges is not None:
        breached.check(ranges, password)


def set_by_link(
    db: Database,
    secret: str,
    password: str,
    *,
    ip: str,
    agent: str,
    now: datetime,
    ranges: PasswordRanges | None = None,
) -> str:
    """Set a password by a one-time link, ending all sessions. Returns the user id.

    Raises Refusal (as `of_link`, weak-password, breached-password, login-busy); the link is used up only on success.
    """
    with db.read() as conn:
        person = of_link(conn, secret, now=now)
        check_new(password, person.name, ranges)
    made = hash_password(password)
    who = Actor(ActorKind.USER, person.id, "", ip, agent)
    with db.write() as tx:
        of_link(tx, secret, now=now)
        links.use(tx, secret, links.Purpose.SET_PASSWORD, now=now)
        store(tx, who, "user.set-password", person.id, made, keep_session=None, now=now)
    return person.id


def of_link(conn: Connection, secret: str, *, now: datetime) -> people.User:
    """Whose password a link sets. Raises Refusal (link-invalid, link-expired, link-used, account-frozen).

    Whoever asked for the link before the account was frozen may be why it was: theirs must not be the password after it.
    """
    person = people.by_id(conn, links.peek(conn, secret, links.Purpose.SET_PASSWORD, now=now))
    if person is None or not person.active:
        raise Refusal(ACCOUNT_FROZEN, "this account is frozen; an administrator can thaw it")
    return person


def change(
    db: Database,
    who: Actor,
    user_id: str,
    old: str,
    new: str,
    *,
    keep_session: str | None,
    now: datetime,
    ranges: PasswordRanges | None = None,
) -> None:
    """Change one's own password, ending all other sessions.

    Raises Refusal (wrong-password, weak-password, breached-password, login-busy).
    """
    proved = check_current(db, user_id, old)
    with db.read() as conn:
        check_new(new, _name(people.by_id(conn, user_id)), ranges)
    made = hash_password(new)
    with db.write() as tx:
        check_still(tx, user_id, proved)
        store(tx, who, "user.change-password", user_id, made, keep_session=keep_session, now=now)


def check_current(db: Database, user_id: str, password: str) -> str | None:
    """The proof of a step-up: raises Refusal (wrong-password, password-void, login-busy) unless it is the person's password.

    Returns the hash that proves it, for `check_still`: verifying takes long, and the password may be changed meanwhile.
    """
    with db.read() as conn:
        stored = people.password_hash(conn, user_id)
        person = people.by_id(conn, user_id)
    if not verify(stored, password).ok:
        raise Refusal(WRONG_PASSWORD, "that is not your password")
    if person is not None and person.password_void:
        raise Refusal(PASSWORD_VOID, "this password is void; take a new one by the link in your mail")
    return stored


def still(tx: Tx, user_id: str, proved: str | None) -> people.User | None:
    """The person whose password was verified against the hash `proved`, in the transaction that acts on it; None once the
    password, or its hash, is another, and for whom it opens nothing any more. It stays so until the transaction ends."""
    person = people.locked(tx, user_id)
    if person is None or not person.active or person.password_void:
        return None
    return person if people.password_hash(tx, user_id) == proved else None


def check_still(tx: Tx, user_id: str, proved: str | None) -> None:
    """Raises Refusal (wrong-password) where `still` finds nobody."""
    if still(tx, user_id, proved) is None:
        raise Refusal(WRONG_PASSWORD, "that is not your password")


def store(tx: Tx, who: Actor, action: str, user_id: str, made: str, *, keep_session: str | None, now: datetime) -> None:
    """Store a hash, end the sessions (except the one with id `keep_session`), and record `action`.

    No browser stands for the second step any more, and no other link sets a password.
    """
    tx.execute(update(user).where(user.c.id == user_id).values(password_hash=made, password_void_at=None))
    known_devices.void(tx, user_id)
    links.void(tx, user_id, links.Purpose.SET_PASSWORD)
    ended = sessions.end_all(tx, user_id, keep=keep_session)
    record(tx, action, who, (SubjectKind.USER, user_id), now=now, user=user_id, facts={"sessions_ended": ended})


def void(tx: Tx, who: Actor, user_id: str, *, now: datetime) -> None:
    """The password is known from leaks: it opens nothing until it is reset. All sessions end, and a mail says why."""
    tx.execute(update(user).where(user.c.id == user_id).values(password_void_at=now))
    known_devices.void(tx, user_id)
    facts = {"sessions_ended": sessions.end_all(tx, user_id, keep=None)}
    record(tx, "user.void-password", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts)


def rehash(tx: Tx, user_id: str, made: str) -> None:
    """Store a hash of the same password at today's cost. Nothing changed for anybody, so nothing is recorded."""
    tx.execute(update(user).where(user.c.id == user_id).values(password_hash=made))


def _name(person: people.User | None) -> str:
    return person.name if person else ""
