"""Logging in: rate limits, the password, a new session. Unknown names and wrong passwords are told apart by nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bonded.accounts import (
    arrival,
    breached,
    factors,
    known_devices,
    passwords,
    people,
    registration,
    second_step,
    sessions,
)
from bonded.accounts.arrival import Arrived, Step
from bonded.accounts.hashing import BUSY
from bonded.accounts.known_devices import Browser
from bonded.accounts.login_limits import LoginLimits as LoginLimits
from bonded.accounts.login_limits import limit
from bonded.accounts.login_limits import limit_network as limit_network
from bonded.accounts.passwords import hash_password, verify
from bonded.accounts.people import User
from bonded.accounts.permits import ACCOUNT_FROZEN
from bonded.accounts.registration import UNCONFIRMED
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter, PasswordRanges
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

LOGIN_FAILED = define(
    "login-failed",
    401,
    "Wrong user name or password",
    'Either there is no such account or the password is another: which, we do not say. "Forgotten your password?" on the page of '
    "the login sends a link to set a new one.",
)

ROUNDS = 3
"""How often a password is verified anew because another, or a newer hash of it, was stored meanwhile."""


def login(
    db: Database,
    counter: Counter,
    name: str,
    password: str,
    *,
    browser: Browser,
    old_secret: str | None,
    limits: LoginLimits,
    lifetime: timedelta,
    now: datetime,
    ask_mail: bool = False,
    ranges: PasswordRanges | None = None,
) -> Arrived:
    """Log in and open a session under a new secret; the session of `old_secret` (of nobody yet) is forgotten.

    For somebody with second factors the session only remembers whose password was right (`Step.SECOND`), unless the browser
    stands for them; for an unusual login, where `ask_mail`, that their mailbox is asked (`Step.MAIL`, accounts.unusual).

    Raises Refusal: login-limited (429, with `retry_after`), login-failed (401), login-busy (503); and, told only to somebody
    who knows the password, account-frozen, registration-unconfirmed, password-void (403).
    """
    with db.read() as conn:
        user = people.by_name(conn, name)
        known = known_devices.recognise(conn, user.id if user else "", browser, now=now)
    limit(counter, name, browser.ip, limits, now, known=known.id if known else "")
    for _ in range(ROUNDS):
        proved = _prove(db, name, password, ranges, browser, now)
        with db.write() as tx:
            user = passwords.still(tx, proved.user_id, proved.stored)
            if user is not None:
                if old_secret:
                    sessions.drop(tx, old_secret)
                if proved.newer:
                    passwords.rehash(tx, user.id, proved.newer)
                return _next(tx, user, browser, ask_mail, lifetime, now)
    raise Refusal(BUSY, "too many logins at this moment; try again in a few seconds", retry_after=5)


@dataclass(frozen=True, slots=True)
class _Proved:
    """Whose password was right, the hash that it was verified against, and that of today's cost where this one is not."""

    user_id: str
    stored: str | None
    newer: str | None


def _prove(
    db: Database, name: str, password: str, ranges: PasswordRanges | None, browser: Browser, now: datetime
) -> _Proved:
    """Verify the password, which takes long: what it was proved against may be over afterwards. Raises Refusal."""
    with db.read() as conn:
        user = people.by_name(conn, name)
        waits = registration.pending(conn, name, now=now)
        stored = people.password_hash(conn, user.id if user else "")
    verified = verify(stored if user else waits.password_hash if waits else None, password)
    refusal = _against(user, verified.ok)
    if refusal is not None:
        _failed(db, user, browser, now)
        raise refusal
    assert user is not None
    _refuse_leaked(db, user, password, ranges, browser, now)
    return _Proved(user.id, stored, hash_password(password) if verified.outdated else None)


def _next(tx: Tx, user: User, browser: Browser, ask_mail: bool, lifetime: timedelta, now: datetime) -> Arrived:
    # Recognised again: what changes the password or a factor takes from all browsers that they stand for a second step.
    known = known_devices.recognise(tx, user.id, browser, now=now)
    if factors.has_any(tx, user.id) and not (known and known.remembered(now)):
        opened = second_step.begin(tx, user, ip=browser.ip, agent=browser.agent, now=now)
        return Arrived(user, opened, Step.SECOND)
    proof = arrival.PASSWORD
    return arrival.arrive(tx, user, browser, None, proof=proof, ask_mail=ask_mail, lifetime=lifetime, now=now)


def _against(user: User | None, right: bool) -> Refusal | None:
    """What stands against it. Whoever does not know the password learns nothing else."""
    if not right:
        return Refusal(LOGIN_FAILED, "wrong user name or password")
    if user is None:  # it is that of a registration which waits
        return Refusal(UNCONFIRMED, "open the link in the mail that was sent to you; then your account begins")
    if not user.active:
        return Refusal(ACCOUNT_FROZEN, "this account is frozen; an administrator can thaw it")
    if user.password_void:
        return Refusal(passwords.PASSWORD_VOID, "this password is void; take a new one by the link in your mail")
    return None


def _refuse_leaked(
    db: Database, user: User, password: str, ranges: PasswordRanges | None, browser: Browser, now: datetime
) -> None:
    """Void a password that is in the list of leaked ones by now. Raises Refusal (password-void)."""
    if ranges is None or not breached.known(ranges, password):
        return
    with db.write() as tx:
        passwords.void(tx, Actor(ActorKind.POLICY, "", "", browser.ip, browser.agent), user.id, now=now)
    raise Refusal(
        passwords.PASSWORD_VOID, "this password is known from leaks; a link to take a new one was sent to you"
    )


def _failed(db: Database, user: User | None, browser: Browser, now: datetime) -> None:
    """What was typed as a name is not kept: people type passwords there."""
    user_id = user.id if user else ""
    who = Actor(ActorKind.USER, "", "", browser.ip, browser.agent)
    with db.write() as tx:
        record(tx, "user.login-failed", who, (SubjectKind.USER, user_id), now=now, user=user_id or None)
