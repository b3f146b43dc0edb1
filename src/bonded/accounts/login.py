"""Logging in: rate limits, the password, a new session. Unknown names and wrong passwords are told apart by nothing."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bonded.accounts import factors, passwords, people, second_step, sessions
from bonded.accounts.names import name_key
from bonded.accounts.passwords import hash_password, verify
from bonded.accounts.people import User
from bonded.accounts.permits import ACCOUNT_FROZEN
from bonded.db.engine import Database
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

LOGIN_FAILED = define(
    "login-failed",
    401,
    "Wrong user name or password",
    "Either there is no such account or the password is another: which, we do not say. An administrator can send you a link "
    "to set a new password.",
)
LOGIN_LIMITED = define(
    "login-limited",
    429,
    "Too many attempts",
    "There were too many attempts to log in, to this account or from this network. Wait, then try again.",
)


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """Attempts allowed, right or wrong: per account and network, per network, and per account from anywhere."""

    account_and_network: int = 10
    network: int = 100
    window: timedelta = timedelta(minutes=5)
    account: int = 50
    account_window: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A right password: the person and their new session.

    `waiting`: they have second factors; the session is one of nobody that waits for the second step.
    """

    user: User
    opened: sessions.Opened
    waiting: bool = False


def login(
    db: Database,
    counter: Counter,
    name: str,
    password: str,
    *,
    ip: str,
    agent: str,
    old_secret: str | None,
    limits: LoginLimits,
    lifetime: timedelta,
    now: datetime,
) -> LoggedIn:
    """Log in and open a session under a new secret; the session of `old_secret` (of nobody yet) is forgotten.

    For somebody with second factors the session only remembers whose password was right (accounts.second_step).

    Raises Refusal: login-limited (429, with `retry_after`), login-failed (401), account-frozen (403, told only to
    somebody who knows the password), login-busy (503).
    """
    limit(counter, name, ip, limits, now)
    with db.read() as conn:
        user = people.by_name(conn, name)
        stored = people.password_hash(conn, user.id) if user else None
    verified = verify(stored, password)
    if user is None or not verified.ok:
        _failed(db, user, ip, agent, now)
        raise Refusal(LOGIN_FAILED, "wrong user name or password")
    if not user.active:
        _failed(db, user, ip, agent, now)
        raise Refusal(ACCOUNT_FROZEN, "this account is frozen; an administrator can thaw it")
    newer = hash_password(password) if verified.outdated else None
    return _succeeded(db, user, ip, agent, old_secret, lifetime, newer, now)


def limit(counter: Counter, name: str, ip: str, limits: LoginLimits, now: datetime) -> None:
    """Count one attempt to prove to be `name`. Raises Refusal (login-limited). Step-ups count here too."""
    account, network = _account(name), _network(ip)
    rules = (
        (f"login:{account}@{network}", limits.account_and_network, limits.window),
        (f"login-from:{network}", limits.network, limits.window),
        (f"login-to:{account}", limits.account, limits.account_window),
    )
    for key, most, window in rules:
        wait = counter.hit(key, most, window, now)
        if wait:
            raise Refusal(LOGIN_LIMITED, f"too many attempts; try again in {wait} seconds", retry_after=wait)


def limit_network(counter: Counter, ip: str, limits: LoginLimits, now: datetime) -> None:
    """Count one attempt that names nobody (a passkey says who it is). Raises Refusal (login-limited)."""
    wait = counter.hit(f"passkey-from:{_network(ip)}", limits.network, limits.window, now)
    if wait:
        raise Refusal(LOGIN_LIMITED, f"too many attempts; try again in {wait} seconds", retry_after=wait)


def _failed(db: Database, user: User | None, ip: str, agent: str, now: datetime) -> None:
    """What was typed as a name is not kept: people type passwords there."""
    user_id = user.id if user else ""
    who = Actor(ActorKind.USER, "", "", ip, agent)
    with db.write() as tx:
        record(tx, "user.login-failed", who, (SubjectKind.USER, user_id), now=now, user=user_id or None)


def _succeeded(
    db: Database,
    user: User,
    ip: str,
    agent: str,
    old_secret: str | None,
    lifetime: timedelta,
    newer: str | None,
    now: datetime,
) -> LoggedIn:
    with db.write() as tx:
        if old_secret:
            sessions.drop(tx, old_secret)
        if newer:
            passwords.rehash(tx, user.id, newer)
        if factors.has_any(tx, user.id):
            return LoggedIn(user, second_step.begin(tx, user, ip=ip, agent=agent, now=now), waiting=True)
        opened = sessions.open(tx, user.id, ip=ip, agent=agent, now=now, lifetime=lifetime)
        who = Actor(ActorKind.USER, user.id, opened.session.id, ip, agent)
        record(tx, "user.login", who, (SubjectKind.USER, user.id), now=now, user=user.id)
    return LoggedIn(user, opened)


def _account(name: str) -> str:
    """Hashed, so that the counter's rows hold nothing that was typed."""
    return hashlib.sha256(name_key(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _network(ip: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address: one subscriber has a whole one."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
